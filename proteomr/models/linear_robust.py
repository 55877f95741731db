"""Standard errors of projected linear fits: classical, and robust ones from their residuals.

What :func:`proteomr.stats.sandwich.estimate_sandwich` computes from one design matrix comes here
from the basis that all fits of a chain share. Columns of a fit, its own covariates and terms made
orthonormal and its residuals, are combinations of the basis and of the protein's own columns, found
for a chunk of rows at a time; sums over rows of their products give the covariance. The leverage of
a row is the square of its length in the basis made orthonormal within the protein's rows, and what
the orthonormal columns add to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block
from proteomr.models.carriers import remark_on_carriers
from proteomr.models.linear_chain import Chain
from proteomr.models.linear_projection import Projection, Reduced
from proteomr.models.linear_rows import FitColumns, Leverages
from proteomr.stats.loops import COMPILED_FROM, load_loops
from proteomr.stats.sandwich import LINEARISED, ErrorKind
from proteomr.stats.workspace import workspace

__all__ = ["LEVERAGED", "Errors", "estimate_classical", "estimate_robust"]

_CHUNK = 512  # rows whose products stay in the second-level cache
_PROTEINS = 12  # enough that their columns fill a matrix product
_CLUSTERED = 4  # proteins whose sums by cluster do not leave the caches
# Leverages of single precision are right to this share of them, each by itself: half the spacing
# times the root of the columns summed, and what scales them all, to a tenth of that. They enter as
# 1 - h, so that little of it is left in a standard error, which is to have ten digits.
_SINGLE, _SCALED = 2e-7, 2e-8
_DIGITS = 5e-11  # half of the 1e-10 asked of linear fits
# With less of a row's residual left than that, down-dating has cost it too many digits.
_LEAST_FREE = 1e-2
# A robust variance of so little of the classical one has lost four digits with the residuals that
# make it, more than those of a fit may be.
_ROUNDED = 1e-4
# An orthonormal column of a row that this is all of moves nothing by more than rounding.
_ISOLATED = 1e-9
LEVERAGED = {"HC2": 0.5, "HC3": 1.0}
"""Kinds that divide residuals by a power of one less their leverage, and the power."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of the t terms of one model of b proteins.

    Attributes
    ----------
    covariance : ``(b, t, t)``.
    df : ``(b,)``, degrees of freedom.
    carriers : ``(b, t)``, effective number of people or clusters behind each; None for classical.
    sound : ``(b,)``, False where the exact path has to decide.
    """

    covariance: F64
    df: F64
    carriers: F64 | None
    sound: Bool

    @property
    def se(self) -> F64:
        """Standard errors ``(b, t)``."""
        with np.errstate(invalid="ignore"):  # of fits that are not sound
            return np.asarray(np.sqrt(np.einsum("bii->bi", self.covariance)))

    def remark(self, proteins: I64, term: int, kind: ErrorKind) -> dict[int, str]:
        """Say of which proteins too few people or clusters carry an estimate."""
        if self.carriers is None:
            return {}
        carriers = self.carriers[:, term]
        said = {
            j: remark_on_carriers(float(carriers[j]), kind, float(self.df[j]))
            for j in proteins.tolist()
        }
        return {j: what for j, what in said.items() if what}


def estimate_classical(reduced: Reduced) -> Errors:
    """Return the errors of equal variances."""
    variance = reduced.rss / np.where(reduced.df > 0.0, reduced.df, np.nan)
    covariance = reduced.unscaled * variance[:, None, None]
    return Errors(covariance, reduced.df, None, np.ones(variance.size, dtype=bool))


def estimate_robust(
    chain: Chain,
    projection: Projection,
    reduced: Sequence[Reduced],
    block: Block,
    missing: Sequence[I64],
    plain: Sequence[Bool],
    *,
    kind: ErrorKind,
    clusters: I64 | None,
) -> list[Errors]:
    """Estimate robust errors of all models of a chain.

    Parameters
    ----------
    missing : positions of the people whom each protein lacks.
    plain : ``(b,)`` for each model, where errors are wanted; others are not sound.
    kind : HC0 to HC3, linearised, CR0 or CR1.
    clusters : ``(n,)``, cluster of each row from 0 on, for the clustered kinds.
    """
    sums = _Sums.empty(len(reduced), block.values.shape[0], reduced[0].inverse.shape[1])
    wanted = np.flatnonzero(np.logical_or.reduce(list(plain)))
    walk = _Walk(chain, projection, reduced, block.observed, kind, clusters)
    # leverages are k / n on average
    small = chain.rank * _SCALED < _DIGITS * projection.counts[wanted]
    small &= chain.single is not None
    walk.add(wanted[small], sums, single=True)
    doubtful = sums.find_doubtful()[wanted] if kind in LEVERAGED else ~small
    walk.add(wanted[~small | doubtful], sums, single=False)
    G = None if clusters is None else _count_clusters(clusters, missing)
    return [
        _finish(r, sums, m, projection.counts, G, p, kind)
        for m, (r, p) in enumerate(zip(reduced, plain, strict=True))
    ]


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over rows for m models of b proteins.

    Attributes
    ----------
    meat : ``(m, b, t, t)``, of squared scores.
    fourth : ``(m, b, t)``, of the squared shares of rows or clusters.
    doubt : ``(m, b, t, 2)``, of what bounds the error that leverages bring in.
    sound : ``(m, b)``.
    """

    meat: F64
    fourth: F64
    doubt: F64
    sound: Bool

    @classmethod
    def empty(cls, m: int, b: int, t: int) -> _Sums:
        return cls(
            np.zeros((m, b, t, t)),
            np.zeros((m, b, t)),
            np.zeros((m, b, t, 2)),
            np.ones((m, b), dtype=bool),
        )

    def find_doubtful(self) -> Bool:
        """Return for which proteins leverages of single precision may not do ``(b,)``."""
        whole = np.einsum("mbtt->mbt", self.meat)
        off = _SCALED * self.doubt[..., 0] + _SINGLE * np.sqrt(self.doubt[..., 1])
        return np.asarray(np.any(~(off <= _DIGITS * whole), axis=(0, 2)))


