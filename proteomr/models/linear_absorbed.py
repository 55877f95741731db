r"""Linear fits of blocks within the levels of an absorbed effect.

Covariates and terms are deviations from the means of their levels over all rows, once for all
proteins. A protein that lacks rows has other means; with ``B`` the deviations over all rows, those
over its own rows have cross-products

.. math:: B_o' B_o - \sum_g s_g s_g' / n_g, \qquad s_g = -\sum_{i \in g \text{ missing}} B_i

since deviations sum to 0 in each level: only levels that lack somebody change, by sums over those
who are missing. Products with the protein need none of this where it is a deviation from its own
means. Effects of few levels beside the largest one are dummy columns within it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.absorbed import share_left, vanishes
from proteomr.models.base import Adjustment, Block, Problem
from proteomr.models.linear_chain import Chain
from proteomr.stats.absorbing import AbsorbedEffects
from proteomr.stats.celled import CelledBasis

__all__ = ["Levels", "set_within", "take_levels_out"]

# Levels of the smaller effects up to which they are columns: each costs as much as a covariate.
_MOST_COLUMNS = 100
# What a protein's missing rows, or the levels themselves, leave of its length: below, deviations
# have lost too many digits, and the exact path decides.
_KEPT_OF_VALUES = 1e-4


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of the largest absorbed effect of n rows.

    Attributes
    ----------
    of_row : ``(n,)``, from 0 on.
    weights : ``(n,)``, 1 where all are equal.
    totals, counts : ``(q,)``, weights and rows of each level.
    sound : whether no term is all but constant within the levels.
    """

    of_row: I64
    weights: F64
    totals: F64
    counts: I64
    sound: bool

    @property
    def q(self) -> int:
        """Number of levels."""
        return int(self.totals.size)

    def count(self, missing: Sequence[I64]) -> I64:
        """Return how many levels have somebody, of each protein ``(b,)``."""
        lost = [np.bincount(self.of_row[rows], minlength=self.q) for rows in missing]
        return np.array([np.count_nonzero(self.counts > few) for few in lost], dtype=np.int64)

    def deviate(self, block: Block, missing: Sequence[I64]) -> tuple[Block, Bool]:
        """Return a block as deviations from the means of levels, and which proteins keep digits.

        Parameters
        ----------
        block : with 0 where it is not observed.
        """
        values, own = np.empty_like(block.values), np.empty_like(block.own)
        kept = np.ones(values.shape[0], dtype=bool)
        for j, rows in enumerate(missing):
            totals = self.totals
            if rows.size:
                lost = np.bincount(self.of_row[rows], self.weights[rows], minlength=self.q)
                totals = np.where(self.counts > 0, self.totals - lost, 0.0)
                full = np.bincount(self.of_row[rows], minlength=self.q) == self.counts
                totals[full] = np.inf  # nobody: no mean
            for given, out in [
                (block.values[j], values[j]),
                *((block.own[j, a], own[j, a]) for a in range(own.shape[1])),
            ]:
                sums = np.bincount(self.of_row, given * self.weights, minlength=self.q)
                out[:] = given - (sums / totals)[self.of_row]
                out[rows] = 0.0
                kept[j] &= bool(np.linalg.norm(out) > _KEPT_OF_VALUES * np.linalg.norm(given))
        return Block(values, own, block.observed), kept


