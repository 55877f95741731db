"""How Olink's files spell their columns, controls and results of quality control."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proteomr.errors import FormatError, nearest
from proteomr.io.formats import IngestOptions
from proteomr.tables import columns as c

__all__ = [
    "ASSAY",
    "ASSAY_QC",
    "ASSAY_TYPE",
    "BLOCK",
    "DESCRIBING_ASSAYS",
    "NORMALIZATION",
    "OLINK_ID",
    "SAMPLE_QC",
    "Roles",
    "find_roles",
    "is_control_assay",
    "is_damaged",
    "is_own_control_name",
    "is_passed",
    "looks_long",
    "simplify",
]

OLINK_ID: Final = "olink_id"
ASSAY: Final = "assay"
ASSAY_TYPE: Final = "assay_type"
BLOCK: Final = "block"
NORMALIZATION: Final = "normalization"
SAMPLE_QC: Final = "sample_qc"
ASSAY_QC: Final = "assay_qc"

_NPX: Final = "npx"
_QUANTIFIED: Final = ("quantifiedvalue", "quantvalue", "concentration")
# Spellings without case, blanks and marks; of several in one file the first here is taken.
_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    c.SAMPLE_ID: ("sampleid", "sampleidentifier", "samplename"),
    c.SAMPLE_TYPE: ("sampletype",),
    c.PLATE: ("plateid", "platename", "plate"),
    c.WELL: ("wellid", "well", "wellposition"),
    c.BATCH: ("batch", "batchid"),
    OLINK_ID: ("olinkid", "oid"),
    c.UNIPROT: ("uniprot", "uniprotid", "uniprotaccession"),
    ASSAY: ("assay", "assayname", "protein", "target"),
    c.GENE: ("geneid", "gene", "genesymbol", "genename", "hgncsymbol"),
    c.PANEL: ("panel", "panelname"),
    ASSAY_TYPE: ("assaytype",),
    BLOCK: ("block",),
    c.VALUE: (_NPX, *_QUANTIFIED),
    c.UNIT: ("unit", "quantifiedunit"),
    NORMALIZATION: ("normalization", "normalisation"),
    c.LOD: ("lod", "platelod", "maxlod", "lodnpx"),
    SAMPLE_QC: ("qcwarning", "sampleqc", "samplewarning", "sampleqcwarning"),
    ASSAY_QC: ("assayqc", "assaywarning", "assayqcwarning"),
    "missing_freq": ("missingfreq", "missingdatafreq", "missingfrequency"),
    "panel_version": ("panelversion",),
    "panel_lot": ("panellotnr", "panellotnumber", "panellot", "lotnr"),
    "software_version": ("exploreversion", "softwareversion", "olinknpxsignatureversion"),
}
DESCRIBING_ASSAYS: Final = ("missing_freq", "panel_version", "panel_lot", "software_version")
_PASSED_OVER: Final = frozenset(
    ("index", "count", "extnpx", "pcnormalizednpx", "pcnormalizedlod", "ct", "ctvalue", "lodmethod")
)
_HINTS: Final = ("sampleid", "olinkid", "uniprot", "assay", "panel", "plateid", _NPX)

_MARKS: Final = re.compile(r"[^0-9a-z]+")
_CONTROL_ASSAY: Final = re.compile(
    r"(ext|extension|inc|incubation|amp|amplification|det|detection)[ _-]?(control|ctrl)(?![a-z])",
    re.IGNORECASE,
)
_MONTH: Final = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_DAMAGED: Final = re.compile(
    r"[+-]?\d(\.\d+)?e\+\d+"  # 1E+05
    rf"|\d{{1,2}}-{_MONTH}(-\d{{2,4}})?|{_MONTH}-\d{{2,4}}"  # 1-Mar, Mar-01
    r"|\d{4}-\d{2}-\d{2}([ t]\d{2}:\d{2}(:\d{2})?)?"  # 2021-03-01
    r"|\d{1,2}/\d{1,2}/\d{2,4}|#(ref|name|n/a|value|num|div/0)[!?]?",
    re.IGNORECASE,
)
_PASSED: Final = frozenset(("pass", "passed", "ok", "na", "none", "nan", ""))


@dataclass(frozen=True, slots=True)
class Roles:
    """What the columns of one long file are.

    Parameters
    ----------
    names : column in the file of each role it fills.
    unit : what the values are: NPX, the name of a column chosen by the user, or None for a quantity
        with a unit of its own.
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


