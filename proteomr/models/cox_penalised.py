"""Firth's estimate in the Cox family: where an estimate is infinite, or in all fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.models.family import FitOptions
from proteomr.models.fits import Fit, Refusal
from proteomr.stats.cox import centre_within
from proteomr.stats.cox_firth import (
    FirthCox,
    compare_penalised_cox,
    fit_firth_cox,
    profile_cox,
)
from proteomr.stats.cox_sums import Ties
from proteomr.stats.linalg import change_units
from proteomr.stats.nested_tests import NestedTest
from proteomr.stats.risk_sets import RiskSets
from proteomr.status import Status

__all__ = ["PenalisedCox", "penalise"]

_FIRTH = "Firth's estimate, profile interval"
_UNSETTLED = Refusal(Status.not_converged, "Firth's estimate did not settle")
_PROFILE = Refusal(
    Status.not_converged, "Firth's estimate has a profile that could not be followed"
)


@dataclass(frozen=True, slots=True)
class PenalisedCox:
    """A penalised fit of columns that are of about unit size.

    Attributes
    ----------
    unit : ``(p,)``, what the columns were divided by.
    """

    X: F64
    unit: F64
    risk: RiskSets
    ties: Ties
    fit: FirthCox

    def tell(self, column: int, scale: float, options: FitOptions, said: str) -> Fit | Refusal:
        """Return the fit of a coefficient with the interval of its profile and its ratio test.

        Parameters
        ----------
        scale : of the column before it was divided by its unit.
        said : why the estimate is penalised; empty where all are.
        """
        if not self.fit.converged:
            return _UNSETTLED
        low, high = profile_cox(
            self.X, self.risk, self.fit, column=column, level=options.level, ties=self.ties
        )
        test = self.test([column])
        if np.isnan(low) or np.isnan(high) or test is None:
            return _PROFILE
        se = float(np.sqrt(self.fit.covariance[column, column]))
        numbers = np.array([self.fit.coefficients[column], se, low, high])
        per = float(self.unit[column])
        estimate, se, low, high = change_units(change_units(numbers, per=per), per=scale).tolist()
        status = Status.separated if said else Status.ok
        message = "; ".join(filter(None, (said, _FIRTH)))
        return Fit(
            estimate,
            se,
            np.inf,
            low=low,
            high=high,
            status=status,
            message=message,
            neg_log10_p=test[2],
        )

    def test(self, columns: Sequence[int]) -> NestedTest | None:
        """Test that coefficients are 0 by the ratio of penalised likelihoods."""
        return compare_penalised_cox(self.X, self.risk, self.fit, columns=columns, ties=self.ties)


def penalise(X: F64, risk: RiskSets, ties: Ties) -> PenalisedCox:
    """Fit independent columns ``(n, p)`` by Firth's likelihood."""
    centred = centre_within(X, risk)
    people = max(int(np.count_nonzero(risk.at_risk)), 1)
    unit = np.sqrt(np.square(centred).sum(axis=0) / people)
    unit = np.where(unit > 0.0, unit, 1.0)
    scaled = centred / unit
    return PenalisedCox(scaled, unit, risk, ties, fit_firth_cox(scaled, risk, ties=ties))
