"""Variants that stand more than once: the one rule of what repeats what, and whether it agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import polars as pl

__all__ = ["REPEATED", "REPEATED_DIFFERENTLY", "Repeat", "differing_groups", "mark_repeats"]

Repeat: TypeAlias = Literal["repeated", "repeated_differently"]
REPEATED: Final[Repeat] = "repeated"
REPEATED_DIFFERENTLY: Final[Repeat] = "repeated_differently"

# A hundredth of a standard error changes no answer, and is above what the rounding of one number,
# or of an odds ratio and its inverse, makes of the same fit.
_NEGLIGIBLE: Final = 0.01


def mark_repeats(
    frame: pl.DataFrame, *, keys: Sequence[str], numbers: Mapping[str, str]
) -> pl.Series:
    """Return for each row that does not stand for its variant why: a repeat, or a contradiction.

    Of rows with the same numbers the first stays; of rows that contradict each other none does,
    since nothing tells which is right. Numbers are the same where neither the effect nor its
    standard error differs from the first row's by more than a hundredth of a standard error.

    Parameters
    ----------
    frame : the rows.
    keys : columns that together say which variant of which study a row is of.
    numbers : columns of effects, each with the column of its standard error; effects are per one
        and the same allele.

    Returns
    -------
    marks : ``repeated``, ``repeated_differently`` (all rows of a variant of which any has other
        numbers than the first), or null for rows that stay.

    Examples
    --------
    >>> rows = pl.DataFrame(
    ...     {"variant_id": ["a", "b", "a", "b"], "beta": [0.1, 0.2, 0.1, -0.2], "se": [0.01] * 4}
    ... )
    >>> mark_repeats(rows, keys=["variant_id"], numbers={"beta": "se"}).to_list()
    [None, 'repeated_differently', 'repeated', 'repeated_differently']
    """
    further = frame.select(~pl.struct(keys).is_first_distinct()).to_series()
    if not further.any():
        return pl.repeat(None, frame.height, dtype=pl.String, eager=True).alias("repeat")
    differ = differing_groups(frame, keys=keys, numbers=numbers)
    return pl.select(
        pl.when(differ)
        .then(pl.lit(REPEATED_DIFFERENTLY))
        .when(further)
        .then(pl.lit(REPEATED))
        .alias("repeat")
    ).to_series()


def differing_groups(
    frame: pl.DataFrame, *, keys: Sequence[str], numbers: Mapping[str, str]
) -> pl.Series:
    """Return for each row whether the rows of its variant have different numbers.

    Parameters
    ----------
    frame, keys, numbers : see `mark_repeats`.

    Examples
    --------
    >>> rows = pl.DataFrame({"key": [1, 1, 2], "beta": [0.1, 0.3, 0.1], "se": [0.01] * 3})
    >>> differing_groups(rows, keys=["key"], numbers={"beta": "se"}).to_list()
    [True, True, False]
    """
    several = frame.select(pl.struct(keys).is_duplicated()).to_series()
    rows = frame.filter(several)
    apart = pl.any_horizontal(_apart(beta, se, keys) for beta, se in numbers.items())
    differences = rows.select(apart.any().over(list(keys)).alias("differ")).to_series()
    marks = pl.repeat(value=False, n=frame.height, eager=True)
    return marks.scatter(several.arg_true(), differences) if rows.height else marks


def _apart(beta: str, se: str, keys: Sequence[str]) -> pl.Expr:
    """Tell rows whose effect or error is not that of the first row of their variant."""
    smaller = pl.min_horizontal(pl.col(se), pl.col(se).first().over(list(keys)))
    parts = []
    for name in (beta, se):
        first = pl.col(name).first().over(list(keys))
        one_absent = pl.col(name).is_null() != first.is_null()
        parts.append(((pl.col(name) - first).abs() > _NEGLIGIBLE * smaller).fill_null(one_absent))
    return pl.any_horizontal(parts)
