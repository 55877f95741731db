from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from benchmarks.association_designs import DESIGNS
from benchmarks.association_draws import Design, draw_batch
from benchmarks.association_lines import NOMINAL, Line
from benchmarks.association_truth import QUICK, RESULTS, latest_file, main, measure
from benchmarks.association_truth_report import (
    DOCUMENT,
    find_limits,
    judge,
    remedy,
    write_text,
)
from benchmarks.mr_truth_report import fill_marks
from benchmarks.records import read_records, write_records
from proteomr.families import LISTED_FAMILIES
from proteomr.models import Linear, Logistic
from proteomr.stats.distributions import neg_log10_p_t, quantile_t

FAR = 10_000_000
LINE = Line(
    size="full",
    date="2026-01-02",
    family="linear",
    design="linear spread exposed",
    people=500,
    test="classical",
    effect=0.0,
    draws=10,
    tests=100_000,
    failed=0,
    rejected_05=5_000,
    rejected_2=1_000,
    rejected_3=100,
    rejected_4=10,
    rejected_5=1,
    intervals=100_000,
    covered=95_000,
    spread=1.0,
)


def find_design(key: str) -> Design:
    return next(design for design in DESIGNS if design.key == key)


def list_tests(design: Design) -> set[str]:
    names = {asked.test for asked in design.asked if asked.test}
    return names | {name for asked in design.asked for name in asked.beside}


@pytest.fixture(scope="module")
def kept() -> list[Line]:
    return read_records(latest_file(RESULTS), Line)


def test_every_family_that_is_scanned_with_an_exposure_or_outcome_has_designs() -> None:
    assert len({design.key for design in DESIGNS}) == len(DESIGNS)
    measured = {design.family for design in DESIGNS}
    assert measured <= set(LISTED_FAMILIES)
    assert measured >= {"linear", "logistic", "ordinal", "multinomial", "mixed", "iv"}


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.key)
def test_a_quick_run_measures_every_test_of_a_design(design: Design) -> None:
    lines = list(measure(design, effect=0.0, least=QUICK, size="quick"))
    assert {line.test for line in lines} == list_tests(design)
    for line in lines:
        width = 2 if line.family == "multinomial" and line.test == "wald" else 1
        assert line.tests + line.failed == QUICK * width
        assert line.covered <= line.intervals


def test_the_quick_script_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--only", "linear normal", "--results", str(tmp_path)]) == 0
    assert "linear normal small HC3 0.0 4 0" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_draw_is_the_same_however_many_there_are() -> None:
    design = find_design("logistic 5")
    first, second = (draw_batch(design, r, effect=0.0) for r in (0, 1))
    again = draw_batch(design, 1, effect=0.0)
    assert np.array_equal(second[1].values, again[1].values)
    assert not np.array_equal(first[1].values, second[1].values)
    assert not np.array_equal(
        draw_batch(design, 0, effect=0.3)[0].targets[0].values, first[0].targets[0].values
    )


@pytest.mark.parametrize("effect", [0.0, 0.3])
def test_what_is_counted_is_what_a_slow_loop_counts(effect: float) -> None:
    design = replace(find_design("linear normal small"), batch=400)
    design = replace(design, asked=(replace(design.asked[0], null=400, effect=400),))
    (line,) = measure(design, effect=effect)
    problem, block = draw_batch(design, 0, effect=effect)
    family = Linear()
    fits = family.fit(family.prepare(problem), block)
    rejected, covered = [0] * 4, 0
    for b, se, df in zip(fits.estimate[:, 0], fits.se[:, 0], fits.df[:, 0], strict=True):
        p = 10.0 ** -float(neg_log10_p_t(b / se, df))
        rejected = [count + (p <= level) for count, level in zip(rejected, NOMINAL, strict=True)]
        covered += abs(b - effect) <= float(quantile_t(0.975, df)) * se
    assert [hits for _, hits in line.rejections] == rejected
    assert (line.tests, line.failed, line.covered, line.intervals) == (400, 0, covered, 400)


def test_levels_given_a_protein_are_of_the_effect_that_is_said() -> None:
    wide = replace(find_design("logistic 35"), n=200_000, batch=1)
    problem, block = draw_batch(wide, 0, effect=0.3)
    family = Logistic()
    fits = family.fit(family.prepare(problem), block)
    assert abs(fits.estimate[0, 0] - 0.3) < 4.0 * fits.se[0, 0] < 0.03


