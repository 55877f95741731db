"""Checklists: every item of each statement, filled from what ran and from nothing else."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from importlib import resources
from pathlib import Path

import polars as pl
import pytest
from proteomr_cli import main

from proteomr.report.blocks import TableBlock
from proteomr.report.causal_facts import CAUSAL_FACTS
from proteomr.report.checklists import fill_checklists
from proteomr.report.cohort_facts import COHORT_FACTS
from proteomr.report.reading import Reported, read_reported
from proteomr.report.score_facts import SCORE_FACTS

ITEMS = {"strobe": range(1, 23), "strobe_mr": range(1, 21), "tripod": range(1, 23)}
PARTS_OF_STROBE_MR = "4abcde 6abcde 9ab 10abcd 11abcd 12ab 13abcde 16abc"


def listed(name: str) -> dict[str, object]:
    place = resources.files("proteomr.schemas") / "checklists" / f"{name}.toml"
    return tomllib.loads(place.read_text(encoding="utf-8"))


def command(*words: object) -> None:
    with pytest.raises(SystemExit) as left:
        main.run([str(word) for word in (*words, "--quiet", "--no-progress")])
    assert left.value.code == 0


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    folder = tmp_path_factory.mktemp("lists")
    cohort, made = folder / "cohort", folder / "runs"
    made.mkdir()
    command("simulate", "--people", 400, "--proteins", 8, "--summary-statistics", "-o", cohort)
    studies = (cohort / "gwas" / "exposure.parquet", cohort / "gwas" / "outcomes.parquet")
    command("mr", *studies, "--methods", "ivw,egger", "--coloc", "--unproven", "flag",
            "-o", made / "causes")  # fmt: skip
    command("score", cohort, "--outcome", "bmi", "--folds", 3, "-o", made / "score")
    return read_reported(made)


def blocks(reported: Reported) -> dict[str, pl.DataFrame]:
    found = [block for block in fill_checklists(reported) if isinstance(block, TableBlock)]
    return {block.caption: block.frame for block in found}


@pytest.mark.parametrize("name", ITEMS)
def test_a_checklist_has_its_items_in_order_and_asks_for_facts_that_are_told(name: str) -> None:
    items = listed(name)["items"]
    assert isinstance(items, list)
    numbers = [item["number"] for item in items]
    assert len(set(numbers)) == len(numbers)
    whole = list(dict.fromkeys(int(re.sub(r"\D", "", number)) for number in numbers))
    assert whole == list(ITEMS[name])
    told = {**COHORT_FACTS, **CAUSAL_FACTS, **SCORE_FACTS}
    assert {item["fact"] for item in items if "fact" in item} <= set(told)


def test_strobe_mr_has_the_thirty_parts_of_its_eight_items() -> None:
    items = listed("strobe_mr")["items"]
    assert isinstance(items, list)
    parts = {item["number"].partition(" ")[0] for item in items if item["number"][-1].isalpha()}
    wanted = set()
    for entry in PARTS_OF_STROBE_MR.split():
        number = re.sub(r"\D", "", entry)
        wanted |= {number + letter for letter in entry[len(number) :]}
    assert parts == wanted
    assert len(parts) == 30


def test_strobe_has_the_parts_of_the_items_for_cohort_studies() -> None:
    items = listed("strobe")["items"]
    assert isinstance(items, list)
    parts = [item["number"] for item in items if item["number"][-1].isalpha()]
    assert "".join(parts) == "1a1b6a6b12a12b12c12d12e13a13b13c14a14b14c16a16b16c"


def test_each_fact_is_asked_by_some_checklist() -> None:
    asked = set()
    for name in ITEMS:
        items = listed(name)["items"]
        assert isinstance(items, list)
        asked |= {item.get("fact") for item in items}
    assert {*CAUSAL_FACTS, *SCORE_FACTS, *COHORT_FACTS} <= asked


def test_checklists_are_those_of_what_ran(reported: Reported, tmp_path: Path) -> None:
    assert list(blocks(reported)) == ["STROBE", "STROBE-MR", "TRIPOD"]
    alone = Reported("x", tuple(run for run in reported.runs if run.command == "score"))
    assert list(blocks(alone)) == ["STROBE", "TRIPOD"]


def test_items_are_filled_with_what_the_runs_hold(reported: Reported) -> None:
    found = blocks(reported)
    mr = dict(found["STROBE-MR"].select("item", "text").iter_rows())
    (causes,) = reported.of("mr")
    kept = causes.table("harmonised")
    pairs = causes.table("verdict")
    assert kept is not None
    assert pairs is not None
    assert mr["10a"].startswith(f"{kept['mr_keep'].sum():,} of {kept.height:,} pairs")
    assert mr["6c"].startswith("egger(") or mr["6c"].startswith("ivw(")
    assert mr["6e"] == f"Benjamini-Hochberg, {pairs.height} pairs of exposure and outcome"
    assert mr["4c"] == "p below 5e-08 for the exposure"  # nothing was clumped without a panel
    assert {mr[item] for item in ("1", "2", "4e", "10d i", "10d ii", "17", "18", "20")} == {
        "not provided"
    }
    score = dict(found["TRIPOD"].select("item", "text").iter_rows())
    assert score["6a"] == "bmi"
    assert score["14a"] == "up to 400 people"
    assert {score[item] for item in ("1", "8", "11", "17", "22")} == {"not provided"}
    for frame in found.values():
        told = frame.filter(pl.col("text") != "not provided")
        assert told.filter(pl.col("from") == "").height == 0
        assert frame.filter(pl.col("text") == "not provided")["from"].unique().to_list() in (
            [""],
            [],
        )


def test_methods_of_a_gated_run_are_named_in_the_text(reported: Reported) -> None:
    from proteomr.report.blocks import Sentence
    from proteomr.report.methods import describe_methods

    words = " ".join(
        block.text for block in describe_methods(reported) if isinstance(block, Sentence)
    )
    assert "Mendelian randomisation by" in words


@pytest.fixture(scope="module")
def cohort_study(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Two scans of other people, deaths, and a run without a cohort."""
    folder = tmp_path_factory.mktemp("facts")
    cohort, made = folder / "cohort", folder / "runs"
    made.mkdir()
    command("simulate", "--people", 300, "--proteins", 6, "-o", cohort)
    common = ("associate", cohort, "--exposure", "isolation", "--family", "linear")
    command(*common, "--adjust", "bare=1", "--adjust", "base=age", "--where", "age > 50",
            "-o", made / "old")  # fmt: skip
    command(*common, "--where", "sex == 1", "-o", made / "women")
    command("survive", cohort, "--time", "follow_up_years", "--event", "death",
            "--adjust", "base=age", "-o", made / "death")  # fmt: skip
    command("describe", cohort / "samples.parquet", "-o", made / "people")
    command("compare", made / "old", made / "women", "--where-rows-a", "adjustment=base",
            "-o", made / "both")  # fmt: skip
    return read_reported(made)


