r"""Counterfactual mediation of an effect on a hazard, by weighting.

Each person stands twice: with the own exposure as that which the mediator follows (A* = A), and
with the other one (A* = 1 - A), weighted by how likely their mediator would be then:
:math:`w = f(M | A^*, C) / f(M | A, C)`. A model of the hazard by A and A* has the natural direct
effect as the coefficient of A and the natural indirect effect as that of A* (Lange, Vansteelandt
and Bekaert 2012, doi:10.1093/aje/kwr525; Lange and Hansen 2011,
doi:10.1097/EDE.0b013e31821c680c).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.additive_hazards import fit_additive_hazards, sum_clusters
from proteomr.stats.doubled_hazards import HazardEffects
from proteomr.stats.mediation import (
    Analysis,
    LogRatio,
    PathEstimate,
    Scaled,
    Trio,
    measure_error,
    path_of_mediator,
    scale_trio,
)
from proteomr.stats.mediation_cox import CoxModel, fit_cox_model
from proteomr.stats.mediation_densities import follow_weights, weigh, weigh_samples
from proteomr.stats.mediation_effects import Contrast, sum_of_coefficients
from proteomr.stats.mediation_hazards import measure_of_hazards
from proteomr.stats.mediation_mediator import fit_mediator
from proteomr.stats.mediation_regressions import Regression, Unfit
from proteomr.stats.risk_sets import lay_out_risk_sets
from proteomr.status import Status

__all__ = ["HazardModel", "analyse_counterfactual"]

HazardModel: TypeAlias = Literal["aalen", "cox"]
# A weight above which one person stands for so many that the weights carry the result.
_HEAVY = 100.0
# Times that the mean weight of a group, a mean of ratios of densities, may be from 1: less says
# that what the other exposure would give is not among the values that there are.
_UNLIKE = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class _Hazard:
    """Effects of A and A*, their robust covariance, and influences of the doubled rows."""

    coefficients: F64
    covariance: F64
    influence: F64
    cox: CoxModel | None


@dataclass(frozen=True, eq=False)
class _Doubled:
    """People twice: the columns of the second copies have another exposure A* than A."""

    trio: Trio
    hazard: HazardModel

    @property
    def n(self) -> int:
        """People."""
        return self.trio.n

    @property
    def weights(self) -> F64:
        """Sampling weights of people ``(n,)``."""
        return np.ones(self.n) if self.trio.weights is None else self.trio.weights

    def fit(self, weights: F64) -> _Hazard:
        """Fit the hazard, the second copies weighted ``(n,)`` beside what people count; each
        person is a cluster.
        """
        if self.hazard == "aalen":
            shared = self._fit_shared(weights)
            if shared is not None:
                moves = np.vstack([shared.own, shared.other])
                return _Hazard(shared.coefficients, shared.covariance, moves, None)
        both = np.append(self.weights, self.weights * weights)
        X, outcome = self._lay_out()
        return self._fit_aalen(X, outcome, both) if self.hazard == "aalen" else self._fit_cox(both)

    def _lay_out(self) -> tuple[F64, F64]:
        """Return columns ``(2n, p)``, the last two A and A*, and outcomes ``(2n, 3)``."""
        trio = self.trio
        covariates, a = trio.for_outcome[:, 1:], trio.exposure
        own = np.column_stack([covariates, a, a])
        other = np.column_stack([covariates, a, 1.0 - a])
        return np.vstack([own, other]), np.vstack([trio.outcome, trio.outcome])

    def _fit_shared(self, weights: F64) -> HazardEffects | None:
        """Fit additive hazards on the sums that all mediators share; None without certificate."""
        there, own = self.trio.there, self.weights
        found = self.trio.bench.doubled().estimate(*self._spread(own, own * weights))
        if found is None or there is None:
            return found
        return HazardEffects(found.coefficients, found.own[there], found.other[there])

    def _spread(self, *values: F64) -> tuple[F64, ...]:
        """Return values ``(n,)`` on all rows of the bench, 0 for those who are not there."""
        there = self.trio.there
        if there is None:
            return values
        out = np.zeros((len(values), there.size))
        for row, of_those in zip(out, values, strict=True):
            row[there] = of_those
        return tuple(out)

    def _fit_aalen(self, X: F64, outcome: F64, both: F64) -> _Hazard:
        people = np.tile(np.arange(self.n), 2)
        fit = fit_additive_hazards(X, outcome, weights=both, clusters=people)
        coefficients = fit.coefficients[-2:]
        if not np.all(np.isfinite(coefficients)):
            raise Unfit(
                Status.collinear, "covariates determine the exposure in the model of the outcome"
            )
        if not fit.certified:
            raise Unfit(Status.not_converged, "the additive hazards of the outcome are not solved")
        return _Hazard(coefficients, fit.robust[-2:, -2:], fit.influence[:, -2:], None)

    def _fit_cox(self, both: F64) -> _Hazard:
        X, outcome = self._lay_out()
        p = X.shape[1]
        fit = fit_cox_model(
            X,
            lay_out_risk_sets(outcome),
            needed=[p - 2, p - 1],
            what=["the exposure", "the other exposure"],
            weights=both,
        )
        influence = fit.influence([p - 2, p - 1])
        people = influence[: self.n] + influence[self.n :]
        return _Hazard(fit.coefficients[-2:], people.T @ people, influence, fit)

    def refit(self, fit: _Hazard, weights: F64, counts: F64) -> F64:
        """Return the effects ``(c, 2)`` of samples of how often people count; NaN for none.

        Parameters
        ----------
        weights, counts : ``(c, n)``, of the second copies; NaN for a sample without them.
        """
        found = np.full((counts.shape[0], 2), np.nan)
        sound = np.flatnonzero(np.isfinite(weights).all(axis=1))
        own = counts[sound] * self.weights
        other = own * weights[sound]
        if fit.cox is not None:
            found[sound] = fit.cox.refit(np.hstack([own, other]))[:, -2:]
            return found
        for place, u, v in zip(sound.tolist(), own, other, strict=True):
            found[place] = self.trio.bench.doubled().fit(*self._spread(u, v))
        return found


def analyse_counterfactual(
    trio: Trio, contrast: Contrast, *, hazard: HazardModel, as_published: bool = True
) -> Analysis:
    """Return natural direct and indirect effects on a hazard.

    ``aalen``: constant additive effects per unit of time beside a free baseline; ``cox``:
    logarithms of hazard ratios, which are those of risks where the outcome is rare. Errors are
    robust, each person being a cluster, with the weights as they are (so the published analyses
    have them), or those of the influence functions, which know that the weights are estimated.

    Parameters
    ----------
    trio : exposure 0 or 1, outcome ``(n, 3)`` of entry, exit and event (1; other codes are none).
    as_published : take the weights for known.

    Raises
    ------
    Unfit
        A model has no estimate.

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> a = np.arange(2000) % 2.0
    >>> m = a + generator.normal(size=2000)
    >>> time = generator.exponential(1.0 / np.clip(0.6 + 0.2 * a + 0.1 * m, 0.05, None))
    >>> outcome = np.column_stack([np.full(2000, -np.inf), time, np.ones(2000)])
    >>> one = np.ones((2000, 1))
    >>> trio = Trio.of(a, m, outcome, for_mediator=one, for_outcome=one)
    >>> found = analyse_counterfactual(trio, Contrast(0.0, 1.0), hazard="aalen")
    >>> dict(zip(found.effects.names, found.estimates.round(2).tolist(), strict=True))
    {'total': 0.24, 'direct': 0.13, 'indirect': 0.11, 'proportion': 0.45}
    """
    if not np.any(trio.outcome[:, 2] == 1.0):
        raise Unfit(Status.constant, "nobody has the event on the rows of the fit")
    if hazard == "aalen" and np.count_nonzero(trio.outcome[:, 2] == 1.0) == 1:
        raise Unfit(
            Status.too_few, "one event: the error of an additive effect is the effect itself"
        )
    scaled = scale_trio(trio, contrast, scales_outcome=False)
    mediator = fit_mediator(scaled)
    weights = weigh(scaled, mediator)
    doubled = _Doubled(trio, hazard)
    fit = doubled.fit(weights.values)
    effects = sum_of_coefficients()
    gradient = effects.gradient(fit.coefficients)
    covariance = fit.covariance
    if trio.clusters is not None:
        covariance = _sum_covariance(
            fit.influence[: trio.n] + fit.influence[trio.n :], trio.clusters
        )
    errors = np.sqrt(np.einsum("qp,pr,qr->q", gradient, covariance, gradient))

    def refit(counts: F64) -> F64:
        again = weigh_samples(scaled, mediator, mediator.refit(counts))
        return doubled.refit(fit, again, counts)

    own, other = fit.influence[: trio.n], fit.influence[trio.n :]
    analysis = Analysis(
        effects,
        fit.coefficients,
        own + other + follow_weights(trio, mediator, weights, other),
        np.ones(4),
        refit,
        _list_paths(scaled, mediator, hazard),
        dict(zip(effects.names, errors.tolist(), strict=True)) if as_published else {},
        clusters=trio.clusters,
    )
    return _tell(analysis, trio, weights.values, hazard)


def _list_paths(
    scaled: Scaled, mediator: Regression, hazard: HazardModel
) -> tuple[PathEstimate, ...]:
    """Return the lines of the diagram: a of the mediator's model, the others of the hazard's."""
    here, m = scaled.trio, scaled.mediator_unit
    if hazard == "aalen":
        paths = _estimate_paths(scaled)
        if paths is not None:
            alone, both = paths
            c, clusters = float(alone.coefficients[0]), here.clusters
            errors = [measure_error(_of_rows(both, here)[:, [i]], clusters) for i in range(2)]
            direct, b = both.coefficients.tolist()
            return (
                path_of_mediator(mediator, scaled),
                PathEstimate("b", b / m, errors[1] / m),
                PathEstimate("c", c, measure_error(_of_rows(alone, here), clusters)),
                PathEstimate("c_prime", direct, errors[0]),
            )
    covariates = np.column_stack([here.for_outcome[:, 1:], here.exposure])
    p = covariates.shape[1] - 1
    without = _fit_hazard(covariates, here, hazard, p)
    having = _fit_hazard(np.column_stack([covariates, scaled.mediator]), here, hazard, p)
    return (
        path_of_mediator(mediator, scaled),
        PathEstimate("b", having[0][1] / m, having[1][1] / m),
        PathEstimate("c", without[0][0], without[1][0]),
        PathEstimate("c_prime", having[0][0], having[1][0]),
    )


def _estimate_paths(scaled: Scaled) -> tuple[HazardEffects, HazardEffects] | None:
    """Return the effects without the mediator and with it, on the sums that all share; None
    without certificate.
    """
    here, m = scaled.trio, scaled.mediator
    there = here.there
    weights = np.ones(m.size) if here.weights is None else here.weights
    if there is None:
        return here.bench.doubled().estimate_paths(m, weights)
    whole, counted = np.zeros((2, there.size))
    whole[there], counted[there] = m, weights
    return here.bench.doubled().estimate_paths(whole, counted)


def _of_rows(effects: HazardEffects, here: Trio) -> F64:
    """Return the influences of the rows that are there ``(n, q)``."""
    return effects.own if here.there is None else effects.own[here.there]


def _sum_covariance(influence: F64, clusters: I64) -> F64:
    summed = sum_clusters(influence, clusters)
    return np.asarray(summed.T @ summed)


def _fit_hazard(
    X: F64, here: Trio, hazard: HazardModel, first: int
) -> tuple[list[float], list[float]]:
    """Return the effects of the columns from one on, with robust errors."""
    outcome, clusters = here.outcome, here.clusters
    if hazard == "aalen":
        fit = fit_additive_hazards(X, outcome, weights=here.weights, clusters=clusters)
        estimates, errors = fit.coefficients[first:], fit.robust_se[first:]
    else:
        wanted = list(range(first, X.shape[1]))
        what = ["the exposure", "the protein"][: len(wanted)]
        risk = lay_out_risk_sets(outcome)
        of = fit_cox_model(X, risk, needed=wanted, what=what, weights=here.weights)
        estimates = of.coefficients[first:]
        errors = np.linalg.norm(sum_clusters(of.influence(wanted), clusters), axis=0)
    if not np.all(np.isfinite(estimates)):
        raise Unfit(
            Status.collinear, "covariates determine the protein in the model of the outcome"
        )
    return estimates.tolist(), errors.tolist()


def _tell(analysis: Analysis, trio: Trio, weights: F64, hazard: HazardModel) -> Analysis:
    """Return the analysis with E-values, and what is to be said of rareness and of weights."""
    notes, ratios = [], {}
    if float(weights.max()) > _HEAVY:
        notes.append(f"the largest weight is {weights.max():.0f}: few people carry the result")
    sides = [trio.exposure == side for side in (0.0, 1.0)]
    means = [float(np.average(weights[side], weights=trio.shares[side])) for side in sides]
    if not all(1.0 / _UNLIKE <= mean <= _UNLIKE for mean in means):
        notes.append(
            f"weights average {means[0]:.2g} among those without the exposure and {means[1]:.2g} "
            "among those with it, where 1 is expected: they hardly share values of the protein"
        )
    if hazard == "cox":
        happened = trio.outcome[:, 2] == 1.0
        measure = measure_of_hazards(happened, trio.shares)
        if measure != "HR":
            share = 100.0 * float(trio.shares @ happened)
            notes.append(
                f"{share:.0f} % have the event: log hazard ratios are natural effects where it is "
                "rare"
            )
        errors = analysis.standard_errors()
        ratios = {
            name: LogRatio(float(analysis.parameters[at]), float(errors[1 + at]), measure)
            for at, name in enumerate(("direct", "indirect"))
        }
    return replace(analysis, ratios=ratios, notes=tuple(notes))
