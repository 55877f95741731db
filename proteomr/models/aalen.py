"""The Aalen family: ``hazard(t) = baseline(t) + protein b + own covariates c + covariates d``.

Constant effects on an additive hazard with a free baseline (Lin and Ying 1994,
doi:10.1093/biomet/81.1.61; McKeague and Sasieni 1994, doi:10.1093/biomet/81.3.501), as R's
``timereg::aalen(... ~ const(x))``: differences of hazards, events per person and unit of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.family import Support
from proteomr.models.fits import Refusal
from proteomr.models.timed_family import TimedFamily
from proteomr.models.timed_mass import MassFits
from proteomr.models.timed_rows import TimedRows, TimedSolution
from proteomr.stats.additive_hazards import count_carriers, fit_additive_hazards, sum_clusters
from proteomr.stats.additive_hazards_block import AdditiveShared, fit_borders, share_covariates
from proteomr.status import Status

__all__ = ["Aalen", "AdditiveSharing", "AdditiveSolver"]

_ONE_EVENT = "one event: the error of an additive effect is the effect itself"
_UNBALANCED = "the estimating equations are not solved"


@dataclass(frozen=True, slots=True)
class AdditiveSolver:
    """Fits one model in an orthogonal basis of its columns."""

    def solve(self, rows: TimedRows, *, robust: bool) -> TimedSolution | Refusal:
        """Fit one model."""
        if np.count_nonzero(rows.outcome[:, 2]) == 1:
            return Refusal(Status.too_few, _ONE_EVENT)
        p = rows.Z.shape[1]
        coefficients, covariance = np.full(p, np.nan), np.full((p, p), np.nan)
        carriers = np.full(p, np.nan) if robust else None
        kept = np.arange(p)
        while True:
            Q, back = _turn(rows.Z[:, kept])
            fit = fit_additive_hazards(
                Q,
                rows.outcome,
                weights=rows.weights,
                clusters=rows.clusters,
                strata=rows.baseline,
            )
            lost = np.isnan(fit.coefficients)
            if not lost.any():
                break
            kept = kept[~lost]
            if not kept.size:  # as in strata of one person each: nobody is held against another
                none = np.zeros(p, dtype=bool)
                return TimedSolution(coefficients, covariance, (), 0, none, carriers)
        coefficients[kept] = back @ fit.coefficients
        errors = fit.robust if robust else fit.covariance
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not certified
            covariance[np.ix_(kept, kept)] = back @ errors @ back.T
        if carriers is not None:
            carriers[kept] = count_carriers(sum_clusters(fit.influence @ back.T, rows.clusters).T)
        doubt = None if fit.certified else _UNBALANCED
        return TimedSolution(
            coefficients, covariance, (), 0, np.zeros(p, dtype=bool), carriers, doubt
        )


def _turn(Z: F64) -> tuple[F64, F64]:
    """Return an orthogonal basis beside an intercept, and what turns its coefficients back."""
    root = np.sqrt(Z.shape[0])
    Q, R = np.linalg.qr(Z - Z.mean(axis=0))
    return Q * root, np.linalg.inv(R / root)


@dataclass(frozen=True, slots=True)
class AdditiveSharing:
    """Fits proteins that observe the same rows on common sums."""

    def share(
        self, C: F64, outcome: F64, weights: F64 | None, baseline: I64 | None, *, near: Any = None
    ) -> AdditiveShared | None:
        """Sum what the proteins have in common."""
        del near  # nothing is iterated
        if np.count_nonzero(outcome[:, 2]) < 2:
            return None
        shared = share_covariates(C, outcome, weights=weights, strata=baseline)
        return shared if shared.sound else None

    def fit(self, shared: Any, borders: F64, *, robust: bool, clusters: I64 | None) -> MassFits:
        """Fit own columns."""
        found = fit_borders(shared, borders, robust=robust, clusters=clusters)
        return MassFits(found.estimate, found.covariance, found.carriers, found.certified)

    def apart(self, shared: Any) -> int:
        """Return that covariates separate nobody: effects are finite."""
        del shared
        return 0


@dataclass(frozen=True, slots=True)
class Aalen(TimedFamily):
    """Additive hazards of each outcome by each protein; z statistics.

    Examples
    --------
    >>> Aalen.direction("outcome"), Aalen.ratio
    ('outcome~protein', None)
    """

    name: ClassVar[str] = "aalen"
    ratio: ClassVar[None] = None
    supports: ClassVar[Support] = Support(
        roles=("outcome",),
        errors=("classical", "robust"),
        weighted_errors=("classical", "robust"),
        interaction=True,
        own_covariates=True,
        coefficients=True,
        baseline=True,
    )

    @property
    def solver(self) -> AdditiveSolver:
        """How one model is fitted by itself."""
        return AdditiveSolver()

    @property
    def sharing(self) -> AdditiveSharing:
        """How proteins that observe the same rows are fitted together."""
        return AdditiveSharing()
