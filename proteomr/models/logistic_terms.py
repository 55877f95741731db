"""Large logistic problems with weights, interactions or robust errors: blocks of fits together.

The numbers are those of the exact path (:mod:`proteomr.models.exact`), and so are the words: what
has no certificate here, or asks how many coefficients there are where the rows leave a covariate in
doubt, is left to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import FitBlock, JointTests, Problem
from proteomr.models.exact import Solution
from proteomr.models.family import FitOptions
from proteomr.models.logistic_mass import LaidOut, count_rows, describe_mass
from proteomr.models.logistic_solvers import MassSolver, Modifiers
from proteomr.stats.block_estimates import BlockEstimate
from proteomr.stats.block_rows import BlockRows
from proteomr.stats.sandwich import LINEARISED

__all__ = ["TermFits"]


@dataclass(frozen=True, slots=True)
class TermFits:
    """Enters the fits of all terms of the models of a problem.

    Parameters
    ----------
    problem : what is fitted.
    options : with the kind of standard error.
    modifiers : what proteins are multiplied with.
    """

    problem: Problem
    options: FitOptions
    modifiers: Modifiers

    def enter(
        self,
        mass: MassSolver,
        laid_out: LaidOut,
        scale: F64,
        open_fits: Bool,
        *,
        fits: FitBlock,
        products: JointTests,
    ) -> Bool:
        """Fit the open proteins of one solver, and enter those that have a certificate.

        Parameters
        ----------
        scale : ``(b,)``, what the proteins were divided by.
        open_fits : ``(b, m)``, what is wanted.
        products : joint tests of the products, by protein and model.

        Returns
        -------
        Which fits are entered ``(b, m)``.
        """
        done = np.zeros_like(open_fits)
        proteins = np.flatnonzero(np.any(open_fits[:, list(mass.models)], axis=1))
        if proteins.size == 0:
            return done
        rows = laid_out.take(proteins, mass)
        found = mass.solver.fit(rows, back=self.modifiers.back, meat=mass.meat)
        counts = count_rows(rows)
        able = counts > mass.solver.design.k + rows.borders.shape[1]
        factor, sure = self._correct(mass, laid_out, rows, counts, fits.n[proteins, 0])
        able &= sure
        apart = fits.n[proteins, 0] - counts
        notes = describe_mass(mass, apart)
        for position, m in enumerate(mass.models):
            good = found.converged[:, position] & open_fits[proteins, m] & able
            for i in np.flatnonzero(good).tolist():
                j, note = int(proteins[i]), notes[i]
                solution = self._solve(mass, found, i, position, factor=float(factor[i]))
                if not np.all(np.isfinite(solution.se) & (solution.se > 0.0)):
                    continue
                self._enter_one(j, m, solution, float(scale[j]), note, fits=fits)
                products.enter(j, m, solution.test_jointly(list(range(1, self.problem.terms))))
                done[j, m] = True
        return done

    def _solve(
        self, mass: MassSolver, found: BlockEstimate, i: int, position: int, *, factor: float
    ) -> Solution:
        """Return one fit in units of the standardised protein and the scaled modifiers."""
        covariance, carriers = found.covariance[i, position] / mass.unit, None
        if found.sandwich is not None and found.carriers is not None:
            covariance = factor * found.sandwich[i, position]
            carriers = found.carriers[i, position]
        none = np.full(covariance.shape[0], np.nan)
        return Solution(
            found.estimate[i, position],
            np.sqrt(np.diagonal(covariance)),
            np.full_like(none, np.inf),
            none,
            none,
            covariance,
            errors=self.options.errors,
            carriers=carriers,
        )

    def _enter_one(
        self, j: int, m: int, solution: Solution, scale: float, note: str, *, fits: FitBlock
    ) -> None:
        scales = np.concatenate([[1.0], self.modifiers.scale])
        for t, coefficient in enumerate(self.problem.coefficients):
            if coefficient.model == m:
                fit = solution.coefficient(
                    coefficient.term, scale=scale * float(scales[coefficient.term])
                )
                fits.enter(j, t, fit)
                said = "; ".join(filter(None, (note, fit.message)))
                if said:
                    fits.messages[j, t] = said

    def _correct(
        self, mass: MassSolver, laid_out: LaidOut, rows: BlockRows, counts: I64, people: I64
    ) -> tuple[F64, Bool]:
        """Return the factors of the robust covariances for few rows, and where they are sure."""
        factor, sure = np.ones(rows.wanted), np.ones(rows.wanted, dtype=bool)
        observed = rows.observed[: rows.wanted]
        if self.options.errors == "HC1" and mass.left is not None:
            free = counts - mass.solver.design.k - rows.borders.shape[1]
            sure = laid_out.are_plain(rows, mass.left) & (free > 0)
            factor = counts / np.maximum(free, 1)
        if self.options.errors == LINEARISED:
            factor = people / np.maximum(people - 1, 1)
        if mass.meat is not None and mass.meat.clusters is not None:
            clusters = mass.meat.clusters
            members = (np.bincount(clusters[row > 0.0], minlength=1) for row in observed)
            groups = np.array([np.count_nonzero(m) for m in members])
            sure = groups > 1
            if self.options.errors == "CR1":
                factor = groups / np.maximum(groups - 1, 1)
        return factor, sure
