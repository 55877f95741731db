"""Variants chosen one after another by what they add, and all others given those chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.distributions import z_from_neg_log10
from proteomr.stats.joint_effects import (
    JointFit,
    SimpleEffects,
    fit_jointly,
    insert_into_median,
    pair_sizes,
    select,
)
from proteomr.status import Status

__all__ = [
    "Conditional",
    "Correlate",
    "Given",
    "Selection",
    "condition_on",
    "correlate_from_matrix",
    "count_contradictions",
    "select_stepwise",
]

Correlate: TypeAlias = Callable[[int], tuple[int, F64]]
"""Correlations of a variant with those of its window: where that starts, and the (w,) numbers."""

# Of the sum of squares of a variant: less than this is rounding of the sums that it is left of.
_ROUNDING: Final = 1e-12
# Of a column's largest entry: ends below it are rounding, and would make it as long as the genome.
_FAINT: Final = 1e-14
_BARRED: Final = -1.0  # below any absolute z
# Variants of which those given tell this share, and not more than four digits of r can say: they
# have next to no effect of their own (SLALOM's r2 and p; Kanai and others 2022,
# doi:10.1016/j.xgen.2022.100210).
_TOLD: Final = (0.6, 0.999)
_Z_OF_DOUBT: Final = 3.8906  # two-sided p of 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Conditional:
    """Every variant in the regression on it and on those given.

    Parameters
    ----------
    effects, errors : (m,) per standard deviation: the coefficient in the regression on the variant
        and all that are given, a variant that is given itself being left out of them.
    share : (m,) of the variant's own sum of squares that those given leave.
    determined : (m,) share of its variance that those given tell.
    status : (m,) codes of `Status`: ok; ``collinear``; ``not_identified``; ``too_few``.
    """

    effects: F64
    errors: F64
    share: F64
    determined: F64
    status: I64


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Variants that were chosen.

    Parameters
    ----------
    chosen : (k,) in the order in which they came in.
    joint : the regression on them.
    unsettled : whether a variant came in again after it had been left out, which ends the search.
    """

    chosen: I64
    joint: JointFit
    unsettled: bool = False


