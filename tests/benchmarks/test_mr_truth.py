from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import outlier_truth
from benchmarks.mr_truth import (
    RESULTS,
    SCENARIOS,
    Line,
    Size,
    draw_pairs,
    latest_file,
    main,
    read_lines,
    run,
    summarise,
)
from benchmarks.mr_truth_report import DOCUMENT, fill_marks, judge, write_text
from benchmarks.records import write_records
from proteomr.mr.estimate import build_methods, estimate
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.simulate.summary_effects import SummaryTruth

TINY = Size("tiny", closed=4, iterative=2, bootstrap=2, draws=10)
MARKED = "before\n<!-- truth -->\nstale\n<!-- /truth -->\nafter\n"

# benchmarks.outlier_truth measures them beside others of their kind.
ON_THEIR_OWN_PAGE = {"presso", "mrmix", "rivw", "ivw_overlap"}
MEASURED = [
    kind.key
    for kind in METHOD_CLASSES
    if kind.max_variants is None and not (kind.needs_correlations or kind.needs_genome)
]
"""Those for any number of independent variants."""


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    few = [one for one in SCENARIOS if (one.instruments, one.strength) == (30, 60.0)]
    return run(few, TINY)


def table(**changes: object) -> pl.DataFrame:
    row: dict[str, object] = {
        "method": "ivw",
        "pleiotropy": "none",
        "strength": 60.0,
        "effect": 0.0,
        "bias": 0.0,
        "bias_error": 0.001,
        "rejection": 0.05,
        "rejection_error": 0.007,
        "coverage": 0.95,
        "coverage_error": 0.007,
    }
    return pl.DataFrame([{**row, **changes}])


def test_the_scenarios_cross_every_condition_once() -> None:
    assert len(set(SCENARIOS)) == 32
    assert {one.strength for one in SCENARIOS} == {12.0, 60.0}
    assert {one.instruments for one in SCENARIOS} == {30, 100}
    assert {one.effect for one in SCENARIOS} == {0.0, 0.2}
    assert all(
        one.invalid == round(0.3 * one.instruments) or one.pleiotropy == "none" for one in SCENARIOS
    )


def test_every_method_but_the_ratio_is_measured_in_every_scenario(lines: list[Line]) -> None:
    wanted = set(MEASURED)
    frame = pl.DataFrame(lines)
    keys = ["effect", "pleiotropy", "strength", "variants"]
    for _, part in frame.group_by(keys):
        assert set(part["method"]) == wanted
        assert part.height == len(wanted)


def test_a_replicate_does_not_depend_on_how_many_are_drawn() -> None:
    truth = SummaryTruth()
    few, more = (list(draw_pairs(truth, replicates=n, seed=1)) for n in (2, 5))
    assert np.array_equal(few[1].beta_y, more[1].beta_y)
    assert not np.array_equal(more[0].beta_y, more[1].beta_y)
    other = next(draw_pairs(replace(truth, effect=0.2), replicates=1, seed=1))
    assert not np.array_equal(other.beta_x, more[0].beta_x)


def test_the_summary_is_that_of_a_slow_loop() -> None:
    truth = SummaryTruth(effect=0.2)
    pairs = list(draw_pairs(truth, replicates=40, seed=3))
    methods = build_methods(["ivw"])
    line = summarise(estimate(pairs, methods), truth, size="x", date="d", draws=None)
    found = [methods[0].estimate(pair, random=np.random.default_rng(1)) for pair in pairs]
    values = [one.estimate for one in found]
    inside = sum(one.conf_low <= 0.2 <= one.conf_high for one in found)
    small = sum(10**-one.neg_log10_p < 0.05 for one in found)
    assert line.bias == pytest.approx(sum(values) / 40 - 0.2)
    assert line.empirical_se == pytest.approx(np.std(values, ddof=1))
    assert line.mean_se == pytest.approx(sum(one.se for one in found) / 40)
    assert (line.coverage, line.rejection) == (inside / 40, small / 40)
    assert (line.replicates, line.failed) == (40, 0)


def test_estimates_that_failed_count_apart() -> None:
    truth = SummaryTruth(instruments=2)
    frame = estimate(draw_pairs(truth, replicates=5, seed=1), build_methods(["egger"]))
    line = summarise(frame, truth, size="x", date="d", draws=None)
    assert (line.replicates, line.failed) == (5, 5)
    assert (line.bias, line.coverage, line.rejection) == (None, None, None)


