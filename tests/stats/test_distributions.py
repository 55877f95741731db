from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from proteomr.stats import distributions
from proteomr.stats.distributions import (
    genomic_control_lambda,
    neg_log10_p_chi2,
    neg_log10_p_normal,
    neg_log10_p_t,
    p_from_neg_log10,
    quantile_normal,
    quantile_t,
    z_from_neg_log10,
)

Expected = Callable[[str], dict[str, Any]]

# -(log(2) + pnorm(-z, log.p = TRUE)) / log(10), R 4.2.2
NORMAL = [
    (0.1, 0.036049661062642291),
    (0.5, 0.20966199360125953),
    (0.7, 0.31521987316777222),
    (0.71, 0.32084099838095032),
    (2.0, 1.3419860844769556),
    (10.0, 22.817023409822092),
    (38.0, 315.23875970829852),
    (39.0, 331.97036309736683),
    (1e4, 21714728.19322253),
    (1e6, 217147240957.72394),
    (1e100, 2.1714724095162587e199),
]

# -(log(2) + pt(-t, df, log.p = TRUE)) / log(10), R 4.2.2: df, t, value
STUDENT = [
    (4.5, 0.1, 0.034025412355028706),
    (4.5, 2.0, 0.96554037285251626),
    (4.5, 30.0, 5.6300471545803612),
    (4.5, 1e3, 12.478881008353207),
    (4.5, 1e50, 223.9788772876268),
    (167.0, 0.1, 0.035993064592190767),
    (167.0, 2.0, 1.3267831145494109),
    (167.0, 30.0, 68.428486592805513),
    (167.0, 1e3, 316.61926265319437),
    (167.0, 1e50, 8165.6132429708196),
    (41998.5, 2.0, 1.3419247362579283),
    (41998.5, 30.0, 194.93902563252357),
    (41998.5, 1e3, 29288.654368997617),
    (41998.5, 1e50, 2002842.96773307),
    (1e6, 2.0, 1.3419835077973501),
    (1e6, 30.0, 196.9200921275912),
    (1e6, 1e3, 150517.94537747413),
    (1e6, 1e50, 47000003.098060042),
]

# -pchisq(x, df, lower.tail = FALSE, log.p = TRUE) / log(10), R 4.2.2: df, x, value
CHI2 = [
    (0.5, 0.005, 0.12295926169843428),
    (0.5, 50.0, 12.477577321644096),
    (0.5, 5000.0, 1088.8441710564396),
    (3.0, 3e-6, 6.0018427082971363e-10),
    (3.0, 3.0, 0.40712939663358583),
    (3.0, 300.0, 64.002231117946437),
    (3.0, 3000.0, 649.80107747351838),
    (3.0, 3e8, 65144168.144987091),
    (1000.0, 900.0, 0.0046795583673998869),
    (1000.0, 1100.0, 1.8352187685849595),
    (1000.0, 5000.0, 521.45494009483605),
    (1e6, 1e6, 0.3011933760088073),
    (1e6, 1.02e6, 44.410730637585502),
    (1e6, 1.1e6, 1020.6301865530005),
    (1e6, 1e14, 21714719878026.594),
]


@pytest.mark.parametrize(("z", "value"), NORMAL)
def test_normal_tails_equal_r(z: float, value: float) -> None:
    assert float(neg_log10_p_normal(-z)) == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize(("df", "t", "value"), STUDENT)
def test_t_tails_equal_r(df: float, t: float, value: float) -> None:
    assert float(neg_log10_p_t(-t, df)) == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize(("df", "x", "value"), CHI2)
def test_chi_squared_tails_equal_r(df: float, x: float, value: float) -> None:
    assert float(neg_log10_p_chi2(x, df)) == pytest.approx(value, rel=1e-13)


@given(st.floats(-150.0, 300.0))
def test_t_with_one_degree_of_freedom_is_cauchy(exponent: float) -> None:
    t = 10.0**exponent
    if t > 1:
        oracle = -math.log10(2 / math.pi * math.atan(1 / t))
    else:
        oracle = -math.log1p(-2 / math.pi * math.atan(t)) / math.log(10)
    assert float(neg_log10_p_t(t, 1.0)) == pytest.approx(oracle, rel=1e-12, abs=0)


@given(st.floats(-150.0, 300.0))
def test_t_with_two_degrees_of_freedom_has_its_closed_form(exponent: float) -> None:
    # p = 1 - s with s = t / sqrt(2 + t^2), or (2 / (2 + t^2)) / (1 + s)
    t = 10.0**exponent
    s = 1 / math.hypot(1.0, math.sqrt(2) / t)
    if t > 1:
        log_square = 2 * math.log(t) + math.log1p(2 / t / t)
        oracle = (log_square + math.log1p(s) - math.log(2)) / math.log(10)
    else:
        oracle = -math.log1p(-s) / math.log(10)
    assert float(neg_log10_p_t(t, 2.0)) == pytest.approx(oracle, rel=1e-12, abs=0)


@given(st.floats(1e-6, 600.0))
def test_chi_squared_with_two_degrees_of_freedom_is_exponential(x: float) -> None:
    oracle = x / 2 / math.log(10)
    assert float(neg_log10_p_chi2(x, 2.0)) == pytest.approx(oracle, rel=1e-12)


