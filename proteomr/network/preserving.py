"""Modules of one cohort sought in another."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import InputError
from proteomr.execute import Executor
from proteomr.network.building import Built, correlate
from proteomr.network.keeping import KeptStretches
from proteomr.network.options import NetworkOptions
from proteomr.network.reading import Matrix, as_other, read_matrix
from proteomr.network.request import NetworkRequest
from proteomr.runs.notes import add_note
from proteomr.runs.parts import Parts
from proteomr.stats.generators import random_of
from proteomr.stats.module_preservation import (
    CONNECTIVITY,
    DENSITY,
    Cohorts,
    Preservation,
    judge_preservation,
)
from proteomr.stats.soft_threshold import find_similarity, raise_similarity
from proteomr.stats.symmetric_tiles import list_stretches
from proteomr.status import Status
from proteomr.tables import load_schema

__all__ = ["preserve"]

_FEWEST = 3  # proteins: fewer have one pair, and no correlation of pairs


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What a module needs to be judged."""

    cohorts: Cohorts
    options: NetworkOptions

    def judge(self, module: tuple[int, I64]) -> Preservation | None:
        """Judge a module by its label and places; None where too few of its proteins are there."""
        label, members = module
        if members.size < _FEWEST:
            return None
        return judge_preservation(
            self.cohorts,
            members,
            permutations=self.options.permutations,
            random=random_of(self.options.seed, "preservation", str(label)),
        )


def preserve(
    request: NetworkRequest,
    matrix: Matrix,
    built: Built,
    executor: Executor,
    *,
    scratch: Path,
    parts: Parts,
) -> pl.DataFrame:
    """Return how each module is preserved in the other cohort.

    Parameters
    ----------
    request : that names the other cohort.
    matrix, built : where the modules were found.
    executor : runs tiles and modules.
    scratch : folder for files that are converted.
    parts : of the run, among which the correlations stand behind those of the first cohort.

    Raises
    ------
    InputError
        The cohorts have too few proteins in common.
    """
    other = read_matrix(as_other(request), scratch, executor)
    place = {name: row for row, name in enumerate(other.names)}
    common = [row for row, name in enumerate(matrix.names) if name in place]
    if len(common) < _FEWEST:
        raise InputError(
            f"{request.preserve_in[0].name}: has {len(common)} of {len(matrix.names)} proteins, "
            f"by names such as {other.names[0]!r} where {matrix.names[0]!r} is sought; "
            f"{_FEWEST} are needed"
        )
    add_note(
        f"preservation: {len(common):,} of {len(matrix.names):,} proteins are in the other cohort, "
        f"of {other.ids.len():,} people"
    )
    rows = np.array(common)
    there = other.values[[place[matrix.names[row]] for row in common]]
    store = KeptStretches(parts, first=len(list_stretches(len(matrix.names))))
    sought, _ = correlate(there, request.options, executor, store=store, with_distances=False)
    work = _Work(_meet(built, rows, sought, request.options), request.options)
    modules = [(label, np.flatnonzero(built.labels[rows] == label)) for label in built.components]
    judged: list[Preservation | None] = [None] * len(modules)
    with closing(executor.map(work.judge, modules)) as results:
        for position, found in results:
            judged[position] = found
    return _tabulate(built, modules, judged)


def _meet(built: Built, rows: I64, sought: F64, options: NetworkOptions) -> Cohorts:
    """Return both cohorts' networks of the proteins that they share, of all edges."""
    inside = np.ix_(rows, rows)
    found = np.nan_to_num(built.correlations[inside], nan=0.0)
    sought = np.nan_to_num(sought, nan=0.0)
    adjacency = [
        raise_similarity(find_similarity(r, options.type), built.powers.chosen)
        for r in (found, sought)
    ]
    return Cohorts(found, sought, adjacency[0], adjacency[1])


def _tabulate(
    built: Built, modules: list[tuple[int, I64]], judged: list[Preservation | None]
) -> pl.DataFrame:
    schema = load_schema("preservation")
    rows = [
        _row(label, int((built.labels == label).sum()), members.size, found)
        for (label, members), found in zip(modules, judged, strict=True)
    ]
    if not rows:
        return schema.empty()
    frame = pl.DataFrame(rows, infer_schema_length=None)
    numbers = [name for name, kind in frame.schema.items() if kind == pl.Float64]
    return schema.validate(frame.with_columns(pl.col(numbers).fill_nan(None)))


def _row(label: int, n: int, common: int, found: Preservation | None) -> dict[str, object]:
    names = (*DENSITY, *CONNECTIVITY)
    nothing = dict.fromkeys((*names, *(f"z_{name}" for name in names)))
    row: dict[str, object] = {"module": label, "n": n, "n_common": common}
    if found is None:
        summary = dict.fromkeys(("z_summary", "z_density", "z_connectivity"))
        told = f"{common} of its proteins are in the other cohort; {_FEWEST} are needed"
        return {**row, **summary, **nothing, "permutations": 0, **_end(Status.too_few, told)}
    row |= {
        "z_summary": found.z_summary,
        "z_density": found.z_density,
        "z_connectivity": found.z_connectivity,
        **dict(zip(names, found.observed.tolist(), strict=True)),
        **{f"z_{name}": z for name, z in zip(names, found.z.tolist(), strict=True)},
        "permutations": found.permutations,
    }
    if found.z_summary != found.z_summary:
        told = "random proteins give the same: it holds nearly all of them"
        return {**row, **_end(Status.not_identified, told)}
    return {**row, **_end(Status.ok, None)}


def _end(status: Status, message: str | None) -> dict[str, object]:
    return {"status": status.name, "message": message}
