"""A causal effect told from a factor that exposure and outcome share (CAUSE)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
from numpy.random import Generator

from proteomr.errors import UsageError
from proteomr.mr.methods.base import Cell, Estimate, FurtherRows, refuse
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.units import Powers
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10
from proteomr.stats.effect_mixtures import EffectMixture, Estimates, fit_effect_mixture
from proteomr.stats.model_comparison import Comparison, compare_left_out
from proteomr.stats.sharing_posterior import Posterior, find_posterior
from proteomr.status import Status
from proteomr.tables import Harmonised
from proteomr.tables import columns as c

__all__ = ["LARGEST_P", "Cause"]

LARGEST_P: Final = 1e-3  # of the paper
"""P value for the exposure from which on variants tell nothing of an effect on the outcome."""

_FEWEST_DRAWN: Final = 5_000  # of which a few per cent with effects are some hundred
_FEW_DRAWN: Final = 100_000  # below, the message says so
_WITHIN: Final = 1.959963984540054  # standard deviations that hold 95 % of a normal distribution
_DRAWS: Final = 2_000  # of the posterior, for the tail's shape: 134 ratios in the tail
_RELIABLE: Final = 0.7  # shape above which an average over draws is not to be relied upon
_ALIKE: Final = 1e-8  # difference of two models below which it is rounding
_MOVED: Final = 0.02  # errors of the difference that it may move with finer nodes
_UNITS: Final = {"gamma": (1, -1), "eta": (1, -1)}  # of the outcome per unit of the exposure
_FREE: Final = "limits are of the causal model, p compares it with that of sharing alone"


@dataclass(frozen=True, slots=True)
class Cause(Method):
    r"""Causal effect beside a factor through which some variants act on both traits.

    Effects of all variants of the genome are drawn from a mixture of independent pairs of normals,
    whose weights and the correlation of the two studies' errors are found first, see
    `proteomr.stats.effect_mixtures`. Of independent variants of p < ``p`` for the exposure a share
    q, unknown which, acts through a shared factor besides,

    .. math:: \beta_{yj} = \gamma \beta_{xj} + Z_j \eta \beta_{xj} + \theta_j, \qquad
        P(Z_j = 1) = q,

    with :math:`\gamma, \eta \sim N(0, \sigma^2)`, :math:`q \sim Beta(1, 10)`, and :math:`\sigma`
    such that 5 % of the prior lie beyond the largest ratio :math:`|\hat y_j / \hat x_j|`. The
    *sharing* model has :math:`\gamma = 0`, the *causal* model has it free; posteriors are integrals
    over nodes, refined until they stay (`proteomr.stats.sharing_posterior`).

    The estimate is the median of :math:`\gamma` in the causal model, limits hold 95 % of its
    posterior, and the error is
    their distance over 3.92. p is **one-sided**, of the difference of
    the two models' expected log predictive densities, each variant predicted from all others: with
    delta that of sharing less that of causal, and its error
    :math:`\sqrt{m \operatorname{Var}_j(\delta_j)}`, :math:`p = \Phi(\delta / se)`. Where delta is
    below 1e-8 there is no p. The table ``cause`` has both models. ``details`` has ``eta``, ``q``
    and ``delta_elpd``.

    Densities left out are integrals over the posterior's nodes, where the paper averages draws; by
    2,000 draws, Pareto-smoothed as there, they are told besides, with the shapes of the tails.

    Source: Morrison, Knoblauch, Marcus, Stephens and He 2020, doi:10.1038/s41588-020-0631-4;
    Vehtari, Gelman and Gabry 2017, doi:10.1007/s11222-016-9696-4.
    R: none of the code of the package ``cause`` (GPL) is here; the numbers are held
    against the model written out in R, and against simulated genomes.

    Assumptions: effects that are not along a slope are independent of each other; variants of one
    shared factor at most, and fewer than half of all act through it.
    Limits: it needs both studies whole, with thousands of weak effects; a protein with one strong
    variant is no matter for it. A shared factor of most variants looks like an effect. Where q is
    near zero, eta is what its prior is.

    Parameters
    ----------
    variants : most that are drawn from the genome for the mixture.
    p : p value for the exposure of the variants that the posterior rests on; at most 0.001.
    """

    key: ClassVar[str] = "cause"
    label: ClassVar[str] = "CAUSE"
    reference: ClassVar[str] = "10.1038/s41588-020-0631-4"
    aliases: ClassVar[tuple[str, ...]] = ("mr_cause",)
    min_variants: ClassVar[int] = 10
    stochastic: ClassVar[bool] = True
    needs_genome: ClassVar[bool] = True
    pairs_at_once: ClassVar[int] = 1
    powers: ClassVar[Powers] = {"eta": (1, -1)}
    contradiction: ClassVar[str] = _FREE
    tables: ClassVar[tuple[str, ...]] = ("cause",)

    variants: int = 1_000_000
    p: float = LARGEST_P

    def __post_init__(self) -> None:
        if self.variants < _FEWEST_DRAWN:
            raise UsageError(f"variants is {self.variants}: {_FEWEST_DRAWN} or more are needed")
        if not 0.0 < self.p <= LARGEST_P:
            raise UsageError(f"p is {self.p:g}: above 0 and at most {LARGEST_P:g} is needed")

    def estimate_kin(
        self, methods: Sequence[Method], data: Harmonised, /, *, random: Generator
    ) -> list[Estimate]:
        """Return the estimate of the variants of the genome, whatever the instruments are.

        Parameters
        ----------
        methods, data, random : as `Method.estimate_kin`.
        """
        genome = data.genome
        if genome is None or genome.n < _FEWEST_DRAWN:
            there = "instruments alone are" if genome is None else f"{genome.n:,} variants are"
            text = (
                f"{there} no genome: {_FEWEST_DRAWN:,} variants or more of both studies are needed"
            )
            return [refuse(Status.needs_genome, text, nsnp=0)]
        z = np.abs(genome.tops.x / genome.tops.sx)
        if z.any():  # else all stay, to be refused for their effects
            kept = np.flatnonzero(neg_log10_p_normal(z) > -math.log10(self.p))
        else:
            kept = np.arange(z.size)
        chosen = replace(genome.tops.select(kept.astype(np.int64)), genome=genome)
        return Method.estimate_kin(self, methods, chosen, random=random)

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the median of gamma, with both models as further rows."""
        genome = data.genome
        if genome is None:
            return refuse(Status.needs_genome, "there is no genome", nsnp=data.m)
        drawn = Estimates(genome.beta_x, genome.se_x, genome.beta_y, genome.se_y)
        drawn = drawn.select(slice(0, self.variants))
        tops = Estimates(data.x, data.sx, data.beta_y, data.se_y)
        if np.array_equal(drawn.x, drawn.y):
            text = "both studies have the same effects"
            return refuse(Status.not_identified, text, nsnp=data.m)
        ratios = np.abs(tops.y[tops.x != 0] / tops.x[tops.x != 0])
        prior_sd = float(ratios.max()) / _WITHIN
        if not 0.0 < prior_sd < math.inf:
            text = "no variant has an effect on the outcome, or one beyond numbers"
            return refuse(Status.not_identified, text, nsnp=data.m)
        mixture = fit_effect_mixture(drawn)
        if not mixture.proven:
            text = "the mixture of effects over the genome did not come to its maximum"
            return refuse(Status.not_converged, text, nsnp=data.m)
        sharing, causal = (
            find_posterior(tops, mixture, prior_sd=prior_sd, causal=free) for free in (False, True)
        )
        if not (sharing.proven and causal.proven):
            text = "the posterior still moves where its nodes are made finer"
            return refuse(Status.not_converged, text, nsnp=data.m)
        compared = compare_left_out(sharing, causal, draws=_DRAWS, random=random)
        return _conclude(_Fitted(drawn.n, tops.n, prior_sd, mixture, sharing, causal, compared))


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    drawn: int
    nsnp: int
    prior_sd: float
    mixture: EffectMixture
    sharing: Posterior
    causal: Posterior
    compared: Comparison


