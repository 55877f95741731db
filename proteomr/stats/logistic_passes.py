"""Likelihoods, scores and informations of many logistic fits that share their covariates.

One pass over the rows gives all of them in double precision, with the fit's own information: what
tests, penalties and covariances of a whole model need, and quasi-Newton steps on shared information
(:mod:`proteomr.stats.batched_regressions`) do without. Letters and shapes are those of
:mod:`proteomr.stats.paired_rows`; fit r is of response ``responses[r]``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.chunked import Chunk, ChunkedDesign
from proteomr.stats.paired_rows import AtChunk, CrossSums, PairedRows, ScoreSums, fill_fits

__all__ = ["LogisticPasses", "Pass", "Tracks"]

# Beyond, a linear predictor changes no probability.
_FARTHEST = 700.0


@dataclass(frozen=True, slots=True)
class Tracks:
    """Which fits are followed: of which protein and response, and where they are.

    Attributes
    ----------
    proteins, responses : ``(R,)``, positions.
    theta : ``(R, p)``, coefficients.
    """

    proteins: I64
    responses: I64
    theta: F64

    def take(self, at: I64) -> Tracks:
        """Return some of them."""
        return Tracks(self.proteins[at], self.responses[at], self.theta[at])


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass over the rows gives of R fits.

    Attributes
    ----------
    value : ``(R,)``, log-likelihoods.
    score : ``(R, p)``.
    information : ``(R, p, p)``; None where it is not asked for.
    """

    value: F64
    score: F64
    information: F64


class LogisticPasses(PairedRows):
    """The rows of a block of logistic fits, ready for passes.

    Parameters
    ----------
    design : the covariates.
    responses : ``(F, n)``, 0 or 1.
    borders : ``(B, s, n)``, the columns of each protein; 0 where it is not observed.
    mask : ``(B, n)``, what a row counts, 0 where the protein is not observed.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> design = chunk_design(np.zeros((4, 0)), np.ones((1, 1)), np.zeros(4, dtype=np.int64))
    >>> passes = LogisticPasses(
    ...     design, np.array([[0.0, 0.0, 1.0, 1.0]]), np.arange(4.0)[None, None], np.ones((1, 4)))
    >>> found = passes.evaluate(passes.start(np.zeros((1, 1))))
    >>> found.score.tolist(), found.information[0].tolist()
    ([[0.0, 2.0]], [[1.0, 1.5], [1.5, 3.5]])
    """

    def __init__(self, design: ChunkedDesign, responses: F64, borders: F64, mask: F64) -> None:
        super().__init__(design, borders)
        self.responses = responses
        self.mask = mask

    def start(self, coefficients: F64) -> Tracks:
        """Return a track for each protein and response, from those of the covariates ``(F, k)``."""
        B, F = self.mask.shape[0], self.responses.shape[0]
        theta = np.zeros((B, F, self.p))
        theta[:, :, : self.design.k] = coefficients
        proteins, responses = np.divmod(np.arange(B * F), F)
        return Tracks(proteins, responses, theta.reshape(B * F, self.p))

    def evaluate(self, tracks: Tracks, *, informed: bool = True) -> Pass:
        """Pass over the rows for likelihoods, scores and informations.

        Parameters
        ----------
        informed : whether informations are wanted, most of the work.
        """
        R = tracks.proteins.size
        walk = _Walk(self, tracks.take(fill_fits(R)))
        value, scores = np.zeros(walk.R), ScoreSums(self.design, walk.R, self.s)
        sums = CrossSums(self, walk.R) if informed else None
        for chunk in self.design.chunks:
            rows, of = walk.reach(chunk)
            value += np.einsum("rc,rc->r", of.m, (of.y - 1.0) * of.eta + np.log(of.mu))
            scores.add(rows, of.m * (of.y - of.mu))
            if sums is not None:
                sums.add(rows, of.weights)
        information = np.empty((R, 0, 0)) if sums is None else sums.close()[:R]
        return Pass(value[:R], scores.close()[:R], information)

    def penalise(self, tracks: Tracks, inverse: F64, *, roughly: bool = False) -> F64:
        """Pass over the rows for the score of Firth's penalty ``(R, p)``.

        That is ``sum x h (1/2 - mu)`` with the leverages ``h = w x' I^-1 x``.

        Parameters
        ----------
        inverse : ``(R, p, p)``, the inverse informations of the tracks.
        roughly : leverages in single precision.
        """
        R = tracks.proteins.size
        filled = fill_fits(R)
        walk, spread = _Walk(self, tracks.take(filled)), self.spread(inverse[filled])
        scores = ScoreSums(self.design, walk.R, self.s)
        for chunk in self.design.chunks:
            rows, of = walk.reach(chunk)
            leverage = of.weights * self.square(rows, spread, roughly=roughly)
            scores.add(rows, leverage * (0.5 - of.mu))
        return scores.close()[:R]


@dataclass(frozen=True, slots=True)
class _Means:
    """Responses, counts, predictors, odds of being no case, and means of some rows ``(R, c)``."""

    y: F64
    m: F64
    eta: F64
    odds: F64
    mu: F64

    @property
    def weights(self) -> F64:
        return np.asarray(self.m * self.mu * self.mu * self.odds)


class _Walk:
    """The tracks on their way over the rows, chunk by chunk."""

    def __init__(self, of: LogisticPasses, tracks: Tracks) -> None:
        self._of, self._tracks, self.R = of, tracks, tracks.proteins.size
        self._parts = of.split(tracks.theta)

    def reach(self, chunk: Chunk) -> tuple[AtChunk, _Means]:
        """Return the rows of a chunk, and their means."""
        tracks = self._tracks
        rows = self._of.reach(chunk, tracks.proteins)
        eta = rows.predict(*self._parts)
        np.clip(eta, -_FARTHEST, _FARTHEST, out=eta)
        odds = np.exp(-eta)
        y = self._of.responses[tracks.responses, rows.at]
        m = self._of.mask[tracks.proteins, rows.at]
        return rows, _Means(y, m, eta, odds, 1.0 / (1.0 + odds))
