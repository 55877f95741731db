"""Multiple imputation by chained equations: each incomplete column in turn given all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.errors import InputError
from proteomr.stats.generators import random_of
from proteomr.stats.imputation_draws import draw_levels, draw_matches
from proteomr.stats.linalg import scale_columns

__all__ = ["ChainColumn", "Imputed", "impute_chained", "refuse_unfit"]


@dataclass(frozen=True, eq=False)
class ChainColumn:
    """A column of the data, complete or not.

    Parameters
    ----------
    name : which the random numbers of its draws are reached by.
    values : ``(n,)``, NaN where missing; of levels their codes 0 to levels - 1, each there.
    levels : how many; 0 for numbers.

    Examples
    --------
    >>> ChainColumn("smoking", np.array([0.0, np.nan, 1.0]), levels=2).missing.tolist()
    [False, True, False]
    """

    name: str
    values: F64
    levels: int = 0

    @cached_property
    def missing(self) -> Bool:
        """Mark the rows without a value ``(n,)``."""
        return np.isnan(self.values)

    @property
    def width(self) -> int:
        """How many columns of a design stand for it."""
        return self.levels - 1 if self.levels else 1


@dataclass(frozen=True, slots=True)
class Imputed:
    """One imputation.

    Attributes
    ----------
    values : ``(missing,)`` for each incomplete column, in the order of the rows.
    trace : ``(iterations, 2)`` for numbers, mean and standard deviation of the imputed values;
        ``(iterations, levels)`` for levels, the share of each among them.
    """

    values: Mapping[str, F64]
    trace: Mapping[str, F64]


def refuse_unfit(columns: Sequence[ChainColumn]) -> None:
    """Refuse columns that cannot be imputed.

    Raises
    ------
    InputError
        An incomplete column has no value, a single one, or fewer rows with one than the model of it
        has coefficients.

    Examples
    --------
    >>> refuse_unfit([ChainColumn("bmi", np.array([np.nan, 21.0, 21.0]))])
    Traceback (most recent call last):
    ...
    proteomr.errors.InputError: 'bmi' has the same value wherever it has one: leave it out of ...
    """
    width = sum(column.width for column in columns)
    for column in columns:
        known = column.values[~column.missing]
        if known.size == column.values.size:
            continue
        coefficients = 1 + width - column.width
        if known.size == 0:
            fault = "has no value of anybody"
        elif known.min() == known.max():
            fault = "has the same value wherever it has one"
        elif known.size <= coefficients:
            fault = f"is known of {known.size:,} people for {coefficients:,} coefficients"
        else:
            continue
        raise InputError(f"{column.name!r} {fault}: leave it out of the imputation")


def impute_chained(
    columns: Sequence[ChainColumn], *, iterations: int, seed: int, imputation: int
) -> Imputed:
    """Fill all missing values once by chained equations, as R's ``mice`` does.

    Missing values begin as draws from those known. Then, `iterations` times, each incomplete column
    is drawn given all others as they stand: by predictive mean matching for numbers, by logistic or
    polytomous regression for levels (:mod:`proteomr.stats.imputation_draws`; van Buuren &
    Groothuis-Oudshoorn 2011, doi:10.18637/jss.v045.i03). The column with the fewest missing values
    is first. Random numbers are reached by the seed, the imputation and the name of a column, so
    that the order of columns changes nothing.

    Parameters
    ----------
    columns : of n rows each, of different names.
    iterations : at least 1.
    seed, imputation : of the random numbers.

    Raises
    ------
    InputError
        The model of a column has no maximum, or what `refuse_unfit` refuses.

    Examples
    --------
    >>> g = np.random.default_rng(1)
    >>> age = g.uniform(40, 70, 200)
    >>> bmi = np.where(g.random(200) < 0.2, np.nan, 20 + 0.1 * age + g.normal(size=200))
    >>> both = [ChainColumn("age", age), ChainColumn("bmi", bmi)]
    >>> one = impute_chained(both, iterations=5, seed=1, imputation=1)
    >>> [(name, values.size) for name, values in one.values.items()]
    [('bmi', 51)]
    """
    refuse_unfit(columns)
    chain = _Chain(columns)
    randoms = {c.name: random_of(seed, "impute", str(imputation), c.name) for c in chain.incomplete}
    for column in chain.incomplete:
        known = column.values[~column.missing]
        chain.fill(column, randoms[column.name].choice(known, size=int(column.missing.sum())))
    trace: dict[str, list[F64]] = {column.name: [] for column in chain.incomplete}
    for _ in range(iterations):
        for column in chain.incomplete:
            chain.fill(column, chain.draw(column, randoms[column.name]))
            trace[column.name].append(_summarise(column, chain.values[column.name]))
    return Imputed(chain.values, {name: np.array(rows) for name, rows in trace.items()})


class _Chain:
    """The data as they stand: a design of all columns, filled in column by column."""

    def __init__(self, columns: Sequence[ChainColumn]) -> None:
        ordered = sorted(columns, key=lambda column: column.name)
        places = np.cumsum([1] + [column.width for column in ordered])
        self.places = {
            column.name: slice(int(place), int(place) + column.width)
            for column, place in zip(ordered, places, strict=False)
        }
        self.design = np.ones((columns[0].values.size, int(places[-1])))
        self.values: dict[str, F64] = {}
        self.starts: dict[str, F64] = {}
        self.units = {column.name: _find_unit(column) for column in ordered}
        for column in ordered:
            rows = ~column.missing
            self.design[rows, self.places[column.name]] = self._code(column, column.values[rows])
        incomplete = [column for column in ordered if column.missing.any()]
        self.incomplete = sorted(incomplete, key=lambda column: int(column.missing.sum()))

    def fill(self, column: ChainColumn, values: F64) -> None:
        """Put values in the place of those missing."""
        self.values[column.name] = values
        self.design[column.missing, self.places[column.name]] = self._code(column, values)

    def draw(self, column: ChainColumn, random: Generator) -> F64:
        """Return values for those missing, given the other columns."""
        place = self.places[column.name]
        others = np.delete(self.design, np.r_[place], axis=1)
        known = column.values[~column.missing]
        X, Z = others[~column.missing], others[column.missing]
        if not column.levels:
            scaled = self.design[~column.missing, place.start]
            return known[draw_matches(scaled, X, Z, random=random)]
        try:
            drawn, self.starts[column.name] = draw_levels(
                known.astype(np.int64), X, Z, random=random, start=self.starts.get(column.name)
            )
        except ArithmeticError:
            raise InputError(
                f"the model of {column.name!r} given the other columns has no maximum: leave the "
                "column out of the imputation, or others that almost tell it"
            ) from None
        return drawn.astype(np.float64)

    def _code(self, column: ChainColumn, values: F64) -> F64:
        """Return what stands for values in the design ``(rows, width)``."""
        if column.levels:
            return np.asarray(values[:, None] == np.arange(1, column.levels), dtype=np.float64)
        power, centre, spread = self.units[column.name]
        return np.asarray((values[:, None] / power - centre) / spread)


def _find_unit(column: ChainColumn) -> tuple[float, float, float]:
    """Return a power of two, and mean and standard deviation of the known values in it."""
    known = column.values[~column.missing]
    if column.levels or not known.size:
        return 1.0, 0.0, 1.0
    scaled, powers = scale_columns(known[:, None])
    spread = float(scaled.std())
    return float(powers[0]), float(scaled.mean()), spread if spread > 0.0 else 1.0


def _summarise(column: ChainColumn, values: F64) -> F64:
    """Return mean and standard deviation of imputed numbers, or the share of each level."""
    if column.levels:
        counts = np.bincount(values.astype(np.int64), minlength=column.levels)
        return np.asarray(counts / values.size)
    scaled, powers = scale_columns(values[:, None])
    spread = scaled.std(ddof=1) if values.size > 1 else np.nan
    return np.asarray(np.array([scaled.mean(), spread]) * powers[0])
