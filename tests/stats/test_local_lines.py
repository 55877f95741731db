"""Local lines against those of statsmodels where both define them alike, and their limits."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.nonparametric.smoothers_lowess import lowess

from proteomr.stats.local_lines import fit_local_lines


@pytest.mark.parametrize("n", [20, 77, 300])
def test_lines_equal_statsmodels(n: int) -> None:
    draw = np.random.default_rng(n)
    x = draw.normal(size=n)
    y = np.sin(x) + draw.normal(size=n)
    theirs = lowess(y, x, frac=0.4, it=3, delta=0.0, return_sorted=False)
    ours = fit_local_lines(x, y, span=0.4, delta=0.0)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_points_closer_than_delta_lie_on_a_line_between_fits() -> None:
    x = np.linspace(0.0, 1.0, 101)
    ours = fit_local_lines(x, x**2, span=0.4, delta=0.1)
    np.testing.assert_allclose(np.diff(ours[:11], 2), 0.0, atol=1e-12)


def test_equal_places_have_one_value() -> None:
    x = np.repeat([1.0, 2.0, 5.0], 4)
    y = np.arange(12.0)
    fitted = fit_local_lines(x, y, span=0.4, delta=0.0).reshape(3, 4)
    np.testing.assert_array_equal(fitted, np.repeat(fitted[:, :1], 4, axis=1))