@dataclass(slots=True, eq=False)
class Given:
    """What some variants leave of all: sums of squares and products after regression on them.

    Parameters
    ----------
    simple : regressions on one variant each.
    correlate : how they are correlated.
    """

    simple: SimpleEffects
    correlate: Correlate
    chosen: list[int] = field(default_factory=list[int])
    left: F64 = field(init=False)
    products: F64 = field(init=False)
    explained: float = 0.0
    _columns: list[tuple[int, F64]] = field(default_factory=list[tuple[int, F64]])
    _rows: dict[int, tuple[int, F64]] = field(default_factory=dict[int, tuple[int, F64]])

    def __post_init__(self) -> None:
        self._clear()

    def add(self, variant: int) -> None:
        """Give one more variant, which must not be determined by those given.

        One column of the Cholesky factor of X'X, of which each column spans the windows that it
        depends on.
        """
        start, row = self._read_row(variant)
        stop = start + row.size
        touching = [(at, column) for at, column in self._columns if _reads(at, column, variant)]
        low = min([start, *(at for at, _ in touching)])
        high = max([stop, *(at + column.size for at, column in touching)])
        column = np.zeros(high - low)
        column[start - low : stop - low] = (
            pair_sizes(self.simple.n[variant], self.simple.n[start:stop]) * row
        )
        for at, other in touching:
            column[at - low : at - low + other.size] -= other[variant - at] * other
        column /= np.sqrt(column[variant - low])
        weight = self.products[variant] / column[variant - low]
        self.products[low:high] -= weight * column
        self.left[low:high] -= column**2
        self.explained += weight**2
        there = np.flatnonzero(np.abs(column) > _FAINT * column[variant - low])
        self._columns.append((low + int(there[0]), column[there[0] : there[-1] + 1].copy()))
        self.chosen.append(variant)

    def remove(self, variant: int) -> None:
        """Give one variant less."""
        kept = [other for other in self.chosen if other != variant]
        self._clear()
        for other in kept:
            self.add(other)

    def share_left(self) -> F64:
        """Return what is left of each variant's own sum of squares, 0 where it is rounding."""
        share: F64 = self.left / (self.simple.n - 1.0)
        return np.where(share > _ROUNDING * (1 + len(self.chosen)), share, 0.0)

    def correlations(self, variants: Sequence[int]) -> F64:
        """Return the correlations of variants that are, or were, given."""
        places = np.asarray(variants, dtype=np.int64)
        r = np.zeros((places.size, places.size))
        for i, variant in enumerate(variants):
            start, row = self._read_row(variant)
            inside = (places >= start) & (places < start + row.size)
            r[i, inside] = row[places[inside] - start]
        np.fill_diagonal(r, 1.0)
        return 0.5 * (r + r.T)

    def fit(self, variants: Sequence[int]) -> JointFit:
        """Return the regression on variants that are, or were, given."""
        rows = np.asarray(variants, dtype=np.int64)
        return fit_jointly(select(self.simple, rows), self.correlations(variants))

    def invert(self) -> F64:
        """Return the inverse (k, k) of the products of the variants given."""
        sizes = self.simple.n[self.chosen]
        gram = (np.minimum(sizes[:, None], sizes) - 1.0) * self.correlations(self.chosen)
        return np.asarray(np.linalg.inv(gram), dtype=np.float64)

    def tell_with(self, variant: int, inverse: F64) -> F64:
        """Return what all others tell of each variant given (k,), were one more given.

        The inverse with one more row is the old one and a product of rank 1 (`invert`).
        """
        sizes = self.simple.n[self.chosen]
        r = np.array([self._read_pair(other, variant) for other in self.chosen])
        slopes = inverse @ (pair_sizes(self.simple.n[variant], sizes) * r)
        bordered = np.diag(inverse) + slopes**2 / self.left[variant]
        told: F64 = 1.0 - 1.0 / (bordered * (sizes - 1.0))
        return told

    def _read_pair(self, given: int, variant: int) -> float:
        start, row = self._read_row(given)
        return float(row[variant - start]) if start <= variant < start + row.size else 0.0

    def _clear(self) -> None:
        self.left = self.simple.n - 1.0
        self.products = (self.simple.n - 1.0) * self.simple.rho
        self.explained = 0.0
        self._columns.clear()
        self.chosen.clear()

    def _read_row(self, variant: int) -> tuple[int, F64]:
        if variant not in self._rows:
            self._rows[variant] = self.correlate(variant)
        return self._rows[variant]


def correlate_from_matrix(r: F64) -> Correlate:
    """Return how variants are correlated that all lie in one window.

    Examples
    --------
    >>> correlate_from_matrix(np.eye(2))(1)[1].tolist()
    [0.0, 1.0]
    """
    return lambda variant: (0, r[variant])


def condition_on(given: Given, *, collinear: float = 0.9) -> Conditional:
    """Return every variant in the regression on it and on those given.

    Parameters
    ----------
    given : what some variants leave of all.
    collinear : largest share of a variant's variance that those given may tell.

    Examples
    --------
    >>> simple = SimpleEffects(np.array([0.5, 0.25]), np.full(2, 100.0), np.ones(2))
    >>> given = Given(simple, correlate_from_matrix(np.array([[1.0, 0.5], [0.5, 1.0]])))
    >>> given.add(0)
    >>> condition_on(given).effects.round(12).tolist()
    [0.5, 0.0]
    """
    n, k = given.simple.n, len(given.chosen)
    share = given.share_left()
    freedom = insert_into_median(n[given.chosen], n) - 1.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        effects = given.products / given.left
        residual = (freedom - given.explained - effects * given.products) / (freedom - k - 1)
        errors = np.sqrt(residual / given.left)
    joint = given.fit(given.chosen)
    if k and joint.status is Status.ok:
        effects[given.chosen], errors[given.chosen] = joint.effects, joint.errors
        share[given.chosen] = joint.left / (n[given.chosen] - 1.0)
    status = np.select(
        [1.0 - share > collinear, freedom - k < 2, ~(residual > 0) | ~np.isfinite(errors)],
        [int(Status.collinear), int(Status.too_few), int(Status.not_identified)],
        default=int(Status.ok),
    )
    status[given.chosen] = int(joint.status)
    bad = status != int(Status.ok)
    effects[bad], errors[bad] = np.nan, np.nan
    determined = np.clip(1.0 - share, 0.0, 1.0)
    return Conditional(effects, errors, share, determined, status)


