"""P values of gene sets of one size: random sets, all there are, or sets that climb by levels."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.generators import random_of
from proteomr.stats.multilevel import CLIMBERS, Climb, Goal, climb_levels
from proteomr.stats.running_sum import ScoreType

__all__ = ["NullMethod", "NullOptions", "SizeNull", "judge_size"]

NullMethod: TypeAlias = Literal["exact", "random", "multilevel"]

_LN2: Final = math.log(2.0)  # natural logarithms of a doubling
_ALL_UP_TO: Final = 20_000  # sets of a size, below which all are scored: as fast as random ones
_BATCH: Final = 1 << 20  # random numbers that are drawn at once: 4 MB
# Below this share of random sets of a sign, waiting for some costs more than climbing to them.
_RARE: Final = 0.05
# Of the standard errors of two estimates of one p value: beyond it a chance of 1e-8 is left.
_FAR_APART: Final = 6.0
_ENOUGH: Final = 10  # random sets beyond a score, for their share to say anything of another


@dataclass(frozen=True, slots=True)
class NullOptions:
    """How the null distribution of scores is found.

    Attributes
    ----------
    score_type : see :data:`proteomr.stats.running_sum.ScoreType`.
    permutations : random sets of each size.
    seed : of all random numbers.
    """

    score_type: ScoreType = "std"
    permutations: int = 10_000
    seed: int = 1

    def __post_init__(self) -> None:
        if self.permutations < CLIMBERS:
            raise ValueError(f"permutations is {self.permutations}, and {CLIMBERS} are needed")


@dataclass(frozen=True, slots=True, eq=False)
class SizeNull:
    """What the null distribution says of s sets of one size.

    Attributes
    ----------
    nes : (s,) scores over the mean of random ones of their sign.
    neg_log10_p : (s,) of p conditional on the sign (``std``).
    log2_error : (s,) standard error of log2 p; 0 where p is exact.
    method : how each p was found.
    settled : (s,) whether p has its certificate: independent estimates of it agree.
    """

    nes: F64
    neg_log10_p: F64
    log2_error: F64
    method: tuple[NullMethod, ...]
    settled: Bool


def judge_size(es: F64, size: int, weights: F64, *, options: NullOptions) -> SizeNull:
    r"""Return normalised scores and p values of sets of one size.

    .. math:: p = P(ES^* \ge es \mid ES^* > 0), \qquad NES = es / E(ES^* \mid ES^* > 0)

    over random sets of as many genes, for es > 0, and with all signs turned for es < 0; without
    the condition for the score types ``pos`` and ``neg``. Where there are at most 20,000 such sets
    all are scored, and p is exact. Else it is (c + 1) / (m + 1) of m random sets, or, where fewer
    of them reach es than make that as good, the product of levels that populations climb (after
    Korotkevich, Sukhov and Sergushichev 2021, doi:10.1101/060012; the estimate is the unbiased
    one of Bréhier et al. 2016, doi:10.1214/16-AAP1185).

    Parameters
    ----------
    es : (s,) of sets of `size` members.
    size : k, at least 1 and below N.
    weights : (N,) of the genes.

    Examples
    --------
    >>> null = judge_size(np.array([1.0]), 2, np.ones(6), options=NullOptions())
    >>> null.method, round(10 ** -null.neg_log10_p[0] * 7)
    (('exact',), 1)
    """
    ups, downs, complete = _score_random(size, weights, options)
    nes, log_p, error = np.zeros(es.size), np.zeros(es.size), np.zeros(es.size)
    settled = np.ones(es.size, dtype=np.bool_)
    method: list[NullMethod] = ["exact" if complete else "random"] * es.size
    for sign in (1.0, -1.0):
        mine = np.flatnonzero(_of_side(es, sign, options.score_type))
        if not mine.size:
            continue
        side = _Side(sign, size, weights if sign > 0.0 else weights[::-1].copy(), options)
        null = side.conditional(ups if sign > 0.0 else downs, downs if sign > 0.0 else ups)
        judged = (
            side.count(np.abs(es[mine]), null) if complete else side.judge(np.abs(es[mine]), null)
        )
        nes[mine] = sign * judged.nes
        log_p[mine], error[mine], settled[mine] = judged.log_p, judged.error, judged.settled
        for place, climbed in zip(mine, judged.climbed, strict=True):
            if climbed:
                method[place] = "multilevel"
    return SizeNull(nes, np.maximum(-log_p / math.log(10.0), 0.0), error, tuple(method), settled)


def _of_side(es: F64, sign: float, score_type: ScoreType) -> Bool:
    if score_type == "std":
        return np.asarray(es * sign > 0.0)
    return np.full(es.shape, (sign > 0.0) == (score_type == "pos"))


def _score_random(size: int, weights: F64, options: NullOptions) -> tuple[F64, F64, bool]:
    """Return up and down of random sets of a size, or of all, and whether they are all."""
    from proteomr.stats.compiled_running_sum_loops import sample_sets, score_sets

    N = weights.size
    if math.comb(N, size) <= _ALL_UP_TO:
        every = np.array(list(itertools.combinations(range(N), size)), dtype=np.int64)
        scored = np.zeros((len(every), 4))
        score_sets(every.ravel(), np.arange(len(every) + 1) * size, weights, scored)
        return scored[:, 0], scored[:, 1], True
    generator = random_of(options.seed, "random sets", str(size))
    found = np.zeros((options.permutations, 2))
    rows = max(1, _BATCH // size)
    for start in range(0, options.permutations, rows):
        part = found[start : start + rows]
        draws = generator.integers(0, 1 << 32, size=(len(part), size), dtype=np.uint32)
        sample_sets(draws, weights, part)
    return found[:, 0], found[:, 1], False


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What is said of sets of one size and sign; logarithms are natural."""

    nes: F64
    log_p: F64
    error: F64
    settled: Bool
    climbed: Bool


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Sets of one size that are enriched at one end; for the lower one the list is turned."""

    sign: float
    size: int
    weights: F64
    options: NullOptions

    def conditional(self, near: F64, far: F64) -> F64:
        """Return the scores of random sets that have this sign."""
        return near[near > far] if self.options.score_type == "std" else near

    def count(self, es: F64, null: F64) -> _Judged:
        """Judge by all sets there are."""
        share = _count_reaching(es, null) / null.size
        none = np.zeros(es.size)
        every = np.ones(es.size, dtype=np.bool_)
        return _Judged(es / null.mean(), np.log(share), none, every, ~every)

    def judge(self, es: F64, null: F64) -> _Judged:
        """Judge by random sets, and by climbing where they are too few."""
        m, reaching = null.size, _count_reaching(es, null)
        log_p = np.log((reaching + 1.0) / (m + 1.0))
        error = np.sqrt(np.maximum(1.0 / (reaching + 1.0) - 1.0 / (m + 1.0), 0.0)) / _LN2
        rare = m < _RARE * self.options.permutations
        climbed = rare | (error > _climbing_error(log_p))
        settled = np.ones(es.size, dtype=np.bool_)
        mean = float(null.mean()) if m else math.nan
        if climbed.any():
            order = np.flatnonzero(climbed)[np.argsort(es[climbed], kind="stable")]
            climb = self._climb(es[order], rare=rare)
            found, missed = climb.log_p, climb.error
            if rare:
                mean = climb.mean
            elif self.options.score_type == "std":
                found = found - math.log(m / self.options.permutations)
                missed = np.hypot(
                    missed, math.sqrt(1.0 / m - 1.0 / self.options.permutations) / _LN2
                )
            known = (reaching[order] >= _ENOUGH) & ~rare
            apart = np.abs(found - log_p[order]) / _LN2
            far = known & (apart > _FAR_APART * np.hypot(missed, error[order]))
            log_p[order], error[order] = found, missed
            settled[order] = climb.settled & ~far
        return _Judged(es / mean, log_p, error, settled, climbed)

    def _climb(self, es: F64, *, rare: bool) -> Climb:
        goal: Goal = "up"
        if self.options.score_type == "std":
            goal = "sign" if rare else "joint"
        end = "up" if self.sign > 0.0 else "down"
        names, seed = (goal, end, str(self.size)), self.options.seed
        return climb_levels(es, self.size, weights=self.weights, goal=goal, names=names, seed=seed)


def _count_reaching(es: F64, null: F64) -> F64:
    return (null.size - np.searchsorted(np.sort(null), es, side="left")).astype(np.float64)


def _climbing_error(log_p: F64) -> F64:
    """Return the error of log2 p that climbing would have: a level halves."""
    return np.sqrt(np.maximum(-log_p / _LN2, 1.0) / CLIMBERS) / _LN2
