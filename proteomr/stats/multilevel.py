"""Small probabilities of high scores: populations of gene sets that climb from level to level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.stats.generators import random_of

__all__ = ["CLIMBERS", "Climb", "Goal", "climb_levels"]

Goal: TypeAlias = Literal["up", "joint", "sign"]
"""``up``: that the highest point reaches a score. ``joint``: that it does and lies farther from 0
than the lowest. ``sign``: that it does, given that it lies farther."""

_LN2: Final = math.log(2.0)  # natural logarithms of a doubling
_POPULATIONS: Final = 4  # independent ones: their spread is an error that assumes nothing
_EACH: Final = 100  # sets of a population, of which a level takes half
CLIMBERS: Final = _POPULATIONS * _EACH
"""Sets that climb in all."""
# At a level every set has made as many moves as it has members, on average, before it is counted:
# the errors are then those of independent levels. With half of it they are larger by half (0.52 in
# place of 0.37 of log2 p at 2^-17 for sets of 30, 0.39 in place of 0.20 at 2^-15 for sets of 200).
_MOVES_PER_MEMBER: Final = 1.0
_MOST_ROUNDS: Final = 60  # of as many proposals as members: fewer than 1 in 60 is accepted then
_FEWEST_PROPOSALS: Final = 20  # of a round, so that small sets do not spend it on the call
# Where scores are few and far between, hardly any set may be beyond a level: then rounds are added.
_FEWEST: Final = 10
_MOST_TRIALS: Final = 200  # of such rounds: a step of 1 in 2,000 is still measured
_FAR_APART: Final = 6.0  # standard errors between populations: a chance of 1e-8 is left
_LEAST_ERROR: Final = 0.1  # of log2 p of one population: a level of 100 sets has 0.14
_TOLD: Final = ("log_p", "variance")


@dataclass(frozen=True, slots=True, eq=False)
class Climb:
    """Probabilities of t scores; logarithms are natural.

    Attributes
    ----------
    log_p : (t,) of the probabilities.
    error : (t,) standard error of log2 p.
    settled : (t,) whether the populations agree.
    mean : of the scores of random sets of the sign; NaN where it was not asked for.
    """

    log_p: F64
    error: F64
    settled: Bool
    mean: float


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What one population gives."""

    log_p: F64
    variance: F64
    mean: float


def climb_levels(
    scores: F64, size: int, *, weights: F64, goal: Goal, names: tuple[str, ...], seed: int
) -> Climb:
    r"""Return the probabilities that random sets reach scores, by multilevel splitting.

    A population of z random sets loses all up to its median, which becomes the level; copies of
    the others take their places, and all move about above the level. With n_l left of z at level
    l, and c that reach a score in the end,

    .. math:: \hat p = \frac{c}{z} \prod_l \frac{n_l}{z}

    is unbiased (Cérou and Guyader 2007, doi:10.1080/07362990601139628; Bréhier et al. 2016,
    doi:10.1214/16-AAP1185). It is the mean of four populations. Its error is that of independent
    levels, or that which the four show, whichever is larger.

    Parameters
    ----------
    scores : (t,) at the upper end, ascending, above 0.
    size : k members.
    weights : (N,) of the genes, from that end on.
    goal : which probability.
    names, seed : of the random numbers.

    Examples
    --------
    >>> climb = climb_levels(np.array([1.0]), 3, weights=np.ones(30), goal="up", names=(), seed=1)
    >>> round(math.exp(climb.log_p[0]) * math.comb(30, 3))  # the first three of thirty
    1
    """
    climber = _Climber(size, weights, goal)
    found = [climber.climb(scores, random_of(seed, *names, str(i))) for i in range(_POPULATIONS)]
    logs, variances = (np.array([getattr(one, name) for one in found]) for name in _TOLD)
    highest = np.maximum(logs.max(axis=0), _LOWEST)
    with np.errstate(divide="ignore"):
        log_p = highest + np.log(np.mean(np.exp(logs - highest), axis=0))
    whole = np.all(np.isfinite(logs), axis=0)
    held = np.where(np.isfinite(logs), logs, _LOWEST)
    own = np.sqrt(np.where(whole, variances.mean(axis=0), 0.0)) / _LN2
    spread = held.std(axis=0, ddof=1) / _LN2
    gap = (held.max(axis=0) - held.min(axis=0)) / _LN2
    settled = whole & (gap <= _FAR_APART * math.sqrt(2.0) * np.maximum(own, _LEAST_ERROR))
    error = np.maximum(own, spread) / math.sqrt(_POPULATIONS)
    return Climb(log_p, error, np.asarray(settled), float(np.mean([one.mean for one in found])))


_LOWEST: Final = -1e6  # a logarithm below that of any probability of a set


