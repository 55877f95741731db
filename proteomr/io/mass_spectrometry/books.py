"""Books of the tables that programs of mass spectrometry write: a TOML file for each format.

``required`` are the columns by which a format is known (an empty name is a first column without
one), ``column_patterns`` what some columns must look like besides, and ``without`` columns of
another format with the same ones. ``values`` says, the preferred one first, which quantities there
are and in which columns: the group of a pattern is the name of the sample. In a ``long`` layout
each pattern is one column, and ``sample`` names the runs. ``flags`` names columns whose ``+`` marks
decoys and contaminants; ``flagged`` are columns whose names show them, besides the protein.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

from proteomr.errors import UsageError, nearest
from proteomr.io.books import ENDING, BookParser, list_books, read_book

__all__ = ["FlagRule", "MatrixBook", "Quantity", "find_book", "find_lacking", "load_books"]

Layout = Literal["matrix", "long"]

_FOLDER: Final = "matrices"
_ANY_OTHER: Final = "(?!"  # how a pattern begins that takes every column but some


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of intensity, and the columns that hold it."""

    name: str
    pattern: str

    def match(self, columns: Sequence[str]) -> dict[str, str]:
        """Return the columns of this quantity, each with the name of its sample.

        Examples
        --------
        >>> Quantity("lfq", "LFQ intensity (.+)").match(["Intensity A", "LFQ intensity A"])
        {'LFQ intensity A': 'A'}
        """
        found = {name: re.fullmatch(self.pattern, name) for name in columns}
        return {
            name: match[1] if match.groups() else name
            for name, match in found.items()
            if match is not None
        }