def test_tails_equal_scipy_where_scipy_does_not_underflow() -> None:
    t = np.linspace(0.5, 30.0, 60)
    for df in (1.0, 3.0, 12.5, 167.0, 1e4):
        oracle = -np.log10(2 * stats.t.sf(t, df))
        np.testing.assert_allclose(neg_log10_p_t(t, df), oracle, rtol=1e-10)
        oracle = -np.log10(stats.chi2.sf(t, df))
        np.testing.assert_allclose(neg_log10_p_chi2(t, df), oracle, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("df", [0.7, 1.0, 2.0, 9.9, 19.9, 20.1, 167.0, 5e3, 1e6])
def test_both_ways_to_a_far_tail_agree_around_the_switch(
    df: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    exponents = np.log(10) * np.linspace(30.0, 200.0, 41)
    t = np.exp(exponents / df) if df <= 2 else np.sqrt(df * np.expm1(2 * exponents / df))
    x = df + 2 * exponents + np.sqrt(4 * exponents * df)
    ways = []
    for switch in (1e-300, 1e-20):
        monkeypatch.setattr(distributions, "_FAR", switch)
        ways.append((neg_log10_p_t(t, df), neg_log10_p_chi2(x, df)))
    for direct, fraction in zip(*ways, strict=True):
        between = (direct > 20.0) & (direct < 300.0)
        assert between.sum() > 10
        np.testing.assert_allclose(direct[between], fraction[between], rtol=1e-12)


def test_an_infinite_number_of_degrees_of_freedom_gives_the_normal() -> None:
    z = np.array([0.0, 0.3, 5.0, 300.0])
    assert (neg_log10_p_t(z, np.inf) == neg_log10_p_normal(z)).all()
    np.testing.assert_allclose(neg_log10_p_t(z, 1e12), neg_log10_p_normal(z), rtol=1e-6)


def test_borders_are_defined() -> None:
    t = neg_log10_p_t([0.0, -0.0, np.nan, -np.inf, 1.0, 1.0], [1, 1, 1, 1, 0, -1])
    np.testing.assert_array_equal(t, [0.0, 0.0, np.nan, np.inf, np.nan, np.nan])
    chi2 = neg_log10_p_chi2([0.0, -1.0, np.nan, np.inf, 1.0], [1, 2, 3, 4, 0])
    np.testing.assert_array_equal(chi2, [0.0, 0.0, np.nan, np.inf, np.nan])
    normal = neg_log10_p_normal([0.0, np.nan, np.inf])
    np.testing.assert_array_equal(normal, [0.0, np.nan, np.inf])
    assert not np.signbit(np.concatenate((t[:2], chi2[:2], normal[:1]))).any()


def test_arrays_broadcast() -> None:
    assert neg_log10_p_t(np.ones((3, 1)), np.ones(2)).shape == (3, 2)
    assert neg_log10_p_chi2(1.0, [1.0, 2.0]).shape == (2,)
    assert neg_log10_p_t(np.empty(0), 1.0).shape == (0,)


@given(st.floats(1e-300, 1e6))
def test_the_normal_statistic_comes_back_from_its_p(neg_log10_p: float) -> None:
    z = z_from_neg_log10(neg_log10_p)
    assert float(neg_log10_p_normal(z)) == pytest.approx(neg_log10_p, rel=1e-11, abs=0)


def test_a_negative_logarithm_has_no_normal_statistic() -> None:
    assert np.isnan(z_from_neg_log10([-0.1, np.nan])).all()


def test_p_underflows_to_zero_without_a_warning() -> None:
    np.testing.assert_allclose(p_from_neg_log10([0.0, 3.0, 5000.0]), [1.0, 1e-3, 0.0], rtol=1e-15)


def test_quantiles_equal_r() -> None:
    # qt(c(0.025, 0.975, 0.975, 1e-10), c(167, 2.5, 41998, 3)), R 4.2.2
    found = quantile_t([0.025, 0.975, 0.975, 1e-10], [167.0, 2.5, 41998.0, 3.0])
    oracle = [-1.9742709570280528, 3.5746548420036919, 1.9600204714784148, -2225.769284683094611]
    np.testing.assert_allclose(found, oracle, rtol=1e-12)
    assert float(quantile_normal(0.975)) == pytest.approx(1.9599639845400545, rel=1e-15)


def test_quantiles_have_borders() -> None:
    found = quantile_t([0.0, 1.0, 0.975, 0.5, 2.0], [3.0, 3.0, np.inf, 0.0, 3.0])
    oracle = [-np.inf, np.inf, 1.959963984540054, np.nan, np.nan]
    np.testing.assert_allclose(found, oracle)


def test_quantile_and_tail_are_inverse() -> None:
    df = np.array([1.0, 2.5, 30.0, 167.0, 4e4])
    p = 10.0 ** -neg_log10_p_t(quantile_t(0.975, df), df)
    np.testing.assert_allclose(p, 0.05, rtol=1e-12)


def test_lambda_equals_r_also_below_the_smallest_double() -> None:
    # median(qchisq(p, 1, lower.tail = FALSE)) / qchisq(0.5, 1), R 4.2.2
    four = -np.log10([0.01, 0.2, np.nan, 0.5, 0.03])
    assert genomic_control_lambda(four) == pytest.approx(6.9808289018501792, rel=1e-12)
    far = np.array([800.0, 900.0, 1000.0]) / np.log(10)
    assert genomic_control_lambda(far) == pytest.approx(3939.1354325443072, rel=1e-12)


def test_lambda_is_one_under_the_null_and_nan_without_tests() -> None:
    z = np.random.default_rng(5).normal(size=100_001)
    assert genomic_control_lambda(neg_log10_p_normal(z)) == pytest.approx(1.0, abs=0.02)
    assert math.isnan(genomic_control_lambda(np.array([np.nan])))


@pytest.mark.parametrize("term", ["sex", "age"])
def test_p_values_of_the_reference_linear_models_are_reproduced(
    expected: Expected, term: str
) -> None:
    values = expected("uni_lm_ranknorm_sex_age")[term]
    found = neg_log10_p_t(values["t"], values["df"])
    np.testing.assert_allclose(p_from_neg_log10(found), values["p"], rtol=1e-12)
