"""Proteins of a cohort as a matrix, and which of them cannot enter a network."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import InputError
from proteomr.execute import Executor
from proteomr.io import (
    PeopleChoice,
    choose_people,
    choose_proteins,
    open_proteins,
    read_assays,
    read_cohort,
)
from proteomr.io.withdrawals import find_withdrawn
from proteomr.network.options import NetworkOptions
from proteomr.network.request import NetworkRequest
from proteomr.network.spreading import spread_by
from proteomr.runs.notes import add_note
from proteomr.stats.knn import impute_knn
from proteomr.stats.transforms import rank_normalise
from proteomr.status import Status
from proteomr.tables import WITHDRAWN, Cohort, Drop

__all__ = ["FEWEST_PEOPLE", "Matrix", "as_other", "open_cohort", "read_matrix"]

FEWEST_PEOPLE: Final = 20  # fewer people do not tell a correlation of 0.4 from none
_COLUMNS: Final = 64  # read at a time
_FLAT: Final = 1e-12  # of its size: what a spread of values is at least, else it is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The proteins that can enter a network, by name, of people by identifier.

    Attributes
    ----------
    names : (p,) sorted.
    values : (p, n), NaN where missing.
    ids : (n,) sorted.
    listed : names of all proteins, in the order of the files.
    statuses : of each listed one; ok where it enters.
    drops : who and what was left out.
    """

    names: tuple[str, ...]
    values: F64
    ids: pl.Series
    listed: tuple[str, ...]
    statuses: tuple[Status, ...]
    drops: tuple[Drop, ...]


def open_cohort(request: NetworkRequest, scratch: Path) -> Cohort:
    """Return the people and the proteins that are asked for; nothing of the matrix is read.

    Raises
    ------
    ProteomrError
        A file cannot serve.
    """
    files = [source.on_disk(scratch) for source in request.proteins]
    withdrawn = None if request.withdrawn is None else request.withdrawn.on_disk(scratch)
    if request.samples is not None or files[0].is_dir():
        first = files[0] if request.samples is None else request.samples.on_disk(scratch)
        cohort = read_cohort(
            first,
            () if request.samples is None else files,
            scratch=scratch,
            id_column=request.id_column,
            withdrawn=withdrawn,
            people=request.people,
            sample_columns=request.sample_columns,
        )
        for note in cohort.notes:
            add_note(note)
    else:
        cohort = _open_alone(request, files, scratch, withdrawn)
    if request.chosen_proteins is not None:
        cohort = choose_proteins(cohort, request.chosen_proteins, scratch=scratch)
    return cohort


def _open_alone(
    request: NetworkRequest, files: list[Path], scratch: Path, withdrawn: Path | None
) -> Cohort:
    """Return a cohort of protein files without a table of samples."""
    opened = open_proteins(
        files,
        scratch=scratch,
        id_column=request.id_column,
        exclude=request.sample_columns,
        remedy="; name the column with --sample-column if it is no protein",
    )
    people = pl.DataFrame({"id": opened.ids})
    drops: list[Drop] = []
    stay = pl.repeat(value=True, n=people.height, dtype=pl.Boolean, eager=True)
    if withdrawn is not None:
        gone = find_withdrawn(
            people["id"], withdrawn, id_column=request.id_column, among="proteins"
        )
        stay = ~gone.gone
        drops.append(Drop("load", WITHDRAWN, gone.removed))
    left = people.filter(stay)
    chosen, unasked = choose_people(
        left,
        request.people,
        id_name="id",
        scratch=scratch,
        id_column=request.id_column,
        among="proteins",
    )
    rows = np.flatnonzero(stay.to_numpy())[chosen.to_numpy()]
    rows = rows[people["id"][rows].arg_sort().to_numpy()]
    if opened.excluded:
        reason = "columns of the protein files that are no proteins"
        drops.append(Drop("load", reason, len(opened.excluded)))
    return Cohort(
        people[rows],
        "id",
        opened.proteins.select_rows(rows),
        read_assays(None, names=opened.proteins.names),
        (*drops, *unasked),
    )


