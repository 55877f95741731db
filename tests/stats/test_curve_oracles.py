"""Curves of groups against slow and obvious loops, numerical influences, and identities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.stats.cumulative_incidence import estimate_incidence
from proteomr.stats.curve_counts import (
    RiskTimes,
    Subjects,
    count_risk,
    find_gaps,
    place_people,
)
from proteomr.stats.curve_quantiles import find_crossing
from proteomr.stats.gray_test import compare_incidence
from proteomr.stats.kaplan_meier import estimate_curves, find_emptied, find_limits
from proteomr.stats.log_rank import assess_trend, compare_curves, sum_scores
from proteomr.stats.restricted_mean import average_survival, find_horizons

NAMES = ("plain", "ties", "late", "late_ties")


def draw(name: str, *, n: int = 60, seed: int = 4) -> tuple[F64, F64, I64, I64]:
    """Return entry, exit, cause and group of people."""
    generator = np.random.default_rng(seed)
    digits = 0 if "ties" in name else 6
    left = np.round(generator.exponential(4.0, n), digits) + 1.0
    entry = np.full(n, -np.inf)
    if "late" in name:
        entry = np.where(generator.random(n) < 0.5, np.floor(left * generator.random(n)), entry)
        entry[:5] = -np.inf
    cause = generator.choice([0, 1, 2], n, p=[0.3, 0.4, 0.3])
    return entry, left, cause, generator.integers(0, 3, n)


def place(name: str, *, weights: F64 | None = None, clusters: I64 | None = None) -> Subjects:
    entry, left, cause, group = draw(name)
    return Subjects(place_people(entry, left, cause), group, 3, weights, clusters)


def slow_curve(entry: F64, left: F64, cause: I64, w: F64, at: float, *, of: int) -> tuple[F64, ...]:
    """Return survival and the incidence of a cause at a time, by a loop."""
    survival, incidence = 1.0, 0.0
    for time in np.unique(left[cause != 0]):
        if time > at:
            break
        n = w[(entry < time) & (left >= time)].sum()
        dying = (left == time) & (cause != 0)
        incidence += survival * w[dying & (cause == of)].sum() / n
        survival *= 1.0 - w[dying].sum() / n
    return np.array(survival), np.array(incidence)


@pytest.mark.parametrize("name", NAMES)
def test_survival_and_incidence_are_those_of_a_loop(name: str) -> None:
    entry, left, cause, group = draw(name)
    subjects = place(name)
    counts = count_risk(subjects)
    curves = estimate_curves(counts)
    found = estimate_incidence(counts, curves, subjects, cause=2)
    for k in range(3):
        of = group == k
        for j, time in enumerate(counts.times):
            s, f = slow_curve(entry[of], left[of], cause[of], np.ones(of.sum()), time, of=2)
            assert curves.survival[k, j] == pytest.approx(s, abs=1e-13)
            assert found.incidence[k, j] == pytest.approx(f, abs=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_survival_and_all_incidences_sum_to_one(name: str) -> None:
    subjects = place(name)
    counts = count_risk(subjects)
    curves = estimate_curves(counts)
    both = [estimate_incidence(counts, curves, subjects, cause=c).incidence for c in (1, 2)]
    np.testing.assert_allclose(curves.survival + sum(both), 1.0, atol=1e-13)


def jackknife(value: Callable[[F64], float], w: F64, clusters: I64) -> float:
    """Return the standard error by derivatives in the weights, taken numerically."""
    step, total = 1e-5, 0.0
    U = np.empty(w.size)
    for i in range(w.size):
        up, down = w.copy(), w.copy()
        up[i] += step
        down[i] -= step
        U[i] = w[i] * (value(up) - value(down)) / (2.0 * step)
    for cluster in np.unique(clusters):
        total += float(U[clusters == cluster].sum()) ** 2
    return float(np.sqrt(total))


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_robust_errors_are_the_jackknife_of_small_changes(name: str, *, clustered: bool) -> None:
    entry, left, cause, group = draw(name)
    generator = np.random.default_rng(9)
    w = np.round(generator.uniform(0.5, 2.0, group.size), 2)
    clusters = generator.integers(0, 15, w.size) if clustered else None
    subjects = place(name, weights=w, clusters=clusters)
    counts = count_risk(subjects)
    curves = estimate_curves(counts, robust=subjects)
    found = estimate_incidence(counts, curves, subjects, cause=1)
    tau = 5.5
    means = average_survival(counts, curves, tau=tau, robust=subjects)
    codes = np.arange(w.size) if clusters is None else clusters
    for k in range(3):
        of = group == k
        rows = (entry[of], left[of], cause[of])
        known = np.flatnonzero(curves.survival[k] > 0.0)
        for j in known[:: max(1, known.size // 4)]:
            at = float(counts.times[j])

            def survival(v: F64, at: float = at, rows: tuple[F64, F64, I64] = rows) -> float:
                return float(slow_curve(*rows, v, at, of=1)[0])

            def incidence(v: F64, at: float = at, rows: tuple[F64, F64, I64] = rows) -> float:
                return float(slow_curve(*rows, v, at, of=1)[1])

            assert curves.se[k, j] == near(jackknife(survival, w[of], codes[of]))
            assert found.se[k, j] == near(jackknife(incidence, w[of], codes[of]))

        def mean(v: F64, rows: tuple[F64, F64, I64] = rows) -> float:
            risk = place_people(*rows)
            one = count_risk(Subjects(risk, np.zeros(v.size, dtype=np.int64), 1, v))
            return float(average_survival(one, estimate_curves(one), tau=tau).mean[0])

        if curves.survival[k][counts.times <= tau][-1] > 0.0:
            assert means.se[k] == pytest.approx(jackknife(mean, w[of], codes[of]), rel=1e-6)


def slow_log_rank(entry: F64, left: F64, event: I64, group: I64, stratum: I64, rho: float) -> float:
    """Return the statistic of all groups but the first, by a loop over strata and times."""
    K = int(group.max()) + 1
    gap, V = np.zeros(K), np.zeros((K, K))
    for s in np.unique(stratum):
        of = stratum == s
        pooled = 1.0
        for time in np.unique(left[of & (event != 0)]):
            there = of & (entry < time) & (left >= time)
            dying = of & (left == time) & (event != 0)
            n, d = there.sum(), dying.sum()
            share = np.array([(there & (group == k)).sum() for k in range(K)]) / n
            own = np.array([(dying & (group == k)).sum() for k in range(K)])
            weight = pooled**rho
            gap += weight * (own - d * share)
            if n > 1:
                V += weight**2 * d * (n - d) / (n - 1) * (np.diag(share) - np.outer(share, share))
            pooled *= 1 - d / n
    return float(gap[1:] @ np.linalg.solve(V[1:, 1:], gap[1:]))


@pytest.mark.parametrize("rho", [0.0, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_the_stratified_test_is_that_of_a_loop_after_late_entry_too(name: str, rho: float) -> None:
    entry, left, cause, group = draw(name, n=200)
    stratum = np.arange(200) % 4
    risk = place_people(entry, left, cause)
    counts = count_risk(Subjects(risk, stratum * 3 + group, 12))
    test = compare_curves(counts, count=3, rho=rho)
    expected = slow_log_rank(entry, left, cause, group, stratum, rho)
    assert test.statistic == pytest.approx(expected, rel=1e-10)


def test_the_trend_over_two_groups_is_their_log_rank_test() -> None:
    entry, left, cause, group = draw("ties")
    counts = count_risk(Subjects(place_people(entry, left, cause), np.minimum(group, 1), 2))
    test = compare_curves(counts, count=2)
    statistic, p = assess_trend(test, np.array([1.0, 2.0]))
    assert statistic == pytest.approx(test.statistic, rel=1e-12)
    assert p == pytest.approx(test.neg_log10_p, rel=1e-12)


def test_whole_weights_are_so_many_people() -> None:
    entry, left, cause, group = draw("late_ties")
    times = 1 + np.arange(group.size) % 3
    weighted = Subjects(place_people(entry, left, cause), group, 3, times.astype(float))
    rows = np.repeat(np.arange(group.size), times)
    copied = Subjects(place_people(entry[rows], left[rows], cause[rows]), group[rows], 3)
    one, other = count_risk(weighted), count_risk(copied)
    np.testing.assert_allclose(
        estimate_curves(one).se, estimate_curves(other).se, rtol=1e-10, equal_nan=True
    )
    first, second = (compare_curves(counts, count=3) for counts in (one, other))
    assert first.statistic == pytest.approx(second.statistic, rel=1e-10)


@pytest.mark.parametrize("unit", [1e-300, 1e-9, 1e9, 1e300])
def test_units_of_time_change_times_alone(unit: float) -> None:
    entry, left, cause, group = draw("late")
    found = []
    for scale in (1.0, unit):
        subjects = Subjects(place_people(entry * scale, left * scale, cause), group, 3)
        counts = count_risk(subjects)
        curves = estimate_curves(counts)
        means = average_survival(counts, curves, tau=4.0 * scale)
        test = compare_incidence(counts, count=3, cause=1)
        found.append((curves.survival, curves.se, means.mean / scale, means.se / scale, test.score))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, equal_nan=True)


def test_the_order_of_people_changes_nothing() -> None:
    entry, left, cause, group = draw("late_ties")
    order = np.random.default_rng(0).permutation(group.size)
    found = []
    for rows in (np.arange(group.size), order):
        risk = place_people(entry[rows], left[rows], cause[rows])
        counts = count_risk(Subjects(risk, group[rows], 3))
        found.append((estimate_curves(counts).survival, compare_curves(counts, count=3).covariance))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_competing_events_grays_test_is_close_to_the_log_rank_test() -> None:
    entry, left, cause, group = draw("plain", n=4000)
    counts = count_risk(Subjects(place_people(entry, left, (cause > 0).astype(int)), group, 3))
    gray = compare_incidence(counts, count=3, cause=1)
    rank = compare_curves(counts, count=3)
    assert gray.statistic == pytest.approx(rank.statistic, rel=5e-2)


def test_robust_scores_sum_to_nothing_over_groups() -> None:
    subjects = place("late_ties")
    V = sum_scores(count_risk(subjects), subjects, count=3)
    np.testing.assert_allclose(V.sum(axis=1), 0.0, atol=1e-10)


def test_a_risk_set_that_empties_before_others_come_is_found() -> None:
    risk = place_people(np.array([0.0, 2.0, 2.0]), np.array([1.0, 3.0, 4.0]), np.array([1, 1, 0]))
    subjects = Subjects(risk, np.zeros(3, dtype=np.int64), 1)
    curves = estimate_curves(count_risk(subjects))
    assert curves.survival[0].tolist() == [0.0, 0.0]
    assert find_emptied(curves, subjects).tolist() == [1.0]
    assert find_gaps(subjects).tolist() == [[1.0, 2.0]]


def test_who_all_die_at_the_end_have_a_curve_that_is_known_for_ever() -> None:
    risk = place_people(np.full(2, -np.inf), np.array([1.0, 2.0]), np.array([1, 1]))
    subjects = Subjects(risk, np.zeros(2, dtype=np.int64), 1)
    curves = estimate_curves(count_risk(subjects))
    assert np.isnan(find_emptied(curves, subjects)).all()
    assert find_horizons(curves, subjects).tolist() == [np.inf]


@pytest.mark.parametrize("cause", [0, 1])
def test_nobody_and_one_person_have_what_can_be_said_of_them(cause: int) -> None:
    risk = place_people(np.full(1, -np.inf), np.array([1.0]), np.array([cause]))
    counts = count_risk(Subjects(risk, np.zeros(1, dtype=np.int64), 2))
    test, gray = compare_curves(counts, count=2), compare_incidence(counts, count=2, cause=1)
    assert np.isnan([test.statistic, gray.statistic]).all()
    assert estimate_curves(counts).survival.shape == (2, cause)


def test_a_median_is_passed_over_limits_that_there_are_not() -> None:
    times = np.array([1.0, 2.0, 3.0])
    assert find_crossing(times, np.array([np.nan, 0.4, 0.1])) == 2.0
    assert np.isnan(find_crossing(times, np.array([0.9, 0.8, np.nan])))


@pytest.mark.parametrize("level", [0.25, 0.75])
def test_other_levels_follow_the_rule_of_the_median(level: float) -> None:
    times = np.arange(1.0, 5.0)
    assert find_crossing(times, np.array([0.75, 0.5, 0.25, 0.0]), level=level) in (1.5, 3.5)


def test_limits_stay_within_0_and_1() -> None:
    p, se = np.array([0.01, 0.99, 0.5]), np.array([0.3, 0.3, np.nan])
    for kind in ("log", "plain"):
        low, high = find_limits(p, se, kind=kind)
        assert np.all((low[:2] >= 0.0) & (high[:2] <= 1.0))
        assert np.isnan([low[2], high[2]]).all()


def test_people_who_are_never_at_risk_count_nowhere() -> None:
    risk = place_people(np.array([-np.inf, 1.0]), np.array([1.0, 1.5]), np.array([1, 0]))
    assert isinstance(risk, RiskTimes)
    counts = count_risk(Subjects(risk, np.zeros(2, dtype=np.int64), 1))
    assert counts.people.tolist() == [[1]]
