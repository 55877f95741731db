"""Outcomes as responses: their transform within the rows of each fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.models.base import Block, Problem
from proteomr.models.fits import Refusal
from proteomr.models.targets import OutcomeTransform, Target
from proteomr.stats.transforms import Transform, transform_block
from proteomr.status import Status

__all__ = ["Responses", "refuse_logarithm", "respond", "respond_block", "respond_throughout"]

_PLAIN: dict[OutcomeTransform, Transform] = {"none": "none", "rint": "rint", "zscore": "zscore"}


@dataclass(frozen=True, slots=True)
class Responses:
    """Outcomes that are transformed within the rows of each protein.

    Attributes
    ----------
    slots : position among the r responses, by that of the target.
    values : ``(b, r, n)``, standardised, by ``units (b, r)``.
    sound : ``(b, r)``, whether they could be transformed.
    """

    slots: dict[int, int]
    values: F64
    units: F64
    sound: Bool

    @classmethod
    def of(cls, problem: Problem, block: Block) -> Self | None:
        """Transform the outcomes that are to be; None where none is."""
        asked = [e for e, target in enumerate(problem.targets) if target.transform != "none"]
        if not asked:
            return None
        b, n = block.observed.shape
        values = np.empty((b, len(asked), n))
        units, sound = np.empty((b, len(asked))), np.empty((b, len(asked)), dtype=bool)
        for r, e in enumerate(asked):
            responded, sound[:, r] = respond_block(problem.targets[e], block.observed)
            alone = Block(responded, block.own[:, :0], block.observed)
            standard, units[:, r] = alone.standardise()
            values[:, r] = standard.values
        return cls({e: r for r, e in enumerate(asked)}, values, units, sound)

    def able(self, target: int) -> Bool:
        """Return whether a target could be transformed, of each protein."""
        if target in self.slots:
            return np.asarray(self.sound[:, self.slots[target]])
        return np.ones(self.sound.shape[0], dtype=bool)

    def unit(self, target: int) -> F64 | None:
        """Return what a target was divided by for each protein; None where it is not of these."""
        return self.units[:, self.slots[target]] if target in self.slots else None


def respond(target: Target, rows: Bool) -> F64 | Refusal:
    """Return an outcome on some rows ``(m,)``, transformed within them, or why it cannot be.

    Parameters
    ----------
    rows : ``(n,)``.
    """
    values = np.ascontiguousarray(target.values[rows])
    if target.transform == "none" or values.size == 0 or np.all(values == values[0]):
        return values
    out, able = _transform(values[None], target.transform)
    return out[0] if able[0] else refuse_logarithm(target)


def respond_block(target: Target, observed: Bool) -> tuple[F64, Bool]:
    """Return an outcome transformed within the rows of each protein.

    Parameters
    ----------
    observed : ``(b, n)``, the rows of each protein.

    Returns
    -------
    ``(b, n)``, 0 where not observed; and whether it could be transformed ``(b,)``.
    """
    values = np.where(observed, target.values, np.nan)
    return _transform(values, target.transform)


def respond_throughout(target: Target) -> F64:
    """Return an outcome transformed within all of its rows ``(n,)``; as it is where it cannot be.

    Nothing is estimated from it: it stands for what fits have in common.
    """
    responded = respond(target, np.ones(target.values.shape[0], dtype=bool))
    return target.values if isinstance(responded, Refusal) else responded


def refuse_logarithm(target: Target) -> Refusal:
    """Return why an outcome has no logarithm."""
    said = f"the logarithm of {target.name} needs values above 0 on the rows of the fit"
    return Refusal(Status.untransformed, said)


def _transform(values: F64, transform: OutcomeTransform) -> tuple[F64, Bool]:
    out = np.empty_like(values)
    if transform != "log":
        transform_block(values, out, transform=_PLAIN[transform])
        return out, np.ones(len(values), dtype=bool)
    able: Bool = np.all(~(values <= 0.0), axis=1)
    usable = ~np.isnan(values) & able[:, None]
    out.fill(0.0)
    np.log(values, out=out, where=usable)
    return out, able
