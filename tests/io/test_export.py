"""A store as one file: what is in it, who may read it, and what is refused."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import RunFolderError, StorageError, UsageError
from proteomr.io import IngestOptions, export_store, read_measurements, read_store
from proteomr.io.ingest_job import ingest

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
LONG = """SampleID;OlinkID;UniProt;Assay;Panel;PlateID;NPX
P2;OID20002;P35318;{adm};Inflammation;Plate1;0.1
P1;OID20002;P35318;{adm};Inflammation;Plate1;0.30000000000000004
P1;OID20001;P05231;IL6;Inflammation;Plate1;1e-7
P2;OID20001;P05231;IL6;Inflammation;Plate1;NA
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return make_store(tmp_path, adm="ADM")


def make_store(folder: Path, *, adm: str) -> Path:
    (folder / "npx.csv").write_text(LONG.format(adm=adm))
    ingest([folder / "npx.csv"], out=folder / "store")
    return folder / "store"


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "CSV"])
def test_a_table_holds_the_values_to_the_last_digit(store: Path, ending: str) -> None:
    out = store.parent / f"out.{ending}"
    export_store(store, out)
    reads: dict[str, Any] = {
        "csv": pl.read_csv,
        "tsv": lambda file: pl.read_csv(file, separator="\t"),
        "parquet": pl.read_parquet,
    }
    assert reads[ending.lower()](out).rows() == [
        ("P1", 1e-7, 0.30000000000000004),
        ("P2", None, 0.1),
    ]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    back = read_measurements(out, scratch=store.parent, options=IngestOptions())
    there = read_store(store)
    assert back.proteins.names == there.proteins.names
    np.testing.assert_array_equal(
        back.proteins.read(slice(0, 2)), there.proteins.read(slice(0, 2)), strict=True
    )


def test_anndata_holds_what_is_told_under_the_name_of_the_gene(store: Path) -> None:
    anndata: Any = pytest.importorskip("anndata")
    export_store(store, store.parent / "out.h5ad", genes=True)
    data = anndata.read_h5ad(store.parent / "out.h5ad")
    assert list(data.obs_names) == ["P1", "P2"]
    assert list(data.var_names) == ["IL6", "ADM"]
    assert list(data.var["protein"]) == ["OID20001", "OID20002"]
    np.testing.assert_array_equal(data.X, [[1e-7, 0.30000000000000004], [np.nan, 0.1]])


def test_assays_of_one_gene_keep_their_keys_and_are_counted(tmp_path: Path) -> None:
    store = make_store(tmp_path, adm="IL6")
    made = export_store(store, tmp_path / "out.csv", genes=True)
    assert (made.n, made.p, made.by_key) == (2, 2, 2)
    header = (tmp_path / "out.csv").read_text().splitlines()[0]
    assert header == "sample_id,OID20001,OID20002"


def test_a_gene_that_is_the_key_of_another_assay_names_none(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("sample_id,P05231,IL6\nA,1.5,2.5\nB,2.5,0.5\n")
    ingest([tmp_path / "wide.csv"], out=tmp_path / "store")
    told = dict(read_store(tmp_path / "store").assays.select("protein", "gene").iter_rows())
    export_store(tmp_path / "store", tmp_path / "out.csv", genes=True)
    header = (tmp_path / "out.csv").read_text().splitlines()[0].split(",")
    assert sorted(header[1:]) == sorted(told)


def test_who_has_withdrawn_is_in_no_file(store: Path) -> None:
    (store.parent / "gone.txt").write_text("P1\n")
    out = store.parent / "out.csv"
    assert export_store(store, out, withdrawn=store.parent / "gone.txt").n == 1
    assert "P1" not in out.read_text()


def test_anndata_is_private_while_it_is_written(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anndata: Any = pytest.importorskip("anndata")
    write, seen = anndata.AnnData.write_h5ad, []

    def watched(data: Any, path: Path) -> None:
        write(data, path)
        seen.append(stat.S_IMODE(path.stat().st_mode))

    monkeypatch.setattr(anndata.AnnData, "write_h5ad", watched)
    export_store(store, store.parent / "out.h5ad")
    assert seen == [0o600]
    assert stat.S_IMODE((store.parent / "out.h5ad").stat().st_mode) == 0o600


def test_a_file_that_is_there_stays_without_leave(store: Path) -> None:
    out = store.parent / "out.csv"
    out.write_text("mine")
    with pytest.raises(RunFolderError, match="already there"):
        export_store(store, out)
    assert out.read_text() == "mine"
    export_store(store, out, overwrite=True)
    assert out.read_text() != "mine"


@pytest.mark.parametrize("name", ["out.rds", "out", "out.csv.gz"])
def test_an_ending_that_is_no_format_names_those_that_are(store: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"write \.h5ad, \.csv, \.tsv, \.parquet"):
        export_store(store, store.parent / name)


@pytest.mark.parametrize("folder", ["absent", "npx.csv", ""])
def test_what_is_no_store_is_refused(store: Path, folder: str) -> None:
    with pytest.raises(RunFolderError, match="store"):
        export_store(store.parent / folder, store.parent / "out.csv")
    assert not (store.parent / "out.csv").exists()


def test_a_folder_that_is_absent_is_told(store: Path) -> None:
    with pytest.raises(StorageError, match="absent"):
        export_store(store, store.parent / "absent" / "out.csv")


def test_the_page_shows_the_table_that_its_command_writes(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    source, shown = (
        re.search(rf"^```{block}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        for block in ("csv npx.csv", "text")
    )
    assert source is not None
    assert shown is not None
    (tmp_path / "npx.csv").write_text(source[1])
    ingest([tmp_path / "npx.csv"], out=tmp_path / "store")
    export_store(tmp_path / "store", tmp_path / "proteins.csv", genes=True)
    assert (tmp_path / "proteins.csv").read_text() == shown[1]
