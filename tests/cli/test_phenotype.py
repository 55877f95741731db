"""Exposures and covariates from an export of participants, as a user asks for them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.phenotype.people import make_study

FIRST_ID = 7_300_001
PEOPLE = 150
Run = Callable[..., Any]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Write an export of a main dataset: a column per answer, codes as numbers."""
    frame = make_study(PEOPLE, seed=4).frame
    columns = {"eid": [FIRST_ID + i for i in range(PEOPLE)]}
    for name in frame.columns[1:]:
        field = name.removeprefix("p").removesuffix("_i0")
        cells = frame[name]
        if cells.dtype != pl.List:
            columns[f"{field}-0.0"] = cells.to_list()
            continue
        first = 1 if field == "22009" else 0
        for place in range(max(map(len, cells.to_list()))):
            column = cells.list.get(place, null_on_oob=True)
            columns[f"{field}-0.{first + place}"] = column.to_list()
    path = tmp_path / "ukb.csv"
    pl.DataFrame(columns).write_csv(path)
    return path


@pytest.fixture
def phenotype(proteomr: Run, export: Path) -> Run:
    def run(*arguments: object, samples: Path | None = None, out: str = "cohort.parquet") -> Any:
        given = ("phenotype", samples or export, "-o", export.parent / out, *arguments)
        ending = proteomr(*given)
        assert not any(str(FIRST_ID + i) in ending.out + ending.err for i in range(PEOPLE))
        return ending

    return run


def test_a_table_of_exposures_and_covariates_stands_beside_its_account(
    phenotype: Run, export: Path
) -> None:
    ending = phenotype()
    assert ending.code == 0, ending.err
    table = pl.read_parquet(export.parent / "cohort.parquet")
    assert table["eid"].to_list() == [FIRST_ID + i for i in range(PEOPLE)]
    assert {"isolation", "loneliness", "group", "age", "sex", "PC20"} <= set(table.columns)
    assert set(table["isolation"].drop_nulls()) == {0, 1}
    counts = pl.read_csv(export.parent / "cohort.counts.tsv", separator="\t")
    isolated = counts.filter(rule="isolation", value="1")["n"].item()
    assert isolated == table["isolation"].sum()
    flow = pl.read_csv(export.parent / "cohort.flow.tsv", separator="\t")
    assert flow["n_left"][0] == PEOPLE
    manifest = json.loads((export.parent / "cohort.manifest.json").read_text())
    assert manifest["inputs"][0]["name"] == str(export)
    assert manifest["configuration"]["definition"] == ["shen2025"]


def test_the_terminal_shows_exposures_in_full_covariates_in_a_line_and_the_flow(
    phenotype: Run,
) -> None:
    lines = phenotype().out.splitlines()
    assert any(line.split()[:2] == ["isolation", "0"] for line in lines)
    assert any(line.startswith("education") and "(35.2)" in line for line in lines)
    assert any(line.startswith("PC1..PC20") for line in lines)
    assert any(line.startswith("exposures complete") for line in lines)
    assert lines[-1].endswith("cohort.parquet")
    assert len(lines) < 100
    assert max(map(len, lines[:-1])) <= 100


def test_quiet_prints_the_path_alone(phenotype: Run, export: Path) -> None:
    ending = phenotype("-q")
    assert (ending.out, ending.err) == (f"{export.parent / 'cohort.parquet'}\n", "")


def test_shares_far_from_the_published_are_noted_on_stderr(phenotype: Run) -> None:
    ending = phenotype()
    assert "note: isolation: the share of '1' is" in ending.err


def test_withdrawn_people_are_left_out_and_counted(phenotype: Run, export: Path) -> None:
    gone = export.parent / "withdrawn.csv"
    gone.write_text(f"{FIRST_ID}\n{FIRST_ID + 5}\n9999999\n")
    assert phenotype("--withdrawn", gone).code == 0
    assert pl.read_parquet(export.parent / "cohort.parquet").height == PEOPLE - 2
    flow = pl.read_csv(export.parent / "cohort.flow.tsv", separator="\t")
    assert flow.filter(reason="withdrawn")["n_left_out"].to_list() == [2]
    assert str(FIRST_ID) not in (export.parent / "cohort.manifest.json").read_text()


