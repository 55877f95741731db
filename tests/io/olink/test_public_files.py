"""Public files of Olink, cell by cell against a reading of their own."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from python_calamine import CalamineWorkbook

from proteomr.io import read_measurements
from proteomr.tables import Measurements

Read = Callable[..., Measurements]


def test_a_long_workbook_of_flex(reference: Path, tmp_path: Path) -> None:
    path = reference / "formats" / "found" / "old_Flex_test_data_long_quant.xlsx"
    made = read_measurements(path, scratch=tmp_path)
    head, *rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    at = {str(name): column for column, name in enumerate(head)}
    assert made.samples["sample_id"].to_list() == ["1a"]
    for number, row in enumerate(rows):
        told = dict(zip(map(str, head), row, strict=True))
        assert made.proteins.names[number] == row[at["OlinkID"]]
        value = made.proteins.read(slice(number, number + 1)).item()
        assert value == float(str(told["Quantified_value"]))
        limits = made.limits.row(number, named=True)
        names = {"lod": "Plate_LOD", "lql": "Plate_LQL", "lloq": "LLOQ", "uloq": "ULOQ"}
        assert {key: limits[key] for key in names} == {
            key: float(str(told[name])) for key, name in names.items()
        }
    assert made.assays["unit"].to_list() == ["pg/ml", "pg/ml"]


def test_a_long_table_with_empty_wells(reference: Path, tmp_path: Path) -> None:
    path = reference / "formats" / "found" / "metaboprep_olink.txt"
    made = read_measurements(path, scratch=tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    truth = {(row["SampleID"], row["OlinkID"]): float(row["NPX"]) for row in rows}
    samples = made.samples["sample_id"].to_list()
    left = {sample for sample, _ in truth}.difference(samples)
    assert (len(samples), len(left)) == (90, 10)
    assert all(name.startswith(("Empty well", "CONTROL")) for name in left)
    values = made.proteins.read(slice(0, len(made.proteins.names)))
    for i, sample in enumerate(samples):
        for j, assay in enumerate(made.proteins.names):
            assert values[i, j] == truth[sample, assay]
    kept = {(row["sample_id"], row["protein"]): row["value"] for row in made.controls.to_dicts()}
    assert kept == {pair: value for pair, value in truth.items() if pair[0] in left}
