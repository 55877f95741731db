"""`proteomr run`: a small study from simulated people to mediation, run, changed, and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from proteomr_cli import main

STUDY = """
title = "A small study"

[defaults]
samples = { from = "people", table = "samples" }
proteins = { from = "people", table = "proteins" }
adjust = { simple = "age + sex", full = "simple + bmi" }

[stages.people]
command = "simulate"
people = 600
proteins = 12

[stages.associate]
family = "linear"
exposure = ["loneliness"]

[stages.hits]
command = "adjust"
tables = [{ from = "associate" }]

[stages.survive]
proteins = { from = "associate", where = "adjustment == full and p_value < 0.5" }
outcome = ["disease"]
event-code = 1
family = "cox"
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "study.toml").write_text(STUDY)
    with pytest.raises(SystemExit) as left:
        main.run(["run", str(folder / "study.toml"), "-o", str(folder / "out"), "--quiet"])
    assert left.value.code == 0
    return folder


def run(proteomr: Any, folder: Path, *more: str) -> Any:
    return proteomr("run", str(folder / "study.toml"), "-o", str(folder / "out"), *more)


def test_each_stage_leaves_a_run_and_the_options_to_repeat_it(done: Path) -> None:
    stages = pl.read_parquet(done / "out" / "stages.parquet")
    assert stages["state"].to_list() == ["done"] * 4
    assert (done / "out" / "hits.parquet").is_file()
    fitted = pl.read_parquet(done / "out" / "survive" / "associations.parquet")
    chosen = pl.read_parquet(done / "out" / "choices.parquet")["value"]
    assert set(fitted["protein"]) == set(chosen)
    assert (done / "out" / "survive.toml").read_text().startswith("samples = ")
    manifest = json.loads((done / "out" / "associate" / "manifest.json").read_text())
    assert manifest["command"] == "associate"


def test_what_each_stage_took_is_kept_where_it_stands(done: Path, proteomr: Any) -> None:
    costs = pl.read_parquet(done / "out" / "costs.parquet")
    assert costs["stage"].to_list() == ["people", "associate", "hits", "survive"]
    assert (costs["cpu_seconds"] > 0.1).all()
    assert (costs["seconds"] > 0.1).all()
    assert costs["memory_bytes"].is_between(30e6, 20e9).all()
    run(proteomr, done)
    assert pl.read_parquet(done / "out" / "costs.parquet").equals(costs)
    assert (done / "out" / "costs.tsv").is_file()


def test_a_study_that_stands_is_told_so(done: Path, proteomr: Any) -> None:
    told = run(proteomr, done)
    lines = told.out.splitlines()
    assert [line.split()[1] for line in lines[:4]] == ["stands"] * 4
    assert lines[-1] == str(done / "out")


def test_a_dry_run_writes_nothing_and_says_what_would_run(done: Path, proteomr: Any) -> None:
    before = sorted(path.stat().st_mtime_ns for path in (done / "out").rglob("*.parquet"))
    told = run(proteomr, done, "--dry-run")
    assert "survive: stands" in told.out
    assert "nothing is computed" in told.out
    assert before == sorted(path.stat().st_mtime_ns for path in (done / "out").rglob("*.parquet"))


@pytest.mark.usefixtures("stages_begin_warm")
def test_a_stage_with_a_mistake_is_told_and_the_code_is_that_of_failed_units(
    done: Path, proteomr: Any, tmp_path: Path
) -> None:
    study = STUDY.replace('"loneliness"', '"lonelines"')
    (tmp_path / "study.toml").write_text(study.replace("people = 600", "people = 200"))
    told = run(proteomr, tmp_path)
    assert told.code == 4
    assert "did you mean 'loneliness'" in told.out
    assert "needs associate, which failed" in told.out
    assert "3 of 4 stages failed: associate, hits, survive" in told.err


