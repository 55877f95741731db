"""Risks with censoring: influences against people left out, and truth without censoring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proteomr._typing import F64, Bool
from proteomr.stats.calibration import fit_pseudo_calibration
from proteomr.stats.censoring_weights import Censoring, find_pseudo_risks
from proteomr.stats.discrimination import Measured, find_auc
from proteomr.stats.linear_accuracy import find_correlation, find_mae, find_r2
from proteomr.stats.risk_accuracy import (
    Standing,
    find_brier,
    find_explained,
    find_idi,
    find_net_benefit,
    find_nri,
    find_weighted_auc,
)

HORIZON = 3.0
Measure = Callable[[F64, F64, Standing], Measured]
MEASURES: dict[str, Measure] = {
    "auc": lambda risk, _, standing: find_weighted_auc(risk, standing),
    "brier": lambda risk, _, standing: find_brier(risk, standing),
    "ipa": lambda risk, other, standing: find_explained(
        find_brier(risk, standing), find_brier(other, standing)
    ),
    "net benefit": lambda risk, _, standing: find_net_benefit(risk, standing, threshold=0.3),
    "nri": find_nri,
    "idi": find_idi,
}


def draw(n: int, seed: int, *, ties: float = 0.0) -> tuple[F64, F64, F64, Bool]:
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    time = random.exponential(size=n) * 5.0 / np.exp(x)
    free = random.uniform(0.5, 6.0, n)
    if ties:
        time, free = (np.ceil(t * ties) / ties for t in (time, free))
    risk = -np.expm1(-np.exp(x) * HORIZON / 5.0)
    other = np.clip(risk + random.normal(size=n) * 0.1, 0.01, 0.99)
    return risk, other, np.minimum(time, free), time <= free


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("ties", [0.0, 2.0])
def test_influences_are_what_leaving_a_person_out_changes(name: str, ties: float) -> None:
    risk, other, exit_, event = draw(400, 1, ties=ties)
    measure, n = MEASURES[name], risk.size

    def find(rows: Bool) -> Measured:
        standing = Standing.of_times(exit=exit_[rows], event=event[rows], horizon=HORIZON)
        return measure(risk[rows], other[rows], standing)

    whole = find(np.ones(n, dtype=bool))
    left_out = np.array([find(np.arange(n) != i).value for i in range(n)])
    jackknife = (whole.value - left_out) * (n - 1) / n
    scale = np.abs(whole.influence).max()
    np.testing.assert_allclose(whole.influence, jackknife, atol=0.03 * scale)
    assert np.corrcoef(whole.influence, jackknife)[0, 1] > 0.9995


def test_without_censoring_the_weighted_area_is_the_plain_one() -> None:
    risk, _, exit_, _ = draw(300, 2)
    standing = Standing.of_times(exit=exit_, event=np.ones(300, dtype=bool), horizon=HORIZON)
    plain = find_auc(risk, exit_ <= HORIZON)
    found = find_weighted_auc(risk, standing)
    np.testing.assert_allclose(found.value, plain.value, rtol=1e-12)
    np.testing.assert_allclose(found.se, plain.se, rtol=0.02)


def test_weights_of_those_known_sum_to_everybody() -> None:
    _, _, exit_, event = draw(500, 3)
    cases, others = Censoring(exit_, event).weigh(HORIZON)
    np.testing.assert_allclose(cases.sum() + others.sum(), 500.0, rtol=1e-12)


def test_censored_people_do_not_move_measures_away_from_the_truth() -> None:
    found, truth = [], []
    for seed in range(40):
        random = np.random.default_rng(seed)
        x = random.normal(size=800)
        time = random.exponential(size=800) * 5.0 / np.exp(x)
        free = random.uniform(1.0, 6.0, 800)
        risk = np.asarray(-np.expm1(-np.exp(x) * HORIZON / 5.0))
        standing = Standing.of_times(
            exit=np.minimum(time, free), event=time <= free, horizon=HORIZON
        )
        known = Standing.of_levels(time <= HORIZON)
        found.append([m(risk, risk, standing).value for m in (MEASURES["auc"], MEASURES["brier"])])
        truth.append([m(risk, risk, known).value for m in (MEASURES["auc"], MEASURES["brier"])])
    gap = np.mean(np.array(found) - np.array(truth), axis=0)
    assert (np.abs(gap) < 0.006).all()


def test_errors_cover_the_truth_as_often_as_they_say() -> None:
    covered = []
    for seed in range(300):
        risk, _, exit_, event = draw(300, 1000 + seed)
        standing = Standing.of_times(exit=exit_, event=event, horizon=HORIZON)
        found = find_weighted_auc(risk, standing)
        covered.append([found.value, found.se])
    values, errors = np.array(covered).T
    np.testing.assert_allclose(errors.mean(), values.std(), rtol=0.12)


def test_true_risks_are_calibrated() -> None:
    slopes, intercepts = [], []
    for seed in range(20):
        risk, _, exit_, event = draw(1500, 50 + seed)
        line = fit_pseudo_calibration(risk, find_pseudo_risks(exit_, event, HORIZON))
        slopes.append(line.slope)
        intercepts.append(line.intercept)
    assert abs(np.mean(slopes) - 1.0) < 0.05
    assert abs(np.mean(intercepts)) < 0.05


def test_nobody_of_one_kind_gives_no_number() -> None:
    standing = Standing.of_levels(np.ones(5, dtype=bool))
    assert np.isnan(find_weighted_auc(np.arange(5.0), standing).value)
    assert np.isnan(find_nri(np.arange(5.0), np.zeros(5), standing).value)
    assert np.isnan(find_auc(np.arange(5.0), np.ones(5, dtype=bool)).value)


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_measures_of_numbers_have_influences_of_their_own(scale: float) -> None:
    random = np.random.default_rng(5)
    y = random.normal(size=200) * scale
    predicted = y * 0.5 + random.normal(size=200) * scale

    def measures(rows: Bool) -> list[Measured]:
        return [
            find_r2(y[rows], predicted[rows], mean=0.1 * scale),
            find_correlation(y[rows], predicted[rows]),
            find_mae(y[rows], predicted[rows]),
        ]

    everybody = np.ones(200, dtype=bool)
    for k, whole in enumerate(measures(everybody)):
        left = np.array([measures(np.arange(200) != i)[k].value for i in range(200)])
        jackknife = (whole.value - left) * 199 / 200
        np.testing.assert_allclose(
            whole.influence, jackknife, atol=0.03 * np.abs(whole.influence).max()
        )
