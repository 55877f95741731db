"""The reader of Olink's files, in whichever form they come."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proteomr.errors import FormatError, InputError
from proteomr.io.formats import IngestOptions, Source
from proteomr.io.olink.assembly import assemble
from proteomr.io.olink.long_table import read_long_parquet, read_long_text
from proteomr.io.olink.parts import Part, check_part
from proteomr.io.olink.sheets import find_sheet
from proteomr.io.olink.spellings import looks_long
from proteomr.io.olink.wide_sheet import read_wide_sheet
from proteomr.io.text import DELIMITERS
from proteomr.tables import Measurements, Platform

__all__ = ["Olink"]


@dataclass(frozen=True, slots=True)
class Olink:
    r"""Olink's Target, Explore and Reveal panels: NPX, or quantities with their unit.

    Read are long tables as delimited text and as parquet, and the wide sheets of Target panels as
    workbook or text; several files are stacked. Assays are keyed by OlinkID. Control samples and
    control assays stand apart, warnings of quality control become flags and change no value.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.formats import open_source
    >>> text = "SampleID;OlinkID;Assay;Panel;NPX\nA2;OID1;ADM;CVD;1.5\nA1;OID1;ADM;CVD;0.5\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "npx.csv"
    ...     size = file.write_text(text)
    ...     source = open_source(file)
    ...     measured = Olink().read((source,), options=IngestOptions(), scratch=Path(folder))
    >>> values = measured.proteins.read(slice(0, 1))
    >>> measured.samples["sample_id"].to_list(), values.ravel().tolist()
    (['A1', 'A2'], [0.5, 1.5])
    """

    name: Platform = "olink"

    def matches(self, source: Source, /) -> bool:
        r"""Tell from its content whether a file is one of Olink's.

        Raises
        ------
        FormatError
            A workbook is damaged, or holds a long table.

        Examples
        --------
        >>> Olink().matches(Source(Path("a.csv"), "text", False, "SampleID;OlinkID;NPX\n"))
        True
        """
        if source.kind == "parquet":
            return looks_long(source.columns)
        if source.kind == "text" and any(
            looks_long(_split(source.first_line, mark)) for mark in DELIMITERS
        ):
            return True
        return find_sheet(source) is not None

    def read(
        self, sources: tuple[Source, ...], /, *, options: IngestOptions, scratch: Path
    ) -> Measurements:
        """Return the measurements of files that all match.

        Parameters
        ----------
        sources : the files; their order changes nothing.
        options : columns named by the user, and what to do with replicates: refuse; mean; or
            first, which takes values before missing ones, then goes by the text of plate and
            well, then by the value. ``log2`` applies to quantities, NPX being a logarithm.
        scratch : folder for converted files.

        Raises
        ------
        FormatError
            A file is not what its format asks for; with the line and the column.
        IdentifierError
            A sample was measured twice under one name, and replicates are refused.
        InputError
            The files cannot be put together.
        """
        if not sources:
            raise InputError("no Olink file is named; give one or several")
        parts = [_read_part(source, options, scratch) for source in sources]
        for part in parts:
            check_part(part)
        return assemble(parts, options=options)


def _read_part(source: Source, options: IngestOptions, scratch: Path) -> Part:
    if source.kind == "parquet":
        return read_long_parquet(source, options=options)
    sheet = find_sheet(source)
    if sheet is not None:
        return read_wide_sheet(sheet)
    if source.kind == "workbook":
        message = "no sheet has the rows Panel, Assay and OlinkID of Olink; save the table as csv"
        raise FormatError(message, path=source.path)
    return read_long_text(source, options=options, scratch=scratch)


def _split(line: str, delimiter: str) -> Sequence[str]:
    return next(csv.reader([line], delimiter=delimiter), [])