def _count_clusters(clusters: I64, missing: Sequence[I64]) -> F64:
    """Return how many clusters each protein is observed in ``(b,)``."""
    sizes = np.bincount(clusters)
    absent = [np.bincount(clusters[rows], minlength=sizes.size) for rows in missing]
    return np.array([np.count_nonzero(sizes > lost) for lost in absent], dtype=np.float64)


def _finish(
    reduced: Reduced,
    sums: _Sums,
    m: int,
    counts: I64,
    G: F64 | None,
    plain: Bool,
    kind: ErrorKind,
) -> Errors:
    """Turn sums over rows into the errors of model m."""
    turned = reduced.inverse.transpose(0, 2, 1)
    covariance = np.matmul(np.matmul(turned, sums.meat[m]), reduced.inverse)
    sound, df = plain & sums.sound[m], reduced.df
    classical = estimate_classical(reduced).covariance
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.einsum("bii->bi", covariance) / np.einsum("bii->bi", classical)
        sound = sound & np.all(share > _ROUNDED, axis=1)
        if kind == "HC1":
            covariance *= (counts / df)[:, None, None]
        if kind == LINEARISED:
            covariance *= (counts / (counts - 1.0))[:, None, None]
        if G is not None:
            sound, df = sound & (G > 1), G - 1.0
            if kind == "CR1":
                covariance *= (G / df)[:, None, None]
        return Errors(covariance, df, 1.0 / sums.fourth[m], sound)


@dataclass(frozen=True, slots=True)
class _Walk:
    """What a walk over the rows of a chain needs."""

    chain: Chain
    projection: Projection
    reduced: Sequence[Reduced]
    observed: Bool
    kind: ErrorKind
    clusters: I64 | None

    def add(self, proteins: I64, sums: _Sums, *, single: bool) -> None:
        """Add up, for some proteins, what the errors of all models are made of.

        Parameters
        ----------
        single : take leverages of single precision.
        """
        together = _PROTEINS if self.clusters is None else _CLUSTERED
        for first in range(0, proteins.size, together):
            some = proteins[first : first + together]
            # products of one size round alike, whatever else is in the block
            again = np.repeat(some[-1:], together - some.size)
            self._add_tile(np.concatenate([some, again]), sums, single=single)

    def _add_tile(self, some: I64, sums: _Sums, *, single: bool) -> None:
        """Add up the sums of as many proteins as are taken together."""
        basis, power = self.chain.basis, LEVERAGED.get(self.kind, 0.0)
        loops = load_loops("sandwich", compiled=basis.n >= COMPILED_FROM)
        columns = FitColumns.of(self.chain, self.projection, self.reduced, some)
        leverages = (
            Leverages.of(self.chain, self.projection, some, single=single) if power else None
        )
        observed = self.observed[some]
        mixing = np.stack([_mix(r, some) for r in self.reduced])
        sets = np.array(
            [sorted({r.rank for r in self.reduced}).index(r.rank) for r in self.reduced]
        )
        part = _Sums.empty(len(self.reduced), some.size, mixing.shape[2])
        scores = self._lay_out_scores(some.size, mixing)
        base = np.zeros((some.size, 1, 1))
        for start in range(0, basis.n, _CHUNK):
            rows = slice(start, min(start + _CHUNK, basis.n))
            seen = np.ascontiguousarray(observed[:, rows])
            found = columns.compute(rows, seen, loops)
            if self.clusters is not None:
                loops.add_clusters(found, self.clusters[rows], mixing, scores)
                continue
            if leverages is not None:
                base = leverages.compute(rows, loops)
            loops.add_squares(
                found,
                base,
                sets,
                seen,
                mixing,
                power,
                _LEAST_FREE,
                _ISOLATED,
                part.meat,
                part.fourth,
                part.doubt,
                part.sound,
            )
        if self.clusters is not None:
            _add_scores(scores, part)
        sums.meat[:, some], sums.fourth[:, some] = part.meat, part.fourth
        sums.doubt[:, some], sums.sound[:, some] = part.doubt, part.sound

    def _lay_out_scores(self, b: int, mixing: F64) -> F64:
        """Return room for the sums of each cluster, 0."""
        g = 0 if self.clusters is None else int(self.clusters.max()) + 1
        scores = workspace.take(
            "robust scores", (b, g, 2 * mixing.shape[0] * mixing.shape[2]), np.float64
        )
        scores[:] = 0.0
        return scores


def _mix(reduced: Reduced, some: I64) -> F64:
    """Return how columns of terms move coefficients, in the latter's classical errors."""
    turned = reduced.inverse[some].transpose(0, 2, 1)
    return np.ascontiguousarray(turned / np.linalg.norm(turned, axis=2, keepdims=True))


def _add_scores(scores: F64, sums: _Sums) -> None:
    """Add up the squares of clusters' scores ``(b, g, 2 m t)``."""
    m, b, t = sums.fourth.shape
    by_model = scores.reshape(b, -1, m, 2, t)
    for model in range(m):
        score, share = by_model[:, :, model, 0], by_model[:, :, model, 1]
        sums.meat[model] = np.matmul(score.transpose(0, 2, 1), score)
        sums.fourth[model] = np.einsum("bgt,bgt->bt", share, share)
