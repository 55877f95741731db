"""Small probabilities of high scores: populations of gene sets that climb from level to level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.stats.generators import random_of

__all__ = ["CLIMBERS", "Climb", "climb_levels"]

_LN2: Final = math.log(2.0)  # natural logarithms of a doubling
_POPULATIONS: Final = 4  # independent ones: their spread is an error that assumes nothing
_EACH: Final = 100  # sets of a population, of which a level takes half
CLIMBERS: Final = _POPULATIONS * _EACH
"""Sets that climb in all."""
# At a level every set has made as many moves as it has members, on average, before it is counted.
_MOVES_PER_MEMBER: Final = 1.0
_MOST_ROUNDS: Final = 60  # of as many proposals as members: fewer than 1 in 60 is accepted then
_FEWEST_PROPOSALS: Final = 20  # of a round, so that small sets do not spend it on the call
# Where scores are few and far between, hardly any set may be beyond a level: then rounds are added.
_FEWEST: Final = 10
_MOST_TRIALS: Final = 200  # of such rounds: a step of 1 in 2,000 is still measured
_FAR_APART: Final = 6.0  # standard errors between populations: a chance of 1e-8 is left
_LEAST_ERROR: Final = 0.1  # of log2 p of one population: a level of 100 sets has 0.14


@dataclass(frozen=True, slots=True, eq=False)
class Climb:
    """Probabilities of t scores given their sign; logarithms are natural.

    Attributes
    ----------
    log_p : (t,) of the probabilities.
    error : (t,) standard error of log2 p.
    settled : (t,) whether the populations agree.
    mean : of random scores of this sign; NaN where climbing began among them.
    """

    log_p: F64
    error: F64
    settled: Bool
    mean: float


@dataclass(slots=True, eq=False)
class _Population:
    """Sets above a level, and what is known of the probability of getting there."""

    sets: I64
    values: F64
    level: float
    log_p: float = 0.0
    variance: float = 0.0


def climb_levels(
    scores: F64,
    size: int,
    weights: F64,
    *,
    one_sided: bool,
    from_sign: bool,
    names: tuple[str, ...],
    seed: int,
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
    scores : (t,) at the upper end, ascending.
    size : k members.
    weights : (N,) of the genes, from that end on.
    one_sided : whether the sign is not asked for.
    from_sign : whether to begin with random sets of the sign, which then is no rare one.
    names, seed : of the random numbers.
    """
    found = [
        _climb_one(scores, size, weights, one_sided, from_sign, random_of(seed, *names, str(i)))
        for i in range(_POPULATIONS)
    ]
    logs, variances = (np.array([getattr(one, name) for one in found]) for name in _TOLD)
    highest = logs.max(axis=0)
    log_p = highest + np.log(np.mean(np.exp(logs - highest), axis=0))
    own = np.sqrt(variances.mean(axis=0)) / _LN2
    spread = logs.std(axis=0, ddof=1) / _LN2
    gap = (logs.max(axis=0) - logs.min(axis=0)) / _LN2
    error = np.maximum(own, spread) / math.sqrt(_POPULATIONS)
    settled = gap <= _FAR_APART * math.sqrt(2.0) * np.maximum(own, _LEAST_ERROR)
    means = [one.mean for one in found]
    return Climb(log_p, error, np.asarray(settled & np.isfinite(log_p)), float(np.mean(means)))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    log_p: F64
    variance: F64
    mean: float


_TOLD: Final = ("log_p", "variance")


