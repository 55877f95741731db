"""From minima of the REML criterion to estimates, tests and components of variance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.mixed_options import Ddf
from proteomr.stats.linalg import change_units
from proteomr.stats.random_structure import Structure
from proteomr.stats.reml_inference import Inference, KenwardRoger, Normal, Satterthwaite
from proteomr.stats.reml_search import Minimum
from proteomr.stats.reml_sums import Expandable

__all__ = ["KINSHIP", "SINGULAR_BELOW", "Group", "MixedFit", "conclude"]

# A relative standard deviation, or what a slope has of its own, below which a fit is at the
# boundary: lme4's isSingular.
SINGULAR_BELOW = 1e-4
KINSHIP = "kinship"
_LOG_2PI = float(np.log(2.0 * np.pi))  # of the density of the normal distribution


@dataclass(frozen=True, slots=True)
class Group:
    """A grouping factor: its name, and what its effects were divided by ``(q,)``."""

    name: str
    units: F64


@dataclass(frozen=True, slots=True)
class MixedFit:
    """A fitted model of one protein.

    Attributes
    ----------
    estimate, se, df : ``(t,)`` of its independent terms, in units of the columns.
    tests : joint tests by name: F, its numerator's degrees of freedom and -log10 p.
    components : columns of the rows of the components of variance.
    """

    estimate: F64
    se: F64
    df: F64
    tests: Mapping[str, tuple[float, float, float] | None]
    components: tuple[Mapping[str, object], ...]


def infer(found: Minimum, sums: Expandable, structure: Structure, ddf: Ddf) -> Inference:
    """Return covariances and degrees of freedom of the kind that is asked for."""
    free = (sums.n - (sums.columns - 1)).astype(np.float64)
    if ddf == "kr":
        return KenwardRoger.of(found, free, sums, structure)
    return Satterthwaite.of(found, free) if ddf == "satterthwaite" else Normal.of(found, free)


def conclude(
    found: Minimum,
    sums: Expandable,
    structure: Structure,
    *,
    ddf: Ddf,
    terms: int,
    units: F64,
    powers: F64,
    y_units: F64,
    y_powers: F64,
    log_volumes: F64,
    groups: tuple[Group, ...],
    tests: Mapping[str, I64],
    weight_unit: float = 1.0,
) -> list[MixedFit]:
    """Return the fits of b models whose last columns before the response are the terms.

    Parameters
    ----------
    units, powers : ``(b, terms)``, what the terms were divided by.
    y_units, y_powers : ``(b,)``, the same of the responses.
    log_volumes : ``(b,)`` of the way from the basis to the columns as they are given, less what the
        weights of rows add to the log likelihood.
    tests : positions among the terms of those that are tested jointly, by the test's name.
    weight_unit : weight of a row that has the residual variance of the model; that of 1 is told.
    """
    inference = infer(found, sums, structure, ddf)
    p = sums.columns - 1
    free = (sums.n - p).astype(np.float64)
    asked = np.eye(p)[p - terms :]
    variances = np.stack([inference.variances(row) for row in asked], axis=1)
    degrees = np.stack([inference.degrees(row) for row in asked], axis=1)
    state = found.criterion
    by = y_units[:, None]
    estimates = change_units(
        state.coefficients[:, p - terms :] * (by / units), by=y_powers[:, None], per=powers
    )
    errors = change_units(np.sqrt(variances) * (by / units), by=y_powers[:, None], per=powers)
    with np.errstate(over="ignore", under="ignore"):
        s2 = change_units(change_units(state.rss / free * y_units**2, by=y_powers), by=y_powers)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_s2 = np.log(state.rss / free) + 2.0 * (np.log(y_units) + np.log(y_powers))
    reml = state.value - free * np.log(state.rss) + 2.0 * log_volumes
    reml = reml + free * (1.0 + _LOG_2PI + log_s2)
    results = []
    for b in range(estimates.shape[0]):
        scale = units[b] * powers[b]
        joint = {}
        for name, members in tests.items():
            # in the units of the columns, as lmerTest: they decide what is turned into what
            rows = asked[members] * (scale[members].min() / scale[members])[:, None]
            joint[name] = inference.test_jointly(b, state.coefficients, rows)
        components = _list_components(
            structure,
            found.theta[b],
            groups,
            s2=float(s2[b]),
            residual=_scale(weight_unit, float(s2[b])),
            reml=float(reml[b]),
        )
        results.append(MixedFit(estimates[b], errors[b], degrees[b], joint, components))
    return results


def _list_components(
    structure: Structure,
    theta: F64,
    groups: tuple[Group, ...],
    *,
    s2: float,
    residual: float,
    reml: float,
) -> tuple[Mapping[str, object], ...]:
    singular = bool(np.any(np.abs(theta[structure.diagonal]) < SINGULAR_BELOW))
    rows: list[Mapping[str, object]] = []
    for group, factor in zip(groups, structure.factors(theta[None]), strict=True):
        L = factor[0] / group.units[:, None]
        G = L @ L.T
        slope = correlation = float("nan")
        if G.shape[0] == 2:
            slope = _scale(float(G[1, 1]), s2)
            with np.errstate(divide="ignore", invalid="ignore"):
                correlation = float(G[1, 0] / np.sqrt(G[0, 0] * G[1, 1]))
        rows.append(
            {
                "group": group.name,
                "variance": _scale(float(G[0, 0]), s2),
                "slope_variance": slope,
                "correlation": correlation,
                "residual": residual,
                "reml": reml,
                "singular": singular,
            }
        )
    return tuple(rows)


def _scale(share: float, s2: float) -> float:
    """Return a share of the residual variance; NaN where no number holds it.

    Examples
    --------
    >>> _scale(0.5, 4.0), _scale(0.0, float("inf")), _scale(0.5, 0.0)
    (2.0, 0.0, nan)
    """
    if share == 0.0:
        return 0.0
    found = share * s2
    return found if 0.0 < found < np.inf else float("nan")
