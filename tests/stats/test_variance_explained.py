from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr.errors import InputError
from proteomr.stats.variance_explained import (
    correlation_from_beta,
    correlation_from_log_odds,
    correlation_from_p,
    effective_sample_size,
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


def test_correlations_from_p_values_are_those_of_twosamplemr(bmi: Any) -> None:
    entry = find_entry(bmi["entries"], "get_r_from_pn", "TwoSampleMR")
    found = correlation_from_p(-np.log10(bmi["pval_exposure"]), bmi["n_exposure"])
    np.testing.assert_allclose(found, entry["result"]["r"], rtol=1e-11)


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


def test_p_values_and_effects_agree_up_to_the_degrees_of_freedom() -> None:
    from proteomr.stats.distributions import neg_log10_p_t

    t = np.array([1.0, 5.0, 40.0, 90.0])
    n = 50_000.0
    np.testing.assert_allclose(
        correlation_from_p(neg_log10_p_t(t, n - 1), n), correlation_from_beta(t, 1.0, n), rtol=1e-12
    )


def test_no_p_value_is_too_small() -> None:
    r = correlation_from_p([300.0, 3_000.0], 500_000.0)
    assert 0 < r[0] < r[1] < 1


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


def test_effective_size_of_a_balanced_study_is_its_half() -> None:
    assert effective_sample_size(500, 500) == 500


def test_a_prevalence_is_a_share() -> None:
    with pytest.raises(InputError, match="prevalence 10"):
        population_frequency(0.3, 0.1, case_share=0.5, prevalence=10)
