from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr.errors import InputError
from proteomr.mr.methods.egger import EggerRegression
from proteomr.mr.methods.ivw import InverseVarianceWeightedRandom
from proteomr.mr.methods.radial import (
    RadialEgger,
    RadialIvw,
    RadialWeights,
    fit_radial_egger,
    fit_radial_ivw,
)
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.tables import Harmonised
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import make, run, simulate

WEIGHTS: dict[int, RadialWeights] = {1: "first_order", 2: "second_order", 3: "modified"}


def _names(outliers: Any) -> list[str]:
    if not isinstance(outliers, dict):
        return []
    found = outliers["SNP"]
    return [found] if isinstance(found, str) else list(found)


def test_radial_ivw_equals_twosamplemr_0_7_9(reference: Path) -> None:
    tally, faults = Tally(), 0
    for name, data, entry in entries(reference, "TwoSampleMR", "mr_ivw_radial"):
        if not isinstance(entry.get("result"), dict):
            faults += 1
            assert run(RadialIvw(), data).status.name == "ok"
            continue
        compare(tally, name, run(RadialIvw(), data), entry)
    assert (tally.entries, faults) == (7, 2)
    tally.check(1e-12)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_four_radial_models_equal_radialmr_1_2_3(reference: Path, number: int) -> None:
    compared = 0
    args = {"alpha": 0.05, "weights": number}
    for _, data, entry in entries(reference, "RadialMR", "ivw_radial", args):
        result = entry.get("result")
        found = fit_radial_ivw(data, weights=WEIGHTS[number])
        if not isinstance(result, dict):
            assert data.m < 6
            continue
        models = (found.effect, found.iterative, found.exact_fixed, found.exact_random)
        estimates = [model.estimate for model in models]
        errors = [model.se for model in models]
        coefficients = result["coef"]
        wanted, wanted_errors = coefficients["Estimate"], coefficients["Std.Error"]
        np.testing.assert_allclose(estimates[:2], wanted[:2], rtol=1e-12)
        np.testing.assert_allclose(errors[:2], wanted_errors[:2], rtol=1e-12)
        np.testing.assert_allclose(estimates[3], wanted[3], rtol=1e-4)
        if abs(estimates[2]) < 2:
            np.testing.assert_allclose(estimates[2], wanted[2], rtol=1e-4)
            np.testing.assert_allclose(errors[2], wanted_errors[2], rtol=1e-5)
        else:
            assert abs(wanted[2]) == pytest.approx(2, abs=1e-4)  # the end of their interval
        np.testing.assert_allclose(found.mean_f, result["meanF"], rtol=1e-12)
        _check_variants(data, found.outliers, result)
        np.testing.assert_allclose(found.root_weights, result["W"], rtol=1e-12)
        np.testing.assert_allclose(found.contributions, result["Qj"], rtol=1e-9)
        compared += 1
    assert compared == 7


@pytest.mark.parametrize("number", [1, 2, 3])
def test_radial_egger_equals_radialmr_1_2_3(reference: Path, number: int) -> None:
    compared = refused = 0
    args = {"alpha": 0.05, "weights": number}
    for _, data, entry in entries(reference, "RadialMR", "egger_radial", args):
        result = entry.get("result")
        effect = run(RadialEgger(weights=WEIGHTS[number]), data)
        if not isinstance(result, dict):
            assert effect.status.name == "zero_effect"
            refused += 1
            continue
        found = fit_radial_egger(data, weights=WEIGHTS[number])
        assert found.effect == effect
        coefficients = result["coef"]
        values = [effect.details["intercept"], effect.estimate]
        np.testing.assert_allclose(values, coefficients["Estimate"], rtol=1e-11)
        errors = [effect.details["intercept_se"], effect.se]
        np.testing.assert_allclose(errors, coefficients["Std. Error"], rtol=1e-11)
        logs = [effect.details["intercept_neg_log10_p"], effect.neg_log10_p]
        np.testing.assert_allclose(p_from_neg_log10(logs), coefficients["Pr(>|t|)"], rtol=1e-10)
        assert effect.details["q"] == pytest.approx(result["qstatistic"], rel=1e-11)
        assert effect.details["q_df"] == data.m - 2 == result["df"] - 1
        _check_variants(data, found.outliers, result)
        np.testing.assert_allclose(found.contributions, result["Qj"], rtol=1e-8)
        compared += 1
    assert (compared, refused) == (28, 4)


def _check_variants(data: Harmonised, outliers: tuple[int, ...], result: dict[str, Any]) -> None:
    names = data.variants["variant_id"].to_list()
    assert [names[row] for row in outliers] == _names(result["outliers"])


def test_first_order_radial_ivw_is_the_weighted_regression_without_a_floor() -> None:
    data = simulate(np.random.default_rng(3))
    radial = run(RadialIvw(weights="first_order"), data)
    plain = run(InverseVarianceWeightedRandom(), data)
    assert radial.estimate == pytest.approx(plain.estimate, rel=1e-12)
    assert radial.se == pytest.approx(plain.se, rel=1e-12)


def test_the_exact_random_model_has_the_heterogeneity_expected() -> None:
    data = simulate(np.random.default_rng(3), pleiotropy=np.linspace(-0.05, 0.05, 40))
    found = fit_radial_ivw(data)
    assert found.inflation > 1
    theta = found.exact_random.estimate
    variance = found.inflation * data.se_y**2 + theta**2 * data.sx**2
    q = np.sum((data.beta_y - theta * data.x) ** 2 / variance)
    assert q == pytest.approx(39, rel=1e-9)
    homogeneous = make(data.x, data.sx, 0.4 * data.x, data.se_y)
    calm = fit_radial_ivw(homogeneous)
    assert calm.inflation == 1
    assert calm.exact_random.estimate == calm.exact_fixed.estimate


def test_contributions_sum_to_the_heterogeneity_and_outliers_depend_on_alpha() -> None:
    data = simulate(np.random.default_rng(3), pleiotropy=np.linspace(-0.05, 0.05, 40))
    for fit in (fit_radial_ivw, fit_radial_egger):
        found = fit(data)
        assert found.contributions.sum() == pytest.approx(found.effect.details["q"], rel=1e-12)
        strict = fit(data, alpha=0.001)
        assert set(strict.outliers) < set(found.outliers)


def test_radial_egger_differs_from_egger_in_the_meaning_of_its_intercept() -> None:
    data = simulate(np.random.default_rng(3), pleiotropy=0.02)
    assert run(RadialEgger(), data).estimate != run(EggerRegression(), data).estimate


def test_what_cannot_be_fitted_is_a_status_and_a_diagnostic_says_why() -> None:
    x = np.array([0.1, 0.2, 0.0, 0.4])
    data = make(x, np.ones(4), x + 1, np.ones(4))
    for method in (RadialIvw(), RadialEgger()):
        assert run(method, data).status.name == "zero_effect"
    few = data.select(np.arange(1))
    assert run(RadialIvw(), few).status.name == "too_few"
    with pytest.raises(InputError, match="1 variants have no effect"):
        fit_radial_ivw(data)
    with pytest.raises(InputError, match="needs 3 variants, found 2"):
        fit_radial_egger(data.select(np.arange(2)))
    equal = make(np.full(4, 0.1), np.full(4, 0.01), np.arange(4.0), np.ones(4))
    assert run(RadialEgger(weights="first_order"), equal).status.name == "not_identified"
