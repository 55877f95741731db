"""How a laboratory's files spell their columns, and what each column of a long table is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.errors import FormatError, nearest
from proteomr.io.formats import IngestOptions
from proteomr.tables import Platform
from proteomr.tables import columns as c

__all__ = [
    "ASSAY",
    "ASSAY_ID",
    "ASSAY_QC",
    "ASSAY_TYPE",
    "BLOCK",
    "COUNT",
    "LIMITS",
    "MISSING_FREQ",
    "NORMALIZATION",
    "NUMERIC",
    "RANGE",
    "SAMPLE_QC",
    "SCALED",
    "Quantity",
    "Roles",
    "Vocabulary",
    "add_unit",
    "constant_columns",
    "find_roles",
    "identifying",
    "is_passed",
    "looks_long",
    "simplify",
]

ASSAY_ID: Final = "assay_id"
ASSAY: Final = "assay"
ASSAY_TYPE: Final = "assay_type"
BLOCK: Final = "block"
NORMALIZATION: Final = "normalization"
SAMPLE_QC: Final = "sample_qc"
ASSAY_QC: Final = "assay_qc"
MISSING_FREQ: Final = "missing_freq"
RANGE: Final = "range"
"""What a cell says in place of a value beyond the limits of quantification."""
LIMITS: Final = (c.LOD, c.LLOQ, c.ULOQ, c.LQL)
SCALED: Final = (c.VALUE, *LIMITS)
COUNT: Final = "count"
"""Reads behind a value, of which an assay keeps the median: what bridging of products asks for."""
NUMERIC: Final = (*SCALED, COUNT)

_MARKS: Final = re.compile(r"[^0-9a-z]+")
_RAW: Final = ("ct", "count", "unnormalizedcount")
_PASSED: Final = frozenset(("pass", "passed", "ok", "na", "none", "nan", ""))


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity that a laboratory reports, and the limits that are on its scale.

    Parameters
    ----------
    names : of its column, without case, blanks and marks; the first there is taken.
    unit : of all its values; None where a column tells the unit of each.
    limits : names of the columns of each limit, by `LIMITS`.
    offered : whether it is taken where the user names none.
    """

    names: tuple[str, ...]
    unit: str | None
    limits: Mapping[str, tuple[str, ...]]
    offered: bool = True


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a laboratory calls things. Names stand without letter case, blanks and marks.

    Parameters
    ----------
    platform, maker : name of the platform, and of who makes it, for messages.
    spellings : names of the column of each role; of several in one file the first is taken.
    quantities : what may stand for the value, the preferred one first.
    asked : what the columns of sample, assay and value are called in messages.
    hints, decisive : a header with three of the first and one of the second is a long table.
    describing : further roles that say something of an assay.
    passed_over : columns that are known and not taken.
    own_name : whether a sample has the name that the laboratory gives controls.
    control_assay : whether an assay has the name of a control of the method.
    logarithmic : units that are logarithms.
    id_name : what the identifier of an assay is called, which is its key; None where names are.
    labels_genes : whether genes are found from the names of the assays and their accessions.
    """

    platform: Platform
    maker: str
    spellings: Mapping[str, tuple[str, ...]]
    quantities: tuple[Quantity, ...]
    asked: tuple[str, str, str]
    hints: tuple[str, ...]
    decisive: tuple[str, ...]
    describing: tuple[str, ...]
    passed_over: frozenset[str]
    own_name: Callable[[str], bool]
    control_assay: Callable[[str], bool]
    logarithmic: tuple[str, ...]
    id_name: str | None = None
    labels_genes: bool = False


@dataclass(frozen=True, slots=True)
class Roles:
    """What the columns of one long file are.

    Parameters
    ----------
    names : column in the file of each role it fills.
    unit : what the values are, or None for a quantity with a unit of its own.
    further : columns of no known role.
    passed_over : columns that are known and not taken.
    """

    names: Mapping[str, str]
    unit: str | None
    further: tuple[str, ...]
    passed_over: tuple[str, ...]


def simplify(name: str) -> str:
    """Return a name without letter case, blanks and marks.

    Examples
    --------
    >>> simplify("Plate_ID"), simplify("Uniprot ID")
    ('plateid', 'uniprotid')
    """
    return _MARKS.sub("", name.casefold())


def looks_long(columns: Sequence[str], vocabulary: Vocabulary) -> bool:
    """Tell whether the names are those of a long table of a laboratory.

    Examples
    --------
    >>> from proteomr.io.olink.spellings import OLINK
    >>> looks_long(["SampleID", "OlinkID", "UniProt", "NPX"], OLINK)
    True
    >>> looks_long(["sample_id", "assay", "value"], OLINK)
    False
    """
    words = {simplify(name) for name in columns}
    signs = sum(hint in words for hint in vocabulary.hints)
    return signs >= 3 and not words.isdisjoint(vocabulary.decisive)


def find_roles(
    columns: Sequence[str], vocabulary: Vocabulary, *, path: Path, options: IngestOptions
) -> Roles:
    """Return the role of each column of a long table.

    Parameters
    ----------
    columns : names of the columns.
    vocabulary : what the laboratory calls them.
    path : the file, for messages.
    options : columns named by the user go before the usual ones.

    Raises
    ------
    FormatError
        The sample, the assay or the value has no column.

    Examples
    --------
    >>> from proteomr.io.olink.spellings import OLINK
    >>> header = ["Sample_ID", "OlinkID", "NPX", "Site"]
    >>> roles = find_roles(header, OLINK, path=Path("npx.csv"), options=IngestOptions())
    >>> roles.names["assay_id"], roles.further
    ('OlinkID', ('Site',))
    """
    spelt: dict[str, str] = {}
    for name in columns:
        spelt.setdefault(simplify(name), name)
    names = _chosen_by_user(columns, path, options)
    quantity = _find_quantity(names, spelt, vocabulary)
    spellings = dict(vocabulary.spellings)
    if quantity is not None:
        spellings |= {c.VALUE: quantity.names, **quantity.limits}
    for role, words in spellings.items():
        for name in (spelt[word] for word in words if word in spelt):
            if role not in names and name not in names.values():
                names[role] = name
    if options.assay_column is not None:
        names.pop(ASSAY_ID, None)
    _require(names, columns, vocabulary, path)
    others = [name for name in columns if name not in names.values()]
    known = vocabulary.passed_over.union(*map(_words_of, vocabulary.quantities))
    return Roles(
        names=names,
        unit=quantity.unit if quantity is not None else names[c.VALUE],
        further=tuple(name for name in others if simplify(name) not in known),
        passed_over=tuple(name for name in others if simplify(name) in known),
    )


def is_passed(result: str) -> bool:
    """Tell whether a result of quality control is no warning.

    Examples
    --------
    >>> is_passed("Pass"), is_passed("WARN")
    (True, False)
    """
    return result.strip().casefold() in _PASSED


def add_unit(frame: pl.LazyFrame, roles: Roles) -> pl.LazyFrame:
    """Return rows with the unit that all of them share, where they share one."""
    if roles.unit is None:
        return frame
    return frame.with_columns(pl.lit(roles.unit, dtype=pl.Enum([roles.unit])).alias(c.UNIT))


def identifying(roles: Roles) -> list[str]:
    """Return the columns that name the sample and the assay."""
    return [roles.names[role] for role in (c.SAMPLE_ID, ASSAY_ID, ASSAY) if role in roles.names]


def constant_columns(rows: pl.DataFrame, roles: Roles) -> tuple[str, ...]:
    """Return the further columns that may say something of a sample or of an assay.

    What differs among the first rows of most samples and of most assays is a measurement, and is
    not worth the memory of reading it whole. One that differs for some is read, so that all rows
    decide and not those that come first: control wells of one name, say, stand on several plates.
    """
    present = [name for name in roles.further if name in rows.columns]
    names: set[str] = set()
    for by in identifying(roles):
        constant = rows.group_by(by).agg(pl.col(present).drop_nulls().n_unique() <= 1)
        names.update(name for name in present if 2 * constant[name].sum() >= constant.height)
    return tuple(name for name in present if name in names)


def _find_quantity(
    chosen: Mapping[str, str], spelt: Mapping[str, str], vocabulary: Vocabulary
) -> Quantity | None:
    """Return the quantity that the user names, or the first that is there."""
    if c.VALUE in chosen:
        word = simplify(chosen[c.VALUE])
        return next((each for each in vocabulary.quantities if word in each.names), None)
    there = (each for each in vocabulary.quantities if each.offered)
    return next((each for each in there if not spelt.keys().isdisjoint(each.names)), None)


def _words_of(quantity: Quantity) -> set[str]:
    return {*quantity.names, *(word for words in quantity.limits.values() for word in words)}


def _chosen_by_user(columns: Sequence[str], path: Path, options: IngestOptions) -> dict[str, str]:
    wanted = {
        c.SAMPLE_ID: options.id_column,
        ASSAY: options.assay_column,
        c.VALUE: options.value_column,
    }
    chosen = {role: name for role, name in wanted.items() if name is not None}
    for name in chosen.values():
        if name not in columns:
            raise FormatError(f"no column {name!r}{nearest(name, columns)}", path=path)
    return chosen


def _require(
    names: Mapping[str, str], columns: Sequence[str], vocabulary: Vocabulary, path: Path
) -> None:
    sample, assay, value = vocabulary.asked
    if c.SAMPLE_ID not in names:
        raise _absent(sample, columns, path)
    if c.VALUE not in names:
        raw = any(simplify(name) in _RAW for name in columns)
        also = f" (raw signals are not comparable between samples: export {value})" if raw else ""
        raise _absent(value, columns, path, also=also)
    if ASSAY_ID not in names and ASSAY not in names:
        raise _absent(assay, columns, path, also=" or Assay" if assay != "Assay" else "")


def _absent(name: str, columns: Sequence[str], path: Path, *, also: str = "") -> FormatError:
    shown = ", ".join(columns[:30]) + (", ..." if len(columns) > 30 else "")
    hint = nearest(name, columns)
    return FormatError(f"no column {name}{also}{hint}; columns: {shown}", path=path)
