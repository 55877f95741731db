from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from benchmarks.exact import fit_exactly
from benchmarks.interfaces import Family
from proteomr._typing import F64

RANDOM = np.random.default_rng(11)
X = np.column_stack([RANDOM.standard_normal((400, 3)), np.ones(400)])
SCORES = X @ [0.4, -0.2, 0.1, 0.3] + RANDOM.standard_normal(400) * (1.0 + np.abs(X[:, 0]))
CASES = (SCORES > 0.5).astype(np.float64)
WEIGHTS = RANDOM.uniform(0.5, 2.0, 400)
CLUSTER = RANDOM.integers(0, 60, 400)


def response(family: Family) -> F64:
    return SCORES if family == "linear" else CASES


@pytest.mark.parametrize("errors", ["HC0", "HC1", "HC2", "HC3"])
def test_robust_errors_of_a_linear_fit_are_those_of_statsmodels(errors: str) -> None:
    fit = fit_exactly("linear", X, SCORES)
    known = sm.OLS(SCORES, X).fit(cov_type=errors)
    assert fit.beta == pytest.approx(known.params, rel=1e-10)
    assert fit.covariance(errors) == pytest.approx(known.cov_params(), rel=1e-9)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_weighted_fits_are_those_of_statsmodels(family: Family) -> None:
    fit = fit_exactly(family, X, response(family), weights=WEIGHTS)
    if family == "linear":
        known = sm.WLS(SCORES, X, weights=WEIGHTS).fit()
    else:
        known = sm.GLM(CASES, X, sm.families.Binomial(), freq_weights=WEIGHTS).fit(tol=1e-14)
    assert fit.beta == pytest.approx(known.params, rel=1e-8)
    assert fit.covariance() == pytest.approx(known.cov_params(), rel=1e-8)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_clustered_errors_are_the_sum_over_clusters(family: Family) -> None:
    fit = fit_exactly(family, X, response(family))
    parts = X * fit.scores[:, None]
    meat = np.zeros((4, 4))
    for one in range(60):
        sums = parts[one == CLUSTER].sum(axis=0)
        meat += np.outer(sums, sums)
    bread = fit.covariance() / fit.scale
    assert fit.covariance("CR0", cluster=CLUSTER) == pytest.approx(bread @ meat @ bread, rel=1e-9)
    raised = fit.covariance("CR1", cluster=CLUSTER) / fit.covariance("CR0", cluster=CLUSTER)
    assert raised == pytest.approx(60 / 59)


def test_each_person_a_cluster_is_hc0() -> None:
    fit = fit_exactly("logistic", X, CASES)
    alone = fit.covariance("CR0", cluster=np.arange(400))
    assert alone == pytest.approx(fit.covariance("HC0"), rel=1e-10)


def test_clustered_errors_without_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match="CR0 needs clusters"):
        fit_exactly("linear", X, SCORES).covariance("CR0")
