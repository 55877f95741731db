"""Targets: exposures and outcomes as numbers, and the kinds of column that become one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.fits import Refusal
from proteomr.models.level_coding import CodedRows, code_levels, code_pairs

__all__ = [
    "FACTOR",
    "LEVELS",
    "LINEAR",
    "NUMBERS",
    "ORDERED_LEVELS",
    "OUTCOME_TRANSFORMS",
    "STEPS",
    "TWO_LEVELS",
    "CodedRows",
    "OutcomeTransform",
    "Role",
    "Target",
    "TargetColumn",
    "TargetKind",
    "order_levels",
    "score_levels",
]

# Each level has a threshold: of more levels, few hold enough people, and the numbers themselves
# serve better.
_MOST_ORDERED = 10
# As many levels are labelled.
_MOST_CONTRASTS = 50
# More groups have a coefficient each in every covariate: it is rather a number, or an identifier.
_MOST_LEVELS = 20
LINEAR = "linear"
Role: TypeAlias = Literal["exposure", "outcome"]
OutcomeTransform: TypeAlias = Literal["none", "log", "rint", "zscore"]
OUTCOME_TRANSFORMS: tuple[OutcomeTransform, ...] = ("none", "log", "rint", "zscore")


@dataclass(frozen=True, eq=False)
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
    levels : labels of the levels that it has, the reference first; none where it has numbers.
    codes : ``(n,)``, position of each value among the levels, NaN where missing; None where the
        values are these themselves, or it has none.
    steps : whether each level is held against the one before it, and not against the first.
    pairs : the levels that each contrast holds against one another, by position, where these were
        asked for; columns beyond theirs have no contrast.
    tested : whether its contrasts are tested jointly.
    everyone : ``(N, q)``, the values of all who have one, whatever rows it was taken on; kept where
        something is estimated from them.
    excluded : ``(n,)``, who has no value for a reason that is counted apart; None for nobody.

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
    levels: tuple[str, ...] = ()
    codes: F64 | None = None
    steps: bool = False
    pairs: tuple[tuple[int, int], ...] = ()
    tested: bool = True
    everyone: F64 | None = None
    excluded: Bool | None = None

    @property
    def width(self) -> int:
        """Columns that say it."""
        return 1 if self.values.ndim == 1 else int(self.values.shape[1])

    @property
    def observed(self) -> Bool:
        """Where it has a value ``(n,)``."""
        missing = np.isnan(self.values).reshape(self.values.shape[0], -1)
        return np.asarray(~missing.any(axis=1))

    @property
    def missing(self) -> Bool:
        """Where it has no value, but for those who are excluded ``(n,)``."""
        absent = ~self.observed
        return absent if self.excluded is None else np.asarray(absent & ~self.excluded)

    @cached_property
    def level_of(self) -> I64 | None:
        """Position of each row's level ``(n,)``; None of a target that has none.

        Of a target on rows that have a value: zeros and ones are levels, too.
        """
        numbers = self.values if self.codes is None else self.codes
        two = numbers.ndim == 1 and bool(np.all((numbers == 0.0) | (numbers == 1.0)))
        return numbers.astype(np.int64) if two or self.levels else None

    def take(self, rows: I64) -> Target:
        """Return the target on some rows."""
        codes = None if self.codes is None else self.codes[rows]
        excluded = None if self.excluded is None else self.excluded[rows]
        return replace(self, values=self.values[rows], codes=codes, excluded=excluded)

    def code_rows(self, rows: Bool) -> CodedRows:
        """Return its columns on some rows, on which it may have lost levels."""
        if self.codes is None:
            columns = self.values[rows].reshape(-1, self.width)
            return CodedRows(columns, tuple(range(self.width)), {})
        if self.pairs:
            return code_pairs(self.codes[rows].astype(np.int64), self.levels, self.pairs)
        return code_levels(self.codes[rows].astype(np.int64), self.levels, steps=self.steps)


@dataclass(frozen=True, slots=True, eq=False)
class TargetColumn:
    """A column as it is read, before a family has made a target of it.

    Attributes
    ----------
    numbers : ``(n,)``, NaN where missing; None where the column is text.
    codes : ``(n,)`` position of each value among the sorted distinct ones, -1 where missing.
    n_levels : number of distinct values.
    levels : labels of the first of them, in their order.
    reference : label of the level that the others are held against; None for the first.
    order : positions of the levels from the lowest to the highest, where they have an order that is
        not theirs among the sorted values; None for that.
    """

    name: str
    role: Role
    numbers: F64 | None
    codes: I64
    n_levels: int
    levels: tuple[str, ...]
    reference: str | None = None
    order: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class TargetKind:
    """A kind of target: its name, what a column needs to be one, and how it is made.

    Attributes
    ----------
    name : of the kind, such as ``binary``.
    needs : what the column must hold, in words that end a sentence.
    read : returns the target, or None for a column that is not of the kind.
    roles : of the columns that can be of the kind.
    """

    name: str
    needs: str
    read: Callable[[TargetColumn], Target | None]
    roles: tuple[Role, ...] = ("exposure", "outcome")


def _read_two_levels(column: TargetColumn) -> Target | None:
    """Return 0 for the reference, else the lower or alphabetically first level, 1 for the other."""
    if column.n_levels != 2:
        return None
    turned = column.reference == column.levels[1]
    codes = 1 - column.codes if turned else column.codes
    values = np.where(column.codes < 0, np.nan, codes).astype(np.float64)
    first, second = column.levels[::-1] if turned else column.levels
    contrast = f"{second} vs {first}"
    levels = (first, second)
    return Target(column.name, column.role, TWO_LEVELS.name, values, (contrast,), levels=levels)


def _read_levels(column: TargetColumn) -> Target | None:
    """Return 0 for the reference, else the first level, and 1, 2, ... for the others in turn."""
    if not 2 <= column.n_levels <= _MOST_LEVELS:
        return None
    codes, levels = order_levels(column)
    values = np.where(codes < 0, np.nan, codes).astype(np.float64)
    contrasts = tuple(f"{level} vs {levels[0]}" for level in levels[1:])
    return Target(column.name, column.role, LEVELS.name, values, contrasts, levels=levels)


def _read_factor(column: TargetColumn) -> Target | None:
    """Return a column of each level of an exposure but the reference, which 1 stands for."""
    few = 3 <= column.n_levels <= _MOST_CONTRASTS
    if column.numbers is not None or column.role not in FACTOR.roles or not few:
        return None
    codes, levels = order_levels(column)
    contrasts = tuple(f"{level} vs {levels[0]}" for level in levels[1:])
    return _code_target(column, FACTOR, codes, levels, contrasts, steps=False)


def _read_steps(column: TargetColumn) -> Target | None:
    """Return for each level of an exposure but the first a column of 1 from it on."""
    if column.role not in STEPS.roles or not 3 <= column.n_levels <= _MOST_CONTRASTS:
        return None
    codes, levels = _rank_levels(column)
    contrasts = tuple(f"{second} vs {first}" for first, second in pairwise(levels))
    return _code_target(column, STEPS, codes, levels, contrasts, steps=True)


def _code_target(
    column: TargetColumn,
    kind: TargetKind,
    codes: I64,
    levels: tuple[str, ...],
    contrasts: tuple[str, ...],
    *,
    steps: bool,
) -> Target:
    others = np.arange(1, len(levels))
    values = (codes[:, None] >= others if steps else codes[:, None] == others).astype(np.float64)
    values[codes < 0] = np.nan
    places = np.where(codes < 0, np.nan, codes).astype(np.float64)
    return Target(
        column.name,
        column.role,
        kind.name,
        values,
        contrasts,
        levels=levels,
        codes=places,
        steps=steps,
    )


def score_levels(target: Target) -> Target:
    """Return the trend over the steps of an exposure: 0, 1, 2, ... for its levels.

    Examples
    --------
    >>> column = TargetColumn("dose", "exposure", None, np.array([0, 1, 2]), 3, tuple("abc"))
    >>> trend = score_levels(STEPS.read(column))
    >>> trend.values.tolist(), trend.contrasts
    ([0.0, 1.0, 2.0], ('linear',))
    """
    scores = target.values if target.codes is None else target.codes
    return Target(target.name, target.role, NUMBERS.name, scores, (LINEAR,))


def order_levels(column: TargetColumn) -> tuple[I64, tuple[str, ...]]:
    """Return the codes ``(n,)`` and labels of a column's levels, the reference first.

    Examples
    --------
    >>> codes = np.array([0, 1, 2, -1])
    >>> column = TargetColumn("sad", "exposure", None, codes, 3, ("a", "b", "c"), "b")
    >>> new, levels = order_levels(column)
    >>> new.tolist(), levels
    ([1, 0, 2, -1], ('b', 'a', 'c'))
    """
    first = column.levels.index(column.reference) if column.reference in column.levels else 0
    order = [first, *(i for i in range(column.n_levels) if i != first)]
    place = np.argsort(np.array(order))
    codes: I64 = np.where(column.codes < 0, -1, place[np.maximum(column.codes, 0)]).astype(np.int64)
    return codes, tuple(column.levels[i] for i in order)


def _read_ordered_levels(column: TargetColumn) -> Target | None:
    """Return the levels as 0, 1, ... from the lowest to the highest."""
    if not 2 <= column.n_levels <= _MOST_ORDERED:
        return None
    ranks, labels = _rank_levels(column)
    values = np.where(ranks < 0, np.nan, ranks)
    return Target(column.name, column.role, ORDERED_LEVELS.name, values, levels=labels)


def _rank_levels(column: TargetColumn) -> tuple[I64, tuple[str, ...]]:
    """Return the places ``(n,)`` of a column's values from its lowest level on, and the labels."""
    order = tuple(range(column.n_levels)) if column.order is None else column.order
    place = np.empty(column.n_levels, dtype=np.int64)
    place[list(order)] = np.arange(column.n_levels)
    ranks: I64 = np.where(column.codes < 0, -1, place[column.codes]).astype(np.int64)
    return ranks, tuple(column.levels[position] for position in order)


def _read_numbers(column: TargetColumn) -> Target | None:
    if column.numbers is None:
        return None
    return Target(column.name, column.role, NUMBERS.name, column.numbers)


TWO_LEVELS = TargetKind("binary", "two levels", _read_two_levels)
ORDERED_LEVELS = TargetKind("ordered", "two to ten levels", _read_ordered_levels)
NUMBERS = TargetKind("continuous", "numbers", _read_numbers)
LEVELS = TargetKind("categorical", f"2 to {_MOST_LEVELS} levels", _read_levels)
FACTOR = TargetKind(
    "factor", f"3 to {_MOST_CONTRASTS} levels, of text or by C(),", _read_factor, ("exposure",)
)
STEPS = TargetKind("steps", f"3 to {_MOST_CONTRASTS} levels", _read_steps, ("exposure",))
