"""A small file of every platform, as cells, and the values that stand in it.

A platform is in the battery by being in `DELIVERIES`; a test fails where one is not.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from proteomr.io import IngestOptions, read_measurements
from proteomr.tables import Measurements
from tests.io.somascan.adats import FIRST_ROW, FIRST_VALUE, PREAMBLE, ROWS, grid

Cells: TypeAlias = list[list[str]]
Known: TypeAlias = dict[tuple[str, str], float]


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A file of a platform.

    Parameters
    ----------
    platform, form : whose file, and in which form.
    cells : the file, line by line.
    truth : the values by sample and protein, those that are there.
    samples : lines (from 0) of the samples; their order has no meaning.
    columns : fields whose columns have no meaning by their order.
    value : line and field of a value, from 0.
    identifier : line and field of the name of the column of samples, from 0.
    delimiter, quoted_by : between fields, and where all of them are in quotes.
    options : what a user has to say.
    header : lines above those that all columns reach through.
    """

    platform: str
    form: str
    cells: Cells = field(repr=False)
    truth: Mapping[tuple[str, str], float] = field(repr=False)
    samples: range
    columns: range
    value: tuple[int, int]
    identifier: tuple[int, int]
    delimiter: str = ","
    quoted_by: str = ","
    options: IngestOptions = field(default_factory=IngestOptions)
    header: int = 0

    @property
    def people(self) -> set[str]:
        """Names of the samples, which no message may hold."""
        return {sample for sample, _ in self.truth}

    def encode(self, cells: Cells | None = None) -> bytes:
        lines = self.cells if cells is None else cells
        return "".join(self.delimiter.join(line) + "\n" for line in lines).encode()

    def encode_quoted(self) -> bytes:
        width = max(len(line) for line in self.cells)
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.quoted_by, quoting=csv.QUOTE_ALL)
        writer.writerows([*line, *[""] * (width - len(line))] for line in self.cells)
        return text.getvalue().encode()

    def permute(self, *, rows: Sequence[int], columns: Sequence[int]) -> Cells:
        """Return the cells with samples and columns in another order; both are ranks."""
        lines = list(self.cells)
        for line, rank in zip(self.samples, rows, strict=True):
            lines[line] = self.cells[self.samples[rank]]
        order = [self.columns[rank] for rank in columns]
        first, last = self.columns.start, self.columns.stop
        return [
            [*line[:first], *(line[i] for i in order), *line[last:]] if at >= self.header else line
            for at, line in enumerate(lines)
        ]

    def change(self, place: tuple[int, int], text: str) -> Cells:
        """Return the cells with another text in one of them."""
        cells = [list(line) for line in self.cells]
        cells[place[0]][place[1]] = text
        return cells


def read_delivery(delivery: Delivery, content: bytes | Cells, folder: Path) -> Measurements:
    """Read a file as a user would, its platform found by its content."""
    path = folder / "delivered"
    path.write_bytes(content if isinstance(content, bytes) else delivery.encode(content))
    return read_measurements(path, scratch=folder, options=delivery.options)


def values_of(measured: Measurements) -> Known:
    """Return the values that are there, by sample and protein."""
    names = measured.proteins.names
    values = measured.proteins.read(slice(0, len(names))).ravel().tolist()
    pairs = itertools.product(measured.samples["sample_id"], names)
    return {pair: value for pair, value in zip(pairs, values, strict=True) if not math.isnan(value)}


def _value(i: int, j: int) -> str:
    return f"{i + j / 7:.12f}"


def _truth(samples: Sequence[str], proteins: Sequence[str]) -> Known:
    return {
        (sample, protein): float(_value(i, j))
        for i, sample in enumerate(samples)
        for j, protein in enumerate(proteins)
    }


def _olink_long() -> Delivery:
    names = ["SampleID", "OlinkID", "UniProt", "Assay", "NPX", "Panel", "PlateID", "QC_Warning"]
    samples = [f"Q700{i}" for i in range(4)]
    lines = [
        [sample, f"OID{j}", f"P{j}", f"G{j}", _value(i, j), "CVD", f"P{i % 2}", "PASS"]
        for i, sample in enumerate(samples)
        for j in range(3)
    ]
    truth = _truth(samples, ["OID0", "OID1", "OID2"])
    return Delivery(
        "olink",
        "long",
        [names, *lines],
        truth,
        samples=range(1, 13),
        columns=range(8),
        value=(2, 4),
        identifier=(0, 0),
        delimiter=";",
        quoted_by=";",
    )


def _olink_wide() -> Delivery:
    samples = [f"Q700{i}" for i in range(4)]
    lines = [
        [sample, *(_value(i, j) for j in range(3)), f"P{i % 2}", "Pass"]
        for i, sample in enumerate(samples)
    ]
    cells = [
        ["Project", "NPX Signature 1.8", "", "", "", ""],
        ["NPX Data", "", "", "", "", ""],
        ["Panel", "CVD", "CVD", "CVD", "CVD", "CVD"],
        ["Assay", "G0", "G1", "G2", "Plate ID", "QC Warning"],
        ["Uniprot ID", "P0", "P1", "P2", "", ""],
        ["OlinkID", "OID0", "OID1", "OID2", "", ""],
        ["", "", "", "", "", ""],
        *lines,
        ["", "", "", "", "", ""],
        ["LOD", "0.1", "0.2", "0.3", "", ""],
    ]
    return Delivery(
        "olink",
        "wide",
        cells,
        _truth(samples, ["OID0", "OID1", "OID2"]),
        samples=range(7, 11),
        columns=range(1, 4),
        value=(8, 2),
        identifier=(5, 0),
        delimiter=";",
        quoted_by=";",
        header=2,
    )


