"""The truths of score: designs give estimates near them, and the page has a row of each."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.score_draws import (
    INTERVALS,
    LEARNT,
    NESTED,
    IntervalDesign,
    LearntDesign,
    measure_intervals,
    measure_learnt,
    measure_nested,
)
from benchmarks.score_truth import PAGE, main


def tell(design: IntervalDesign | LearntDesign) -> str:
    return f"{getattr(design, 'metric', '')}: {design.what}, {design.n}"


@pytest.mark.parametrize("design", INTERVALS, ids=tell)
def test_intervals_of_every_measure_hold_the_truth_mostly(design: IntervalDesign) -> None:
    draws = 30
    found = measure_intervals(design, draws=draws)
    assert found["coverage"] >= 0.75
    assert found["of the difference"] >= 0.75
    # means of 30 estimates, the rare one of a skewed law
    assert abs(found["mean"] - found["truth"]) < 5.0 * found["spread"] / np.sqrt(draws)
    assert 0.6 < found["error"] / found["spread"] < 1.6


@pytest.mark.parametrize("design", LEARNT, ids=tell)
def test_learnt_scores_are_near_the_truth_and_no_better(design: LearntDesign) -> None:
    found = measure_learnt(design, draws=2)
    if design.effect > 0.0:
        assert found["correlation"] > 0.8
        assert found["truth"] - 0.1 < found["mean"] < found["truth"] + 0.02
    elif design.metric == "r2":
        assert -0.1 < found["mean"] < 0.03
    else:
        assert abs(found["mean"] - 0.5) < 0.12


@pytest.mark.parametrize("design", NESTED, ids=tell)
def test_intervals_of_a_mean_over_folds_are_given_their_models(design: LearntDesign) -> None:
    found = measure_nested(design, draws=4)
    assert found["coverage"] >= 0.5
    assert abs(found["mean"] - found["truth"]) < 0.06


def test_the_page_has_a_row_of_every_design() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for one in INTERVALS:
        assert f"| {one.metric} | {one.what} | {one.n:,} |" in text
    for other in LEARNT:
        assert f"| {other.family} | {other.what} | {other.n} x {other.p} |" in text
    for nested in NESTED:
        assert f"| {nested.family} | {nested.what} | {nested.n} |" in text


def test_draws_are_those_of_the_seed() -> None:
    one, two = (measure_intervals(INTERVALS[0], draws=3, seed=9) for _ in range(2))
    assert one == two


def test_few_draws_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks import score_truth

    for name in ("INTERVALS", "NESTED"):
        monkeypatch.setattr(score_truth, name, getattr(score_truth, name)[:1])
    monkeypatch.setattr(score_truth, "LEARNT", (LEARNT[1], LEARNT[4]))
    assert main(["--draws", "2", "--print"]) == 0
    shown = capsys.readouterr().out
    assert sum(line.startswith("| --- ") for line in shown.splitlines()) == 4
    assert "| logistic | shuffled | 500 x 40 | auc: " in shown