def test_several_files_are_one_export_whatever_their_order(phenotype: Run, export: Path) -> None:
    whole = pl.read_csv(export, infer_schema=False)
    half = 6
    whole.select(whole.columns[:half]).write_csv(export.parent / "part1.csv")
    rest = whole.select("eid", *whole.columns[half:]).sample(fraction=1, shuffle=True, seed=2)
    rest.write_csv(export.parent / "part2.csv")
    assert phenotype().code == 0
    assert phenotype(samples=export.parent / "part*.csv", out="joined.parquet").code == 0
    one, other = (pl.read_parquet(export.parent / f"{n}.parquet") for n in ("cohort", "joined"))
    assert one.equals(other)


def test_the_text_of_the_answers_gives_the_same_as_their_codes(
    phenotype: Run, export: Path
) -> None:
    labels = {"0": "No", "1": "Yes", "-1": "Do not know", "-3": "Prefer not to answer"}
    frame = pl.read_csv(export, infer_schema=False)
    frame = frame.with_columns(pl.col("2020-0.0").replace(labels))
    frame.write_csv(export.parent / "labels.csv")
    assert phenotype().code == 0
    assert phenotype(samples=export.parent / "labels.csv", out="labels.parquet").code == 0
    one, other = (pl.read_parquet(export.parent / f"{n}.parquet") for n in ("cohort", "labels"))
    assert one.equals(other)


def test_an_alternative_counts_monthly_visits_as_rare(phenotype: Run, export: Path) -> None:
    assert phenotype().code == 0
    assert phenotype("--alternative", "isolation=monthly", out="monthly.csv").code == 0
    usual = pl.read_parquet(export.parent / "cohort.parquet")["low_contact"]
    monthly = pl.read_csv(export.parent / "monthly.csv")["low_contact"]
    visits = pl.read_csv(export)["1031-0.0"]
    assert usual.is_null().equals(monthly.is_null())
    assert (usual.fill_null(0) != monthly.fill_null(0)).to_list() == visits.eq_missing(4).to_list()


def test_only_the_columns_asked_for_are_written(phenotype: Run, export: Path) -> None:
    only = ("--only", "loneliness,age", "--allow-partial")
    assert phenotype(*only, out="few.tsv").code == 0
    table = pl.read_csv(export.parent / "few.tsv", separator="\t")
    assert table.columns == ["eid", "loneliness", "age"]


def test_own_definitions_are_added_to_the_shipped(phenotype: Run, export: Path) -> None:
    own = export.parent / "mine.toml"
    own.write_text(
        '[rule.old]\ntitle = "Sixty or older"\nkind = "cut"\nrule = "age"\n'
        'breaks = [60]\ngroups = ["0", "1"]\n'
    )
    assert phenotype("--definition", "shen2025", "--definition", own).code == 0
    table = pl.read_parquet(export.parent / "cohort.parquet")
    assert table["old"].to_list() == table["age"].ge(60).cast(pl.Int64).to_list()
    manifest = json.loads((export.parent / "cohort.manifest.json").read_text())
    assert manifest["inputs"][-1]["name"] == str(own)


def test_files_that_a_definition_extends_are_inputs_too(phenotype: Run, export: Path) -> None:
    (export.parent / "base.toml").write_text('extends = "shen2025"\n')
    own = export.parent / "mine.toml"
    own.write_text('extends = "base.toml"\nuse = { isolation = "monthly" }\n')
    assert phenotype("--definition", own).code == 0
    manifest = json.loads((export.parent / "cohort.manifest.json").read_text())
    names = [Path(entry["name"]).name for entry in manifest["inputs"]]
    assert names == ["ukb.csv", "base.toml", "mine.toml"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'kind = "copy"\nfield = 31\ntitel = "a"\n',
            "the key 'title' (text) is missing; is 'titel' meant for it?",
        ),
        (
            'kind = "recode"\nfield = 31\ntitle = "a"\nlevels = { 1 = [1], 0 = [2] }\n',
            "field 31 (Sex) has no code 2; it has 0, 1",
        ),
        ('kind = "copy"\nrule = "other"\ntitle = "a"\n', "in a circle"),
        ('kind = "copy"\ncolumn = "batsh"\ntitle = "a"\n', "did you mean 'Batch'"),
    ],
)
def test_a_mistake_in_an_own_definition_is_one_line_and_leaves_nothing(
    phenotype: Run, export: Path, text: str, words: str
) -> None:
    frame = pl.read_csv(export, infer_schema=False).with_columns(Batch=pl.lit("1"))
    frame.write_csv(export)
    own = export.parent / "mine.toml"
    other = '[rule.other]\nkind = "copy"\nrule = "one"\ntitle = "b"\n' if "circle" in words else ""
    own.write_text(f"[rule.one]\n{text}{other}")
    ending = phenotype("--definition", own)
    assert ending.code == 3
    assert words in ending.message
    assert [path.name for path in export.parent.glob("cohort*")] == []


