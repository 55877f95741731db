"""Firth's penalised logistic estimates of a block of proteins, with profile limits and tests.

The penalised likelihood ``l(b) + log|I(b)| / 2`` (Firth 1993, doi:10.1093/biomet/80.1.27) is
climbed by steps of the fit's own information, which Anderson's mixing makes superlinear: what the
information leaves out is the curvature of the penalty, small where there are many people. The value
at a coefficient of 0, and the limits at which twice the likelihood has dropped by a quantile of
chi-squared (Heinze and Schemper 2002, doi:10.1002/sim.1047), are found by following all of them at
once: the profile is a parabola to third order, so that three or four passes settle each (Venzon and
Moolgavkar 1988, doi:10.2307/2347496).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.logistic_block import invert_each
from proteomr.stats.logistic_passes import LogisticPasses, Tracks
from proteomr.stats.mixing import Mixing

__all__ = ["FirthBlock", "fit_firth_block"]

# Squared steps in standard errors, of the estimate and of what a profile holds beside it: the
# penalised likelihood there is sought, a step's gain of which is half of its square: it is added,
# and leverages of single precision do.
_DECREMENT, _HELD = 1e-18, 1e-8
# Scores at the end, squared, in units of their own variance.
_SCORE = 1e-16
# Of the last step of a limit in standard errors; it is taken, and leaves its square.
_LIMIT = 1e-4
# From the fit without the protein an estimate takes some six passes, a limit four.
_PASSES = 30
# Newton's steps on the likelihood alone come within a standard error first; few, since there may
# be no maximum.
_NEWTON, _NEAR = 5, 1.0
# A step changes no coefficient by more; nor a limit, in standard errors: there the parabola ends.
_LARGEST_STEP = 5.0


@dataclass(frozen=True, slots=True)
class FirthBlock:
    """Of the last coefficient of each fit, all ``(R,)``.

    Attributes
    ----------
    estimate, se : se of the inverse information at the estimate.
    low, high : profile limits.
    ratio : twice the penalised likelihood's drop where the coefficient is 0.
    settled : whether all of them have their certificate.
    """

    estimate: F64
    se: F64
    low: F64
    high: F64
    ratio: F64
    settled: Bool


@dataclass(frozen=True, slots=True)
class _Peak:
    """Maxima of the penalised likelihood: where, how high, with which inverse information."""

    tracks: Tracks
    value: F64
    inverse: F64
    settled: Bool


def fit_firth_block(passes: LogisticPasses, starts: Tracks, *, level: float) -> FirthBlock:
    """Fit all tracks, the last coefficient being of interest.

    Parameters
    ----------
    passes : the rows.
    starts : where to start.
    level : coverage of the limits.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> design = chunk_design(np.zeros((8, 0)), np.ones((1, 1)), np.zeros(8, dtype=np.int64))
    >>> x, y = np.arange(8.0)[None, None], np.array([[0.0, 0, 0, 0, 1, 1, 1, 1]])
    >>> passes = LogisticPasses(design, y, x, np.ones((1, 8)))
    >>> found = fit_firth_block(passes, passes.start(np.zeros((1, 1))), level=0.95)
    >>> bool(found.settled[0]), round(float(found.estimate[0]), 4)
    (True, 1.0327)
    """
    from scipy.special import chdtri

    with np.errstate(all="ignore"):  # what overflows or is no number has no certificate
        peak = _climb(passes, starts)
        last = passes.p - 1
        se = np.sqrt(peak.inverse[:, last, last])
        at_null = _hold(passes, peak, -peak.tracks.theta[:, last])
        drop = float(chdtri(1, 1.0 - level)) / 2.0
        lows, highs = (_find_limit(passes, peak, sign, drop) for sign in (-1.0, 1.0))
        estimate = peak.tracks.theta[:, last]
        ratio = 2.0 * (peak.value - at_null.value)
        settled = peak.settled & at_null.settled & lows[1] & highs[1]
        settled &= (lows[0] < estimate) & (estimate < highs[0]) & np.isfinite(ratio)
    return FirthBlock(estimate, se, lows[0], highs[0], np.maximum(ratio, 0.0), settled)


def _measure_log(information: F64) -> F64:
    """Return the logarithms of the determinants ``(R,)``."""
    return np.asarray(np.linalg.slogdet(information)[1])


def _climb(passes: LogisticPasses, starts: Tracks) -> _Peak:
    """Climb to the maxima of the penalised likelihood.

    First to those of the likelihood alone, which are near; under separation there are none, and
    what comes to nothing from there starts where it was.
    """
    near = replace(starts, theta=_approach(passes, starts))
    peak = _rise(passes, near)
    rest = np.flatnonzero(~peak.settled)
    if rest.size:
        again = _rise(passes, starts.take(rest))
        for ours, theirs in (
            (peak.tracks.theta, again.tracks.theta),
            (peak.value, again.value),
            (peak.inverse, again.inverse),
            (peak.settled, again.settled),
        ):
            ours[rest] = theirs
    return peak


def _approach(passes: LogisticPasses, starts: Tracks) -> F64:
    """Return where a few of Newton's steps on the likelihood alone lead."""
    theta, far = starts.theta.copy(), np.arange(starts.theta.shape[0])
    for _ in range(_NEWTON):
        found = passes.evaluate(replace(starts.take(far), theta=theta[far]))
        step = np.einsum("rpq,rq->rp", invert_each(found.information), found.score)
        decrement = np.einsum("rp,rp->r", step, found.score)
        step *= np.minimum(1.0, _LARGEST_STEP / np.abs(step).max(axis=1))[:, None]
        rising = np.isfinite(decrement)
        theta[far[rising]] += step[rising]
        far = far[decrement > _NEAR]
        if far.size == 0:
            break
    return theta


