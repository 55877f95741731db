"""Permutation of people: the score of each model if the residuals of its null were another's.

Of a model of target x, protein P and covariates C the score of no effect is ``e' r``: r the
residuals of the target on the covariates, e what these leave of the protein in its own complete
cases, of length 1; in least squares both as they are, in logistic models each with the root of the
null model's weights (Pearson's residuals). A draw permutes r over all people and leaves the
proteins, with what they lack, where they are, so that one permutation serves all of them and the
correlation of proteins is kept: with all people observed the scores of Freedman and Lane (1983,
doi:10.2307/1391660), who permute what the covariates leave of the response (Winkler et al. 2014,
doi:10.1016/j.neuroimage.2014.01.060).

Permuted residuals go with the covariates, which those of the null do not: what covariates leave of
them, and that alone meets e, is shorter by about ``sqrt((n - k) / n)``. Scores are therefore those
of residuals whose rest is as long as r, so that they are correlations in the draws as they are in
the data; without it too few draws reach the data's, ever more with more covariates a person.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, Problem
from proteomr.models.fits import FitBlock, Permuted
from proteomr.models.permutations import Permutations
from proteomr.models.whole_blocks import SharedColumns, lay_out_shared
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.logistic import means_of
from proteomr.stats.logistic_base import fit_base
from proteomr.stats.paired_rows import PairedRows, fill_fits, multiply_fits
from proteomr.status import Status

__all__ = ["NullScore", "Permuting", "draw_orders", "score_least_squares", "score_logistic_null"]

NullScore: TypeAlias = tuple[F64, F64]
"""Roots of the weights of a null model's rows, and its residuals, scaled to be of one size."""

Score: TypeAlias = Callable[[ChunkedDesign, F64, F64 | None], NullScore | None]

# Draws that are worked through together: their residuals stay some tens of megabytes.
_AT_ONCE = 100
# Orders of people that are kept from block to block, in bytes; more are drawn again for each block.
_KEPT = 600_000_000
# Of the squares of what covariates leave of a protein: below, rounding is part of it.
_PLAIN = 1e-8
# Scores that differ by rounding alone are the same: those of a permutation that changes nothing.
_SAME = 1e-9
# Of the squares of permuted residuals: where covariates leave less, rounding is part of it.
_LEAST_LEFT = 1e-12


def score_least_squares(
    design: ChunkedDesign, target: F64, weights: F64 | None
) -> NullScore | None:
    """Return roots of weights, and residuals of a target on covariates alone times these.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> design = chunk_design(np.zeros((2, 0)), np.ones((1, 1)), np.zeros(2, dtype=np.int64))
    >>> score_least_squares(design, np.array([1.0, 3.0]), None)[1].round(9).tolist()
    [-1.0, 1.0]
    """
    root = np.ones(target.size) if weights is None else np.sqrt(weights / weights.mean())
    rooted = design.matrix() * root[:, None]
    y = target * root
    return root, y - rooted @ np.linalg.lstsq(rooted, y, rcond=None)[0]


def score_logistic_null(
    design: ChunkedDesign, target: F64, weights: F64 | None
) -> NullScore | None:
    """Return roots of weights, and Pearson's residuals of a target on covariates alone.

    None where the covariates alone have no maximum of the likelihood.
    """
    base = fit_base(design, target, weights)
    if base is None:
        return None
    eta = design.times(base.coefficients)
    mu, rest = means_of(eta), means_of(-eta)
    counts = np.ones(target.size) if weights is None else weights
    pearson = np.where(target == 1.0, np.sqrt(rest / mu), -np.sqrt(mu / rest))
    return np.sqrt(counts * mu * rest), np.sqrt(counts) * pearson