def test_columns_that_no_rule_uses_are_not_read(phenotype: Run, export: Path) -> None:
    frame = pl.read_csv(export, infer_schema=False)
    frame.with_columns(gdf15=pl.lit("oops")).write_csv(export)
    other = export.with_name("ukb2.csv")
    pl.DataFrame({"eid": frame["eid"], "gdf15": ["1.5"] * PEOPLE}).write_csv(other)
    assert phenotype("-q", samples=export.parent / "ukb*.csv").code == 0


def test_the_age_at_recruitment_is_no_age_at_a_later_visit(phenotype: Run, export: Path) -> None:
    frame = pl.read_csv(export, infer_schema=False)
    later = {name: name.replace("-0.", "-2.") for name in frame.columns if "-0." in name}
    once = ("31-", "22009-")
    frame = frame.rename({name: new for name, new in later.items() if not name.startswith(once)})
    visit = frame.with_columns(pl.lit("45").alias("21022-0.0"))
    visit.write_csv(export)
    assert phenotype("--instance", "2").code == 0
    ages = pl.read_parquet(export.parent / "cohort.parquet")["age"]
    assert ages.cast(pl.String).to_list() == frame["21003-2.0"].to_list()
    visit.drop("21003-2.0").write_csv(export)
    message = phenotype("--instance", "2", "--overwrite").message
    assert "field 21003 (Age when attended assessment centre) of instance 2" in message
    assert "proteomr fields --definition shen2025 --instance 2" in message


def test_the_log_is_json_when_asked_for(phenotype: Run) -> None:
    lines = [json.loads(line) for line in phenotype("--log-json").err.splitlines()]
    assert any(line["message"].startswith("reading ") for line in lines)
    warned = [line["message"] for line in lines if line["level"] == "warning"]
    assert any(text.startswith("note: isolation: the share of '1' is") for text in warned)


