"""Logistic fits of proteins that leave a level of a factor without a case, or without people.

Such a level has no finite coefficient, and tells nothing of the protein: its people are left out,
as the limit of the likelihood has it. Which levels these are differs between proteins by who has
their values. Proteins that lose the same levels go through a solver of the other rows together;
one by one they would take a hundred times as long, and rare outcomes have such levels for most.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, FitBlock, Problem, factors_within
from proteomr.models.family import FitOptions
from proteomr.models.logistic_design import drop_constant_levels
from proteomr.models.logistic_mass import LaidOut, fit_mass
from proteomr.models.logistic_solvers import MassSolver, build_solver

__all__ = ["LevelSolvers", "fit_large"]

# Prepared solvers hold the covariates of their rows; neighbouring proteins lose the same levels.
_KEPT = 4


class LevelSolvers:
    """Solvers of one problem's rows less some levels of its factors, built as they are met.

    Parameters
    ----------
    options : of the family.
    compiled : take the compiled row loops.
    """

    def __init__(self, problem: Problem, options: FitOptions, *, compiled: bool) -> None:
        self._problem = problem
        self._options = options
        self._compiled = compiled
        self._kept: OrderedDict[tuple[int, bytes], MassSolver | None] = OrderedDict()
        self._lock = threading.Lock()

    def part(self, block: Block, open_fits: Bool) -> Iterator[tuple[MassSolver, Bool]]:
        """Yield solvers, each with the open fits ``(b, m)`` of the proteins that lose its levels.

        What loses no level, and what no solver can be built for, is in none.
        """
        for m in np.flatnonzero(np.any(open_fits, axis=0)).tolist():
            proteins = np.flatnonzero(open_fits[:, m])
            for rows, members in self._group(block, proteins, m):
                solver = self._find(m, rows)
                if solver is not None:
                    theirs = np.zeros_like(open_fits)
                    theirs[members, m] = True
                    yield solver, theirs

    def _group(self, block: Block, proteins: I64, m: int) -> list[tuple[I64, I64]]:
        """Return the rows that are left of the problem, and the proteins of which they are."""
        problem, model = self._problem, self._problem.models[m]
        factors = factors_within(problem, model.adjustment)
        response = problem.targets[model.target].values
        seen = block.observed[proteins].astype(np.float64)
        left = drop_constant_levels(factors, response[None, :], seen)
        rows = np.ones(left.shape, dtype=bool)
        for factor in factors:
            levels = int(factor.codes.max(initial=0)) + 1
            for j, kept in enumerate(left):
                people = np.bincount(factor.codes, weights=kept, minlength=levels)
                rows[j] &= (people > 0.0)[factor.codes]
        groups: dict[bytes, tuple[I64, list[int]]] = {}
        for j, row in zip(proteins.tolist(), rows, strict=True):
            if row.any() and not row.all():
                groups.setdefault(row.tobytes(), (np.flatnonzero(row), []))[1].append(j)
        return [(at, np.array(members, dtype=np.int64)) for at, members in groups.values()]

    def _find(self, m: int, rows: I64) -> MassSolver | None:
        key = (m, rows.tobytes())
        with self._lock:
            if key not in self._kept:
                self._kept[key] = build_solver(
                    self._problem,
                    self._problem.models[m].adjustment,
                    [m],
                    rows,
                    self._options,
                    shared={},
                    compiled=self._compiled,
                )
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


def fit_large(
    solvers: Sequence[MassSolver],
    levels: LevelSolvers,
    block: Block,
    scaled: Block,
    scale: F64,
    varying: Bool,
    fits: FitBlock,
    open_fits: Bool,
) -> None:
    """Fit a block by the solvers of a large problem, and what they leave by those of its levels.

    Parameters
    ----------
    scaled : the block standardised, by ``scale (b,)``.
    varying : ``(b, m)``, fits of proteins that vary.
    fits, open_fits : filled in; what stays open is in neither's reach.
    """
    laid_out = LaidOut(scaled, np.empty((0, block.values.shape[1])))
    people = fits.n[:, 0]
    for solver in solvers:
        for settled in fit_mass(solver, laid_out, scale, people, varying):
            settled.enter(fits, open_fits)
    for solver, theirs in levels.part(block, open_fits & varying):
        for settled in fit_mass(solver, laid_out, scale, people, theirs):
            settled.enter(fits, open_fits)
