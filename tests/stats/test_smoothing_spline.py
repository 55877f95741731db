from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.smoothing_spline import fit_smoothing_spline


def test_fitted_values_equal_smooth_spline_of_r() -> None:
    # with l = seq(0.05, 0.95, 0.05):
    # smooth.spline(l, 0.8 + 0.1 * sin(6 * l) + 0.03 * cos(40 * l), df = 3)$y, R 4.2.2
    x = 0.05 + 0.05 * np.arange(19.0)
    y = 0.8 + 0.1 * np.sin(6 * x) + 0.03 * np.cos(40 * x)
    found = fit_smoothing_spline(x, y, degrees_of_freedom=3.0)
    assert found[0] == pytest.approx(0.87787398266954819, rel=1e-10)
    assert found[9] == pytest.approx(0.80902552911870318, rel=1e-10)
    assert found[18] == pytest.approx(0.70435542335123591, rel=1e-10)


def test_fitted_values_at_uneven_points_equal_smooth_spline_of_r() -> None:
    # smooth.spline(x, y, df = 4.5, all.knots = TRUE)$y, R 4.2.2
    x = np.array([0.3, 0.35, 1, 1.1, 1.9, 2.4, 2.5, 4.1, 5, 7.7])
    y = np.array([1, 1.2, 0.7, 0.9, 2, 2.2, 2.6, 1, 0.5, 3])
    oracle = [0.92382762403455609, 0.93840766842163847, 1.18687686920449731]
    oracle += [1.24674633539254964, 1.84522754817778556, 2.06764356394600712]
    oracle += [2.07816310570324614, 1.15130002469091353, 0.76067387961785571]
    oracle += [2.90113338079374472]
    found = fit_smoothing_spline(x, y, degrees_of_freedom=4.5)
    np.testing.assert_allclose(found, oracle, rtol=1e-10)


def test_a_straight_line_is_left_as_it_is() -> None:
    x = np.array([0.0, 0.1, 0.5, 0.7, 2.0])
    np.testing.assert_allclose(
        fit_smoothing_spline(x, 3 - 2 * x, degrees_of_freedom=2.5), 3 - 2 * x, atol=1e-9
    )


@pytest.mark.parametrize(
    ("x", "df"), [([0.0, 1.0, 1.0, 2.0], 3.0), ([0.0, 1.0, 2.0], 2.0), ([0.0, 1, 2, 3], 1.0)]
)
def test_unfit_input_is_an_error(x: list[float], df: float) -> None:
    with pytest.raises(ValueError, match=r"increasing|at least 4|degrees_of_freedom"):
        fit_smoothing_spline(np.array(x), np.ones(len(x)), degrees_of_freedom=df)
