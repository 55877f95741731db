"""What a study begins with: stages for what is there, sets and exposures from names and values."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import NothingToDo
from proteomr.io.recognising import Recognised
from proteomr.study import parse_study, write_beginning
from proteomr.study.columns_of_people import sort_columns

N = 60
COUNTS = np.arange(N)


def people(**columns: Any) -> Recognised:
    frame = pl.DataFrame({"eid": COUNTS, **columns})
    return Recognised(Path("people.csv"), "people", "", tuple(frame.columns[1:]), frame)


def write(*found: Recognised) -> dict[str, Any]:
    text = write_beginning(found, file="study.toml")
    parse_study(tomllib.loads(text))
    return tomllib.loads(text)


def test_age_sex_components_and_life_style_make_two_sets() -> None:
    told = sort_columns(
        people(
            Age=COUNTS,
            sex=COUNTS % 2,
            bmi=COUNTS / 2,
            site=COUNTS % 5,
            education=np.array(["none", "school", "college"])[COUNTS % 3],
            PC1=COUNTS / 3,
            PC2=COUNTS / 7,
            lonely=COUNTS // 3 % 2,
        )
    )
    sets = tomllib.loads(f"adjust = {told.adjust}")["adjust"]
    assert sets == {
        "simple": "Age + sex + PC1..PC2",
        "full": "simple + bmi + C(site) + C(education)",
    }
    assert told.exposures == ("lonely",)


@pytest.mark.parametrize(
    ("columns", "exposures"),
    [
        ({"smells": COUNTS % 2, "tastes": COUNTS // 2 % 2}, ("smells",)),
        ({"smells": COUNTS % 2, "treatment": COUNTS // 2 % 2}, ("treatment",)),
        ({"dose": COUNTS / 4}, ("dose",)),
        ({"arm": np.array(["a", "b", "c"])[COUNTS % 3]}, ("arm",)),
        ({"rare_case": COUNTS < 3, "constant": COUNTS * 0}, ()),
        ({"name": COUNTS.astype(str)}, ()),
    ],
)
def test_exposures_are_what_parts_people(
    columns: dict[str, Any], exposures: tuple[str, ...]
) -> None:
    assert sort_columns(people(**columns)).exposures == exposures


def test_outcomes_have_a_time_beside_them_and_a_code_where_there_are_several() -> None:
    told = sort_columns(
        people(
            stroke=COUNTS % 2,
            stroke_years=COUNTS / 9,
            death=COUNTS % 3,
            death_years=COUNTS / 9,
            score=COUNTS % 2,
        )
    )
    assert told.outcomes == {"stroke": None, "death": 1}
    assert told.exposures == ("score",)


def test_proteins_and_people_are_held_against_each_other() -> None:
    proteins = Recognised(Path("npx.csv"), "proteins", "", ("ADM",))
    study = write(people(age=COUNTS, lonely=COUNTS % 2), proteins)
    assert study["defaults"]["proteins"] == ["npx.csv"]
    assert study["stages"]["associate"]["exposure"] == ["lonely"]


def test_each_platform_has_stages_of_its_own() -> None:
    files = [
        Recognised(Path("a.csv"), "platform", "olink"),
        Recognised(Path("b.csv"), "platform", "olink"),
    ]
    study = write(*files)
    assert study["stages"]["ingest"]["files"] == ["a.csv", "b.csv"]
    both = write(*files, Recognised(Path("c.adat"), "platform", "somascan"))
    assert {"ingest_olink", "qc_olink", "ingest_somascan"} <= both["stages"].keys()


def test_proteins_of_nobody_are_read_and_checked() -> None:
    study = write(Recognised(Path("npx.csv"), "proteins", "", ("ADM",)))
    assert list(study["stages"]) == ["ingest", "qc"]


def test_studies_of_variants_meet_genotypes_or_are_flagged() -> None:
    two = [Recognised(Path(f"{name}.tsv"), "sumstats", "") for name in ("bmi", "t2d")]
    assert write(*two)["stages"]["causes"]["unproven"] == "flag"
    with_panel = write(*two, Recognised(Path("panel"), "genotypes", ""))
    assert with_panel["stages"]["causes"]["ld"] == "panel"
    assert list(write(two[0])["stages"]) == ["munge"]


def test_names_with_quotes_breaks_and_backslashes_stay_text() -> None:
    odd = 'a"b\\c\n[stages.x]'
    unknown = Recognised(Path(odd), "unknown", 'x"\ny')
    study = write(Recognised(Path(f"{odd}.tsv"), "sumstats", ""), unknown)
    assert list(study["stages"]) == ["munge"]
    assert study["stages"]["munge"]["files"] == [f"{odd}.tsv"]


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    found = [Recognised(tmp_path / "data" / "bmi.tsv", "sumstats", "")]
    text = write_beginning(found, file=tmp_path / "study.toml")
    assert tomllib.loads(text)["stages"]["munge"]["files"] == ["data/bmi.tsv"]


def test_nothing_that_makes_a_stage_is_refused() -> None:
    with pytest.raises(NothingToDo, match="nothing here makes a stage"):
        write_beginning([Recognised(Path("x"), "genotypes", "genotypes")], file="study.toml")
