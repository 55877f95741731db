"""What studies do to pooled effects, and tests of funnels: as metafor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr.stats.combined_tests import combine_tests
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.pooling import pool_effects
from proteomr.stats.ratio_measures import RATIOS, convert_ratio
from proteomr.stats.study_bias import rank_asymmetry, regress_on_errors, trim_and_fill
from proteomr.stats.study_effects import StudyEffects
from proteomr.stats.study_influence import measure_influence

R: dict[str, Any] = json.loads((Path(__file__).parent / "pooling.json").read_text())
Y, V = np.array([R["y"]]), np.array([R["v"]])
KIND = {"z": "none", "knha": "plain", "adhoc": "truncated"}


@pytest.mark.parametrize("test", list(KIND))
def test_influence_is_that_of_metafor(test: str) -> None:
    found = measure_influence(Y, V, method="REML", hartung=KIND[test])  # type: ignore[arg-type]
    for name, want in R["influence"][test].items():
        got = p_from_neg_log10(found.neg_log10_p) if name == "p" else getattr(found, name)
        # metafor's influence refits at its own tolerance where it has none
        assert got == pytest.approx(want, rel=1e-6), name


def test_fits_without_a_study_are_fits_of_the_others() -> None:
    g = np.random.default_rng(3)
    y, v = g.normal(size=(4, 6)), g.gamma(2, 0.2, (4, 6))
    y[1, 2] = np.nan
    found = measure_influence(y, v, method="DL")
    assert found.unit.size == 23
    for at in range(23):
        left = y[found.unit[at]].copy()
        left[found.study[at]] = np.nan
        alone = pool_effects(StudyEffects.of(left[None], v[found.unit[at]][None]), method="DL")
        assert found.estimate[at] == pytest.approx(alone.beta[0, 0], rel=1e-12)


def test_eggers_tests_are_those_of_metafor() -> None:
    for name, method in (("egger", "dispersion"), ("egger_mixed", "REML")):
        found = regress_on_errors(Y, V, method=method)  # type: ignore[arg-type]
        assert found.statistic[0] == pytest.approx(R[name]["statistic"], rel=1e-7)
        assert p_from_neg_log10(found.neg_log10_p)[0] == pytest.approx(R[name]["p"], rel=1e-7)
        assert found.limit[0] == pytest.approx(R[name]["limit"], rel=1e-7)


@pytest.mark.parametrize("funnel", R["funnels"], ids=lambda one: str(len(one["y"])))
def test_filled_funnels_and_rank_tests_are_those_of_metafor(funnel: Any) -> None:
    y, v = np.array(funnel["y"]), np.array(funnel["v"])
    found = trim_and_fill(y[None], v[None], method="DL")
    assert found.missing[0] == funnel["missing"]
    assert found.left[0] == (funnel["side"] == "left")
    got = [found.missing_se[0], found.estimate[0], found.se[0]]
    assert got == pytest.approx([funnel["missing_se"], funnel["estimate"], funnel["se"]], rel=1e-9)
    tau, p = rank_asymmetry(y[None], v[None])
    assert (tau[0], p[0]) == pytest.approx((funnel["tau"], funnel["tau_p"]), rel=1e-9)


def test_funnels_filled_together_are_as_alone() -> None:
    width = max(len(one["y"]) for one in R["funnels"])
    y, v = (
        np.array([one[name] + [np.nan] * (width - len(one[name])) for one in R["funnels"]])
        for name in ("y", "v")
    )
    together = trim_and_fill(y, v, method="DL")
    assert together.missing.tolist() == [one["missing"] for one in R["funnels"]]
    assert together.estimate == pytest.approx([one["estimate"] for one in R["funnels"]], rel=1e-9)


def test_rank_tests_of_ties_and_of_many_are_those_of_one_funnel() -> None:
    from scipy.stats import kendalltau

    g = np.random.default_rng(7)
    y, v = g.normal(size=(3, 60)), g.gamma(2, 0.2, (3, 60))
    v[1] = v[1].round(1) + 0.1
    y[2, 9:] = np.nan
    tau, p = rank_asymmetry(y, v)
    for unit in range(3):
        there = np.isfinite(y[unit])
        w = 1.0 / v[unit, there]
        deviate = (y[unit, there] - w @ y[unit, there] / w.sum()) / np.sqrt(1.0 / w - 1.0 / w.sum())
        method: Any = "exact" if unit == 2 else "asymptotic"
        want = kendalltau(deviate, v[unit, there], method=method)
        assert (tau[unit], p[unit]) == pytest.approx((want.statistic, want.pvalue), rel=1e-9)


def test_signs_are_binomial_and_their_p_is_at_most_one() -> None:
    y = np.array([[1.0] * 8 + [-1.0] * 2, [1.0, -1.0] + [np.nan] * 8, [0.0] * 10])
    found = combine_tests(y, np.ones_like(y))
    assert found.sign_p == pytest.approx([2 * (1 + 10 + 45) / 1024, 1.0, 1.0])
    assert found.positive.tolist() == [8, 1, 0]


def test_people_weigh_stouffers_sum_by_their_root() -> None:
    y, v = np.array([[0.3, -0.1, 0.2, np.nan]]), np.array([[0.01, 0.02, 0.05, np.nan]])
    n, R = np.array([[100.0, 900.0, 400.0, np.nan]]), np.eye(4)
    R[0, 1] = R[1, 0] = 0.4
    z, w = y[0, :3] / np.sqrt(v[0, :3]), np.array([10.0, 30.0, 20.0])
    alone = combine_tests(y, v, people=n).stouffer[0]
    assert alone == pytest.approx(w @ z / np.sqrt(w @ w), rel=1e-14)
    shared = combine_tests(y, v, people=n, correlation=R).stouffer[0]
    assert shared == pytest.approx(w @ z / np.sqrt(w @ R[:3, :3] @ w), rel=1e-14)


def test_sums_of_one_question_are_those_of_many_to_the_bit() -> None:
    y = np.random.default_rng(2).normal(size=(300, 9))
    many = combine_tests(y, np.ones_like(y))
    for unit in (0, 150, 299):
        one = combine_tests(y[unit : unit + 1], np.ones((1, 9)))
        assert (one.stouffer[0], one.fisher[0]) == (many.stouffer[unit], many.fisher[unit])


@pytest.mark.parametrize("risk", [1e-12, 0.3, 1.0 - 2.0**-20])
@pytest.mark.parametrize("measure", RATIOS)
@pytest.mark.parametrize("to", RATIOS)
def test_conversions_go_back_and_their_errors_are_derivatives(
    measure: Any, to: Any, risk: float
) -> None:
    # a ratio of risks cannot be above 1 / risk
    log, se = np.array([-0.4, 0.0, 0.3 if risk < 0.9 else 1e-7]), np.full(3, 0.1)
    there, error = convert_ratio(log, se, measure=measure, to=to, baseline_risk=risk)
    back, se_back = convert_ratio(there, error, measure=to, to=measure, baseline_risk=risk)
    # near a risk of 1 the ratio of risks holds a millionth of what the others do
    digits = 1e-8 if risk > 0.9 else 1e-14
    assert back == pytest.approx(log, abs=digits)
    assert se_back == pytest.approx(se, rel=100.0 * digits)
    step = 1e-6 if risk < 0.9 else 1e-9
    above, _ = convert_ratio(log + step, se, measure=measure, to=to, baseline_risk=risk)
    below, _ = convert_ratio(log - step, se, measure=measure, to=to, baseline_risk=risk)
    slope = (above - below) / (2 * step) * 0.1
    assert slope == pytest.approx(error, rel=1e-7 if risk < 0.9 else 1e-4, abs=1e-8)


def test_odds_of_a_risk_that_rounds_to_one_are_told() -> None:
    log, se = convert_ratio(np.array([6.0]), np.ones(1), measure="HR", to="OR", baseline_risk=0.3)
    # 0.7 to the power of e^6 is spared: 4e-63
    spared = np.exp(6.0) * np.log(0.7)
    assert log[0] == pytest.approx(-spared + np.log(0.7 / 0.3), rel=1e-14)
    assert se[0] == pytest.approx(-spared, rel=1e-14)


def test_a_risk_above_one_has_no_odds() -> None:
    log, _ = convert_ratio(np.log([4.0]), np.ones(1), measure="RR", to="OR", baseline_risk=0.3)
    assert np.isnan(log[0])
