"""Rubin's rules against their formulas taken one by one, and in simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from proteomr.stats.rubin import pool_estimates, pool_tests


def test_estimates_equal_the_formulas_one_by_one() -> None:
    g = np.random.default_rng(1)
    m, r = 7, 5
    estimate, se = g.normal(size=(m, r)), g.uniform(0.5, 1.5, (m, r))
    complete = np.array([3.0, 20.0, 500.0, 1e6, math.inf])
    pooled = pool_estimates(estimate, se, complete)
    for i in range(r):
        q, u = [float(x) for x in estimate[:, i]], [float(x) ** 2 for x in se[:, i]]
        mean = math.fsum(q) / m
        b = math.fsum((x - mean) ** 2 for x in q) / (m - 1)
        total = math.fsum(u) / m + (1 + 1 / m) * b
        share = (1 + 1 / m) * b / total
        old = (m - 1) / share**2
        v = complete[i]
        df = old
        if math.isfinite(v):
            observed = (v + 1) / (v + 3) * v * (1 - share)
            df = old * observed / (old + observed)
        ratio = (1 + 1 / m) * b / (math.fsum(u) / m)
        wanted = (mean, math.sqrt(total), df, (ratio + 2 / (df + 3)) / (1 + ratio))
        found = (pooled.estimate[i], pooled.se[i], pooled.df[i], pooled.fmi[i])
        assert found == pytest.approx(wanted, rel=1e-12)


def test_imputations_that_agree_leave_the_fit_of_complete_data() -> None:
    pooled = pool_estimates(np.full((5, 1), 0.3), np.full((5, 1), 0.1), np.array([math.inf]))
    assert pooled.estimate[0] == pytest.approx(0.3)
    assert pooled.se[0] == pytest.approx(0.1)
    assert math.isinf(pooled.df[0])
    assert pooled.fmi[0] == pytest.approx(0.0, abs=1e-12)


def test_intervals_cover_with_half_the_values_missing() -> None:
    """A mean of which half the values are imputed from their posterior; coverage near 95 %."""
    g = np.random.default_rng(5)
    n, seen, m, rounds = 60, 30, 10, 1500
    covered = 0
    for _ in range(rounds):
        y = g.normal(size=seen)
        s2 = (seen - 1) * y.var(ddof=1) / g.chisquare(seen - 1, m)
        centre = g.normal(y.mean(), np.sqrt(s2 / seen))
        rest = g.normal(centre[:, None], np.sqrt(s2)[:, None], (m, n - seen))
        whole = np.concatenate([np.tile(y, (m, 1)), rest], axis=1)
        estimate, se = whole.mean(axis=1), whole.std(axis=1, ddof=1) / math.sqrt(n)
        pooled = pool_estimates(estimate[:, None], se[:, None], np.array([n - 1.0]))
        reach = stats.t.ppf(0.975, pooled.df[0]) * pooled.se[0]
        covered += abs(pooled.estimate[0]) <= reach
    assert covered / rounds == pytest.approx(0.95, abs=0.02)  # three errors of simulation


def test_pooled_tests_equal_the_formulas() -> None:
    w, k, m = [6.0, 7.5, 9.0, 4.0], 3.0, 4
    roots = [math.sqrt(x) for x in w]
    r = (1 + 1 / m) * sum((x - sum(roots) / m) ** 2 for x in roots) / (m - 1)
    d2 = (sum(w) / m / k - (m + 1) / (m - 1) * r) / (1 + r)
    nu = k ** (-3 / m) * (m - 1) * (1 + 1 / r) ** 2
    found = pool_tests(np.array(w)[:, None], np.array([k]))
    assert found.statistic[0] == pytest.approx(d2, rel=1e-12)
    assert found.df_denominator[0] == pytest.approx(nu, rel=1e-12)
    assert found.neg_log10_p[0] == pytest.approx(-math.log10(stats.f.sf(d2, k, nu)), rel=1e-10)


def test_equal_tests_are_the_chi_squared_test_itself() -> None:
    found = pool_tests(np.full((3, 1), 8.0), np.array([2.0]))
    assert found.statistic[0] == pytest.approx(4.0)
    assert found.neg_log10_p[0] == pytest.approx(-math.log10(stats.chi2.sf(8.0, 2)))
