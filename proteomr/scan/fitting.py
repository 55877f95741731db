"""The work on one block of proteins: read, transform within complete cases, fit, tabulate."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.errors import InputError
from proteomr.models import Block, FitBlock, OwnInstruments
from proteomr.scan.designs import Designs
from proteomr.scan.groups import Group
from proteomr.scan.parts import PART_ORDER, tabulate
from proteomr.scan.plan import Plan, ProteinBlock
from proteomr.stats.loops import COMPILED_FROM, load_loops
from proteomr.stats.ordered_block import OrderedBlock, order_block
from proteomr.stats.transforms import Transform, rank_normalise_block, transform_block
from proteomr.stats.workspace import workspace
from proteomr.status import Status
from proteomr.tables import ProteinCovariate, Proteins

# A design that cannot be built on fewer people is the fault of a small stratum; on more, of what
# was asked, which ends the run.
_SMALL_GROUP = 100
# Of proteins that are read again for each run of groups: 750 of 42,062 people.
_HELD_BYTES = 256_000_000
# Groups from which on sorting a protein once costs less than ranking it anew in each.
_WORTH_ORDERING = 3
# A pass over the order of n people takes as long as sorting a quarter of them.
_SHARE_OF_ALL = 4
_log = logging.getLogger(__name__)

__all__ = ["Scan"]


class _States:
    """Prepared groups, the last few of them kept; each prepared once by whichever thread asks."""

    def __init__(self, prepare: Callable[[int], object], *, keep: int) -> None:
        self._prepare = prepare
        self._keep = keep
        self._states: OrderedDict[int, object] = OrderedDict()
        self._locks: dict[int, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, group: int) -> object:
        with self._guard:
            lock = self._locks.setdefault(group, threading.Lock())
        with lock:
            with self._guard:
                if group in self._states:
                    self._states.move_to_end(group)
                    return self._states[group]
                self._let_go(self._keep - 1)  # first: states are large
            state = self._prepare(group)
            with self._guard:
                self._states[group] = state
                self._let_go(self._keep)
            return state

    def _let_go(self, kept: int) -> None:
        """Let go of the states that were asked for longest ago, but for so many."""
        while len(self._states) > kept:
            self._states.popitem(last=False)


class _Values:
    """Blocks of proteins ``(b, n)``, held where runs of groups ask for the same ones anew.

    All of them are held or none: they are asked for in turn.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._held: dict[bytes, F64] = {}
        firsts = [int(block.proteins[0]) for block in plan.blocks]
        size = 8 * plan.cohort.n * len(plan.cohort.proteins.names)
        self._holds = len(set(firsts)) < len(firsts) and size <= _HELD_BYTES

    def read(self, proteins: I64) -> F64:
        """Return values that the caller leaves as they are."""
        key = proteins.tobytes()
        values = self._held.get(key)
        if values is None:
            values = _read(self._plan.cohort.proteins, proteins, None)
            if self._holds:
                self._held[key] = values
        return values


