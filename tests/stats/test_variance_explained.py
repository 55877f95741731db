from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr.errors import InputError
from proteomr.stats.variance_explained import (
    correlation_from_beta,
    correlation_from_log_odds,
    population_frequency,
)
from tests.mr.reference import find_entry, read_expected, read_set


@pytest.fixture(scope="module")
def bmi(reference: Path) -> dict[str, Any]:
    data = read_set(reference, "tsmr_bmi_chd")
    columns = {name: data.variants[name].to_numpy() for name in data.variants.columns}
    return {"data": data, "entries": read_expected(reference, "tsmr_bmi_chd"), **columns}


def test_correlations_from_effects_are_those_of_twosamplemr(bmi: Any) -> None:
    entry = find_entry(bmi["entries"], "get_r_from_bsen", "TwoSampleMR")
    found = correlation_from_beta(bmi["data"].x, bmi["data"].sx, bmi["n_exposure"])
    np.testing.assert_allclose(found, entry["result"]["r"], rtol=1e-12)


@pytest.mark.parametrize(
    ("model", "prevalence", "corrected"), [("logit", 0.1, False), ("probit", 0.05, True)]
)
def test_correlations_with_a_disease_are_those_of_twosamplemr(
    reference: Path, bmi: Any, model: Any, prevalence: float, corrected: Any
) -> None:
    entries = read_expected(reference, "steiger_bmi_chd")
    entry = find_entry(entries, "get_r_from_lor", "TwoSampleMR", {"model": model})
    found = correlation_from_log_odds(
        bmi["data"].beta_y,
        bmi["eaf_outcome"],
        n_case=60_801,
        n_control=123_504,
        prevalence=prevalence,
        model=model,
        correct_ascertainment=corrected,
    )
    np.testing.assert_allclose(found, entry["result"]["r"], rtol=1e-11)


def test_the_joint_frequency_solves_its_equation() -> None:
    rng = np.random.default_rng(2)
    f, share, log_odds = (
        rng.uniform(0.01, 0.99, 200),
        rng.uniform(0.05, 0.95, 200),
        rng.normal(size=200),
    )
    cases = population_frequency(f, log_odds, case_share=share, prevalence=1 - 1e-12)
    controls = population_frequency(f, log_odds, case_share=share, prevalence=1e-12)
    odds = cases / (1 - cases) / (controls / (1 - controls))
    np.testing.assert_allclose(np.log(odds), log_odds, atol=1e-8)
    np.testing.assert_allclose(share * cases + (1 - share) * controls, f, atol=1e-9)


def test_a_prevalence_is_a_share() -> None:
    with pytest.raises(InputError, match="prevalence 10"):
        population_frequency(0.3, 0.1, case_share=0.5, prevalence=10)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e160, 1e300])
def test_a_correlation_lies_between_minus_one_and_one_whatever_the_sizes(scale: float) -> None:
    beta = np.array([-scale, scale, 0.0, scale, scale])
    found = correlation_from_beta(beta, np.array([1e-8, scale, 1.0, 1e-300, 1.0]), 1_000)
    assert np.isfinite(found).all()
    assert (np.abs(found) <= 1).all()
    assert np.array_equal(np.sign(found), np.sign(beta)) or scale < 1e-8
    assert found[1] == pytest.approx(1 / np.sqrt(999), rel=1e-12)


@pytest.mark.parametrize("n", [2.0, 1.0, 0.0, -5.0, np.nan])
def test_two_people_or_fewer_have_no_correlation(n: float) -> None:
    assert np.isnan(correlation_from_beta(0.1, 0.01, n))


def test_a_log_odds_ratio_beyond_all_numbers_has_no_correlation_and_no_warning() -> None:
    beta = np.array([800.0, -800.0, 1e200, 0.1])
    found = correlation_from_log_odds(beta, 0.3, n_case=100, n_control=900, prevalence=0.1)
    assert np.isnan(found[0])
    assert np.isnan(found[2])
    assert 0 < found[3] < 1
