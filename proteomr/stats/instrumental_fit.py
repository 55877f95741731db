"""Instrumental-variable fits of b regressions: estimates, errors and tests, with a certificate.

Estimates come from :class:`~proteomr.stats.instrumental.Triangles`; robust errors and the effective
F need the rows, which are walked in chunks of orthonormal columns. The same walk sums the residuals
anew, by which every fit is certified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.instrument_tests import InstrumentTest, assess_instruments
from proteomr.stats.instrumental import (
    Estimates,
    Triangles,
    estimate_limited_information,
    estimate_two_stage,
)
from proteomr.stats.sandwich import ErrorKind

__all__ = ["Chunk", "InstrumentalFit", "KClass", "Walk", "fit_instrumental", "scale_variance"]

KClass: TypeAlias = Literal["2sls", "liml"]

# What sums over rows may differ by from the triangles, as shares of the lengths that they are made
# of: estimates then agree to ten digits with those of any path.
_CERTIFIED = 1e-10


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some r rows of b regressions, as orthonormal columns; 0 where a row is not in a fit.

    Attributes
    ----------
    instruments : ``(b, q, r)``.
    first : ``(b, r)``, direction of what the instruments leave of the endogenous variable.
    rest : ``(b, r)``, what both leave of the response.
    clusters : ``(r,)``, from 0 on; None for independent rows.
    """

    instruments: F64
    first: F64
    rest: F64
    clusters: I64 | None


Walk: TypeAlias = Callable[[], Iterable[Chunk]]


@dataclass(frozen=True, slots=True)
class InstrumentalFit:
    """Fits of b regressions, in the units of the triangles: all ``(b,)``.

    Attributes
    ----------
    estimates : of the coefficients.
    se, df : its standard error and degrees of freedom.
    carriers : effective number of rows, or clusters, behind each robust error; infinite for
        classical ones.
    certified : whether the rows bear the triangles out.
    tests : of the instruments, by name.
    """

    estimates: Estimates
    se: F64
    df: F64
    carriers: F64
    certified: Bool
    tests: dict[str, InstrumentTest]


def fit_instrumental(
    triangles: Triangles,
    walk: Walk,
    *,
    estimator: KClass,
    errors: ErrorKind,
    clusters: F64 | None = None,
) -> InstrumentalFit:
    """Fit, test and certify b regressions.

    Classical errors are ``rss / (n - k - 1)`` over the information. HC0 is the sandwich of the
    scores of the fitted endogenous variable, HC1 times ``n / (n - k - 1)``, CR0 and CR1 their sums
    within G clusters, CR1 times ``G / (G - 1)``, with G - 1 degrees of freedom: the robust forms of
    ``linearmodels``.

    Parameters
    ----------
    walk : goes over the rows, as often as it is called.
    clusters : ``(b,)``, how many clusters each regression has rows of.
    """
    choose = estimate_limited_information if estimator == "liml" else estimate_two_stage
    chosen = choose(triangles)
    robust = errors != "classical"
    sums = _walk_rows(triangles, chosen, walk, moments=robust)
    scale, df = scale_variance(triangles, errors, clusters)
    with np.errstate(divide="ignore", invalid="ignore"):
        if robust:
            meat = np.einsum("bi,bij,bj->b", triangles.a, sums.moments, triangles.a)
            variance = meat / chosen.information**2 * scale
        else:
            variance = chosen.rss / df / chosen.information
    with np.errstate(divide="ignore", invalid="ignore"):
        carriers = 1.0 / sums.fourth if robust else np.full(df.size, np.inf)
        se = np.sqrt(variance)
    tests = assess_instruments(
        triangles,
        chosen,
        trace=sums.trace * _scale_first(triangles, errors, clusters),
        moments=sums.moments if robust else None,
    )
    return InstrumentalFit(chosen, se, df, carriers, sums.certified, tests)