def _conclude(fitted: _Fitted) -> Estimate:
    """Return the estimate of the causal model, or why none is proven."""
    compared = fitted.compared
    gamma, eta, q = fitted.causal.quantiles
    if not (abs(compared.delta) >= _ALIKE and compared.error > 0.0):
        text = "both models predict the variants alike, so that nothing tells them apart: no p"
        refusal = refuse(Status.not_identified, text, nsnp=fitted.nsnp)
        return replace(refusal, further=(_tabulate(fitted, refusal),))
    if not compared.moved <= _MOVED * compared.error:
        text = "the models' difference still moves where the nodes of posteriors are made finer"
        return refuse(Status.not_converged, text, nsnp=fitted.nsnp)
    found = Estimate(
        estimate=float(gamma[1]),
        se=float(gamma[2] - gamma[0]) / (2.0 * _WITHIN),
        neg_log10_p=compared.neg_log10_p,
        conf_low=float(gamma[0]),
        conf_high=float(gamma[2]),
        nsnp=fitted.nsnp,
        message="; ".join(_note(fitted)) or None,
        details={"eta": float(eta[1]), "q": float(q[1]), "delta_elpd": compared.delta},
    )
    return replace(found, further=(_tabulate(fitted, found),))


def _note(fitted: _Fitted) -> list[str]:
    """Return what a user should know of an estimate."""
    notes = []
    if fitted.drawn < _FEW_DRAWN:
        notes.append(f"effects over the genome are known by {fitted.drawn:,} variants alone")
    unreliable = int((fitted.compared.shapes > _RELIABLE).any(axis=0).sum())
    if unreliable:
        notes.append(f"{unreliable} variants have Pareto k above {_RELIABLE:g}")
    return notes