def _nulisa() -> Delivery:
    names = ["PlateID", "SampleName", "SampleType", "Target", "UniProtID", "LOD", "NPQ", "SampleQC"]
    samples = [f"Q700{i}" for i in range(4)]
    targets = ["CXCL8", "GDF15", "IL6"]
    lines = [
        ["P1", sample, "Sample", target, f"P{j}", "0.5", _value(i, j), "PASS"]
        for i, sample in enumerate(samples)
        for j, target in enumerate(targets)
    ]
    return Delivery(
        "nulisa",
        "long",
        [names, *lines],
        _truth(samples, targets),
        samples=range(1, 13),
        columns=range(8),
        value=(2, 6),
        identifier=(0, 1),
    )


def _adat() -> Delivery:
    renamed = {"s1": "Q7001", "s2": "Q7002", "s3": "Q7003"}
    rows = [
        # a value that is missing is written NA: an empty one may not be the last of its line
        [
            *(renamed.get(cell, cell) for cell in line[:FIRST_VALUE]),
            *(cell or "NA" for cell in line[FIRST_VALUE:]),
        ]
        for line in ROWS
    ]
    keys = ("seq.10000.28", "seq.2597.8", "seq.2705.5", "seq.3042.7")
    truth = {
        (line[2], key): float(cell)
        for line in rows
        if line[3] == "Sample"
        for key, cell in zip(keys, line[FIRST_VALUE:], strict=True)
        if cell != "NA"
    }
    return Delivery(
        "somascan",
        "adat",
        grid(rows),
        truth,
        samples=range(FIRST_ROW - 1, FIRST_ROW - 1 + len(rows)),
        columns=range(FIRST_VALUE, FIRST_VALUE + 4),
        value=(FIRST_ROW, FIRST_VALUE + 2),
        identifier=(FIRST_ROW - 3, 2),
        delimiter="\t",
        header=len(PREAMBLE),
    )


def _ukb() -> Delivery:
    people = [f"700100{i}" for i in range(4)]
    lines = [[eid, "", *(_value(i, j) for j in range(3))] for i, eid in enumerate(people)]
    return Delivery(
        "ukb",
        "wide",
        [["eid", "ren", "adm", "gdf15", "il6"], *lines],
        _truth(people, ["ADM", "GDF15", "IL6"]),
        samples=range(1, 5),
        columns=range(5),
        value=(2, 2),
        identifier=(0, 0),
    )


def _table_wide() -> Delivery:
    people = [f"Q700{i}" for i in range(4)]
    lines = [[name, "FMFM"[i], *(_value(i, j) for j in range(3))] for i, name in enumerate(people)]
    return Delivery(
        "table",
        "wide",
        [["ID", "sex", "GDF15", "ADM", "IL6"], *lines],
        _truth(people, ["GDF15", "ADM", "IL6"]),
        samples=range(1, 5),
        columns=range(5),
        value=(2, 3),
        identifier=(0, 0),
    )


def _table_long() -> Delivery:
    people = [f"Q700{i}" for i in range(4)]
    proteins = ["GDF15", "ADM", "IL6"]
    lines = [
        [person, protein, _value(i, j), "FMFM"[i], protein]
        for i, person in enumerate(people)
        for j, protein in enumerate(proteins)
    ]
    return Delivery(
        "table",
        "long",
        [["ID", "assay", "npx", "sex", "Gene"], *lines],
        _truth(people, proteins),
        samples=range(1, 13),
        columns=range(5),
        value=(5, 2),
        identifier=(0, 0),
        options=IngestOptions(assay_column="assay", value_column="npx"),
    )


def _fragpipe() -> Delivery:
    people, proteins = [f"Q700{i}" for i in range(3)], [f"GROUP{j}" for j in range(4)]
    header = ["Protein ID", "Protein", "Entry Name", "Gene", "Description", "Protein Length"]
    lines = [
        [
            *(protein, f"sp|{protein}|{protein}_HUMAN", f"{protein}_HUMAN", f"G{j}", "words", "99"),
            *(_value(i + 1, j) for i in range(3)),
            "0.99",
        ]
        for j, protein in enumerate(proteins)
    ]
    quantities = [f"{person} MaxLFQ Intensity" for person in people]
    linear = {
        (person, protein): float(_value(i + 1, j))
        for i, person in enumerate(people)
        for j, protein in enumerate(proteins)
    }
    return Delivery(
        "massspec",
        "fragpipe",
        [[*header, *quantities, "Probability"], *lines],
        {pair: float(np.log2(value)) for pair, value in linear.items()},
        samples=range(1, 5),
        columns=range(10),
        value=(2, 7),
        identifier=(0, 0),
        delimiter="\t",
        quoted_by="\t",
    )


DELIVERIES: tuple[Delivery, ...] = (
    *(_adat(), _olink_long(), _olink_wide(), _nulisa(), _ukb(), _fragpipe()),
    *(_table_wide(), _table_long()),
)