class _BasisWithin(CelledBasis):
    """A basis of an intercept and deviations from the means of levels."""

    _levels: Levels
    _first_counted: ClassVar[int] = 1

    @classmethod
    def of(cls, basis: CelledBasis, levels: Levels) -> _BasisWithin:
        out = cls.__new__(cls)
        vars(out).update(vars(basis))
        out._levels = levels  # noqa: SLF001 - of this class
        return out

    def grams_without(self, missing: Sequence[I64]) -> F64:
        """Return the cross-products of deviations from the means over the rows not missing."""
        grams = super().grams_without(missing)
        levels, d = self._levels, self.width - self.z
        for gram, rows in zip(grams, missing, strict=True):
            gram[0, 1:] = gram[1:, 0] = 0.0
            if not rows.size or not d:
                continue
            order = rows[np.argsort(levels.of_row[rows], kind="stable")]
            level, starts = np.unique(levels.of_row[order], return_index=True)
            lost = np.add.reduceat(self.dense[order] * self.root[order, None], starts, axis=0)
            weights = np.add.reduceat(self.root[order] ** 2, starts)
            whole = np.bincount(levels.of_row[order], minlength=levels.q)[level]
            some = whole < levels.counts[level]
            unit = levels.totals[level] * self._unit - weights
            part = lost[some] / np.sqrt(unit[some])[:, None]
            gram[1:, 1:] -= part.T @ part
        return grams

    @property
    def _unit(self) -> float:
        """What the weights of the basis are those of the levels times."""
        return float(self.root[0] ** 2 / self._levels.weights[0])


def take_levels_out(problem: Problem) -> tuple[Problem, Levels] | None:
    """Return a problem as deviations from the means of levels; None where that is no way for it.

    Covariates that the levels determine are 0, dummy columns of smaller effects are behind the
    others, without names.
    """
    absorbed = problem.absorbed
    transformed = any(target.transform != "none" for target in problem.targets)
    if absorbed is None or problem.interaction is not None or transformed:
        return None
    sizes = [int(np.unique(codes).size) for codes in absorbed.codes.T]
    first = int(np.argmax(sizes))
    if sum(sizes) - sizes[first] > _MOST_COLUMNS:
        return None
    largest = absorbed.codes[:, first]
    effects = AbsorbedEffects(largest[:, None], problem.weights)
    dummies = [
        (absorbed.codes[:, [j]] == np.unique(absorbed.codes[:, j])).astype(np.float64)
        for j in range(len(sizes))
        if j != first
    ]
    C = np.column_stack([problem.covariates[:, 1:], *dummies])
    rest = effects.take_out(C)
    rest[:, vanishes(rest, C)] = 0.0
    extra = np.arange(problem.covariates.shape[1], rest.shape[1] + 1)
    values = np.column_stack([target.values for target in problem.targets])
    left = effects.take_out(values)
    stops = np.cumsum([target.width for target in problem.targets])[:-1]
    sound = share_left(left, values) > _KEPT_OF_VALUES
    of_row = np.unique(largest, return_inverse=True)[1].astype(np.int64)
    weights = np.ones(problem.n) if problem.weights is None else problem.weights
    totals = np.asarray(np.bincount(of_row, weights), dtype=np.float64)
    levels = Levels(of_row, weights, totals, np.bincount(of_row), bool(np.all(sound)))
    within = replace(
        problem,
        covariates=np.column_stack([np.ones(problem.n), rest]),
        names=(*problem.names, *("" for _ in extra)),
        factors=(),
        targets=tuple(
            replace(target, values=part.reshape(target.values.shape))
            for target, part in zip(problem.targets, np.split(left, stops, axis=1), strict=True)
        ),
        adjustments=tuple(
            Adjustment(a.label, np.concatenate([a.columns, extra])) for a in problem.adjustments
        ),
        absorbed=None,
        scales=None,
        shifts=None,
    )
    return within, levels


def set_within(problem: Problem, chain: Chain, levels: Levels) -> Chain:
    """Return a chain of deviations whose cross-products are those within a protein's own rows.

    Parameters
    ----------
    problem : before the levels were taken out: what they determine is aliased and named, while a
        covariate that is 0 in all of it is a level of nobody, and dummy columns have no name.
    """
    there = np.any(problem.covariates != 0.0, axis=0)
    named = {name for name, some in zip(problem.names, there, strict=True) if some}
    aliased = {a: tuple(n for n in names if n in named) for a, names in chain.aliased.items()}
    models = tuple(replace(m, sound=m.sound and levels.sound) for m in chain.models)
    basis = _BasisWithin.of(chain.basis, levels)
    return replace(chain, basis=basis, aliased=aliased, models=models)
