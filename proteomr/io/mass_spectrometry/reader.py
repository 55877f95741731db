"""Protein tables of MaxQuant, DIA-NN, FragPipe, Spectronaut and AlphaPept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from proteomr.errors import FormatError, InputError, UsageError
from proteomr.io.controls_apart import set_controls_apart
from proteomr.io.formats import IngestOptions, Source
from proteomr.io.mass_spectrometry.books import MatrixBook, find_book, find_lacking
from proteomr.io.mass_spectrometry.matrix import read_header, read_matrix
from proteomr.io.mass_spectrometry.report import read_report
from proteomr.io.protein_rows import ProteinRows, measure_rows
from proteomr.tables import Measurements, Platform
from proteomr.tables import columns as c

__all__ = ["MassSpectrometry"]

_UNIT = "log2 intensity"


@dataclass(frozen=True, slots=True)
class MassSpectrometry:
    r"""Reads protein groups and their intensities, by books of the formats.

    The assay is the protein group as the program names it; all its genes stand in ``gene``. Of
    several quantities the book prefers one, and ``value_column`` names another. Intensities become
    binary logarithms, and zeros missing values, which are counted. Decoys and contaminants are of
    the kind ``control``, which leaves in ``qc``, and flagged. Samples are named as their files,
    without folder and ending.

    Parameters
    ----------
    name : the platform.

    Examples
    --------
    >>> head = "PG.ProteinGroups\tPG.Genes\t[1] A.raw.PG.Quantity\n"
    >>> MassSpectrometry().matches(Source(Path("a.tsv"), "text", head=head))
    True
    """

    name: Platform = "massspec"

    def matches(self, source: Source, /) -> bool:
        """Tell from its columns whether a file is one of a known program's."""
        columns = read_header(source)
        return find_book(columns) is not None or find_lacking(columns) is not None

    def read(
        self, sources: tuple[Source, ...], /, *, options: IngestOptions, scratch: Path
    ) -> Measurements:
        """Return the logarithms of the intensities of one file.

        Parameters
        ----------
        sources : one file: programs put all runs of an analysis into one.
        options : ``value_column``: the quantity, such as lfq or ibaq of MaxQuant.
        scratch : not needed.

        Raises
        ------
        InputError
            Several files are given.
        FormatError
            The file is damaged or contradicts itself; with line and column.
        UsageError
            The quantity that the user names is not there.
        """
        del scratch
        if len(sources) > 1:
            raise InputError(
                f"{len(sources)} tables of mass spectrometry; quantities of separate analyses are "
                "not on one scale: ingest each by itself"
            )
        source = sources[0]
        book = find_book(read_header(source))
        if book is None:
            _refuse_unknown(source)
        _refuse_other_columns(book, options)
        doubtful = 0
        if book.layout == "long":
            rows, quantity, zeros, doubtful = read_report(source, book, value=options.value_column)
        else:
            rows, quantity, zeros = read_matrix(source, book, value=options.value_column)
        if np.isnan(rows.values).all():
            others = ", ".join(each.name for each in book.values if each.name != quantity)
            hint = f"; name another with --value ({others}?)" if others else ""
            raise FormatError(
                f"the quantity {quantity} has no value above 0{hint}", path=source.path
            )
        try:
            measured = measure_rows(
                replace(rows, values=np.log2(rows.values)),
                platform=self.name,
                unit=_UNIT,
                notes=tuple(_notes(rows, book, quantity, zeros=zeros, doubtful=doubtful)),
                parameters={"book": book.name, "quantity": quantity, "zeros": zeros},
            )
            return set_controls_apart(measured)
        except InputError as fault:
            raise InputError(f"{source.path}: {fault}") from None


def _refuse_unknown(source: Source) -> NoReturn:
    nearly = find_lacking(read_header(source))
    message = "has the columns of no program that is known"
    if nearly is not None:
        lacking = ", ".join(repr(name) for name in nearly[1])
        message = (
            f"looks like a table of {nearly[0].title} and lacks the column {lacking}; restore it, "
            "or read the file as any table with --platform table"
        )
    raise FormatError(message, path=source.path)


def _refuse_other_columns(book: MatrixBook, options: IngestOptions) -> None:
    """Refuse names of columns that the book does not have in their roles."""
    named = (
        ("--id", options.id_column, book.sample),
        ("--assay", options.assay_column, book.protein),
    )
    for option, name, known in named:
        if name is not None and name not in known:
            raise UsageError(
                f"{option} {name}: the columns of a table of {book.title} are known; leave it out, "
                "or read the file as any table with --platform table"
            )


def _notes(
    rows: ProteinRows, book: MatrixBook, quantity: str, *, zeros: int, doubtful: int
) -> Iterator[str]:
    yield f"{book.title}: {quantity}, as binary logarithms"
    if zeros:
        yield f"{zeros} intensities of 0 are missing values"
    kinds = rows.assays[c.KIND]
    if controls := int((kinds == "control").sum()):
        yield (
            f"{controls} protein groups are {_count_flags(rows.flags)}, of the kind control, which "
            "qc leaves out"
        )
    if doubtful:
        yield f"{doubtful} quantities have a q-value of their group above 0.01 and are kept"


def _count_flags(flags: Sequence[tuple[str, str]]) -> str:
    kinds = [flag for _, flag in flags]
    named = [f"{kinds.count(flag)} {flag}s" for flag in ("decoy", "contaminant") if flag in kinds]
    return " and ".join(named)
