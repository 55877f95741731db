from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from proteomr.stats.kernel_density import estimate_density, mode_bandwidth, prepare_grid

R = json.loads(Path(__file__).with_name("density.json").read_text())


@pytest.mark.parametrize("name", sorted(R["cases"]))
def test_density_equals_r_4_2(name: str) -> None:
    case = R["cases"][name]
    weights = None if case["weights"] is None else np.array(case["weights"])
    found = estimate_density(np.array(case["x"]), bandwidth=case["bandwidth"], weights=weights)
    reach = np.ptp(found.x)
    heights = np.array(case["heights"])
    np.testing.assert_allclose(found.x[::7], case["points"], rtol=0, atol=1e-14 * reach)
    np.testing.assert_allclose(found.y[::7], heights, rtol=0, atol=1e-12 * found.y.max())
    assert found.x[found.y.argmax()] == pytest.approx(case["mode"], abs=1e-14 * reach)


def test_a_wide_kernel_gives_the_sum_of_normal_densities() -> None:
    x = np.random.default_rng(1).normal(size=30)
    w = np.random.default_rng(2).dirichlet(np.ones(30))
    found = estimate_density(x, bandwidth=0.8, weights=w)
    z = (found.x[:, None] - x) / 0.8
    obvious = (np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) / 0.8) @ w
    np.testing.assert_allclose(found.y, obvious, atol=2e-3 * obvious.max())


def test_many_samples_at_once_equal_one_at_a_time() -> None:
    random = np.random.default_rng(3)
    x, w = random.standard_t(2, (7, 20)), random.dirichlet(np.ones(20), 7)
    h = np.linspace(0.05, 1.0, 7)
    together = prepare_grid(x, h).evaluate(w)
    for i in range(7):
        alone = estimate_density(x[i], bandwidth=float(h[i]), weights=w[i])
        np.testing.assert_array_equal(together[i], alone.y)


def test_bandwidth_is_the_smaller_of_standard_deviation_and_mad() -> None:
    x = np.random.default_rng(4).normal(size=(5, 11)) ** 3
    for row, found in zip(x, mode_bandwidth(x), strict=True):
        mad = 1.4826 * np.median(np.abs(row - np.median(row)))
        assert found == pytest.approx(0.9 * min(np.std(row, ddof=1), mad) / 11**0.2, rel=1e-13)
