"""Covariates that were not answered, filled in several times by chained equations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import InputError, NothingToDo, UsageError, nearest
from proteomr.execute import Executor
from proteomr.phenotype.choosing import DeriveOptions
from proteomr.phenotype.definitions.rule import Rule
from proteomr.phenotype.engine import Phenotypes, derive_again
from proteomr.runs import Parts
from proteomr.stats.chained_equations import ChainColumn, Imputed, impute_chained, refuse_unfit
from proteomr.stats.few_values import tell_counts
from proteomr.tables.fields import Fields
from proteomr.tables.table import load_schema

__all__ = ["ImputeOptions", "impute_phenotypes", "refuse_unknown_columns"]

_FEWEST: Final = 2  # of one there is no variance between
_MOST_LEVELS: Final = 50  # as mice's polyreg has it
_PREDICT: Final = ("exposure", "covariate")
_LEVELS: Final = "levels"
_TRACE: Final = "imputation"
_VALUES, _TRACES, _WIDTHS, _NAME, _VALUE = "values", "traces", "widths", "name", "value"


@dataclass(frozen=True, slots=True)
class ImputeOptions:
    """How missing values are filled in.

    Parameters
    ----------
    imputations : how often, at least 2.
    columns : what is imputed; empty for the covariates of the definition.
    predictors : columns that the models have beside exposures, covariates and what is imputed.
    iterations : passes over the columns, at least 1.
    seed : of the random numbers.

    Raises
    ------
    UsageError
        Fewer imputations or iterations than that.

    Examples
    --------
    >>> ImputeOptions(20, columns=("bmi",)).iterations
    10
    """

    imputations: int
    columns: tuple[str, ...] = ()
    predictors: tuple[str, ...] = ()
    iterations: int = 10
    seed: int = 1

    def __post_init__(self) -> None:
        if self.imputations < _FEWEST:
            raise UsageError(
                f"--impute {self.imputations}: two imputations or more are needed, as one says "
                "nothing of the variance between them; 20 are usual"
            )
        if self.iterations < 1:
            raise UsageError(f"--impute-iterations {self.iterations}: 1 or more are needed")


def refuse_unknown_columns(
    rules: Sequence[Rule], names: Collection[str], options: ImputeOptions
) -> None:
    """Refuse columns that are not made, that are of follow-up, or that follow from others.

    Parameters
    ----------
    rules : that are applied.
    names : of all columns that are made.
    options : with the columns.

    Raises
    ------
    UsageError
        With the nearest name, or what to impute instead.

    Examples
    --------
    >>> refuse_unknown_columns((), ["bmi"], ImputeOptions(2, ("bmj",)))
    Traceback (most recent call last):
    ...
    proteomr.errors.UsageError: no column 'bmj' is made that could be imputed (did you mean 'bmi'?)
    """
    by_name = {rule.name: rule for rule in rules}
    for name in (*options.columns, *options.predictors):
        if name not in names:
            hint = nearest(name, names)
            raise UsageError(f"no column {name!r} is made that could be imputed{hint}")
    for name in options.columns:
        if name not in by_name:
            raise UsageError(
                f"{name!r} is of follow-up, and is not imputed: who has no value had the disease "
                "before, or was not followed; --impute-with takes it among the predictors"
            )
        if sources := sorted(_ancestors(name, by_name) & set(names)):
            raise UsageError(
                f"{name!r} follows from {', '.join(sources)}: impute these with --impute-columns, "
                "and it is made of what is imputed"
            )


def impute_phenotypes(
    phenotypes: Phenotypes,
    fields: Fields,
    /,
    *,
    options: ImputeOptions,
    derive: DeriveOptions,
    executor: Executor,
    parts: Parts,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return phenotypes in mice's long form, and how the imputed values went by iteration.

    Numbers are drawn by predictive mean matching, columns of two levels by logistic and of more by
    polytomous regression (:func:`proteomr.stats.chained_equations.impute_chained`). Exposures and
    predictors that lack values are filled in for the models of others alone, and are missing in
    what is returned. A column that is made of imputed ones is made of them again, and predicts
    nothing. The order of people and columns changes no value.

    Parameters
    ----------
    phenotypes, fields : derived from one another by `derive`.
    options : what is imputed, and how.
    derive : how the definition was applied.
    executor : which each imputation is a block of.
    parts : of the run, which keeps each imputation as it is done.

    Returns
    -------
    long : ``.imp``, 0 for the data as they are and 1, 2, ... for the imputations, ``.id``, and the
        columns of the phenotypes.
    trace : checked against ``imputation.toml``.

    Raises
    ------
    UsageError
        A column is not made, or cannot be imputed by its nature.
    InputError
        A column has no value, one value, too many levels, too few people, or no fit.
    NothingToDo
        No column lacks a value.
    """
    rules = {rule.name: rule for rule in phenotypes.rules}
    refuse_unknown_columns(phenotypes.rules, phenotypes.frame.columns[1:], options)
    order = phenotypes.frame[phenotypes.id_column].arg_sort().to_numpy()
    asked = options.columns or tuple(
        rule.name for rule in phenotypes.rules if rule.role == "covariate" and rule.keep
    )
    if not asked:
        raise UsageError(
            "the definition makes no covariates: name what is filled in (--impute-columns "
            "bmi,smoking), and from what (--impute-with age,sex)"
        )
    asked = tuple(name for name in asked if phenotypes.frame[name].null_count())
    if not asked:
        raise NothingToDo("no column that may be imputed lacks a value; --impute has nothing to do")
    coded = {
        name: _Coded.of(phenotypes.frame[name][order], rules.get(name))
        for name in _list_predictors(phenotypes, asked, options.predictors)
    }
    if len(coded) == 1:
        raise UsageError(
            f"nothing predicts {asked[0]!r}: name columns that do, the exposures and outcomes of "
            "the models among them (--impute-with NAME,NAME)"
        )
    columns = [column.chain for column in coded.values()]
    refuse_unfit(columns)
    imputed = _impute_all(columns, options, executor, parts)
    tables = [phenotypes.frame]
    for one in imputed:
        filled = {name: coded[name].fill(one.values[name], order) for name in asked}
        passive = derive_again(phenotypes, fields, filled, options=derive)
        tables.append(phenotypes.frame.with_columns(**filled, **passive))
    ids = pl.Series(".id", np.argsort(order) + 1, dtype=pl.Int64)
    long = pl.concat(
        part.select(pl.lit(number, dtype=pl.Int64).alias(".imp"), ids, pl.all())
        for number, part in enumerate(tables)
    )
    return long, _tabulate_trace(imputed, [coded[name] for name in asked])


