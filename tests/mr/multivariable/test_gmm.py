from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from proteomr._typing import F64
from proteomr.mr.multivariable import MultivariableGmm
from proteomr.mr.multivariable.errors_in_variables import Terms, evaluate_terms
from proteomr.mr.multivariable.gmm import measure_moments
from proteomr.tables import Harmonised
from tests.mr.multivariable.lipids import entries, simulate

RANDOM = np.random.default_rng(1)
MRB = "MendelianRandomization"

# The search that the package makes: its gradient leaves out the change of the denominator.
_SEARCH = """
d <- as.matrix(read.csv(file("stdin"), header = FALSE))
e <- %d; x <- d[, 1:e]; y <- d[, e + 1]; S <- d[, -(1:(e + 1))]
omega <- function(t) { u <- c(-t, 1); as.vector(S %%*%% as.vector(outer(u, u))) }
g <- function(t) as.vector(y - x %%*%% t)
part <- function(t) as.vector(-2 * t(x) %%*%% (g(t) / omega(t)))
start <- nlminb(rep(0, e), function(t) sum(g(t)^2), function(t) as.vector(-2 * t(x) %%*%% g(t)))$par
found <- nlminb(start, function(t) sum(g(t)^2 / omega(t)), part)
cat(format(c(found$par, found$objective), digits = 15), found$convergence)
"""


def test_at_the_packages_estimates_q_and_errors_are_the_packages(reference: Path) -> None:
    compared = 0
    for data, entry in entries(reference, MRB, "mr_mvgmm"):
        result, robust = entry["result"], entry["args"]["robust"]
        kappa = result["Overdispersion"] / data.n_y if robust else 0.0
        terms = _evaluate(data, np.array(result["b"]), kappa)
        expected = result["Heter.Stat"] if robust else result["Heter.Stat"][0]
        assert terms.value.sum() == pytest.approx(expected, rel=1e-8)
        scaled = data.beta_x / np.sqrt(terms.variance[0])[:, None]
        se = np.sqrt(np.diagonal(np.linalg.inv(scaled.T @ scaled)))
        assert se == pytest.approx(result["se"], rel=1e-8)
        compared += 1
    assert compared == 4


def test_the_minimum_is_below_the_point_where_the_package_stops(reference: Path) -> None:
    compared = 0
    for data, entry in entries(reference, MRB, "mr_mvgmm"):
        result, robust = entry["result"], entry["args"]["robust"]
        found = MultivariableGmm(robust=robust).estimate(data, random=RANDOM)
        theta = np.array([one.estimate for one in found])
        kappa = found[0].details.get("overdispersion", 0.0)
        there = _evaluate(data, np.array(result["b"]), kappa).value.sum()
        assert found[0].details["q"] < there
        assert (np.abs(theta - result["b"]) < 0.6 * np.array(result["se"])).all()
        assert [one.se for one in found] == pytest.approx(result["se"], rel=0.02)
        _assert_minimum(data, theta, kappa)
        compared += 1
    assert compared == 4


def test_the_package_stops_where_a_search_with_part_of_the_gradient_does(reference: Path) -> None:
    compared = 0
    for data, entry in entries(reference, MRB, "mr_mvgmm"):
        if entry["args"]["robust"]:
            continue
        errors = measure_moments(data, correlations=np.eye(3))
        assert errors is not None
        found = _search_in_r(data.beta_x, data.beta_y, errors)
        assert found[:3] == pytest.approx(entry["result"]["b"], rel=1e-5)
        assert found[4] == 1  # not converged
        compared += 1
    assert compared == 2


def test_the_packages_conditional_f_is_where_the_same_search_stops(reference: Path) -> None:
    compared = 0
    for data, entry in entries(reference, MRB, "mr_mvivw"):
        if "nx" not in entry["args"]:
            continue
        errors = measure_moments(data, correlations=np.eye(3))
        assert errors is not None
        order = [1, 2, 0]  # the first exposure takes the place of the outcome
        x = data.beta_x
        *_, q, code = _search_in_r(x[:, 1:], x[:, 0], errors[:, order][:, :, order])
        assert q / (data.m - 2) == pytest.approx(entry["result"]["CondFstat"][0], rel=1e-6)
        assert code == 1
        compared += 1
    assert compared == 2


def test_overdispersion_brings_q_without_it_to_its_expectation() -> None:
    direct = 0.05 * np.random.default_rng(4).standard_normal(60)
    data = simulate(60, [0.4, -0.2], seed=31, pleiotropy=direct)
    first = MultivariableGmm(robust=False).estimate(data, random=RANDOM)
    robust = MultivariableGmm().estimate(data, random=RANDOM)
    theta = np.array([one.estimate for one in first])
    kappa = robust[0].details["overdispersion"]
    assert _evaluate(data, theta, kappa).value.sum() == pytest.approx(58.0, rel=1e-10)
    assert kappa == pytest.approx(0.05**2, rel=0.5)
    assert robust[0].se > first[0].se


def test_without_sample_sizes_the_method_says_so() -> None:
    data = replace(simulate(12, [0.4, -0.2], seed=5), n_x=None)
    found = MultivariableGmm().estimate(data, random=RANDOM)
    assert {one.status.name for one in found} == {"needs_sample_size"}


def _search_in_r(x: F64, y: F64, errors: F64) -> list[float]:
    """Effects, the sum there, and the code of convergence."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("no R")
    table = np.column_stack([x, y, errors.reshape(y.size, -1)])
    lines = "\n".join(",".join(repr(float(v)) for v in row) for row in table)
    script = [rscript, "--vanilla", "-e", _SEARCH % x.shape[1]]
    ran = subprocess.run(script, input=lines, capture_output=True, text=True, check=True)
    return [float(value) for value in ran.stdout.split()]


def _evaluate(data: Harmonised, theta: F64, kappa: float) -> Terms:
    errors = measure_moments(data, correlations=np.eye(len(data.exposures)))
    assert errors is not None
    return evaluate_terms(
        data.beta_x[None], data.beta_y[None], covariances=errors, theta=theta[None], excess=kappa
    )


def _assert_minimum(data: Harmonised, theta: F64, kappa: float) -> None:
    def measure(t: F64) -> float:
        return float(_evaluate(data, t, kappa).value.sum())

    searched = minimize(measure, list(theta + 0.01), method="Nelder-Mead", tol=1e-10)
    assert theta == pytest.approx(searched.x, abs=1e-5)
