"""A minimum between two ends is where R's `optimize` finds it, and where it is."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from proteomr.stats.bounded_minimum import minimise_between

HALF_DIGITS = math.sqrt(2.220446049250313e-16)


@pytest.mark.parametrize(
    ("function", "theirs"),
    [
        (lambda x: x**4 - 3 * x**3 + 2, 2.2500000253777745),
        (lambda x: math.sin(5 * x) + 0.1 * x * x, -0.31166587279383379),
        (lambda x: abs(x - 0.7), 0.69999999746892194),
        (lambda x: math.exp(-x), 3.9999999132862469),
    ],
    ids=["quartic", "several minima", "corner", "at the end"],
)
def test_the_point_is_that_of_optimize(function: Callable[[float], float], theirs: float) -> None:
    """R 4.2: optimize(f, c(-3, 4), tol = sqrt(.Machine$double.eps))$minimum."""
    found = minimise_between(function, -3.0, 4.0, tolerance=HALF_DIGITS)
    assert found == pytest.approx(theirs, rel=1e-12)


def test_a_constant_has_a_minimum_inside() -> None:
    assert -1.0 < minimise_between(lambda _: 0.0, -1.0, 1.0, tolerance=1e-8) < 1.0
