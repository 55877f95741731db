"""Groups: models that share rows, in the order in which their family wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.design import Formula, read_factors
from proteomr.models import AnyFamily, Factor, Layout, Target
from proteomr.scan.reading import Reading
from proteomr.scan.strata import Stratum

__all__ = ["Group", "ModelKey", "group_models"]


@dataclass(frozen=True, slots=True)
class ModelKey:
    """What identifies a model of a protein: target, adjustment set and stratum, by position."""

    target: int
    adjustment: int
    stratum: int


@dataclass(frozen=True, slots=True)
class Group:
    """Models on one set of rows: complete for targets and covariates, of one stratum and panel.

    Attributes
    ----------
    rows : positions among the samples, in the order that the family wants.
    models : what the models of the problem are, in its order.
    formulas : adjustment sets of the group by position in the reading.
    own : positions among the protein covariates of those that every protein has for itself.
    shared : values ``(n of the samples,)`` by name of the covariates that all proteins of the panel
        share.
    """

    rows: I64
    models: tuple[ModelKey, ...]
    formulas: Mapping[int, Formula]
    own: tuple[int, ...]
    shared: Mapping[str, F64]


@dataclass(slots=True)
class _Gathered:
    """Models that have been found to share rows."""

    rows: I64
    own: tuple[int, ...]
    models: list[ModelKey] = field(default_factory=list)


class _Covered:
    """Who has the covariates of an adjustment set and of an outcome; each looked at once."""

    def __init__(self, reading: Reading, shared: Mapping[str, F64]) -> None:
        self._reading = reading
        self._shared = shared
        self._found: dict[tuple[int, str], tuple[Bool, tuple[int, ...], str]] = {}

    def find(self, adjustment: int, target: str) -> tuple[Bool, tuple[int, ...], str]:
        """Return who is complete, positions of own covariates, and what the outcome brings."""
        beside = self._reading.beside.get(target)
        brings = "" if beside is None else str(beside.formula)
        if (adjustment, brings) not in self._found:
            formula = self._reading.formula_of(adjustment, target)
            complete = self._reading.complete(formula, self._shared)
            self._found[adjustment, brings] = (
                complete,
                self._reading.own_positions(formula),
                brings,
            )
        return self._found[adjustment, brings]


def group_models(
    reading: Reading,
    family: AnyFamily,
    *,
    targets: Sequence[Target],
    strata: Mapping[int, Stratum],
    shared: Mapping[str, F64],
    orders: dict[tuple[bytes, str], I64],
) -> list[Group]:
    """Group the models of one panel by the rows that are complete for them.

    Parameters
    ----------
    strata : by their position among those of the plan.
    shared : values by name of the covariates that the panel shares.
    orders : of rows that are known already; new ones are added.
    """
    gathered: dict[tuple[bytes, tuple[int, ...], str, int], _Gathered] = {}
    covered = _Covered(reading, shared)
    observed = [target.observed for target in targets]
    for s, stratum in strata.items():
        for a in range(len(reading.labels)):
            for e, target in enumerate(targets):
                if not stratum.asks(e):
                    continue
                complete, own, brings = covered.find(a, target.name)
                rows = stratum.rows_of(e) & complete & reading.modifiers.complete & observed[e]
                alone = target.unfit is not None or target.transform != "none"
                apart = e if alone or not family.shares_rows else -1
                key = rows.tobytes(), own, brings, apart
                members = gathered.setdefault(key, _Gathered(np.flatnonzero(rows), own))
                members.models.append(ModelKey(e, a, s))
    groups = []
    for members in gathered.values():
        used = sorted({key.adjustment for key in members.models})
        named = targets[members.models[0].target].name
        formulas = {a: reading.without_own(reading.formula_of(a, named)) for a in used}
        chosen = [targets[e] for e in sorted({key.target for key in members.models})]
        ordered = _order(reading, family, members.rows, formulas, chosen, orders)
        groups.append(Group(ordered, tuple(members.models), formulas, members.own, shared))
    return groups


def _order(
    reading: Reading,
    family: AnyFamily,
    rows: I64,
    formulas: Mapping[int, Formula],
    targets: Sequence[Target],
    orders: dict[tuple[bytes, str], I64],
) -> I64:
    """Order a group's rows as the family wants them, by what all its adjustment sets share.

    What has been ordered before is looked up.
    """
    if rows.size == 0:
        return rows
    common = set.intersection(
        *({term for term in f.terms if len(term.parts) == 1} for f in formulas.values())
    )
    factors = [
        term
        for formula in formulas.values()
        for term in formula.terms
        if term in common and reading.is_factor(term)
    ]
    formula = Formula(tuple(dict.fromkeys(factors)))
    names = "" if family.shares_rows else targets[0].name
    key = (rows.tobytes(), f"{names} {formula}")
    if key not in orders:
        layout = _lay_out(reading, rows, formula, targets)
        orders[key] = rows[family.order(layout)]
    return orders[key]


def _lay_out(reading: Reading, rows: I64, formula: Formula, targets: Sequence[Target]) -> Layout:
    """Return what the family may order rows by."""
    factors: tuple[Factor, ...] = ()
    if formula.terms:
        frame = reading.cohort.samples.select(formula.variables)[rows]
        factors = tuple(
            Factor(f.name, f.codes, np.array(f.columns, dtype=np.int64))
            for f in read_factors(formula, frame)
        )
    baseline = reading.modifiers.baseline
    within = None if baseline is None else baseline[rows]
    return Layout(rows.size, factors, tuple(target.take(rows) for target in targets), within)