class Scan:
    """A plan ready to be run block by block, by any number of threads.

    Parameters
    ----------
    plan : what to do.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.family = plan.family
        widest = max((len(block.groups) for block in plan.blocks), default=1)
        self._states = _States(self._prepare, keep=2 * widest)
        self._values = _Values(plan)
        self._designs = Designs(plan)
        self._said: set[str] = set()

    def __reduce__(self) -> tuple[type[Scan], tuple[Plan]]:
        # Another process prepares its groups itself.
        return Scan, (self.plan,)

    def __call__(self, block: ProteinBlock) -> pl.DataFrame:
        """Fit all models of a block's proteins; one row for each protein and coefficient."""
        plan = self.plan
        # Whom one group needs, in its order, is read as it is needed.
        rows = plan.groups[block.groups[0]].rows if len(block.groups) == 1 else None
        if rows is None:
            values = self._values.read(block.proteins)
        else:
            values = _read(plan.cohort.proteins, block.proteins, rows)
        own = {
            i: _read_own(plan.reading.covariates[i], block.proteins, rows)
            for i in sorted({i for g in block.groups for i in plan.groups[g].own})
        }
        instruments = self._read_instruments(block.proteins, rows)
        large = sum(_is_large(plan.groups[g], values) for g in block.groups)
        ordered = None
        alone = plan.reading.modifiers.persons is None  # one row for each person
        if plan.transform == "rint" and alone and not instruments and large >= _WORTH_ORDERING:
            ordered = order_block(values)
        parts = [
            tabulate(
                plan,
                block.proteins,
                plan.groups[g],
                self._fit(block, g, values, own, ordered, instruments, whole=rows is None),
            )
            for g in _turn(block)
        ]
        return pl.concat(parts).sort(PART_ORDER)

    def _read_instruments(self, proteins: I64, rows: I64 | None) -> tuple[OwnInstruments, ...]:
        """Return the instruments that each protein of a block has for itself."""
        found = self.plan.reading.protein_instruments
        if found is None:
            return ()
        columns = [np.array(found.columns_of[p], dtype=np.int64) for p in proteins.tolist()]
        distinct = np.unique(np.concatenate(columns))
        n = self.plan.cohort.n if rows is None else rows.size
        values = _read(found.values, distinct, rows) if distinct.size else np.empty((0, n))
        return tuple(
            OwnInstruments(found.names_of(p), values[np.searchsorted(distinct, at)])
            for p, at in zip(proteins.tolist(), columns, strict=True)
        )

    def prepare(self, block: ProteinBlock) -> None:
        """Prepare the groups of a block, as its first fit would."""
        for group in block.groups:
            self._states.get(group)

    def path(self, group: int) -> str:
        """Say on which path the fits of a group go; empty where it has none."""
        state = self._states.get(group)
        nothing = state is None or isinstance(state, InputError)
        return "" if nothing else self.family.describe_path(state)

    def _prepare(self, group: int) -> object:
        plan_group = self.plan.groups[group]
        unfit = self.plan.targets[plan_group.models[0].target].unfit
        if plan_group.rows.size == 0 or unfit is not None:
            return None
        try:
            problem = self._designs.problem(plan_group)
            for note in problem.notes:
                if note not in self._said:  # as many halves would say the same
                    self._said.add(note)
                    _log.warning("%s", note)
            return self.family.prepare(problem)
        except InputError as fault:
            # A stratum may be too small for a term that suits the others.
            if plan_group.rows.size >= _SMALL_GROUP or len(self.plan.groups) == 1:
                raise
            return fault

    def _fit(
        self,
        block: ProteinBlock,
        g: int,
        values: F64,
        own: dict[int, F64],
        ordered: OrderedBlock | None,
        instruments: tuple[OwnInstruments, ...],
        *,
        whole: bool,
    ) -> FitBlock:
        """Fit the models of a group to values ``(b, n)`` of the whole cohort, or of its rows."""
        group = self.plan.groups[g]
        unfit = self.plan.targets[group.models[0].target].unfit
        if unfit is not None:
            return self._refuse(block, group, unfit.status, unfit.message)
        state = self._states.get(g)
        if state is None:
            message = "nobody has exposure and covariates complete"
            return self._refuse(block, group, Status.all_missing, message)
        if isinstance(state, InputError):
            return self._refuse(block, group, Status.too_few, str(state))
        shape = (block.proteins.size, group.rows.size)
        if ordered is not None and not group.own and _is_large(group, values):
            scores, observed, ends = ordered.rank_within(group.rows)
            nothing = np.empty((shape[0], 0, shape[1]))
            return self.family.fit(state, Block(scores, nothing, observed, ends=ends))
        own_raw = np.empty((shape[0], len(group.own), shape[1]))
        for a, i in enumerate(group.own):
            own_raw[:, a] = own[i][:, group.rows] if whole else own[i]
        raw = values
        if whole:
            raw = workspace.take("raw", shape, np.float64)
            # The rows are of the plan's making: none is outside.
            np.take(values, group.rows, axis=1, out=raw, mode="clip")
        persons = self.plan.reading.modifiers.persons
        whose = None if persons is None else persons[group.rows]
        ready, infinite, able = self._transform(raw, own_raw, whose)
        if whole:
            instruments = tuple(
                replace(each, values=each.values[:, group.rows]) for each in instruments
            )
        fits = self.family.fit(state, replace(ready, instruments=instruments))
        self._refuse_infinite(fits, infinite, able)
        return fits

    def _refuse(self, block: ProteinBlock, group: Group, status: Status, message: str) -> FitBlock:
        """Return the fits of a group that has none."""
        coefficients = len(self.plan.coefficients(group))
        fits = FitBlock.empty(block.proteins.size, coefficients)
        for j, t in np.ndindex(fits.n.shape):
            fits.refuse(j, t, status, message)
        return fits

    def _transform(self, raw: F64, own: F64, persons: I64 | None) -> tuple[Block, I64, Bool]:
        """Return the block to fit, infinite values by protein, and whether it is transformed.

        Parameters
        ----------
        persons : whose each row is, where a person may have several, who count once in a transform.
        """
        if own.shape[1]:
            absent = np.isnan(own).any(axis=1)
            raw[absent] = np.nan
        observed = np.empty(raw.shape, dtype=np.bool_)
        loops = load_loops("observed", compiled=raw.shape[1] >= COMPILED_FROM)
        infinite = loops.mark_observed(raw, observed)
        for a in range(own.shape[1]):
            infinite += np.sum(np.isinf(own[:, a]) & observed, axis=1)
        if infinite.any():
            raw[infinite > 0] = np.nan
            own[infinite > 0] = 0.0
        out = workspace.take("transformed", raw.shape, np.float64)
        ends = None
        if persons is None and self.plan.transform == "rint":
            able, ends = np.ones(len(raw), dtype=np.bool_), rank_normalise_block(raw, out)
        elif persons is None:
            able = transform_block(raw, out, transform=self.plan.transform)
        else:
            able = _transform_by_person(raw, out, persons, transform=self.plan.transform)
        if not np.all(able):
            out[~able] = 0.0
        for a in range(own.shape[1]):
            own[:, a][~observed] = 0.0
        return Block(out, own, observed, ends=ends), infinite, able

    def _refuse_infinite(self, fits: FitBlock, infinite: I64, able: Bool) -> None:
        for j in np.flatnonzero(infinite > 0).tolist():
            for t in range(fits.n.shape[1]):
                values = "value" if infinite[j] == 1 else "values"
                message = f"{infinite[j]} infinite {values} on the rows of the fit"
                fits.refuse(j, t, Status.infinite, message)
        transform = self.plan.transform
        for j in np.flatnonzero(~able & (infinite == 0)).tolist():
            for t in range(fits.n.shape[1]):
                if fits.status[j, t] in {Status.all_missing, Status.too_few}:
                    continue
                if transform == "zscore":
                    message = "the protein has one value on the rows of the fit"
                    fits.refuse(j, t, Status.constant, message)
                else:
                    message = f"{transform} needs values above 0"
                    fits.refuse(j, t, Status.untransformed, message)


