from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, InputError
from proteomr.qc import Policy, assess, find_limits_of_controls, read_limits, set_limits
from proteomr.tables import Measurements, load_schema


def controls(
    drawn: dict[str, list[float]], *, kind: str = "NEGATIVE_CONTROL", plates: int = 2
) -> pl.DataFrame:
    rows = [
        (f"CTRL_{i}", kind, f"P{i % plates}", protein, "protein", value)
        for protein, values in drawn.items()
        for i, value in enumerate(values)
    ]
    frame = pl.DataFrame(rows, schema=load_schema("controls").names, orient="row")
    return load_schema("controls").validate(frame)


def test_olinks_limit_is_the_median_and_three_deviations(make: Any, values: Any) -> None:
    drawn = [-2.0, -1.0, -1.5, -0.5, -1.2, -1.8, -1.1, -0.9, -1.4, -1.6, -1.3]
    measured = make(values(), controls=controls({"Q000": drawn}))
    limits = find_limits_of_controls(measured)
    expected = np.median(drawn) + 3 * np.std(drawn, ddof=1)
    assert limits.rows() == [("Q000", None, pytest.approx(expected, rel=1e-14))]


def test_the_limit_lies_at_least_a_fifth_above_the_median(make: Any, values: Any) -> None:
    measured = make(values(), controls=controls({"Q000": [-1.0] * 10}))
    assert find_limits_of_controls(measured)["lod"].to_list() == [-0.8]


@pytest.mark.parametrize("kind", ["NEGATIVE_CONTROL", "Negative Control", "NC", "neg_ctrl"])
def test_negative_controls_are_known_by_the_words_of_the_source(
    make: Any, values: Any, kind: str
) -> None:
    measured = make(values(), controls=controls({"Q000": [-1.0] * 10}, kind=kind))
    assert find_limits_of_controls(measured).height == 1


@pytest.mark.parametrize("kind", ["PLATE_CONTROL", "SAMPLE_CONTROL", "IPC", "Negligible"])
def test_controls_with_plasma_tell_no_limit(make: Any, values: Any, kind: str) -> None:
    measured = make(values(), controls=controls({"Q000": [-1.0] * 10}, kind=kind))
    with pytest.raises(InputError, match="0 negative controls in the store"):
        find_limits_of_controls(measured)


def test_fewer_than_ten_negative_controls_are_refused(make: Any, values: Any) -> None:
    measured = make(values(), controls=controls({"Q000": [-1.0] * 9}))
    with pytest.raises(InputError, match=r"9 negative controls .* need 10"):
        find_limits_of_controls(measured)


def test_assays_normalised_by_intensity_have_no_limit_of_controls(make: Any, values: Any) -> None:
    measured = make(values(), controls=controls({"Q000": [-1.0] * 10, "Q001": [-1.0] * 10}))
    by_intensity = ["Intensity", *["Plate control"] * 15]
    assays = measured.assays.with_columns(pl.Series("normalization", by_intensity))
    limits = find_limits_of_controls(make(values(), controls=measured.controls, assays=assays))
    assert limits["protein"].to_list() == ["Q001"]


@pytest.mark.parametrize("unit", ["RFU", "log2 RFU"])
def test_somascans_limit_is_found_in_rfu_whatever_is_stored(
    make: Any, values: Any, unit: str
) -> None:
    rfu = np.array([210.0, 250.0, 190.0, 400.0, 230.0])
    stored = np.log2(rfu) if unit.startswith("log2") else rfu
    measured = make(values())
    somascan = make(
        values(),
        platform="somascan",
        assays=measured.assays.with_columns(pl.lit(unit).alias("unit")),
        controls=controls({"Q003": stored.tolist()}, kind="Buffer"),
    )
    median = np.median(rfu)
    limit = median + 3.3 * 1.4826 * np.median(np.abs(rfu - median))
    expected = np.log2(limit) if unit.startswith("log2") else limit
    found = find_limits_of_controls(somascan)["lod"].to_list()
    np.testing.assert_allclose(found, [expected], rtol=1e-14)


def write(folder: Path, text: str) -> Path:
    path = folder / "limits.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_fixed_limits_are_read_by_assay_and_by_plate(
    make: Any, values: Any, tmp_path: Path
) -> None:
    path = write(tmp_path, "OlinkID;PlateID;LOD\nQ001;P1;0.5\nQ001;P2;0.7\nQ900;P1;1\n")
    assert read_limits(path, measured=make(values())).rows() == [
        ("Q001", "P1", 0.5),
        ("Q001", "P2", 0.7),
    ]


def test_limits_in_counts_are_passed_over(make: Any, values: Any, tmp_path: Path) -> None:
    text = "OlinkID;DataAnalysisRefID;LODNPX;LODCount;LODMethod\n"
    path = write(tmp_path, text + "Q001;R1;-0.4;150;lod_count\nQ002;R1;-0.2;150;lod_npx\n")
    assert read_limits(path, measured=make(values())).rows() == [("Q002", None, -0.2)]


def test_assays_may_be_named_by_their_genes(make: Any, values: Any, tmp_path: Path) -> None:
    path = write(tmp_path, "Assay,LOD\nG4,0.5\n")
    assert read_limits(path, measured=make(values())).rows() == [("Q004", None, 0.5)]


@pytest.mark.parametrize(
    ("text", "kind", "match"),
    [
        ("assay,limit\nQ001,0.5\n", ColumnError, "a column LOD is needed"),
        ("x,LOD\nQ001,0.5\n", ColumnError, "a column of assays"),
        ("assay,LOD\nQ001,low\n", ColumnError, "no numbers"),
        ("assay,LOD\nQ001,0.5\nQ001,0.6\n", InputError, "two limits"),
        ("assay,LOD\nX1,0.5\n", InputError, "names no assay of the measurements"),
    ],
)
def test_a_file_of_limits_that_cannot_be_is_refused(
    make: Any, values: Any, tmp_path: Path, text: str, kind: type[Exception], match: str
) -> None:
    with pytest.raises(kind, match=match):
        read_limits(write(tmp_path, text), measured=make(values()))


def test_new_limits_decide_what_is_below_detection(make: Any, values: Any) -> None:
    x = values(missing=0.0)
    measured: Measurements = make(x)
    limits = pl.DataFrame({"protein": ["Q002"], "plate": [None], "lod": [0.3]}).cast(
        {"plate": pl.String}
    )
    changed = set_limits(measured, limits, source="a file")
    assays = assess(changed, policy=Policy()).assays
    assert assays["n_below_lod"][2] == (x[:, 2] < 0.3).sum()
    assert changed.notes[-1] == "limits of detection are those of a file; 15 assays have none"