def count_contradictions(given: Given) -> tuple[int, int]:
    """Return how many variants differ from what those given and the correlations say of them.

    Of variants of which those given tell 0.6 to 0.999 of their variance, how many have p below 1e-4
    beside these: one in 10,000 where the correlations are those of the people and no further
    variant acts, and many where alleles are turned or the panel is of other people.

    Returns
    -------
    contradicting, looked_at : numbers of variants.

    Examples
    --------
    >>> simple = SimpleEffects(np.array([0.5, -0.45]), np.full(2, 900.0), np.ones(2))
    >>> given = Given(simple, correlate_from_matrix(np.array([[1.0, 0.9], [0.9, 1.0]])))
    >>> given.add(0)
    >>> count_contradictions(given)
    (1, 1)
    """
    state = condition_on(given, collinear=_TOLD[1])
    near = (state.determined >= _TOLD[0]) & (state.determined <= _TOLD[1])
    near[given.chosen] = False
    with np.errstate(invalid="ignore"):
        far = np.abs(state.effects / state.errors) > _Z_OF_DOUBT
    far |= state.status == int(Status.not_identified)
    return int((near & far).sum()), int(near.sum())


def select_stepwise(
    given: Given, *, neg_log10_p: float, collinear: float = 0.9, eligible: Bool | None = None
) -> Selection:
    """Choose variants one after another until none adds anything.

    The variant of the smallest p given those chosen comes in, if its p is small enough, if those
    chosen tell no more than a share of it, and if with it no chosen one is told by the others
    beyond that share. Then the chosen variant of the largest p in the regression on all leaves, as
    long as that p is too large (Yang and others 2012, doi:10.1038/ng.2213).

    Parameters
    ----------
    given : all variants, none of them given yet; holds the chosen ones afterwards.
    neg_log10_p : least -log10 p of a chosen variant.
    collinear : largest share of a variant's variance that others may tell.
    eligible : (m,) which variants may be chosen; None for all.

    Examples
    --------
    >>> simple = SimpleEffects(np.array([0.6, 0.5, 0.3]), np.full(3, 200.0), np.ones(3))
    >>> r = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> select_stepwise(Given(simple, correlate_from_matrix(r)), neg_log10_p=5).chosen.tolist()
    [0, 2]
    """
    cut = float(z_from_neg_log10(neg_log10_p))
    open_to = np.ones(given.simple.m, dtype=np.bool_) if eligible is None else eligible
    seen: set[frozenset[int]] = {frozenset()}
    unsettled = False
    while _bring_in(given, cut=cut, collinear=collinear, open_to=open_to):
        while (weakest := _find_weakest(given, cut=cut)) is not None:
            given.remove(weakest)
        state = frozenset(given.chosen)
        if state in seen:
            unsettled = True
            break
        seen.add(state)
    chosen = np.array(given.chosen, dtype=np.int64)
    return Selection(chosen, given.fit(given.chosen), unsettled)


def _bring_in(given: Given, *, cut: float, collinear: float, open_to: Bool) -> bool:
    """Give the variant that adds most; tell whether there was one."""
    state = condition_on(given, collinear=collinear)
    fits = (state.status == int(Status.ok)) & open_to
    fits[given.chosen] = False
    with np.errstate(invalid="ignore"):
        z = np.where(fits, np.abs(state.effects / state.errors), _BARRED)
    inverse = given.invert()
    while True:
        best = int(np.argmax(z))
        if z[best] < cut:
            return False
        if (given.tell_with(best, inverse) > collinear).any():
            z[best] = _BARRED
            continue
        joint = given.fit([*given.chosen, best])
        if joint.status is Status.ok:
            told = 1.0 - joint.left / (given.simple.n[[*given.chosen, best]] - 1.0)
            if (told <= collinear).all():
                given.add(best)
                return True
        z[best] = _BARRED


def _find_weakest(given: Given, *, cut: float) -> int | None:
    joint = given.fit(given.chosen)
    z = np.abs(joint.effects / joint.errors)
    weakest = int(np.argmin(z)) if z.size else -1
    return given.chosen[weakest] if weakest >= 0 and z[weakest] < cut else None


def _reads(start: int, column: F64, variant: int) -> bool:
    return start <= variant < start + column.size and column[variant - start] != 0.0
