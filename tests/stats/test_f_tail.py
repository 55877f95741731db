"""The tail of F against R's logarithms, and against t and chi-squared where it is theirs."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats import f_tail
from proteomr.stats.distributions import neg_log10_p_chi2, neg_log10_p_t
from proteomr.stats.f_tail import neg_log10_p_f

# R 4.2.2: -pf(f, df1, df2, lower.tail = FALSE, log.p = TRUE) / log(10)
R_VALUES = [
    (1e-09, 1.0, 60.0, 1.0912401894602e-05),
    (0.3, 2, 10, 0.126529326323851),
    (4.0, 1, 60, 1.30074307695216),
    (5000.0, 2, 400, 282.994669594164),
    (1.2, 7, 1000, 0.523159247952453),
    (30, 3, 12.5, 5.26032894357577),
    (100000.0, 5, 3, 7.30190052733699),
    (2000, 1, 40000, 425.524181265574),
    (100000000.0, 50, 1000000.0, 1849415.44652323),
]


@pytest.mark.parametrize(("f", "df1", "df2", "wanted"), R_VALUES)
def test_the_tail_is_r_s(f: float, df1: float, df2: float, wanted: float) -> None:
    assert float(neg_log10_p_f(f, df1, df2)) == pytest.approx(wanted, rel=1e-11)


@pytest.mark.parametrize("df", [1.0, 7.5, 300.0, 1e6])
def test_one_degree_of_freedom_is_t_squared(df: float) -> None:
    t = np.array([1e-3, 0.5, 2.0, 40.0, 900.0])
    np.testing.assert_allclose(neg_log10_p_f(t**2, 1.0, df), neg_log10_p_t(t, df), rtol=1e-11)


def test_without_end_it_is_chi_squared() -> None:
    f = np.array([0.2, 3.0, 900.0])
    np.testing.assert_array_equal(
        neg_log10_p_f(f, 3.0, np.inf), neg_log10_p_chi2(f * 3.0, np.full(3, 3.0))
    )


def test_what_is_no_statistic_has_no_p() -> None:
    found = neg_log10_p_f([-1.0, 0.0, np.inf, np.nan, 1.0, 1.0], [1, 1, 1, 1, 0, 2], [5] * 5 + [-1])
    np.testing.assert_array_equal(found, [0.0, 0.0, np.inf, np.nan, np.nan, np.nan])


def test_sums_that_are_slow_go_by_the_fraction_which_agrees_with_them() -> None:
    rng = np.random.default_rng(1)
    df2, df1 = 10 ** rng.uniform(3, 5.5, 40), rng.integers(1, 20, 40).astype(np.float64)
    x = df2 / (df2 + df1 * 10 ** rng.uniform(2.7, 4, 40))
    series, fraction = (
        by(df2 / 2, df1 / 2, x) for by in (f_tail._sum_series, f_tail._sum_fraction)
    )
    np.testing.assert_allclose(fraction, series, rtol=1e-11)  # the series adds 10,000 terms
    # far more people than the series could sum for: chi-squared, less (df1 f)^2 / (4 df2)
    chi2 = float(neg_log10_p_f(900.0, 3.0, np.inf))
    less = 2700.0**2 / 4e9 / np.log(10.0)
    assert float(neg_log10_p_f(900.0, 3.0, 1e9)) == pytest.approx(chi2 - less, rel=1e-8)
