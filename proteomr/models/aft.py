"""The family of accelerated failure times: ``log T = protein b + own covariates c + covariates d +
sigma W``, by maximum likelihood, as R's ``survival::survreg``.

W is of the extreme-value (Weibull; exponential with sigma = 1), the normal (log-normal) or the
logistic distribution (log-logistic). A positive estimate is longer survival; its exponential is a
ratio of times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.family import Support
from proteomr.models.fits import Refusal
from proteomr.models.parametric_models import ParametricModel, refuse_unsolved, tell_limited
from proteomr.models.timed_exact import NOBODY
from proteomr.models.timed_family import TimedFamily
from proteomr.models.timed_rows import TimedRows, TimedSolution
from proteomr.stats.accelerated import (
    DISTRIBUTIONS,
    DistributionName,
    fit_accelerated,
    lay_out_accelerated,
)
from proteomr.stats.parametric_survival import TimeColumns
from proteomr.stats.survival_links import ScaleName
from proteomr.status import Status

__all__ = ["AcceleratedModel", "Aft"]

_SCALE = "Log(scale)"


@dataclass(frozen=True, slots=True)
class AcceleratedModel(ParametricModel):
    """The model of one distribution."""

    distribution: DistributionName

    @property
    def scale(self) -> ScaleName:
        """The scale on which the model is linear."""
        return DISTRIBUTIONS[self.distribution]

    @property
    def accelerates(self) -> bool:
        """Whether effects are on log time."""
        return True

    def lay_out(
        self, outcome: F64, baseline: I64 | None, knots: F64 | None = None
    ) -> tuple[TimeColumns, F64] | None:
        """Return the columns of people's times, a line without knots."""
        del baseline, knots  # refused: sigma is one
        times = lay_out_accelerated(outcome, distribution=self.distribution)
        return None if times is None else (times, np.empty(0))

    def width(self, times: TimeColumns) -> int:
        """Return how many columns of time one baseline has."""
        return times.q

    def solve(self, rows: TimedRows, *, robust: bool) -> TimedSolution | Refusal:
        """Fit one model."""
        try:
            fit = fit_accelerated(
                rows.Z, rows.outcome, distribution=self.distribution, weights=rows.weights
            )
        except ArithmeticError as error:
            return refuse_unsolved(error)
        if fit is None:
            return Refusal(Status.too_few, NOBODY)
        p = rows.Z.shape[1]
        columns = 1 + np.arange(p)
        parameters: tuple[str, ...] = ("(Intercept)", _SCALE)
        first = [0, p + 1]
        if self.distribution == "exponential":
            parameters, first = parameters[:1], first[:1]
        return tell_limited(
            fit,
            rows,
            parameters=parameters,
            places=np.concatenate([first, columns]),
            intercepts=1,
            robust=robust,
            last=(_SCALE,),
        )


@dataclass(frozen=True, slots=True)
class Aft(TimedFamily):
    """Accelerated failure times of each outcome by each protein; Wald z statistics.

    Examples
    --------
    >>> Aft.direction("outcome"), Aft().model.distribution
    ('outcome~protein', 'weibull')
    """

    name: ClassVar[str] = "aft"
    ratio: ClassVar[None] = None
    supports: ClassVar[Support] = Support(
        roles=("outcome",),
        errors=("classical", "robust"),
        weighted_errors=("classical", "robust"),
        interaction=True,
        own_covariates=True,
        coefficients=True,
        survival=("distribution",),
    )

    @property
    def model(self) -> AcceleratedModel:
        """The model that is asked for."""
        return AcceleratedModel(self.options.survival.distribution or "weibull")

    @property
    def solver(self) -> AcceleratedModel:
        """How one model is fitted by itself."""
        return self.model

    @property
    def sharing(self) -> AcceleratedModel:
        """How proteins that observe the same rows are fitted together."""
        return self.model
