"""A small ADAT, its encodings, and what stands in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from proteomr.io.formats import IngestOptions, Replicates, open_source
from proteomr.io.somascan import SomaScan
from proteomr.tables import Measurements

PREAMBLE = [
    ["^HEADER"],
    ["!AssayVersion", "V4"],
    ["!ProcessSteps", "Raw RFU, Hyb Normalization"],
    ["StudyMatrix", "EDTA Plasma"],
    ["^COL_DATA"],
    ["!Name", "SeqId", "Target"],
    ["!Type", "String", "String"],
    ["^ROW_DATA"],
    ["!Name", "PlateId", "SampleId"],
    ["!Type", "String", "String"],
    ["^TABLE_BEGIN"],
]
ANNOTATION = {
    "SeqId": ["10000-28", "2597-8_3", "2705-5", "3042-7"],
    "SomaId": ["SL019233", "SL000002", "SL000003", "SL000004"],
    "Target": ["CRBB2", "VEGFA", "Fc_MOUSE", "Hyb"],
    "TargetFullName": ["Beta-crystallin B2", "VEGF, A", "Fc", "Control"],
    "UniProt": ["P43320", "P29459,  P29460", "Q99LC4", ""],
    "EntrezGeneID": ["1415", "3592 3593", "", ""],
    "EntrezGeneSymbol": ["CRYBB2", "IL12A IL12B", "", ""],
    "Organism": ["Human", "Human", "Mouse", "Human"],
    "Units": ["RFU"] * 4,
    "Type": ["Protein", "Deprecated", "Protein", "Hybridization Control Elution"],
    "Dilution": ["20", "0.005", "20", "0"],
    "ColCheck": ["PASS", "FLAG", "PASS", "PASS"],
}
NAMES = ["PlateId", "PlatePosition", "SampleId", "SampleType", "RowCheck", "Age", "Sex", "Notes"]
ROWS = [
    ["Set A", "H9", "s3", "Sample", "PASS", "61", "F", "", "", "476.5", "310.1", "100.3", "1024"],
    ["Set A", "H8", "s1", "Sample", "FLAG", "55", "M", "", "", "474.4", "", "101.8", "990.5"],
    ["Set A", "H7", "cal", "Calibrator", "PASS", "", "", "", "", "702.1", "237.7", "126.9", "812"],
    ["Set B", "H8", "s2", "Sample", "PASS", "47", "F", "", "", "415.6", "NA", "88.4", "1100.25"],
    ["Set B", "H9", "cal", "QC", "PASS", "", "", "", "", "699.9", "240.5", "125", "820"],
]
VALUES = [
    [474.4, np.nan, 101.8, 990.5],
    [415.6, np.nan, 88.4, 1100.25],
    [476.5, 310.1, 100.3, 1024],
]
KEYS = ("seq.10000.28", "seq.2597.8", "seq.2705.5", "seq.3042.7")
Table = list[list[str]]


def grid(
    rows: Sequence[Sequence[str]] = ROWS, preamble: Table = PREAMBLE, **changes: list[str]
) -> Table:
    """Return an ADAT as cells; changes replace lines of the annotation."""
    annotation = {**ANNOTATION, **changes}
    pad = [""] * len(NAMES)
    described = [[*pad, label, *cells] for label, cells in annotation.items()]
    blank = [""] * (1 + len(ANNOTATION["SeqId"]))
    return [*preamble, *described, [*NAMES, *blank], *(list(row) for row in rows)]


def encode(cells: Table, delimiter: str = "\t", end: str = "\r\n") -> bytes:
    if delimiter == "\t":
        return "".join("\t".join(line) + end for line in cells).encode()
    width = max(len(line) for line in cells)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([*line, *[""] * (width - len(line))] for line in cells)
    return text.getvalue().encode()


def read(
    *contents: bytes | Table,
    folder: Path,
    log2: bool = False,
    id_column: str | None = None,
    replicates: Replicates = "refuse",
) -> Measurements:
    sources = []
    for number, content in enumerate(contents):
        path = folder / f"study{number}.adat"
        path.write_bytes(content if isinstance(content, bytes) else encode(content))
        sources.append(open_source(path))
    assert all(SomaScan().matches(source) for source in sources)
    options = IngestOptions(id_column=id_column, log2=log2, replicates=replicates)
    return SomaScan().read(tuple(sources), options=options, scratch=folder)


def values(made: Measurements) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return made.proteins.read(slice(0, len(made.proteins.names)))


def with_cell(line: int, field: int, text: str) -> Table:
    cells = grid()
    cells[line - 1][field] = text
    return cells


FIRST_ROW = len(PREAMBLE) + len(ANNOTATION) + 2
SEQ_ID = len(PREAMBLE) + 1
FIRST_VALUE = len(NAMES) + 1
