"""A foreign, an altered and an outdated table are told from one of proteomr's own."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import ColumnError, FormatError, InputError
from proteomr.io import read_table
from proteomr.provenance import Manifest
from proteomr.runs import Ledger, check_table, is_unfinished, refuse_altered, refuse_newer
from proteomr.runs.encoding import write_encoded
from proteomr.tables import load_schema

DROPS = pl.DataFrame({"step": ["load"], "reason": ["withdrawn"], "n": [3]})


def write_drops(folder: Path) -> Path:
    with Ledger.open(folder, request={"command": "demo"}) as ledger:
        ledger.write_table("drops", DROPS)
        ledger.finish(Manifest(command="demo"))
    return folder / "drops.parquet"


def stamped(path: Path, frame: pl.DataFrame, schema: str) -> Path:
    stamp = {"request": "0" * 64, "producer": "proteomr 0.1.0 demo", "schema": schema}
    with path.open("wb") as file:
        write_encoded(frame, file, format="parquet", stamp=stamp)
    return path


def test_a_table_of_a_run_is_told_with_its_schema_and_request(tmp_path: Path) -> None:
    checked = check_table(write_drops(tmp_path))
    assert (checked.schema, checked.version, checked.rows) == ("drops", 1, 1)
    assert checked.recorded
    assert len(checked.request) == 64


def test_a_table_alone_is_told_without_a_record(tmp_path: Path) -> None:
    moved = write_drops(tmp_path / "run").rename(tmp_path / "drops.parquet")
    assert not check_table(moved).recorded


def test_a_foreign_table_is_refused(tmp_path: Path) -> None:
    DROPS.write_parquet(tmp_path / "drops.parquet")
    with pytest.raises(InputError, match="was not written by proteomr"):
        check_table(tmp_path / "drops.parquet")


def test_a_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "drops.tsv").write_text("step")
    with pytest.raises(FormatError, match="is no parquet file"):
        check_table(tmp_path / "drops.tsv")


def test_an_altered_table_is_refused(tmp_path: Path) -> None:
    table = write_drops(tmp_path)
    stamped(table, DROPS.with_columns(n=pl.lit(4)), "drops/1")
    with pytest.raises(InputError, match="altered since it was written"):
        check_table(table)


def test_another_version_of_the_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is version 7 of table 'drops'"):
        check_table(stamped(tmp_path / "t.parquet", DROPS, "drops/7"))
    with pytest.raises(InputError, match="table 'dorps' is unknown"):
        check_table(stamped(tmp_path / "t.parquet", DROPS, "dorps/1"))


def test_a_table_that_breaks_its_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match="no column 'n'"):
        check_table(stamped(tmp_path / "t.parquet", DROPS.drop("n"), "drops/1"))


def test_a_run_in_progress_is_unfinished_until_its_manifest_stands(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert not is_unfinished(out)
    with Ledger.open(out, request={"command": "demo"}) as ledger:
        assert is_unfinished(out)
        ledger.write_table("drops", DROPS)
        ledger.finish(Manifest(command="demo"))
    assert not is_unfinished(out)
    with Ledger.open(out, request={"command": "other"}, overwrite=True):
        assert not is_unfinished(out)  # the finished result stands until the new one is complete


def test_a_file_that_no_manifest_records_is_told_from_one_that_was_altered(tmp_path: Path) -> None:
    table = write_drops(tmp_path)
    assert refuse_altered(table)
    (tmp_path / "mine.tsv").write_text("mine")
    assert not refuse_altered(tmp_path / "mine.tsv")
    (tmp_path / "drops.tsv").write_text("step\treason\tn\nload\tmine\t1\n")
    with pytest.raises(InputError, match=r"drops\.tsv: was altered since it was written"):
        refuse_altered(tmp_path / "drops.tsv")


def test_a_table_of_a_newer_schema_is_refused_wherever_it_is_read(tmp_path: Path) -> None:
    newer = load_schema("drops").version + 1
    table = stamped(tmp_path / "drops.parquet", DROPS, f"drops/{newer}")
    message = rf"is version {newer} of table 'drops', written by a later proteomr.*update proteomr"
    for read in (check_table, refuse_newer, read_table):
        with pytest.raises(InputError, match=message):
            read(table)
    stamped(table, DROPS, f"drops/{newer - 1}")
    refuse_newer(table)
    assert read_table(table).equals(DROPS)
    stamped(table, DROPS, "own/7")  # a table of another's, whose versions are its own
    refuse_newer(table)
