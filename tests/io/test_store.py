from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

import proteomr.io.store as store_module
from proteomr.errors import FormatError, InputError, RunFolderError
from proteomr.io import read_cohort
from proteomr.io.store import is_store, read_store, write_store
from proteomr.provenance import Manifest, digest_file
from proteomr.tables import ArrayProteins, Drop, Measurements


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


def save(measured: Measurements, folder: Path) -> Path:
    write_store(measured, folder, manifest=Manifest(command="ingest"))
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
    monkeypatch.setattr(store_module, "_HELD_BYTES", 10 * 5 * 8)
    monkeypatch.setattr(store_module, "_GROUP_BYTES", 3 * 5 * 8)
    monkeypatch.setattr(store_module, "_COLUMNS_AT_ONCE", 2)
    parts = save(made, tmp_path / "parts")
    assert pq.ParquetFile(parts / "proteins.parquet").num_row_groups > 10
    left, right = (pl.read_parquet(path / "proteins.parquet") for path in (whole, parts))
    assert left.equals(right)


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
    save(replace(made, time_gap=None, limits=made.limits.clear()), tmp_path)
    assert not (tmp_path / "time_gap.parquet").exists()
    assert not (tmp_path / "limits.parquet").exists()
    assert read_store(tmp_path).time_gap is None


def test_files_of_the_user_are_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    mine = tmp_path / "proteins.parquet"
    mine.write_bytes(b"mine")
    with pytest.raises(RunFolderError, match=r"already holds proteins\.parquet, written by no"):
        save(make_measurements(), tmp_path)
    assert mine.read_bytes() == b"mine"
    mine.rename(tmp_path / "raw.parquet")
    save(make_measurements(), tmp_path)
    save(make_measurements(), tmp_path)
    assert (tmp_path / "raw.parquet").read_bytes() == b"mine"


def test_what_a_killed_run_left_is_replaced(tmp_path: Path) -> None:
    folder = save(make_measurements(), tmp_path / "store")
    (folder / "manifest.json").unlink()
    (folder / ".unfinished").touch()
    (folder / ".writing-samples.parquet-0a1b2c3d").touch()
    save(make_measurements(), folder)
    assert is_store(folder)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_store_that_was_not_finished_is_refused(tmp_path: Path) -> None:
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


def test_samples_added_by_hand_are_refused(tmp_path: Path) -> None:
    folder = save(make_measurements(), tmp_path / "store")
    samples = pl.read_parquet(folder / "samples.parquet")
    strange = samples.tail(1).with_columns(pl.lit("S999").alias("sample_id"))
    pl.concat([samples, strange]).write_parquet(folder / "samples.parquet")
    with pytest.raises(InputError, match=r"lacks samples that samples\.parquet lists"):
        read_store(folder)


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    folder = save(make_measurements(), tmp_path / "store")
    whole = (folder / "assays.parquet").read_bytes()
    (folder / "assays.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"assays\.parquet.*damaged"):
        read_store(folder)


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


def test_a_flipped_byte_of_a_value_is_noticed(tmp_path: Path) -> None:
    folder = save(make_measurements(n=401), tmp_path / "store")
    path = folder / "proteins.parquet"
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3] ^= 0x10
    path.write_bytes(whole)
    with pytest.raises(FormatError, match="damaged"):
        read_store(folder).proteins.read(slice(0, 5))
