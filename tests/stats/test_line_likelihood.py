"""Roots by halving, lines by likelihood: the last digit, or doubt where there is no minimum."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.bracketing import halve_to_root
from proteomr.stats.line_likelihood import Points, evaluate_lines, fit_line


@pytest.mark.parametrize("root", [1e-290, 3e-20, 0.7, 5e30])
def test_roots_of_any_size_are_halved_to_the_last_digit(root: float) -> None:
    found = halve_to_root(lambda x: root - x, np.zeros(1), np.array([1e33]))
    assert found[0] == pytest.approx(root, rel=1e-15)


def test_a_line_that_is_better_vertical_has_a_doubt() -> None:
    one = np.ones(2)  # Q falls from 5,000 towards 0.5 on both sides
    fit = fit_line(Points(np.array([0.5, -0.5]), one, 50.0 * one, one))
    assert fit.doubt is not None


def test_the_narrow_valley_of_a_precise_point_is_found() -> None:
    x, y = np.array([1.0, 1.0, 1.0, 1.0]), np.array([0.3, 0.31, 0.29, 2.123456])
    s = np.array([0.01, 0.01, 0.01, 1e-7])
    points = Points(x, s, y, s)
    fit = fit_line(points)
    assert fit.doubt is None
    assert fit.slope == pytest.approx(2.123456, abs=1e-6)
    assert fit.q <= evaluate_lines(points, np.linspace(-5.0, 5.0, 100_001)).min()
