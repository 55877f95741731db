from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import RunFolderError, UsageError
from proteomr.phenotype import DeriveOptions, derive_phenotypes, load_definition
from proteomr.phenotype.outputs import choose_files, write_phenotypes
from proteomr.provenance import digest_file
from proteomr.tables import Fields
from tests.phenotype.people import make_fields, make_study

SHEN = load_definition("shen2025")


def write(fields: Fields, out: Path, *, complete: bool = False) -> dict[str, Path]:
    files, format = choose_files(out)
    made = derive_phenotypes(fields, SHEN)
    options = DeriveOptions()
    write_phenotypes(
        made, files, definition=SHEN, options=options, format=format, complete=complete
    )
    return files


def test_table_counts_flow_and_manifest_stand_side_by_side(tmp_path: Path) -> None:
    files = write(make_study(100), tmp_path / "cohort.csv")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "cohort.csv",
        "cohort.counts.tsv",
        "cohort.flow.tsv",
        "cohort.manifest.json",
    }
    manifest = json.loads(files["manifest"].read_text())
    assert manifest["configuration"]["definition_sha256"] == SHEN.digest
    assert {entry["sha256"] for entry in manifest["outputs"]} == {
        digest_file(files[kind]) for kind in ("table", "counts", "flow")
    }
    assert manifest["filters"][0]["rows_in"] == 100
    assert files["table"].stat().st_mode & 0o077 == 0


def test_only_complete_people_are_written_when_asked(tmp_path: Path) -> None:
    files = write(make_study(300), tmp_path / "cohort.parquet", complete=True)
    made = derive_phenotypes(make_study(300), SHEN)
    assert 0 < made.complete_cases.height < 300
    written = pl.read_parquet(files["table"])
    assert written["eid"].to_list() == made.complete_cases["eid"].to_list()


@pytest.mark.parametrize(
    ("ids", "dtype"),
    [(["10", "9"], pl.Int64), (["007", "8"], pl.String), (["a", "b"], pl.String)],
)
def test_identifiers_are_numbers_only_where_no_letter_of_theirs_is_lost(
    tmp_path: Path, ids: list[str], dtype: pl.DataType
) -> None:
    frame = make_study(2).frame.with_columns(pl.Series("eid", sorted(ids)))
    files = write(Fields(frame), tmp_path / "cohort.parquet")
    written = pl.read_parquet(files["table"])["eid"]
    assert written.dtype == dtype
    assert [str(one) for one in written] == sorted(ids)


def test_files_that_are_there_are_refused_by_name(tmp_path: Path) -> None:
    write(make_fields(make_study(3).frame.drop("eid").to_dict(as_series=False)), tmp_path / "c.tsv")
    with pytest.raises(RunFolderError, match=r"already holds c\.tsv, c\.counts\.tsv.*--overwrite"):
        choose_files(tmp_path / "c.tsv")
    assert choose_files(tmp_path / "c.tsv", overwrite=True)[1] == "tsv"


def test_a_name_without_a_known_ending_needs_a_format(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"end the name in \.parquet, \.csv or \.tsv"):
        choose_files(tmp_path / "cohort")
    files, format = choose_files(tmp_path / "cohort.v1", format="csv")
    assert (files["flow"].name, format) == ("cohort.v1.flow.tsv", "csv")
