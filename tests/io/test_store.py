from __future__ import annotations

import contextlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

import proteomr.io.store_writing as writing
from proteomr._typing import F64
from proteomr.errors import FormatError, InputError, RunFolderError
from proteomr.io import read_cohort
from proteomr.io.store import count_missing_values, is_store, read_store
from proteomr.io.store_writing import write_store
from proteomr.provenance import Manifest, digest_file
from proteomr.runs import Ledger, TableFormat
from proteomr.tables import ArrayProteins, Drop, Measurements
from tests.runs.stopping import Killed, content_of, forget_process, stop_before


def make_measurements(n: int = 7, p: int = 5, *, seed: int = 3) -> Measurements:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, p))
    values[rng.random((n, p)) < 0.3] = np.nan
    values[:, 2] = np.nan
    ids = [f"S{i:03}" for i in range(n)]
    names = tuple(f"OID{j:05}" for j in range(p))
    return Measurements(
        platform="olink",
        samples=pl.DataFrame({"sample_id": ids, "plate": ["P1", "P2"] * (n // 2) + ["P1"]}),
        proteins=ArrayProteins(names, values),
        assays=pl.DataFrame(
            {
                "protein": names,
                "gene": ["IL6"] * p,
                "panel": [f"panel {j % 2}" for j in range(p)],
                "kind": ["protein"] * p,
            }
        ),
        flags=pl.DataFrame(
            {
                "sample_id": [ids[0], None],
                "protein": [None, names[1]],
                "panel": ["panel 0", None],
                "plate": ["P1", None],
                "flag": ["sample_qc", "assay_qc"],
                "value": ["WARN", "FAIL"],
            },
            schema_overrides={"protein": pl.String, "sample_id": pl.String},
        ),
        limits=pl.DataFrame({"protein": [names[0]], "plate": ["P1"], "lod": [-1.5]}),
        time_gap=pl.DataFrame({"sample_id": ids, "panel 0": np.arange(n) / 4}),
        drops=(Drop("ingest", "control samples", 3),),
        notes=("two plates",),
        parameters={"instance": 0},
    )


def save(measured: Measurements, folder: Path, *, overwrite: bool = False) -> Path:
    write_store(measured, folder, overwrite=overwrite)
    return folder


def test_a_store_gives_back_what_was_written(tmp_path: Path) -> None:
    made = make_measurements()
    found = read_store(save(made, tmp_path / "store"))
    every = slice(0, 5)
    np.testing.assert_array_equal(found.proteins.read(every), made.proteins.read(every))
    for table in ("samples", "assays", "flags", "plates", "limits", "controls", "time_gap"):
        left, right = getattr(found, table), getattr(made, table)
        assert left.select(right.columns).equals(right), table
    assert (found.platform, found.precision) == ("olink", "float64")
    assert found.drops == made.drops
    assert found.notes == made.notes
    assert found.parameters == made.parameters


def test_the_precision_of_the_source_is_kept(tmp_path: Path) -> None:
    made = make_measurements()
    values = made.proteins.read(slice(0, 5)).astype(np.float32)
    single = replace(
        made,
        precision="float32",
        proteins=ArrayProteins(made.proteins.names, values.astype(np.float64)),
    )
    folder = save(single, tmp_path / "store")
    stored = pl.read_parquet(folder / "proteins.parquet")
    assert set(stored.dtypes[1:]) == {pl.Float32}
    np.testing.assert_array_equal(stored[:, 1:].to_numpy(), values)


def test_missing_values_are_null_and_never_nan(tmp_path: Path) -> None:
    stored = pl.read_parquet(save(make_measurements(), tmp_path) / "proteins.parquet")
    assert stored["OID00002"].null_count() == 7
    assert not any(stored[name].is_nan().any() for name in stored.columns[1:])


def test_row_groups_and_passes_leave_the_values_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_measurements(n=41)
    whole = save(made, tmp_path / "whole")
    monkeypatch.setattr(writing, "_HELD_BYTES", 10 * 5 * 8)
    monkeypatch.setattr(writing, "_GROUP_BYTES", 3 * 5 * 8)
    monkeypatch.setattr(writing, "_COLUMNS_AT_ONCE", 2)
    parts = save(made, tmp_path / "parts")
    assert pq.ParquetFile(parts / "proteins.parquet").num_row_groups > 10
    left, right = (pl.read_parquet(path / "proteins.parquet") for path in (whole, parts))
    assert left.equals(right)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_what_is_more_than_may_be_held_is_read_once_by_way_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: Literal["float32", "float64"]
) -> None:
    reads: list[slice] = []

    class Counted(ArrayProteins):
        def read(self, columns: slice, /) -> F64:
            reads.append(columns)
            return super().read(columns)

    made = make_measurements(n=41)
    values = made.proteins.read(slice(0, 5))
    made = replace(made, precision=precision, proteins=Counted(made.proteins.names, values))
    size, bytes_held = 41 * 5 * np.dtype(precision).itemsize, []
    monkeypatch.setattr(writing, "_COLUMNS_AT_ONCE", 2)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for held in (size, size - 1):
        monkeypatch.setattr(writing, "_HELD_BYTES", held)
        groups = list(writing._row_groups(made))
        assert [columns.start for columns in reads] == [0, 2, 4]
        assert [start for start, _ in groups] == ([0] if held == size else [0, 21])
        bytes_held.append(np.concatenate([part for _, part in groups], axis=1).tobytes())
        reads.clear()
    assert bytes_held[0] == bytes_held[1] == values.T.astype(precision).tobytes()
    assert not list(tmp_path.glob("**/values"))


def test_the_same_measurements_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = (save(make_measurements(), tmp_path / name) for name in ("a", "b"))
    for name in ("samples", "proteins", "assays", "qc_flags", "limits", "time_gap"):
        left, right = one / f"{name}.parquet", other / f"{name}.parquet"
        assert left.read_bytes() == right.read_bytes(), name


def test_the_manifest_names_every_table_with_its_digest(tmp_path: Path) -> None:
    folder = save(make_measurements(), tmp_path)
    outputs = json.loads((folder / "manifest.json").read_text())["outputs"]
    on_disk = {path.name for path in folder.iterdir()} - {"manifest.json"}
    assert {entry["name"] for entry in outputs} == on_disk
    assert all(entry["sha256"] == digest_file(folder / entry["name"]) for entry in outputs)


def test_a_second_store_leaves_no_table_of_the_first(tmp_path: Path) -> None:
    made = make_measurements()
    save(made, tmp_path)
    save(replace(made, time_gap=None, limits=made.limits.clear()), tmp_path, overwrite=True)
    assert not (tmp_path / "time_gap.parquet").exists()
    assert not (tmp_path / "limits.parquet").exists()
    assert read_store(tmp_path).time_gap is None


def test_a_store_is_not_replaced_unasked(tmp_path: Path) -> None:
    save(make_measurements(), tmp_path)
    whole = content_of(tmp_path)
    with pytest.raises(RunFolderError, match=r"holds a finished result; .*--overwrite"):
        save(make_measurements(seed=4), tmp_path)
    assert content_of(tmp_path) == whole


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_of_the_user_are_neither_overwritten_nor_removed(
    tmp_path: Path, *, overwrite: bool
) -> None:
    mine = tmp_path / "proteins.parquet"
    mine.write_bytes(b"mine")
    with pytest.raises(RunFolderError, match=r"not proteomr's \(proteins\.parquet\)"):
        save(make_measurements(), tmp_path, overwrite=overwrite)
    assert mine.read_bytes() == b"mine"
    folder = save(make_measurements(), tmp_path / "store")
    (folder / "raw.parquet").write_bytes(b"mine")
    save(make_measurements(seed=4), folder, overwrite=True)
    assert (folder / "raw.parquet").read_bytes() == b"mine"


def test_a_store_stopped_at_any_change_of_the_disk_is_no_store_and_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_measurements()
    with pytest.MonkeyPatch.context() as patch:
        count = stop_before(10**9, patch)
        save(made, tmp_path / "whole")
    changes = count()
    whole = content_of(tmp_path / "whole")
    assert changes > 60
    for change in range(1, changes + 1):
        folder = tmp_path / str(change)
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
            stop_before(change, patch)
            save(made, folder)
        if (folder / "samples.parquet").exists() and not is_store(folder):
            with pytest.raises(RunFolderError, match="was not written to its end"):
                read_store(folder)
            with pytest.raises(RunFolderError, match="was not written to its end"):
                read_cohort(folder, scratch=tmp_path)
        if folder.exists():
            forget_process(folder)
        save(made, folder, overwrite=is_store(folder))
        assert content_of(folder) == whole, f"stopped before change {change}"


def test_a_folder_without_a_manifest_is_no_store(tmp_path: Path) -> None:
    folder = save(make_measurements(), tmp_path / "store")
    (folder / "manifest.json").unlink()
    assert not is_store(folder)
    with pytest.raises(RunFolderError, match=r"holds no manifest\.json"):
        read_store(folder)


def test_a_manifest_of_another_command_is_refused(tmp_path: Path) -> None:
    folder = save(make_measurements(), tmp_path / "store")
    (folder / "manifest.json").write_text(Manifest(command="associate").to_json())
    with pytest.raises(FormatError, match="is not the manifest of a store"):
        read_store(folder)


def test_a_table_that_the_manifest_does_not_list_is_not_of_the_store(tmp_path: Path) -> None:
    made = replace(make_measurements(), time_gap=None)
    folder = save(made, tmp_path / "store")
    pl.DataFrame({"sample_id": ["S001"]}).write_parquet(folder / "time_gap.parquet")
    assert read_store(folder).time_gap is None
    facts = json.loads((folder / "manifest.json").read_text())
    facts["outputs"] = [entry for entry in facts["outputs"] if entry["name"] != "samples.parquet"]
    (folder / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(FormatError, match=r"samples\.parquet: is not among the files"):
        read_store(folder)


def test_samples_added_by_hand_are_refused(tmp_path: Path) -> None:
    folder = save(make_measurements(), tmp_path / "store")
    samples = pl.read_parquet(folder / "samples.parquet")
    strange = samples.tail(1).with_columns(pl.lit("S999").alias("sample_id"))
    pl.concat([samples, strange]).write_parquet(folder / "samples.parquet")
    with pytest.raises(InputError, match=r"samples\.parquet: was altered since it was written"):
        read_store(folder)


NAMES = ("samples", "proteins", "assays", "qc_flags", "limits", "time_gap")


@pytest.mark.parametrize("name", [*(f"{name}.parquet" for name in NAMES), "drops.tsv"])
def test_a_changed_bit_of_any_file_is_noticed_before_a_value_is_read(
    tmp_path: Path, name: str
) -> None:
    folder = save(make_measurements(), tmp_path / "store")
    whole = bytearray((folder / name).read_bytes())
    whole[len(whole) // 2] ^= 0x01
    (folder / name).write_bytes(whole)
    with pytest.raises(InputError, match=f"{name}: was altered .* or damaged"):
        read_store(folder)


@pytest.mark.parametrize("name", ["samples", "proteins", "assays"])
def test_a_cohort_is_not_read_from_an_altered_store(tmp_path: Path, name: str) -> None:
    folder = save(make_measurements(), tmp_path / "store")
    whole = bytearray((folder / f"{name}.parquet").read_bytes())
    whole[len(whole) // 2] ^= 0x01
    (folder / f"{name}.parquet").write_bytes(whole)
    people = tmp_path / "people.csv"
    people.write_text("sample_id,age\nS001,61\n")
    for given in ((folder,), (people, folder)):
        with pytest.raises(InputError, match="was altered since it was written"):
            read_cohort(*given, scratch=tmp_path)


def test_missing_values_are_counted_without_reading_them(tmp_path: Path) -> None:
    made = make_measurements(n=41)
    folder = save(made, tmp_path / "store")
    assert count_missing_values(folder) == np.isnan(made.proteins.read(slice(0, 5))).sum()


@pytest.mark.parametrize(("format", "separator"), [("csv", ","), ("tsv", "\t")])
def test_text_beside_the_parquet_files_holds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: TableFormat, separator: str
) -> None:
    monkeypatch.setattr(writing, "_GROUP_BYTES", 3 * 5 * 8)
    made = make_measurements(n=41)
    with Ledger.open(tmp_path, request={"n": 41}, formats=("parquet", format)) as ledger:
        writing.fill_store(made, ledger)
        ledger.finish(Manifest(command="demo"))
    for name in ("samples", "proteins", "assays", "qc_flags", "limits"):
        table = pl.read_parquet(tmp_path / f"{name}.parquet")
        text = pl.read_csv(
            tmp_path / f"{name}.{format}", separator=separator, schema=dict(table.schema)
        )
        assert text.equals(table), name


def test_a_store_stands_for_samples_and_proteins(tmp_path: Path) -> None:
    made = make_measurements()
    cohort = read_cohort(save(made, tmp_path / "store"), scratch=tmp_path)
    assert cohort.assays["gene"].to_list() == ["IL6"] * 5
    np.testing.assert_array_equal(
        cohort.proteins.read(slice(0, 5)), made.proteins.read(slice(0, 5))
    )


def test_a_store_given_for_its_proteins_adds_what_the_samples_lack(tmp_path: Path) -> None:
    store = save(make_measurements(), tmp_path / "store")
    samples = tmp_path / "people.csv"
    samples.write_text("eid,age\nS004,50\nS001,61\nS777,40\n")
    cohort = read_cohort(samples, store, scratch=tmp_path)
    assert cohort.samples.columns == ["eid", "age", "plate"]
    assert cohort.samples["eid"].to_list() == ["S001", "S004"]
    assert cohort.samples["plate"].to_list() == ["P2", "P1"]
    assert cohort.assays["panel"].null_count() == 0


def test_columns_of_the_samples_win_over_those_of_the_store(tmp_path: Path) -> None:
    store = save(make_measurements(), tmp_path / "store")
    samples = tmp_path / "people.csv"
    samples.write_text("sample_id,plate\nS001,mine\nS002,mine\n")
    cohort = read_cohort(samples, store, scratch=tmp_path)
    assert cohort.samples["plate"].to_list() == ["mine", "mine"]