def _climb_one(
    scores: F64,
    size: int,
    weights: F64,
    one_sided: bool,  # noqa: FBT001
    from_sign: bool,  # noqa: FBT001
    generator: Generator,
) -> _Found:
    """Return log p of each score, given the sign, by one population."""
    offsets = _list_offsets(weights.size)
    crowd = _begin(size, weights, one_sided, from_sign, generator)
    log_p, variance = np.full(scores.size, -np.inf), np.zeros(scores.size)
    sign_log_p, sign_variance, mean = 0.0, 0.0, math.nan
    pending = not from_sign
    done = 0
    while done < scores.size or pending:
        median = float(np.sort(crowd.values)[_EACH // 2 - 1])
        if pending and median >= 0.0:
            positive = crowd.values[crowd.values > 0.0]
            sign_log_p, sign_variance = _share(crowd, positive.size)
            mean, pending = float(positive.mean()), False
        while done < scores.size and median >= scores[done]:
            reaching = int(np.sum(crowd.values >= scores[done]))
            log_p[done], variance[done] = _share(crowd, reaching)
            done += 1
        if done == scores.size and not pending:
            break
        if not _rise(crowd, median, weights, offsets, one_sided, generator):
            break
    return _Found(log_p - sign_log_p, variance + sign_variance, mean)


def _share(crowd: _Population, reaching: int) -> tuple[float, float]:
    """Return log of the estimate that so many of the crowd make, and its variance."""
    if not reaching:
        return -math.inf, math.inf
    last = math.log(reaching / _EACH)
    return crowd.log_p + last, crowd.variance + 1.0 / reaching - 1.0 / _EACH


def _begin(
    size: int,
    weights: F64,
    one_sided: bool,  # noqa: FBT001
    from_sign: bool,  # noqa: FBT001
    generator: Generator,
) -> _Population:
    """Return random sets, of the sign alone where it is asked for."""
    found_sets: list[I64] = []
    found_values: list[F64] = []
    missing = _EACH
    while missing > 0:
        keys = generator.random((_EACH, weights.size))
        sets = np.sort(np.argpartition(keys, size, axis=1)[:, :size], axis=1)
        values = _value(sets, weights, one_sided)
        kept = values > 0.0 if from_sign else np.ones(_EACH, dtype=np.bool_)
        found_sets.append(sets[kept][:missing])
        found_values.append(values[kept][:missing])
        missing -= found_values[-1].size
    sets, values = np.concatenate(found_sets), np.concatenate(found_values)
    return _Population(np.ascontiguousarray(sets), values, 0.0 if from_sign else -math.inf)


def _value(sets: I64, weights: F64, one_sided: bool) -> F64:  # noqa: FBT001
    from proteomr.stats.compiled_running_sum_loops import score_sets

    b, k = sets.shape
    scored = np.zeros((b, 4))
    score_sets(np.ascontiguousarray(sets).ravel(), np.arange(b + 1) * k, weights, scored)
    up, down = scored[:, 0], scored[:, 1]
    return up.copy() if one_sided else np.where(up > down, up, up - down)


def _rise(
    crowd: _Population,
    level: float,
    weights: F64,
    offsets: I64,
    one_sided: bool,  # noqa: FBT001
    generator: Generator,
) -> bool:
    """Lift the crowd above a level; false where nothing beyond it is found."""
    above = crowd.values > level
    left, seen = int(above.sum()), _EACH
    sets, values = crowd.sets[above], crowd.values[above]
    rounds = 0
    while left < _FEWEST and rounds < _MOST_TRIALS:
        _move(crowd, crowd.level, weights, offsets, one_sided, generator)
        above = crowd.values > level
        sets, values = (
            np.concatenate([sets, crowd.sets[above]]),
            np.concatenate([values, crowd.values[above]]),
        )
        left, seen, rounds = left + int(above.sum()), seen + _EACH, rounds + 1
    if not left:
        return False
    crowd.log_p += math.log(left / seen)
    crowd.variance += 1.0 / left - 1.0 / seen
    chosen = np.arange(_EACH) if left >= _EACH else _fill(left, generator)
    crowd.sets, crowd.values, crowd.level = sets[chosen].copy(), values[chosen].copy(), level
    made, wanted, rounds = 0, _MOVES_PER_MEMBER * crowd.sets.size, 0
    while made < wanted and rounds < _MOST_ROUNDS:
        made += _move(crowd, level, weights, offsets, one_sided, generator)
        rounds += 1
    return True


def _fill(left: int, generator: Generator) -> I64:
    """Return the sets that are left, and random ones of them for the others."""
    copies = generator.integers(0, left, size=_EACH - left)
    return np.concatenate([np.arange(left), copies])


def _move(
    crowd: _Population,
    level: float,
    weights: F64,
    offsets: I64,
    one_sided: bool,  # noqa: FBT001
    generator: Generator,
) -> int:
    from proteomr.stats.compiled_running_sum_loops import climb

    proposals = max(crowd.sets.shape[1], _FEWEST_PROPOSALS)
    shape = (_EACH, proposals, 2)
    draws = generator.integers(0, 1 << 32, size=shape, dtype=np.uint32)
    return int(climb(crowd.sets, crowd.values, draws, offsets, weights, level, one_sided))


def _list_offsets(n: int) -> I64:
    """Return lengths of moves, each order of magnitude up to the whole list as likely."""
    return np.maximum(1, np.floor(n ** (np.arange(1024) / 1024))).astype(np.int64)