def test_unequal_spread_is_found_by_classical_errors_and_not_by_robust_ones() -> None:
    design = find_design("linear spread exposed")
    found = {line.test: line for line in measure(design, effect=0.0, least=500)}
    assert judge([found["classical"]]).often
    assert found["HC3"].rejected_05 < 60
    assert found["classical"].rejected_05 > 150


@pytest.mark.parametrize(("hits", "tests"), [(0, 50), (3, 50), (50, 50), (101, 10_000_000)])
def test_limits_are_those_of_statsmodels(hits: int, tests: int) -> None:
    low, high = proportion_confint(hits, tests, alpha=0.01, method="beta")
    found = find_limits(hits, tests)
    assert found[0] == pytest.approx(0.0 if np.isnan(low) else low, rel=1e-9)
    assert found[1] == pytest.approx(1.0 if np.isnan(high) else high, rel=1e-9)
    assert find_limits(30, 100, spread=2.0) == find_limits(15, 50)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "holds"),
        ({"rejected_2": 1_150}, "holds"),
        ({"rejected_2": 2_000}, "rejects too often (2.0 at 1e-2)"),
        ({"rejected_2": 2_000, "spread": 500.0}, "holds"),
        ({"rejected_2": 2_000, "rejected_5": 400}, "rejects too often (2.0 at 1e-2, 400 at 1e-5)"),
        ({"rejected_3": 20}, "rejects too seldom (0.20 at 1e-3)"),
        ({"rejected_2": 2_000, "effect": 0.3}, "holds"),
        ({"covered": 90_000}, "intervals hold the truth in 90.0 %"),
        ({"covered": 0, "intervals": 0}, "holds"),
    ],
)
def test_a_verdict_needs_more_than_chance(changes: dict[str, float], words: str) -> None:
    assert judge([replace(LINE, **changes)]).say() == words  # type: ignore[arg-type]


def test_a_failure_without_a_remedy_is_an_error() -> None:
    with pytest.raises(KeyError, match="no remedy is written down"):
        remedy(replace(LINE, test="HC9"))
    assert remedy(LINE) != remedy(replace(LINE, design="linear five persons"))


def test_missing_results_and_marks_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marks\n")
    asked = ["--report", "--results", str(tmp_path), "--document", str(page)]
    assert main(asked) == 1
    assert "no results of the families" in capsys.readouterr().err
    write_records(tmp_path / "association-truth-2026-01-02.csv", [LINE])
    assert main(asked) == 1
    assert "no marks to write between" in capsys.readouterr().err
    page.write_text("before\n<!-- truth -->\n<!-- /truth -->\n")
    assert main(asked) == 0
    assert "| linear | " not in page.read_text()
    assert "1.00 (0.92–1.08)" in page.read_text()


def test_the_page_shows_the_kept_results(kept: list[Line]) -> None:
    text = DOCUMENT.read_text("utf-8")
    source = latest_file(RESULTS).name
    assert fill_marks(text, write_text(kept, source=source)) == text


def test_the_kept_results_are_of_every_test_of_a_design_and_the_page_names_other_designs(
    kept: list[Line],
) -> None:
    null = {(line.design, line.test) for line in kept if line.effect == 0.0}
    done = {line.design for line in kept}
    assert {line.size for line in kept} == {"full"}
    assert null == {(d.key, test) for d in DESIGNS if d.key in done for test in list_tests(d)}
    text = DOCUMENT.read_text("utf-8")
    for design in DESIGNS:
        assert (f"({design.key})" in text) == (design.key not in done)
        assert design.says in text


def test_what_is_missing_is_measured_beside_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def measure_one(design: Design, *, effect: float) -> list[Line]:
        asked.append(design.key)
        return [replace(LINE, design=design.key, family=design.family, effect=effect)]

    monkeypatch.setattr("benchmarks.association_truth.measure", measure_one)
    page = tmp_path / "page.md"
    page.write_text("<!-- truth --><!-- /truth -->")
    others = [
        replace(LINE, design=each.key, family=each.family)
        for each in DESIGNS
        if each.key != "iv weak"
    ]
    write_records(tmp_path / "association-truth-2026-01-02.csv", others)
    assert "(iv weak)" in write_text(others, source="x")
    assert main(["--missing", "--results", str(tmp_path), "--document", str(page)]) == 0
    assert set(asked) == {"iv weak"}
    found = read_records(latest_file(tmp_path), Line)
    assert {line.design for line in found} == {design.key for design in DESIGNS}
    assert "Not measured yet" not in page.read_text()
