"""Scores of parts of the proteome: lists of genes or proteins, such as those of an organ."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from proteomr.border import reads
from proteomr.errors import ColumnError, FormatError, printable
from proteomr.io.bounds import read_whole
from proteomr.io.sources import inspect_file
from proteomr.runs.notes import add_note
from proteomr.tables import Cohort
from proteomr.tables import columns as c

__all__ = ["EVERYTHING", "find_members", "read_sets"]

EVERYTHING: Final = "all"
_MOST_MEGABYTES: Final = 64
_FEWEST: Final = 2


@reads
def read_sets(path: str | Path) -> dict[str, tuple[str, ...]]:
    r"""Return the lists of a file of the form GMT: name, description, members, parted by tabs.

    Raises
    ------
    FormatError
        A line has no member, or a name stands twice.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".gmt") as file:
    ...     size = file.write(b"heart\tof GTEx\tNPPB\tTNNI3\n")
    ...     file.flush()
    ...     read_sets(file.name)
    {'heart': ('NPPB', 'TNNI3')}
    """
    place = Path(path)
    _, compressed = inspect_file(place)
    content = read_whole(place, compressed=compressed, megabytes=_MOST_MEGABYTES)
    sets: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = (cell.strip() for cell in line.split("\t"))
        members = tuple(dict.fromkeys(cell for cell in rest[1:] if cell))
        if not name or not members:
            message = "a name, a description and members are needed, parted by tabs"
            raise FormatError(message, path=place, line=number)
        if name in sets:
            raise FormatError(f"the set {printable(name)!r} stands twice", path=place, line=number)
        sets[name] = members
    if not sets:
        raise FormatError("holds no set", path=place)
    return sets


def find_members(cohort: Cohort, sets: dict[str, tuple[str, ...]]) -> dict[str, tuple[int, ...]]:
    """Return the positions of the proteins of each set, by their names or genes.

    A set of fewer than two proteins here is left out, and told.

    Raises
    ------
    ColumnError
        None of the sets has two.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> cohort = Cohort(pl.DataFrame({"id": ["1"]}), "id",
    ...     ArrayProteins(("ADM", "REN"), np.ones((1, 2))),
    ...     pl.DataFrame({"protein": ["ADM", "REN"]}))
    >>> find_members(cohort, {"both": ("REN", "ADM")})
    {'both': (0, 1)}
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(cohort.proteins.names):
        places.setdefault(name, []).append(place)
    if c.GENE in cohort.assays.columns:
        for place, gene in enumerate(cohort.assays[c.GENE].cast(pl.String).to_list()):
            if gene is not None and place not in places.get(gene, []):
                places.setdefault(gene, []).append(place)
    found: dict[str, tuple[int, ...]] = {}
    for name, members in sets.items():
        here = sorted({place for member in members for place in places.get(member, [])})
        named = sum(member in places for member in members)
        if len(here) < _FEWEST:
            add_note(f"set {name!r}: {len(here)} of its {len(members)} members are here: left out")
            continue
        add_note(f"set {name!r}: {named} of {len(members)} members, {len(here)} proteins")
        found[name] = tuple(here)
    if not found:
        raise ColumnError(
            f"none of the {len(sets)} sets has {_FEWEST} members among the proteins, such as "
            f"{cohort.proteins.names[0]!r}: genes are found by the column gene of --assays"
        )
    return found
