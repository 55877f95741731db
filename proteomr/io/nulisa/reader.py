"""The reader of NULISA's files, in whichever form they come."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from proteomr.errors import InputError
from proteomr.io.formats import IngestOptions, Source
from proteomr.io.long_form import assemble, check_part, read_long_parquet, read_long_text
from proteomr.io.long_form.vocabulary import looks_long
from proteomr.io.nulisa.spellings import NULISA
from proteomr.io.nulisa.workbooks import Workbook, holds_nulisa, read_workbook
from proteomr.io.text import DELIMITERS
from proteomr.tables import Measurements, Platform

__all__ = ["Nulisa"]


@dataclass(frozen=True, slots=True)
class Nulisa:
    r"""NULISA of Alamar Biosciences: NPQ, or absolute quantities (AQ) in pg/mL or aM.

    Read are long tables, one row for each sample and target, as delimited text, as parquet, and in
    the workbooks that NULISAseqR writes; several files are stacked. Assays are keyed by Target,
    genes are found from its name and the UniProt accessions. Wells of controls (SC, IPC, NC,
    Bridge, Calibrator) and the internal control (mCherry) stand apart; warnings of samples and
    targets become flags; limits are on the scale of the quantity.

    Without ``value_column`` NPQ is taken, and where there is none pg/mL.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.formats import open_source
    >>> text = "SampleName,SampleType,Target,NPQ\nA,Sample,IL6,1.5\nNC1,NC,IL6,0.5\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "npq.csv"
    ...     size = file.write_text(text)
    ...     source = open_source(file)
    ...     measured = Nulisa().read((source,), options=IngestOptions(), scratch=Path(folder))
    >>> measured.samples["sample_id"].to_list(), measured.controls["sample_type"].to_list()
    (['A'], ['NC'])
    """

    name: Platform = "nulisa"

    def matches(self, source: Source, /) -> bool:
        r"""Tell from its content whether a file is one of NULISA's.

        Raises
        ------
        FormatError
            A workbook is damaged.

        Examples
        --------
        >>> head = "SampleName,SampleType,Target,NPQ\n"
        >>> Nulisa().matches(Source(Path("a.csv"), "text", False, head))
        True
        """
        if source.kind == "parquet":
            return looks_long(source.columns, NULISA)
        if source.kind == "workbook":
            return holds_nulisa(source.path)
        line = source.first_line
        split = (next(csv.reader([line], delimiter=mark), []) for mark in DELIMITERS)
        return any(looks_long(names, NULISA) for names in split)

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
        options : columns named by the user, whether AQ is taken to the logarithm, and what to do
            with replicates: refuse; mean; or first, which takes values before missing ones, then
            goes by the text of plate and well, then by the value.
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
            raise InputError("no NULISA file is named; give one or several")
        books = [_read_file(source, options, scratch) for source in sources]
        further = dict.fromkeys(name for book in books for name in book.describing)
        vocabulary = replace(NULISA, describing=(*NULISA.describing, *further))
        parts = [check_part(part) for book in books for part in book.parts]
        return assemble(parts, vocabulary, options=options)


def _read_file(source: Source, options: IngestOptions, scratch: Path) -> Workbook:
    if source.kind == "workbook":
        return read_workbook(source.path, options=options)
    if source.kind == "parquet":
        return Workbook((read_long_parquet(source, NULISA, options=options, scratch=scratch),), ())
    return Workbook((read_long_text(source, NULISA, options=options, scratch=scratch),), ())