def _impute_all(
    columns: Sequence[ChainColumn], options: ImputeOptions, executor: Executor, parts: Parts
) -> list[Imputed]:
    """Return all imputations, those that the run has not yet done computed and kept."""
    todo = parts.pending(options.imputations)
    work = partial(_impute, columns, options)
    with closing(executor.map(work, [index + 1 for index in todo])) as results:
        for position, one in results:
            parts.save(todo[position], _pack(one))
    return [_unpack(tables) for tables in parts.load_all(options.imputations)]


def _pack(one: Imputed) -> dict[str, pl.DataFrame]:
    """Return an imputation as tables."""
    traces = {name: trace.ravel() for name, trace in one.trace.items()}
    widths = {name: trace.shape[1] for name, trace in one.trace.items()}
    return {
        _VALUES: _stack(one.values),
        _TRACES: _stack(traces),
        _WIDTHS: pl.DataFrame({_NAME: list(widths), _VALUE: list(widths.values())}),
    }


def _stack(arrays: Mapping[str, F64]) -> pl.DataFrame:
    names = np.repeat(list(arrays), [array.size for array in arrays.values()])
    return pl.DataFrame({_NAME: names, _VALUE: np.concatenate(list(arrays.values()))})


def _unpack(tables: Mapping[str, pl.DataFrame]) -> Imputed:
    widths = dict(tables[_WIDTHS].rows())
    values, traces = (
        {name: tables[key].filter(pl.col(_NAME) == name)[_VALUE].to_numpy() for name in widths}
        for key in (_VALUES, _TRACES)
    )
    return Imputed(values, {name: traces[name].reshape(-1, w) for name, w in widths.items()})


