"""Studies that share people: rows given twice, one biobank under two names, known overlaps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, InputError, nearest
from proteomr.io import read_table
from proteomr.meta.published import read_numbers
from proteomr.meta.reading import ORIGIN, STUDY, StudyRows
from proteomr.meta.specification import MetaRequest
from proteomr.runs.notes import add_note
from proteomr.tables import Drop
from proteomr.tables import columns as c

__all__ = ["read_correlations", "settle_repeats", "warn_of_biobanks"]

# Names that one collection of people goes under in names of files and studies.
_BIOBANKS: Final[dict[str, tuple[str, ...]]] = {
    "UK Biobank": ("ukb", "ukbb", "ukbiobank", "ukbppp", "ukbpp"),
    "FinnGen": ("finngen", "fg"),
    "deCODE": ("decode", "iceland"),
    "Million Veteran Program": ("mvp", "millionveteranprogram"),
    "All of Us": ("allofus", "aou"),
    "China Kadoorie Biobank": ("ckb", "kadoorie", "chinakadoorie"),
    "BioBank Japan": ("bbj", "biobankjapan"),
    "ARIC": ("aric",),
    "EPIC": ("epic",),
    "Fenland": ("fenland",),
    "INTERVAL": ("interval",),
    "AGES": ("ages", "agesreykjavik"),
    "Framingham": ("framingham", "fhs"),
    "MESA": ("mesa",),
    "CHS": ("chs",),
    "HUNT": ("hunt",),
    "ELSA": ("elsa",),
    "Whitehall II": ("whitehall", "whitehallii"),
}
_WORDS = re.compile(r"[a-z]+")


def warn_of_biobanks(studies: Sequence[str]) -> None:
    """Say which studies go by one collection of people.

    Examples
    --------
    >>> from proteomr.runs.notes import collect_notes
    >>> with collect_notes() as notes:
    ...     warn_of_biobanks(["UKB-PPP", "uk_biobank_2024", "aric"])
    >>> "UK Biobank" in next(iter(notes))
    True
    """
    found: dict[str, list[str]] = {}
    for study in studies:
        words = _WORDS.findall(study.lower())
        joined = {
            "".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)
        }
        for bank, names in _BIOBANKS.items():
            if joined & set(names):
                found.setdefault(bank, []).append(study)
    for bank, named in found.items():
        if len(named) > 1:
            add_note(
                f"{', '.join(named)} go by the name of {bank}: people who are in several count "
                "twice, unless --overlap tells how many"
            )


def settle_repeats(rows: StudyRows, asked: MetaRequest) -> StudyRows:
    """Refuse a study that stands twice for one key, or drop what repeats another row.

    Raises
    ------
    InputError
        A study stands twice.
    """
    frame, drops = rows.frame, rows.drops
    same = [*rows.keys, STUDY, c.ESTIMATE, c.SE]
    if asked.duplicates == "drop":
        single = frame.unique(same, keep="first", maintain_order=True)
        if single.height < frame.height:
            drop = Drop("studies", "repeats another row", frame.height - single.height)
            frame, drops = single, (*drops, drop)
    twice = frame.filter(pl.struct(*rows.keys, STUDY).is_duplicated())
    across = frame.filter(pl.struct(same).is_duplicated())
    if across.height:
        raise InputError(
            f"{_tell(across, rows.keys)} stands twice with the same numbers"
            f"{_from(across)}: its people would count twice; --duplicates drop keeps one"
        )
    if twice.height and asked.cluster is None:
        apart = "choose rows (--where-rows), or name in --by what tells them apart"
        named = f"{apart}; or take them as dependent (--cluster {asked.study})"
        unnamed = f"name the column of the studies (--study NAME), {apart}"
        raise InputError(
            f"{_tell(twice, rows.keys)} stands twice with different numbers{_from(twice)}: "
            f"{unnamed if asked.study is None else named}"
        )
    _warn_of_copies(frame, rows.keys)
    return StudyRows(frame, rows.keys, drops, rows.lost)


def _tell(frame: pl.DataFrame, keys: Sequence[str]) -> str:
    row = frame.row(0, named=True)
    of = ", ".join(f"{key} {row[key]}" for key in keys)
    return f"study {row[STUDY]}{f', {of},' if of else ''}"


def _from(frame: pl.DataFrame) -> str:
    first = frame.row(0, named=True)
    tables = sorted(frame.filter(pl.col(STUDY) == first[STUDY])[ORIGIN].unique().to_list())
    return f" (in {' and '.join(tables)})"


def _warn_of_copies(frame: pl.DataFrame, keys: Sequence[str]) -> None:
    """Say which studies have the same estimate and error for a key, which chance never gives."""
    same = frame.group_by(*keys, c.ESTIMATE, c.SE, maintain_order=True).agg(
        pl.col(STUDY).sort().unique(maintain_order=True)
    )
    pairs = same.filter(pl.col(STUDY).list.len() > 1)
    if pairs.height:
        named = " and ".join(pairs[STUDY][0].to_list()[:3])
        add_note(
            f"{named} have the same estimate and error in {pairs.height:,} "
            f"row{'' if pairs.height == 1 else 's'}: if they are the same people, leave one out"
        )


def read_correlations(path: Path, studies: Sequence[str], *, name: str) -> F64:
    r"""Return the correlation ``(k, k)`` of the errors of studies that share people.

    Of each pair the table, called `name`, has ``study1``, ``study2`` and ``correlation``, or
    ``shared``, ``n1`` and ``n2``, whose correlation is :math:`n_s / \sqrt{n_1 n_2}` for a
    continuous outcome (Lin and Sullivan 2009, doi:10.1016/j.ajhg.2009.11.001).

    Raises
    ------
    ColumnError, InputError
        A column is not there, or the numbers are no correlations; or they cannot all be true.
    """
    frame = read_table(path)
    for column in ("study1", "study2"):
        if column not in frame.columns:
            raise ColumnError(f"{name}: no column {column!r}{nearest(column, frame.columns)}")
    values = _read_values(frame, name)
    place = {study: at for at, study in enumerate(studies)}
    matrix = np.eye(len(studies))
    strange: set[str] = set()
    told: dict[frozenset[str], float] = {}
    for first, second, value in zip(
        frame["study1"].cast(pl.String), frame["study2"].cast(pl.String), values, strict=True
    ):
        if first not in place or second not in place:
            strange |= {first, second} - set(place)
            continue
        if first == second:
            raise InputError(f"{name}: pairs study {first} with itself")
        pair = frozenset((first, second))
        if told.setdefault(pair, value) != value:
            raise InputError(
                f"{name}: {first} and {second} have two correlations, {told[pair]:.4g} and "
                f"{value:.4g}; one row for each pair is needed"
            )
        matrix[place[first], place[second]] = matrix[place[second], place[first]] = value
    if len(strange) and (matrix == np.eye(len(studies))).all():
        other = min(map(str, strange))
        raise InputError(
            f"{name}: no pair is of the studies of the tables; {other!r}"
            f"{nearest(other, studies)} is none of {', '.join(studies[:5])}"
        )
    if strange:
        other = min(map(str, strange))
        add_note(
            f"{Path(name).name}: {other!r}{nearest(other, studies)} is no study of the tables; "
            f"pairs of {'it are' if len(strange) == 1 else f'these {len(strange)} are'} left out"
        )
    if np.linalg.eigvalsh(matrix).min() <= 1e-10:  # rounding of a matrix that is singular
        raise InputError(f"{name}: the correlations contradict one another (no positive matrix)")
    return matrix


def _refuse_counts(
    shared: Sequence[float | None],
    n1: Sequence[float | None],
    n2: Sequence[float | None],
    name: str,
) -> None:
    """Refuse numbers of people that cannot be, of which a correlation would still be made."""
    for row, (both, one, two) in enumerate(zip(shared, n1, n2, strict=True), start=2):
        if both is None or one is None or two is None:
            raise InputError(f"{name}, line {row}: shared, n1 and n2 are all needed")
        if not 0.0 <= both <= min(one, two):
            raise InputError(
                f"{name}, line {row}: {both:g} people are shared by studies of {one:g} and {two:g}"
            )


def _read_values(frame: pl.DataFrame, name: str) -> list[float]:
    if "correlation" in frame.columns:
        values = read_numbers(frame, "correlation", name)
    elif "shared" in frame.columns:
        shared, n1, n2 = (read_numbers(frame, column, name) for column in ("shared", "n1", "n2"))
        _refuse_counts(shared.to_list(), n1.to_list(), n2.to_list(), name)
        values = shared / (n1 * n2).sqrt()
    else:
        raise ColumnError(f"{name}: needs a column 'correlation', or shared, n1 and n2")
    found = values.to_list()
    for row, value in enumerate(found, start=2):
        if value is None or not -1.0 < value < 1.0:
            raise InputError(
                f"{name}, line {row}: a correlation of {value}, and it must be above -1 and below 1"
            )
    return [float(value) for value in found if value is not None]
