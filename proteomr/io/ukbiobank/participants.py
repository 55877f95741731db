"""Participants' answers from exports of UK Biobank, whatever the style of their columns."""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.border import reads
from proteomr.errors import InputError, nearest
from proteomr.io.identifiers import match_ids
from proteomr.io.proteins import Paths
from proteomr.io.sources import find_files
from proteomr.io.ukbiobank.exports import ID_COLUMN, Export, Header, open_header, read_export
from proteomr.io.ukbiobank.places import Tally, convert_export, gather_elements
from proteomr.io.ukbiobank.splits import choose_others, find_splits
from proteomr.io.withdrawals import find_withdrawn
from proteomr.tables import Drop, Fields
from proteomr.tables.dictionary import load_dictionary
from proteomr.tables.fields import NameStyle, name_field

__all__ = ["read_fields", "survey_fields"]

_STEP: Final = "load"
_LISTED: Final = 8


@reads
def read_fields(
    paths: Paths,
    *,
    scratch: Path,
    wanted: Collection[int] | None = None,
    others: Collection[str] | None = None,
    id_column: str | None = None,
    withdrawn: str | Path | None = None,
    with_proteins: bool = False,
) -> Fields:
    r"""Return the answers of participants by field, from one export or several, in one form.

    Names of columns in any style, raw codes or labels, several answers in several columns or
    joined in one cell, and dates year first or day first all give the same result; so does the
    order of rows, columns and files. The identifier is called ``eid``.

    Parameters
    ----------
    paths : an export, several, or a quoted glob; csv, tsv or parquet, each also gz. They are
        joined on the identifier, and whoever stands in one of them is kept. The columns of a
        field with an array may stand in different files.
    scratch : folder for decompressed files; it may be removed afterwards.
    wanted : numbers of the fields to read; None for all. Others are passed over unread.
    others : columns of no field to read; None for all. In place of one that is not there the
        column with the nearest name is read, so that messages can name it.
    id_column : name of the identifier in every file; None for the usual names.
    withdrawn : identifiers of people who have withdrawn, one a line.
    with_proteins : whether the caller reads the proteins that stand in the same files.

    Returns
    -------
    fields : see `proteomr.tables.Fields`; participants are sorted by the identifier. A field that
        is not in the dictionary has the type that its cells show.

    Raises
    ------
    InputError
        A file is absent or may not be read; or none of the fields wanted is in any.
    FormatError
        A file is damaged, mixes styles, has two columns for one answer, or a cell that is no
        answer to its field; with the line and the column.
    IdentifierError
        Identifiers are absent, missing, repeated, or shared by no other file.
    NothingToDo
        Everybody has withdrawn.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "answers.csv"
    ...     size = file.write_text("eid,31-0.0,6160-0.0,6160-0.1\n8,1,-7,\n7,0,1,5\n")
    ...     read_fields(file, scratch=Path(folder)).frame.rows()
    [('7', 0, [1, 5]), ('8', 1, [-7])]
    """
    headers = _open_headers(paths, wanted=wanted, id_column=id_column, scratch=scratch)
    own = choose_others(headers, others)
    splits = find_splits(headers, own)
    exports: list[Export] = []
    frames: list[pl.DataFrame] = []
    tally = Tally()
    for header in headers:
        exports.append(read_export(header, others=own))
        frames.append(convert_export(exports[-1], tally, split=splits))
    absent = tuple(_list_absent(headers, wanted))
    joined, lacking = _join(exports, frames)
    for place, numbers in splits.items():
        joined = gather_elements(joined, place, numbers, tally)
    frame, drops, counts = _leave_out(
        _arrange(joined), exports, withdrawn=withdrawn, id_column=id_column
    )
    told = _list_notes(exports, tally, with_proteins=with_proteins)
    notes, style = (*lacking, *absent, *told), _find_style(headers)
    return Fields(frame, ID_COLUMN, drops=drops, notes=notes, withdrawn=counts, style=style)


def survey_fields(
    paths: Paths,
    *,
    scratch: Path,
    wanted: Collection[int] | None = None,
    others: Collection[str] | None = None,
    id_column: str | None = None,
    withdrawn: str | Path | None = None,
) -> Fields:
    r"""Return who is in exports of participants and which columns they have, without the answers.

    People, columns and their order are those of `read_fields`, and so are its refusals of files,
    columns and identifiers; every answer is missing. Identifiers alone are read.

    Parameters
    ----------
    paths, scratch, wanted, others, id_column, withdrawn : as for `read_fields`.

    Raises
    ------
    InputError, FormatError, IdentifierError, NothingToDo
        As `read_fields`, but for what is wrong with an answer.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "answers.csv"
    ...     size = file.write_text("eid,31-0.0,6160-0.0,6160-0.1\n8,1,-7,\n7,0,1,5\n")
    ...     survey_fields(file, scratch=Path(folder)).frame.rows()
    [('7', None, None), ('8', None, None)]
    """
    headers = _open_headers(paths, wanted=wanted, id_column=id_column, scratch=scratch)
    own = choose_others(headers, others)
    find_splits(headers, own)
    absent = tuple(_list_absent(headers, wanted))
    exports = [read_export(replace(header, asked={}), others=()) for header in headers]
    joined, lacking = _join(exports, [pl.DataFrame({ID_COLUMN: e.ids}) for e in exports])
    asked = (name for header in headers for name in header.asked.values())
    columns = {name_field(name.field, name.instance) for name in asked} | own
    frame = joined.with_columns(pl.lit(None).alias(name) for name in columns)
    people, drops, counts = _leave_out(
        _arrange(frame), exports, withdrawn=withdrawn, id_column=id_column
    )
    notes, style = (*lacking, *absent), _find_style(headers)
    return Fields(people, ID_COLUMN, drops=drops, notes=notes, withdrawn=counts, style=style)


