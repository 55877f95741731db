from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import FormatError
from proteomr.io.formats import open_source
from proteomr.io.olink import Olink
from proteomr.tables import Measurements

Read = Callable[..., Measurements]


def _written(frame: pl.DataFrame, folder: Path) -> Path:
    path = folder / "npx.parquet"
    frame.write_parquet(path)
    return path


def test_explore_ht_is_a_matrix_of_samples_by_olink_ids(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    made = read(_written(explore_ht, tmp_path))
    assert made.samples["sample_id"].to_list() == ["S1", "S2", "S3"]
    assert made.proteins.names == ("OID40001", "OID40002", "OID40003")
    expected = np.array([[i + 1 / 8, i, i + 2 / 8] for i in range(3)])
    np.testing.assert_array_equal(made.proteins.read(slice(0, 3)), expected)


def test_one_gene_in_two_assays_stays_two_assays(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    made = read(_written(explore_ht, tmp_path))
    assert made.assays["gene"].to_list() == ["CXCL8", "IL6", "IL6"]
    assert made.assays["block"].to_list() == ["1", "2", "1"]
    assert made.assays["kind"].unique().to_list() == ["protein"]


def test_control_samples_and_control_assays_stand_apart(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    made = read(_written(explore_ht, tmp_path))
    kinds = made.controls.group_by("sample_type", "kind").len().sort("sample_type", "kind")
    assert kinds.rows() == [
        ("NEGATIVE_CONTROL", "control", 2),
        ("NEGATIVE_CONTROL", "protein", 3),
        ("PLATE_CONTROL", "control", 4),
        ("PLATE_CONTROL", "protein", 6),
        ("SAMPLE", "control", 6),
    ]
    assert [(drop.reason, drop.n) for drop in made.drops] == [
        ("control samples; their values are kept in controls", 2),
        ("control assays; their values are kept in controls", 2),
    ]


def test_warnings_become_one_flag_for_a_block_and_one_for_an_assay_on_a_plate(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    made = read(_written(explore_ht, tmp_path))
    assert made.flags.rows() == [
        ("S3", None, "Explore_HT:1", "P2", "sample_qc", "FAIL"),
        (None, "OID40001", "Explore_HT", "P1", "assay_qc", "WARN"),
    ]


def test_an_assay_warning_of_some_samples_of_a_plate_names_them(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    of_s2 = (pl.col("SampleID") == "S2") & (pl.col("OlinkID") == "OID40002")
    warned = explore_ht.with_columns(
        AssayQC=pl.when(of_s2).then(pl.lit("EXCLUDED")).otherwise("AssayQC")
    )
    flags = read(_written(warned, tmp_path)).flags.filter(pl.col("protein") == "OID40002")
    assert flags["sample_id"].to_list() == ["S2"]


def test_plate_and_well_of_each_sample_are_kept(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    made = read(_written(explore_ht, tmp_path))
    assert made.samples["plate"].to_list() == ["P1", "P1", "P2"]
    assert made.plates.rows()[1] == ("S2", None, "P1", "B1", None)


def test_single_precision_is_said_and_kept(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    single = explore_ht.with_columns((pl.col("NPX") + 0.1).cast(pl.Float32))
    made = read(_written(single, tmp_path))
    assert made.precision == "float32"
    assert made.proteins.read(slice(1, 2))[0, 0] == np.float64(np.float32(0.1))


def test_the_footer_of_the_file_is_recorded(reference: Path, read: Read) -> None:
    made = read(reference / "formats" / "olink_npx_data_ext.parquet")
    assert made.parameters["Product"] == ["ExploreHT"]
    assert (made.n, made.proteins.names) == (1, ("OID42741",))


def test_unknown_columns_go_to_samples_to_assays_or_into_a_note(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    wider = explore_ht.with_columns(
        pl.col("SampleID").replace({"S1": "40", "S2": "50", "S3": "60"}).alias("Age"),
        pl.col("OlinkID").str.slice(-1).alias("Bin"),
        pl.Series("Noise", range(explore_ht.height)),
    )
    made = read(_written(wider, tmp_path))
    assert made.samples["Age"].to_list() == [40, 50, 60]
    assert made.assays["Bin"].to_list() == [1, 2, 3]
    assert any("Noise" in note for note in made.notes)
    assert "Noise" not in (*made.samples.columns, *made.assays.columns)


def test_whole_numbers_as_names_of_samples_become_their_text(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    codes = {"S1": 1001.0, "S2": 1002.0, "S3": 1003.0, "PC": 1.0, "NC": 2.0}
    numbered = explore_ht.with_columns(
        pl.col("SampleID").replace_strict(codes, return_dtype=pl.Float64)
    )
    made = read(_written(numbered, tmp_path))
    assert made.samples["sample_id"].to_list() == ["1001", "1002", "1003"]


def test_npx_as_text_is_refused_with_the_column(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    path = _written(explore_ht.with_columns(pl.col("NPX").cast(pl.String)), tmp_path)
    with pytest.raises(FormatError, match=r"column 'NPX': holds text where numbers"):
        read(path)


def test_a_file_whose_npx_is_empty_names_the_columns_that_are_there(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    path = _written(explore_ht.with_columns(NPX=pl.lit(float("nan"))), tmp_path)
    with pytest.raises(FormatError, match=r"there are also ExtNPX, PCNormalizedNPX"):
        read(path)


def test_an_assay_keeps_the_median_of_its_counts(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    assays = read(_written(explore_ht, tmp_path)).assays
    own = explore_ht.filter(
        (pl.col("SampleType") == "SAMPLE") & (pl.col("AssayType") == "assay")
    ).group_by(pl.col("OlinkID").alias("protein"))
    expected = dict(own.agg(pl.col("Count").median()).iter_rows())
    found = dict(assays.select("protein", "median_count").iter_rows())
    assert found == {name: expected[name] for name in found}
    assert found
    without = read(_written(explore_ht.drop("Count"), tmp_path)).assays
    assert "median_count" not in without.columns


def test_a_truncated_parquet_file_is_refused(explore_ht: pl.DataFrame, tmp_path: Path) -> None:
    path = _written(explore_ht, tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FormatError, match="cut off"):
        open_source(path)


def test_damage_inside_a_parquet_file_is_refused(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    path = _written(explore_ht, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 400 + content[404:])
    with pytest.raises(FormatError, match="damaged"):
        read(path)


def test_only_olinks_parquet_matches(explore_ht: pl.DataFrame, tmp_path: Path) -> None:
    assert Olink().matches(open_source(_written(explore_ht, tmp_path)))
    path = tmp_path / "other.parquet"
    pl.DataFrame({"eid": [1], "a1bg": [0.5]}).write_parquet(path)
    assert not Olink().matches(open_source(path))


def test_columns_stored_as_categories_change_nothing(
    explore_ht: pl.DataFrame, tmp_path: Path, read: Read
) -> None:
    expected = read(_written(explore_ht, tmp_path))
    made = read(_written(explore_ht.with_columns(pl.col(pl.String).cast(pl.Categorical)), tmp_path))
    assert made.assays.equals(expected.assays)
    assert made.flags.equals(expected.flags)
    assert made.controls.equals(expected.controls)
