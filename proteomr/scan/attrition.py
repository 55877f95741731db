"""Who is left of the people for each model of a plan, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import I64, Bool
from proteomr.models import Target
from proteomr.scan.groups import Group, ModelKey
from proteomr.scan.plan import Plan
from proteomr.scan.reading import is_paneled
from proteomr.scan.strata import Stratum
from proteomr.tables import CHOSEN_PEOPLE, WITHDRAWN, WITHOUT_PROTEINS, Cohort
from proteomr.tables import columns as c

__all__ = ["count_people", "people_asked"]


def people_asked(cohort: Cohort) -> int:
    """Return how many people the samples name, whether or not they have proteins.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins, Drop
    >>> cohort = Cohort(
    ...     pl.DataFrame({"id": ["1", "2"]}), "id", ArrayProteins(("ADM",), np.ones((2, 1))),
    ...     pl.DataFrame({"protein": ["ADM"]}), (Drop("load", WITHOUT_PROTEINS, 3),))
    >>> people_asked(cohort)
    5
    """
    reasons = (WITHDRAWN, WITHOUT_PROTEINS)
    return cohort.n + _unchosen(cohort) + sum(_lost_at_load(cohort, why) for why in reasons)


def count_people(plan: Plan) -> pl.DataFrame:
    """Return a row for each target, adjustment set and stratum: people asked, lost and complete.

    Each person who is lost counts once, for the first reason in the order of the columns. Of a
    stratum the people are those in it who have proteins: who has none is in no stratum.
    """
    groups: dict[ModelKey, list[I64]] = {}
    for group in plan.groups:
        panels = _split_panels(plan, group)
        for key in group.models:
            groups.setdefault(key, []).extend(panels)
    rows = []
    for e, target in plan.columns_scanned:
        for a, label in enumerate(plan.reading.labels):
            for s, stratum in enumerate(plan.strata):
                if not stratum.asks(e):
                    continue
                key = ModelKey(e, a, s)
                left = _follow(plan, key, stratum, groups[key])
                rows.append(
                    {
                        c.ADJUSTMENT: label,
                        c.EXPOSURE: target.name if target.role == "exposure" else None,
                        c.OUTCOME: target.name if target.role == "outcome" else None,
                        c.STRATUM: stratum.label,
                        **_count_losses(plan, stratum, e, left),
                        **_count_complete(left, target),
                        "n_effective": _count_effective(plan, left),
                    }
                )
    keys = (c.ADJUSTMENT, c.EXPOSURE, c.OUTCOME, c.STRATUM, c.CONTRAST)
    kinds: dict[str, type[pl.DataType]] = {**dict.fromkeys(keys, pl.String), c.N_CASE: pl.Int64}
    kinds["n_effective"] = pl.Float64
    return pl.DataFrame(rows, schema_overrides=kinds, infer_schema_length=None)


@dataclass(frozen=True, slots=True)
class _Left:
    """Who is left after each step ``(n,)``; after the last, positions in each panel of proteins."""

    target: Bool
    covariates: Bool
    modifiers: Bool
    panels: tuple[I64, ...]


def _split_panels(plan: Plan, group: Group) -> list[I64]:
    """Return who of a group has what panels of proteins share of its own covariates."""
    own = [plan.reading.covariates[i] for i in group.own]
    paneled = [covariate for covariate in own if is_paneled(covariate)]
    columns = set(zip(*(covariate.column_of for covariate in paneled), strict=True)) or {()}
    panels = []
    for key in sorted(columns):
        there = np.ones(group.rows.size, dtype=bool)
        for covariate, column in zip(paneled, key, strict=True):
            values = covariate.values.read(slice(column, column + 1))[:, 0]
            there &= ~np.isnan(values[group.rows])
        panels.append(group.rows[there])
    return panels


def _follow(plan: Plan, key: ModelKey, stratum: Stratum, panels: Sequence[I64]) -> _Left:
    reading, target = plan.reading, plan.targets[key.target]
    formula = reading.formula_of(key.adjustment, target.name)
    observed = stratum.rows_of(key.target) & target.observed
    covered = observed & reading.complete(formula, {})
    weighed = covered & reading.modifiers.complete
    return _Left(observed, covered, weighed, tuple(panels))


def _count_losses(plan: Plan, stratum: Stratum, target: int, left: _Left) -> dict[str, int]:
    whole, rows = stratum.label is None, stratum.rows_of(target)
    withdrawn = _lost_at_load(plan.cohort, WITHDRAWN) if whole else 0
    unchosen = _unchosen(plan.cohort) if whole else 0
    without = _lost_at_load(plan.cohort, WITHOUT_PROTEINS) if whole else 0
    steps = [int(np.sum(some)) for some in (rows, left.target, left.covariates)]
    last = int(np.sum(left.modifiers))
    return {
        "people": steps[0] + withdrawn + unchosen + without,
        "withdrawn": withdrawn,
        "not_chosen": unchosen,
        "without_proteins": without,
        "target_missing": steps[0] - steps[1],
        "covariate_missing": steps[1] - steps[2],
        "weight_or_cluster_missing": steps[2] - last,
        "panel_covariate_missing": last - max(rows.size for rows in left.panels),
    }


def _count_complete(left: _Left, target: Target) -> dict[str, int | str | None]:
    """Return who is complete in the largest and the smallest panel, and the second level's."""
    sizes = [rows.size for rows in left.panels]
    counts: dict[str, int | str | None] = {"complete": max(sizes), "complete_least": min(sizes)}
    contrast = target.contrasts[0]
    if len(target.levels) != 2:
        return {**counts, c.N_CASE: None, c.CONTRAST: None}
    widest = left.panels[int(np.argmax(sizes))]
    return {**counts, c.N_CASE: int(np.sum(target.values[widest] == 1.0)), c.CONTRAST: contrast}


def _unchosen(cohort: Cohort) -> int:
    """Return how many of the samples were not asked for."""
    return sum(drop.n for drop in cohort.drops if drop.step == CHOSEN_PEOPLE)


def _count_effective(plan: Plan, left: _Left) -> float | None:
    """Return Kish's effective number of people of sampling weights, of the largest panel.

    That many people of equal weights would have a mean of the same variance (Kish 1965, Survey
    Sampling, section 11.7).
    """
    weights = plan.reading.modifiers.weights
    if weights is None or plan.family.options.weight_kind != "sampling":
        return None
    of_fit = weights[max(left.panels, key=lambda rows: rows.size)]
    return float(of_fit.sum() ** 2 / (of_fit @ of_fit)) if of_fit.size else 0.0


def _lost_at_load(cohort: Cohort, reason: str) -> int:
    return sum(drop.n for drop in cohort.drops if drop.reason == reason)
