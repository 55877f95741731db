"""A field at a visit, read from the columns of one export into its final type."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from proteomr.border import reads
from proteomr.errors import FormatError
from proteomr.io.ukbiobank.answers import (
    CellFault,
    Encoded,
    convert_answers,
    convert_lists,
    encode,
    guess_kind,
    nest,
)
from proteomr.io.ukbiobank.exports import ID_COLUMN, Export
from proteomr.tables import name_field
from proteomr.tables.dictionary import FieldInfo, load_dictionary

__all__ = ["Tally", "convert_export", "gather_elements", "name_element"]

_SHOWN: Final = 8


@dataclass(slots=True)
class Tally:
    """What is worth telling of the answers, gathered over fields and files.

    Parameters
    ----------
    repeated : people with an answer twice, by field.
    gaps : people with an empty cell before a filled one, by field with several values.
    guessed : fields that are not in the dictionary.
    """

    repeated: dict[int, int] = field(default_factory=dict[int, int])
    gaps: dict[int, int] = field(default_factory=dict[int, int])
    guessed: set[int] = field(default_factory=set[int])


@dataclass(frozen=True, slots=True)
class _Place:
    """A field at a visit, and the columns of one file that hold it by their position."""

    field: int
    instance: int
    columns: tuple[tuple[int | None, str], ...]


@reads
def convert_export(
    export: Export, tally: Tally, *, split: Collection[tuple[int, int]] = ()
) -> pl.DataFrame:
    """Return the answers of one file in their final types, with the identifier.

    Parameters
    ----------
    export : the file; its columns are let go as they are converted.
    tally : to which is added what is worth telling.
    split : fields and instances of which other files hold further columns: each column of these
        stays by itself, under `name_element`, for `gather_elements` once the files are joined.

    Raises
    ------
    FormatError
        A cell is no answer to its field, with its place.
    """
    converted = [export.ids.alias(ID_COLUMN)]
    for place in _places(export):
        if (place.field, place.instance) in split:
            converted += _read_elements(export, place, tally)
        else:
            answers = _read_place(export, place, tally).filter(export.kept)
            converted.append(answers.alias(name_field(place.field, place.instance)))
        for _, name in place.columns:
            del export.columns[name]
    taken = {column.name for column in converted}
    for column in export.others.iter_columns():
        if column.name in taken:
            raise FormatError(
                "a column of no field has the name of one; rename it",
                path=export.path,
                column=column.name,
            )
        converted.append(column)
    return pl.DataFrame(converted)


def name_element(field: int, instance: int, number: int) -> str:
    """Return the name that one column of a field in several files has until they are joined.

    Examples
    --------
    >>> name_element(22009, 0, 12)
    'p22009_i0_a12'
    """
    return f"{name_field(field, instance)}_a{number}"


def gather_elements(
    joined: pl.DataFrame, place: tuple[int, int], numbers: Sequence[int], tally: Tally
) -> pl.DataFrame:
    """Return the joined files with the columns of a field as one, its answers in lists.

    Parameters
    ----------
    joined : with a column `name_element` for each number.
    place : field and instance.
    numbers : of the columns, ascending.
    tally : to which is added what is worth telling.

    Raises
    ------
    FormatError
        Measurements lack a column between others, so that their order is lost, or what the files
        hold of a field is not of one kind.

    Examples
    --------
    >>> apart = pl.DataFrame({"p6160_i0_a0": [1, None], "p6160_i0_a1": [5, 2]})
    >>> gather_elements(apart, (6160, 0), [0, 1], Tally())["p6160_i0"].to_list()
    [[1, 5], [2]]
    """
    number, instance = place
    names = [name_element(number, instance, element) for element in numbers]
    kinds = {joined.schema[name] for name in names}
    if len(kinds) > 1 and not all(kind.is_numeric() for kind in kinds):
        raise FormatError(
            f"field {number} holds {' and '.join(sorted(map(str, kinds)))} in different files; "
            "export it in one"
        )
    dictionary = load_dictionary()
    codes = dictionary.knows(number) and dictionary.field(number).kind == "code"
    if any(kind.is_float() for kind in kinds):
        _refuse_missing_element(number, numbers)
    single = joined.select(names)
    answers, gaps = _gather(single if len(kinds) == 1 else single.cast(pl.Float64))
    if not codes:
        _count(tally.gaps, number, int(gaps.sum()))
    if codes or pl.String in kinds:
        _count(tally.repeated, number, int((answers.list.len() > answers.list.n_unique()).sum()))
    return joined.drop(names).with_columns(answers.alias(name_field(number, instance)))


def _places(export: Export) -> Iterator[_Place]:
    held: dict[tuple[int, int], list[tuple[int | None, str]]] = {}
    for name in export.columns:
        field_name = export.names.fields[name]
        held.setdefault((field_name.field, field_name.instance), []).append(
            (field_name.array, name)
        )
    for (number, instance), columns in sorted(held.items()):
        ordered = sorted(columns, key=lambda column: column[0] or 0)
        yield _Place(number, instance, tuple(ordered))


def _read_place(export: Export, place: _Place, tally: Tally) -> pl.Series:
    info = _describe_field(export, place, tally)
    if not info.array:
        if len(place.columns) > 1:
            raise FormatError(
                f"field {info.field} has one answer, and columns for {len(place.columns)}; "
                "remove those that are not of UK Biobank",
                path=export.path,
                column=place.columns[1][1],
            )
        return _read_single(export, place.columns[0][1], info)
    if len(place.columns) == 1 and (place.columns[0][0] or 0) == 0:
        answers = _read_list(export, place.columns[0][1], info)
    else:
        if info.kind == "float":
            _refuse_missing_element(
                info.field, [number or 0 for number, _ in place.columns], path=export.path
            )
        answers = _gather_columns(export, place, info, tally)
    if info.kind in {"code", "text"}:
        again = answers.list.len() > answers.list.n_unique()
        _count(tally.repeated, info.field, int(again.filter(export.kept).sum()))
    return answers


def _read_elements(export: Export, place: _Place, tally: Tally) -> Iterator[pl.Series]:
    """Yield each column of a field, a part of which is in another file, by itself."""
    info = _describe_field(export, place, tally)
    for number, name in place.columns:
        answers = _read_single(export, name, info).filter(export.kept)
        yield answers.alias(name_element(place.field, place.instance, number or 0))


def _describe_field(export: Export, place: _Place, tally: Tally) -> FieldInfo:
    dictionary = load_dictionary()
    if dictionary.knows(place.field):
        return dictionary.field(place.field)
    tally.guessed.add(place.field)
    arrows = [export.columns[name] for _, name in place.columns]
    listed = any(_is_list(column) for column in arrows)
    array = listed or len(arrows) > 1 or (place.columns[0][0] or 0) > 0
    flat = [column.combine_chunks().flatten() if _is_list(column) else column for column in arrows]
    words = pl.concat([encode(_chunked(column)).words for column in flat])
    return FieldInfo(
        place.field, "", guess_kind(words), None, instances=place.instance > 0, array=array
    )


def _read_single(export: Export, name: str, info: FieldInfo) -> pl.Series:
    column = export.columns[name]
    if _is_list(column):
        lists = _to_lists(column)
        several = (lists.list.len() > 1).fill_null(value=False)
        if several.any():
            row = several.arg_max() or 0
            export.refuse(f"several answers to field {info.field}", column=name, row=row)
        column = _chunked(lists.list.first().to_arrow())
    encoded = _encode(export, name, column)
    try:
        return encoded.spread(convert_answers(encoded.words, info))
    except CellFault as fault:
        export.refuse(fault.message, column=name, row=encoded.first_row(fault.position))


def _read_list(export: Export, name: str, info: FieldInfo) -> pl.Series:
    column = export.columns[name]
    if _is_list(column):
        return _read_nested(export, name, info)
    encoded = _encode(export, name, column)
    try:
        lists = convert_lists(encoded.words, info)
    except CellFault as fault:
        export.refuse(fault.message, column=name, row=encoded.first_row(fault.position))
    return encoded.spread(lists).fill_null([])


def _read_nested(export: Export, name: str, info: FieldInfo) -> pl.Series:
    """Return a list column of a parquet file with its values converted."""
    column = export.columns[name]
    lists = _to_lists(column)
    lengths = lists.list.len().fill_null(0)
    values = lists.filter(lengths > 0).explode()
    encoded = _encode(export, name, _chunked(values.to_arrow()))
    try:
        answers = encoded.spread(convert_answers(encoded.words, info))
    except CellFault as fault:
        value = encoded.first_row(fault.position)
        row = int((lengths.cum_sum() > value).arg_max() or 0)
        export.refuse(fault.message, column=name, row=row)
    return nest(answers, lengths.to_list())


def _gather_columns(export: Export, place: _Place, info: FieldInfo, tally: Tally) -> pl.Series:
    """Return the answers of several columns as lists, in the order of their numbers."""
    single = pl.DataFrame(
        [_read_single(export, name, info).alias(name) for _, name in place.columns]
    )
    lists, gaps = _gather(single)
    if info.kind != "code":
        _count(tally.gaps, info.field, int(gaps.filter(export.kept).sum()))
    return lists


def _gather(single: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return the values of each row as a list, and which rows lack one before another."""
    there = np.column_stack([column.is_not_null().to_numpy() for column in single])
    rows, places = np.nonzero(there)
    values = pl.concat(single.get_columns()).gather(places * single.height + rows)
    gaps = (~there[:, :-1] & there[:, 1:]).any(axis=1)
    return nest(values, there.sum(axis=1)), pl.Series(gaps)


def _refuse_missing_element(
    number: int, elements: Sequence[int], *, path: Path | None = None
) -> None:
    """Refuse a series of measurements from which columns were left out: its order is lost."""
    first = 0 if elements[0] == 0 else 1
    if list(elements) != list(range(first, first + len(elements))):
        raise FormatError(
            f"field {number} has the numbers {_shorten(elements)}; export all from {first} on, "
            "since values are told apart by their order",
            path=path,
        )


def _shorten(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:_SHOWN])
    return shown + (", ..." if len(numbers) > _SHOWN else "")


def _count(counts: dict[int, int], number: int, people: int) -> None:
    if people:
        counts[number] = counts.get(number, 0) + people


def _encode(export: Export, name: str, column: pa.ChunkedArray) -> Encoded:
    try:
        return encode(column)
    except (pa.ArrowException, pl.exceptions.PolarsError):
        raise FormatError(
            f"holds {column.type}, of which no answers can be read",
            path=export.path,
            column=name,
        ) from None


def _is_list(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_list(column.type) or pa.types.is_large_list(column.type))


def _to_lists(column: pa.ChunkedArray) -> pl.Series:
    return pl.Series(pl.from_arrow(column))


def _chunked(column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
