"""Books of formats: which columns a file of summary statistics has, and what is to be done to them.

A book is a TOML file among the schemas; a new format is a new file. `keep` and `drop` name rows
that enter and rows that leave, with the reason under which they are counted; `per_trait` names
columns that stand once for each trait, with its name behind a dot.
"""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, TypeAlias, get_args

from proteomr.errors import InputError, UsageError, nearest
from proteomr.tables.sumstats import GenomeBuild

__all__ = ["ColumnRule", "Conversion", "FormatBook", "RowRule", "book_names", "load_book"]

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
    "z",
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
}
_FOLDER: Final = "formats"
_TUPLES: Final = ("required", "per_trait", "other_from")


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """Where a canonical column comes from.

    Parameters
    ----------
    to : the canonical column.
    sources : names it goes by; the first that a file has is taken.
    by : what is done to it: ``log`` of a ratio, ``p_text`` of p-values as text, ``neg_log10`` where
        -log10 p is given, ``log10`` where log10 p is, ``z`` for a statistic without its error.
    """

    to: str
    sources: tuple[str, ...]
    by: Conversion


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
    keep, drop : rows by the value of a column.
    linear : effects are those of a linear model, also where the trait has cases.
    sidecar : whether a yaml file may stand beside it.
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
    keep: tuple[RowRule, ...] = ()
    drop: tuple[RowRule, ...] = ()
    linear: bool = False
    sidecar: bool = False
    vcf: bool = False
    id_pattern: str = ""
    delimiter: str = "\t"
    missing: str = "NA"


@cache
def book_names() -> tuple[str, ...]:
    """Return the names of the formats that are read, in alphabetical order.

    Examples
    --------
    >>> "regenie" in book_names()
    True
    """
    folder = importlib.resources.files("proteomr.schemas") / _FOLDER
    files = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


@cache
def load_book(name: str) -> FormatBook:
    """Return the book of a format.

    Raises
    ------
    UsageError
        There is no format of that name.
    InputError
        The book names a column or a conversion that does not exist.

    Examples
    --------
    >>> load_book("finngen").build
    'GRCh38'
    """
    known = book_names()
    if name not in known:
        hint = nearest(name, known)
        raise UsageError(f"no format {name!r}{hint}; known: auto, {', '.join(known)}")
    file = importlib.resources.files("proteomr.schemas") / _FOLDER / f"{name}.toml"
    return _parse(tomllib.loads(file.read_text(encoding="utf-8")))


def _parse(facts: Mapping[str, Any]) -> FormatBook:
    values = dict(facts)
    values["columns"] = tuple(_rule(entry, facts["name"]) for entry in facts["columns"])
    for side in ("keep", "drop"):
        values[side] = tuple(
            RowRule(entry["column"], tuple(entry["values"]), entry["reason"])
            for entry in facts.get(side, ())
        )
    values.update({key: tuple(facts.get(key, ())) for key in _TUPLES})
    return FormatBook(**values)


def _rule(entry: Mapping[str, Any], book: str) -> ColumnRule:
    to = entry["to"]
    if to not in USUAL:
        raise InputError(f"format {book!r}: no canonical column {to!r}{nearest(to, USUAL)}")
    by = entry.get("by", USUAL[to])
    if by not in CONVERSIONS:
        raise InputError(f"format {book!r}: no conversion {by!r}{nearest(by, CONVERSIONS)}")
    return ColumnRule(to, tuple(entry["from"]), by)
