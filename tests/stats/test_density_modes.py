"""The modes that are searched for are those of the whole density, whichever way they are found."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.density_modes import Samples, find_modes, measure_samples
from proteomr.stats.kernel_density import lay_frame, mode_bandwidth, prepare_grid

_ALIKE = 1e-13  # relative: heights that the Fourier transform of the whole density tells not apart


def count_differences(x: F64, h: F64, *weights: F64) -> int:
    """Compare with the highest point of the whole density; equal heights are no difference."""
    grid, frame = prepare_grid(x, h), lay_frame(x.min(axis=1), x.max(axis=1), h)
    different = 0
    for w, modes in zip(weights, search(x, h, *weights), strict=True):
        heights = grid.evaluate(w)
        places = np.rint((modes - frame.start) / frame.stride).astype(np.int64)
        np.testing.assert_array_equal(modes, frame.start + places * frame.stride)
        found = np.take_along_axis(heights, places[:, None], axis=1)[:, 0]
        different += int(np.count_nonzero(found < (1.0 - _ALIKE) * heights.max(axis=1)))
    return different


def search(x: F64, h: F64, *weights: F64) -> list[F64]:
    return find_modes(Samples(x, h, x.min(axis=1), x.max(axis=1)), *weights)


def spread(x: F64) -> F64:
    return np.maximum(mode_bandwidth(x), 1e-8)


@pytest.mark.parametrize("m", [2, 3, 4, 5, 10, 79, 200, 300, 400, 600])
@pytest.mark.parametrize("df", [0.7, 2.5, 100.0])
def test_modes_are_the_highest_points_of_the_whole_density(m: int, df: float) -> None:
    random = np.random.default_rng(m)
    x = random.standard_t(df, (150, m))
    each, all_alike = random.dirichlet(np.full(m, 0.7), 150), random.dirichlet(np.full(m, 0.7))
    h = spread(x) * random.choice([0.1, 0.3, 1.0, 3.0, 10.0], 150)
    assert count_differences(x, h, each, all_alike) == 0
    assert count_differences(x, h, np.full(m, 1.0 / m)) == 0


@pytest.mark.parametrize("points", [0.02, 0.5, 3.9, 3.999, 4.001, 4.1, 6.0, 35.0])
@pytest.mark.parametrize("m", [3, 40, 200])
def test_modes_are_right_however_few_grid_points_the_kernel_spans(points: float, m: int) -> None:
    random = np.random.default_rng(m)
    x = random.normal(size=(60, m))
    x[:, 0] = np.where(random.random(60) < 0.5, -8.0, 8.0)
    reach = np.ptp(x, axis=1)
    h = reach / (511.0 / points - 14.0)  # so that the kernel spans so many points
    frame = lay_frame(x.min(axis=1), x.max(axis=1), h)
    np.testing.assert_allclose(h / frame.spacing, points, rtol=2e-3)
    w = random.dirichlet(np.full(m, 0.7), 60)
    assert count_differences(x, h, w, np.full(m, 1.0 / m)) == 0


def test_modes_are_right_with_an_outlier_and_a_bandwidth_at_its_floor() -> None:
    random = np.random.default_rng(6)
    x = random.normal(size=(40, 30))
    x[:20, 0], x[20:, :20] = 1e6, 0.25
    h = np.where(np.arange(40) < 20, spread(x), 1e-8)
    assert count_differences(x, h, random.dirichlet(np.ones(30), 40)) == 0


def test_of_two_peaks_of_nearly_the_same_height_the_higher_one_is_found() -> None:
    x = np.array([[0.0, 0.0, 1.0, 1.0]])
    tilt = np.linspace(-1e-4, 1e-4, 21)
    for change in tilt[np.abs(tilt) > 1e-12]:
        w = np.array([0.25, 0.25, 0.25, 0.25 + change])
        for narrow in (0.01, 0.1, 0.3):
            assert count_differences(x, np.array([narrow]), w) == 0
            assert (search(x, np.array([narrow]), w)[0] > 0.5) == (change > 0)


@pytest.mark.parametrize("m", [3, 50, 300])
def test_two_sets_of_weights_and_samples_side_by_side_change_no_bit(m: int) -> None:
    random = np.random.default_rng(m)
    x = random.standard_t(2.0, (50, m))
    x[:20] = np.round(2.0 * x[:20])  # ties
    h, w = spread(x) + 0.01, random.dirichlet(np.ones(m), 50)
    equal = np.full(m, 1.0 / m)
    together = search(x, h, equal, w)
    np.testing.assert_array_equal(together[0], search(x, h, equal)[0])
    np.testing.assert_array_equal(together[1], search(x, h, w)[0])
    for i in range(50):
        alone = search(x[i : i + 1], h[i : i + 1], equal, w[i])
        assert [float(mode[0]) for mode in alone] == [mode[i] for mode in together]


def test_scale_and_place_move_the_mode_with_them() -> None:
    x = np.random.default_rng(5).normal(size=(40, 30))
    w = np.full(30, 1 / 30)
    base = search(x, mode_bandwidth(x), w)[0]
    moved = 4.0 * x + 16.0
    found = search(moved, mode_bandwidth(moved), w)[0]
    np.testing.assert_allclose(found, 4.0 * base + 16.0, rtol=1e-10)


def test_a_sample_on_a_grid_without_length_has_no_mode_and_spoils_no_other() -> None:
    x = np.array([[1e12, 1e12, 1e12], [0.0, 0.1, 1.0], [np.nan, 0.0, 1.0], [-np.inf, 0.0, 1.0]])
    h = np.array([1e-8, 0.2, 0.2, 0.2])
    modes = search(x, h, np.full(3, 1 / 3))[0]
    assert np.isnan(modes[[0, 2, 3]]).all()
    assert modes[1] == search(x[1:2], h[1:2], np.full(3, 1 / 3))[0]


@pytest.mark.parametrize("m", [2, 3, 4, 31, 32, 33, 200])
def test_compiled_bandwidths_equal_the_plain_ones(m: int) -> None:
    random = np.random.default_rng(m)
    x = random.standard_t(1.5, (80, m))
    x[:30] = np.round(x[:30])  # ties, and a MAD of zero
    samples = measure_samples(x)
    np.testing.assert_allclose(samples.bandwidth, mode_bandwidth(x), rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(samples.lowest, x.min(axis=1))
    np.testing.assert_array_equal(samples.highest, x.max(axis=1))


@pytest.mark.parametrize("weight", [0.0, np.nan, np.inf])
def test_weights_that_are_no_numbers_or_none_give_no_mode(weight: float) -> None:
    x, h, w = np.array([[0.0, 0.1, 1.0]]), np.array([0.2]), np.full(3, weight)
    equal = np.full(3, 1 / 3)
    assert np.isnan(search(x, h, w)[0]).all()
    assert np.isnan(search(x, h, w, equal)[0]).all()