def _impute(columns: Sequence[ChainColumn], options: ImputeOptions, number: int) -> Imputed:
    return impute_chained(
        columns, iterations=options.iterations, seed=options.seed, imputation=number
    )


def _list_predictors(
    phenotypes: Phenotypes, asked: Sequence[str], further: Sequence[str]
) -> list[str]:
    """Return what is imputed and what predicts it, without what is made of the imputed."""
    rules = {rule.name: rule for rule in phenotypes.rules}
    usual = [rule.name for rule in phenotypes.rules if rule.role in _PREDICT and rule.keep]
    named = dict.fromkeys((*asked, *further, *usual))
    here = [name for name in named if name in phenotypes.frame.columns]
    return [name for name in here if not _ancestors(name, rules) & set(asked)]


def _ancestors(name: str, rules: Mapping[str, Rule]) -> set[str]:
    """Return all rules that a column is made of."""
    if name not in rules:
        return set()
    needs = set(rules[name].needs)
    return needs.union(*(_ancestors(need, rules) for need in needs))


@dataclass(frozen=True, slots=True, eq=False)
class _Coded:
    """A column as numbers.

    Attributes
    ----------
    series : in the order of identifiers.
    levels : by code; None for numbers.
    chain : the column of the chain.
    """

    series: pl.Series
    levels: pl.Series | None
    chain: ChainColumn

    @classmethod
    def of(cls, series: pl.Series, rule: Rule | None) -> _Coded:
        """Return a column as numbers: codes of levels where there are two, or few by rule."""
        name = series.name
        words = series.dtype == pl.String
        if not (words or series.dtype.is_numeric() or series.dtype in {pl.Boolean, pl.Null}):
            raise InputError(
                f"{name!r} holds {series.dtype}, and neither is imputed nor predicts others"
            )
        if series.dtype.is_float():
            series = series.fill_nan(None)
            if bool(series.is_infinite().any()):
                raise InputError(f"{name!r} holds infinite values, and cannot be imputed")
        distinct = series.drop_nulls().unique().sort()
        counted = rule is not None and rule.summary == _LEVELS
        if not words and not counted and distinct.len() != 2:
            numbers = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
            return cls(series, None, ChainColumn(name, numbers))
        if distinct.len() > _MOST_LEVELS:
            raise InputError(
                f"{name!r} has {distinct.len():,} levels, and models take up to {_MOST_LEVELS}: "
                "leave it out of the imputation"
            )
        codes = series.replace_strict(
            distinct, np.arange(distinct.len(), dtype=np.float64), default=None,
            return_dtype=pl.Float64,
        )  # fmt: skip
        chain = ChainColumn(name, codes.fill_null(np.nan).to_numpy(), levels=distinct.len())
        return cls(series, distinct, chain)

    def fill(self, values: F64, order: I64) -> pl.Series:
        """Return the column with values for those missing, in the order of the table."""
        if self.levels is None:
            drawn = pl.Series(values).cast(self.series.dtype)
        else:
            drawn = self.levels.gather(values.astype(np.int64))
        whole = self.series.scatter(np.flatnonzero(self.chain.missing), drawn)
        return whole.gather(np.argsort(order))


def _tabulate_trace(imputed: Sequence[Imputed], columns: Sequence[_Coded]) -> pl.DataFrame:
    """Return mean and spread of the imputed values, by imputation, iteration and column."""
    rows: list[tuple[int, int, str, str | None, int, float, float | None, bool]] = []
    few = {name for one in imputed for name, values in one.values.items() if tell_counts(values)}
    for number, one in enumerate(imputed, start=1):
        for column in columns:
            name, n = column.chain.name, int(column.chain.missing.sum())
            telling = column.levels is not None or name in few
            for iteration, told in enumerate(one.trace[name].tolist(), start=1):
                place = (number, iteration, name)
                if column.levels is None:
                    spread = None if np.isnan(told[1]) else told[1]
                    rows.append((*place, None, n, told[0], spread, telling))
                    continue
                for level, share in zip(column.levels.cast(pl.String), told, strict=True):
                    rows.append((*place, level, n, share, None, telling))
    schema = load_schema(_TRACE)
    kinds = {kind.name: kind.stored for kind in schema.columns}
    return schema.validate(pl.DataFrame(rows, schema=kinds, orient="row"))