def looks_long(columns: Sequence[str]) -> bool:
    """Tell whether the names are those of a long table of Olink.

    Examples
    --------
    >>> looks_long(["SampleID", "OlinkID", "UniProt", "NPX"])
    True
    >>> looks_long(["sample_id", "assay", "value"])
    False
    """
    words = {simplify(name) for name in columns}
    signs = sum(hint in words for hint in _HINTS)
    return signs >= 3 and not words.isdisjoint(("olinkid", _NPX, _QUANTIFIED[0]))


def find_roles(columns: Sequence[str], *, path: Path, options: IngestOptions) -> Roles:
    """Return the role of each column of a long table.

    Parameters
    ----------
    columns : names of the columns.
    path : the file, for messages.
    options : columns named by the user go before the usual ones.

    Raises
    ------
    FormatError
        The sample, the assay or the value has no column.

    Examples
    --------
    >>> header = ["Sample_ID", "OlinkID", "NPX", "Site"]
    >>> roles = find_roles(header, path=Path("npx.csv"), options=IngestOptions())
    >>> roles.names["olink_id"], roles.further
    ('OlinkID', ('Site',))
    """
    spelt: dict[str, str] = {}
    for name in columns:
        spelt.setdefault(simplify(name), name)
    names = _chosen_by_user(columns, path, options)
    for role, spellings in _SPELLINGS.items():
        for name in (spelt[word] for word in spellings if word in spelt):
            if role not in names and name not in names.values():
                names[role] = name
    if options.assay_column is not None:
        names.pop(OLINK_ID, None)
    _require(names, columns, path)
    others = [name for name in columns if name not in names.values()]
    value = simplify(names[c.VALUE])
    unit = None if value in _QUANTIFIED else names[c.VALUE]
    if value in (_NPX, "pcnormalizednpx"):
        unit = "NPX"
    return Roles(
        names=names,
        unit=unit,
        further=tuple(name for name in others if simplify(name) not in _PASSED_OVER),
        passed_over=tuple(name for name in others if simplify(name) in _PASSED_OVER),
    )


def is_own_control_name(name: str) -> bool:
    """Tell whether a sample has the name that Olink's software gives controls.

    Examples
    --------
    >>> is_own_control_name("CONTROL_SAMPLE_AS 1"), is_own_control_name("Control 12")
    (True, False)
    """
    return name.startswith("CONTROL_")


def is_control_assay(name: str) -> bool:
    """Tell from its name alone whether an assay is a control of the method.

    Examples
    --------
    >>> is_control_assay("Extension control 1"), is_control_assay("INCA1")
    (True, False)
    """
    return _CONTROL_ASSAY.match(name) is not None


def is_damaged(name: str) -> bool:
    """Tell whether a spreadsheet has rewritten a name as a date, a number or an error.

    Examples
    --------
    >>> is_damaged("1.00E+05"), is_damaged("1-Mar"), is_damaged("OID20001")
    (True, True, False)
    """
    return _DAMAGED.fullmatch(name) is not None


def is_passed(result: str) -> bool:
    """Tell whether a result of quality control is no warning.

    Examples
    --------
    >>> is_passed("Pass"), is_passed("WARN")
    (True, False)
    """
    return result.strip().casefold() in _PASSED


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


def _require(names: Mapping[str, str], columns: Sequence[str], path: Path) -> None:
    for role, name in ((c.SAMPLE_ID, "SampleID"), (c.VALUE, "NPX")):
        if role not in names:
            _refuse_absent(name, columns, path)
    if OLINK_ID not in names and ASSAY not in names:
        _refuse_absent("OlinkID", columns, path)


def _refuse_absent(name: str, columns: Sequence[str], path: Path) -> None:
    shown = ", ".join(columns[:30]) + (", ..." if len(columns) > 30 else "")
    also = " or Assay" if name == "OlinkID" else ""
    hint = nearest(name, columns)
    if name == "NPX" and any(simplify(column) in ("ct", "count") for column in columns):
        also = " (raw signals are not comparable between samples: export NPX)"
    raise FormatError(f"no column {name}{also}{hint}; columns: {shown}", path=path)
