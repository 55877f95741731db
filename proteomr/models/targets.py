"""Targets: exposures and outcomes as numbers, and the kinds of column that become one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.fits import Refusal

__all__ = [
    "NUMBERS",
    "OUTCOME_TRANSFORMS",
    "TWO_LEVELS",
    "OutcomeTransform",
    "Role",
    "Target",
    "TargetColumn",
    "TargetKind",
]

Role: TypeAlias = Literal["exposure", "outcome"]
OutcomeTransform: TypeAlias = Literal["none", "log", "rint", "zscore"]
OUTCOME_TRANSFORMS: tuple[OutcomeTransform, ...] = ("none", "log", "rint", "zscore")


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """An exposure or an outcome: what a family is fitted to, beside the protein.

    Attributes
    ----------
    name : of its column.
    role : whether the question is what goes with it, or what the protein says of it.
    kind : name of the :class:`TargetKind` that it is of.
    values : ``(n,)``, or ``(n, q)`` where it takes several numbers to say it; NaN where missing.
    contrasts : what each coefficient of a model compares, such as ``1 vs 0``; None for a slope.
    unfit : why no model of it is fitted; None where models are.
    transform : of the values of an outcome, within the rows of each fit.

    Examples
    --------
    >>> lonely = Target("lonely", "exposure", "binary", np.array([0.0, 1.0, np.nan]), ("1 vs 0",))
    >>> lonely.observed.tolist()
    [True, True, False]
    """

    name: str
    role: Role
    kind: str
    values: F64
    contrasts: tuple[str | None, ...] = (None,)
    unfit: Refusal | None = None
    transform: OutcomeTransform = "none"

    @property
    def observed(self) -> Bool:
        """Where it has a value ``(n,)``."""
        missing = np.isnan(self.values).reshape(self.values.shape[0], -1)
        return np.asarray(~missing.any(axis=1))

    def take(self, rows: I64) -> Target:
        """Return the target on some rows."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True, slots=True, eq=False)
class TargetColumn:
    """A column as it is read, before a family has made a target of it.

    Attributes
    ----------
    numbers : ``(n,)``, NaN where missing; None where the column is text.
    codes : ``(n,)`` position of each value among the sorted distinct ones, -1 where missing.
    n_levels : number of distinct values.
    levels : labels of the first of them, in their order.
    reference : label of the level that the other of two is held against; None for the first.
    """

    name: str
    role: Role
    numbers: F64 | None
    codes: I64
    n_levels: int
    levels: tuple[str, ...]
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class TargetKind:
    """A kind of target: its name, what a column needs to be one, and how it is made.

    Attributes
    ----------
    name : of the kind, such as ``binary``.
    needs : what the column must hold, in words that end a sentence.
    read : returns the target, or None for a column that is not of the kind.
    """

    name: str
    needs: str
    read: Callable[[TargetColumn], Target | None]


def _read_two_levels(column: TargetColumn) -> Target | None:
    """Return 0 for the reference, else the lower or alphabetically first level, 1 for the other."""
    if column.n_levels != 2:
        return None
    turned = column.reference == column.levels[1]
    codes = 1 - column.codes if turned else column.codes
    values = np.where(column.codes < 0, np.nan, codes).astype(np.float64)
    first, second = column.levels[::-1] if turned else column.levels
    contrast = f"{second} vs {first}"
    return Target(column.name, column.role, TWO_LEVELS.name, values, (contrast,))


def _read_numbers(column: TargetColumn) -> Target | None:
    if column.numbers is None:
        return None
    return Target(column.name, column.role, NUMBERS.name, column.numbers)


TWO_LEVELS = TargetKind("binary", "two levels", _read_two_levels)
NUMBERS = TargetKind("continuous", "numbers", _read_numbers)