def test_weighting_holds_without_pleiotropy_and_fails_with_directional() -> None:
    for pleiotropy, low, high in (("none", 0.0, 0.1), ("directional", 0.6, 1.0)):
        truth = next(
            one
            for one in SCENARIOS
            if (one.pleiotropy, one.effect, one.instruments) == (pleiotropy, 0.0, 30)
        )
        frame = estimate(draw_pairs(truth, replicates=200, seed=9), build_methods(["ivw"]))
        line = summarise(frame, truth, size="x", date="d", draws=None)
        assert line.rejection is not None
        assert low <= line.rejection <= high


def test_results_are_read_as_they_were_written(lines: list[Line], tmp_path: Path) -> None:
    path = tmp_path / "mr-truth-2026-01-02.csv"
    write_records(path, lines)
    found = read_lines(path)
    assert found.columns == list(Line.__dataclass_fields__)
    assert found.height == len(lines)
    assert found["method"].to_list() == [line.method for line in lines]
    assert found["rejection"][0] == pytest.approx(lines[0].rejection, rel=1e-4)
    assert latest_file(tmp_path) == path


def test_a_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mr-truth-2026-01-02.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="other columns"):
        read_lines(path)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "holds"),
        ({"bias": 0.0215}, "holds"),
        ({"bias": -0.05}, "bias"),
        ({"rejection": 0.2}, "type I"),
        ({"rejection": 0.2, "effect": 0.2}, "holds"),
        ({"coverage": 0.8, "bias": 0.1}, "bias, coverage"),
        ({"bias": None, "coverage": None}, "holds"),
    ],
)
def test_a_verdict_needs_more_than_chance(changes: dict[str, object], verdict: str) -> None:
    frame = table(**changes).cast({"bias": pl.Float64, "coverage": pl.Float64})
    assert judge(frame, method="ivw", pleiotropy="none", strength=60.0) == verdict


def test_the_report_is_written_between_the_marks(lines: list[Line], tmp_path: Path) -> None:
    write_records(tmp_path / "mr-truth-2026-01-02.csv", lines)
    document = tmp_path / "page.md"
    document.write_text(MARKED)
    asked = ["--report", "--results", str(tmp_path), "--document", str(document)]
    assert main(asked) == 0
    text = document.read_text()
    assert text.startswith("before\n<!-- truth -->\n\n| method |")
    assert text.endswith("<!-- /truth -->\nafter\n")
    assert "stale" not in text
    assert "### 30 instruments, mean F 60" in text
    assert main(asked) == 0
    assert document.read_text() == text


def test_missing_marks_and_results_are_errors(
    lines: list[Line], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "page.md"
    document.write_text("no marks\n")
    asked = ["--report", "--results", str(tmp_path), "--document", str(document)]
    assert main(asked) == 1
    assert "no results of the estimators" in capsys.readouterr().err
    write_records(tmp_path / "mr-truth-2026-01-02.csv", lines)
    assert main(asked) == 1
    assert "<!-- truth -->" in capsys.readouterr().err
    assert document.read_text() == "no marks\n"
    assert fill_marks("<!-- /truth --> <!-- truth -->", "new") is None


def test_the_document_shows_the_kept_results() -> None:
    kept = latest_file(RESULTS)
    text = DOCUMENT.read_text("utf-8")
    assert fill_marks(text, write_text(read_lines(kept), source=kept.name)) == text


def test_the_kept_results_are_of_full_size_and_of_every_method() -> None:
    found = read_lines(latest_file(RESULTS))
    assert set(found["size"]) == {"full"}
    assert set(found["method"]) == set(MEASURED) - ON_THEIR_OWN_PAGE
    assert found.height == 32 * found["method"].n_unique()


def test_methods_with_a_page_of_their_own_are_measured_there() -> None:
    listed = (*outlier_truth.METHODS, *outlier_truth.CURSED, *outlier_truth.SHARED)
    assert {name.partition("(")[0] for name in listed} >= ON_THEIR_OWN_PAGE
    text = outlier_truth.PAGE.read_text("utf-8")
    assert all(f"| `{name}" in text for name in ON_THEIR_OWN_PAGE)


def test_every_method_stands_in_the_document_with_its_source() -> None:
    text = DOCUMENT.read_text("utf-8")
    for method in build_methods(["all"]):
        assert f"`{method.key}`" in text
        assert method.reference in text
