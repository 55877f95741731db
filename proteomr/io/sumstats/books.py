"""Books of formats: which columns a file of summary statistics has, and what is to be done to them.

A book is a TOML file among the schemas, or a file of the user's own; a new format is a new file.
`keep` and `drop` name rows that enter and rows that leave, with the reason under which they are
counted; `per_trait` names columns that stand once for each trait, with its name behind a dot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from proteomr.border import read_toml
from proteomr.errors import UsageError, nearest
from proteomr.io.books import ENDING, BookParser, list_books, read_book
from proteomr.tables.sumstats import GenomeBuild

__all__ = [
    "ColumnRule",
    "Conversion",
    "FormatBook",
    "RowRule",
    "book_names",
    "is_book_file",
    "load_book",
]

Conversion: TypeAlias = Literal[
    "text",
    "number",
    "whole",
    "chromosome",
    "allele",
    "rsid",
    "log",
    "p_text",
    "neg_log10",
    "log10",
    "ln",
    "neg_ln",
    "one_sided",
    "z",
    "percent",
    "ratio",
    "variance",
    "half_width",
    "weight",
    "statistic",
]

CONVERSIONS: Final[tuple[str, ...]] = get_args(Conversion)
USUAL: Final[Mapping[str, Conversion]] = {
    "variant_id": "text",
    "rsid": "rsid",
    "chromosome": "chromosome",
    "position_bp": "whole",
    "build": "text",
    "effect_allele": "allele",
    "other_allele": "allele",
    "eaf": "number",
    "beta": "number",
    "se": "number",
    "neg_log10_p": "neg_log10",
    "n": "number",
    "n_case": "number",
    "info": "number",
    "trait": "text",
    "conf_low": "number",
    "conf_high": "number",
}
"""Columns of the canonical table, and the limits of 95 % that its errors can be made of."""
PARTS: Final = ("chromosome", "position_bp", "effect_allele", "other_allele")
"""Canonical columns that the name of a variant may hold."""
_FOLDER: Final = "formats"


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """Where a canonical column comes from.

    Parameters
    ----------
    to : the canonical column.
    sources : names it goes by; the first that a file has is taken.
    by : what is done to it: ``log`` of a ratio, ``p_text`` of p-values as text, ``neg_log10``,
        ``log10``, ``neg_ln``, ``ln`` where such a logarithm of p is given, ``one_sided`` where a
        one-sided p is, ``z`` for a statistic without its error, ``percent``; an error may be that
        of the ``ratio`` and not of its logarithm, a ``variance``, a ``weight`` (1 / SE squared),
        the ``half_width`` of limits of 95 %, or the ``statistic`` that the effect has by it.
    written : whether the column belongs to the format, and is not only read where it is there.
    """

    to: str
    sources: tuple[str, ...]
    by: Conversion
    written: bool = True


@dataclass(frozen=True, slots=True)
class RowRule:
    """Values of a column for which a row is kept or dropped, and the reason that is counted."""

    column: str
    values: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class FormatBook:
    """What is known of a format.

    Parameters
    ----------
    name, title : its name in a request, and in words.
    required : columns by which it is known, as it spells them.
    columns : where canonical columns come from, in the order in which they are written.
    priority : of several books that fit a header, the highest holds.
    build : the genome build that the format prescribes; empty where it does not.
    chromosome_codes : ``catalog`` where 25 is MT, ``plink`` where 25 is XY and 26 MT.
    per_trait : columns that may stand once for each trait.
    other_from : two columns of which the one that is not the effect allele is the other allele.
    name_parts : what the names of variants hold where no column tells it: a regular expression
        whose groups have the names of canonical columns.
    eaf_allele : column of the allele that the frequency is of, where it may be either.
    keep, drop : rows by the value of a column.
    linear : effects are those of a linear model, also where the trait has cases.
    sidecar : whether a yaml file may stand beside it.
    written : whether tables are also written in it.
    vcf : whether statistics are packed in the columns of a VCF.
    id_pattern : what the variants' names look like, where only they tell the format.
    delimiter, missing : what stands between cells, and in empty ones, where the format is written.
    """

    name: str
    title: str
    required: tuple[str, ...]
    columns: tuple[ColumnRule, ...]
    priority: int = 0
    build: GenomeBuild | None = None
    chromosome_codes: Literal["plink", "catalog"] = "plink"
    per_trait: tuple[str, ...] = ()
    other_from: tuple[str, ...] = ()
    name_parts: str = ""
    eaf_allele: str = ""
    keep: tuple[RowRule, ...] = ()
    drop: tuple[RowRule, ...] = ()
    linear: bool = False
    sidecar: bool = False
    written: bool = True
    vcf: bool = False
    id_pattern: str = ""
    delimiter: str = "\t"
    missing: str = "NA"


@cache
def book_names() -> tuple[str, ...]:
    """Return the names of the formats that are shipped, in alphabetical order.

    Examples
    --------
    >>> "regenie" in book_names()
    True
    """
    return list_books(_FOLDER)


def is_book_file(name: str) -> bool:
    """Tell whether the name of a format is that of a book of the user's own.

    Examples
    --------
    >>> is_book_file("mine.toml"), is_book_file("regenie")
    (True, False)
    """
    return name.endswith(ENDING)


def load_book(name: str) -> FormatBook:
    """Return the book of a format.

    Parameters
    ----------
    name : of a format that is shipped; or a file in TOML, a book of the user's own.

    Raises
    ------
    UsageError
        There is no format of that name.
    InputError
        There is no such file.
    FormatError
        The file is no book: no TOML, or with a key, column or conversion that does not exist.

    Examples
    --------
    >>> load_book("finngen").build
    'GRCh38'
    """
    return _read_own(Path(name)) if is_book_file(name) else _load_shipped(name)


@cache
def _load_shipped(name: str) -> FormatBook:
    names = book_names()
    if name not in names:
        hint = nearest(name, names)
        raise UsageError(
            f"no format {name!r}{hint}; known: auto, {', '.join(names)}, or a book of your own "
            f"(FILE{ENDING})"
        )
    return _Parser(Path(f"{name}{ENDING}")).parse(read_book(_FOLDER, name))


def _read_own(path: Path) -> FormatBook:
    return _Parser(path).parse(read_toml(path))


class _Parser(BookParser):
    """Takes a book of summary statistics from TOML."""

    def parse(self, facts: Mapping[str, object]) -> FormatBook:
        needed = {entry.name for entry in fields(FormatBook) if entry.default is MISSING}
        self.check_keys(facts, "the book", needed=needed, allowed=_READERS)
        values = {key: _READERS[key](self, key, value) for key, value in facts.items()}
        return FormatBook(**values)

    def take_parts(self, key: str, value: object) -> str:
        pattern = self.take_pattern(key, value)
        named = re.compile(pattern).groupindex
        for to in named:
            if to not in PARTS:
                raise self.refuse(f"{key} has no canonical column {to!r}{nearest(to, PARTS)}")
        if not named:
            raise self.refuse(f"{key} names no group, as (?P<chromosome>[0-9]+)")
        return pattern

    def take_delimiter(self, key: str, value: object) -> str:
        text = self.take_text(key, value)
        if text not in _DELIMITERS:
            shown = ", ".join(map(repr, _DELIMITERS))
            raise self.refuse(f"{key} is {text!r}; one of these is needed: {shown}")
        return text

    def take_build(self, key: str, value: object) -> str:
        return self.choose(key, value, get_args(GenomeBuild))

    def take_codes(self, key: str, value: object) -> str:
        return self.choose(key, value, ("plink", "catalog"))

    def take_pair(self, key: str, value: object) -> tuple[str, ...]:
        names = self.take_names(key, value)
        if len(names) != 2:
            raise self.refuse(f"{key} names {len(names)} columns, where two are needed")
        return names

    def take_rows(self, key: str, value: object) -> tuple[RowRule, ...]:
        needed = ("column", "values", "reason")
        entries = self.take_tables(key, value, needed=needed, allowed=needed)
        return tuple(
            RowRule(
                self.take_title(f"column of [[{key}]]", entry["column"]),
                self.take_names(f"values of [[{key}]]", entry["values"]),
                self.take_title(f"reason of [[{key}]]", entry["reason"]),
            )
            for entry in entries
        )

    def take_columns(self, key: str, value: object) -> tuple[ColumnRule, ...]:
        allowed = ("to", "from", "by", "written")
        entries = self.take_tables(key, value, needed=("to", "from"), allowed=allowed)
        return tuple(map(self._take_column, entries))

    def _take_column(self, entry: Mapping[str, object]) -> ColumnRule:
        to = self.take_text("to of [[columns]]", entry["to"])
        if to not in USUAL:
            raise self.refuse(f"no canonical column {to!r}{nearest(to, USUAL)}")
        by = self.take_text("by of [[columns]]", entry.get("by", USUAL[to]))
        if by not in CONVERSIONS:
            raise self.refuse(f"no conversion {by!r}{nearest(by, CONVERSIONS)}")
        sources = self.take_names(f"from of the column {to}", entry["from"])
        if not sources:
            raise self.refuse(f"from of the column {to} names no column of the file")
        written = self.take_flag("written of [[columns]]", entry.get("written", True))
        return ColumnRule(to, sources, _CONVERSION_OF[by], written)


_DELIMITERS: Final = ("\t", " ", ",", ";")  # those that the reader finds by itself
_CONVERSION_OF: Final[Mapping[str, Conversion]] = {by: by for by in get_args(Conversion)}
_READERS: Final[Mapping[str, Callable[[_Parser, str, object], Any]]] = {
    "name": _Parser.take_title,
    "title": _Parser.take_title,
    "required": _Parser.take_names,
    "columns": _Parser.take_columns,
    "priority": _Parser.take_whole,
    "build": _Parser.take_build,
    "chromosome_codes": _Parser.take_codes,
    "per_trait": _Parser.take_names,
    "other_from": _Parser.take_pair,
    "name_parts": _Parser.take_parts,
    "eaf_allele": _Parser.take_title,
    "keep": _Parser.take_rows,
    "drop": _Parser.take_rows,
    "linear": _Parser.take_flag,
    "sidecar": _Parser.take_flag,
    "written": _Parser.take_flag,
    "vcf": _Parser.take_flag,
    "id_pattern": _Parser.take_pattern,
    "delimiter": _Parser.take_delimiter,
    "missing": _Parser.take_text,
}