def _find_style(headers: Sequence[Header]) -> NameStyle:
    return next((header.names.style for header in headers if header.names.style), "rap")


def _open_headers(
    paths: Paths, *, wanted: Collection[int] | None, id_column: str | None, scratch: Path
) -> list[Header]:
    if not isinstance(paths, str | Path) and not paths:
        raise InputError("no export of participants is named; give one or several")
    return [
        open_header(path, wanted=wanted, id_column=id_column, scratch=scratch)
        for path in find_files(paths)
    ]


def _leave_out(
    frame: pl.DataFrame,
    exports: Sequence[Export],
    *,
    withdrawn: str | Path | None,
    id_column: str | None,
) -> tuple[pl.DataFrame, tuple[Drop, ...], Mapping[str, int]]:
    """Return the people who have not withdrawn, who was left out, and the counts of the list."""
    # the same placeholder in two files is one person
    placeholders = functools.reduce(operator.or_, (export.placeholders for export in exports))
    drops = [Drop(_STEP, "negative identifiers", placeholders.total())]
    if withdrawn is None:
        return frame, tuple(drops), {}
    withdrawal = find_withdrawn(
        frame[ID_COLUMN], withdrawn, id_column=id_column, among="participants"
    )
    drops.append(Drop(_STEP, "withdrawn", withdrawal.removed))
    return frame.filter(~withdrawal.gone), tuple(drops), withdrawal.counts


def _join(
    exports: Sequence[Export], frames: Sequence[pl.DataFrame]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return whoever stands in any file, and for each file how many it lacks."""
    joined = frames[0]
    for export, frame in zip(exports[1:], frames[1:], strict=True):
        names = ("exports before", f"file {export.path}")
        match_ids(joined[ID_COLUMN], frame[ID_COLUMN], names=names)
        joined = joined.join(frame, on=ID_COLUMN, how="full", coalesce=True)
    lists = [name for name, kind in joined.schema.items() if isinstance(kind, pl.List)]
    joined = joined.with_columns(pl.col(name).fill_null([]) for name in lists)
    lacking = tuple(
        f"{export.path.name}: lacks {joined.height - export.ids.len()} of {joined.height} "
        "participants, who have no answers from it"
        for export in sorted(exports, key=lambda export: export.path)
        if export.ids.len() < joined.height
    )
    return joined, lacking


def _arrange(frame: pl.DataFrame) -> pl.DataFrame:
    """Return participants and columns in an order that does not depend on the files."""
    others = sorted(set(frame.columns) - {ID_COLUMN})
    return frame.select(ID_COLUMN, *sorted(others, key=_rank)).sort(ID_COLUMN)


def _rank(name: str) -> tuple[bool, int, int, str]:
    number, _, instance = name.removeprefix("p").partition("_i")
    if name.startswith("p") and number.isdecimal() and instance.isdecimal():
        return False, int(number), int(instance), name
    return True, 0, 0, name


def _list_absent(headers: Sequence[Header], wanted: Collection[int] | None) -> Iterator[str]:
    """Yield which of the fields wanted are in no file.

    Raises
    ------
    InputError
        None of them is in any.
    """
    present = {name.field for header in headers for name in header.asked.values()}
    absent = sorted(set(wanted or ()) - present)
    if not absent:
        return
    listed = ", ".join(_tell_absent(number, headers) for number in absent[:_LISTED])
    more = f" and {len(absent) - _LISTED} more" if len(absent) > _LISTED else ""
    if not present:
        files = ", ".join(sorted(str(header.path) for header in headers))
        raise InputError(
            f"{files}: none of the fields wanted: {listed}{more}; a table whose columns are ready "
            "needs no definition: associate and the like take it, --definition as-is imputes it"
        )
    yield f"fields wanted and not in the files: {listed}{more}"


def _tell_absent(number: int, headers: Sequence[Header]) -> str:
    dictionary = load_dictionary()
    title = dictionary.field(number).title if dictionary.knows(number) else ""
    columns = {
        name.split("|")[0].strip(): name
        for header in headers
        for name in (*header.names.passed_over, *header.names.proteins, *header.names.others)
    }
    hint = nearest(title, columns) if title else ""
    return f"{number} ({title}){hint}" if title else str(number)


def _list_notes(exports: Sequence[Export], tally: Tally, *, with_proteins: bool) -> Iterator[str]:
    for number, people in sorted(tally.repeated.items()):
        yield f"field {number}: {people} participants have an answer more than once"
    for number, people in sorted(tally.gaps.items()):
        yield f"field {number}: {people} participants lack values before others; these moved up"
    if tally.guessed:
        numbers = ", ".join(str(number) for number in sorted(tally.guessed)[:_LISTED])
        more = ", ..." if len(tally.guessed) > _LISTED else ""
        yield (
            f"{len(tally.guessed)} fields are not in the dictionary and have the types that their "
            f"cells show: {numbers}{more}"
        )
    if passed := sum(len(export.names.passed_over) for export in exports):
        yield f"{passed} columns were passed over: their titles are not in the dictionary"
    proteins = sum(len(export.names.proteins) for export in exports)
    if proteins and not with_proteins:
        yield f"{proteins} columns of proteins were passed over; `proteomr ingest` reads them"
