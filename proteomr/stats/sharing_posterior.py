r"""What variants tell of a causal effect and of a factor that two traits share.

With a causal effect :math:`\gamma`, and a share q of the variants that act through a factor whose
effect on the second trait is :math:`\eta` per unit of its effect on the first, variant j has the
density

.. math:: (1 - q) L_j(\gamma) + q L_j(\gamma + \eta)

where :math:`L_j(b)` is that of a mixture of effects along the slope b
(`proteomr.stats.effect_mixtures`). Source: Morrison, Knoblauch, Marcus, Stephens and He 2020,
doi:10.1038/s41588-020-0631-4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.stats.effect_mixtures import EffectMixture, Estimates
from proteomr.stats.panels import Panels

__all__ = ["LEVELS", "Posterior", "find_posterior"]

LEVELS: Final = (0.025, 0.5, 0.975)
"""Shares of the posterior below the quantiles that are told."""

_Q_POWER: Final = 9.0  # of 1 - q in the Beta(1, 10) prior
_REACH: Final = 6.0  # standard deviations of the prior beyond which a part in 1e9 of it lies
_QUARTERINGS: Final = 7  # of the shares towards 0: below 6e-5 not one variant of thousands acts so
_ORDER: Final = 5  # nodes in a panel
_FINER: Final = 7  # nodes in a panel by which the others are tested
_FIRST: Final = (24, 32)  # panels of the two slopes to begin with: no mode lies between nodes
_LOST: Final = 2e-3  # of the posterior in a panel's last two terms; those left out are far smaller
_EMPTY: Final = 1e-8  # of the posteriors without a variant, in a panel that is of no account
_ROUNDS: Final = 24  # each halves panels: 2^24 of the first are below what numbers resolve
_MOVED: Final = 1e-3  # of the 95 % interval's width that quantiles may move with finer nodes
_SEEN: Final = 1e-87  # of the whole: what e^-200 is, see `compiled_sharing_loops`

_Stage: TypeAlias = Literal["slopes", "all", "left_out"]
"""What panels have to resolve: slopes at coarse shares, the posterior, those without a variant."""


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """The posterior of one model over panels of slopes and shares.

    Parameters
    ----------
    own : panels of the slope of variants that act through the exposure alone, which is gamma; None
        where it is zero.
    other : panels of the slope of the others, gamma + eta.
    share : panels of their share, q.
    log_posterior : (a, c, q) at the nodes, 0 at the highest.
    first, second : (a, n), (c, n) log densities of the variants along these slopes.
    left_out : (n,) log predictive density of each variant given all others.
    quantiles : (3, 3) of gamma, eta and q in rows, at `LEVELS`.
    moved : by how much quantiles of gamma, eta and q move with finer nodes, in widths of their
        intervals.
    left_out_moved : by how much the sum of ``left_out`` moves so.
    settled : whether panels were made fine enough.
    """

    own: Panels | None
    other: Panels
    share: Panels
    log_posterior: F64
    first: F64
    second: F64
    left_out: F64
    quantiles: F64
    moved: F64
    left_out_moved: float
    settled: bool

    @property
    def proven(self) -> bool:
        """Whether finer panels would give the same quantiles."""
        return self.settled and bool((self.moved <= _MOVED).all())

    @property
    def density(self) -> F64:
        """The posterior at the nodes, (a, c, q), without a factor."""
        return np.exp(self.log_posterior)

    @property
    def masses(self) -> F64:
        """The share of the posterior at each node, (a, c, q)."""
        own = np.ones(1) if self.own is None else self.own.weights
        found = self.density * own[:, None, None] * self.other.weights[:, None] * self.share.weights
        return np.asarray(found / found.sum())

    def find_quantiles(self) -> F64:
        """Return the quantiles of gamma, eta and q, as they are kept in `quantiles`."""
        found = [self._find_gamma(), self._find_eta()]
        within = np.einsum("acq,a,c->q", self.density, self._own_weights(), self.other.weights)
        return np.array([*found, self.share.quantiles(within, list(LEVELS))])

    def leave_one_out(self) -> F64:
        r"""Return the log predictive density of each variant given all others, (n,).

        .. math:: \ln p(j \mid -j) = -\ln E\{1 / p(j \mid \gamma, \eta, q)\}

        over the posterior of all, at whose nodes the mean is taken: there is nothing drawn.
        """
        reference, *_, inverse = self._average_inverses()
        return np.asarray(reference - np.log(inverse))

    def cover_left_out(self) -> F64:
        """Return at each node the largest of the posteriors without one variant, (a, c, q).

        Nodes have to resolve these for `leave_one_out`.
        """
        from proteomr.stats.compiled_sharing_loops import cover_left_out

        _, first, second, mass, inverse = self._average_inverses()
        cover = np.empty(mass.shape)
        cover_left_out(first, second, self.share.nodes, mass, inverse, cover)
        return cover

    def _average_inverses(self) -> tuple[F64, F64, F64, F64, F64]:
        """Return a reference (n,) of log densities; densities over it along both slopes, masses of
        nodes, and the mean of each variant's inverse density, (n,).
        """
        from proteomr.stats.compiled_sharing_loops import average_inverse

        masses = self.masses
        mass = np.where(masses > _SEEN, masses, 0.0)
        reference = self._at_top()
        # Below the least number a density is no node's that counts, and above zero it divides.
        first, second = (
            np.exp(np.clip(logs - reference, -690.0, 690.0)) for logs in (self.first, self.second)
        )
        mean = np.zeros(self.first.shape[1])
        average_inverse(first, second, self.share.nodes, mass, mean)
        return reference, first, second, mass, mean / mass.sum()

    def draw_log_densities(self, draws: int, *, random: Generator) -> F64:
        """Return the log density of each variant at draws of the posterior, (draws, n).

        Parameters
        ----------
        draws : how many.
        random : source of random numbers.
        """
        flat = self.masses.ravel()
        places = np.searchsorted(np.cumsum(flat), random.random(draws) * flat.sum())
        a, c, q = np.unravel_index(np.minimum(places, flat.size - 1), self.masses.shape)
        share = self.share.nodes[q][:, None]
        logs = np.logaddexp(np.log1p(-share) + self.first[a], np.log(share) + self.second[c])
        return np.asarray(logs)

    def _at_top(self) -> F64:
        a, c, q = np.unravel_index(int(np.argmax(self.log_posterior)), self.log_posterior.shape)
        share = self.share.nodes[q]
        logs = np.logaddexp(np.log1p(-share) + self.first[a], np.log(share) + self.second[c])
        return np.asarray(logs)

    def _own_weights(self) -> F64:
        return np.ones(1) if self.own is None else self.own.weights

    def _find_gamma(self) -> F64:
        if self.own is None:
            return np.zeros(3)
        within = np.einsum("acq,c,q->a", self.density, self.other.weights, self.share.weights)
        return self.own.quantiles(within, list(LEVELS))

    def _find_eta(self) -> F64:
        """Return the quantiles of the difference of the two slopes."""
        gamma = np.zeros(1) if self.own is None else self.own.nodes
        within = np.einsum("acq,q->ac", self.density, self.share.weights)
        within = within * self._own_weights()[:, None]
        whole = float((within @ self.other.weights).sum())
        cumulate = self.other.make_cumulative(within)
        found = []
        for level in LEVELS:
            low, high = self.other.edges[0] - gamma.max(), self.other.edges[-1] - gamma.min()
            for _ in range(60):
                middle = 0.5 * (low + high)
                below = float(cumulate(gamma + middle).sum())
                low, high = (middle, high) if below < level * whole else (low, middle)
            found.append(0.5 * (low + high))
        return np.array(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Maker:
    """Makes posteriors of one model over panels, each slope's densities computed once."""

    data: Estimates
    mixture: EffectMixture
    prior_sd: float
    known: dict[float, F64]

    def along(self, slopes: F64) -> F64:
        lacking = np.array([b for b in slopes.tolist() if b not in self.known])
        if lacking.size:
            self.known.update(
                zip(lacking.tolist(), self.mixture.log_densities(self.data, lacking), strict=True)
            )
        return np.array([self.known[b] for b in slopes.tolist()])

    def make(self, own: Panels | None, other: Panels, share: Panels) -> Posterior:
        from proteomr.stats.compiled_sharing_loops import fill_log_posterior

        gamma = np.zeros(1) if own is None else own.nodes
        first, second = self.along(gamma), self.along(other.nodes)
        prior = -0.5 * ((other.nodes - gamma[:, None]) / self.prior_sd) ** 2
        prior = prior - 0.5 * (gamma[:, None] / self.prior_sd) ** 2
        out = np.empty((gamma.size, other.nodes.size, share.nodes.size))
        fill_log_posterior(
            first, second, share.nodes, prior, _Q_POWER * np.log1p(-share.nodes), out
        )
        out -= out.max()
        none = np.full((3, 3), math.nan)
        return Posterior(
            own, other, share, out, first, second, none[0], none, none[0], math.inf, settled=False
        )


