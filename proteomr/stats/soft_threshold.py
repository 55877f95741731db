"""Correlations raised to a power as edges of a network, and how free of scale the network is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.errors import UsageError
from proteomr.stats.symmetric_tiles import Spread, in_turn, list_stretches

__all__ = [
    "NETWORK_TYPES",
    "POWERS",
    "NetworkType",
    "ScaleFreeFit",
    "find_similarity",
    "fit_scale_free",
    "measure_connectivity",
    "raise_similarity",
]

NetworkType: TypeAlias = Literal["unsigned", "signed", "signed-hybrid"]
NETWORK_TYPES: Final[tuple[NetworkType, ...]] = ("unsigned", "signed", "signed-hybrid")
POWERS: Final = (*range(1, 11), *range(12, 21, 2))  # those that R tries

_BREAKS: Final = 10  # the classes of connectivity that R's pickSoftThreshold makes
_SHIFT: Final = 1e-9  # added to the share of an empty class before its logarithm, as in R
_MARGIN: Final = 1e-3  # of the range: by so much R's cut() widens the outer classes
_ROWS: Final = 256  # of a matrix at a time


@dataclass(frozen=True, slots=True)
class ScaleFreeFit:
    """How connectivities follow a power law.

    Attributes
    ----------
    r2 : of log10 of the share of proteins on log10 of the connectivity of their class.
    slope : of that line; negative where hubs are rare.
    truncated_r2 : adjusted, of the line with the connectivity itself as a second term.
    mean_k, median_k, max_k : connectivities.
    """

    r2: float
    slope: float
    truncated_r2: float
    mean_k: float
    median_k: float
    max_k: float

    @property
    def signed_r2(self) -> float:
        """The r2, negative where the slope is positive."""
        return -float(np.sign(self.slope)) * self.r2


def find_similarity(correlations: F64, kind: NetworkType) -> F64:
    r"""Return the similarities, 0 to 1, of which powers are edges.

    .. math:: s_{ij} = |r_{ij}|, \quad (1 + r_{ij}) / 2, \quad \max(r_{ij}, 0)

    of an unsigned, a signed and a signed hybrid network (Zhang and Horvath 2005,
    doi:10.2202/1544-6115.1128). A correlation that is not there is a similarity of 0.

    Parameters
    ----------
    correlations : (a, b).

    Examples
    --------
    >>> find_similarity(np.array([[-0.5, np.nan]]), "signed").tolist()
    [[0.25, 0.0]]
    """
    if kind == "unsigned":
        similarity = np.abs(correlations)
    elif kind == "signed":
        similarity = (1.0 + correlations) / 2.0
    elif kind == "signed-hybrid":
        similarity = np.maximum(correlations, 0.0)
    else:
        raise UsageError(f"network type {kind!r}; known: {', '.join(NETWORK_TYPES)}")
    return np.nan_to_num(similarity, copy=False, nan=0.0)


def raise_similarity(similarity: F64, power: int) -> F64:
    """Return the adjacencies, similarities to a power, with zero on the diagonal.

    Parameters
    ----------
    similarity : (p, p).

    Examples
    --------
    >>> raise_similarity(np.array([[1.0, 0.5], [0.5, 1.0]]), 2).tolist()
    [[0.0, 0.25], [0.25, 0.0]]
    """
    adjacency = np.empty_like(similarity)
    for start in range(0, len(similarity), _ROWS):
        rows = slice(start, start + _ROWS)
        adjacency[rows] = _multiply(similarity[rows], power)
    np.fill_diagonal(adjacency, 0.0)
    return adjacency


def _multiply(base: F64, power: int) -> F64:
    """Raise to a whole power by squaring, which is ten times as fast as logarithms."""
    result, square, rest = np.ones_like(base), base, power
    while rest:
        if rest & 1:
            result = result * square
        rest >>= 1
        if rest:
            square = square * square
    return result


def measure_connectivity(
    similarity: F64, powers: tuple[int, ...], *, spread: Spread = in_turn
) -> F64:
    """Return for each power the connectivity of each protein: its adjacencies to all others.

    Parameters
    ----------
    similarity : (p, p).
    spread : runs work on stretches of proteins; one after another without.

    Returns
    -------
    (powers, p)

    Examples
    --------
    >>> measure_connectivity(np.array([[1.0, 0.5], [0.5, 1.0]]), (1, 2)).tolist()
    [[0.5, 0.5], [0.25, 0.25]]
    """

    def measure(rows: slice) -> F64:
        own = similarity[rows].copy()
        own[np.arange(len(own)), rows.start + np.arange(len(own))] = 0.0
        return np.stack([_multiply(own, power).sum(axis=1) for power in powers])

    stretches = list_stretches(len(similarity))
    found = np.empty((len(powers), len(similarity)))
    for position, sums in spread(measure, stretches):
        found[:, stretches[position]] = sums
    return found


def fit_scale_free(connectivity: F64) -> ScaleFreeFit:
    r"""Return how far connectivities follow a power law.

    Proteins are classed by connectivity, ten classes of equal width; in them

    .. math:: \log_{10} p(k) = a + b \log_{10} k, \qquad
       \log_{10} p(k) = a + b \log_{10} k + c k

    (Zhang and Horvath 2005, doi:10.2202/1544-6115.1128; the numbers of R's
    ``WGCNA::pickSoftThreshold``).

    Parameters
    ----------
    connectivity : (p,) not negative.

    Examples
    --------
    >>> fit = fit_scale_free(1.0 / np.arange(1.0, 200.0))
    >>> fit.slope < 0.0, round(fit.max_k, 1)
    (True, 1.0)
    """
    low, high = float(connectivity.min()), float(connectivity.max())
    told = (float(connectivity.mean()), float(np.median(connectivity)), high)
    nothing = float("nan")
    if not high > low:
        return ScaleFreeFit(nothing, nothing, nothing, *told)
    edges = np.linspace(low, high, _BREAKS + 1)
    middles = (edges[:-1] + edges[1:]) / 2.0
    edges[0] -= _MARGIN * (high - low)
    edges[-1] += _MARGIN * (high - low)
    place: I64 = np.searchsorted(edges, connectivity, side="left") - 1
    count = np.bincount(place, minlength=_BREAKS).astype(np.float64)
    total = np.bincount(place, weights=connectivity, minlength=_BREAKS)
    mean = np.divide(total, count, out=middles.copy(), where=total > 0.0)
    if not (mean > 0.0).all():
        return ScaleFreeFit(nothing, nothing, nothing, *told)
    x, y = np.log10(mean), np.log10(count / connectivity.size + _SHIFT)
    r2, line = _fit(y, [x])
    truncated, _ = _fit(y, [x, mean])
    adjusted = 1.0 - (1.0 - truncated) * (_BREAKS - 1) / (_BREAKS - 3)
    return ScaleFreeFit(r2, float(line[1]), adjusted, *told)


def _fit(y: F64, terms: list[F64]) -> tuple[float, F64]:
    # connectivities may be 1e-9, whose column would count as none beside the intercept
    scales = [1.0, *(max(float(np.abs(term).max()), 1e-300) for term in terms)]
    design = np.column_stack([np.ones_like(y), *terms]) / scales
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    rest = y - design @ coefficients
    around = y - y.mean()
    total = float(around @ around)
    r2 = 1.0 - float(rest @ rest) / total if total > 0.0 else float("nan")
    return r2, np.asarray(coefficients / scales)