def _tabulate(fitted: _Fitted, found: Estimate) -> FurtherRows:
    """Return both models as rows of the table ``cause``."""
    compared, mixture = fitted.compared, fitted.mixture
    columns: dict[str, list[Cell]] = {"model": ["sharing", "causal"]}
    models = (fitted.sharing, fitted.causal)
    quantiles = np.array([model.quantiles for model in models])  # model, parameter, level
    quantiles[0, 0, [0, 2]] = np.nan  # zero by the model, without limits
    for place, name in enumerate(("gamma", "eta", "q")):
        low, middle, high = quantiles[:, place].T.tolist()
        columns |= {name: middle, f"{name}_low": low, f"{name}_high": high}
    told = found.status == Status.ok
    p = float(p_from_neg_log10(np.array(compared.neg_log10_p))) if told else None
    alike: dict[str, Cell] = {
        "delta_elpd": compared.delta,
        c.SE: compared.error,
        "z": compared.delta / compared.error if told else None,
        c.NEG_LOG10_P: compared.neg_log10_p if told else None,
        c.P_VALUE: p,
        "delta_elpd_psis": compared.drawn_delta,
    }
    columns |= {name: [cell, cell] for name, cell in alike.items()}
    largest = compared.shapes.max(axis=1)
    columns["pareto_k"] = [float(k) if math.isfinite(k) else None for k in largest]
    columns["pareto_k_high"] = (compared.shapes > _RELIABLE).sum(axis=1).tolist()
    columns["moved"] = [float(model.moved.max()) for model in models]
    common: dict[str, Cell] = {
        c.NSNP: fitted.nsnp,
        "n_drawn": fitted.drawn,
        "rho": mixture.rho,
        "components": int(mixture.weights.size),
        "null_share": mixture.null_share,
        "prior_sd": fitted.prior_sd,
        "gap": mixture.gap,
        c.STATUS: found.status.name,
        c.MESSAGE: found.message,
    }
    columns |= {name: [cell, cell] for name, cell in common.items()}
    limits = {f"{n}_{end}": unit for n, unit in _UNITS.items() for end in ("low", "high")}
    return FurtherRows("cause", columns, powers=_UNITS | limits | {"prior_sd": (1, -1)})
