"""The reader of Olink's files, in whichever form they come."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proteomr.errors import FormatError, InputError
from proteomr.io.formats import IngestOptions, Source
from proteomr.io.long_form import (
    Part,
    assemble,
    check_part,
    read_long_parquet,
    read_long_sheet,
    read_long_text,
)
from proteomr.io.long_form.parts import refuse_twins
from proteomr.io.long_form.sheets import Sheet, find_header
from proteomr.io.long_form.vocabulary import looks_long
from proteomr.io.olink.sheets import find_sheets, holds_olink, is_wide
from proteomr.io.olink.spellings import OLINK
from proteomr.io.olink.wide_sheet import read_wide_sheet
from proteomr.io.text import DELIMITERS
from proteomr.tables import Measurements, Platform

__all__ = ["Olink"]


@dataclass(frozen=True, slots=True)
class Olink:
    r"""Olink's Target, Explore and Reveal panels: NPX, or quantities with their unit.

    Read are long tables as delimited text, parquet and workbook, and the wide sheets of Target
    panels as workbook or text; several files, and several sheets of a workbook, are stacked. Assays
    are keyed by OlinkID. Control samples and control assays stand apart, warnings of quality
    control become flags and change no value. What stands for a value beyond a limit (``> ULOQ``)
    is missing, with a flag.

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
            A workbook is damaged.

        Examples
        --------
        >>> Olink().matches(Source(Path("a.csv"), "text", False, "SampleID;OlinkID;NPX\n"))
        True
        """
        if source.kind == "parquet":
            return looks_long(source.columns, OLINK)
        if source.kind == "text" and any(
            looks_long(_split(source.first_line, mark), OLINK) for mark in DELIMITERS
        ):
            return True
        return holds_olink(source)

    def read(
        self,
        sources: tuple[Source, ...],
        /,
        *,
        options: IngestOptions,
        scratch: Path,
    ) -> Measurements:
        """Return the measurements of files that all match.

        Parameters
        ----------
        sources : the files; their order changes nothing.
        options : columns named by the user, and what to do with replicates: refuse; mean; or
            first, which takes values before missing ones, then goes by the text of plate and
            well, then by the value. ``log2`` applies to quantities, NPX being a logarithm.
        scratch : folder for rows that are too many for memory.

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
        parts = [
            check_part(part) for source in sources for part in _read_parts(source, options, scratch)
        ]
        return assemble(parts, OLINK, options=options)


def _read_parts(source: Source, options: IngestOptions, scratch: Path) -> list[Part]:
    if source.kind == "parquet":
        return [read_long_parquet(source, OLINK, options=options, scratch=scratch)]
    sheets = find_sheets(source)
    if source.kind == "workbook" and not sheets:
        message = (
            "no sheet has the rows Panel, Assay and OlinkID of Olink, or the columns SampleID, "
            "OlinkID and NPX"
        )
        raise FormatError(message, path=source.path)
    if not sheets:
        return [read_long_text(source, OLINK, options=options, scratch=scratch)]
    parts = [_read_sheet(sheet, options) for sheet in sheets]
    refuse_twins(parts, [sheet.name or "" for sheet in sheets])
    return parts


def _read_sheet(sheet: Sheet, options: IngestOptions) -> Part:
    header = find_header(sheet, lambda names: looks_long(names, OLINK))
    if header is None or is_wide(sheet):
        return read_wide_sheet(sheet)
    return read_long_sheet(sheet, header, OLINK, options=options)


def _split(line: str, delimiter: str) -> Sequence[str]:
    return next(csv.reader([line], delimiter=delimiter), [])
