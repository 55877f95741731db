"""Maximum likelihood of all coefficients of many logistic fits, nested fits among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.logistic_passes import LogisticPasses, Tracks
from proteomr.stats.mixing import Mixing

__all__ = ["LogisticPeak", "climb_logistic", "invert_each"]

# Squared steps in standard errors: 1e-8 of one, and Newton's last step leaves its square. Scores,
# squared, in units of their own variance.
_DECREMENT, _SCORE = 1e-16, 1e-16
# Newton's steps, each with an information of its own, down to one standard error: odds ratios of
# 10 a standard deviation take five. Then steps on the last, of which one in five is renewed.
_NEWTON, _NEAR, _CHORD, _RENEWED = 15, 1.0, 30, 5
# A step changes no coefficient by more.
_LARGEST_STEP = 5.0
_PIVOT = 1e-7  # nine of sixteen digits stay


@dataclass(frozen=True, slots=True)
class LogisticPeak:
    """Maxima of R likelihoods.

    Attributes
    ----------
    tracks : where they are, to within a step that has been taken.
    value : ``(R,)``, log-likelihoods.
    score, information : at the last place but that step, of all coefficients; NaN and empty where
        they were not wanted.
    settled : ``(R,)``, which have their certificate.
    """

    tracks: Tracks
    value: F64
    score: F64
    information: F64
    settled: Bool


def climb_logistic(
    passes: LogisticPasses, starts: Tracks, *, held: int = 0, informed: bool = True
) -> LogisticPeak:
    """Maximise the likelihood of each track over all but the last coefficients.

    Parameters
    ----------
    held : how many of the last coefficients stay where they are.
    informed : whether score and information at the end are wanted, of all coefficients.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> design = chunk_design(np.zeros((6, 0)), np.ones((1, 1)), np.zeros(6, dtype=np.int64))
    >>> x, y = np.arange(1.0, 7.0)[None, None], np.array([[0.0, 1, 0, 1, 0, 1]])
    >>> passes = LogisticPasses(design, y, x, np.ones((1, 6)))
    >>> climb_logistic(passes, passes.start(np.zeros((1, 1)))).tracks.theta.round(4).tolist()
    [[-1.2646, 0.3613]]
    """
    with np.errstate(all="ignore"):  # what overflows or is no number has no certificate
        climb = _Climb(passes, starts, starts.theta.shape[1] - held)
        climb.approach()
        climb.settle()
        return climb.close(informed=informed)


class _Climb:
    """The tracks on their way up, over their first coefficients."""

    def __init__(self, passes: LogisticPasses, starts: Tracks, free: int) -> None:
        R = starts.theta.shape[0]
        self.passes, self.free = passes, free
        self.tracks = replace(starts, theta=starts.theta.copy())
        self.metric = np.full((R, free, free), np.nan)
        self.inverse = np.full((R, free, free), np.nan)
        self.value, self.decrement = np.full(R, np.nan), np.full(R, np.nan)
        self.scaled = np.full(R, np.inf)

    def approach(self) -> None:
        """Take Newton's steps until one is below a standard error."""
        moving = np.arange(self.decrement.size)
        for _ in range(_NEWTON):
            step = self.step(moving, informed=True)
            rising = self.decrement[moving] >= 0.0
            self.tracks.theta[moving[rising], : self.free] += step[rising]
            moving = moving[rising & (self.decrement[moving] > _NEAR)]
            if moving.size == 0:
                return
        self.decrement[moving] = np.nan

    def settle(self) -> None:
        """Take steps on the last informations, mixed, until one is within the bound."""
        moving, mixing = np.flatnonzero(self.decrement <= _NEAR), Mixing()
        for turn in range(1, _CHORD + 1):
            if moving.size == 0:
                return
            step = self.step(moving, informed=turn % _RENEWED == 0)
            decrement = self.decrement[moving]
            stays = (decrement >= _DECREMENT) & np.isfinite(decrement)
            move = mixing.mix(self.tracks.theta[moving, : self.free], step, self.metric[moving])
            self.tracks.theta[moving[stays], : self.free] += move[stays]
            mixing.keep(stays)
            moving = moving[stays]
        self.decrement[moving] = np.nan

    def step(self, at: I64, *, informed: bool) -> F64:
        """Return the steps that some tracks ask for, and keep what a pass says of them."""
        found = self.passes.evaluate(self.tracks.take(at), informed=informed)
        if informed:
            self.metric[at] = found.information[:, : self.free, : self.free]
            self.inverse[at] = invert_each(self.metric[at])
        score = found.score[:, : self.free]
        step = np.einsum("rpq,rq->rp", self.inverse[at], score)
        self.value[at] = found.value
        self.decrement[at] = np.einsum("rp,rp->r", step, score)
        self.scaled[at] = scale_scores(score, np.einsum("rpp->rp", self.metric[at]))
        largest = np.abs(step).max(axis=1, initial=0.0)
        return np.asarray(step * np.minimum(1.0, _LARGEST_STEP / largest)[:, None])

    def close(self, *, informed: bool) -> LogisticPeak:
        """Return the maxima; where they are wanted, with informations of the last pass."""
        tracks, p = self.tracks, self.tracks.theta.shape[1]
        ended = np.isfinite(self.decrement)
        score, information = np.full(tracks.theta.shape, np.nan), np.empty((ended.size, 0, 0))
        last = np.zeros((ended.size, self.free))
        if informed:
            found = self.passes.evaluate(tracks)
            score, information = found.score, found.information
            self.metric = information[:, : self.free, : self.free]
            self.inverse = invert_each(self.metric)
            last = np.einsum("rpq,rq->rp", self.inverse, score[:, : self.free])
            self.decrement = np.einsum("rp,rp->r", last, score[:, : self.free])
            self.scaled = scale_scores(score[:, : self.free], np.einsum("rpp->rp", self.metric))
            self.value = found.value
        settled = ended & certify(
            decrement=self.decrement,
            scores=self.scaled,
            estimate=tracks.theta.sum(axis=1) if p else self.value,
            se=np.sqrt(np.einsum("rpp->rp", self.inverse).min(axis=1)),
            bound=10.0 * _DECREMENT,  # by another information than the path's
            score_bound=10.0 * _SCORE,
        )
        theta = tracks.theta.copy()
        theta[settled, : self.free] += last[settled]
        value = self.value + self.decrement / 2.0
        return LogisticPeak(replace(tracks, theta=theta), value, score, information, settled)


def invert_each(information: F64) -> F64:
    """Return the inverses of informations ``(R, p, p)``; NaN where one is not safely positive.

    Examples
    --------
    >>> invert_each(np.array([[[2.0, 0.0], [0.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]]])).tolist()
    [[[0.5, 0.0], [0.0, 0.25]], [[nan, nan], [nan, nan]]]
    """
    scale = np.sqrt(np.einsum("rpp->rp", information))
    scale = np.where(scale > 0.0, scale, np.nan)
    whole = information / (scale[:, :, None] * scale[:, None, :])
    sound = np.isfinite(whole).all(axis=(1, 2))
    whole[~sound] = np.eye(information.shape[1])
    sound &= cholesky_pivots(whole)[1] > _PIVOT
    whole[~sound] = np.eye(information.shape[1])
    inverse = np.linalg.inv(whole) / (scale[:, :, None] * scale[:, None, :])
    inverse[~sound] = np.nan
    return np.asarray(inverse)
