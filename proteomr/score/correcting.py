"""Differences between groups of measurements, such as plates, learnt from training people alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError

__all__ = ["Groups", "find_groups", "find_shifts"]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The group (n,) of each person, from 0, and how many groups there are."""

    codes: I64
    count: int


def find_groups(values: pl.Series, *, folds: int) -> Groups:
    """Return the groups that a column (n,) without missing values parts people into.

    Parameters
    ----------
    values : of the column.
    folds : that people are dealt out to; a group must not stand in one of them alone.

    Raises
    ------
    ColumnError
        There is one group, or one has too few people for the folds.

    Examples
    --------
    >>> find_groups(pl.Series("plate", ["b", "a", "b", "a"]), folds=1).codes.tolist()
    [1, 0, 1, 0]
    """
    names, codes = np.unique(values.cast(pl.String).to_numpy(), return_inverse=True)
    sizes = np.bincount(codes)
    if names.size < 2:
        raise ColumnError(f"--correct {values.name!r} has one value among {codes.size} people")
    if sizes.min() < 2 * folds:
        raise ColumnError(
            f"--correct {values.name!r}: {int((sizes < 2 * folds).sum())} of {names.size} groups "
            f"have fewer than {2 * folds} people, so that a fold may have all of one: join small "
            "groups, leave them out (--where), or ask for fewer --folds"
        )
    return Groups(codes.astype(np.int64), names.size)


def find_shifts(values: F64, groups: Groups) -> F64:
    r"""Return what each group's mean is above that of all (g,); 0 where nobody has a value.

    Values less the shift of their group are residuals of a regression on the groups, about the
    mean: :math:`x - \bar x_g + \bar x`, as `qc --correct regression` takes them.

    Parameters
    ----------
    values : (n,) of training people, NaN where missing.
    groups : of these people.

    Examples
    --------
    >>> find_shifts(np.array([1.0, 3.0, 5.0, np.nan]), Groups(np.array([0, 0, 1, 2]), 3)).tolist()
    [-1.0, 2.0, 0.0]
    """
    there = ~np.isnan(values)
    codes, seen = groups.codes[there], values[there]
    count = np.bincount(codes, minlength=groups.count)
    total = np.bincount(codes, seen - seen.mean(), minlength=groups.count)
    return np.asarray(total / np.maximum(count, 1))
