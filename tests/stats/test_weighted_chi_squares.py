"""Tails of weighted sums of chi-squares, against closed forms, integrals and series."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.weighted_chi_squares import neg_log10_p_weighted_chi2


def tail(statistic: float, weights: F64) -> float:
    return float(10.0 ** -neg_log10_p_weighted_chi2(statistic, weights))


def tail_of_exponentials(statistic: float, weights: F64) -> float:
    """Return the tail where each weight stands twice: a sum of exponentials of distinct rates."""
    rates = 0.5 / weights
    parts = []
    for i, rate in enumerate(rates):
        others = np.delete(rates, i)
        parts.append(math.exp(-rate * statistic) * float(np.prod(others / (others - rate))))
    return math.fsum(parts)


def tail_of_imhof(statistic: float, weights: F64) -> float:
    """Return the tail by Imhof's integral along the imaginary axis."""

    def integrand(u: float) -> float:
        angle = 0.5 * float(np.arctan(weights * u).sum()) - 0.5 * statistic * u
        size = math.exp(0.25 * float(np.log1p((weights * u) ** 2).sum()))
        return math.sin(angle) / (u * size)

    edges = np.concatenate([[1e-300, 1.0], np.arange(5.0, 1001.0, 5.0)])
    value = sum(
        integrate.quad(integrand, low, high, epsabs=1e-13, limit=200)[0]
        for low, high in pairwise(edges)
    )
    return 0.5 + value / math.pi


def tail_of_ruben(statistic: float, weights: F64) -> float:
    """Return the tail by Ruben's mixture of chi-squares with the smallest weight as the scale."""
    least, m, terms = float(weights.min()), weights.size, 4000
    g = 0.5 * ((1.0 - least / weights) ** np.arange(1, terms)[:, None]).sum(axis=1)
    a = np.empty(terms)
    a[0] = np.prod(np.sqrt(least / weights))
    for k in range(1, terms):
        a[k] = g[:k] @ a[k - 1 :: -1] / k
    tails = special.gammaincc(0.5 * m + np.arange(terms), 0.5 * statistic / least)
    return math.fsum(a * tails) + max(0.0, 1.0 - math.fsum(a))


@pytest.mark.parametrize("m", [1, 2, 3, 10, 200])
@pytest.mark.parametrize("q", [1e-9, 0.1, 1.0, 9.0, 200.0, 1e5])
def test_equal_weights_are_one_chi_square(m: int, q: float) -> None:
    found = neg_log10_p_weighted_chi2(3.0 * q, np.full(m, 3.0))
    assert found == pytest.approx(float(neg_log10_p_chi2(q, m)), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("q", [0.01, 1.0, 16.0, 100.0, 1000.0])
@pytest.mark.parametrize("weights", [[5.0, 2.0, 1.0], [1.0, 1e-3, 1e-6, 1e-9]])
def test_pairs_of_weights_are_a_sum_of_exponentials(q: float, weights: list[float]) -> None:
    expected = tail_of_exponentials(q, np.array(weights))
    found = tail(q, np.repeat(weights, 2))
    assert found == pytest.approx(expected, rel=1e-11)
    assert abs(found - expected) < 1e-14


@pytest.mark.parametrize("weights", [[6.0, 3.0, 1.0, 0.5, 0.2], [1.0, 0.9, 0.5, 0.3, 0.1, 0.05]])
@pytest.mark.parametrize("q", [0.5, 2.0, 10.0])
def test_the_tail_is_that_of_imhofs_integral(weights: list[float], q: float) -> None:
    # What the integral leaves beyond 1,000 is below 1e-9 for five weights.
    assert tail(q, np.array(weights)) == pytest.approx(
        tail_of_imhof(q, np.array(weights)), abs=2e-9
    )


@pytest.mark.parametrize("q", [0.3, 3.0, 12.0, 40.0, 90.0])
def test_the_tail_is_that_of_rubens_series(q: float) -> None:
    weights = np.array([2.0, 1.1, 0.7, 0.3])
    assert tail(q, weights) == pytest.approx(tail_of_ruben(q, weights), rel=1e-10, abs=1e-15)


@pytest.mark.parametrize(("m", "seed"), [(3, 0), (3, 1), (8, 0), (20, 0)])
def test_the_tail_of_a_region_is_rubens_to_twelve_digits(m: int, seed: int) -> None:
    # Weights as HEIDI has them, of correlated contrasts.
    effects = np.random.default_rng([m, seed]).standard_normal((4 * m, m))
    found = np.linalg.eigvalsh(np.corrcoef(effects + effects[:, :1], rowvar=False))
    weights = np.asarray(found, dtype=np.float64)
    for q in (0.3 * m, float(m), 3.0 * m):
        # Ruben's own rounding: what its weights leave to 1 is a difference, known to 5e-14
        assert tail(q, weights) == pytest.approx(tail_of_ruben(q, weights), rel=1e-12, abs=5e-14)


def test_the_tables_of_imhof_are_met() -> None:
    # Imhof 1961, table 1: P(Q > x) of weights 0.6, 0.3, 0.1.
    found = [tail(x, np.array([0.6, 0.3, 0.1])) for x in (0.1, 0.7, 2.0)]
    assert np.round(found, 4).tolist() == [0.9458, 0.5064, 0.1240]


def test_tails_below_the_smallest_double_keep_their_digits() -> None:
    # Two weights of 2: an exponential of mean 4, whose tail at 4e6 is exp(-1e6).
    found = neg_log10_p_weighted_chi2(4e6, [2.0, 2.0])
    assert found == pytest.approx(1e6 / math.log(10.0), rel=1e-14)


@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.floats(-9, 9).map(lambda x: 10.0**x), min_size=1, max_size=12),
    q=st.floats(-12, 12).map(lambda x: 10.0**x),
    scale=st.floats(-100, 100).map(lambda x: 10.0**x),
)
def test_tails_fall_in_the_value_and_know_no_unit(
    weights: list[float], q: float, scale: float
) -> None:
    found = neg_log10_p_weighted_chi2(q, weights)
    assert found >= 0
    assert neg_log10_p_weighted_chi2(1.01 * q, weights) >= found
    scaled = neg_log10_p_weighted_chi2(q * scale, np.array(weights) * scale)
    assert scaled == pytest.approx(found, rel=1e-9, abs=1e-13)


def test_weights_of_zero_add_nothing() -> None:
    assert neg_log10_p_weighted_chi2(5.0, [1.0, 0.0, 0.0]) == neg_log10_p_weighted_chi2(5.0, [1.0])


@pytest.mark.parametrize("weights", [[], [0.0], [-1.0, 2.0], [math.nan]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(UsageError, match="weights"):
        neg_log10_p_weighted_chi2(1.0, weights)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_a_value_that_no_sum_takes_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="at least 0"):
        neg_log10_p_weighted_chi2(value, [1.0])