def scale_variance(
    triangles: Triangles, errors: ErrorKind, clusters: F64 | None
) -> tuple[F64, F64]:
    """Return what a robust variance is multiplied by, and the degrees of freedom ``(b,)``."""
    one = np.ones(triangles.c.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        if errors == "HC1":
            return triangles.n / triangles.df, triangles.df
        if clusters is not None:
            return clusters / (clusters - 1.0) if errors == "CR1" else one, clusters - 1.0
    return one, triangles.df


def _scale_first(triangles: Triangles, errors: ErrorKind, clusters: F64 | None) -> F64:
    """Return what the robust variance of the first stage is multiplied by.

    As for the errors asked for; beside classical ones as HC1, so that the effective F of one
    instrument is the robust F of the field's programs.
    """
    if errors in {"classical", "HC1"}:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(triangles.n / triangles.first_df)
    return scale_variance(triangles, errors, clusters)[0]


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over the rows of b regressions."""

    moments: F64
    trace: F64
    fourth: F64
    certified: Bool


@dataclass(slots=True)
class _Running:
    """What a walk adds up: ``scores`` only of clusters, ``(b, G, 2 q + 1)``."""

    moments: F64
    trace: F64
    fourth: F64
    of_residuals: F64
    of_first: F64
    lengths: F64
    rss: F64
    scores: F64 | None = None

    @classmethod
    def empty(cls, b: int, q: int) -> _Running:
        each, square = np.zeros(b), np.zeros((b, q))
        return cls(
            moments=np.zeros((b, q, q)),
            trace=each,
            fourth=each.copy(),
            of_residuals=square,
            of_first=square.copy(),
            lengths=square.copy(),
            rss=each.copy(),
        )


def _walk_rows(triangles: Triangles, estimates: Estimates, walk: Walk, *, moments: bool) -> _Sums:
    """Go over the rows once."""
    b, q = triangles.a.shape
    running = _Running.empty(b, q)
    with np.errstate(invalid="ignore", over="ignore"):  # of regressions without an estimate
        for chunk in walk():
            _add_chunk(running, chunk, triangles, estimates, moments=moments)
    if running.scores is not None:
        _add_clusters(running, q)
    with np.errstate(divide="ignore", invalid="ignore"):
        trace = running.trace * triangles.c**2
        fourth = running.fourth / triangles.predicted**2
        length = np.sqrt(estimates.rss)
        off = np.abs(running.of_residuals - estimates.along).max(axis=1) / length
        certified = off <= _CERTIFIED
        certified &= np.abs(running.rss - estimates.rss) <= _CERTIFIED * estimates.rss
    certified &= np.abs(running.of_first).max(axis=1) <= _CERTIFIED
    certified &= np.abs(running.lengths - 1.0).max(axis=1) <= _CERTIFIED
    return _Sums(running.moments, trace, fourth, certified)


def _add_chunk(
    running: _Running, chunk: Chunk, triangles: Triangles, estimates: Estimates, *, moments: bool
) -> None:
    Z, first = chunk.instruments, chunk.first
    residuals = np.matmul(estimates.along[:, None], Z)[:, 0]
    residuals += estimates.beyond[:, :1] * first + chunk.rest
    squares = Z * Z
    running.of_residuals += np.matmul(Z, residuals[:, :, None])[:, :, 0]
    running.of_first += np.matmul(Z, first[:, :, None])[:, :, 0]
    running.lengths += squares.sum(axis=2)
    running.rss += np.sum(residuals**2, axis=1)
    if chunk.clusters is None:
        running.trace += np.sum(squares.sum(axis=1) * first**2, axis=1)
        if moments:
            scores = Z * residuals[:, None]
            running.moments += np.matmul(scores, scores.transpose(0, 2, 1))
            fitted = np.matmul(triangles.a[:, None], Z)[:, 0]
            running.fourth += np.sum(fitted**4, axis=1)
        return
    fitted = np.matmul(triangles.a[:, None], Z)
    parts = np.concatenate([Z * residuals[:, None], Z * first[:, None], fitted**2], axis=1)
    top = int(chunk.clusters.max(initial=-1)) + 1
    running.scores = _widen(running.scores, (Z.shape[0], top, parts.shape[1]))
    for j, part in enumerate(parts):
        np.add.at(running.scores[j], chunk.clusters, part.T)


def _widen(scores: F64 | None, shape: tuple[int, int, int]) -> F64:
    """Return room for the sums of as many clusters."""
    if scores is not None and scores.shape[1] >= shape[1]:
        return scores
    wide = np.zeros(shape)
    if scores is not None:
        wide[:, : scores.shape[1]] = scores
    return wide


def _add_clusters(running: _Running, q: int) -> None:
    """Turn the sums within clusters into those of their squares."""
    scores = running.scores
    if scores is None:
        return
    of_residuals, of_first = scores[:, :, :q], scores[:, :, q : 2 * q]
    running.moments += np.matmul(of_residuals.transpose(0, 2, 1), of_residuals)
    running.trace += np.sum(of_first**2, axis=(1, 2))
    running.fourth += np.sum(scores[:, :, -1] ** 2, axis=1)