def _rise(passes: LogisticPasses, starts: Tracks) -> _Peak:
    """Climb the penalised likelihood by steps of its information, mixed once all are near."""
    R, p = starts.theta.shape
    theta, value, inverse = starts.theta.copy(), np.full(R, np.nan), np.full((R, p, p), np.nan)
    settled, moving, mixing = np.zeros(R, dtype=bool), np.arange(R), None
    for _ in range(_PASSES):
        tracks = replace(starts.take(moving), theta=theta[moving])
        found = passes.evaluate(tracks)
        own = invert_each(found.information)
        score = found.score + passes.penalise(tracks, own)
        step = np.einsum("rpq,rq->rp", own, score)
        decrement = np.einsum("rp,rp->r", step, score)
        step *= np.minimum(1.0, _LARGEST_STEP / np.abs(step).max(axis=1))[:, None]
        inverse[moving] = own
        value[moving] = found.value + _measure_log(found.information) / 2.0
        ended = certify(
            decrement=decrement,
            scores=scale_scores(score, np.einsum("rpp->rp", found.information)),
            estimate=theta[moving, -1],
            se=np.sqrt(own[:, -1, -1]),
            bound=_DECREMENT,
            score_bound=_SCORE,
        )
        settled[moving[ended]] = True
        stays = ~ended & np.isfinite(decrement) & (decrement >= 0.0)
        if mixing is None and not np.any(decrement[stays] > _NEAR):
            mixing = Mixing()
        move = step if mixing is None else mixing.mix(theta[moving], step, found.information)
        theta[moving[stays]] += move[stays]
        if mixing is not None:
            mixing.keep(stays)
        moving = moving[stays]
        if moving.size == 0:
            break
    return _Peak(Tracks(starts.proteins, starts.responses, theta), value, inverse, settled)


def _follow(peak: _Peak, shift: F64) -> F64:
    """Return where the parabola at the maximum has the others once the last one is shifted."""
    along = peak.inverse[:, :, -1] / peak.inverse[:, -1:, -1]
    return np.asarray(peak.tracks.theta + along * shift[:, None])