def find_posterior(
    data: Estimates, mixture: EffectMixture, *, prior_sd: float, causal: bool
) -> Posterior:
    r"""Return the posterior of one model, with how far finer panels move its quantiles.

    Priors are :math:`\gamma, \eta \sim N(0, \sigma^2)` and :math:`q \sim Beta(1, 10)`. As the
    density is of two slopes and a share, it is taken over nodes of
    :math:`(\gamma, \gamma + \eta, q)`: each slope's densities are computed once. Panels of a
    variable are halved wherever its posterior, or that without any one of the variants, is no
    polynomial of degree 4, and left out where there is none of it. At the end all panels are given
    seven nodes instead of five, none but the middle one the same, which must move no quantile by
    more than 0.001 of its interval's width.

    Parameters
    ----------
    data : variants.
    mixture : of their effects.
    prior_sd : of gamma and of eta.
    causal : whether gamma is free; else it is zero.
    """
    maker = _Maker(data, mixture, prior_sd, {})
    edges = np.concatenate([[0.0], 0.25 ** np.arange(float(_QUARTERINGS), -1.0, -1.0)])
    width = _REACH * prior_sd
    own = Panels.even(-width, width, count=_FIRST[0], order=_ORDER) if causal else None
    reach = math.sqrt(2.0) * width if causal else width
    other = Panels.even(-reach, reach, count=_FIRST[1], order=_ORDER)
    coarse = Panels(edges, 2)  # to find where the slopes are
    found, settled = _refine(maker, maker.make(own, other, coarse), until="slopes")
    if settled:
        found = _trim(maker, found, share=Panels(edges, _ORDER))
        found, settled = _refine(maker, found, until="all")
    if settled:
        found, settled = _refine(maker, found, until="left_out")
    return _test(maker, found) if settled else found


