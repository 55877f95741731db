"""Whether modules found in one cohort are modules in another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64
from proteomr.stats.module_components import lead_of

__all__ = [
    "CONNECTIVITY",
    "DENSITY",
    "Cohorts",
    "Preservation",
    "judge_preservation",
    "measure_preservation",
]

DENSITY: Final = ("explained", "membership", "correlation", "adjacency")
CONNECTIVITY: Final = ("cor_connectivity", "cor_membership", "cor_correlation")


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """The same p proteins in a cohort where modules were found, and in one where they are sought.

    Attributes
    ----------
    found, sought : (p, p) correlations, zero where there is none.
    found_adjacency, sought_adjacency : (p, p) zero on the diagonal.
    """

    found: F64
    sought: F64
    found_adjacency: F64
    sought_adjacency: F64


@dataclass(frozen=True, slots=True, eq=False)
class Preservation:
    """How a module is preserved.

    Attributes
    ----------
    observed : (7,) the statistics of `DENSITY` and `CONNECTIVITY`.
    z : (7,) how many standard deviations they lie above those of random proteins.
    z_density, z_connectivity, z_summary : medians of z, and their mean.
    permutations : how often proteins were drawn.
    """

    observed: F64
    z: F64
    z_density: float
    z_connectivity: float
    z_summary: float
    permutations: int


@dataclass(frozen=True, slots=True, eq=False)
class _Module:
    """What of a module is known where it was found."""

    pairs: tuple[I64, I64]
    correlations: F64
    signs: F64
    membership: F64
    connectivity: F64


def measure_preservation(cohorts: Cohorts, members: I64) -> F64:
    """Return the seven statistics of a module's preservation, see :func:`judge_preservation`.

    Parameters
    ----------
    cohorts : correlations of the proteins that both have.
    members : (m,) places of the module's proteins, three or more.

    Examples
    --------
    >>> r = np.array([[1.0, 0.5, 0.4], [0.5, 1.0, 0.3], [0.4, 0.3, 1.0]])
    >>> same = Cohorts(r, r, r - np.eye(3), r - np.eye(3))
    >>> measure_preservation(same, np.arange(3))[4:].round(6).tolist()
    [1.0, 1.0, 1.0]
    """
    return _compare(_know(cohorts, members), cohorts, members)


def judge_preservation(
    cohorts: Cohorts, members: I64, *, permutations: int, random: Generator
) -> Preservation:
    r"""Return how a module is preserved in another cohort.

    Of density, where it is sought: the share of variance that its eigenprotein explains, and the
    means of memberships and of correlations (each with the sign that it had where the module was
    found) and of adjacencies. Of connectivity: the correlations, between both cohorts, of the
    connectivities within the module, of the memberships (in size: the sign of an eigenprotein is
    arbitrary), and of the correlations of its pairs. Each is held against as many proteins drawn at
    random from those sought:

    .. math:: Z = \frac{s - \bar s_\pi}{\mathrm{sd}(s_\pi)}, \quad
       Z_{summary} = \tfrac12 (\mathrm{median}\, Z_{density} + \mathrm{median}\, Z_{connectivity})

    Langfelder, Luo, Oldham and Horvath 2011, doi:10.1371/journal.pcbi.1001057; R's
    ``WGCNA::modulePreservation``, whose sampling of modules beyond 1,000 proteins is left out.
    Above 10 is strong evidence, below 2 none.

    Parameters
    ----------
    cohorts : correlations of the proteins that both have.
    members : (m,) places of the module's proteins, three or more.
    permutations : how often proteins are drawn.
    random : generator of this module.

    Examples
    --------
    >>> r = np.array([[1.0, 0.5, 0.4], [0.5, 1.0, 0.3], [0.4, 0.3, 1.0]])
    >>> far = np.eye(6)
    >>> far[:3, :3] = r
    >>> same = Cohorts(far, far, far - np.eye(6), far - np.eye(6))
    >>> found = judge_preservation(same, np.arange(3), permutations=50,
    ...     random=np.random.default_rng(1))
    >>> found.z_summary > 1.0
    True
    """
    module = _know(cohorts, members)
    observed = _compare(module, cohorts, members)
    drawn = np.empty((permutations, observed.size))
    for place in range(permutations):
        others = random.choice(len(cohorts.sought), size=members.size, replace=False)
        drawn[place] = _compare(module, cohorts, others)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (observed - drawn.mean(axis=0)) / drawn.std(axis=0, ddof=1)
    z = np.where(np.isfinite(z), z, np.nan)
    density, connectivity = _median(z[: len(DENSITY)]), _median(z[len(DENSITY) :])
    summary = (density + connectivity) / 2.0
    return Preservation(observed, z, density, connectivity, summary, permutations)


def _median(z: F64) -> float:
    known = z[~np.isnan(z)]
    return float(np.median(known)) if known.size else float("nan")


def _know(cohorts: Cohorts, members: I64) -> _Module:
    inside = np.ix_(members, members)
    pairs = np.triu_indices(members.size, 1)
    correlations = cohorts.found[inside]
    membership = _find_membership(correlations)[0]
    connectivity = cohorts.found_adjacency[inside].sum(axis=1)
    upper = correlations[pairs]
    return _Module(pairs, upper, np.sign(upper), membership, connectivity)


def _find_membership(correlations: F64) -> tuple[F64, float]:
    """Return correlations with the eigenprotein, sign by the mean protein, and its share.

    Of standardised proteins with the leading eigenvector v and its value l, they are sqrt(l) v.
    """
    vector, top, _ = lead_of(correlations)
    if float(vector @ correlations.sum(axis=0)) < 0.0:
        vector = -vector
    return np.sqrt(max(top, 0.0)) * vector, top / len(correlations)


def _compare(module: _Module, cohorts: Cohorts, members: I64) -> F64:
    inside = np.ix_(members, members)
    correlations, adjacency = cohorts.sought[inside], cohorts.sought_adjacency[inside]
    membership, explained = _find_membership(correlations)
    upper = correlations[module.pairs]
    return np.array(
        [
            explained,
            abs(float(np.mean(np.sign(module.membership) * membership))),
            float(np.mean(module.signs * upper)),
            float(np.mean(adjacency[module.pairs])),
            _correlate(module.connectivity, adjacency.sum(axis=1)),
            abs(_correlate(module.membership, membership)),  # the sign of random ones is chance
            _correlate(module.correlations, upper),
        ]
    )


def _correlate(one: F64, other: F64) -> float:
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0.0 else float("nan")
