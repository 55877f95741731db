"""Which columns of the protein files of `associate` are proteins, told by their names."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proteomr.errors import ColumnError, InputError, UsageError, nearest
from proteomr.io.blocks import ParquetMatrix
from proteomr.io.column_names import find_facts, find_proteins
from proteomr.io.conversion import unpack_parquet
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.sources import inspect_file
from proteomr.io.text import find_layout
from proteomr.io.ukbiobank.names import SHORT, find_fields, is_of_participants
from proteomr.io.wide_or_long.layout import Glance, glance_at, refuse_doubtful
from proteomr.io.wide_or_long.rows import find_orientation

__all__ = [
    "ORDER",
    "ProteinColumns",
    "find_codes",
    "glance_at_text",
    "list_columns",
    "sort_columns",
]

_LISTED: Final = 5
_SEVERAL: Final = 2  # one protein among the samples, as CRP, is a covariate
ORDER: Final = "are the two files in the right order? SAMPLES come first, then PROTEINS"
"""What is asked where the columns of one file seem to be those of the other."""
_RENAME: Final = "or rename what is a protein"


@dataclass(frozen=True, slots=True)
class ProteinColumns:
    """What stands in protein files beside the proteins.

    Parameters
    ----------
    exclude : names of columns that are no proteins.
    notes : what a user should know of the others.
    """

    exclude: frozenset[str]
    notes: tuple[str, ...] = ()


def list_columns(path: Path, *, scratch: Path, id_column: str | None = None) -> tuple[str, ...]:
    """Return the names of the columns of a protein file, text or parquet, also compressed.

    Raises
    ------
    InputError
        The file is absent, damaged, or of a kind that is not read.
    """
    kind, compressed = inspect_file(path)
    if kind == "text":
        return find_layout(path, compressed=compressed, id_column=id_column).names
    stored = unpack_parquet(path, scratch=scratch) if compressed else path
    return tuple(ParquetMatrix(stored, reported_as=path).names)


def glance_at_text(path: Path) -> Glance | None:
    """Return what the beginning of a protein file of text shows; None for parquet.

    Raises
    ------
    InputError
        Proteins stand in rows.
    """
    source = open_source(path)
    if source.kind != "text":
        return None
    glance = glance_at(source)
    with contextlib.suppress(UsageError):  # proteins in rows and columns: who looks for ids says so
        if (key := find_orientation(glance, IngestOptions())) is not None:
            raise InputError(
                f"{path}: proteins stand in rows, named by column {key!r}; `proteomr ingest` turns "
                "the table, and its store is taken for PROTEINS"
            )
    return glance


def find_codes(glance: Glance, names: Collection[str]) -> tuple[str, ...]:
    """Return which columns of a text file hold codes, such as ``0012``, and no numbers.

    Raises
    ------
    FormatError
        A column may hold codes or numbers; with the line.
    """
    refuse_doubtful(glance, names)
    return tuple(name for name in glance.codes if name in names)


def sort_columns(
    files: Sequence[tuple[Path, Sequence[str]]],
    *,
    samples: Path,
    of_samples: Sequence[str],
    apart: Collection[str] = (),
    codes: Collection[str] = (),
    ids: Collection[str] = (),
) -> ProteinColumns:
    r"""Return which columns of protein files are no proteins.

    These are the columns that the samples hold as well, unless that is all there are, the fields of
    UK Biobank's participants, codes, and those that the user names. Numbers whose names sound like
    facts about samples (plate, age, PC1, ...) stay, and are told.

    Parameters
    ----------
    files : the protein files, each with the names of its columns but the identifier.
    samples, of_samples : the file of the samples, and the names of its columns but the identifier.
    apart : columns that are no proteins, as the user says.
    codes : columns of codes, by `find_codes`.
    ids : names of the identifiers: beside ``eid``, ``p31`` is a field.

    Raises
    ------
    ColumnError
        The user names a column that is not there.
    InputError
        A file holds participants or covariates in place of proteins.

    Examples
    --------
    >>> files = [(Path("npx.csv"), ["GDF15", "ADM", "age", "plate", "p31"])]
    >>> sorted(sort_columns(files, samples=Path("s.csv"), of_samples=["age"]).exclude)
    ['age']
    >>> sort_columns([(Path("x.csv"), ["CRP"])], samples=Path("s.csv"), of_samples=["CRP"]).notes
    ('fitted as proteins, which the samples hold too: CRP',)
    """
    names = [name for _, columns in files for name in columns]
    for name in apart:
        if name not in names:
            message = f"no column {name!r}{nearest(name, names)} in the protein files to set apart"
            raise ColumnError(message)
    doubts = [
        _refuse_others(path, columns, samples=samples, of_samples=of_samples, apart=apart)
        for path, columns in files
    ]
    fields = {name for _, columns in files for name in _find_fields(columns, ids)}
    shared = [name for name in names if name in of_samples]
    given = [name for name in names if name not in apart]
    notes = [*filter(None, doubts)]
    if given and set(given) <= set(shared):
        # A file of proteins that are in the samples too, such as one that is also a covariate.
        notes.append(f"fitted as proteins, which the samples hold too: {_list(given)}")
        shared = []
    notes += note_shared(shared)
    further = [name for name in names if name in fields and name not in {*shared, *apart}]
    if further:
        notes.append(f"left out of the proteins, as fields of UK Biobank: {_list(further)}")
    if coded := [name for name in codes if name not in further]:
        notes.append(f"left out of the proteins, as codes with zeros in front: {_list(coded)}")
    left = [name for name in names if name not in {*shared, *further, *codes, *apart}]
    if odd := find_facts(left):
        notes.append(
            "fitted as proteins, as every column of the protein files is, though the names sound "
            f"like facts about samples: {_list(odd)}; name those that are no protein with "
            "--sample-column"
        )
    return ProteinColumns(frozenset({*shared, *further, *codes, *apart}), tuple(notes))


def note_shared(names: Sequence[str]) -> tuple[str, ...]:
    """Return the sentence on proteins that are left out for the samples have such columns.

    Examples
    --------
    >>> note_shared(["AGE"])
    ('left out of the proteins, for the samples have columns of these names: AGE',)
    """
    what = "left out of the proteins, for the samples have columns of these names"
    return (f"{what}: {_list(names)}",) if names else ()


def _find_fields(columns: Sequence[str], ids: Collection[str]) -> set[str]:
    beside = set(find_fields([*columns, *ids])).difference(ids)
    return {*find_fields(columns), *filter(SHORT.fullmatch, beside)}


def _refuse_others(
    path: Path,
    columns: Sequence[str],
    *,
    samples: Path,
    of_samples: Sequence[str],
    apart: Collection[str],
) -> str:
    """Refuse a table of participants or covariates, given for proteins or in their place.

    Names that tell nothing are only doubted, in a sentence, where the samples hold facts such as
    age: their own proteins may be covariates (CRP, CD4), and a laboratory has its own names.
    """
    left = [name for name in columns if name not in apart]
    if not left or find_proteins(left):
        return ""
    if is_of_participants(left):
        raise InputError(
            f"{path}: holds fields of UK Biobank's participants and no protein table beside it; "
            f"{ORDER}; {_RENAME}"
        )
    facts = find_facts(left)
    swapped = find_proteins(of_samples)
    most = len(swapped) >= _SEVERAL and 2 * len(swapped) >= len(of_samples)
    what = f"{_list(facts)} sound like facts about samples" if facts else "no name is one's"
    beside = f", and {samples} holds {_list(swapped)}" if swapped else ""
    is_odd = most and (bool(facts) or len(left) < len(swapped))
    # one column was made to be looked at by itself, unless the samples hold what it lacks
    meant = len(left) == 1 and not swapped
    if (len(facts) == len(left) and not meant) or (is_odd and not find_facts(of_samples)):
        raise InputError(f"{path}: holds no protein ({what}{beside}); {ORDER}; {_RENAME}")
    return f"{path.name} holds no protein by its names ({what}{beside}): {ORDER}" if is_odd else ""


def _list(names: Sequence[str]) -> str:
    more = f", ... ({len(names)} columns)" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
