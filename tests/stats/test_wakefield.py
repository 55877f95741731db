"""Wakefield's Bayes factors against densities, and the spread of a trait from its errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from proteomr.stats.wakefield import (
    estimate_outcome_sd,
    log_bayes_factors,
    posteriors_of_one,
    prior_variance_of,
    variance_from_frequency,
)


def test_a_bayes_factor_is_the_ratio_of_two_normal_densities() -> None:
    random = np.random.default_rng(1)
    variance = random.uniform(1e-4, 1e-1, 40)
    beta = random.normal(0, 0.2, 40)
    ours = log_bayes_factors(beta / np.sqrt(variance), variance, prior_variance=0.0225)
    wide = norm.logpdf(beta, scale=np.sqrt(variance + 0.0225))
    np.testing.assert_allclose(ours, wide - norm.logpdf(beta, scale=np.sqrt(variance)), rtol=1e-9)


def test_statistics_that_no_density_holds_keep_their_posteriors() -> None:
    z = np.array([100.0, 99.0, 0.0])
    factors = log_bayes_factors(z, np.full(3, 1e-3), prior_variance=0.0225)
    posteriors, null = posteriors_of_one(factors, prior=1e-4)
    assert posteriors[0] == pytest.approx(1.0)
    assert 0 < posteriors[1] < 1e-30
    assert null == 0.0


def test_posteriors_and_the_null_sum_to_one_and_a_flat_region_keeps_its_prior() -> None:
    posteriors, null = posteriors_of_one(np.zeros(50), prior=1e-3)
    np.testing.assert_allclose(posteriors, 1e-3, rtol=1e-12)
    assert posteriors.sum() + null == pytest.approx(1.0)


def test_the_spread_of_a_trait_is_recovered_from_frequencies_and_errors() -> None:
    random = np.random.default_rng(2)
    maf = random.uniform(0.05, 0.5, 200)
    variance = 2.5**2 * variance_from_frequency(maf, 5000.0)
    assert estimate_outcome_sd(variance, maf, 5000.0) == pytest.approx(2.5, rel=1e-12)
    tiny = estimate_outcome_sd(variance * 1e-200, maf, 5000.0)
    assert tiny == pytest.approx(2.5e-100, rel=1e-9)


def test_cases_have_the_variance_of_a_log_odds_ratio() -> None:
    even = variance_from_frequency(np.array([0.3]), 1000.0, case_share=0.5)
    assert even[0] == pytest.approx(4 * variance_from_frequency(np.array([0.3]), 1000.0)[0])
    assert prior_variance_of("cc") == pytest.approx(0.04)
