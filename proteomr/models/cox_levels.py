"""Cox fits of proteins that leave a level of a factor without an event, or without people.

Such a level has no finite coefficient: at the limit its people are in no risk set. Which levels
these are differs between proteins by who has their values. Proteins that lose the same levels go
through a solver of the other people together; one by one they take eight times as long.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from proteomr._typing import Bool
from proteomr.models.base import Block, Problem, factors_within
from proteomr.models.cox_mass import CoxMass, prepare_cox_mass
from proteomr.models.cox_models import CoxModel, LostLevel, find_lost_levels
from proteomr.models.family import FitOptions
from proteomr.models.logistic_solvers import Modifiers

__all__ = ["CoxLevels"]

# Prepared solvers hold the covariates of their rows; neighbouring proteins lose the same levels.
_KEPT = 4


class CoxLevels:
    """The solvers of one model: of all people, and of those less some levels as they are met.

    What a solver gives depends on the levels alone, and not on which protein met them first.

    Parameters
    ----------
    options : of the family.
    modifiers : what proteins are multiplied with.
    compiled : take the compiled row loops.
    """

    def __init__(
        self,
        problem: Problem,
        model: CoxModel,
        options: FitOptions,
        modifiers: Modifiers,
        *,
        compiled: bool,
    ) -> None:
        self._problem = problem
        self._model = model
        self._options = options
        self._modifiers = modifiers
        self._compiled = compiled
        adjustment = problem.models[model.index].adjustment
        self._factors = factors_within(problem, adjustment)
        self._always = find_lost_levels(self._factors, model.risk)
        self._whole = self._prepare(self._always)
        self._kept: OrderedDict[tuple[LostLevel, ...], CoxMass | None] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def model(self) -> CoxModel:
        """The model that the solvers are of."""
        return self._model

    @property
    def usable(self) -> bool:
        """Whether the fit of all people to covariates alone has a certificate."""
        return self._whole is not None

    def part(self, block: Block, wanted: Bool) -> Iterator[tuple[CoxMass, Bool]]:
        """Yield solvers, each with the wanted proteins ``(b,)`` that lose its levels.

        What no solver can be built for is in none.
        """
        groups: dict[tuple[LostLevel, ...], Bool] = {}
        for j in np.flatnonzero(wanted).tolist():
            lost = find_lost_levels(self._factors, self._model.risk, block.observed[j])
            groups.setdefault(lost, np.zeros(wanted.shape, dtype=bool))[j] = True
        for lost, theirs in groups.items():
            solver = self._find(lost)
            if solver is not None:
                yield solver, theirs

    def _find(self, lost: tuple[LostLevel, ...]) -> CoxMass | None:
        if lost == self._always:
            return self._whole
        with self._lock:
            if lost not in self._kept:
                self._kept[lost] = self._prepare(lost)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(lost)
            return self._kept[lost]

    def _prepare(self, lost: tuple[LostLevel, ...]) -> CoxMass | None:
        given = self._problem, self._model, self._options, self._modifiers
        return prepare_cox_mass(*given, lost, compiled=self._compiled)
