"""The Royston-Parmar family: ``g(S(t)) = s(log t) + protein b + own covariates c + covariates d``,
s a restricted cubic spline, by maximum likelihood (Royston and Parmar 2002, doi:10.1002/sim.1203).

On the scale of log cumulative hazards effects are log hazard ratios, on that of log cumulative odds
log odds ratios of failure by any time; on the normal scale the deviates of the probability of
failure differ by them. Model, knots and coefficients are those of R's ``flexsurv::flexsurvspline``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.family import Ratio, Support
from proteomr.models.fits import Refusal
from proteomr.models.parametric_models import ParametricModel, refuse_unsolved, tell_limited
from proteomr.models.targets import Target
from proteomr.models.timed_family import TimedFamily
from proteomr.models.timed_rows import TimedRows, TimedSolution
from proteomr.stats.parametric_survival import TimeColumns
from proteomr.stats.royston_parmar import fit_royston_parmar, lay_out_times
from proteomr.stats.survival_links import ScaleName
from proteomr.status import Status

__all__ = ["KNOTS", "RoystonParmar", "SplineModel"]

KNOTS = 2
"""Inner knots where none are asked for: three degrees of freedom, as Royston and Parmar advise."""
_RATIOS: dict[ScaleName, Ratio] = {"hazard": "HR", "odds": "OR"}


@dataclass(frozen=True, slots=True)
class SplineModel(ParametricModel):
    """The model of one scale and number of inner knots."""

    of: ScaleName
    knots: int

    @property
    def scale(self) -> ScaleName:
        """The scale on which the model is linear."""
        return self.of

    @property
    def accelerates(self) -> bool:
        """Whether effects are on log time."""
        return False

    def lay_out(
        self, outcome: F64, baseline: I64 | None, knots: F64 | None = None
    ) -> tuple[TimeColumns, F64] | None:
        """Return the columns of people's times, and the knots."""
        codes = None if baseline is None else np.unique(baseline, return_inverse=True)[1]
        return lay_out_times(outcome, inner=self.knots, strata=codes, knots=knots)

    def width(self, times: TimeColumns) -> int:
        """Return how many columns of time one baseline has."""
        del times
        return self.knots + 2

    def solve(self, rows: TimedRows, *, robust: bool) -> TimedSolution | Refusal:
        """Fit one model."""
        try:
            found = fit_royston_parmar(
                rows.Z,
                rows.outcome,
                scale=self.of,
                knots=self.knots,
                weights=rows.weights,
                strata=rows.baseline,
            )
        except ArithmeticError as error:
            return refuse_unsolved(error)
        if found is None:
            times = np.unique(rows.outcome[rows.outcome[:, 2] > 0.0, 1]).size
            message = f"events at {times} times: two of {self.knots} inner knots would be one"
            return Refusal(Status.too_few, message)
        k, p = found.fit.coefficients.size, rows.Z.shape[1]
        width = self.knots + 2
        strata = (k - p) // width
        order = np.arange(k - p).reshape(strata, width)
        # The intercepts of all strata come first.
        places = np.concatenate([order[:, 0], order[:, 1:].ravel(), np.arange(k - p, k)])
        marks = [""] if strata == 1 else [f"[{s + 1}]" for s in range(strata)]
        names = [f"gamma{i}{mark}" for mark in marks for i in range(width)]
        return tell_limited(
            found.fit,
            rows,
            parameters=tuple(names[i] for i in places[: k - p]),
            places=places,
            intercepts=strata,
            robust=robust,
        )


@dataclass(frozen=True, slots=True)
class RoystonParmar(TimedFamily):
    """Flexible parametric models of each outcome by each protein; Wald z statistics.

    Examples
    --------
    >>> RoystonParmar.direction("outcome"), RoystonParmar().model.knots
    ('outcome~protein', 2)
    """

    name: ClassVar[str] = "royston-parmar"
    ratio: ClassVar[Ratio] = "HR"
    supports: ClassVar[Support] = Support(
        roles=("outcome",),
        errors=("classical", "robust"),
        weighted_errors=("classical", "robust"),
        interaction=True,
        own_covariates=True,
        coefficients=True,
        baseline=True,
        survival=("scale", "knots"),
    )

    def ratio_of(self, target: Target) -> Ratio | None:
        """Return what it is: of hazards, of odds of failure, or of normal deviates nothing."""
        del target
        return _RATIOS.get(self.model.of)

    @property
    def model(self) -> SplineModel:
        """The model that is asked for."""
        asked = self.options.survival
        knots = KNOTS if asked.knots is None else asked.knots
        return SplineModel(asked.scale or "hazard", knots)

    @property
    def solver(self) -> SplineModel:
        """How one model is fitted by itself."""
        return self.model

    @property
    def sharing(self) -> SplineModel:
        """How proteins that observe the same rows are fitted together."""
        return self.model
