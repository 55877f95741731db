"""What the names of protein groups and of runs say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["find_accessions", "find_flags", "name_runs"]

_SEPARATORS: Final = re.compile(r"[;,]\s*|\s+")
_DECOY: Final = re.compile(r"(?:REV__?|DECOY__?|XXX__?|RRRRR|##)", re.IGNORECASE)
_CONTAMINANT: Final = re.compile(r"(?:CON__?|CONT__?|CONTAM_|CRAP[-_|]|.*\|CRAP)", re.IGNORECASE)
_MARK: Final = re.compile(
    r"(?:REV__?|DECOY__?|XXX__?|RRRRR|##|CON__?|CONT__?|CONTAM_|CRAP[-_|])+", re.IGNORECASE
)
_FASTA: Final = re.compile(r"(?:sp|tr)\|([^|]+)\|.*")
_ACCESSION: Final = re.compile(
    r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})(?:-\d+)?"
)
_ENDING: Final = re.compile(
    r"(?:\.(?:raw|d|wiff2?|mzml|mzxml|htrms|dia|scan|quant|gz))+$", re.IGNORECASE
)


def find_flags(group: str) -> tuple[str, ...]:
    """Return which flags the names of a group's proteins give it: decoy, contaminant.

    One such protein is enough: what a keratin of the laboratory may explain is no plasma protein
    for certain.

    Examples
    --------
    >>> find_flags("CON__P02533;P02533"), find_flags("rev_sp|P04406|G3P_HUMAN"), find_flags("P1")
    (('contaminant',), ('decoy',), ())
    """
    members = [member for member in _SEPARATORS.split(group.strip()) if member]
    flags = []
    if any(map(_DECOY.match, members)):
        flags.append("decoy")
    bare = [_DECOY.sub("", member, count=1) for member in members]
    if any(map(_CONTAMINANT.match, bare)):
        flags.append("contaminant")
    return tuple(flags)


def find_accessions(group: str) -> str | None:
    """Return the UniProt accessions of a group, joined by ``;``; None without any.

    Examples
    --------
    >>> find_accessions("sp|P0DMV9|HS71B_HUMAN,sp|P0DMV8|HS71A_HUMAN"), find_accessions("KERATIN")
    ('P0DMV9;P0DMV8', None)
    """
    found: dict[str, None] = {}
    for member in _SEPARATORS.split(group.strip()):
        bare = _MARK.sub("", member, count=1)
        fasta = _FASTA.fullmatch(bare)
        accession = fasta[1] if fasta else bare
        if _ACCESSION.fullmatch(accession):
            found[accession] = None
    return ";".join(found) or None


def name_runs(names: Sequence[str]) -> tuple[str, ...]:
    r"""Return names of samples from those of their files, without folder and ending.

    Where two would become one, all stay as they are.

    Examples
    --------
    >>> name_runs(["C:\\data\\A1.raw", "/data/A2.d", "A3"])
    ('A1', 'A2', 'A3')
    >>> name_runs(["day1/A1.raw", "day2/A1.raw"])
    ('day1/A1.raw', 'day2/A1.raw')
    """
    short = tuple(_ENDING.sub("", re.split(r"[\\/]", name.strip())[-1]) for name in names)
    return short if len(set(short)) == len(set(names)) and all(short) else tuple(names)
