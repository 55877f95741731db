"""What groups share of one another's problems: designs on other rows, columns of other panels.

Groups that differ by their rows alone have their designs cut from one that is built once. Panels
that differ by the values of their own covariates alone have the columns of these exchanged.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from proteomr._typing import I64
from proteomr.design import Design, Formula, build, is_row_by_row, narrow, union
from proteomr.errors import FormulaError, InputError
from proteomr.models import Problem
from proteomr.scan.groups import Group, ModelKey
from proteomr.scan.plan import Plan
from proteomr.scan.reading import is_plain
from proteomr.stats.linalg import condition_columns

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
        self._plan = plan
        self._reading = plan.reading
        self._shared_by = Counter(_key(group) for group in plan.groups)
        self._whole: dict[str, tuple[Design, I64] | None] = {}
        self._of_panels: dict[tuple[str, Sequence[ModelKey]], tuple[Group, Problem]] = {}
        self._lock = threading.Lock()

    def problem(self, group: Group) -> Problem:
        """Return the arrays of a group, bit for bit those that the plan makes by itself."""
        models = _key(group), group.models
        with self._lock:
            last = self._of_panels.get(models)
        problem = None if last is None else _exchange(*last, group)
        if problem is None:
            problem = self._plan.problem(group, self.find(group))
        if group.shared:
            with self._lock:
                self._of_panels[models] = group, problem
        return problem

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


def _exchange(other: Group, problem: Problem, group: Group) -> Problem | None:
    """Return the problem of a group, given that of another panel; None where more differs.

    More does where a covariate of the panel stands in a product, a spline or as a factor.
    """
    if not np.array_equal(other.rows, group.rows) or set(other.shared) != set(group.shared):
        return None
    covariates, scales, shifts = problem.covariates.copy(), *problem.units[::-1]
    terms = [term for formula in group.formulas.values() for term in formula.terms]
    for name, values in group.shared.items():
        having = [term for term in terms if any(name in part.columns for part in term.parts)]
        column = values[group.rows]
        if not all(map(is_plain, having)) or not np.all(np.isfinite(column)):
            return None
        if not having:
            continue
        place = problem.names.index(name)
        conditioned, scale = condition_columns(column[:, None])
        covariates[:, place], scales[place] = conditioned[:, 0], scale[0]
        shifts[place] = column[0] - conditioned[0, 0] * scale[0]
    return replace(problem, covariates=covariates, scales=scales, shifts=shifts)


def _key(group: Group) -> str:
    return "; ".join(f"{a}: {formula}" for a, formula in group.formulas.items())
