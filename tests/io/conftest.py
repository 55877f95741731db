from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl
import pytest

from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.olink import Olink
from proteomr.tables import Measurements

_SPACE = "http://schemas.openxmlformats.org"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_SPACE}/package/2006/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_SPACE}/package/2006/relationships">'
    f'<Relationship Id="r1" Type="{_SPACE}/officeDocument/2006/relationships/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_SPACE}/spreadsheetml/2006/main" '
    f'xmlns:r="{_SPACE}/officeDocument/2006/relationships"><sheets>'
    '<sheet name="NPX Wide" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_SPACE}/package/2006/relationships">'
    f'<Relationship Id="r1" Type="{_SPACE}/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/></Relationships>',
}


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Measurements]:
    """Return a reader of Olink files by their paths."""
    scratch = tmp_path_factory.mktemp("scratch")

    def read_files(*paths: Path, options: IngestOptions | None = None) -> Measurements:
        sources = tuple(open_source(path) for path in paths)
        return Olink().read(sources, options=options or IngestOptions(), scratch=scratch)

    return read_files


@pytest.fixture(scope="session")
def write_workbook() -> Callable[[Path, Sequence[Sequence[str | float]]], Path]:
    """Return a writer of workbooks with one sheet."""

    def write(path: Path, rows: Sequence[Sequence[str | float]]) -> Path:
        cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        sheet = f'<worksheet xmlns="{_SPACE}/spreadsheetml/2006/main"><sheetData>{cells}'
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in _PARTS.items():
                archive.writestr(name, text)
            archive.writestr("xl/worksheets/sheet1.xml", f"{sheet}</sheetData></worksheet>")
        return path

    return write


@pytest.fixture(scope="session")
def write_sheets() -> Callable[[Path, Mapping[str, Sequence[Sequence[str | float]]]], Path]:
    """Return a writer of workbooks with several sheets."""

    def write(path: Path, sheets: Mapping[str, Sequence[Sequence[str | float]]]) -> Path:
        listed, related = "", ""
        with zipfile.ZipFile(path, "w") as archive:
            for number, (name, rows) in enumerate(sheets.items(), start=1):
                listed += f'<sheet name="{escape(name)}" sheetId="{number}" r:id="r{number}"/>'
                related += (
                    f'<Relationship Id="r{number}" Type="{_SPACE}/officeDocument/2006/'
                    f'relationships/worksheet" Target="worksheets/sheet{number}.xml"/>'
                )
                cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
                sheet = f'<worksheet xmlns="{_SPACE}/spreadsheetml/2006/main"><sheetData>{cells}'
                archive.writestr(
                    f"xl/worksheets/sheet{number}.xml", f"{sheet}</sheetData></worksheet>"
                )
            for name in ("[Content_Types].xml", "_rels/.rels"):
                archive.writestr(name, _PARTS[name])
            book = _PARTS["xl/workbook.xml"]
            start, end = book.index("<sheet "), book.index("</sheets>")
            archive.writestr("xl/workbook.xml", book[:start] + listed + book[end:])
            relations = f'<Relationships xmlns="{_SPACE}/package/2006/relationships">{related}'
            archive.writestr("xl/_rels/workbook.xml.rels", f"{relations}</Relationships>")
        return path

    return write


def _cell(cell: str | float) -> str:
    if isinstance(cell, str):
        return f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    return f"<c><v>{cell!r}</v></c>"


@pytest.fixture
def explore_ht() -> pl.DataFrame:
    """Return an Explore HT table: 3 samples and 3 controls, 3 assays and 2 of the method."""
    samples = [
        ("S1", "SAMPLE", "P1", "A1"),
        ("S2", "SAMPLE", "P1", "B1"),
        ("S3", "SAMPLE", "P2", "A1"),
        ("PC", "PLATE_CONTROL", "P1", "H12"),
        ("PC", "PLATE_CONTROL", "P2", "H12"),
        ("NC", "NEGATIVE_CONTROL", "P1", "G12"),
    ]
    assays = [
        ("OID40002", "P05231", "IL6", "assay", "2"),
        ("OID40001", "P10145", "CXCL8", "assay", "1"),
        ("OID40003", "P05231", "IL6", "assay", "1"),
        ("OID49001", "EXT1", "Extension control 1", "ext_ctrl", "1"),
        ("OID49002", "INC1", "Incubation control 1", "inc_ctrl", "1"),
    ]
    rows = []
    for i, (sample, kind, plate, well) in enumerate(samples):
        for j, (olink_id, uniprot, assay, assay_kind, block) in enumerate(assays):
            rows.append(
                {
                    "SampleID": sample,
                    "SampleType": kind,
                    "WellID": well,
                    "PlateID": plate,
                    "OlinkID": olink_id,
                    "UniProt": uniprot,
                    "Assay": assay,
                    "AssayType": assay_kind,
                    "Panel": "Explore_HT",
                    "Block": block,
                    "Count": 100 * i + j,
                    "ExtNPX": 0.25,
                    "NPX": i + j / 8,
                    "Normalization": "Plate control",
                    "PCNormalizedNPX": i + j / 8,
                    "AssayQC": "WARN" if (j, plate) == (1, "P1") else "PASS",
                    "SampleQC": "FAIL" if (i, block) == (2, "1") else "PASS",
                    "ExploreVersion": "4.27.0",
                }
            )
    return pl.DataFrame(rows)
