"""Single effects over a background of small effects of all variants: SuSiE-inf."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.stats.bounded_minimum import minimise_between
from proteomr.stats.credible_sets import find_credible_sets
from proteomr.stats.ld_mismatch import Spectrum
from proteomr.stats.susie import SusieFit, SusieOptions, SusieProblem, shrink_z

__all__ = ["InfiniteFit", "fit_susie_infinite"]

_MOST_V: Final = 1.0  # of an effect, in variances of the trait: no variant explains more
_TOLERANCE: Final = 1e-8  # of it; effects found are of 1e-4 and more
_START: Final = 0.2  # prior variance to start from, as SuSiE's
_REST: Final = 1e-5  # of probabilities between two rounds
_PRESENT: Final = 1e-9  # least prior variance of an effect that is there


@dataclass(frozen=True, slots=True, eq=False)
class InfiniteFit:
    """Single effects, and what all variants add.

    Parameters
    ----------
    fit : the single effects; its objective is the sum of their log Bayes factors, by round.
    tau2 : variance of the small effects, per standard deviation of a genotype.
    background : (p,) expected small effects.
    """

    fit: SusieFit
    tau2: float
    background: F64


def fit_susie_infinite(
    z: F64,
    r: F64,
    spectrum: Spectrum,
    *,
    n: float,
    prior_weights: F64 | None = None,
    options: SusieOptions | None = None,
) -> InfiniteFit:
    r"""Return single effects where all variants have small effects besides.

    .. math:: y = \sum_{l=1}^{L} X b_l + X \alpha + e, \quad \alpha \sim N(0, \tau^2 I), \quad
        e \sim N(0, \sigma^2 I)

    with :math:`\sigma^2` and :math:`\tau^2` by the method of moments after each round (Cui and
    others 2023, doi:10.1038/s41588-023-01597-3). An effect whose prior variance is no more likely
    than 0 is none, as in SuSiE, and adds nothing to the probabilities.

    Parameters
    ----------
    z : (p,) effect over standard error; shrunk by n as in `proteomr.stats.susie.fit_susie`.
    r : (p, p) correlations.
    spectrum : of them, see `proteomr.stats.ld_mismatch.decompose`.
    n : people.
    prior_weights : (p,) prior probabilities up to a factor; None for equal ones.
    options : effects, coverage, purity and rounds are taken.

    Raises
    ------
    InputError
        n is not above 2.

    Examples
    --------
    >>> from proteomr.stats.ld_mismatch import decompose
    >>> r = np.eye(30)
    >>> z = np.append(9.0, np.linspace(-1.5, 1.5, 29))
    >>> found = fit_susie_infinite(z, r, decompose(r), n=1000)
    >>> found.fit.pip[0].round(3).item(), [one.members.tolist() for one in found.fit.sets]
    (1.0, [[0]])
    """
    if not n > 2:
        raise InputError(f"{n:g} people: more than 2 are needed")
    asked = options or SusieOptions()
    p = z.size
    weights = np.full(p, 1.0 / p) if prior_weights is None else prior_weights
    with np.errstate(divide="ignore"):
        log_prior = np.log(weights / weights.sum())
    run = _Run(shrink_z(z, n), spectrum, n - 1.0, log_prior, min(asked.effects, p))
    sums, problem = [], "iteration_limit"
    for _ in range(asked.most_rounds):
        before = run.alpha.copy()
        run.go_round()
        sums.append(float(run.lbf.sum()))
        moved = float(np.max(np.abs(run.alpha - before)))
        run.estimate_variances()
        if not (math.isfinite(run.sigma2) and run.sigma2 > 0 and math.isfinite(moved)):
            problem = "residual_variance_negative"
            break
        if moved < _REST:
            problem = ""
            break
    return run.finish(r, asked, np.array(sums), problem)


class _Run:
    """The state of the iteration, in the basis of the correlations' eigenvectors."""

    def __init__(
        self, z: F64, spectrum: Spectrum, people: float, log_prior: F64, effects: int
    ) -> None:
        p = z.size
        self.vectors, self.people, self.log_prior = spectrum.vectors, people, log_prior
        self.d = people * spectrum.values  # eigenvalues of X'X
        # what lies outside of the space of the genotypes no effect of theirs explains
        self.rotated = np.where(self.d > 0, math.sqrt(people) * (self.vectors.T @ z), 0.0)
        self.alpha = np.full((effects, p), 1.0 / p)
        self.mu = np.zeros((effects, p))
        self.omega = np.ones((effects, p))
        self.factors = np.zeros((effects, p))
        self.v = np.full(effects, _START)
        self.lbf = np.zeros(effects)
        self.sigma2, self.tau2 = 1.0, 0.0

    def weigh(self) -> tuple[F64, F64]:
        """Return eigenvalues of the covariance of y, and the diagonal of X' Omega X."""
        spread = self.tau2 * self.d + self.sigma2
        return spread, (self.vectors**2) @ (self.d / spread)

    def go_round(self) -> None:
        """Fit each effect to what the others leave, under the covariance of all else."""
        spread, diagonal = self.weigh()
        for place in range(self.v.size):
            b = (self.alpha * self.mu).sum(axis=0) - self.alpha[place] * self.mu[place]
            left = self.vectors @ ((self.rotated - self.d * (self.vectors.T @ b)) / spread)
            v = _choose_variance(left, diagonal, self.log_prior)
            shrink = v / (1.0 + v * diagonal)
            factors = 0.5 * (left * left * shrink - np.log1p(v * diagonal))
            logs = factors + self.log_prior
            most = float(logs.max())
            shares = np.exp(logs - most)
            self.lbf[place] = most + math.log(float(shares.sum()))
            self.alpha[place] = shares / shares.sum()
            self.mu[place], self.v[place], self.factors[place] = left * shrink, v, factors
            self.omega[place] = shrink  # the posterior variance of the effect

    def estimate_variances(self) -> None:
        """Set both variances to what makes two quadratic forms of the residual what they are."""
        b = self.alpha * self.mu
        rotated = b @ self.vectors
        total = rotated.sum(axis=0)
        spread = (self.alpha * (self.mu**2 + self.omega)).sum(axis=0)
        squares = total**2 - (rotated**2).sum(axis=0) + (self.vectors.T**2) @ spread
        first = self.people - 2.0 * float(total @ self.rotated) + float(self.d @ squares)
        second = float(self.rotated @ self.rotated)
        second += float((self.d**2) @ squares) - 2.0 * float((self.d * total) @ self.rotated)
        traces = float(self.d.sum()), float(self.d @ self.d)
        matrix = np.array([[self.people, traces[0]], traces])
        solved = np.linalg.solve(matrix, [first, second]) if _differ(matrix) else np.zeros(2)
        if solved.min() > 0:
            self.sigma2, self.tau2 = float(solved[0]), float(solved[1])
        else:
            self.sigma2, self.tau2 = first / self.people, 0.0

    def finish(self, r: F64, asked: SusieOptions, sums: F64, problem: str) -> InfiniteFit:
        ended: SusieProblem | None = None
        if problem == "iteration_limit":
            ended = "iteration_limit"
        elif problem:
            ended = "residual_variance_negative"
        b = (self.alpha * self.mu).sum(axis=0)
        spread, _ = self.weigh()
        left = (self.rotated - self.d * (self.vectors.T @ b)) / spread
        sets = find_credible_sets(
            self.alpha, r, v=self.v, coverage=asked.coverage, min_purity=asked.min_purity
        )
        present = self.alpha[self.v > _PRESENT]
        fit = SusieFit(
            alpha=self.alpha,
            mu=self.mu,
            mu2=self.mu**2 + self.omega,
            lbf_variable=self.factors,
            lbf=self.lbf,
            v=self.v,
            null_alpha=np.zeros(self.v.size),
            sigma2=self.sigma2,
            pip=1.0 - np.prod(1.0 - present, axis=0),
            sets=sets if ended is None else (),
            elbo=sums,
            problem=ended,
        )
        return InfiniteFit(fit, self.tau2, self.tau2 * (self.vectors @ left))


def _choose_variance(left: F64, diagonal: F64, log_prior: F64) -> float:
    """Return the prior variance of an effect at the maximum of its likelihood, 0 where none is."""

    def value(v: float) -> float:
        shrink = v / (1.0 + v * diagonal)
        logs = 0.5 * (left * left * shrink - np.log1p(v * diagonal)) + log_prior
        most = float(logs.max())
        return most + math.log(float(np.exp(logs - most).sum()))

    v = minimise_between(lambda at: -value(at), 0.0, _MOST_V, tolerance=_TOLERANCE)
    return v if value(v) > value(0.0) else 0.0


def _differ(matrix: F64) -> bool:
    """Tell whether two moments tell two variances: not where all eigenvalues are one."""
    return bool(np.linalg.cond(matrix / np.abs(matrix).max()) < 1e14)
