"""Splits that a file tells: the identifier, and a column of 1 and 2 for each split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from proteomr._typing import I64
from proteomr.errors import ColumnError
from proteomr.io import match_ids, read_samples
from proteomr.models import Target
from proteomr.replicate.division import Division
from proteomr.runs.notes import add_note
from proteomr.tables import Cohort, Drop

__all__ = ["read_splits"]

_HALVES = {"1": 1, "2": 2, "1.0": 1, "2.0": 2}
_SHOWN = 5


def read_splits(
    path: Path, *, cohort: Cohort, targets: Sequence[Target], id_column: str | None
) -> tuple[Division, tuple[Drop, ...]]:
    """Return the splits of a file for the people of a cohort, and who is in none of a split.

    A column named ``EXPOSURE:k`` divides the people of that exposure alone; any other those of all
    targets. Who has no value is left out of the split.

    Parameters
    ----------
    path : of the file.
    id_column : name of the identifier; None for the usual names.

    Raises
    ------
    ColumnError
        A column holds other values than 1 and 2, or one of them alone; or there is none.
    IdentifierError
        The file shares nobody with the cohort.
    """
    frame, name = read_samples(path, id_column=id_column)
    ids = cohort.samples[cohort.id_column]
    at = match_ids(ids, frame[name], names=("samples", "split file")).row
    columns = _choose(path, [column for column in frame.columns if column != name], targets)
    halves, drops = [], []
    for column, members in columns.items():
        code = np.where(at < 0, 0, _read_codes(path, frame[column])[at])
        both = np.zeros((2, len(targets), cohort.n), dtype=np.bool_)
        for half in (1, 2):
            both[half - 1, members] = code == half
            if not both[half - 1].any():
                raise ColumnError(f"{path}: split {column!r} has nobody in half {half}")
        halves.append((both[0], both[1]))
        drops.append(Drop("replicate", f"in no half of {column}", int(np.sum(code == 0))))
    return Division(tuple(columns), tuple(halves)), tuple(drop for drop in drops if drop.n)


def _choose(path: Path, names: Sequence[str], targets: Sequence[Target]) -> dict[str, list[int]]:
    """Return the positions of the targets that each column of splits is for."""
    known = {target.name: t for t, target in enumerate(targets)}
    chosen: dict[str, list[int]] = {}
    others = []
    for name in names:
        owner, colon, _ = name.rpartition(":")
        if not colon:
            chosen[name] = list(known.values())
        elif owner in known:
            chosen[name] = [known[owner]]
        else:
            others.append(name)
    if not chosen:
        of = f"; {others[0]!r} and the like are of no target asked for" if others else ""
        raise ColumnError(f"{path}: a column of 1 and 2 for each split is needed{of}")
    if others:
        shown = ", ".join(others[:_SHOWN]) + (", ..." if len(others) > _SHOWN else "")
        add_note(f"{path.name}: {len(others)} columns are of other exposures ({shown})")
    return chosen


def _read_codes(path: Path, column: pl.Series) -> I64:
    """Return 1 and 2, and 0 where there is no value."""
    text = column.cast(pl.String).str.strip_chars()
    text = text.set((text == "") | (text == "NaN"), None)
    codes = text.replace_strict(_HALVES, default=None, return_dtype=pl.Int64)
    wrong = text.filter(codes.is_null() & text.is_not_null())
    if wrong.len():
        # what is longer than a digit may be an identifier
        shown = f" ({wrong[0]})" if len(wrong[0]) == 1 else ""
        raise ColumnError(
            f"{path}: {wrong.len()} rows of split {column.name!r} hold something else than 1 and 2"
            f"{shown}; an empty cell leaves a person out"
        )
    return np.array(codes.fill_null(0).to_numpy(), dtype=np.int64)
