"""What is asked of a sum of single effects, and what it gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.stats.credible_sets import CredibleSet
from proteomr.stats.single_effect import PriorVarianceRule

__all__ = ["SusieFit", "SusieOptions", "SusieProblem"]

SusieProblem: TypeAlias = Literal[
    "iteration_limit",
    "objective_fell",
    "objective_infinite",
    "prior_variance_large",
    "residual_variance_negative",
    "sums_disagree",
]
"""Why a fit is none."""


@dataclass(frozen=True, slots=True)
class SusieOptions:
    """What is asked of a sum of single effects; it checks itself.

    Parameters
    ----------
    effects : L, the most effects.
    coverage, min_purity : of credible sets, see `proteomr.stats.credible_sets`.
    prior_variance : of an effect, as a share of the trait's variance with n, of z without; None
        for susieR's defaults 0.2 and 50.
    rule : how it is estimated.
    estimate_residual_variance : whether the residual variance is estimated; it is held at the
        trait's else, as is right where the correlations are not of the very people.
    var_y : variance of the trait.
    null_weight : prior probability that an effect is none.
    refine : whether the fit is started anew without each of its credible sets, to leave a local
        maximum.
    tolerance : of the objective.
    most_rounds : passes over all effects.
    check_prior : whether a prior variance beyond 100 times the largest squared statistic ends it.

    Raises
    ------
    UsageError
        A number is out of its range.
    """

    effects: int = 10
    coverage: float = 0.95
    min_purity: float = 0.5
    prior_variance: float | None = None
    rule: PriorVarianceRule = "optim"
    estimate_residual_variance: bool = False
    var_y: float | None = None
    null_weight: float = 0.0
    refine: bool = False
    tolerance: float = 1e-3
    most_rounds: int = 100
    check_prior: bool = True

    def __post_init__(self) -> None:
        checks = (
            ("--l", self.effects, self.effects >= 1, "1 or more"),
            ("--coverage", self.coverage, 0 < self.coverage < 1, "between 0 and 1"),
            ("--min-purity", self.min_purity, 0 <= self.min_purity <= 1, "0 to 1"),
            ("--null-weight", self.null_weight, 0 <= self.null_weight < 1, "0 to below 1"),
            ("--var-y", self.var_y, self.var_y is None or _is_size(self.var_y), "above 0"),
            (
                "--prior-variance",
                self.prior_variance,
                self.prior_variance is None or _is_size(self.prior_variance),
                "above 0",
            ),
            ("--tolerance", self.tolerance, _is_size(self.tolerance), "above 0"),
            ("--max-iterations", self.most_rounds, self.most_rounds >= 1, "1 or more"),
        )
        for option, value, good, needed in checks:
            if not good:
                raise UsageError(f"{option} {value:g}: {needed} is needed")


@dataclass(frozen=True, slots=True, eq=False)
class SusieFit:
    """A sum of L single effects on p variants.

    Parameters
    ----------
    alpha : (L, p) probability of each variant to carry each effect.
    mu, mu2 : (L, p) mean and mean square of the effect if it is this variant's, per standard
        deviation of the genotype.
    lbf_variable : (L, p) log Bayes factors.
    lbf, v, null_alpha : (L,) log Bayes factor, prior variance and probability to be none.
    sigma2 : residual variance.
    pip : (p,) probability to carry any effect.
    sets : credible sets, the purest first; none where the fit is none.
    elbo : (rounds,) the objective after each round.
    problem : why the fit is none; None of a fit.
    """

    alpha: F64
    mu: F64
    mu2: F64
    lbf_variable: F64
    lbf: F64
    v: F64
    null_alpha: F64
    sigma2: float
    pip: F64
    sets: tuple[CredibleSet, ...]
    elbo: F64
    problem: SusieProblem | None

    @property
    def converged(self) -> bool:
        """Whether the objective came to rest, and the fit holds what it claims."""
        return self.problem is None

    @property
    def iterations(self) -> int:
        """Rounds over all effects."""
        return int(self.elbo.size)


def _is_size(value: float) -> bool:
    return math.isfinite(value) and value > 0