@dataclass(frozen=True, slots=True)
class _Held:
    """The penalised likelihood where the last coefficient is held."""

    value: F64
    settled: Bool


def _hold(passes: LogisticPasses, peak: _Peak, shift: F64) -> _Held:
    """Maximise over the others with the last coefficient shifted from the maximum."""
    theta = _follow(peak, shift)
    R = theta.shape[0]
    value, settled = np.full(R, np.nan), np.zeros(R, dtype=bool)
    moving = np.flatnonzero(peak.settled)
    for _ in range(_PASSES):
        if moving.size == 0:
            break
        profile = _evaluate_profile(passes, peak, theta, moving)
        value[moving] = profile.value
        ended = (profile.decrement >= 0.0) & (profile.decrement < _HELD)
        settled[moving[ended]] = True
        stays = ~ended & (profile.decrement >= 0.0) & np.isfinite(profile.decrement)
        theta[moving[stays], :-1] += profile.step[stays]
        moving = moving[stays]
    return _Held(value, settled)


def _find_limit(passes: LogisticPasses, peak: _Peak, sign: float, drop: float) -> tuple[F64, Bool]:
    """Return the limits on one side, and which have their certificate."""
    V = 1.0 / peak.inverse[:, -1, -1]
    theta = _follow(peak, sign * np.sqrt(2.0 * drop / V))
    settled, moving = np.zeros(V.size, dtype=bool), np.flatnonzero(peak.settled)
    for _ in range(_PASSES):
        if moving.size == 0:
            break
        profile = _evaluate_profile(passes, peak, theta, moving)
        above = profile.value - (peak.value[moving] - drop)
        U, V = profile.slope, profile.curvature
        root = U * U + 2.0 * V * above
        # Where the parabola does not reach down so far, its top is nearer to the limit.
        delta = np.where(root > 0.0, (U + sign * np.sqrt(np.maximum(root, 0.0))) / V, U / V)
        size = np.abs(delta) * np.sqrt(V)
        delta *= np.minimum(1.0, _LARGEST_STEP / size)
        good = np.isfinite(delta) & (profile.decrement >= 0.0)
        ended = good & (size < _LIMIT) & (profile.decrement < _HELD) & (sign * U < 0.0)
        at = moving[good]
        theta[at, :-1] += (profile.step + profile.along * delta[:, None])[good]
        theta[at, -1] += delta[good]
        settled[moving[ended]] = True
        moving = moving[good & ~ended]
    return theta[:, -1], settled


@dataclass(frozen=True, slots=True)
class _Profile:
    """The profile of the last coefficient at some places, to second order.

    Attributes
    ----------
    value, slope, curvature : of the penalised likelihood maximised over the others.
    decrement : of the step to that maximum, squared.
    step : ``(R, p - 1)``, to it.
    along : ``(R, p - 1)``, what it moves by for each unit of the last coefficient.
    """

    value: F64
    slope: F64
    curvature: F64
    decrement: F64
    step: F64
    along: F64


def _evaluate_profile(passes: LogisticPasses, peak: _Peak, theta: F64, moving: I64) -> _Profile:
    """Evaluate the profile of some tracks."""
    tracks = replace(peak.tracks.take(moving), theta=theta[moving])
    found = passes.evaluate(tracks)
    own = invert_each(found.information)
    score = found.score + passes.penalise(tracks, own, roughly=True)
    curvature = 1.0 / own[:, -1, -1]
    along = own[:, :-1, -1] * curvature[:, None]
    others = own[:, :-1, :-1] - along[:, :, None] * own[:, None, -1, :-1]
    step = np.einsum("rpq,rq->rp", others, score[:, :-1])
    decrement = np.einsum("rp,rp->r", step, score[:, :-1])
    value = found.value + _measure_log(found.information) / 2.0 + decrement / 2.0
    slope = score[:, -1] + np.einsum("rp,rp->r", along, score[:, :-1])
    return _Profile(value, slope, curvature, decrement, step, along)