class _Orders:
    """The orders of the people of the last problems, which groups of panels share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Permutations, int, bytes], NDArray[np.int32]] = OrderedDict()

    def keep(self, asked: Permutations, people: I64, of: int) -> NDArray[np.int32] | None:
        """Return all orders ``(draws, n)``, drawn once; None where they are too many to keep."""
        size = 4 * asked.draws * people.size
        if size > _KEPT:
            return None
        key = asked, of, people.tobytes()
        with self._lock:
            if key not in self._kept:
                while (
                    self._kept and size + sum(each.nbytes for each in self._kept.values()) > _KEPT
                ):
                    self._kept.popitem(last=False)
                self._kept[key] = draw_orders(asked, people, of, start=0, stop=asked.draws)
            self._kept.move_to_end(key)
            return self._kept[key]


_orders = _Orders()


def draw_orders(
    asked: Permutations, people: I64, of: int, *, start: int, stop: int
) -> NDArray[np.int32]:
    """Return whose residual each row has in some draws ``(stop - start, n)``.

    People are ordered by numbers that each draw gives everybody of the cohort, so that it does not
    depend on the order of the rows, and groups that share people share their permutation.

    Parameters
    ----------
    people : ``(n,)``, positions of the people of the rows among all.
    of : how many there are.

    Examples
    --------
    >>> one, turned = np.arange(4), np.array([3, 2, 1, 0])
    >>> asked = Permutations(9)
    >>> a = one[draw_orders(asked, one, 4, start=0, stop=9)]
    >>> b = turned[draw_orders(asked, turned, 4, start=0, stop=9)]
    >>> bool(np.all(a == b[:, ::-1]))
    True
    """
    rows = np.argsort(people)  # by identifier, as the cohort is
    place = np.argsort(rows)
    out = np.empty((stop - start, people.size), dtype=np.int32)
    for i, draw in enumerate(range(start, stop)):
        seed = np.random.SeedSequence(asked.seed, spawn_key=(draw,))
        numbers = np.random.default_rng(seed).random(of)[people[rows]]
        out[i] = rows[np.argsort(numbers, kind="stable")][place]
    return out


def _walk_orders(
    problem: Problem, asked: Permutations
) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    """Yield the orders of some draws after the other ``(some, n)``, and which they are."""
    people, of = problem.people, problem.cohort
    if people is None:
        people, of = np.arange(problem.n), problem.n
    kept = _orders.keep(asked, people, of)
    for start in range(0, asked.draws, _AT_ONCE):
        stop = min(start + _AT_ONCE, asked.draws)
        if kept is None:
            yield slice(start, stop), draw_orders(asked, people, of, start=start, stop=stop)
        else:
            yield slice(start, stop), kept[start:stop]


def _lengthen(
    problem: Problem, asked: Permutations, design: ChunkedDesign, score: NullScore
) -> F64:
    """Return what the scores of each draw are multiplied with ``(draws,)``: the length of the
    residuals over that of what covariates leave of them when they are permuted.
    """
    root, residuals = score
    Q = np.linalg.qr(design.matrix() * root[:, None])[0]
    whole = float(residuals @ residuals)
    out = np.ones(asked.draws)
    for at, orders in _walk_orders(problem, asked):
        explained = np.square(residuals[orders] @ Q).sum(axis=1)
        left = np.maximum(whole - explained, _LEAST_LEFT * whole)
        out[at] = np.sqrt(np.divide(whole, left, out=np.ones_like(left), where=left > 0.0))
    return out


@dataclass(frozen=True, slots=True)
class Permuting:
    """Adds to the fits of blocks what permutations say of them.

    Parameters
    ----------
    shared : the adjustment sets, laid out.
    scores : the null scores by model; None for one that has none.
    lengths : by model, what the scores of each draw are multiplied with ``(draws,)``.
    """

    problem: Problem
    asked: Permutations
    shared: tuple[SharedColumns, ...]
    scores: tuple[NullScore | None, ...]
    lengths: tuple[F64, ...]

    @classmethod
    def prepare(cls, problem: Problem, asked: Permutations, score: Score) -> Permuting:
        """Fit the null models of a problem."""
        shared = lay_out_shared(problem)
        of_set = {each.adjustment: each.design for each in shared}
        scores = tuple(
            score(of_set[m.adjustment], problem.targets[m.target].values, problem.weights)
            for m in problem.models
        )
        lengths = tuple(
            np.ones(asked.draws)
            if null is None
            else _lengthen(problem, asked, of_set[m.adjustment], null)
            for m, null in zip(problem.models, scores, strict=True)
        )
        return cls(problem, asked, shared, scores, lengths)

    def add(self, block: Block, fits: FitBlock) -> FitBlock:
        """Return the fits with the scores of their models and of the draws."""
        b, models, draws = block.values.shape[0], len(self.problem.models), self.asked.draws
        observed = np.full((b, models), np.nan)
        every = np.full((b, models, draws), np.nan)
        first = np.array([(c.contrast, c.term) == (0, 0) for c in self.problem.coefficients])
        able = fits.status[:, first] == Status.ok
        left: dict[tuple[int, int], tuple[F64, Bool]] = {}
        for shared in self.shared:
            for m in shared.models:
                score = self.scores[m]
                if score is not None:
                    key = shared.adjustment, hash(score[0].tobytes())
                    if key not in left:
                        left[key] = self._leave(shared, block, score[0])
                    e, sound = left[key]
                    observed[:, m] = np.abs(multiply_fits(e, score[1][:, None])[:b, 0])
                    observed[~(sound & able[:, m]), m] = np.nan
                    self._draw(e, score[1], every[:, m])
                    every[:, m] *= self.lengths[m]
        with np.errstate(invalid="ignore"):
            exceeding = np.sum(every >= observed[:, :, None] * (1.0 - _SAME), axis=2)
        every[np.isnan(observed)] = -1.0  # takes no part in a maximum
        maxima = every.max(axis=0)
        kept = every if self.asked.step_down else None
        return replace(fits, permuted=Permuted(observed, exceeding, maxima, kept))

    def _leave(self, shared: SharedColumns, block: Block, root: F64) -> tuple[F64, Bool]:
        """Return what covariates leave of each protein ``(fits, n)``, of length 1, and which do."""
        borders = np.concatenate([block.own, block.values[:, None]], axis=1)
        rows, b = PairedRows(shared.design, borders), block.values.shape[0]
        every, p = np.arange(b), rows.p - 1
        weights = block.observed.astype(np.float64) * np.square(root)
        G = rows.cross(every, weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.sqrt(np.einsum("bpp->bp", G))
            correlation = G / (scale[:, :, None] * scale[:, None, :])
            sound = np.isfinite(correlation).all(axis=(1, 2))
            correlation[~sound] = np.eye(p + 1)
            sound &= cholesky_pivots(correlation)[1] > _PLAIN
            correlation[~sound] = np.eye(p + 1)
            theta = np.linalg.solve(correlation[:, :p, :p], correlation[:, :p, p:])[:, :, 0]
            theta *= (
                np.where(sound, scale[:, p], 0.0)[:, None] / np.where(scale > 0, scale, 1)[:, :p]
            )
        minus = np.concatenate([-theta, np.ones((b, 1))], axis=1)
        e = rows.times(every, minus) * block.observed * root
        length = np.sqrt(np.einsum("bn,bn->b", e, e))
        e /= np.where(sound & (length > 0.0), length, np.inf)[:, None]
        return e[fill_fits(b)], sound

    def _draw(self, e: F64, residuals: F64, out: F64) -> None:
        """Fill in the size of the scores ``(b, draws)`` with the residuals of each draw."""
        for at, orders in _walk_orders(self.problem, self.asked):
            some = orders.shape[0]
            x = np.zeros((_AT_ONCE, residuals.size))  # always of one size, and rounded alike
            np.take(residuals, orders, out=x[:some], mode="clip")
            np.abs(multiply_fits(e, x.T)[: out.shape[0], :some], out=out[:, at])
