"""Mediation of an effect on a hazard: how much of it goes with adjustment for the mediator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.e_values import Measure
from proteomr.stats.mediation import (
    Analysis,
    LogRatio,
    PathEstimate,
    Trio,
    measure_error,
    path_of_mediator,
    scale_trio,
)
from proteomr.stats.mediation_cox import CoxModel
from proteomr.stats.mediation_effects import Contrast, percentages
from proteomr.stats.mediation_mediator import fit_mediator

__all__ = ["analyse_percentage", "measure_of_hazards"]

# Share of people with the event up to which hazard ratios are risk ratios (VanderWeele 2020).
_RARE = 0.15
_NEAR = 1.96  # standard errors within which a hazard ratio may be 1


def analyse_percentage(trio: Trio, contrast: Contrast) -> Analysis:
    r"""Return the percentage of an excess hazard that goes with adjustment for the mediator.

    :math:`HR_1` is the exposure's hazard ratio beside the covariates, :math:`HR_2` with the
    mediator among them, in Cox models (Efron's ties) on the same rows. ``total`` and ``direct`` are
    their logarithms, ``indirect`` the difference. Errors are those of the joint influence functions
    of both models.

    Parameters
    ----------
    trio : with an outcome ``(n, 3)`` of entry, exit and event (1; any other code is none).

    Raises
    ------
    Unfit
        A model has no estimate.

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> a = np.arange(400) % 2.0
    >>> m = a + generator.normal(size=400)
    >>> time = generator.exponential(np.exp(-0.5 * a - 0.5 * m))
    >>> outcome = np.column_stack([np.full(400, -np.inf), time, np.ones(400)])
    >>> one = np.ones((400, 1))
    >>> trio = Trio.of(a, m, outcome, for_mediator=one, for_outcome=one)
    >>> found = analyse_percentage(trio, Contrast(0.0, 1.0))
    >>> dict(zip(found.effects.names[:2], found.estimates[:2].round(1).tolist(), strict=True))
    {'perm': 57.4, 'perm_log': 45.2}
    """
    scaled = scale_trio(trio, contrast, scales_outcome=False)
    mediator = fit_mediator(scaled)
    without = trio.bench.hazard(trio.there)
    having = without.extend(scaled.mediator, what=["the exposure", "the protein"])
    p = without.theta.size - 1
    apart = scaled.contrast.high - scaled.contrast.low
    parameters = np.array([without.coefficients[p], having.coefficients[p]]) * apart
    influence = np.column_stack([without.influence([p]), having.influence([p])]) * apart
    effects = percentages()
    a, m = scaled.exposure_unit, scaled.mediator_unit
    paths = (
        path_of_mediator(mediator, scaled),
        _path_of("b", having, p + 1, 1.0 / m, trio),
        _path_of("c", without, p, 1.0 / a, trio),
        _path_of("c_prime", having, p, 1.0 / a, trio),
    )
    draw = _Refits(without, having, p, apart)
    errors = {
        "total": float(np.sqrt(without.covariance[p, p])) * abs(apart),
        "direct": float(np.sqrt(having.covariance[p, p])) * abs(apart),
    }
    analysis = Analysis(
        effects,
        parameters,
        influence,
        np.ones(len(effects.names)),
        draw,
        paths,
        errors={} if trio.robust else errors,
        clusters=trio.clusters,
    )
    return _tell(analysis, trio)


class _Refits:
    """The log hazard ratios of samples, each fit begun where its influences lead."""

    def __init__(self, without: CoxModel, having: CoxModel, p: int, apart: float) -> None:
        self._models, self._p, self._apart = (without, having), p, apart
        self._influences: list[F64] | None = None

    def __call__(self, counts: F64) -> F64:
        if self._influences is None:
            self._influences = [model.influence(range(model.theta.size)) for model in self._models]
        apart, p = counts - counts.mean(axis=1, keepdims=True), self._p
        starts = [
            model.coefficients + apart @ influence
            for model, influence in zip(self._models, self._influences, strict=True)
        ]
        counts = counts * self._models[0].sums.counts
        first = self._models[0].refit(counts, starts[0])
        # what influences have missed in one model they miss in the other
        starts[1][:, : p + 1] += np.nan_to_num(first - starts[0])
        second = self._models[1].refit(counts, starts[1])
        return np.column_stack([first[:, p], second[:, p]]) * self._apart


def _path_of(name: str, fit: CoxModel, column: int, unit: float, trio: Trio) -> PathEstimate:
    error = float(np.sqrt(fit.covariance[column, column]))
    if trio.robust:
        error = measure_error(fit.influence([column]), trio.clusters)
    return PathEstimate(name, float(fit.coefficients[column]) * unit, error * unit)


def measure_of_hazards(events: Bool, shares: F64 | None = None) -> Measure:
    """Return what hazard ratios are as risk ratios, by who has the event ``(n,)``.

    Parameters
    ----------
    shares : ``(n,)``, what each person counts; None for all alike.

    Examples
    --------
    >>> measure_of_hazards(np.array([True, False]))
    'HR, common'
    """
    share = float(events.mean() if shares is None else shares @ events)
    return "HR" if share <= _RARE else "HR, common"


def _tell(analysis: Analysis, trio: Trio) -> Analysis:
    """Return the analysis with E-values, and with what is to be said of a hazard ratio near 1."""
    estimates, errors = analysis.estimates, analysis.standard_errors()
    measure = measure_of_hazards(trio.outcome[:, 2] == 1.0, trio.shares)
    at = {name: place for place, name in enumerate(analysis.effects.names)}
    ratios = {
        name: LogRatio(float(estimates[at[name]]), float(errors[at[name]]), measure)
        for name in ("direct", "indirect")
    }
    log, error = float(estimates[at["total"]]), float(errors[at["total"]])
    said = {}
    if abs(log) <= _NEAR * error:
        low, ratio, high = (np.exp(log + side * error) for side in (-_NEAR, 0.0, _NEAR))
        message = (
            f"HR1 is {ratio:.3f} ({low:.3f} to {high:.3f}), which holds 1: a percentage of it is "
            "unstable"
        )
        said = dict.fromkeys(("perm", "perm_log"), message)
    return replace(analysis, ratios=ratios, said=said)
