"""Tails of sums of weighted chi-squared variables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.quadratic_forms import saddle_point_minus_log10_p


def invert(x: float, weights: F64) -> float:
    """P(sum > x) by Imhof's integral, finely."""
    u = np.linspace(1e-9, 400.0, 400_001)
    angle = 0.5 * np.sum(np.arctan(np.outer(weights, u)), axis=0) - 0.5 * x * u
    size = np.prod((1.0 + np.outer(weights, u) ** 2) ** 0.25, axis=0)
    values = np.sin(angle) / (u * size)
    return 0.5 + float(np.trapezoid(values, u)) / np.pi


@pytest.mark.parametrize("x", [1.0, 4.0, 9.0, 15.0])
def test_it_is_imhofs_integral_within_three_per_cent(x: float) -> None:
    weights = np.array([2.0, 1.0, 0.7, 0.3])
    p = 10.0 ** -saddle_point_minus_log10_p(x, weights)
    assert p == pytest.approx(invert(x, weights), rel=0.03)


def test_one_weight_is_exact_and_far_tails_do_not_underflow() -> None:
    assert saddle_point_minus_log10_p(12.0, np.array([3.0])) == pytest.approx(
        -np.log10(chi2.sf(4.0, 1)), rel=1e-12
    )
    far = saddle_point_minus_log10_p(1e4, np.ones(5))
    assert far == pytest.approx(float(neg_log10_p_chi2(1e4, 5.0)), rel=1e-3)


def test_it_falls_smoothly_through_the_mean() -> None:
    weights = np.array([1.0, 0.5, 0.5])
    at = np.linspace(1.98, 2.02, 81)
    values = np.array([saddle_point_minus_log10_p(float(x), weights) for x in at])
    steps = np.diff(values)
    assert (steps > 0).all()
    assert steps.max() < 1.05 * steps.min()


def test_the_unit_of_the_weights_does_not_matter() -> None:
    weights = np.array([2.0, 1.0, 0.1])
    base = saddle_point_minus_log10_p(7.0, weights)
    assert saddle_point_minus_log10_p(7e-6, 1e-6 * weights) == pytest.approx(base, rel=1e-9)
