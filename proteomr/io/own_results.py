"""Results that proteomr wrote itself, which are no input of a study to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from proteomr.border import reading
from proteomr.errors import InputError
from proteomr.runs.encoding import read_stamp
from proteomr.tables import load_schema
from proteomr.tables.table import schema_names

__all__ = ["find_figure_numbers", "name_result"]

_FIGURES: Final = (".svg", ".png", ".pdf")
_TEXTS: Final = {".tsv": "\t", ".csv": ","}
_INPUTS: Final = frozenset({"assays", "sumstats", "harmonised", "instruments", "genes"})
"""Tables that commands write and read."""
_FEWEST: Final = 4  # columns by which a table is known without a stamp


def find_figure_numbers(entries: Sequence[Path]) -> dict[Path, Path]:
    """Return the tables of numbers that stand beside figures, each with (the first page of) its.

    Parameters
    ----------
    entries : paths of a folder.

    Examples
    --------
    >>> found = find_figure_numbers([Path("a.svg"), Path("a.tsv"), Path("b-1.png"), Path("b.tsv")])
    >>> {table.name: figure.name for table, figure in found.items()}
    {'a.tsv': 'a.svg', 'b.tsv': 'b-1.png'}
    """
    there = set(entries)
    found = {}
    for path in entries:
        if path.suffix != ".tsv":
            continue
        names = [f"{path.stem}{page}{ending}" for page in ("", "-1") for ending in _FIGURES]
        figure = next((path.with_name(n) for n in names if path.with_name(n) in there), None)
        if figure is not None:
            found[path] = figure
    return found


def name_result(path: Path) -> str | None:
    """Return which table of results a file is, by its stamp or its columns; None for any other.

    Tables with rows of people, and those that other commands read, are none. Without a stamp the
    columns have to be those of a schema: all that a table of its kind always has, and no other.

    Parameters
    ----------
    path : of a table in parquet, csv or tsv.
    """
    results = _list_results()
    try:
        with reading(path):
            stamp = read_stamp(path) if path.suffix == ".parquet" else {}
            names = _read_header(path)
    except InputError:
        return None  # whoever reads it as something else says what is wrong with it
    if path.suffix == ".parquet":
        name = stamp.get("schema", "").partition("/")[0]
        return name if name in results else None
    held = set(names)
    if len(names) < _FEWEST or len(held) < len(names):
        return None
    for name, (always, known) in results.items():
        if len(always) >= _FEWEST and always <= held <= known:
            return name
    return None


def _read_header(path: Path) -> list[str]:
    separator = _TEXTS.get(path.suffix)
    if separator is None:
        return []
    with path.open(encoding="utf-8") as file:
        return file.readline().rstrip("\r\n").split(separator)


@cache
def _list_results() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Return the columns that tables of results always have, and all that they may have."""
    found = {}
    for name in schema_names():
        schema = load_schema(name)
        if name in _INPUTS or any(column.disclosure == "person" for column in schema.columns):
            continue
        always = frozenset(column.name for column in schema.columns if not column.optional)
        found[name] = always, frozenset(column.name for column in schema.columns)
    return found
