"""Logistic fits of large problems: the proteins of a block together, on shared information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, FitBlock
from proteomr.models.cells import describe_aliased
from proteomr.models.logistic_design import MassSolver
from proteomr.stats.block_rows import BlockRows, lay_out_block
from proteomr.stats.linalg import change_units

__all__ = ["LaidOut", "Settled", "describe_apart", "fit_mass"]


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

    def __init__(self, block: Block) -> None:
        self.block = block
        self._last: tuple[tuple[bytes, bytes], BlockRows] | None = None

    def take(self, proteins: I64, rows: I64 | None) -> BlockRows:
        """Return some proteins on some rows, or on all."""
        key = proteins.tobytes(), b"" if rows is None else rows.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, self._lay_out(proteins, rows)
        return self._last[1]

    def _lay_out(self, proteins: I64, rows: I64 | None) -> BlockRows:
        whole = proteins.size == self.block.values.shape[0]
        block = self.block if whole else self.block.take(proteins)
        borders = block.values[:, None]
        if block.own.shape[1]:
            borders = np.concatenate([borders, block.own], axis=1)
        observed = block.observed.astype(np.float32)
        if rows is not None:
            borders = np.ascontiguousarray(borders[:, :, rows])
            observed = np.ascontiguousarray(observed[:, rows])
        return lay_out_block(borders, observed)


def fit_mass(
    mass: MassSolver, laid_out: LaidOut, scale: F64, people: I64, open_fits: Bool
) -> list[Settled]:
    """Fit the open proteins of the models of one solver together."""
    proteins = np.flatnonzero(np.any(open_fits[:, list(mass.models)], axis=1))
    if proteins.size == 0:
        return []
    rows = laid_out.take(proteins, mass.rows)
    fits = mass.solver.fit(rows)
    people = people[proteins]
    counts = np.rint(rows.observed[: proteins.size]).astype(np.int64)
    enough = counts > mass.solver.design.k + rows.borders.shape[1]
    settled = []
    for position, m in enumerate(mass.models):
        good = fits.converged[:, position] & open_fits[proteins, m] & enough
        per = scale[proteins[good]]
        estimate = change_units(fits.estimate[good, position, 0], per=per)
        se = change_units(fits.se[good, position, 0], per=per)
        notes = _describe_mass(mass, (people - counts)[good])
        settled.append(Settled(m, proteins[good], estimate, se, notes))
    return settled


def _describe_mass(mass: MassSolver, apart: I64) -> tuple[str, ...]:
    """Return what is to be said of fits, given the people of each that covariates separate."""
    aliased = describe_aliased(mass.aliased)
    return tuple(
        "; ".join(filter(None, (aliased, describe_apart(people)))) for people in apart.tolist()
    )