@dataclass(frozen=True, slots=True)
class FlagRule:
    """A flag, and the columns in which ``+`` gives it to a protein."""

    flag: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MatrixBook:
    """What is known of a format.

    Parameters
    ----------
    name, title : its name, and in words.
    required : columns by which it is known.
    protein : column that names the protein groups; the first that a file has is taken.
    values : quantities, the preferred one first.
    layout : matrix, proteins in rows and samples in columns; or long, a row per run and precursor.
    column_patterns : what at least one column looks like.
    without : columns that files of this format never have.
    gene, description, sample, q_value : further columns; the first that a file has is taken.
    gene_pattern : finds the genes in the description, where no column tells them.
    flagged : columns whose entries show decoys and contaminants, besides the protein.
    flags : columns that mark them.
    ragged : whether empty cells at the end of a line may be cut off.
    """

    name: str
    title: str
    required: tuple[str, ...]
    protein: tuple[str, ...]
    values: tuple[Quantity, ...]
    layout: Layout = "matrix"
    column_patterns: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    gene: tuple[str, ...] = ()
    description: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()
    q_value: tuple[str, ...] = ()
    gene_pattern: str = ""
    flagged: tuple[str, ...] = ()
    flags: tuple[FlagRule, ...] = ()
    ragged: bool = False

    def knows(self, columns: Sequence[str]) -> bool:
        """Tell whether columns are those of a file of this format.

        Examples
        --------
        >>> book = load_books()["spectronaut_matrix"]
        >>> book.knows(["PG.ProteinGroups", "PG.Genes", "[1] A.raw.PG.Quantity"])
        True
        """
        held = set(columns)
        if not set(self.required) <= held or held.intersection(self.without):
            return False
        looks = all(
            any(re.fullmatch(pattern, name) for name in columns) for pattern in self.column_patterns
        )
        return looks and any(quantity.match(columns) for quantity in self.values)

    def lacks(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return which required columns a file lacks that has quantities of this format.

        Such a file is a damaged or an altered one of the format, and no table of samples; it has
        further columns of the format. Empty for every other file.

        Examples
        --------
        >>> book = load_books()["fragpipe"]
        >>> book.lacks(["Protein", "Gene", "Entry Name", "A MaxLFQ Intensity"])
        ('Protein ID',)
        >>> book.lacks(["ID", "A", "B"])
        ()
        """
        telling = [each for each in self.values if not each.pattern.startswith(_ANY_OTHER)]
        known = {*self.required, *self.gene, *self.description, *self.sample, *self.q_value}
        held = known.intersection(columns) - {""}
        if not held or not any(quantity.match(columns) for quantity in telling):
            return ()
        return tuple(name for name in self.required if name not in columns)

    def choose(self, columns: Sequence[str], name: str | None) -> tuple[Quantity, dict[str, str]]:
        """Return the quantity to read, and its columns with their samples.

        Parameters
        ----------
        columns : names of the columns of a file.
        name : of the quantity, as the user says; None for the preferred one.

        Raises
        ------
        UsageError
            There is no such quantity, in the format or in the file.
        """
        there = {each.name: each for each in self.values if each.match(columns)}
        owners = {column: each for each in there.values() for column in each.match(columns)}
        if self.layout == "long" and name in owners:
            chosen = owners[name]
        elif name is None:
            chosen = next(iter(there.values()))
        elif name.casefold() in there:
            chosen = there[name.casefold()]
        else:
            hint = nearest(name, there)
            raise UsageError(
                f"--value {name}: no such quantity in a table of {self.title}{hint}; there are "
                f"{', '.join(there)}"
            )
        return chosen, chosen.match(columns)


@cache
def load_books() -> Mapping[str, MatrixBook]:
    """Return the books that are shipped, by their names.

    Examples
    --------
    >>> load_books()["maxquant"].title
    'MaxQuant proteinGroups.txt'
    """
    names = list_books(_FOLDER)
    return {
        name: _Parser(Path(f"{name}{ENDING}")).parse(read_book(_FOLDER, name)) for name in names
    }


def find_book(columns: Sequence[str]) -> MatrixBook | None:
    """Return the book of a file with these columns, the one that asks most of them; or None.

    Examples
    --------
    >>> find_book(["Run", "Protein.Group", "Genes", "Precursor.Id", "PG.MaxLFQ"]).name
    'diann_report'
    >>> find_book(["sample_id", "GDF15"])
    """
    fitting = [book for book in load_books().values() if book.knows(columns)]
    return max(fitting, key=lambda book: len(book.required), default=None)


def find_lacking(columns: Sequence[str]) -> tuple[MatrixBook, tuple[str, ...]] | None:
    """Return the book that columns are nearly those of, and what they lack; None without.

    Examples
    --------
    >>> book, lacking = find_lacking(["Protein", "Gene", "A MaxLFQ Intensity"])
    >>> book.name, lacking
    ('fragpipe', ('Protein ID',))
    """
    nearly = ((book, book.lacks(columns)) for book in load_books().values())
    return min((pair for pair in nearly if pair[1]), key=lambda pair: len(pair[1]), default=None)


class _Parser(BookParser):
    """Takes a book of a matrix from TOML."""

    def parse(self, facts: Mapping[str, object]) -> MatrixBook:
        needed = {entry.name for entry in fields(MatrixBook) if entry.default is MISSING}
        self.check_keys(facts, "the book", needed=needed, allowed=_READERS)
        return MatrixBook(**{key: _READERS[key](self, key, value) for key, value in facts.items()})

    def take_layout(self, key: str, value: object) -> str:
        return self.choose(key, value, get_args(Layout))

    def take_patterns(self, key: str, value: object) -> tuple[str, ...]:
        return tuple(self.take_pattern(key, pattern) for pattern in self.take_names(key, value))

    def take_values(self, key: str, value: object) -> tuple[Quantity, ...]:
        keys = ("name", "pattern")
        return tuple(
            Quantity(
                self.take_title(f"name of [[{key}]]", entry["name"]),
                self.take_pattern(f"pattern of [[{key}]]", entry["pattern"]),
            )
            for entry in self.take_tables(key, value, needed=keys, allowed=keys)
        )

    def take_flags(self, key: str, value: object) -> tuple[FlagRule, ...]:
        keys = ("flag", "columns")
        return tuple(
            FlagRule(
                self.take_title(f"flag of [[{key}]]", entry["flag"]),
                self.take_names(f"columns of [[{key}]]", entry["columns"]),
            )
            for entry in self.take_tables(key, value, needed=keys, allowed=keys)
        )


_READERS: Final[Mapping[str, Callable[[_Parser, str, object], Any]]] = {
    "name": _Parser.take_title,
    "title": _Parser.take_title,
    "required": _Parser.take_names,
    "protein": _Parser.take_names,
    "values": _Parser.take_values,
    "layout": _Parser.take_layout,
    "column_patterns": _Parser.take_patterns,
    "without": _Parser.take_names,
    "gene": _Parser.take_names,
    "description": _Parser.take_names,
    "sample": _Parser.take_names,
    "q_value": _Parser.take_names,
    "gene_pattern": _Parser.take_pattern,
    "flagged": _Parser.take_names,
    "flags": _Parser.take_flags,
    "ragged": _Parser.take_flag,
}
