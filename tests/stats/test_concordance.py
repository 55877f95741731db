"""Concordances and their errors are those of R's survival, and of a loop over pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.stats.concordance import measure_concordance, weigh_by_censoring
from proteomr.stats.risk_sets import tie_times
from tests.stats.cox_rules import load, make

DESIGNS = load()


@pytest.mark.parametrize("at", range(len(DESIGNS)))
def test_concordances_of_cox_models_are_those_of_survival(at: int) -> None:
    design: dict[str, Any] = DESIGNS[at]
    data = make(design)
    outcome = np.column_stack([tie_times(data.outcome[:, :2]), data.outcome[:, 2]])
    score = data.X @ np.array(design["coef"])
    weights = data.weights if design["weighted"] else None
    found = measure_concordance(outcome, score, strata=data.strata, weights=weights)
    assert found.estimate == pytest.approx(design["concordance"], abs=1e-12)
    assert found.se == pytest.approx(design["concordance_se"], rel=1e-9)
    if design["truncated"] == 0:
        by = weigh_by_censoring(outcome, weights, strata=data.strata)
        uno = measure_concordance(
            outcome, score, strata=data.strata, weights=weights, time_weights=by, until=0.7
        )
        assert uno.estimate == pytest.approx(design["uno"], abs=1e-12)
        assert uno.se == pytest.approx(design["uno_se"], rel=1e-9)


def test_pairs_are_those_of_a_loop() -> None:
    g = np.random.RandomState(2)
    n = 60
    entry = g.randint(0, 5, n).astype(np.float64)
    outcome = np.column_stack([entry, entry + g.randint(1, 6, n), g.rand(n) < 0.6])
    score, w = g.randint(0, 6, n).astype(np.float64), 0.5 + g.rand(n)
    counts = np.zeros(3)
    for i in range(n):
        for j in range(n):
            later = outcome[j, 1] > outcome[i, 1]
            later |= bool(outcome[j, 1] == outcome[i, 1] and outcome[j, 2] == 0.0)
            if outcome[i, 2] == 1.0 and later and outcome[j, 0] < outcome[i, 1]:
                which = 0 if score[i] > score[j] else 1 if score[i] == score[j] else 2
                counts[which] += w[i] * w[j]
    found = measure_concordance(outcome, score, weights=w)
    assert [found.concordant, found.tied, found.discordant] == pytest.approx(counts, rel=1e-12)


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e140, 1e200, 1e300])
def test_the_unit_of_weights_changes_no_concordance(unit: float) -> None:
    g = np.random.RandomState(4)
    outcome = np.column_stack([np.full(50, -np.inf), g.rand(50), g.rand(50) < 0.7])
    score, w = g.randn(50), 0.5 + g.rand(50)
    by = [weigh_by_censoring(outcome, weights) for weights in (w, unit * w)]
    assert by[1] == pytest.approx(by[0], rel=1e-12)
    usual, other = (
        measure_concordance(outcome, score, weights=weights, time_weights=own)
        for weights, own in zip((w, unit * w), by, strict=True)
    )
    assert other.estimate == pytest.approx(usual.estimate, rel=1e-12)
    assert other.se == pytest.approx(usual.se, rel=1e-12)
    assert other.tied == 0.0  # and not the product of none and of a square beyond all numbers
    if unit == 1e140:
        assert other.concordant == pytest.approx(usual.concordant * 1e280, rel=1e-12)


def test_chances_to_be_uncensored_survive_large_weights_of_those_who_leave_first() -> None:
    g = np.random.RandomState(5)
    exits = np.sort(g.rand(40))
    outcome = np.column_stack([np.full(40, -np.inf), exits, g.rand(40) < 0.5])
    outcome[-1, 2] = 0.0  # the last at risk alone, whose weight a difference would lose
    w = np.where(np.arange(40) < 20, 1e15, 1.0)
    kept = 1.0
    for i in range(40):
        expected = kept
        assert weigh_by_censoring(outcome, w)[i] == pytest.approx(expected**-2, rel=1e-12)
        if outcome[i, 2] == 0.0:
            kept *= 1.0 - w[i] / w[i:].sum()


def test_clusters_move_together() -> None:
    g = np.random.RandomState(3)
    outcome = np.column_stack([np.full(40, -np.inf), g.rand(40), g.rand(40) < 0.7])
    score = g.randn(40)
    alone = measure_concordance(outcome, score, clusters=np.arange(40))
    assert alone.se == pytest.approx(measure_concordance(outcome, score).se, rel=1e-12)
    twice = np.concatenate([outcome, outcome])
    paired = measure_concordance(
        twice, np.tile(score, 2), clusters=np.tile(np.arange(40), 2), weights=np.full(80, 0.5)
    )
    assert paired.estimate == pytest.approx(alone.estimate, rel=1e-12)
    assert paired.se == pytest.approx(alone.se, rel=1e-12)


def test_no_pair_is_no_concordance() -> None:
    outcome = np.column_stack([np.full(3, -np.inf), [1.0, 2.0, 3.0], np.zeros(3)])
    assert np.isnan(measure_concordance(outcome, np.arange(3.0)).estimate)
