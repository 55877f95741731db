from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import FormatError, UsageError
from proteomr.io import read_measurements, write_anndata
from proteomr.io.formats import IngestOptions
from proteomr.tables import ArrayProteins, Measurements

HEAD = b"\x89HDF\r\n\x1a\n"


def made() -> Measurements:
    return Measurements(
        platform="table",
        samples=pl.DataFrame({"sample_id": ["A", "B"], "age": [50, 61], "sex": ["F", None]}),
        proteins=ArrayProteins(("ADM", "IL6"), np.array([[1.5, np.nan], [2.5, 4.0]])),
        assays=pl.DataFrame(
            {"protein": ["ADM", "IL6"], "gene": ["ADM", "IL6"], "kind": ["protein"] * 2}
        ),
    )


@pytest.fixture
def anndata() -> Any:
    return pytest.importorskip("anndata")


def test_what_is_written_is_read(tmp_path: Path, anndata: Any) -> None:
    write_anndata(made(), tmp_path / "a.h5ad")
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5ad"]
    assert anndata.read_h5ad(tmp_path / "a.h5ad").shape == (2, 2)
    back = read_measurements(tmp_path / "a.h5ad", scratch=tmp_path)
    assert back.samples.rows() == [("A", 50, "F"), ("B", 61, None)]
    np.testing.assert_array_equal(back.proteins.read(slice(0, 2)), [[1.5, np.nan], [2.5, 4.0]])
    assert back.assays["gene"].to_list() == ["ADM", "IL6"]


def test_a_layer_is_read_in_place_of_x(tmp_path: Path, anndata: Any) -> None:
    write_anndata(made(), tmp_path / "a.h5ad")
    data = anndata.read_h5ad(tmp_path / "a.h5ad")
    data.layers["raw"] = np.full((2, 2), 8.0)
    for names in ("obs", "var"):
        table = getattr(data, names)
        table.index = table.index.astype(object)  # as every version of anndata writes it
    data.write_h5ad(tmp_path / "b.h5ad")
    options = IngestOptions(value_column="raw", log2=True)
    raw = read_measurements(tmp_path / "b.h5ad", scratch=tmp_path, options=options)
    assert raw.proteins.read(slice(0, 2)).tolist() == [[3, 3], [3, 3]]
    options = IngestOptions(value_column="rwa")
    with pytest.raises(UsageError, match=r"no layer 'rwa'.*there are X, raw"):
        read_measurements(tmp_path / "b.h5ad", scratch=tmp_path, options=options)


def test_a_damaged_file_is_refused(tmp_path: Path, anndata: Any) -> None:
    del anndata
    (tmp_path / "a.h5ad").write_bytes(HEAD + b"no more")
    with pytest.raises(FormatError, match="is no AnnData file, or a damaged one"):
        read_measurements(tmp_path / "a.h5ad", scratch=tmp_path)


def test_assays_without_names_are_refused(tmp_path: Path, anndata: Any) -> None:
    data = anndata.AnnData(np.ones((2, 2)))
    for names in ("obs", "var"):
        table = getattr(data, names)
        table.index = table.index.astype(object)
    data.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(FormatError, match="the samples have no names"):
        read_measurements(tmp_path / "a.h5ad", scratch=tmp_path)


def test_without_the_package_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anndata", None)
    (tmp_path / "a.h5ad").write_bytes(HEAD)
    with pytest.raises(UsageError, match=r"pip install 'proteomr\[anndata\]'"):
        read_measurements(tmp_path / "a.h5ad", scratch=tmp_path)
    with pytest.raises(UsageError, match="save the table as parquet or csv"):
        write_anndata(made(), tmp_path / "b.h5ad")
