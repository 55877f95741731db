"""Clusters of many traits that share a causal variant, by branch and bound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.errors import UsageError
from proteomr.stats.causal_configurations import join_assignments
from proteomr.stats.colocalisation import share_within, sum_evidence

__all__ = ["Cluster", "ClusterRule", "Selection", "cluster_traits", "full_posterior"]

Selection: TypeAlias = Literal["regional", "alignment"]
"""Which traits are parted from others first: those without a signal, or with one elsewhere."""

_EXACT_TRAITS: Final = 8  # whose 3**8 pairs of sets take a tenth of a second at 1,000 variants


@dataclass(frozen=True, slots=True)
class ClusterRule:
    """Priors and thresholds of clusters.

    Attributes
    ----------
    prior : that a variant is causal for one given trait.
    conditional : that a variant that is causal for one trait is causal for a second one, too.
    regional, alignment : least probabilities of a cluster that all its traits have a signal, and
        that the signals are of one variant.
    selection : what decides which trait leaves a set that is no cluster.

    Raises
    ------
    UsageError
        A probability is not between 0 and 1, ends left out.

    Examples
    --------
    >>> ClusterRule().log_priors(3).round(2).tolist()
    [-9.21, -13.12, -16.35]
    """

    prior: float = 1e-4
    conditional: float = 0.02
    regional: float = 0.5
    alignment: float = 0.5
    selection: Selection = "regional"

    def __post_init__(self) -> None:
        for name in ("prior", "conditional", "regional", "alignment"):
            value = getattr(self, name)
            if not 0.0 < value < 1.0:
                raise UsageError(f"{name} probability {value:g}: between 0 and 1 is needed")

    def log_priors(self, m: int) -> F64:
        r"""Return the log prior of a variant to be causal for 1, 2, ..., m given traits.

        .. math:: \pi_k = p \prod_{j=2}^k (1 - (1 - c)^{j - 1})
        """
        steps = -np.expm1(np.arange(1, m) * math.log1p(-self.conditional))
        return np.asarray(math.log(self.prior) + np.concatenate([[0.0], np.log(steps).cumsum()]))


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """Traits that share a causal variant.

    Attributes
    ----------
    traits : (k,) rows of the traits.
    regional, alignment : probabilities that all have a signal, and that it is one.
    variants : (n,) posterior of each variant to be the shared one.
    exact : probability of one shared variant among all configurations of these traits; NaN for
        more than eight traits.
    """

    traits: I64
    regional: float
    alignment: float
    variants: F64
    exact: float

    @property
    def posterior(self) -> float:
        """Probability that all share one variant: the product of both."""
        return self.regional * self.alignment


def cluster_traits(logs: F64, *, rule: ClusterRule | None = None) -> tuple[Cluster, ...]:
    r"""Return clusters of traits that share a causal variant in a region.

    For a set of m traits, with :math:`F` the evidence that one variant is causal for all,
    :math:`R_j` that one is for all but trait j, which has none, and :math:`A_j` that trait j has
    another,

    .. math::
        P_R = \frac{F}{1 + F + \sum_j R_j}, \quad P_A = \frac{F}{F + \sum_j A_j}

    and :math:`P_R P_A` approximates the posterior of full colocalisation at a cost of m n instead
    of :math:`(n + 1)^m` (Foley and others 2021, doi:10.1038/s41467-020-20885-8). Each trait has at
    most one causal variant, and studies share no people. Where either is below its threshold, the
    trait without which the others have most evidence leaves the set, until the rest is a cluster;
    what has left is searched again, and so is what remains where a search ends with one trait.

    Parameters
    ----------
    logs : (m, n) natural logarithms of Bayes factors.
    rule : priors, thresholds and which trait leaves.

    Returns
    -------
    clusters : of two traits or more, in the order in which they are found.

    Examples
    --------
    >>> logs = np.full((3, 50), -1.0)
    >>> logs[:2, 7], logs[2, 30] = 25.0, 25.0
    >>> [cluster.traits.tolist() for cluster in cluster_traits(logs)]
    [[0, 1]]
    """
    chosen = rule or ClusterRule()
    waiting = np.arange(logs.shape[0])
    clusters: list[Cluster] = []
    while waiting.size > 1:
        members, cluster = _search(logs, waiting, chosen)
        if cluster is not None:
            clusters.append(cluster)
        waiting = np.setdiff1d(waiting, members)
    return tuple(clusters)


def full_posterior(logs: F64, *, rule: ClusterRule | None = None) -> float:
    """Return the posterior of one variant shared by all of some traits, of all configurations.

    Nothing is approximated: every way in which the traits have their causal variants is counted,
    see `proteomr.stats.causal_configurations.join_assignments`.

    Parameters
    ----------
    logs : (m, n) natural logarithms of Bayes factors of up to ten traits.
    rule : for its priors.

    Examples
    --------
    >>> round(full_posterior(np.array([[20.0, 0.0], [20.0, 0.0]])), 4)
    1.0
    """
    m, n = logs.shape
    priors = (rule or ClusterRule()).log_priors(m)
    weights = np.zeros((n, 2**m))
    for members in range(1, 2**m):
        chosen = [trait for trait in range(m) if members >> trait & 1]
        weights[:, members] = priors[len(chosen) - 1] + logs[chosen].sum(axis=0)
    every = np.logaddexp.reduce(join_assignments(weights))
    return float(np.exp(np.logaddexp.reduce(weights[:, -1]) - every))


def _search(logs: F64, traits: I64, rule: ClusterRule) -> tuple[I64, Cluster | None]:
    """Part traits from a set until the rest is a cluster, or one trait is left."""
    while traits.size > 1:
        own = logs[traits]
        priors = rule.log_priors(traits.size)
        total = own.sum(axis=0)
        shared = float(np.logaddexp.reduce(total)) + float(priors[-1])
        others = total - own
        without = np.logaddexp.reduce(others, axis=1) + priors[-2]
        regional = 1.0 / (1.0 + _sum_relative(np.append(without, 0.0), shared))
        leaving = without
        alignment = 0.0
        if regional > rule.regional or rule.selection == "alignment":
            apart = _sum_apart(own, others) + priors[-2] + priors[0]
            alignment = 1.0 / (1.0 + _sum_relative(apart, shared))
            if regional > rule.regional and rule.selection == "alignment":
                leaving = apart
            if traits.size == 2:
                alignment = 1.0 / (1.0 + _sum_relative(apart[:1], shared))  # one pair, not two
        if regional > rule.regional and alignment > rule.alignment:
            starts = np.array([0, total.size])
            exact = full_posterior(own, rule=rule) if traits.size <= _EXACT_TRAITS else math.nan
            variants = share_within(total, starts=starts)
            return traits, Cluster(traits, regional, alignment, variants, exact)
        traits = np.delete(traits, int(np.argmax(leaving)))
    return traits, None


def _sum_apart(own: F64, others: F64) -> F64:
    """Return the log evidence that each trait has another variant than the rest."""
    m, n = own.shape
    starts = np.arange(m + 1) * n
    return sum_evidence(others.ravel(), own.ravel(), starts=starts).distinct


def _sum_relative(logs: F64, reference: float) -> float:
    """Return a sum of evidences relative to one; infinite where that is nothing beside them."""
    with np.errstate(over="ignore"):
        return float(np.exp(logs - reference).sum())
