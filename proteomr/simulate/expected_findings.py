"""What else a simulated cohort lets one expect: correlations of effects, shares of hits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from scipy.special import ndtri

from proteomr._typing import F64
from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import Effects
from proteomr.simulate.expected_hits import correlate_tests
from proteomr.simulate.expected_modules import draw_found_modules
from proteomr.simulate.measurement import Measurement
from proteomr.simulate.outcomes import Hazard, limit_of_hits
from proteomr.simulate.study import EXPOSURES, random_stream

__all__ = ["tabulate_expected_findings"]

_STREAM: Final = 19
_DRAWS: Final = 500
_BATCH: Final = 100
_LEVELS: Final = (0.025, 0.975)


def tabulate_expected_findings(
    effects: Effects, measurement: Measurement, hazards: Sequence[Hazard], /, *, proteins: int
) -> dict[str, list[Any]]:
    """Return what is expected of correlations and shares, with the 95 % limits of such findings.

    ``r_effects``: correlation over the proteins of the log odds ratios of both exposures, full set;
    ``hits_either``, ``hits_both``: how many proteins pass Bonferroni's limit for any and for all;
    ``r_halves_NAME``: of the log odds ratios of an exposure in halves of the people;
    ``share_NAME``: share of the planted proteins whose test with an outcome passes Bonferroni's
    limit; ``modules_NAME``: how many modules go with an exposure, where a study has modules.
    Estimates are drawn around the truth with the errors of this many people, which proteins share
    as they share factors, and both exposures as far as they go together given the full set.

    Parameters
    ----------
    effects, measurement : of the cohort.
    hazards : of its outcomes.
    proteins : of its file.

    Examples
    --------
    >>> from proteomr.simulate.measurement import draw_measurement
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025_COUNTS
    >>> covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 500, seed=1))
    >>> effects = plant_effects(covariates, 60, seed=1)
    >>> measurement = draw_measurement(covariates, effects, seed=1)
    >>> tabulate_expected_findings(effects, measurement, (), proteins=60)["finding"][:4]
    ['r_effects', 'hits_either', 'hits_both', 'r_halves_isolation']
    """
    covariates = measurement.covariates
    shared, own = correlate_tests(covariates, effects, measurement, "full", proteins)
    log_odds = np.log(effects.odds_ratio[:proteins])
    se = _find_errors(effects, measurement)[:proteins]
    together = _correlate_exposures(covariates)
    named = _draw_both(log_odds, se, shared, own, together, measurement.seed)
    for j, exposure in enumerate(EXPOSURES):
        twice = np.repeat(log_odds[:, [j]], 2, axis=1), np.repeat(se[:, [j]], 2, axis=1) * 2**0.5
        pairs = _draw_pairs(*twice, shared, own, 0.0, measurement.seed, 1 + j)
        named[f"r_halves_{exposure}"] = np.concatenate([_correlate(x, y) for x, y in pairs])
    planted = effects.hits[:proteins]
    for place, hazard in enumerate(hazards):
        rng = random_stream(measurement.seed, _STREAM, 1, place)
        limit = limit_of_hits(effects, outcomes=len(hazards))
        shares = [
            (np.abs(hazard.z[:proteins][planted] + error) > limit).mean(axis=1)
            for error in _draw_errors(shared[planted], own[planted], rng)
        ]
        named[f"share_{hazard.outcome.name}"] = np.concatenate(shares)
    if covariates.study.modules is not None:
        streams = [random_stream(measurement.seed, _STREAM, 2, j) for j in range(len(EXPOSURES))]
        counts = draw_found_modules(effects, measurement, streams, proteins=proteins, draws=_DRAWS)
        named.update(
            (f"modules_{name}", count) for name, count in zip(EXPOSURES, counts, strict=True)
        )
    ends = {name: np.quantile(drawn, _LEVELS) for name, drawn in named.items()}
    return {
        "finding": list(named),
        "expected": [float(drawn.mean()) for drawn in named.values()],
        "expected_low": [float(end[0]) for end in ends.values()],
        "expected_high": [float(end[1]) for end in ends.values()],
    }


def _find_errors(effects: Effects, measurement: Measurement) -> F64:
    """Return (p, 2) standard errors of the log odds ratios per SD with the full set."""
    gone = measurement.panel_missing[measurement.panel]
    observed = measurement.covariates.people.n * (1 - measurement.missing) * (1 - gone)
    left = (1 - effects.explained)[:, None]
    errors: F64 = 1 / np.sqrt(observed[:, None] * effects.information * left)
    return errors


def _correlate_exposures(covariates: Covariates) -> float:
    """Return the correlation of the exposures that all covariates leave."""
    moments = covariates.moments()
    full = ("intercept", *covariates.simple, *covariates.further)
    first, second = EXPOSURES
    slope = float(moments.regress((second,), on=(*full, first))[-1, 0])
    left = [moments.residual_variance(name, on=full) for name in EXPOSURES]
    return slope * float(np.sqrt(left[0] / left[1]))


def _draw_both(
    log_odds: F64, se: F64, shared: F64, own: F64, together: float, seed: int
) -> dict[str, F64]:
    """Return what each draw of the estimates of both exposures finds."""
    limit = -float(ndtri(0.05 / (2 * len(se)) / 2))
    r, either, both = [], [], []
    for x, y in _draw_pairs(log_odds, se, shared, own, together, seed, 0):
        first, second = (np.abs(b / se[:, j]) > limit for j, b in enumerate((x, y)))
        r.append(_correlate(x, y))
        either.append((first | second).sum(axis=1).astype(np.float64))
        both.append((first & second).sum(axis=1).astype(np.float64))
    found = {"r_effects": r, "hits_either": either, "hits_both": both}
    return {name: np.concatenate(draws) for name, draws in found.items()}


def _draw_pairs(
    truth: F64, se: F64, shared: F64, own: F64, together: float, seed: int, place: int
) -> Iterator[tuple[F64, F64]]:
    """Yield batches of (draws, p) estimates of two columns, whose errors go together."""
    first, second = (random_stream(seed, _STREAM, 0, place, side) for side in (0, 1))
    for a, b in zip(
        _draw_errors(shared, own, first), _draw_errors(shared, own, second), strict=True
    ):
        yield (
            truth[:, 0] + se[:, 0] * a,
            truth[:, 1] + se[:, 1] * (together * a + np.sqrt(1 - together**2) * b),
        )


def _correlate(x: F64, y: F64) -> F64:
    """Return the correlation of each row of two arrays."""
    x = x - x.mean(axis=1, keepdims=True)
    y = y - y.mean(axis=1, keepdims=True)
    r: F64 = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return r


def _draw_errors(shared: F64, own: F64, rng: np.random.Generator) -> list[F64]:
    """Return batches of (draws, p) errors of variance 1, correlated by what proteins share."""
    return [
        rng.standard_normal((_BATCH, shared.shape[1])) @ shared.T
        + own * rng.standard_normal((_BATCH, own.size))
        for _ in range(_DRAWS // _BATCH)
    ]
