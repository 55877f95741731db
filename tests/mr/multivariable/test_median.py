from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from proteomr._typing import F64
from proteomr.mr.multivariable import MultivariableMedian
from proteomr.mr.multivariable.absolute_deviations import fit_absolute_deviations
from tests.mr.multivariable.lipids import entries, simulate


def test_multivariable_median_equals_mendelianrandomization_0_10(reference: Path) -> None:
    compared = 0
    for data, entry in entries(reference, "MendelianRandomization", "mr_mvmedian"):
        found = MultivariableMedian(draws=4000).estimate(data, random=np.random.default_rng(1))
        result = entry["result"]
        for one, b, se in zip(found, result["b"], result["se"], strict=True):
            assert one.estimate == pytest.approx(b, rel=1e-8)
            assert one.se == pytest.approx(se, rel=0.10)
        compared += 1
    assert compared == 2


@pytest.mark.parametrize("shape", [(5, 1), (12, 2), (40, 4), (90, 3)])
def test_least_absolute_deviations_equal_the_linear_programme(shape: tuple[int, int]) -> None:
    m, p = shape
    random = np.random.default_rng(m)
    x, y = random.standard_normal((6, m, p)), random.standard_normal((6, m))
    weights = random.uniform(0.1, 3.0, m)
    found, settled = fit_absolute_deviations(x, y, weights=weights)
    assert settled.all()
    for k in range(6):
        assert found[k] == pytest.approx(_solve_programme(x[k], y[k], weights), abs=1e-9)


def test_a_plane_through_most_points_is_found_in_spite_of_ties() -> None:
    random = np.random.default_rng(8)
    x = random.standard_normal((1, 30, 3))
    y = x @ np.array([1.0, -2.0, 0.5])
    y[0, :8] += 100.0
    found, settled = fit_absolute_deviations(x, y, weights=np.ones(30))
    assert settled.all()
    assert found[0] == pytest.approx([1.0, -2.0, 0.5], abs=1e-12)


def test_the_median_is_near_the_truth_when_a_third_of_the_variants_are_invalid() -> None:
    direct = np.where(np.arange(90) % 3 == 0, 0.1, 0.0)
    data = simulate(90, [0.4, -0.2], seed=6, pleiotropy=direct)
    found = MultivariableMedian(draws=200).estimate(data, random=np.random.default_rng(1))
    assert abs(found[0].estimate - 0.4) < 4 * found[0].se
    assert abs(found[1].estimate + 0.2) < 4 * found[1].se


def _solve_programme(x: F64, y: F64, weights: F64) -> F64:
    m, p = x.shape
    cost = np.concatenate([np.zeros(p), weights, weights])
    equal = np.hstack([x, np.eye(m), -np.eye(m)])
    bounds = [(None, None)] * p + [(0, None)] * (2 * m)
    found = linprog(cost, A_eq=equal, b_eq=y, bounds=bounds)
    assert found.x is not None
    return np.asarray(found.x[:p])
