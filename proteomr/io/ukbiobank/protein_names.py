"""Names of proteins in exports of UK Biobank: which assay and visit each stands for."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

__all__ = [
    "INSTANCE",
    "ProteinColumn",
    "find_eid",
    "known_proteins",
    "last_part",
    "parse_protein",
    "protein_key",
    "tells_instance",
]

INSTANCE: Final = "ins_index"
_ENTITY: Final = re.compile(r"olink_instance_(\d+)(?:_\d{4})?[._](.+)", re.IGNORECASE)
_IDENTIFIER: Final = re.compile(
    r"(?:(?:participant|olink_instance_\d+(?:_\d{4})?|f)[._])?eid", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ProteinColumn:
    """What the name of a column says.

    Parameters
    ----------
    key : the protein: its name on the research analysis platform, in upper case.
    instance : visit that the name tells, None where it tells none.
    """

    key: str
    instance: int | None = None


@cache
def known_proteins() -> frozenset[str]:
    """Return the keys of the 2,923 proteins that UK Biobank names on its analysis platform.

    Examples
    --------
    >>> len(known_proteins()), "HLA_DRA" in known_proteins()
    (2923, True)
    """
    folder = importlib.resources.files("proteomr.schemas") / "ukbiobank"
    names = (folder / "olink_names.txt").read_text(encoding="utf-8").split()
    return frozenset(protein_key(name) for name in names)


def protein_key(name: str) -> str:
    """Return the one key of a protein, from its gene name in any of the usual spellings.

    Examples
    --------
    >>> protein_key("hla_dra"), protein_key("HLA-DRA")
    ('HLA_DRA', 'HLA_DRA')
    """
    return name.strip().upper().replace("-", "_").replace(".", "_")


def parse_protein(column: str) -> ProteinColumn | None:
    """Return the protein that a column holds, None where its name is no protein's.

    Parameters
    ----------
    column : a gene name of the platform in lower or upper case, with ``_``, ``-`` or ``.`` in
        it; or any name behind the entity ``olink_instance_N`` and a dot or an underscore.

    Examples
    --------
    >>> parse_protein("olink_instance_2.gdf15")
    ProteinColumn(key='GDF15', instance=2)
    >>> parse_protein("age")
    """
    if _IDENTIFIER.fullmatch(column.strip()):
        return None
    if entity := _ENTITY.fullmatch(column.strip()):
        instance, name = entity.groups()
        named = name.casefold() != INSTANCE
        return ProteinColumn(protein_key(name), int(instance)) if named else None
    key = protein_key(column)
    return ProteinColumn(key) if key in known_proteins() else None


def tells_instance(column: str) -> bool:
    """Tell whether the name of a column says of which visit it is.

    Examples
    --------
    >>> tells_instance("olink_instance_0.gdf15"), tells_instance("gdf15")
    (True, False)
    """
    return _ENTITY.fullmatch(column.strip()) is not None


def find_eid(columns: Sequence[str]) -> str | None:
    """Return the first column whose name is a spelling of eid, None without any.

    Examples
    --------
    >>> find_eid(["gdf15", "olink_instance_0.eid"])
    'olink_instance_0.eid'
    """
    return next((name for name in columns if _IDENTIFIER.fullmatch(name.strip())), None)


def last_part(name: str) -> str:
    """Return a name without the entity before it, in lower case.

    Examples
    --------
    >>> last_part("olink_instance_2.ins_index")
    'ins_index'
    """
    entity = _ENTITY.fullmatch(name.strip())
    return (entity.group(2) if entity else name.rsplit(".", 1)[-1]).strip().casefold()
