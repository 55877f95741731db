from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.density_modes import find_modes
from proteomr.stats.kernel_density import estimate_density, mode_bandwidth, prepare_grid


@pytest.mark.parametrize("m", [3, 10, 79, 200])
@pytest.mark.parametrize("df", [1.0, 2.5, 100.0])
def test_modes_are_the_highest_points_of_the_whole_density(m: int, df: float) -> None:
    random = np.random.default_rng(m)
    x = random.standard_t(df, (150, m))
    w = random.dirichlet(np.full(m, 0.7), 150)
    h = np.maximum(mode_bandwidth(x), 1e-8) * random.choice([0.3, 1.0, 3.0], 150)
    found = find_modes(prepare_grid(x, h), w)
    for i in range(150):
        whole = estimate_density(x[i], bandwidth=float(h[i]), weights=w[i])
        assert found[i] == whole.x[whole.y.argmax()]


def test_of_two_peaks_of_nearly_the_same_height_the_higher_one_is_found() -> None:
    x = np.array([[0.0, 0.0, 1.0, 1.0]])
    tilt = np.linspace(-1e-4, 1e-4, 21)
    tilt = tilt[np.abs(tilt) > 1e-12]
    for change in tilt:
        w = np.array([0.25, 0.25, 0.25, 0.25 + change])
        mode = find_modes(prepare_grid(x, np.array([0.1])), w)[0]
        whole = estimate_density(x[0], bandwidth=0.1, weights=w)
        assert mode == whole.x[whole.y.argmax()]


def test_scale_and_place_move_the_mode_with_them() -> None:
    x = np.random.default_rng(5).normal(size=(40, 30))
    w = np.full(30, 1 / 30)
    base = find_modes(prepare_grid(x, mode_bandwidth(x)), w)
    moved = 4.0 * x + 16.0
    found = find_modes(prepare_grid(moved, mode_bandwidth(moved)), w)
    np.testing.assert_allclose(found, 4.0 * base + 16.0, rtol=1e-10)
