"""Blood markers and brain volumes that a few proteins go with, one of them as published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import ndtr, ndtri

from proteomr._typing import F64, Bool
from proteomr.simulate.effects import Effects
from proteomr.simulate.measurement import Measurement, plan_chunks
from proteomr.simulate.people import top_scorers
from proteomr.simulate.published import Phenome
from proteomr.simulate.study import random_stream

__all__ = ["PhenomeDraw", "draw_phenome"]

_STREAM = 15
_ACTING: Final = {"markers": 0.45, "volumes": 0.15}  # shares of pairs
_SIZES: Final = {"markers": (0.01, 0.09), "volumes": (0.02, 0.10)}  # partial correlations
_PER_SD: Final = {"age": 0.10, "sex": 0.20, "bmi": 0.15}


@dataclass(frozen=True, slots=True, eq=False)
class PhenomeDraw:
    """Columns of three tables.

    Parameters
    ----------
    markers, volumes : sample_id, then each marker or volume, masked where a person has none.
    truth : a row for each protein and outcome: outcome, kind (marker, volume), protein,
        correlation, expected_t, power.
    """

    markers: dict[str, Any]
    volumes: dict[str, Any]
    truth: dict[str, Any]


def draw_phenome(measurement: Measurement, effects: Effects, phenome: Phenome, /) -> PhenomeDraw:
    """Return markers and volumes ``y = a' x + c' covariates + e``, and what a scan may expect.

    x are the latent values of the acting proteins, and a is such that y has the planted partial
    correlations with each protein alone, covariates and exposures given: ``a = S^-1 (r sqrt(s))``
    with S the covariance of x given these, and s its diagonal. The t of the regression of y on one
    protein then has the mean ``r sqrt(n)``.

    Parameters
    ----------
    measurement : of the cohort; its first block holds the proteins that act.
    effects : of the same cohort.
    phenome : what there is, and of how many people.

    Examples
    --------
    >>> from proteomr.simulate.covariates import Covariates
    >>> from proteomr.simulate.effects import plant_effects
    >>> from proteomr.simulate.measurement import draw_measurement
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025_COUNTS
    >>> covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 300, seed=1))
    >>> effects = plant_effects(covariates, 40, seed=1)
    >>> measurement = draw_measurement(covariates, effects, seed=1)
    >>> drawn = draw_phenome(measurement, effects, SHEN2025_COUNTS.phenome)
    >>> list(drawn.markers)[1], len(drawn.volumes), len(drawn.truth["power"])
    ('crp', 85, 1565)
    """
    people = measurement.covariates.people
    rng = random_stream(measurement.seed, _STREAM)
    at = [effects.names.index(name) for name in phenome.proteins]
    names, kinds = _name(phenome)
    r = _draw_correlations(phenome, rng.random((len(names), 3, len(at))))
    within = _covariance(measurement, at)
    slopes = np.linalg.solve(within, (r * np.sqrt(np.diag(within))).T).T
    left = 1.0 - np.einsum("mi,ij,mj->m", slopes, within, slopes)
    x = _latent(measurement, at)
    covariates = _standardise(people.columns)
    columns: dict[str, Any] = {}
    present = _choose_people(measurement, phenome, rng)
    for m, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        y = slopes[m] @ x + covariates + np.sqrt(left[m]) * rng.standard_normal(people.n)
        seen = present[name if m == 0 else kind]
        if kind == "marker" and m > 0:
            seen = rng.permutation(seen)
        columns[name] = np.ma.masked_array(y.astype(np.float32), mask=~seen)
    ids = {"sample_id": people.columns["sample_id"]}
    kind_of = dict(zip(names, kinds, strict=True))
    markers, volumes = (
        ids | {name: column for name, column in columns.items() if kind_of[name] == kind}
        for kind in ("marker", "volume")
    )
    return PhenomeDraw(markers, volumes, _tabulate(measurement, phenome, at, r, columns))


def _name(phenome: Phenome) -> tuple[list[str], list[str]]:
    markers = [phenome.marker, *(f"marker_{i:03d}" for i in range(2, phenome.markers + 1))]
    volumes = [f"volume_{i:02d}" for i in range(1, phenome.volumes + 1)]
    return [*markers, *volumes], ["marker"] * len(markers) + ["volume"] * len(volumes)


def _draw_correlations(phenome: Phenome, uniform: F64) -> F64:
    """Return (outcomes, proteins) partial correlations from as many triples of uniform numbers."""
    parts = []
    for kind, rows in (
        ("markers", slice(None, phenome.markers)),
        ("volumes", slice(phenome.markers, None)),
    ):
        acts, size, sign = np.moveaxis(uniform[rows], 1, 0)
        low, high = _SIZES[kind]
        drawn = (low + (high - low) * size) * np.where(sign < 0.5, -1.0, 1.0)
        parts.append(np.where(acts < _ACTING[kind], drawn, 0.0))
    r: F64 = np.vstack(parts)
    least, most = phenome.statistics
    r[0] = np.linspace(most, least, r.shape[1]) / np.sqrt(phenome.people)
    return r


def _covariance(measurement: Measurement, at: list[int]) -> F64:
    """Return (k, k) the covariance of some proteins, covariates and exposures given."""
    first = len(measurement.covariates.names)
    loadings = measurement.weights[at, first:].astype(np.float64)
    noise = measurement.noise_sd[at].astype(np.float64)
    covariance: F64 = loadings @ loadings.T + np.diag(noise**2)
    return covariance


def _latent(measurement: Measurement, at: list[int]) -> F64:
    n = measurement.covariates.people.n
    x = np.empty((len(at), n))
    for chunk in plan_chunks(n, measurement.panel.size):
        block = measurement.latent(measurement.scores(chunk), chunk=chunk, block=0)
        x[:, chunk.start : chunk.stop] = block[at]
    return x


def _standardise(columns: Any) -> F64:
    """Return (n,) what covariates add to every marker and volume."""
    added = np.zeros(len(columns["age"]))
    for name, slope in _PER_SD.items():
        values = columns[name].astype(np.float64)
        added += slope * (values - values.mean()) / values.std()
    return added


def _choose_people(
    measurement: Measurement, phenome: Phenome, rng: np.random.Generator
) -> dict[str, Bool]:
    """Return who has the named marker, the others (in whatever order) and the volumes."""
    study, n = measurement.covariates.study, measurement.covariates.people.n
    sizes = {
        phenome.marker: phenome.people,
        "marker": phenome.others,
        "volume": phenome.imaged,
    }
    return {
        name: top_scorers(rng.random(n), study.scale(min(size, study.people), people=n))
        for name, size in sizes.items()
    }


def _tabulate(
    measurement: Measurement, phenome: Phenome, at: list[int], r: F64, columns: dict[str, Any]
) -> dict[str, Any]:
    names, kinds = _name(phenome)
    gone = measurement.panel_missing[measurement.panel[at]]
    observed = (1 - measurement.missing[at]) * (1 - gone)
    n = np.array([columns[name].count() for name in names], dtype=np.float64)
    # of n people with a value r sqrt(n / (1 - r^2)), which for such r is r sqrt(n)
    t = r * np.sqrt(n[:, None] * observed / (1 - r**2))
    tests = {"marker": phenome.markers * len(at), "volume": phenome.volumes * len(at)}
    limit = np.array([-float(ndtri(0.05 / tests[kind] / 2)) for kind in kinds])[:, None]
    power = ndtr(t - limit) + ndtr(-t - limit)
    return {
        "outcome": np.repeat(names, len(at)).tolist(),
        "kind": np.repeat(kinds, len(at)).tolist(),
        "protein": list(phenome.proteins) * len(names),
        "correlation": r.ravel(),
        "expected_t": t.ravel(),
        "power": power.ravel(),
    }
