"""Instrumental-variable fits of blocks of proteins, on the covariates' common basis.

Covariates and common instruments are laid out once, as the covariates and terms of the linear
family are (:mod:`proteomr.models.linear_chain`); each protein's missing people are taken out of the
products, and a small Cholesky factor gives the triangles that all estimates are functions of.
Instruments of a protein's own are borders of it, as its own covariates are.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.linear_chain import Chain, ChainModel
from proteomr.models.linear_projection import (
    PIVOT,
    Projection,
    Reduced,
    factor_borders,
)
from proteomr.models.linear_rows import FitColumns
from proteomr.stats.anderson_rubin import Interval, invert_anderson_rubin
from proteomr.stats.instrumental import Triangles
from proteomr.stats.instrumental_fit import Chunk, InstrumentalFit, KClass, fit_instrumental
from proteomr.stats.loops import COMPILED_FROM, load_loops
from proteomr.stats.sandwich import ErrorKind

__all__ = ["Places", "Tile", "fit_tiles"]

_CHUNK = 512  # rows whose columns stay in the second-level cache
_PROTEINS = 12  # of a tile: products of one size round alike, whatever else is in a block
# Where the instruments say less of the endogenous variable than this share of its length, squared,
# rounding of the products is more than 1e-11 of what they say.
_TOLD = 1e-10
# A robust variance of so little of the classical one has lost digits with its residuals.
_ROUNDED = 1e-4


@dataclass(frozen=True, slots=True)
class Places:
    """Where the columns of a model stand among the borders of a projection.

    Attributes
    ----------
    own : of own covariates.
    instruments : of the instruments in use.
    target, protein : of these two.
    """

    own: tuple[int, ...]
    instruments: tuple[int, ...]
    target: int
    protein: int


@dataclass(frozen=True, slots=True)
class Tile:
    """The fits of one model of some proteins, in the units of the projection.

    Attributes
    ----------
    proteins : positions in the block; the fit may have more rows behind them, of no use.
    sound : which of them have their certificate.
    """

    proteins: I64
    fit: InstrumentalFit
    triangles: Triangles
    sets: list[tuple[Interval, ...]]
    sound: Bool


def fit_tiles(
    chain: Chain,
    projection: Projection,
    model: ChainModel,
    places: Places,
    observed: Bool,
    *,
    estimator: KClass,
    errors: ErrorKind,
    level: float,
    clusters: I64 | None,
    cluster_counts: F64 | None,
) -> Iterator[Tile]:
    """Fit one model to all proteins of a projection, a tile of them at a time.

    Parameters
    ----------
    observed : ``(b, n)``.
    level : coverage of the confidence sets.
    clusters : ``(n,)``, from 0 on; None for independent rows.
    cluster_counts : ``(b,)``, how many of them each protein is observed in.
    """
    s, q = len(places.own), len(places.instruments)
    reduced, plain = _reduce(chain, projection, model, places)
    R = reduced.factor[:, s:, s:].transpose(0, 2, 1)
    k = np.full(R.shape[0], float(reduced.rank + s))
    triangles = Triangles.of(R, n=projection.counts.astype(np.float64), k=k)
    told = triangles.predicted > _TOLD * (triangles.predicted + triangles.c**2)
    plain &= told & (triangles.first_df > 0) & (triangles.df > 0)
    walk = _Rows(chain, projection, reduced, observed, clusters, s, q)
    for first in range(0, R.shape[0], _PROTEINS):
        some = np.arange(first, min(first + _PROTEINS, R.shape[0]))
        short = _PROTEINS - some.size if R.shape[0] > 1 else 0
        tile = np.concatenate([some, np.repeat(some[-1:], short)])
        part = triangles.take(tile)
        fit = fit_instrumental(
            part,
            functools.partial(walk.walk, tile),
            estimator=estimator,
            errors=errors,
            clusters=None if cluster_counts is None else cluster_counts[tile],
        )
        sound = plain[tile] & _is_certified(fit, part, errors)
        sets = invert_anderson_rubin(triangles.take(some), level=level)
        yield Tile(some, fit, part, sets, sound[: some.size])


def _is_certified(fit: InstrumentalFit, triangles: Triangles, errors: ErrorKind) -> Bool:
    """Say which fits the rows bear out, with an error that has its digits ``(b,)``."""
    sound = fit.certified & np.isfinite(fit.se) & (fit.se > 0.0)
    if errors == "classical":
        return np.asarray(sound)
    with np.errstate(divide="ignore", invalid="ignore"):
        classical = fit.estimates.rss / triangles.df / fit.estimates.information
        return np.asarray(sound & (fit.se**2 > _ROUNDED * classical) & (fit.df > 0))


def _reduce(
    chain: Chain, projection: Projection, model: ChainModel, places: Places
) -> tuple[Reduced, Bool]:
    """Factor what the covariates leave of own ones, instruments, endogenous and response."""
    ends = [places.target, places.protein] if model.response else [places.protein, places.target]
    take = [*places.own, *places.instruments, *ends]
    rank = chain.ranks[model.adjustment]
    V = projection.borders[:, :rank, take]
    whole = projection.corner[:, take][:, :, take]
    S = whole - np.matmul(V.transpose(0, 2, 1), V)
    factor, smallest = factor_borders(S, np.einsum("bii->bi", whole))
    plain = (smallest > PIVOT) & projection.plain
    factor[~plain] = np.eye(len(take))
    none = np.zeros(factor.shape[0])
    return Reduced(np.array(take), rank, factor, factor[:, :0, :0], none, none, plain), plain


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a model, as orthonormal columns, for some proteins at a time."""

    chain: Chain
    projection: Projection
    reduced: Reduced
    observed: Bool
    clusters: I64 | None
    s: int
    q: int

    def walk(self, some: I64) -> Iterator[Chunk]:
        basis = self.chain.basis
        loops = load_loops("sandwich", compiled=basis.n >= COMPILED_FROM)
        columns = FitColumns.of(self.chain, self.projection, [self.reduced], some)
        observed = self.observed[some]
        for start in range(0, basis.n, _CHUNK):
            rows = slice(start, min(start + _CHUNK, basis.n))
            seen = np.ascontiguousarray(observed[:, rows])
            found = columns.compute(rows, seen, loops)[0]
            clusters = None if self.clusters is None else self.clusters[rows]
            at = self.s + self.q
            yield Chunk(found[:, self.s : at], found[:, at], found[:, -1], clusters)
