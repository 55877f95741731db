from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.interfaces import PROTEOMR, Family
from benchmarks.problems import Problem
from benchmarks.records import OK, WRONG, Reading, read_records
from benchmarks.rows import MATTERS, phenome, ranks, regressions
from benchmarks.rows.__main__ import choose, main, measure, show
from benchmarks.rows.commands import Munging, QualityControl
from benchmarks.rows.floors import Floors
from benchmarks.rows.forms import FORMS
from benchmarks.rows.groups import Groups
from benchmarks.rows.hazards import Hazards
from benchmarks.rows.levels import Levels
from benchmarks.rows.mendelian import ManyOutcomes, RobustMethods, make_pairs
from benchmarks.rows.mixed import MixedModels
from benchmarks.rows.mr_loop import fit_defaults
from benchmarks.rows.phenome import Phenome
from benchmarks.rows.pooled import PooledEffects
from benchmarks.rows.ranks import Ranks
from benchmarks.rows.regions import Regions, draw_regions, run_loop, weigh
from benchmarks.rows.regressions import Found, Regressions, affordable, find_exactly
from benchmarks.rows.replication import Halves
from benchmarks.rows.row import Matter, Scope
from benchmarks.rscript import has_r, run_r
from proteomr.mr.estimate import build_methods, estimate


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    return Scope("tiny", tmp_path, rounds=1, peers=False)


def readings(matter: Matter, scope: Scope) -> list[Reading]:
    return list(matter.measure(matter.rows, scope))


@pytest.mark.parametrize(
    "matter",
    [
        *(Floors(), Ranks(), Groups(), Phenome(), MixedModels(), ManyOutcomes()),
        *(Levels(), Halves(), Hazards(), RobustMethods(), PooledEffects()),
        *(QualityControl(), Munging(), Regions()),
    ],
)
def test_every_row_of_a_matter_is_measured_and_right(matter: Matter, scope: Scope) -> None:
    found = readings(matter, scope)
    assert {one.row for one in found} == {row.key for row in matter.rows}
    assert {one.state for one in found} == {OK}
    assert all(one.ms is not None and one.ms > 0.0 for one in found)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_a_form_is_measured_beside_the_classical_fit(family: Family, scope: Scope) -> None:
    matter = Regressions(family)
    rows = [row for row in matter.rows if row.key.endswith(("hc3", "weights", "interaction"))]
    found = list(matter.measure(rows, scope))
    assert [one.row for one in found] == [row.key for row in rows]
    assert {one.state for one in found} == {OK}
    assert all(one.ratio is not None and one.ratio > 0.1 for one in found)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.row.key)
def test_r_fits_the_same_form(form: Any, problem: Problem) -> None:
    if not has_r(package=form.package):
        pytest.skip(f"needs R with {form.package or 'nothing beside'}")
    one = replace(problem, tests=problem.tests[:1])
    fitted = run_r(form.program, one, [0])
    true = find_exactly(one, [form])[form.row.key].main
    # R's glm stops where standard errors are 1e-4 off
    bound = 1e-9 if form.family == "linear" else 1e-3
    assert fitted.estimate[0] == pytest.approx(true[0][0], rel=bound)
    assert fitted.se[0] == pytest.approx(true[1][0], rel=bound)


@pytest.mark.parametrize("part", ["main", "product", "joint"])
def test_one_wrong_number_of_a_form_is_an_error(part: str) -> None:
    pair = (np.array([[0.2]]), np.array([[0.1]]))
    true = Found(pair, pair, np.array([[4.0]]))
    shifted: Any = np.array([[4.1]]) if part == "joint" else (1.01 * pair[0], pair[1])
    assert true.error(true, "linear") == 0.0
    assert replace(true, **{part: shifted}).error(true, "linear") > 1e-3


@pytest.mark.parametrize(
    ("fixed", "each", "count"), [(1.0, 2.0, 3), (1.0, 1.0, 12), (1.0, 0.01, 365), (0.0, 0.0, 365)]
)
def test_a_slow_form_is_measured_on_a_handful_and_a_fast_one_on_the_panel(
    fixed: float, each: float, count: int
) -> None:
    found = affordable(lambda proteins: fixed + each * proteins, 20.0, few=3, most=365)
    assert found == count