def test_cohort_items_say_what_each_run_did(cohort_study: Reported) -> None:
    strobe = dict(blocks(cohort_study)["STROBE"].select("item", "text").iter_rows())
    assert strobe["6a"] == "old: where: age > 50 / women: where: sex == 1"
    assert strobe["8"] == "cohort, samples.parquet"  # not the runs that compare read
    assert strobe["9"] == "death, old: adjusted for base = age"
    assert strobe["12d"] == "death censored at follow_up_years"
    assert "old: 95 % limits, adjusted for base = age; without adjustment too" in strobe["16a"]
    assert strobe["12e"] == "see Sensitivity"
    runs = {run.name: run.table("attrition") for run in cohort_study.of("associate", "survive")}
    for name in ("old", "women"):
        counts = runs[name]
        assert counts is not None
        row = counts.row(0, named=True)
        assert f"{name}: {row['not_chosen']:,} not chosen" in strobe["13b"]
        assert f"{name}: 300 people, {row['complete']:,} complete" in strobe["13a"]
    fits = {run.name: run for run in cohort_study.runs}["death"].table("associations")
    assert fits is not None
    events = fits["n_case"].drop_nulls().to_numpy().max()
    # cases of an exposure are no events
    assert strobe["15"].endswith(f"death: up to {events:,} events in a fit")
    assert "isolation" not in strobe["15"]
    assert strobe["16b"] == "not provided"


def test_missing_data_of_several_imputations_are_said_to_be_imputed(
    cohort_study: Reported, tmp_path: Path
) -> None:
    (run, *_) = cohort_study.of("associate")
    fits = run.table("associations")
    assert fits is not None
    fits.with_columns(m=pl.lit(5)).write_parquet(tmp_path / "associations.parquet")
    changed = replace(
        run,
        finished=replace(run.finished, tables={"associations": tmp_path / "associations.parquet"}),
    )
    strobe = dict(blocks(Reported("x", (changed,)))["STROBE"].select("item", "text").iter_rows())
    assert strobe["12c"] == "5 imputations, pooled by Rubin's rules"
