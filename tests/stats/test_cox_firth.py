"""Firth's penalised Cox estimate is the maximum of the penalised likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from proteomr._typing import F64
from proteomr.stats.cox_firth import compare_penalised_cox, fit_firth_cox, profile_cox
from proteomr.stats.cox_sums import sum_hazards
from proteomr.stats.risk_sets import RiskSets, lay_out_risk_sets


def draw(n: int = 60, *, separated: bool = False, truncated: bool = False) -> tuple[F64, RiskSets]:
    g = np.random.RandomState(8)
    x = (g.rand(n) < 0.3).astype(np.float64)
    event = (g.rand(n) < 0.5) & ~(separated & (x == 1.0))
    exit_ = g.randint(3, 20, n).astype(np.float64)
    entry = np.where(truncated & (g.rand(n) < 0.5), exit_ - g.randint(1, 3, n), -np.inf)
    rows = np.column_stack([entry, exit_, event])
    return np.column_stack([x, g.randn(n)]), lay_out_risk_sets(rows)


def penalised(X: F64, risk: RiskSets, b: F64, ties: Any) -> float:
    sums = sum_hazards(risk, X @ b, np.ones(X.shape[0]), ties=ties)
    return sums.log_likelihood + 0.5 * float(np.linalg.slogdet(sums.information(X))[1])


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("truncated", [False, True])
@pytest.mark.parametrize("separated", [False, True])
def test_the_estimate_is_the_maximum_of_the_penalised_likelihood(
    ties: Any, *, truncated: bool, separated: bool
) -> None:
    X, risk = draw(separated=separated, truncated=truncated)
    fit = fit_firth_cox(X, risk, ties=ties)
    assert fit.converged
    slow = minimize(  # type: ignore[call-overload]  # a function of an array to a number
        lambda b: -penalised(X, risk, b, ties),
        np.zeros(2),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 2000},
    )
    assert fit.coefficients == pytest.approx(slow.x, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(-slow.fun, rel=1e-12)
    for column in (0, 1):  # the derivative is 0 there
        h = np.where(np.arange(2) == column, 1e-4, 0.0)
        ends = [penalised(X, risk, fit.coefficients + s * h, ties) for s in (-1.0, 1.0)]
        assert abs(ends[1] - ends[0]) / 2e-4 < 1e-5


def test_limits_are_where_the_penalised_likelihood_has_dropped_by_its_quantile() -> None:
    X, risk = draw(separated=True)
    fit = fit_firth_cox(X, risk)
    low, high = profile_cox(X, risk, fit, column=0)
    assert low < fit.coefficients[0] < high
    for limit in (low, high):
        held = fit_firth_cox(X, risk, fixed={0: limit})
        drop = 2.0 * (fit.log_likelihood - held.log_likelihood)
        assert drop == pytest.approx(3.841458820694124, rel=1e-8)
    test = compare_penalised_cox(X, risk, fit, columns=[0])
    assert test is not None
    assert (test[0] > 3.8414588) == (not low < 0.0 < high)
