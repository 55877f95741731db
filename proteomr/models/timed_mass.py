"""Models of times of all proteins of a block together, by the rows that they observe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Block, FitBlock, Problem
from proteomr.models.family import FitOptions
from proteomr.models.timed_exact import TimedTables, describe_timed, test_products
from proteomr.models.timed_rows import cluster_rows
from proteomr.stats.linalg import (
    change_units,
    find_independent,
    orthonormalise,
    scale_columns,
)
from proteomr.status import Status

__all__ = ["MassFits", "Sharing", "TimedMass", "prepare_mass"]

# As in the exact path.
_ALIASED = 1e-9


class MassFits(NamedTuple):
    """Fits of b proteins' own columns: estimates ``(b, s)``, covariances, who carries each estimate
    (None or NaN where errors are the model's), and which have their certificate ``(b,)``.
    """

    estimate: F64
    covariance: F64
    carriers: F64 | None
    certified: Bool


class Sharing(Protocol):
    """How a family fits proteins that observe the same rows."""

    def share(
        self, C: F64, outcome: F64, weights: F64 | None, baseline: I64 | None, *, near: Any = None
    ) -> Any:
        """Do what they have in common, which is near to that of others; None where it cannot be."""
        ...

    def fit(self, shared: Any, borders: F64, *, robust: bool, clusters: I64 | None) -> MassFits:
        """Fit own columns ``(b, s, n)``."""
        ...

    def apart(self, shared: Any) -> int:
        """Return how many people covariates alone separate."""
        ...


@dataclass(frozen=True, slots=True)
class TimedMass:
    """One model of a large problem.

    Attributes
    ----------
    C : ``(n, k)``, an orthogonal basis of the covariates beside an intercept.
    aliased : names of covariates that others determine.
    whole : what proteins without missing values share; None where nothing could be.
    """

    problem: Problem
    options: FitOptions
    sharing: Sharing
    m: int
    C: F64
    by: F64
    by_scale: F64
    aliased: tuple[str, ...]
    whole: Any

    def enter(
        self,
        block: Block,
        scaled: Block,
        scale: F64,
        wanted: Bool,
        fits: FitBlock,
        tables: TimedTables,
    ) -> Bool:
        """Fit the proteins that are wanted ``(b,)``; return which are settled."""
        settled = np.zeros(wanted.size, dtype=bool)
        for proteins, rows in _find_patterns(block.observed, np.flatnonzero(wanted)):
            shared = self._share(rows)
            if shared is None:
                continue
            borders = self._lay_out(scaled, proteins, rows)
            robust = self.options.errors == "robust"
            clusters = cluster_rows(self.problem, rows) if robust else None
            found = self.sharing.fit(shared, borders, robust=robust, clusters=clusters)
            for r in np.flatnonzero(found.certified).tolist():
                j = int(proteins[r])
                settled[j] = self._enter_one(
                    j, r, found, scale, self.sharing.apart(shared), fits, tables
                )
        return settled

    def _share(self, rows: Bool) -> Any:
        """Return what proteins with the same rows share."""
        if rows.all():
            return self.whole
        problem = self.problem
        outcome = problem.targets[problem.models[self.m].target].values[rows]
        weights = None if problem.weights is None else problem.weights[rows]
        baseline = None if problem.baseline is None else problem.baseline[rows]
        if not outcome[:, 2].any():
            return None
        return self.sharing.share(self.C[rows], outcome, weights, baseline, near=self.whole)

    def _lay_out(self, scaled: Block, proteins: I64, rows: Bool) -> F64:
        """Return own covariates, the protein and its products ``(b, s, n)``."""
        x = scaled.values[proteins][:, None, rows]
        own = scaled.own[proteins][:, :, rows]
        return np.concatenate([own, x, x * self.by[rows].T], axis=1)

    def _enter_one(
        self,
        j: int,
        r: int,
        found: MassFits,
        scale: F64,
        apart: int,
        fits: FitBlock,
        tables: TimedTables,
    ) -> bool:
        """Enter the terms of one protein; False where one of them is no number."""
        first = found.estimate.shape[1] - self.problem.terms
        estimate, covariance = found.estimate[r, first:], found.covariance[r, first:, first:]
        se = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
        per = np.concatenate([[1.0], self.by_scale])
        numbers = change_units(np.array([estimate, se]) / per, per=float(scale[j]))
        if not (np.all(np.isfinite(numbers)) and np.all(numbers[1] > 0.0)):
            return False
        for t, coefficient in enumerate(self.problem.coefficients):
            if coefficient.model != self.m:
                continue
            fits.estimate[j, t], fits.se[j, t] = numbers[:, coefficient.term]
            fits.status[j, t] = int(Status.ok)
            carriers = None
            if self.options.errors == "robust" and found.carriers is not None:
                carriers = float(found.carriers[r, first + coefficient.term])
            said = describe_timed(self.aliased, apart, carriers, self.options)
            if said:
                fits.messages[j, t] = said
        if self.problem.terms > 1:
            tables.products.enter(j, self.m, test_products(estimate[1:], covariance[1:, 1:]))
        return True


def prepare_mass(
    problem: Problem, m: int, options: FitOptions, *, sharing: Sharing
) -> TimedMass | None:
    """Prepare one model; None where proteins share nothing."""
    model = problem.models[m]
    columns = problem.adjustments[model.adjustment].columns
    C = problem.covariates[:, columns]
    independent = find_independent(C, tolerance=_ALIASED)
    if not independent.size or independent[0] != 0:
        return None
    names = problem.names_of(model.adjustment)
    apart = set(range(columns.size)).difference(independent.tolist())
    aliased = tuple(names[i] for i in sorted(apart) if C[:, i].any())
    basis = orthonormalise(C[:, independent])[:, 1:]
    by = np.empty((problem.n, 0)) if problem.interaction is None else problem.interaction
    by, by_scale = scale_columns(by)
    outcome = problem.targets[model.target].values
    if not outcome[:, 2].any():
        return None
    whole = sharing.share(basis, outcome, problem.weights, problem.baseline)
    if whole is None:
        return None
    return TimedMass(problem, options, sharing, m, basis, by, by_scale, aliased, whole)


def _find_patterns(observed: Bool, wanted: I64) -> Iterator[tuple[I64, Bool]]:
    """Yield proteins that observe the same rows, and these."""
    groups: dict[bytes, list[int]] = {}
    for j in wanted.tolist():
        groups.setdefault(np.packbits(observed[j]).tobytes(), []).append(j)
    for proteins in groups.values():
        yield np.array(proteins, dtype=np.int64), observed[proteins[0]]