@pytest.mark.usefixtures("stages_begin_warm")
@pytest.mark.parametrize(("allowed", "code"), [("true", 0), ("false", 4)])
@pytest.mark.parametrize("of_all", [False, True])
def test_fits_without_an_estimate_mean_the_same_when_a_stage_stands(
    allowed: str, code: int, tmp_path: Path, proteomr: Any, *, of_all: bool
) -> None:
    ids = [f"s{i}" for i in range(40)]
    numbers = [float(i * 7 % 40) for i in range(40)]
    pl.DataFrame({"sample_id": ids, "lonely": numbers}).write_csv(tmp_path / "people.csv")
    proteins = pl.DataFrame({"sample_id": ids, "ADM": [x**2 for x in numbers], "CONST": [1.0] * 40})
    proteins.write_csv(tmp_path / "proteins.csv")
    rule = f"allow-failures = {allowed}"
    (tmp_path / "study.toml").write_text(
        f"""
        [defaults]
        {rule if of_all else ""}
        [stages.scan]
        command = "associate"
        samples = "people.csv"
        proteins = ["proteins.csv"]
        family = "linear"
        exposure = ["lonely"]
        {"" if of_all else rule}
        """
    )
    told = [run(proteomr, tmp_path) for _ in range(2)]
    assert [one.code for one in told] == [code, code]
    assert "stands" in told[1].out or code
    stages = pl.read_parquet(tmp_path / "out" / "stages.parquet")
    assert stages["state"].to_list() == ["units_failed" if code else "done"]


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ('command = "asociate"', "no command 'asociate' (did you mean 'associate' or 'simulate'?)"),
        (
            'command = "qc"\nstor = "x"',
            "qc has no option 'stor' (did you mean 'store'?)",
        ),
        ('command = "doctor"', "doctor is no stage"),
        ('command = "qc"\nafter = ["x"]', "stage 'x' takes its own results"),
    ],
)
def test_mistakes_of_a_study_are_one_line(
    stage: str, message: str, tmp_path: Path, proteomr: Any
) -> None:
    (tmp_path / "study.toml").write_text(f"[stages.x]\n{stage}\n")
    told = run(proteomr, tmp_path)
    assert told.code == 2
    assert message in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.usefixtures("stages_begin_warm")
def test_the_shipped_study_runs_whole_on_fewer_people(tmp_path: Path, proteomr: Any) -> None:
    printed = proteomr("run", "shen2025", "--print-study")
    assert printed.code == 0
    fewer = {
        "people = 3000": "people = 1200",
        "proteins = 200": "proteins = 40",
        "splits = 10": "splits = 2",
        "bootstraps = 200": "bootstraps = 20",
        "q_bh < 0.05": "p_value < 0.2",
        # of so few people 22 sites and five of one ethnicity are separated from the lonely, and
        # each fit climbs without end
        "C(site) + ": "",
        "C(ethnicity) + ": "",
        "PC1..PC20": "PC1..PC3",
        '"adjustment == full and p_bonferroni < 0.05", union': '"p_value < 0.02", union',
    }
    study = printed.out
    for told, less in fewer.items():
        assert told in study
        study = study.replace(told, less)
    (tmp_path / "study.toml").write_text(study)
    assert run(proteomr, tmp_path).code == 0
    stages = pl.read_parquet(tmp_path / "out" / "stages.parquet")
    assert set(stages["state"]) <= {"done", "units_failed"}
    assert stages.height == 18
    rows = pl.read_parquet(tmp_path / "out" / "published.parquet")
    unknown = rows.filter(pl.col("message") == "the published number is not known to us")
    assert unknown["finding"].str.contains("pairs|depression: share").all()
    assert rows.filter(pl.col("message").is_not_null()).height == unknown.height == 3
    assert rows.height - rows["found"].count() == 0
    causes = rows.filter(pl.col("finding").str.ends_with("IVW"))
    assert causes["holds_expected"].sum() >= 4  # of five intervals of 95 %
    for number in range(1, 6):
        figure = tmp_path / "out" / "figures" / f"figure{number}.tsv"
        data = pl.read_csv(figure, separator="\t", infer_schema_length=None)
        assert data["panel"].n_unique() >= 3
        assert "not_drawn" not in data.columns  # of panels that could not be drawn


def test_a_study_of_a_wrong_name_is_told_which_there_are(proteomr: Any) -> None:
    told = proteomr("run", "shen2026", "-o", "out")
    assert told.code == 2
    assert "did you mean 'shen2025'" in told.err
    assert proteomr("run", "shen2025").err == "error: say where the results go: -o DIR\n"
