"""Curves, tests of curves, means and incidences against survival and cmprsk (make_curves.R)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.cumulative_incidence import estimate_incidence
from proteomr.stats.curve_counts import GroupCounts, Subjects, count_risk
from proteomr.stats.curve_quantiles import find_crossing, read_curves
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.gray_test import compare_incidence
from proteomr.stats.incidence_rates import compare_rates
from proteomr.stats.kaplan_meier import LIMITS, SurvivalCurves, estimate_curves, find_limits
from proteomr.stats.log_rank import LogRank, compare_curves, sum_scores
from proteomr.stats.restricted_mean import average_survival
from tests.stats.curve_designs import ANSWERS, DESIGNS, People, R

COMPETING = [name for name in ANSWERS if "incidence" in ANSWERS[name]]


def hold(found: F64, expected: F64) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def numbers(values: Sequence[float | None] | float | None) -> F64:
    """R's NA, and its infinite error of a curve of 0, as NaN."""
    listed = values if isinstance(values, list) else [values]
    given = [math.nan if value in (None, "NA", "NaN", "Inf") else value for value in listed]
    return np.array(given, dtype=float)


def curves_of(
    people: People, *, any_event: bool = True
) -> tuple[Subjects, GroupCounts, SurvivalCurves]:
    subjects = people.subjects(people.place(any_event=any_event))
    counts = count_risk(subjects)
    return subjects, counts, estimate_curves(counts, robust=subjects if people.robust else None)


def test_every_design_is_that_of_r() -> None:
    assert set(DESIGNS) == set(ANSWERS)
    for name, people in DESIGNS.items():
        checksum = np.sum(people.time * (people.group + 1) * (1 + people.event))
        assert checksum == pytest.approx(ANSWERS[name]["checksum"], rel=1e-12), name


@pytest.mark.parametrize("name", ANSWERS)
def test_survival_and_its_error_are_those_of_survfit(name: str) -> None:
    _, _, curves = curves_of(DESIGNS[name])
    for k, expected in enumerate(ANSWERS[name]["curves"]):
        survival, se = read_curves(curves, numbers(expected["time"]) * (1 + 1e-9))
        hold(survival[k], numbers(expected["survival"]))
        hold(se[k], numbers(expected["se"]))


@pytest.mark.parametrize("name", ANSWERS)
def test_numbers_at_risk_are_those_of_survfit(name: str) -> None:
    people = DESIGNS[name]
    risk = people.place(any_event=True, all_times=True)
    counts = count_risk(people.subjects(risk))
    for k, expected in enumerate(ANSWERS[name]["curves"]):
        at = np.searchsorted(counts.times, numbers(expected["time"]) * (1 + 1e-9)) - 1
        hold(counts.at_risk[k, at], numbers(expected["at_risk"]))
        hold(counts.events[k, at], numbers(expected["events"]))


@pytest.mark.parametrize("name", ANSWERS)
def test_limits_of_each_kind_are_those_of_survfit(name: str) -> None:
    _, _, curves = curves_of(DESIGNS[name])
    for kind_at, kind in enumerate(LIMITS):
        for k, expected in enumerate(ANSWERS[name]["curves"]):
            survival, se = read_curves(curves, numbers(expected["time"]) * (1 + 1e-9))
            low, high = find_limits(survival[k], se[k], kind=kind)
            limits = expected["limits"][kind_at]
            hold(low, numbers(limits["low"]))
            hold(high, numbers(limits["high"]))


@pytest.mark.parametrize("name", ANSWERS)
def test_medians_and_their_limits_are_those_of_survfit(name: str) -> None:
    _, _, curves = curves_of(DESIGNS[name])
    for kind_at, kind in enumerate(LIMITS):
        low, high = find_limits(curves.survival, curves.se, kind=kind)
        for k, expected in enumerate(ANSWERS[name]["curves"]):
            lines = (curves.survival[k], low[k], high[k])
            found = [find_crossing(curves.times, line) for line in lines]
            np.testing.assert_allclose(found, numbers(expected["median"][kind_at]), rtol=1e-8)


def log_rank_of(people: People, rho: float, *, robust: bool = False) -> LogRank:
    subjects, K = people.subjects(people.place(any_event=True), strata=True), people.groups
    counts = count_risk(subjects)
    covariance = sum_scores(counts, subjects, count=K, rho=rho) if robust else None
    return compare_curves(counts, count=K, rho=rho, covariance=covariance)


