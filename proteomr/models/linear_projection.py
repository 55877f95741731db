"""Linear fits of a block of proteins by small Schur complements.

A protein's Gram matrix in a chain's basis is the common one less the part of its missing rows;
terms, own covariates and protein are borders of it, and what the covariates leave of these borders
gives all fits. Pivots are checked after down-dating.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block
from proteomr.models.linear_chain import Chain, ChainModel, Terms
from proteomr.stats.linalg import cholesky_pivots

__all__ = ["PIVOT", "Projection", "Reduced", "factor_borders", "project_block", "reduce_model"]

# A Schur complement of this share of its diagonal has lost five digits to cancellation: with the
# sixteen of doubles, estimates keep the 1e-10 asked of linear fits. What is below is refined.
PIVOT = 1e-5


@dataclass(frozen=True, slots=True)
class Projection:
    """A block on the basis of a chain: k columns of covariates, and c others that border them.

    The others are s own covariates, the terms of the chain, the protein, its products, and the
    responses that each protein has for itself.

    Attributes
    ----------
    columns : ``(b, s + 1 + i + r, n)``, those of the others that are each protein's own, as one
        array or, where there is the protein alone, the block's.
    factor : ``(b, k, k)``, lower Cholesky factors of the covariates' Gram matrices.
    plain : ``(b,)``, whether these have lost no more digits than can be spared.
    borders : ``(b, k, c)``, products with the others, times the inverse of the factor.
    corner : ``(b, c, c)``, products of the others with one another.
    counts : ``(b,)``, people whom the rows observed stand for.
    own, responses : number of own covariates, and of responses.
    """

    columns: F64
    factor: F64
    plain: Bool
    borders: F64
    corner: F64
    counts: I64
    own: int
    responses: int = 0


@dataclass(frozen=True, slots=True)
class Reduced:
    """One model of every protein of a block.

    Attributes
    ----------
    take : the borders of its s own covariates, t terms and response, in turn.
    rank : columns of the basis that its covariates span.
    factor : ``(b, s + t + 1, s + t + 1)``, lower Cholesky factor of the products of what the
        covariates leave of them; its last row has the response's.
    inverse : ``(b, t, t)``, inverse of the part of the terms.
    rss, df : ``(b,)``, residual sum of squares and its degrees of freedom.
    plain : ``(b,)``, whether no pivot has lost more digits than can be spared.
    """

    take: I64
    rank: int
    factor: F64
    inverse: F64
    rss: F64
    df: F64
    plain: Bool

    @property
    def estimate(self) -> F64:
        """Coefficients of the terms ``(b, t)``."""
        t = self.inverse.shape[1]
        return np.asarray(np.einsum("bji,bj->bi", self.inverse, self.factor[:, -1, -t - 1 : -1]))

    @property
    def unscaled(self) -> F64:
        """The covariance of the terms over the variance of a residual ``(b, t, t)``."""
        return np.asarray(np.matmul(self.inverse.transpose(0, 2, 1), self.inverse))


def project_block(
    chain: Chain,
    terms: Terms,
    block: Block,
    missing: Sequence[I64],
    responses: F64 | None = None,
    *,
    counts: I64 | None = None,
) -> Projection:
    """Project a block, standardised, on the basis of a chain.

    Parameters
    ----------
    missing : positions of the people whom each protein lacks, ascending.
    responses : ``(b, r, n)``, outcomes that are transformed within the rows of each protein,
        standardised; None without any.
    counts : ``(b,)``, people whom the rows observed stand for; None where each is one.
    """
    k = chain.rank
    gram = chain.basis.grams_without(missing)
    factor, pivots = cholesky_pivots(gram[:, :k, :k])
    columns = _lay_out_columns(chain, terms, block, responses)
    borders, corner = _border(chain, columns, gram, k, block.own.shape[1])
    return Projection(
        columns,
        factor,
        (pivots > PIVOT) & chain.basis.keeps_digits(gram),
        np.asarray(np.linalg.solve(factor, borders), dtype=np.float64),
        corner,
        block.counts if counts is None else counts,
        block.own.shape[1],
        0 if responses is None else responses.shape[1],
    )


def _lay_out_columns(chain: Chain, terms: Terms, block: Block, responses: F64 | None) -> F64:
    """Put own covariates, protein, its products where they are terms, and responses together."""
    own, values = block.own, block.values
    products = [] if all(model.response for model in chain.models) else list(terms.by.T)
    if not own.shape[1] and not products and responses is None:
        columns = values[:, None, :]
        return columns if terms.root is None else columns * terms.root
    parts = [own, values[:, None, :], *(values[:, None, :] * by for by in products)]
    if responses is not None:
        parts.append(responses)
    columns = np.concatenate(parts, axis=1)
    if terms.root is not None:
        columns *= terms.root
    return columns


def _border(chain: Chain, columns: F64, gram: F64, k: int, s: int) -> tuple[F64, F64]:
    """Return the products of own covariates, terms, protein with basis and one another."""
    b, m, n = columns.shape
    e = gram.shape[1] - k
    products = chain.basis.times(columns.reshape(b * m, n)).reshape(b, m, k + e)
    ends = np.array([*range(s), *range(s + e, m + e)])
    middle = np.arange(s, s + e)
    borders = np.empty((b, k, m + e))
    borders[:, :, ends] = products[:, :, :k].transpose(0, 2, 1)
    borders[:, :, middle] = gram[:, :k, k:]
    corner = np.empty((b, m + e, m + e))
    inner = np.matmul(columns, columns.transpose(0, 2, 1))
    corner[:, ends[:, None], ends] = inner
    corner[:, ends[:, None], middle] = products[:, :, k:]
    corner[:, middle[:, None], ends] = products[:, :, k:].transpose(0, 2, 1)
    corner[:, middle[:, None], middle] = gram[:, k:, k:]
    return borders, corner


def reduce_model(
    chain: Chain,
    terms: Terms,
    projection: Projection,
    model: ChainModel,
    response: int | None = None,
) -> Reduced:
    """Take own covariates and terms out of the response of one model, for all proteins.

    Parameters
    ----------
    response : position among the projection's responses; None for the target of the chain.
    """
    s = projection.own
    e = chain.basis.width - chain.rank
    of_target = [s + term for term in terms.of(model.target)]
    if model.response:
        take = [*range(s), *of_target, s + e]
    else:
        stop = projection.corner.shape[1] - projection.responses
        last = of_target[0] if response is None else stop + response
        take = [*range(s), *range(s + e, stop), last]
    rank = chain.ranks[model.adjustment]
    V = projection.borders[:, :rank, take]
    whole = projection.corner[:, take][:, :, take]
    S = whole - np.matmul(V.transpose(0, 2, 1), V)
    factor, smallest = factor_borders(S, np.einsum("bii->bi", whole))
    df = projection.counts - rank - (len(take) - 1)
    plain = (smallest > PIVOT) & (df > 0) & projection.plain
    factor[~plain] = np.eye(len(take))
    inverse = np.asarray(np.linalg.inv(factor[:, s:-1, s:-1]), dtype=np.float64)
    rss = factor[:, -1, -1] ** 2
    return Reduced(np.array(take), rank, factor, inverse, rss, df.astype(np.float64), plain)


def factor_borders(S: F64, whole: F64) -> tuple[F64, F64]:
    """Return Cholesky factors ``(b, c, c)`` and their smallest pivots, as shares of the whole.

    Parameters
    ----------
    S : ``(b, c, c)``, overwritten.
    whole : ``(b, c)``.
    """
    L = np.zeros_like(S)
    smallest = np.full(S.shape[0], np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        for p in range(S.shape[1]):
            pivot = S[:, p, p].copy()
            smallest = np.minimum(smallest, pivot / whole[:, p])
            L[:, p:, p] = S[:, p:, p] / np.sqrt(pivot)[:, None]
            S[:, p + 1 :, p + 1 :] -= L[:, p + 1 :, [p]] * L[:, p + 1 :, p][:, None, :]
    # no number is smaller than another
    return L, np.where(np.isnan(smallest), 0.0, smallest)