def read_matrix(request: NetworkRequest, scratch: Path, executor: Executor) -> Matrix:
    """Read the proteins, find which can enter a network, and fill missing values where asked.

    Raises
    ------
    InputError
        Fewer than 20 people, or fewer proteins than a module has.
    """
    cohort = open_cohort(request, scratch)
    options = request.options
    if cohort.n < FEWEST_PEOPLE:
        raise InputError(
            f"{request.proteins[0].name}: {cohort.n} people are left; correlations of a network "
            f"need {FEWEST_PEOPLE}"
        )
    listed = cohort.proteins.names
    order = sorted(range(len(listed)), key=listed.__getitem__)
    place = np.empty(len(listed), dtype=np.int64)
    place[order] = np.arange(len(listed))
    values, statuses = _read_values(cohort, place, options, executor)
    kept = np.array([statuses[j] is Status.ok for j in order], dtype=np.bool_)
    if int(kept.sum()) < options.min_size:
        told = _count_statuses(statuses)
        raise InputError(
            f"{request.proteins[0].name}: {int(kept.sum())} of {len(listed)} proteins can enter a "
            f"network{told}, and a module has {options.min_size} at least (--min-size)"
        )
    if not kept.all():
        values = values[kept]
        lost = int((~kept).sum())
        add_note(
            f"{lost:,} protein{'' if lost == 1 else 's'} cannot enter the network"
            f"{_count_statuses(statuses)}"
        )
    if options.impute == "knn":
        _impute(values, executor)
    names = tuple(listed[j] for j, stays in zip(order, kept, strict=True) if stays)
    ids = cohort.samples[cohort.id_column].alias("id")
    return Matrix(names, values, ids, listed, tuple(statuses), cohort.drops)


def _read_values(
    cohort: Cohort, place: I64, options: NetworkOptions, executor: Executor
) -> tuple[F64, list[Status]]:
    """Return the values (p, n) in the order of the places, and a status in that of the files."""

    def read(columns: slice) -> tuple[F64, list[Status]]:
        block = cohort.proteins.read(columns).T
        statuses = []
        for row in block:
            row[:], status = _take(row, options)
            statuses.append(status)
        return block, statuses

    p = len(cohort.proteins.names)
    values = np.empty((p, cohort.n))
    columns = [slice(start, min(start + _COLUMNS, p)) for start in range(0, p, _COLUMNS)]
    statuses: list[list[Status]] = [[] for _ in columns]
    with closing(executor.map(read, columns)) as results:
        for position, (block, found) in results:
            values[place[columns[position]]] = block
            statuses[position] = found
    return values, [status for some in statuses for status in some]


def _take(row: F64, options: NetworkOptions) -> tuple[F64, Status]:
    """Return the values of one protein, transformed, and whether they can enter a network."""
    seen = ~np.isnan(row)
    own = row[seen]
    status = _judge(own, options)
    if status is not Status.ok or options.transform == "none":
        return row, status
    taken = row.copy()
    taken[seen] = np.log2(own) if options.transform == "log2" else rank_normalise(own)
    return taken, Status.ok


def _judge(own: F64, options: NetworkOptions) -> Status:
    if not own.size:
        return Status.all_missing
    if not np.isfinite(own).all():
        return Status.infinite
    if own.size < FEWEST_PEOPLE:
        return Status.too_few
    if np.ptp(own / max(float(np.abs(own).max()), 1e-300)) <= _FLAT:
        return Status.constant
    negative = options.transform == "log2" and bool((own <= 0.0).any())
    return Status.untransformed if negative else Status.ok


def _count_statuses(statuses: list[Status]) -> str:
    counts = [(status, statuses.count(status)) for status in Status if status is not Status.ok]
    told = ", ".join(f"{n} {status.name}" for status, n in counts if n)
    return f" ({told})" if told else ""


def _impute(values: F64, executor: Executor) -> None:
    account = impute_knn(values, spread=spread_by(executor))
    if account.cells:
        add_note(
            f"{account.cells:,} missing values filled from the nearest ten proteins, "
            f"{account.cells_by_column_mean:,} of them by means of the person; neighbours are "
            "sought among all proteins, which R's impute.knn does up to 1,500"
        )
    if account.cells_left:
        add_note(f"{account.cells_left:,} values of people without any other stay missing")


def as_other(request: NetworkRequest) -> NetworkRequest:
    """Return the request for the cohort in which modules are sought: whole but for withdrawals."""
    return replace(
        request,
        proteins=request.preserve_in,
        options=replace(request.options, min_size=2),
        samples=None,
        preserve_in=(),
        people=PeopleChoice(),
        chosen_proteins=None,
    )