@dataclass(slots=True, eq=False)
class _Crowd:
    """The sets of a population, all above a level, and the probability of getting there."""

    sets: I64
    values: F64
    level: float = -math.inf
    log_p: float = 0.0
    variance: float = 0.0

    def share(self, reaching: int) -> tuple[float, float]:
        """Return log of the estimate that so many of the crowd make, and its variance."""
        if not reaching:
            return -math.inf, math.inf
        last = math.log(reaching / _EACH)
        return self.log_p + last, self.variance + 1.0 / reaching - 1.0 / _EACH


@dataclass(frozen=True, slots=True, eq=False)
class _Climber:
    """What all populations have in common."""

    size: int
    weights: F64
    goal: Goal

    @property
    def one_sided(self) -> bool:
        """Whether the highest point alone says how high a set is."""
        return self.goal != "sign"

    def climb(self, scores: F64, generator: Generator) -> _Found:
        """Return log p of each score by one population."""
        crowd = self._begin(generator)
        log_p, variance = np.full(scores.size, -np.inf), np.full(scores.size, np.inf)
        sign, mean, pending, done = (0.0, 0.0), math.nan, self.goal == "sign", 0
        while done < scores.size or pending:
            median = float(np.sort(crowd.values)[_EACH // 2 - 1])
            if pending and median >= 0.0:
                positive = crowd.values[crowd.values > 0.0]
                if positive.size:
                    sign, mean, pending = crowd.share(positive.size), float(positive.mean()), False
            while done < scores.size and median >= scores[done]:
                reaching = self._count_reaching(crowd, scores[done])
                log_p[done], variance[done] = crowd.share(reaching)
                done += 1
            if (done == scores.size and not pending) or not self._rise(crowd, median, generator):
                break
        if pending:
            sign = (math.nan, math.inf)
        return _Found(
            np.where(np.isnan(sign[0]), -np.inf, log_p - sign[0]), variance + sign[1], mean
        )

    def _begin(self, generator: Generator) -> _Crowd:
        from proteomr.stats.compiled_running_sum_loops import draw_sets

        sets = np.zeros((_EACH, self.size), dtype=np.int64)
        draws = generator.integers(0, 1 << 32, size=sets.shape, dtype=np.uint32)
        draw_sets(draws, self.weights.size, sets)
        up, down = self._score(sets)
        return _Crowd(sets, up if self.one_sided else np.where(up > down, up, up - down))

    def _score(self, sets: I64) -> tuple[F64, F64]:
        from proteomr.stats.compiled_running_sum_loops import score_sets

        b, k = sets.shape
        scored = np.zeros((b, 4))
        score_sets(sets.ravel(), np.arange(b + 1) * k, self.weights, scored)
        return scored[:, 0].copy(), scored[:, 1].copy()

    def _count_reaching(self, crowd: _Crowd, score: float) -> int:
        reach = crowd.values >= score
        if self.goal == "joint":
            up, down = self._score(crowd.sets)
            reach &= up > down
        return int(reach.sum())

    def _rise(self, crowd: _Crowd, level: float, generator: Generator) -> bool:
        """Lift the crowd above a level; false where nothing beyond it is found."""
        above = crowd.values > level
        left, seen, rounds = int(above.sum()), _EACH, 0
        sets, values = [crowd.sets[above]], [crowd.values[above]]
        while left < _FEWEST and rounds < _MOST_TRIALS:
            self._move(crowd, generator)
            above = crowd.values > level
            sets.append(crowd.sets[above])
            values.append(crowd.values[above])
            left, seen, rounds = left + int(above.sum()), seen + _EACH, rounds + 1
        if not left:
            return False
        crowd.log_p += math.log(left / seen)
        crowd.variance += 1.0 / left - 1.0 / seen
        copies = generator.integers(0, left, size=max(0, _EACH - left))
        chosen = np.concatenate([np.arange(min(left, _EACH)), copies])
        crowd.sets, crowd.values = np.concatenate(sets)[chosen], np.concatenate(values)[chosen]
        crowd.level = level
        made, wanted, rounds = 0.0, _MOVES_PER_MEMBER * crowd.sets.size, 0
        while made < wanted and rounds < _MOST_ROUNDS:
            made += self._move(crowd, generator)
            rounds += 1
        return True

    def _move(self, crowd: _Crowd, generator: Generator) -> int:
        """Move all sets about above the level of the crowd, and return how many moves were made."""
        from proteomr.stats.compiled_running_sum_loops import climb

        shape = (_EACH, max(self.size, _FEWEST_PROPOSALS), 2)
        draws = generator.integers(0, 1 << 32, size=shape, dtype=np.uint32)
        n = self.weights.size
        # each order of magnitude up to the whole list is as likely
        offsets = np.maximum(1, np.floor(n ** (np.arange(1024) / 1024))).astype(np.int64)
        level, sided = crowd.level, self.one_sided
        return int(climb(crowd.sets, crowd.values, draws, offsets, self.weights, level, sided))
