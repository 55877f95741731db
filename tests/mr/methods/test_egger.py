from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr.mr.methods.egger import EggerBootstrap, EggerRegression
from proteomr.stats.distributions import p_from_neg_log10
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import cover, make, run, simulate
from tests.mr.reference import read_set


def option(**changes: Any) -> EggerRegression:
    return EggerRegression(convention="mendelianrandomization", **changes)


def test_egger_equals_twosamplemr_0_7_9(reference: Path) -> None:
    tally = Tally()
    for name, data, entry in entries(reference, "TwoSampleMR", "mr_egger_regression"):
        compare(tally, name, run(EggerRegression(), data), entry)
    assert (tally.entries, tally.refused) == (33, 1)
    tally.check(1e-11, apart=("ci_low", "ci_high"))  # those recorded are 1.96 standard errors


def test_the_intercept_equals_the_pleiotropy_test_of_twosamplemr(reference: Path) -> None:
    compared = 0
    for _, data, entry in entries(reference, "TwoSampleMR", "mr_pleiotropy_test"):
        result = entry["result"]
        if data.m < 3:
            assert "egger_intercept" not in result or result["egger_intercept"][0] is None
            continue
        details = run(EggerRegression(), data).details
        p = p_from_neg_log10(details["intercept_neg_log10_p"])
        found = [details["intercept"], details["intercept_se"], float(p)]
        wanted = [result[name][0] for name in ("egger_intercept", "se", "pval")]
        np.testing.assert_allclose(found, wanted, rtol=1e-11)
        compared += 1
    assert compared == 32


@pytest.mark.parametrize(
    ("args", "method"),
    [
        ({}, option()),
        ({"distribution": "t-dist"}, option(distribution="t")),
        ({"penalized": True}, option(penalised=True)),
    ],
)
def test_egger_equals_mendelianrandomization_0_10_0(
    reference: Path, args: dict[str, Any], method: EggerRegression
) -> None:
    tally = Tally()
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_egger", args):
        compare(tally, name, run(method, data), entry)
    assert (tally.entries, tally.refused) == (33, 1)
    tally.check(1e-11)


@pytest.mark.parametrize("penalised", [False, True])
def test_robust_egger_equals_mendelianrandomization_0_10_0(
    reference: Path, *, penalised: bool
) -> None:
    args = {"robust": True, "penalized": True} if penalised else {"robust": True}
    tally = Tally()
    method = option(robust=True, penalised=penalised)
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_egger", args):
        compare(tally, name, run(method, data), entry)
    assert (tally.entries, tally.refused) == (28, 1)
    tally.check(1e-4, apart=("pval",))
    tally.check(3e-4)  # p of the six-variant set, whose standard error differs by 2e-5


def test_bootstrapped_egger_agrees_with_twosamplemr_0_7_9(reference: Path) -> None:
    compared = 0
    name = "mr_egger_regression_bootstrap"
    for where, data, entry in entries(reference, "TwoSampleMR", name):
        found, wanted = run(EggerBootstrap(), data, 7), entry["result"]
        if wanted["b"] is None:
            assert found.status.name == "too_few"
            continue
        assert abs(found.estimate - wanted["b"]) < 0.2 * wanted["se"], where
        assert abs(found.details["intercept"] - wanted["b_i"]) < 0.2 * wanted["se_i"], where
        assert found.se == pytest.approx(wanted["se"], rel=0.1), where
        assert found.details["one_sided_p"] == pytest.approx(wanted["pval"], abs=0.06), where
        compared += 1
    assert compared == 32


def test_the_published_loneliness_to_alzheimer_egger(reference: Path) -> None:
    data = read_set(reference, "day2018_lon_kunkle2019_ad_harmonised")
    exposure, outcome = (
        data.variants[name].to_numpy() for name in ("pval_exposure", "pval_outcome")
    )
    found = run(EggerRegression(), data.select(np.flatnonzero(outcome > 5e-8)))
    assert found.estimate == pytest.approx(-0.19903558721074907, rel=1e-12)
    assert found.se == pytest.approx(0.6098950329744196, rel=1e-12)
    assert found.details["intercept"] == pytest.approx(0.0021490846496546243, rel=1e-12)
    assert found.details["intercept_se"] == pytest.approx(0.00774510474641263, rel=1e-12)
    assert found.details["q"] == pytest.approx(91.45091410696567, rel=1e-12)
    for name, value in (("intercept_", 0.7821041912159682), ("q_", 0.24628077656672426)):
        p = p_from_neg_log10(found.details[f"{name}neg_log10_p"])
        assert p == pytest.approx(value, rel=1e-11)
    assert p_from_neg_log10(found.neg_log10_p) == pytest.approx(0.7449855507475595, rel=1e-11)
    strict = run(
        EggerRegression(), data.select(np.flatnonzero((outcome > 5e-8) & (exposure < 5e-8)))
    )
    assert strict.estimate == pytest.approx(2.2664922648267427, rel=1e-12)
    assert strict.se == pytest.approx(1.5514290729476015, rel=1e-12)
    assert strict.details["intercept"] == pytest.approx(-0.03911869468205329, rel=1e-12)
    assert strict.details["q"] == pytest.approx(10.845846239161217, rel=1e-12)


def test_egger_covers_the_truth_under_directional_pleiotropy() -> None:
    random = np.random.default_rng(5)
    sets = [simulate(random, noise_x=1e-4, pleiotropy=0.02) for _ in range(300)]
    mean, covered = cover(EggerRegression(distribution="t"), 0.4, sets)
    assert abs(mean - 0.4) < 0.01
    assert 0.92 < covered < 0.99
    intercepts = [run(EggerRegression(), data).details["intercept"] for data in sets]
    assert np.mean(intercepts) == pytest.approx(0.02, abs=0.001)


def test_a_weighted_bootstrap_centres_on_the_estimate_where_the_exposure_is_precise() -> None:
    data = simulate(np.random.default_rng(4), noise_x=1e-6)
    found = run(EggerBootstrap(draws=4000, regression="weighted_least_squares"), data)
    exact = run(EggerRegression(), data)
    assert found.estimate == pytest.approx(exact.estimate, abs=4 * exact.se / 60)


def test_the_bootstrap_p_counts_both_sides_and_is_never_zero() -> None:
    data = simulate(np.random.default_rng(4), effect=3.0)
    found = run(EggerBootstrap(draws=99), data)
    assert p_from_neg_log10(found.neg_log10_p) == pytest.approx(2 / 100)
    assert found.details["one_sided_p"] == 0


def test_equal_effects_on_the_exposure_leave_the_line_unidentified() -> None:
    data = make(np.full(5, 0.1), np.full(5, 0.01), np.arange(5.0), np.ones(5))
    for method in (EggerRegression(), option(penalised=True), option(robust=True)):
        assert run(method, data).status.name == "not_identified"


def test_two_variants_are_too_few() -> None:
    data = make(np.array([0.1, 0.2]), np.full(2, 0.01), np.arange(2.0), np.ones(2))
    for method in (EggerRegression(), EggerBootstrap()):
        assert run(method, data).status.name == "too_few"