def test_without_a_budget_the_chosen_proteins_are_measured() -> None:
    assert affordable(lambda _: 0.0, 0.0, few=2, most=365) == 2


def test_scores_of_other_bits_are_wrong(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    right = ranks._score_with_scipy
    monkeypatch.setattr(ranks, "_score_with_scipy", lambda values: right(values) * (1 + 1e-15))
    assert {one.state for one in readings(Ranks(), scope)} == {WRONG}


def test_a_phenome_scan_of_other_numbers_is_wrong(
    scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = phenome._scan

    def shifted(*given: Any) -> tuple[float, list[tuple[float, float]]]:
        seconds, found = right(*given)
        return seconds, [(estimate, se * (1 + 1e-9)) for estimate, se in found]

    monkeypatch.setattr(phenome, "_scan", shifted)
    states = {one.tool: one.state for one in readings(Phenome(), scope)}
    assert states == {PROTEOMR: WRONG, "numpy loop": OK}


def test_the_loop_of_the_defaults_agrees_with_the_house() -> None:
    pair = make_pairs(2)[1]
    plain = fit_defaults(pair, draws=400, random=np.random.default_rng(1))
    found = estimate([pair], build_methods(["ivw", "egger", "weighted_median"]))
    for method, value in found.select("method", "estimate").iter_rows():
        assert plain[method][0] == pytest.approx(value, rel=1e-9)


def test_a_form_that_is_wrong_fails_its_row(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    def exactly(problem: Problem, forms: Sequence[Any]) -> dict[str, Found]:
        found = find_exactly(problem, forms)
        return {key: Found((one.main[0] * 1.001, one.main[1])) for key, one in found.items()}

    monkeypatch.setattr(regressions, "find_exactly", exactly)
    matter = Regressions("linear")
    (reading,) = matter.measure([matter.rows[0]], scope)
    assert reading.state == WRONG
    assert "wrong" in show(reading)


def test_rows_are_chosen_by_name_or_by_its_beginning() -> None:
    assert [row.key for row in choose(["mr-raps"], quick=False)] == ["mr-raps"]
    assert {row.key for row in choose(["mr"], quick=True)} >= {"mr-raps", "mr-defaults"}
    assert not choose(["qc"], quick=True)
    assert len(choose([], quick=False)) == sum(len(matter.rows) for matter in MATTERS)


def test_an_unknown_row_is_answered_with_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "speed"]) == 2
    assert "no row is called 'speed': one of floor-product" in capsys.readouterr().err


def test_readings_are_kept_and_read_again(tmp_path: Path) -> None:
    assert main(["--quick", "--only", "mr-cml", "--rounds", "1", "--out", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("rows-*.csv")
    (reading,) = read_records(path, Reading)
    assert (reading.row, reading.tool, reading.state) == ("mr-cml", PROTEOMR, OK)


def test_only_the_asked_rows_of_a_matter_are_measured(scope: Scope) -> None:
    found = list(measure(choose(["mr-lasso"], quick=False), scope))
    assert [one.row for one in found] == ["mr-lasso"]
    assert not list(scope.folder.iterdir())


def test_a_lost_variant_is_wrong(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    read = pl.read_parquet

    def lose(path: Path, **options: Any) -> pl.DataFrame:
        frame = read(path, **options)
        return frame[1:] if path.name == "gwas.parquet" else frame

    monkeypatch.setattr(pl, "read_parquet", lose)
    ours, _ = readings(Munging(), scope)
    assert (ours.error, ours.state) == (1.0, WRONG)


@pytest.mark.skipif(not has_r(), reason="needs R")
def test_regions_have_the_posteriors_of_the_loop_in_r(tmp_path: Path) -> None:
    data = draw_regions(4)
    took, loop = run_loop(data, tmp_path)
    assert took >= 0
    np.testing.assert_allclose(weigh(data), loop, atol=1e-9)
    assert loop.sum(axis=1) == pytest.approx(np.ones(4))