@pytest.mark.parametrize("name", ANSWERS)
def test_log_rank_and_g_rho_are_those_of_survdiff(name: str) -> None:
    ranks = ANSWERS[name]["rank"]
    for expected in (
        [ranks[key] for key in ranks if key.isdigit()] if isinstance(ranks, dict) else ranks
    ):
        test = log_rank_of(DESIGNS[name], expected["rho"])
        assert test.statistic == pytest.approx(expected["statistic"], rel=1e-9)
        assert test.df == expected["df"]
        assert p_from_neg_log10(test.neg_log10_p) == pytest.approx(expected["p"], rel=1e-8)
        hold(test.observed, expected["observed"])
        hold(test.expected, expected["expected"])


@pytest.mark.parametrize("name", [name for name in ANSWERS if "robust" in ANSWERS[name]["rank"]])
def test_the_robust_test_is_the_robust_score_test_of_coxph(name: str) -> None:
    test = log_rank_of(DESIGNS[name], 0.0, robust=True)
    assert test.statistic == pytest.approx(ANSWERS[name]["rank"]["robust"], rel=1e-7)


@pytest.mark.parametrize(
    "name", [name for name in ANSWERS if "exact_score" in ANSWERS[name]["rank"]]
)
def test_the_log_rank_test_after_delayed_entry_is_the_score_test_of_exact_ties(name: str) -> None:
    test = log_rank_of(DESIGNS[name], 0.0)
    assert test.statistic == pytest.approx(ANSWERS[name]["rank"]["exact_score"], rel=1e-9)


@pytest.mark.parametrize("name", ANSWERS)
def test_restricted_means_are_those_of_survfit(name: str) -> None:
    people, expected = DESIGNS[name], ANSWERS[name]["means"]
    _, counts, curves = curves_of(people)
    means = average_survival(counts, curves, tau=expected["tau"])
    np.testing.assert_allclose(means.mean, numbers(expected["mean"]), rtol=1e-7)
    np.testing.assert_allclose(means.se, numbers(expected["se"]), rtol=1e-7)


@pytest.mark.parametrize("name", COMPETING)
def test_cumulative_incidence_and_its_error_are_those_of_survfit(name: str) -> None:
    # survfit (3.5-3) takes clusters of people into no account where events compete.
    people, expected = DESIGNS[name], ANSWERS[name]["incidence"]
    subjects, counts, curves = curves_of(people, any_event=False)
    subjects = replace(subjects, clusters=None)
    for cause, key in ((1, "first"), (2, "second")):
        found = estimate_incidence(counts, curves, subjects, cause=cause)
        at = np.searchsorted(found.times, numbers(expected["time"]) * (1 + 1e-9)) - 1
        for k, curve in enumerate(expected.get("curves", [])):
            hold(found.incidence[k, at], numbers(curve[key]))
            hold(found.se[k, at], numbers(curve[f"se_{key}"]))
        if "cuminc" in expected:
            table = expected["cuminc"]
            for row, label in enumerate(table["names"]):
                k, code = (int(part) for part in label.split())
                if code == cause:
                    there = np.isfinite(numbers(table["est"][row]))
                    want, var = (numbers(table[part][row])[there] for part in ("est", "var"))
                    hold(found.incidence[k - 1, at[there]], want)
                    hold(found.se_gray[k - 1, at[there]] ** 2, var)


@pytest.mark.parametrize(
    "name", [name for name in COMPETING if "gray" in ANSWERS[name]["incidence"]]
)
def test_grays_test_is_that_of_cuminc(name: str) -> None:
    people = DESIGNS[name]
    counts = count_risk(people.subjects(people.place(), strata=True))
    for expected in ANSWERS[name]["incidence"]["gray"]:
        for at, cause in enumerate((1, 2)):
            test = compare_incidence(counts, count=people.groups, cause=cause, rho=expected["rho"])
            assert test.statistic == pytest.approx(expected["statistic"][at], rel=1e-8)
            assert test.df == expected["df"][at]
            assert p_from_neg_log10(test.neg_log10_p) == pytest.approx(expected["p"][at], rel=1e-7)


@pytest.mark.parametrize("expected", R["rates"])
def test_ratios_of_rates_are_those_of_poisson_test(expected: dict[str, Any]) -> None:
    d1, d2, T1, T2 = expected["given"]
    found = compare_rates((d1, T1, d1), (d2, T2, d2))
    assert found.ratio == pytest.approx(expected["ratio"], rel=1e-10)
    assert found.low == pytest.approx(expected["low"], rel=1e-8)
    assert found.high == pytest.approx(expected["high"], rel=1e-8)
    assert p_from_neg_log10(found.neg_log10_p) == pytest.approx(expected["p"], rel=1e-8)
