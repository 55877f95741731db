from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from proteomr.errors import FormatError, StorageError
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.long_form import held_rows
from proteomr.io.long_form.held_rows import HeldRows
from proteomr.io.olink.reader import Olink
from proteomr.tables import Measurements


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows to a block and none in memory: what millions of rows do."""
    monkeypatch.setattr(held_rows, "_ROWS_PER_BLOCK", 3)
    monkeypatch.setattr(held_rows, "_ROWS_IN_MEMORY", 0)


def batches() -> list[pa.RecordBatch]:
    texts = [["b ", "a"], ["NA", "c"], [None, "b"], ["a", " "]]
    return [
        pa.record_batch(
            {"T": pa.array(cells).dictionary_encode(), "V": pa.array([float(i), float("nan")])}
        )
        for i, cells in enumerate(texts)
    ]


@pytest.mark.usefixtures("small_blocks")
def test_rows_on_the_disk_are_those_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for limit in (0, 100):
        monkeypatch.setattr(held_rows, "_ROWS_IN_MEMORY", limit)
        folder = tmp_path / str(limit)
        folder.mkdir()
        rows = HeldRows({"t": "T"}, {"v": "V"}, folder)
        for batch in batches():
            rows.add(batch)
        found.append(rows.finish().collect())
        assert bool(list(folder.iterdir())) == (limit == 0)
    assert_frame_equal(*found)
    assert found[0]["t"].to_list() == ["b", "a", None, "c", None, "b", "a", None]
    assert found[0]["v"].to_list() == [0.0, None, 1.0, None, 2.0, None, 3.0, None]


@pytest.mark.usefixtures("small_blocks")
def test_the_first_row_of_a_text_is_found_across_blocks(tmp_path: Path) -> None:
    rows = HeldRows({"t": "T"}, {"v": "V"}, tmp_path)
    for batch in batches():
        rows.add(batch)
    code = rows.texts_of("t").to_list().index("c")
    assert rows.find_first("t", [code]) == (3, "c")
    assert rows.find_first("t", [99]) is None


def delivery(seed: int, *, repeated: bool) -> str:
    """Return a project of Olink with flags, controls, limits by plate, quantities and repeats."""
    rng = np.random.default_rng(seed)
    lines = ["SampleID;OlinkID;UniProt;Assay;Panel;PlateID;WellID;QC_Warning;LOD;NPX;Note"]
    for i in range(12):
        for j in range(7):
            name = "CONTROL_SAMPLE_1" if i == 11 else f"S{i:02d}"
            warned = "WARN" if rng.random() < 0.2 else "PASS"
            value = "NA" if rng.random() < 0.1 else f"{rng.normal():.3f}"
            lod = -1 - (i % 3) / 10
            panel = "I" if j < 4 else "II"
            lines.append(
                f"{name};OID{j};P{j};G{j};{panel};P{i % 3};W{i};{warned};{lod};{value};n{i}"
            )
    if repeated:
        lines += [f"S03;OID2;P2;G2;I;P9;W1;PASS;-1;{rng.normal():.3f};n3"] * 2
    body = lines[1:]
    rng.shuffle(body)
    return "\n".join([lines[0], *body]) + "\n"


def read(path: Path, replicates: str, scratch: Path) -> Measurements:
    options = IngestOptions(replicates=replicates)  # type: ignore[arg-type]
    return Olink().read((open_source(path),), options=options, scratch=scratch)


@pytest.mark.parametrize("replicates", ["refuse", "first", "mean"])
@pytest.mark.parametrize("seed", range(4))
def test_a_delivery_is_the_same_whether_its_rows_are_held_or_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replicates: str, seed: int
) -> None:
    path = tmp_path / "npx.csv"
    path.write_text(delivery(seed, repeated=replicates != "refuse"), encoding="utf-8")
    held = read(path, replicates, tmp_path)
    monkeypatch.setattr(held_rows, "_ROWS_PER_BLOCK", 5)
    monkeypatch.setattr(held_rows, "_ROWS_IN_MEMORY", 0)
    monkeypatch.setattr("proteomr.io.text._BLOCK_BYTES", 300)
    spilled = read(path, replicates, tmp_path)
    for table in ("samples", "assays", "flags", "plates", "limits", "controls"):
        assert_frame_equal(getattr(held, table), getattr(spilled, table))
    assert (held.notes, held.drops) == (spilled.notes, spilled.drops)
    p = slice(0, len(held.proteins.names))
    np.testing.assert_array_equal(held.proteins.read(p), spilled.proteins.read(p))


def test_a_cell_that_is_no_number_is_named_with_its_line_on_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_rows, "_ROWS_PER_BLOCK", 5)
    monkeypatch.setattr(held_rows, "_ROWS_IN_MEMORY", 0)
    lines = delivery(1, repeated=False).splitlines()
    lines[41] = lines[41].rpartition(";")[0].rpartition(";")[0] + ";high;n"
    path = tmp_path / "npx.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"line 42, column 'NPX': text where a number"):
        read(path, "refuse", tmp_path)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_too_large_for_memory_do_not_take_each_others_rows(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = []
    for k in range(3):
        path = tmp_path / f"{k}.{form}"
        ids = [f"{'zyx'[k]}{i}" for i in range(8)]
        frame = pl.DataFrame(
            {"SampleID": ids, "OlinkID": ["OID1"] * 8, "NPX": [k + i / 10 for i in range(8)]}
        )
        frame.write_csv(path) if form == "csv" else frame.write_parquet(path)
        sources.append(open_source(path))
    spilled = Olink().read(tuple(sources), options=IngestOptions(), scratch=tmp_path)
    monkeypatch.setattr(held_rows, "_ROWS_IN_MEMORY", 100)
    held = Olink().read(tuple(sources), options=IngestOptions(), scratch=tmp_path)
    assert spilled.samples["sample_id"].to_list() == sorted(
        f"{letter}{i}" for letter in "xyz" for i in range(8)
    )
    whole = slice(0, 1)
    np.testing.assert_array_equal(spilled.proteins.read(whole), held.proteins.read(whole))
    assert spilled.proteins.read(whole)[:8, 0].tolist() == [2 + i / 10 for i in range(8)]


@pytest.mark.usefixtures("small_blocks")
def test_rows_read_a_second_time_stand_on_the_disk_once(tmp_path: Path) -> None:
    path = tmp_path / "npx.csv"
    rows = [f"S{i};OID1;{'> ULOQ' if i == 9 else i}" for i in range(10)]
    path.write_text("\n".join(["SampleID;OlinkID;NPX", *rows]) + "\n", encoding="utf-8")
    measured = read(path, "refuse", tmp_path)
    assert measured.flags.height == 1
    assert len([each for each in tmp_path.iterdir() if each.is_dir()]) == 1


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("first", [0, 1])
def test_rows_that_come_first_do_not_decide_which_columns_tell_of_samples(
    tmp_path: Path, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"S{i};OID{j};s{i};{i}{j};{j}" for i in range(6) for j in (1, 2)]
    wells = [f"CONTROL_SAMPLE_1;OID1;plate{k};c{k};0" for k in range(2)]
    body = [*wells, *people] if first == 0 else [*people, *wells]
    path = tmp_path / "npx.csv"
    path.write_text("\n".join(["SampleID;OlinkID;Site;Raw;NPX", *body]) + "\n", encoding="utf-8")
    monkeypatch.setattr("proteomr.io.text._BLOCK_BYTES", 150)
    measured = read(path, "refuse", tmp_path)
    assert measured.samples["Site"].to_list() == [f"s{i}" for i in range(6)]
    assert "columns not taken over: Raw" in measured.notes


def test_files_of_other_columns_give_one_table_in_whichever_order(tmp_path: Path) -> None:
    texts = (
        "SampleID;OlinkID;Site;Note;NPX\nA;O1;x;n;1\n",
        "SampleID;Note;OlinkID;NPX\nB;m;O1;2\n",
    )
    sources = []
    for k, text in enumerate(texts):
        (tmp_path / f"{k}.csv").write_text(text, encoding="utf-8")
        sources.append(open_source(tmp_path / f"{k}.csv"))
    one, other = (
        Olink().read(tuple(order), options=IngestOptions(), scratch=tmp_path)
        for order in (sources, sources[::-1])
    )
    assert_frame_equal(one.samples, other.samples)
    assert one.samples.columns == ["sample_id", "Site", "Note"]


@pytest.mark.usefixtures("small_blocks")
def test_a_full_scratch_folder_is_not_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        message = "No space left on device (os error 28)"  # as polars says it
        raise pl.exceptions.ComputeError(message)

    monkeypatch.setattr(pl.DataFrame, "write_parquet", refuse)
    path = tmp_path / "npx.csv"
    path.write_text(delivery(1, repeated=False), encoding="utf-8")
    with pytest.raises(StorageError, match="the disk is full"):
        read(path, "refuse", tmp_path)
