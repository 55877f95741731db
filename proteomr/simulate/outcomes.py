"""Outcomes of the follow-up that many proteins go with, as many as a study has published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from proteomr._typing import F64
from proteomr.simulate.effects import Effects
from proteomr.simulate.follow_up import solve_baseline
from proteomr.simulate.measurement import Measurement, plan_chunks
from proteomr.simulate.published import Outcome
from proteomr.simulate.study import EXPOSURES, random_stream

__all__ = [
    "MEDIATOR",
    "Hazard",
    "draw_outcomes",
    "limit_of_hits",
    "log_risks",
    "rate_events",
    "solve_hazards",
    "tabulate_hazards",
]

MEDIATOR: Final = "ADM"
"""The protein whose mediated shares are published."""
MODULES: Final = 4
"""Modules that were tested beside the proteins."""
_STREAM = 13
_DAYS = 365.25
_STEEPEST: Final = 2.0  # log hazard ratio per SD of the factor: beyond what any share needs


@dataclass(frozen=True, slots=True, eq=False)
class Hazard:
    """The hazard of an outcome, and what it lets a scan of p proteins expect.

    Parameters
    ----------
    outcome : whose it is.
    factor, mediator : log hazard ratios per SD of the first hidden factor, which acts on all
        proteins, and of the latent mediator.
    exposures : (2,) log hazard ratios of isolation and loneliness beyond their proteins.
    marginal : (p,) log hazard ratio per SD of each protein, covariates and exposures given.
    z : (p,) mean of its test statistic.
    power : (p,) probability that it passes Bonferroni's limit over all outcomes.
    loneliness : hazard ratio of loneliness, covariates and no protein given.
    mediated : share of the excess hazard of loneliness that goes with adjustment for the mediator;
        NaN where loneliness does not go with the outcome.
    """

    outcome: Outcome
    factor: float
    mediator: float
    exposures: tuple[float, float]
    marginal: F64
    z: F64
    power: F64
    loneliness: float
    mediated: float


def solve_hazards(measurement: Measurement, effects: Effects, /) -> tuple[Hazard, ...]:
    """Return hazards that are expected to give the published numbers at the study's size.

    The log hazard is ``c' covariates + e' exposures + m x + f F``: x the latent mediator, F the
    first hidden factor. Given covariates and exposures, the regression of the log hazard on protein
    k alone has the slope ``(m cov(x_k, x) + f cov(x_k, F)) / var(x_k)``, which for events that are
    rare is the log hazard ratio of a Cox model; its test has the mean ``slope sd(x_k) sqrt(events
    with a value)``. m is solved from the mediator's published ratio, or from its mediated share
    ``(HR0 - HR1) / (HR0 - 1)``, where HR1 has the mediator in the model; f so that the mean power
    over planted proteins is the share published; the exposures' own parts so that HR0 is theirs.

    Parameters
    ----------
    measurement : of the cohort.
    effects : of the same cohort.

    Examples
    --------
    >>> from proteomr.simulate.covariates import Covariates
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.measurement import draw_measurement
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025_COUNTS
    >>> covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 500, seed=1))
    >>> effects = plant_effects(covariates, 200, seed=1)
    >>> death, *_ = solve_hazards(draw_measurement(covariates, effects, seed=1), effects)
    >>> round(float(np.exp(death.marginal[effects.names.index("ADM")])), 2)
    1.58
    """
    outcomes = measurement.covariates.study.outcomes
    spread, carried = _spread(measurement), _carry(measurement)
    return tuple(_solve(measurement, effects, one, spread, carried) for one in outcomes)


def limit_of_hits(effects: Effects, /, *, outcomes: int) -> float:
    """Return the size of a test statistic that passes Bonferroni's limit over all outcomes.

    The tests are those of the planted proteins and of `MODULES` modules.
    """
    tests = (int(effects.hits.sum()) + MODULES) * outcomes
    return -float(ndtri(0.05 / tests / 2))


def log_risks(measurement: Measurement, hazards: Sequence[Hazard], /) -> F64:
    """Return (q, n) the log hazards of people at recruitment, but for a constant each."""
    columns = measurement.covariates.people.columns
    mediator = _place(measurement)
    first_factor = len(measurement.covariates.names)
    risks = np.zeros((len(hazards), measurement.covariates.people.n))
    for row, hazard in enumerate(hazards):
        asked = hazard.outcome
        risks[row] = asked.per_year * (columns["age"] - 56.4)
        risks[row] += (
            np.log(asked.sex) * columns["sex"] + np.log(asked.smoking) * columns["smoking"]
        )
        for name, ratio in zip(EXPOSURES, hazard.exposures, strict=True):
            risks[row] += ratio * columns[name]
    for chunk in plan_chunks(risks.shape[1], measurement.panel.size):
        scores = measurement.scores(chunk)
        x = measurement.latent(scores, chunk=chunk, block=0)[mediator]
        for row, hazard in enumerate(hazards):
            moved = hazard.mediator * x + hazard.factor * scores[first_factor]
            risks[row, chunk.start : chunk.stop] += moved
    return risks


def draw_outcomes(
    measurement: Measurement,
    hazards: Sequence[Hazard],
    /,
    *,
    risks: F64,
    follow_up: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """Return ``NAME`` (1 it came, else 0) and ``NAME_years`` of each outcome; the first is death.

    The others come among the living, by hazards ``h0 exp(per_year t + log risk)``, whose h0 are
    such that the expected events are the study's, scaled to the people. Times are whole days.

    Parameters
    ----------
    hazards : by `solve_hazards`.
    risks : by `log_risks`.
    follow_up : drawn by the first hazard, see `proteomr.simulate.follow_up.draw_follow_up`.
    """
    study, n = measurement.covariates.study, measurement.covariates.people.n
    end = follow_up["follow_up_years"]
    death = hazards[0].outcome.name
    drawn: dict[str, NDArray[Any]] = {death: follow_up["death"], f"{death}_years": end}
    units = random_stream(measurement.seed, _STREAM).standard_exponential((len(hazards), n))
    for hazard, log_risk, unit in zip(hazards[1:], risks[1:], units[1:], strict=True):
        asked = hazard.outcome
        risk = np.exp(log_risk)
        grown = _grow(end, asked.per_year)
        h0 = solve_baseline(risk * grown, events=n * asked.events / study.people)
        needed = unit / (h0 * risk)
        came = needed < grown
        at = np.where(came, _shrink(np.where(came, needed, 0.0), asked.per_year), end)
        at = np.round(np.maximum(np.ceil(at * _DAYS), 1.0) / _DAYS, 6)
        drawn[asked.name] = came.astype(np.int64)
        drawn[f"{asked.name}_years"] = np.where(came, np.minimum(at, end), end)
    return drawn


def rate_events(
    measurement: Measurement, outcomes: Mapping[str, NDArray[Any]], /
) -> dict[str, float]:
    """Return the expected events of each outcome per person and year at risk.

    Parameters
    ----------
    measurement : of the cohort.
    outcomes : by `draw_outcomes`; years at risk are those drawn, events those expected.
    """
    study = measurement.covariates.study
    return {
        asked.name: asked.events / study.people / float(np.mean(outcomes[f"{asked.name}_years"]))
        for asked in study.outcomes
    }


def tabulate_hazards(
    effects: Effects, hazards: Sequence[Hazard], /, *, proteins: int, rates: Mapping[str, float]
) -> dict[str, list[Any]]:
    """Return the columns of the truth: a row for each protein and outcome.

    ``expected_z`` and ``power`` are at the size of these people; ``loneliness_mediated``, in
    percent, and ``loneliness_indirect``, events per person and year, are told of the mediator
    alone. The second is rate x slope x shift: where the hazard is ``h0 exp(slope x)`` and x normal,
    x has the coefficient ``cov(h, x) / var(x) = slope E(h)`` in a model of added hazards.

    Parameters
    ----------
    effects, hazards : of the cohort.
    proteins : how many of them the cohort's file holds.
    rates : by `rate_events`.
    """
    planted = effects.hits
    rows = [(hazard, k) for hazard in hazards for k in range(proteins)]
    mediator = effects.names.index(MEDIATOR)
    shift = float(effects.shift[mediator, 1])
    return {
        "outcome": [hazard.outcome.name for hazard, _ in rows],
        "protein": [effects.names[k] for _, k in rows],
        "planted": [bool(planted[k]) for _, k in rows],
        "hazard_ratio": [float(np.exp(hazard.marginal[k])) for hazard, k in rows],
        "expected_z": [float(hazard.z[k]) for hazard, k in rows],
        "power": [float(hazard.power[k]) for hazard, k in rows],
        "loneliness_ratio": [hazard.loneliness for hazard, _ in rows],
        "loneliness_mediated": [
            100 * hazard.mediated if k == mediator and np.isfinite(hazard.mediated) else None
            for hazard, k in rows
        ],
        "loneliness_indirect": [
            rates[hazard.outcome.name] * float(hazard.marginal[k]) * shift
            if k == mediator
            else None
            for hazard, k in rows
        ],
    }


def _grow(years: F64, per_year: float) -> F64:
    """Return the integral of exp(per_year t)."""
    grown: F64 = np.expm1(per_year * years) / per_year if per_year else years
    return grown


def _shrink(grown: F64, per_year: float) -> F64:
    years: F64 = np.log1p(per_year * grown) / per_year if per_year else grown
    return years


def _place(measurement: Measurement) -> int:
    names = [protein.name for protein in measurement.covariates.study.named]
    return names.index(MEDIATOR)


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """Covariances of p proteins, covariates and exposures given: with the mediator and the factor.

    Parameters
    ----------
    own, with_mediator, with_factor : (p,).
    observed : (p,) share of people with a value.
    mediator : its place.
    """

    own: F64
    with_mediator: F64
    with_factor: F64
    observed: F64
    mediator: int


def _spread(measurement: Measurement) -> _Spread:
    loadings = measurement.weights[:, len(measurement.covariates.names) :].astype(np.float64)
    own = (loadings**2).sum(axis=1) + measurement.noise_sd.astype(np.float64) ** 2
    at = _place(measurement)
    with_mediator = loadings @ loadings[at]
    with_mediator[at] = own[at]
    gone = measurement.panel_missing[measurement.panel]
    observed = (1 - measurement.missing) * (1 - gone)
    return _Spread(own, with_mediator, loadings[:, 0], observed, at)


def _solve(
    measurement: Measurement, effects: Effects, outcome: Outcome, spread: _Spread, carried: float
) -> Hazard:
    study, people = measurement.covariates.study, measurement.covariates.people
    planted = effects.hits
    slope, total = _solve_mediator(effects, outcome, place=spread.mediator)
    limit = limit_of_hits(effects, outcomes=len(study.outcomes))

    def expect(factor: float, events: float) -> tuple[float, F64, F64, F64]:
        at = spread.mediator
        m = slope - factor * float(spread.with_factor[at] / spread.own[at])
        marginal = (m * spread.with_mediator + factor * spread.with_factor) / spread.own
        z = marginal * np.sqrt(spread.own * events * spread.observed)
        return m, marginal, z, ndtr(z - limit) + ndtr(-z - limit)

    low, high = 0.0, _STEEPEST
    for _ in range(60):
        middle = (low + high) / 2
        share = float(expect(middle, outcome.events)[3][planted].mean())
        low, high = (middle, high) if share < outcome.linked else (low, middle)
    factor = (low + high) / 2
    mediator, marginal, z, power = expect(factor, outcome.events * people.n / study.people)
    shift = float(effects.shift[spread.mediator, 1])
    isolation = float(np.log(outcome.isolation))
    return Hazard(
        outcome=outcome,
        factor=factor,
        mediator=mediator,
        exposures=(isolation, total - mediator * shift - carried * isolation),
        marginal=marginal,
        z=z,
        power=power,
        loneliness=float(np.exp(total)),
        mediated=_share(total, slope * shift),
    )


def _solve_mediator(effects: Effects, outcome: Outcome, *, place: int) -> tuple[float, float]:
    """Return the mediator's log hazard ratio, covariates given, and loneliness's without it."""
    shift = float(effects.shift[place, 1])
    total = float(np.log(outcome.loneliness))
    if outcome.mediator_ratio is None:
        share = 0.0 if outcome.mediated is None else outcome.mediated
        return -float(np.log1p(-share * -np.expm1(-total))) / shift, total
    slope = float(np.log(outcome.mediator_ratio))
    if outcome.mediated is None:
        return slope, total
    # of both, the share says what loneliness does: 1 - 1 / HR0 = (1 - exp(-slope shift)) / share
    return slope, -float(np.log1p(np.expm1(-slope * shift) / outcome.mediated))


def _share(total: float, through: float) -> float:
    """Return (HR0 - HR1) / (HR0 - 1) of log ratios."""
    if total == 0.0:
        return float("nan")
    return float(np.expm1(-through) / np.expm1(-total))


def _carry(measurement: Measurement) -> float:
    """Return what a regression on loneliness and all covariates takes of isolation."""
    covariates = measurement.covariates
    full = ("intercept", *covariates.simple, *covariates.further, EXPOSURES[1])
    return float(covariates.moments().regress((EXPOSURES[0],), on=full)[-1, 0])
