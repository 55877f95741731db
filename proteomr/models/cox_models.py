"""What all fits of one Cox model of a problem share: its follow-up, its risk sets, its terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.errors import UsageError
from proteomr.models.base import Factor, Problem, factors_within
from proteomr.models.cells import Cells, lay_out_cells, name_aliased
from proteomr.models.details import Details
from proteomr.models.event_times import EVENT
from proteomr.models.family import FitOptions
from proteomr.models.whole import name_columns
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.exact_ties import AnyTies, count_terms
from proteomr.stats.risk_sets import RiskSets, lay_out_risk_sets, tie_times

__all__ = [
    "GLOBAL",
    "PROPORTIONAL",
    "CoxModel",
    "LostLevel",
    "clusters_of",
    "drop_levels",
    "find_lost_levels",
    "lay_out_models",
    "list_tests",
    "name_aliased_among",
]

PROPORTIONAL, GLOBAL = "proportional_hazards", "GLOBAL"
# Of one step over the tied times, of which a fit takes some five: 40 ns for each of them.
_MOST_TERMS = 1_000_000_000
_LEVEL = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class CoxModel:
    """One model of a problem, on the n rows of this.

    Attributes
    ----------
    index : position of the model.
    outcome : ``(n, 3)``, entry, exit and event, times that are equal up to rounding being equal.
    risk : the risk sets of all rows.
    names : of the columns of its fits: covariates with their intercept, own ones, the protein, its
        products.
    terms : by name, the positions of the columns of each but the intercept.
    ties : how events at one time are counted.
    said : what is to be said of every fit.
    """

    index: int
    outcome: F64
    risk: RiskSets
    names: tuple[str, ...]
    terms: tuple[tuple[str, I64], ...]
    ties: AnyTies
    said: str = ""

    def terms_among(self, kept: I64) -> tuple[tuple[str, I64], ...]:
        """Return the terms of some columns, by their positions among these."""
        place = {int(column): i for i, column in enumerate(kept)}
        found = []
        for name, columns in self.terms:
            here = [place[column] for column in columns.tolist() if column in place]
            if here:
                found.append((name, np.array(here, dtype=np.int64)))
        return tuple(found)


def lay_out_models(problem: Problem, options: FitOptions) -> tuple[Problem, tuple[CoxModel, ...]]:
    """Return a problem whose times are tied where they differ by rounding alone, and its models."""
    targets, asked = [], options.survival
    named = (*asked.periods, *(() if asked.tau is None else (asked.tau,)))
    for target in problem.targets:
        times = tie_times(target.values[:, :2], named=named)
        targets.append(replace(target, values=np.column_stack([times, target.values[:, 2]])))
    problem = replace(problem, targets=tuple(targets))
    risks = [
        lay_out_risk_sets(target.values, problem.baseline, event=int(EVENT))
        for target in problem.targets
    ]
    ties = options.survival.ties or "efron"
    if ties == "exact":
        _refuse_many_terms(problem, risks)
    models = []
    for m, model in enumerate(problem.models):
        names = name_columns(problem, m, side="predictor")
        outcome = problem.targets[model.target].values
        lost = int(np.count_nonzero(outcome[:, 0] >= outcome[:, 1]))
        said = f"{lost} rows whose entry and exit are one time" if lost else ""
        terms = _name_terms(problem, m, names)
        models.append(CoxModel(m, outcome, risks[model.target], names, terms, ties, said))
    return problem, tuple(models)


def _refuse_many_terms(problem: Problem, risks: Sequence[RiskSets]) -> None:
    """Refuse exact ties of outcomes whose fits would take hours.

    Raises
    ------
    UsageError
        An outcome has too many people at risk at its tied times.
    """
    for target, risk in zip(problem.targets, risks, strict=True):
        terms, times = count_terms(risk)
        if terms > _MOST_TERMS:
            raise UsageError(
                f"--ties exact: {target.name!r} has {times:,} tied times among {problem.n:,} rows, "
                f"{terms:.1e} terms a step where {_MOST_TERMS:.0e} take some minutes a fit; "
                "--ties efron comes close to it"
            )


def _name_terms(problem: Problem, m: int, names: tuple[str, ...]) -> tuple[tuple[str, I64], ...]:
    """Return the terms of a model: the columns of a factor, or of its products, are one."""
    columns = problem.adjustments[problem.models[m].adjustment].columns
    of_factor = {c: f.name for f in problem.factors for c in f.columns.tolist()}
    labels = [
        of_factor.get(int(columns[i]), _LEVEL.sub("", name)) if i < columns.size else name
        for i, name in enumerate(names)
    ]
    order = dict.fromkeys(labels[1:])
    found = {
        label: [i for i, other in enumerate(labels) if i and other == label] for label in order
    }
    return tuple((label, np.array(at, dtype=np.int64)) for label, at in found.items())


def clusters_of(problem: Problem, rows: Bool | I64) -> I64 | None:
    """Return the clusters of robust errors on some rows: given ones, or people with several rows.

    None where each row is one.
    """
    codes = problem.clusters if problem.clusters is not None else problem.persons
    if codes is None:
        return None
    return np.asarray(np.unique(codes[rows], return_inverse=True)[1], dtype=np.int64)


def list_tests(
    rows: Sequence[tuple[int, int, str, float, float, float]],
) -> Details:
    """Return the table of tests of proportional hazards.

    Parameters
    ----------
    rows : protein, model, term, chi-squared, degrees of freedom and -log10 p of each.
    """
    minus_log = np.array([row[5] for row in rows], dtype=np.float64)
    return Details(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
        {
            "term": [row[2] for row in rows],
            "chi2": np.array([row[3] for row in rows], dtype=np.float64),
            "df": np.array([row[4] for row in rows], dtype=np.float64),
            "neg_log10_p": minus_log,
            "p_value": p_from_neg_log10(minus_log),
        },
    )


class LostLevel(NamedTuple):
    """A level of a factor in which nobody has the event; and whether anybody is in it at all."""

    factor: int
    level: int
    met: bool = True


def find_lost_levels(
    factors: tuple[Factor, ...], risk: RiskSets, observed: Bool | None = None
) -> tuple[LostLevel, ...]:
    """Return the levels of factors that have no event among those who are observed.

    Their coefficients are infinite, and at the limit their people are in no risk set.

    Parameters
    ----------
    observed : ``(n,)``; None for everybody. A level that is in no row is none.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(3, -np.inf), [1.0, 2.0, 3.0], [0.0, 1.0, 1.0]])
    >>> site = Factor("site", np.array([1, 0, 0]), np.array([1]))
    >>> find_lost_levels((site,), lay_out_risk_sets(rows))
    (LostLevel(factor=0, level=1, met=True),)
    """
    died = np.flatnonzero(risk.died)
    if observed is not None:
        died = died[observed[died]]
    lost = []
    for f, factor in enumerate(factors):
        events = np.bincount(factor.codes[died], minlength=factor.people.size)
        for level in np.flatnonzero((events == 0) & (factor.people > 0)).tolist():
            met = observed is None or bool(np.any(observed[factor.codes == level]))
            lost.append(LostLevel(f, level, met))
    return tuple(lost)


def drop_levels(factors: tuple[Factor, ...], lost: Sequence[LostLevel], n: int) -> Bool:
    """Return the people ``(n,)`` but those in some levels.

    Examples
    --------
    >>> site = Factor("site", np.array([1, 0, 0]), np.array([1]))
    >>> drop_levels((site,), [LostLevel(0, 1)], 3).tolist()
    [False, True, True]
    """
    used = np.ones(n, dtype=bool)
    for factor, level, _ in lost:
        used &= factors[factor].codes != level
    return used


def name_aliased_among(
    problem: Problem, adjustment: int, lost: Sequence[LostLevel], cells: Cells | None = None
) -> tuple[str, ...]:
    """Return the names of the covariates that others determine among people of the levels that
    anybody has; a column of a level that nobody has is none.

    Parameters
    ----------
    cells : of everybody, where they are laid out and nobody is left out.
    """
    columns, factors = problem.adjustments[adjustment].columns, factors_within(problem, adjustment)
    empty = [level for level in lost if not level.met]
    rows = np.flatnonzero(drop_levels(factors, empty, problem.n))
    if cells is None:
        cells = lay_out_cells(problem.covariates, columns, factors, rows=rows)
    names = name_aliased(problem, adjustment, cells)
    if not (empty and names):
        return names
    given = [problem.names[c] for c in columns.tolist() if np.any(problem.covariates[rows, c])]
    return tuple(name for name in names if name in given)
