"""--outcomes, --outcome-covariates and --outcome-transform, as a user gives them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr


@pytest.fixture
def outcomes(study: Any) -> pl.DataFrame:
    """Write the outcomes of 100 of the 150 people in four formats, with a scanner of their own."""
    g = np.random.default_rng(4)
    people: pl.DataFrame = study.samples
    frame = people.select("ID")[:100].with_columns(
        grip=pl.Series(g.normal(30, 5, 100).round(2)),
        mass=pl.Series(np.exp(g.normal(0, 1, 100)).round(3)),
        scanner=pl.Series(g.choice(["A", "B"], 100)),
    )
    ninth = pl.int_range(100) % 9 == 0
    frame = frame.with_columns(grip=pl.when(ninth).then(None).otherwise("grip"))
    for name in ("brain.csv", "brain.parquet"):
        study.write(name, frame)
    frame.write_csv(study.folder / "brain.tsv", separator="\t")
    (study.folder / "brain.csv.gz").write_bytes(gzip.compress(frame.write_csv().encode()))
    return frame


def run(proteomr: Any, folder: Path, *arguments: object, out: str = "out") -> Any:
    files = (folder / "samples.csv", folder / "proteins.parquet")
    given = ("--adjust", "a=age", *arguments, "-o", folder / out)
    return proteomr("associate", *files, "--family", "linear", *given)


def read(folder: Path, out: str = "out") -> pl.DataFrame:
    return pl.read_parquet(folder / out / "associations.parquet")


@pytest.mark.parametrize("name", ["brain.csv", "brain.tsv", "brain.parquet", "brain.csv.gz"])
def test_a_file_of_outcomes_is_read_in_every_format(
    proteomr: Any, study: Any, outcomes: pl.DataFrame, name: str
) -> None:
    covariates = ("--outcome-covariates", "C(scanner)")
    assert run(proteomr, study.folder, "--outcomes", study.folder / name, *covariates).code == 0
    found = read(study.folder)
    assert found["outcome"].unique().sort().to_list() == ["grip", "mass"]
    assert found["exposure"].null_count() == found.height == 24
    people = outcomes.join(study.samples, on="ID").rename({"scanner": "machine"})
    study.write("whole.csv", people)
    files = (study.folder / "whole.csv", study.folder / "proteins.parquet", "--family", "linear")
    asked = ("--outcome", "grip", "--outcome", "mass", "--adjust", "a=age + C(machine)")
    assert proteomr("associate", *files, *asked, "-o", study.folder / "known").code == 0
    known = read(study.folder, "known")
    for column in ("n", "estimate", "se", "p_value", "q_bh"):
        np.testing.assert_allclose(found[column], known[column], rtol=1e-10)


def test_the_command_and_the_function_ask_for_the_same(
    proteomr: Any, study: Any, outcomes: pl.DataFrame
) -> None:
    brain = study.folder / "brain.csv"
    asked = ("--outcomes", f"b={brain}", "--outcome", "bmi", "--outcome-transform", "rint")
    covariates = ("--outcome-covariates", "b=C(scanner)")
    assert run(proteomr, study.folder, *asked, *covariates).code == 0
    results = proteomr_associate(study, outcomes)
    assert results.equals(read(study.folder))
    assert results["outcome"].unique(maintain_order=True).to_list() == ["bmi", "grip", "mass"]
    assert results.filter(outcome="bmi")["n"].unique().to_list() == [150]


def proteomr_associate(study: Any, outcomes: pl.DataFrame) -> pl.DataFrame:
    results = proteomr.associate(
        study.samples,
        study.proteins,
        family="linear",
        adjust={"a": "age"},
        outcome="bmi",
        outcomes={"b": outcomes},
        outcome_covariates={"b": "C(scanner)"},
        outcome_transform="rint",
    )
    return results.table()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--outcomes", "brain.csv", "--exposure", "lonely"], 2, "give one or the other"),
        (["--outcomes", "none.csv"], 3, "none.csv"),
        (["--outcomes", "brain.csv", "--outcome-covariates", "scaner"], 2,
         "no column 'scaner' (did you mean 'scanner'?)"),
        (["--outcomes", "brain.csv", "--outcome-covariates", "heart=age"], 2, "are in no file"),
        (["--outcomes", "brain.csv", "--outcomes", "brain.csv"], 2, "give each a label"),
        (["--outcome-covariates", "age"], 2, "need a file of outcomes"),
        (["--outcome-transform", "rint", "--exposure", "lonely"], 2, "is for outcomes"),
        (["--outcome-transform", "rint", "--outcome", "lonely"], 2, "and none is one"),
        (["--outcomes", "brain.csv", "--outcome", "grip"], 2, "'grip' is given twice: as a column"),
        (["--outcomes", "strangers.csv"], 3, "strangers.csv"),
        (["--outcomes", "alone.csv"], 3, "no column is left for an outcome"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(
    proteomr: Any,
    study: Any,
    outcomes: pl.DataFrame,
    monkeypatch: Any,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(study.folder)
    study.write("strangers.csv", outcomes.with_columns(ID=pl.col("ID") + 5_000_000))
    study.write("alone.csv", outcomes.select("ID"))
    ending = run(proteomr, study.folder, *arguments)
    assert ending.code == code
    assert message in ending.message


def test_the_first_rows_of_many_outcomes_are_printed_and_the_others_counted(
    proteomr: Any, study: Any
) -> None:
    g = np.random.default_rng(1)
    columns = {f"y{i:02d}": g.normal(size=150) for i in range(50)}
    study.write("many.csv", pl.DataFrame({"ID": study.samples["ID"], **columns}))
    ending = run(proteomr, study.folder, "--outcomes", study.folder / "many.csv")
    assert "... and 38 more in attrition.tsv" in ending.out
    assert "... and 10 more in summary.tsv" in ending.out


def test_a_dry_run_counts_the_fits_of_outcomes(
    proteomr: Any, study: Any, outcomes: pl.DataFrame
) -> None:
    covariates = ("--outcome-covariates", "scanner", "--dry-run")
    ending = run(proteomr, study.folder, "--outcomes", study.folder / "brain.csv", *covariates)
    assert ending.code == 0
    assert "24" in ending.out
    assert outcomes.height == 100