def test_the_definition_in_force_is_printed_as_toml(proteomr: Run) -> None:
    ending = proteomr("phenotype", "--print-definition", "--alternative", "isolation=monthly")
    assert ending.code == 0
    rules = tomllib.loads(ending.out)["rule"]
    assert rules["low_contact"]["levels"]["1"] == [4, 5, 6, 7]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--definition", "shen2052"), 2, "did you mean 'shen2025'"),
        (("--alternative", "isolation=weekly"), 2, "has no alternative 'weekly'"),
        (("--alternative", "isolation"), 2, "not of the form isolation=monthly"),
        (("--only", "lonelyness"), 2, "did you mean 'loneliness'"),
        (("--only", "met_minutes,walking"), 3, "none of the fields"),
        (("--instance", "2"), 3, "field"),
        (("--withdrawn", "none.csv"), 3, "there is no such file"),
    ],
)
def test_a_mistake_is_one_line(
    phenotype: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ending = phenotype(*arguments)
    assert ending.code == code
    assert words in ending.message


def test_an_absent_field_is_named_with_the_rule_and_the_way_to_get_it(
    phenotype: Run, export: Path
) -> None:
    pl.read_csv(export, infer_schema=False).drop("738-0.0").write_csv(export)
    message = phenotype().message
    assert "field 738 (Average total household income before tax): needed by income" in message
    assert "proteomr fields --definition shen2025" in message


def test_files_that_are_there_are_kept_unless_told_otherwise(phenotype: Run) -> None:
    assert phenotype("-q").code == 0
    assert "--overwrite" in phenotype().message
    assert phenotype("--resume", "-q").code == 0
    assert phenotype("--overwrite", "-q").code == 0


def test_a_second_format_stands_beside_the_first(phenotype: Run, export: Path) -> None:
    assert phenotype("--format", "tsv").code == 0
    names = {path.name for path in export.parent.glob("cohort*")}
    assert {"cohort.parquet", "cohort.tsv", "cohort.drops.tsv", "cohort.log.txt"} <= names


def test_a_dry_run_counts_and_writes_nothing(phenotype: Run, export: Path) -> None:
    ending = phenotype("--dry-run")
    assert ending.code == 0
    assert ending.out.splitlines()[0].split() == ["people", str(PEOPLE)]
    assert ending.out.endswith("nothing is written\n")
    assert list(export.parent.glob("cohort*")) == []


def test_the_printed_configuration_asks_for_the_same(
    phenotype: Run, proteomr: Run, export: Path
) -> None:
    asked = ("--alternative", "isolation=monthly", "--only", "isolation", "--complete")
    assert phenotype(*asked).code == 0
    written = phenotype(*asked, "--print-config")
    (export.parent / "asked.toml").write_text(written.out)
    again = proteomr("phenotype", "--config", export.parent / "asked.toml", "--resume", "-q")
    assert again.code == 0, again.err


def test_complete_cases_that_nobody_is_are_nothing_to_do(phenotype: Run, export: Path) -> None:
    frame = pl.read_csv(export, infer_schema=False)
    frame.with_columns(pl.lit("-1").alias("738-0.0")).write_csv(export)
    ending = phenotype("--complete")
    assert ending.code == 5
    assert "nobody has every exposure and every covariate" in ending.message
    assert not (export.parent / "cohort.parquet").exists()


def test_a_file_and_a_place_for_the_result_are_needed(proteomr: Run) -> None:
    assert "a file of participants and -o FILE are needed" in proteomr("phenotype").message


def test_people_are_chosen_by_what_is_derived_before_they_are_counted(
    phenotype: Run, export: Path
) -> None:
    assert phenotype().code == 0
    whole = pl.read_parquet(export.parent / "cohort.parquet")
    asked = "age >= 60 and sex == 1"
    assert phenotype("--where", asked, out="few.parquet").code == 0
    few = pl.read_parquet(export.parent / "few.parquet")
    chosen = whole.filter((pl.col("age") >= 60) & (pl.col("sex") == 1))
    assert 0 < few.height < whole.height
    assert few.equals(chosen)
    drops = pl.read_csv(export.parent / "few.drops.tsv", separator="\t").filter(step="people")
    assert drops["n"].sum() == whole.height - few.height
    flow = pl.read_csv(export.parent / "few.flow.tsv", separator="\t")
    assert flow.filter(step="people")["n_left"].to_list()[-1] == few.height


def test_people_are_chosen_by_lists(phenotype: Run, export: Path) -> None:
    keep = export.parent / "keep.txt"
    keep.write_text("".join(f"{FIRST_ID + i}\n" for i in range(40)))
    assert phenotype("--keep", keep).code == 0
    assert pl.read_parquet(export.parent / "cohort.parquet").height == 40


def test_imputed_covariates_are_told_with_their_numbers(phenotype: Run, export: Path) -> None:
    ending = phenotype("--only", "isolation,sex,bmi,smoking", "--impute", 2, "--seed", 3)
    assert ending.code == 0, ending.err
    long = pl.read_parquet(export.parent / "cohort.parquet")
    assert long[".imp"].unique().sort().to_list() == [0, 1, 2]
    missing = long.filter(pl.col(".imp") == 0)["smoking"].null_count()
    assert any(
        line.split()[:3] == ["smoking", "0", f"{missing}"] for line in ending.out.split("\n")
    )


@pytest.mark.parametrize("option", ["--impute-columns", "--impute-with", "--impute-iterations"])
def test_options_of_imputations_without_any_are_refused(phenotype: Run, option: str) -> None:
    ending = phenotype(option, "2")
    assert ending.code == 2
    assert f"{option} is about what --impute fills in: add --impute M" in ending.err