def _transform_by_person(raw: F64, out: F64, persons: I64, *, transform: Transform) -> Bool:
    """Transform proteins ``(b, n)`` of rows of which a person has several, each person once."""
    _, whose = np.unique(persons, return_inverse=True)
    each = np.full((raw.shape[0], int(whose.max()) + 1), np.nan)
    for values, of_persons in zip(raw, each, strict=True):
        there = np.flatnonzero(~np.isnan(values))
        of_persons[whose[there]] = values[there]
    transformed = np.empty_like(each)
    able = transform_block(each, transformed, transform=transform)
    np.take(transformed, whose, axis=1, out=out)
    out[np.isnan(raw)] = 0.0
    return able


def _is_large(group: Group, values: F64) -> bool:
    """Whether ranks within a group are found sooner by the order of all than by sorting."""
    return bool(group.rows.size * _SHARE_OF_ALL >= values.shape[1])


def _turn(block: ProteinBlock) -> tuple[int, ...]:
    """Return the groups of a block, each block beginning elsewhere.

    Workers that come to a panel together then prepare different groups, and find those of the
    others prepared. The beginnings are van der Corput's sequence: far apart, however many.
    """
    index, share, half = block.index, 0.0, 0.5
    while index:
        share += half * (index & 1)
        index, half = index >> 1, half / 2
    first = int(share * len(block.groups))
    return block.groups[first:] + block.groups[:first]


def _read(proteins: Proteins, positions: I64, rows: I64 | None) -> F64:
    """Return proteins ``(b, n)`` of some rows, or of all; nobody else has the array."""
    first, last = int(positions[0]), int(positions[-1])
    if rows is None and last - first + 1 == positions.size:
        block = proteins.read(slice(first, last + 1))
    else:
        names = proteins.names
        chosen = proteins.select_columns([names[p] for p in positions])
        if rows is not None:
            chosen = chosen.select_rows(rows)
        block = chosen.read(slice(0, positions.size))
    return np.ascontiguousarray(block.T)


def _read_own(covariate: ProteinCovariate, proteins: I64, rows: I64 | None) -> F64:
    columns = np.array([covariate.column_of[p] for p in proteins], dtype=np.int64)
    distinct, within = np.unique(columns, return_inverse=True)
    return _read(covariate.values, distinct, rows)[within]
