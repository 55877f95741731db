from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from proteomr.mr.multivariable import MultivariableIvw, MultivariableMeasurementError
from tests.mr.multivariable.lipids import entries, simulate

RANDOM = np.random.default_rng(1)


def test_mvivwme_agrees_with_mendelianrandomization_0_10_0(reference: Path) -> None:
    compared = 0
    for data, entry in entries(reference, "MendelianRandomization", "mr_mvivwme"):
        wanted = entry["result"]
        found = MultivariableMeasurementError().estimate(data, random=RANDOM)
        for one, b, se in zip(found, wanted["b"], wanted["se"], strict=True):
            # The package stops at a change of 1e-4 of the log likelihood: 0.02 standard errors.
            assert abs(one.estimate - b) < 0.03 * se
            assert one.se == pytest.approx(se, rel=0.01)
        assert found[0].details["residual_se"] == pytest.approx(wanted["RSE"], rel=1e-3)
        compared += 1
    assert compared == 2


def test_the_estimate_is_the_optimum_and_the_error_the_sandwich_by_differences() -> None:
    data = simulate(40, (0.4, -0.2, 0.1), seed=4, se=0.03)
    x, sx, y, sy = data.beta_x, data.se_x, data.beta_y, data.se_y

    def residuals(theta: np.ndarray) -> np.ndarray:
        return np.asarray((y - x @ theta) / np.sqrt(sy**2 + sx**2 @ theta**2))

    found = MultivariableMeasurementError(model="fixed").estimate(data, random=RANDOM)
    theta = np.array([one.estimate for one in found])
    least = optimize.least_squares(residuals, theta + 0.01, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert theta == pytest.approx(least.x, rel=1e-6)
    e, step = theta.size, 1e-4
    shifts = step * np.eye(e)
    slopes = np.array([(residuals(theta + s) - residuals(theta - s)) / (2 * step) for s in shifts])

    def half_sum(at: np.ndarray) -> float:
        return 0.5 * float(np.sum(residuals(at) ** 2))

    bread = np.array(
        [
            [
                half_sum(theta + a + b)
                - half_sum(theta + a - b)
                - half_sum(theta - a + b)
                + half_sum(theta - a - b)
                for a in shifts
            ]
            for b in shifts
        ]
    ) / (4 * step**2)
    half = np.linalg.solve(bread, slopes)
    assert [one.se for one in found] == pytest.approx(
        np.sqrt(np.diagonal(half @ half.T)).tolist(), rel=1e-4
    )


def test_weak_variants_do_not_bias_it_as_they_do_the_weighted_regression() -> None:
    random = np.random.default_rng(9)
    truth = np.array([0.4, -0.2])
    found, plain, inside = [], [], []
    for _ in range(120):
        effects = 0.03 * random.standard_normal((80, 2))
        errors = np.full((80, 2), 0.015)
        data = replace(
            simulate(80, (0.4, -0.2), seed=0),
            beta_x=random.normal(effects, errors),
            se_x=errors,
            beta_y=random.normal(effects @ truth, 0.01),
        )
        fits = MultivariableMeasurementError().estimate(data, random=RANDOM)
        found.append([fit.estimate for fit in fits])
        plain.append([fit.estimate for fit in MultivariableIvw().estimate(data, random=RANDOM)])
        inside.append(
            [
                fit.conf_low <= wanted <= fit.conf_high
                for fit, wanted in zip(fits, truth, strict=True)
            ]
        )
    error = np.std(found, axis=0) / 120**0.5
    assert (np.abs(np.mean(found, axis=0) - truth) < 4 * error).all()
    assert (np.abs(np.mean(plain, axis=0) - truth) > 4 * error).all()
    assert np.mean(inside) >= 0.92


def test_correlated_errors_of_overlapping_exposures_count() -> None:
    data = simulate(40, (0.4, -0.2, 0.1), seed=4, se=0.03)
    rows = tuple(
        tuple(1.0 if i == j else 0.6 for j in range(len(data.exposures)))
        for i in range(len(data.exposures))
    )
    apart = MultivariableMeasurementError().estimate(data, random=RANDOM)
    shared = MultivariableMeasurementError(correlations=rows).estimate(data, random=RANDOM)
    assert apart[0].estimate != shared[0].estimate
    assert all(one.status.name == "ok" for one in shared)
