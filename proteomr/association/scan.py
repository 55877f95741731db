"""The work on one block of proteins: read, transform within complete cases, fit, tabulate."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.association.plan import Group, Plan, ProteinBlock, TestKey
from proteomr.errors import InputError
from proteomr.models import Block, Exact, Family, FitBlock, Linear, Logistic, Status
from proteomr.stats.transforms import transform_block
from proteomr.tables import ProteinCovariate, Proteins
from proteomr.tables import columns as c

_SMALL_GROUP = 100
_log = logging.getLogger(__name__)

__all__ = ["PART_ORDER", "Scan", "choose_family"]

PART_ORDER = (
    "protein_position",
    "exposure_position",
    "adjustment_position",
    "stratum_position",
    "term_position",
)


def choose_family(plan: Plan) -> Family[Any]:
    """Return the regression family that a specification asks for."""
    spec = plan.spec
    if spec.one_by_one:
        return Exact(spec.family, errors=spec.errors, firth=spec.firth, level=spec.level)
    if spec.family == "linear":
        return Linear()
    return Logistic(firth=spec.firth, level=spec.level)


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
            state = self._prepare(group)
            with self._guard:
                self._states[group] = state
                while len(self._states) > self._keep:
                    self._states.popitem(last=False)
            return state


class Scan:
    """A planned scan, ready to be run block by block by any number of threads.

    Parameters
    ----------
    plan : what to do.
    family : how to fit; by default what the plan's specification asks for.
    """

    def __init__(self, plan: Plan, *, family: Family[Any] | None = None) -> None:
        self.plan = plan
        self._names = plan.cohort.proteins.names
        self.family = choose_family(plan) if family is None else family
        widest = max((len(block.groups) for block in plan.blocks), default=1)
        self._states = _States(self._prepare, keep=2 * widest)

    def __reduce__(self) -> tuple[Callable[[Plan], Scan], tuple[Plan]]:
        # Another process prepares its groups itself.
        return partial(Scan, family=self.family), (self.plan,)

    def __call__(self, block: ProteinBlock) -> pl.DataFrame:
        """Fit all tests of a block's proteins; one row for each protein and test."""
        values = _read(self.plan.cohort.proteins, block.proteins)
        own = {
            i: _read_own(self.plan.covariates[i], block.proteins)
            for i in sorted({i for g in block.groups for i in self.plan.groups[g].own})
        }
        parts = [self._fit(block, g, values, own) for g in block.groups]
        return pl.concat(parts).sort(PART_ORDER)

    def _prepare(self, group: int) -> object:
        plan_group = self.plan.groups[group]
        if plan_group.rows.size == 0:
            return None
        try:
            problem = self.plan.problem(plan_group)
            for note in problem.notes:
                _log.warning("%s", note)
            return self.family.prepare(problem)
        except InputError as fault:
            # A stratum may be too small for a term that suits the others.
            if plan_group.rows.size >= _SMALL_GROUP or len(self.plan.groups) == 1:
                raise
            return fault

    def _fit(self, block: ProteinBlock, g: int, values: F64, own: dict[int, F64]) -> pl.DataFrame:
        group = self.plan.groups[g]
        state = self._states.get(g)
        if state is None or isinstance(state, InputError):
            status = Status.all_missing if state is None else Status.too_few
            message = "nobody has exposure and covariates complete" if state is None else str(state)
            fits = FitBlock.empty(block.proteins.size, len(group.tests))
            for j, t in np.ndindex(fits.n.shape):
                fits.refuse(j, t, status, message)
            return self._tabulate(block, group, fits)
        raw = np.take(values, group.rows, axis=1)
        own_raw = np.empty((block.proteins.size, len(group.own), group.rows.size))
        for a, i in enumerate(group.own):
            np.take(own[i], group.rows, axis=1, out=own_raw[:, a])
        ready, infinite, able = self._transform(raw, own_raw)
        fits = self.family.fit(state, ready)
        self._refuse_infinite(fits, infinite, able)
        return self._tabulate(block, group, fits)

    def _transform(self, raw: F64, own: F64) -> tuple[Block, I64, Bool]:
        """Return the block to fit, infinite values by protein, and whether it is transformed."""
        if own.shape[1]:
            absent = np.isnan(own).any(axis=1)
            raw[absent] = np.nan
        observed = ~np.isnan(raw)
        infinite = (np.isinf(raw) + np.isinf(own).sum(axis=1)).sum(axis=1, where=observed)
        raw[infinite > 0] = np.nan
        out = np.empty_like(raw)
        able = transform_block(raw, out, transform=self.plan.spec.transform)
        out[~able] = 0.0
        for a in range(own.shape[1]):
            own[:, a][~observed] = 0.0
        own[infinite > 0] = 0.0
        return Block(out, own, observed), infinite, able

    def _refuse_infinite(self, fits: FitBlock, infinite: I64, able: Bool) -> None:
        for j in np.flatnonzero(infinite > 0).tolist():
            for t in range(fits.n.shape[1]):
                values = "value" if infinite[j] == 1 else "values"
                message = f"{infinite[j]} infinite {values} on the rows of the fit"
                fits.refuse(j, t, Status.infinite, message)
        transform = self.plan.spec.transform
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

    def _tabulate(self, block: ProteinBlock, group: Group, fits: FitBlock) -> pl.DataFrame:
        plan, spec = self.plan, self.plan.spec
        b, t = fits.n.shape
        exposures = [plan.exposures[key.exposure] for key in group.tests]
        labels = list(spec.adjust)
        proteins = [self._names[p] for p in block.proteins]
        named = [self._name_term(key, protein) for protein in proteins for key in group.tests]

        def per_test(values: list[Any], dtype: type[pl.DataType]) -> pl.Series:
            return pl.Series(values * b, dtype=dtype)

        per_protein = [name for name in proteins for _ in range(t)]
        return pl.DataFrame(
            {
                PART_ORDER[0]: pl.Series(np.repeat(block.proteins, t), dtype=pl.Int32),
                PART_ORDER[1]: per_test([k.exposure for k in group.tests], pl.Int32),
                PART_ORDER[2]: per_test([k.adjustment for k in group.tests], pl.Int32),
                PART_ORDER[3]: per_test([k.stratum for k in group.tests], pl.Int32),
                PART_ORDER[4]: per_test([k.term for k in group.tests], pl.Int32),
                c.PROTEIN: pl.Series(per_protein, dtype=pl.String),
                c.GENE: self._genes(block).gather(np.repeat(np.arange(b), t)),
                c.EXPOSURE: per_test([e.name for e in exposures], pl.String),
                c.ADJUSTMENT: per_test([labels[k.adjustment] for k in group.tests], pl.String),
                c.FAMILY: per_test([spec.family] * t, pl.String),
                c.DIRECTION: per_test([spec.direction] * t, pl.String),
                c.TERM: pl.Series([term for term, _ in named], dtype=pl.String),
                c.CONTRAST: pl.Series([contrast for _, contrast in named], dtype=pl.String),
                c.STRATUM: per_test([plan.strata[k.stratum] for k in group.tests], pl.String),
                c.N: pl.Series(fits.n.ravel(), dtype=pl.Int64),
                c.N_CASE: _nullable(fits.n_case.ravel(), fits.n_case.ravel() < 0, pl.Int64),
                c.ESTIMATE: _number(fits.estimate),
                c.SE: _number(fits.se),
                c.DF: _number(np.where(np.isfinite(fits.df), fits.df, np.nan)),
                c.CONF_LOW: _number(fits.conf_low),
                c.CONF_HIGH: _number(fits.conf_high),
                c.STATUS: pl.Series(
                    [Status(s).name for s in fits.status.ravel().tolist()], dtype=pl.String
                ),
                c.MESSAGE: pl.Series(
                    [fits.messages.get((j, i)) for j in range(b) for i in range(t)],
                    dtype=pl.String,
                ),
            }
        )

    def _genes(self, block: ProteinBlock) -> pl.Series:
        assays = self.plan.cohort.assays
        if c.GENE not in assays.columns:
            return pl.Series([None] * block.proteins.size, dtype=pl.String)
        return assays[c.GENE].gather(block.proteins).cast(pl.String)

    def _name_term(self, key: TestKey, protein: str) -> tuple[str, str | None]:
        """Return the term and the contrast that a row is about."""
        exposure = self.plan.exposures[key.exposure]
        main = exposure.name if self.plan.spec.family == "linear" else protein
        if key.term == 0:
            return main, exposure.contrast
        name, contrast = self.plan.modifiers.terms[key.term - 1]
        return f"{main}:{name}", contrast


def _read(proteins: Proteins, positions: I64) -> F64:
    first, last = int(positions[0]), int(positions[-1])
    if last - first + 1 == positions.size:
        block = proteins.read(slice(first, last + 1))
    else:
        known = proteins.names
        chosen = proteins.select_columns([known[p] for p in positions])
        block = chosen.read(slice(0, positions.size))
    return np.ascontiguousarray(block.T)


def _read_own(covariate: ProteinCovariate, proteins: I64) -> F64:
    columns = np.array([covariate.column_of[p] for p in proteins], dtype=np.int64)
    distinct, within = np.unique(columns, return_inverse=True)
    return _read(covariate.values, distinct)[within]


def _nullable(values: I64, absent: Bool, dtype: type[pl.DataType]) -> pl.Series:
    series = pl.Series(values, dtype=dtype)
    return series.set(pl.Series(absent), None) if absent.any() else series


def _number(values: F64) -> pl.Series:
    return pl.Series(np.ascontiguousarray(values).ravel(), dtype=pl.Float64).fill_nan(None)
