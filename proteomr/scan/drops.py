"""How many people a scan leaves out, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proteomr._typing import Bool
from proteomr.models import (
    Target,
)
from proteomr.scan.reading import Reading
from proteomr.tables import Drop

__all__ = ["count_drops"]


def count_drops(reading: Reading, targets: Sequence[Target], *, step: str) -> tuple[Drop, ...]:
    """Count the people that strata, targets and covariates take out, by step."""
    columns, by = reading.columns, reading.stratified_by
    counts: list[tuple[str, str, int]] = []
    if by is not None:
        anywhere = np.logical_or.reduce([stratum.rows for stratum in reading.strata])
        counts = [(step, by, int(np.sum(~anywhere)))]
    modifying = (
        *(reading.weights, reading.cluster, reading.block, reading.baseline),
        *reading.absorbed,
        *reading.random,
    )
    names = list(dict.fromkeys(name for name in modifying if name is not None))
    names += reading.modifiers.instrument_variables
    zero = _find_weightless(reading)
    weightless: list[Drop] = []
    for stratum in reading.strata:
        where = "" if stratum.label is None else f" in {by} {stratum.label}"
        rows = stratum.rows
        each = {t.name: t for t in targets}
        counts += [
            (f"{step}{where}", name, int(np.sum(t.missing & rows))) for name, t in each.items()
        ]
        counts += [
            (f"{step}{where}", name, int(np.sum(columns.missing(name) & rows))) for name in names
        ]
        weightless += [Drop(f"{step}{where}", f"{reading.weights} 0", int(np.sum(zero & rows)))]
        counts += [
            (f"{step}, {label}{where}", name, int(np.sum(columns.missing(name) & rows)))
            for label, formula in zip(reading.labels, reading.formulas, strict=True)
            for name in formula.variables
            if name in columns
        ]
    brought = {beside.label: beside.formula for beside in reading.beside.values()}
    counts += [
        (f"{step}, outcomes {label}", name, int(np.sum(columns.missing(name))))
        for label, formula in brought.items()
        for name in formula.variables
    ]
    missing = [Drop(of, f"{name} missing", n) for of, name, n in counts]
    genotyped = reading.modifiers.genotyped
    if genotyped is not None:
        missing.append(Drop(step, "not among the genotypes", int(np.sum(~genotyped))))
    return tuple(drop for drop in (*missing, *weightless) if drop.n)


def _find_weightless(reading: Reading) -> Bool:
    """Return who has a weight of 0 and is left out for it ``(n,)``."""
    if reading.weights is None or reading.modifiers.weights is None:
        return np.zeros(reading.cohort.n, dtype=bool)
    absent = np.isnan(reading.modifiers.weights)
    return np.asarray(absent & ~reading.columns.missing(reading.weights))