def _refine(maker: _Maker, found: Posterior, *, until: _Stage) -> tuple[Posterior, bool]:
    """Return the posterior over panels that resolve it, and whether there are such."""
    for _ in range(_ROUNDS):
        own, other, share = found.own, found.other, found.share
        sums = _sum_over(found.cover_left_out() if until == "left_out" else found.masses)
        own = None if own is None else own.bisect(_list_unresolved(own, sums[0]))
        other = other.bisect(_list_unresolved(other, sums[1]))
        if until != "slopes":
            share = share.bisect(_list_unresolved(share, sums[2]))
        if (other.count, share.count) == (found.other.count, found.share.count) and (
            own is None or found.own is None or own.count == found.own.count
        ):
            return found, True
        found = maker.make(own, other, share)
    return found, False


def _trim(maker: _Maker, found: Posterior, *, share: Panels) -> Posterior:
    """Return the posterior where that without any one of the variants lies, over finer shares."""
    sums = _sum_over(found.cover_left_out())
    own = None if found.own is None else _keep_filled(found.own, sums[0])
    return maker.make(own, _keep_filled(found.other, sums[1]), share)


def _sum_over(masses: F64) -> tuple[F64, F64, F64]:
    return masses.sum(axis=(1, 2)), masses.sum(axis=(0, 2)), masses.sum(axis=(0, 1))


def _list_unresolved(panels: Panels, masses: F64) -> Bool:
    return panels.unresolved(masses / panels.weights, share=_LOST)


def _keep_filled(panels: Panels, masses: F64) -> Panels:
    within = masses.reshape(panels.count, panels.order).sum(axis=1)
    return panels.keep(within > _EMPTY * within.sum())


def _test(maker: _Maker, found: Posterior) -> Posterior:
    """Return the posterior with what is told of it, and by how much that moves with finer nodes."""
    finer = maker.make(
        None if found.own is None else replace(found.own, order=_FINER),
        replace(found.other, order=_FINER),
        replace(found.share, order=_FINER),
    )
    quantiles, left_out = found.find_quantiles(), found.leave_one_out()
    width = quantiles[:, 2] - quantiles[:, 0]
    moves: F64 = np.abs(finer.find_quantiles() - quantiles).max(axis=1)
    return replace(
        found,
        left_out=left_out,
        quantiles=quantiles,
        moved=np.divide(moves, width, out=np.zeros(3), where=width > 0),
        left_out_moved=abs(float(left_out.sum() - finer.leave_one_out().sum())),
        settled=True,
    )
