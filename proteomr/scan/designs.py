"""Designs of groups that differ by their rows alone, cut from one that is built once."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np

from proteomr._typing import I64
from proteomr.design import Design, Formula, build, is_row_by_row, narrow, union
from proteomr.errors import FormulaError, InputError
from proteomr.scan.groups import Group
from proteomr.scan.plan import Plan

__all__ = ["Designs"]

# Of fewer groups the designs are as soon built each by itself.
_FEW = 3


class Designs:
    """The designs of many groups of the same formulas, such as outcomes with missing values.

    Parameters
    ----------
    plan : of the scan.
    """

    def __init__(self, plan: Plan) -> None:
        self._reading = plan.reading
        self._shared_by = Counter(_key(group) for group in plan.groups)
        self._whole: dict[str, tuple[Design, I64] | None] = {}
        self._lock = threading.Lock()

    def find(self, group: Group) -> Design | None:
        """Return the design of a group; None where it has to be built of its own rows."""
        if group.shared or self._shared_by[_key(group)] <= _FEW:
            return None
        formula = union(group.formulas.values())
        with self._lock:
            if _key(group) not in self._whole:
                self._whole[_key(group)] = self._build(formula)
            whole = self._whole[_key(group)]
        if whole is None:
            return None
        design, place = whole
        rows = place[group.rows]
        return None if np.any(rows < 0) else narrow(design, rows)

    def _build(self, formula: Formula) -> tuple[Design, I64] | None:
        """Return the design of all people who are complete, and where each of them stands in it."""
        reading = self._reading
        samples = reading.cohort.samples
        if not is_row_by_row(formula) or not set(formula.variables) <= set(samples.columns):
            return None
        rows = np.flatnonzero(reading.columns.complete(formula.variables))
        frame = samples.select(reading.cohort.id_column, *formula.variables)[rows]
        try:
            design = build(formula, frame)
        except (InputError, FormulaError):
            return None  # what is wrong may be so with people whom no group has
        place = np.full(reading.cohort.n, -1, dtype=np.int64)
        place[rows] = np.arange(rows.size)
        return design, place


def _key(group: Group) -> str:
    return "; ".join(f"{a}: {formula}" for a, formula in group.formulas.items())
