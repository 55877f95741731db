"""Curves of made-up people whose survival is known: errors of the first kind, and coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.cumulative_incidence import estimate_incidence
from proteomr.stats.curve_counts import Subjects, count_risk, place_people
from proteomr.stats.curve_quantiles import find_crossing, read_curves
from proteomr.stats.gray_test import compare_incidence
from proteomr.stats.kaplan_meier import estimate_curves, find_limits
from proteomr.stats.log_rank import compare_curves, sum_scores
from proteomr.stats.restricted_mean import average_survival

DRAWS = 400
SPREAD = 4.0 * math.sqrt(0.05 * 0.95 / DRAWS)  # four standard errors of a share of 5 %


def draw(generator: np.random.Generator, n: int = 150, *, late: bool = False) -> Subjects:
    """Return people of three groups with one hazard of two events, 0.1 and 0.05 a year."""
    time = generator.exponential(1 / 0.15, n)
    cause = np.where(generator.random(n) < 2 / 3, 1, 2)
    censored = generator.uniform(2.0, 20.0, n)
    entry = np.where(generator.random(n) < 0.4, generator.uniform(0.0, 3.0, n), -np.inf)
    entry = entry if late else np.full(n, -np.inf)
    left = np.minimum(time, censored)
    there = left > entry
    event = np.where(time <= censored, cause, 0)
    risk = place_people(entry[there], left[there], event[there])
    return Subjects(risk, np.arange(n)[there] % 3, 3)


@pytest.mark.parametrize("late", [False, True])
def test_tests_reject_a_true_hypothesis_as_often_as_they_say(*, late: bool) -> None:
    generator = np.random.default_rng(17)
    rejected = np.zeros(4)
    for _ in range(DRAWS):
        subjects = draw(generator, late=late)
        counts = count_risk(subjects)
        robust = sum_scores(counts, subjects, count=3)
        found = (
            compare_curves(counts, count=3),
            compare_curves(counts, count=3, rho=1.0),
            compare_curves(counts, count=3, covariance=robust),
            compare_incidence(counts, count=3, cause=1),
        )
        rejected += [test.neg_log10_p > -math.log10(0.05) for test in found]
    assert np.all(np.abs(rejected / DRAWS - 0.05) < SPREAD), rejected / DRAWS


def _covers(low: F64, high: F64, truth: float) -> F64:
    return np.asarray((low <= truth) & (truth <= high), dtype=np.float64)


def test_limits_cover_the_truth_as_often_as_they_say() -> None:
    generator, at, tau = np.random.default_rng(23), 5.0, 8.0
    truths = {
        "survival": math.exp(-0.15 * at),
        "incidence": (2 / 3) * (1 - math.exp(-0.15 * at)),
        "mean": (1 - math.exp(-0.15 * tau)) / 0.15,
        "median": math.log(2) / 0.15,
    }
    covered = dict.fromkeys(truths, 0.0)
    for _ in range(DRAWS):
        subjects = draw(generator, n=300)
        counts = count_risk(subjects)
        curves = estimate_curves(counts)
        low, high = find_limits(*read_curves(curves, np.array([at])), kind="log-log")
        covered["survival"] += _covers(low, high, truths["survival"]).mean()
        found = estimate_incidence(counts, curves, subjects, cause=1)
        place = int(np.searchsorted(found.times, at)) - 1
        low, high = find_limits(found.incidence[:, place], found.se[:, place], kind="log-log")
        covered["incidence"] += _covers(low, high, truths["incidence"]).mean()
        means = average_survival(counts, curves, tau=tau)
        reach = 1.96 * means.se
        covered["mean"] += _covers(means.mean - reach, means.mean + reach, truths["mean"]).mean()
        lines = find_limits(curves.survival, curves.se, kind="log-log")
        ends = [[find_crossing(curves.times, line[k]) for line in lines] for k in range(3)]
        low, high = np.nan_to_num(np.array(ends).T, nan=np.inf)
        covered["median"] += _covers(low, high, truths["median"]).mean()
    for name, count in covered.items():
        assert count / DRAWS == pytest.approx(0.95, abs=0.02), name
