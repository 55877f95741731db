"""`check` says what of the input looks odd, computes nothing and writes nothing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import polars as pl
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "check.md"
HEAD = "SNP chr pos effect_allele other_allele eaf beta se pval samplesize\n"


@pytest.fixture
def check(proteomr: Any, study: Any) -> Any:
    """Run check on the small study, and return its rows as (severity, text on one line)."""

    def run(*arguments: object, samples: pl.DataFrame | None = None, code: int = 0) -> str:
        if samples is not None:
            study.write("samples.csv", samples)
        files = (study.folder / "samples.csv", study.folder / "proteins.parquet")
        before = sorted(study.folder.rglob("*"))
        ending = proteomr("check", *files, *arguments)
        assert ending.code == code, ending.err
        assert ending.err == ""
        assert sorted(study.folder.rglob("*")) == before
        return " ".join(ending.out.split())

    return run


def test_a_sound_study_has_nothing_odd_and_its_counts(check: Any) -> None:
    said = check("--exposure", "lonely", "--adjust", "m=age")
    assert "lonely, m: 150 of 150 people, 50 cases" in said
    assert "proteins 12, of 150 people" in said
    assert said.endswith("nothing odd")


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({"months": pl.col("age") * 12}, "--adjust m=age+months", "months left the models of 'm'"),
        ({"always": pl.lit(1)}, "--adjust m=age+always", "'always' has one value"),
        (
            {"bmi": pl.when(pl.col("age") > 45).then(None).otherwise(pl.col("bmi"))},
            "--adjust m=bmi",
            "'bmi' is missing for",
        ),
        (
            {
                "lonely": pl.when(pl.col("lonely") == 1)
                .then(pl.lit("Case"))
                .otherwise(pl.lit("Control"))
            },
            "",
            "--reference-level Control",
        ),
    ],
)
def test_what_may_mislead_is_a_warning(
    check: Any, study: Any, changes: dict[str, Any], options: str, words: str
) -> None:
    samples = study.samples.with_columns(**changes)
    said = check("--exposure", "lonely", *options.split(), samples=samples)
    assert words in said
    assert re.search(r"\d to look at$", said)


def test_files_that_share_few_people_are_doubted(check: Any, study: Any) -> None:
    study.write("proteins.parquet", study.proteins.head(40))
    assert "only 40 of the 150 people" in check("--exposure", "lonely")


def test_odd_proteins_are_counted_and_named(check: Any, study: Any) -> None:
    study.write(
        "proteins.parquet",
        study.proteins.with_columns(P001=pl.lit(1.0), P002=pl.lit(None, pl.Float64), P004="P003"),
    )
    said = check("--exposure", "lonely")
    assert "1 of 12 has one value: P001" in said
    assert "1 of 12 has no value: P002" in said
    assert "1 of 12 has the values of another: P004" in said


def test_an_error_is_listed_with_exit_code_3(check: Any) -> None:
    assert "error input no column 'lonly'" in check("--exposure", "lonly", code=3)


def test_summary_statistics_are_read_to_their_end(proteomr: Any, tmp_path: Path) -> None:
    rows = ["rs1 1 10 A G 0.3 0.1 0.01 1e-23 900\n", "rs2 1 20 A G 0.3 0.1 0.01 3 900\n"]
    (tmp_path / "a.txt").write_text(HEAD + "".join(rows))
    (tmp_path / "b.csv").write_text("eid,age\n1,2\n")
    ending = proteomr("check", tmp_path / "a.txt", tmp_path / "b.csv")
    said = " ".join(ending.out.split())
    assert ending.code == 3
    assert "2 rows, 1 kept" in said
    assert "left out: 1 p_outside" in said
    assert "of people and proteins name the models" in said


def test_quiet_leaves_what_is_fine_out(proteomr: Any, study: Any) -> None:
    files = (study.folder / "samples.csv", study.folder / "proteins.parquet")
    assert proteomr("check", *files, "--exposure", "lonely", "-q").out == "nothing odd\n"


def test_the_options_are_those_of_associate_with_the_same_help() -> None:
    import typer.main
    from proteomr_cli.main import app

    group: Any = typer.main.get_command(app)
    theirs = {entry.name: entry for entry in group.commands["associate"].params}
    for entry in group.commands["check"].params:
        if entry.name in theirs and entry.name not in {"family", "help"}:
            assert (entry.opts, entry.help) == (theirs[entry.name].opts, theirs[entry.name].help)


def test_the_page_shows_what_its_commands_print(
    proteomr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "90")
    block = re.search(r"^```console\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None
    for part in re.split(r"^\$ ", block[1].replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        ending = proteomr(*shlex.split(command)[1:])
        assert ending.out.split() == shown.split()
