"""Logistic fits of large problems: the proteins of a block together, on shared information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, FitBlock
from proteomr.models.cells import describe_aliased
from proteomr.models.logistic_solvers import MassSolver, RowsLeft
from proteomr.stats.block_rows import BlockRows, lay_out_block
from proteomr.stats.linalg import change_units

__all__ = [
    "LaidOut",
    "Settled",
    "count_rows",
    "describe_apart",
    "describe_mass",
    "fit_mass",
]


@dataclass(frozen=True, slots=True)
class Settled:
    """The fits of one model that a fast path has done: positions of the proteins, and results."""

    model: int
    proteins: I64
    estimate: F64
    se: F64
    notes: tuple[str, ...]

    def enter(self, fits: FitBlock, open_fits: Bool) -> None:
        """Enter them among the fits of a block, which are open no more."""
        fits.accept(self.proteins, self.model, estimate=self.estimate, se=self.se)
        open_fits[self.proteins, self.model] = False
        for j, note in zip(self.proteins.tolist(), self.notes, strict=True):
            if note:
                fits.messages[j, self.model] = note


def describe_apart(people: int) -> str:
    """Say how many people are separated by covariates alone; empty for none.

    Examples
    --------
    >>> describe_apart(3)
    '3 people separated by covariates alone'
    """
    return f"{people} people separated by covariates alone" if people else ""


class LaidOut:
    """A block as solvers take it, laid out once for those that want the same of it."""

    def __init__(self, block: Block, modifiers: F64) -> None:
        self.block = block
        self.modifiers = modifiers
        self._last: tuple[tuple[bytes, bytes], BlockRows] | None = None
        self._plain: tuple[BlockRows, RowsLeft, Bool] | None = None

    def are_plain(self, rows: BlockRows, left: RowsLeft) -> Bool:
        """Say for which proteins every covariate is far from a combination of others, once."""
        if self._plain is None or self._plain[0] is not rows or self._plain[1] is not left:
            self._plain = rows, left, left.are_plain(rows.observed[: rows.wanted])
        return self._plain[2]

    def take(self, proteins: I64, mass: MassSolver) -> BlockRows:
        """Return some proteins on the rows of a solver."""
        key = proteins.tobytes(), b"" if mass.rows is None else mass.rows.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, self._lay_out(proteins, mass)
        return self._last[1]

    def _lay_out(self, proteins: I64, mass: MassSolver) -> BlockRows:
        whole = proteins.size == self.block.values.shape[0]
        block = self.block if whole else self.block.take(proteins)
        borders = block.values[:, None]
        if block.own.shape[1] or self.modifiers.shape[0]:
            products = borders * self.modifiers
            borders = np.concatenate([borders, products, block.own], axis=1)
        observed = block.observed.astype(np.float32)
        if mass.rows is not None:
            borders = np.ascontiguousarray(borders[:, :, mass.rows])
            observed = np.ascontiguousarray(observed[:, mass.rows])
        return lay_out_block(borders, observed, mass.weights)


def fit_mass(
    mass: MassSolver, laid_out: LaidOut, scale: F64, people: I64, open_fits: Bool
) -> list[Settled]:
    """Fit the open proteins of the models of one solver together."""
    proteins = np.flatnonzero(np.any(open_fits[:, list(mass.models)], axis=1))
    if proteins.size == 0:
        return []
    rows = laid_out.take(proteins, mass)
    fits = mass.solver.fit(rows)
    people = people[proteins]
    counts = count_rows(rows)
    enough = counts > mass.solver.design.k + rows.borders.shape[1]
    settled = []
    for position, m in enumerate(mass.models):
        good = fits.converged[:, position] & open_fits[proteins, m] & enough
        per = scale[proteins[good]]
        estimate = change_units(fits.estimate[good, position, 0], per=per)
        se = change_units(fits.se[good, position, 0], per=per)
        notes = describe_mass(mass, (people - counts)[good])
        settled.append(Settled(m, proteins[good], estimate, se, notes))
    return settled


def count_rows(rows: BlockRows) -> I64:
    """Return the people of each protein that is wanted."""
    observed = rows.observed[: rows.wanted]
    counts: I64 = np.rint(observed.sum(axis=1, dtype=np.float64)).astype(np.int64)
    return counts


def describe_mass(mass: MassSolver, apart: I64) -> tuple[str, ...]:
    """Return what is to be said of fits, given the people of each that covariates separate."""
    aliased = describe_aliased(mass.aliased)
    return tuple(
        "; ".join(filter(None, (aliased, describe_apart(people)))) for people in apart.tolist()
    )
