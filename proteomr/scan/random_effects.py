"""Random effects from a cohort: groups of its rows, and the columns whose slopes vary by them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.design import Formula, build
from proteomr.design.random_terms import RandomFormula, parse_random
from proteomr.errors import ColumnError, UsageError
from proteomr.models.random_effects import RandomEffects, RandomTerm
from proteomr.scan.columns import Columns
from proteomr.stats.relatedness import Relatedness

__all__ = ["list_random_columns", "read_random_effects"]


def read_random_effects(
    columns: Columns,
    samples: pl.DataFrame,
    random: Sequence[str],
    *,
    kinship: Relatedness | None = None,
) -> RandomEffects | None:
    """Read the random effects of all people of a cohort; None where none are asked for.

    Raises
    ------
    FormulaError, ColumnError, UsageError
        What is named is not there, or cannot serve.
    """
    if not random and kinship is None:
        return None
    terms = [_read_term(columns, samples, one) for text in random for one in parse_random(text)]
    groups = [term.group for term in terms]
    repeated = [group for group in groups if groups.count(group) > 1]
    if repeated:
        raise UsageError(f"random effects of {repeated[0]!r} are given twice: put them into one")
    return RandomEffects(tuple(terms), kinship)


def list_random_columns(random: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that random effects name, each once.

    Examples
    --------
    >>> list_random_columns(["time|subject", "1|plate"])
    ('time', 'subject', 'plate')
    """
    terms = [one for text in random for one in parse_random(text)]
    names = [name for one in terms for name in (*one.effects.variables, *one.group)]
    return tuple(dict.fromkeys(names))


def _read_term(columns: Columns, samples: pl.DataFrame, asked: RandomFormula) -> RandomTerm:
    for name in asked.group:
        if name in columns and name not in columns.names:
            raise UsageError(
                f"{name!r} names the samples, one each: name the column of the people, such as "
                '"1|subject"'
            )
    formula = asked.effects.resolve(list(columns.names))
    codes = _read_groups(columns, asked.group)
    present = columns.complete(formula.variables)
    effects, names = _read_effects(formula, samples, present)
    used = codes[(codes >= 0) & present]
    groups = np.unique(used).size
    if groups < 2:
        raise ColumnError(
            f"random effects of {asked.label!r}: the column has {groups} "
            f"group{'' if groups == 1 else 's'}, and two are needed"
        )
    if groups == used.size:
        raise ColumnError(
            f"random effects of {asked.label!r}: each of its {groups} groups has one row; name a "
            "column that several rows share, such as that of the people"
        )
    return RandomTerm(asked.label, codes, effects, names)


def _read_groups(columns: Columns, names: tuple[str, ...]) -> I64:
    """Return the group of each row among the levels of columns together, -1 where missing."""
    absent = np.logical_or.reduce([columns.missing(name) for name in names])
    frame = pl.DataFrame([columns[name].alias(f"group{i}") for i, name in enumerate(names)])
    keys = frame.select(pl.struct(pl.all()).rank("dense").alias("rank"))["rank"]
    codes = np.array(keys.cast(pl.Int64).to_numpy()) - 1
    codes[absent] = -1
    return codes


def _read_effects(
    formula: Formula, samples: pl.DataFrame, present: Bool
) -> tuple[F64, tuple[str, ...]]:
    if not formula.terms:
        return np.ones((samples.height, 1)), ("(Intercept)",)
    design = build(formula, samples.filter(pl.Series(present)))
    effects = np.full((samples.height, design.matrix.shape[1]), np.nan)
    effects[present] = design.matrix
    return effects, design.names
