r"""Sums within groups of the columns of linear mixed models, weighed by their covariance.

``y ~ N(X b, s2 V)``, ``V = I + Z G Z'``. Each group's rows are turned so that its first Q carry
all of ``Z = Q R`` and the others none: with ``D = [X y]``, ``H = Q'D`` and the rest ``W``,

.. math:: D'V^{-1}D = W + \sum_i H_i'(I + R_i G R_i')^{-1} H_i

a sum of squares without cancellation, whatever the variance ratio (Bates et al. 2015,
doi:10.18637/jss.v067.i01; Patterson and Thompson 1971, doi:10.1093/biomet/58.3.545). Groups of one
pattern R share their inverse: their sums of products are one matrix, and an evaluation costs as
much as there are patterns, not groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.random_structure import Structure
from proteomr.stats.small_matrices import (
    invert_covariances,
    lay_entries_together,
    multiply,
    trace,
    wrap,
)

__all__ = ["Expandable", "Expansion", "Pulls", "Sums"]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of products of the K columns ``[X y]`` of b models, by patterns of groups.

    Attributes
    ----------
    roots : ``(S, Q, Q)``, R of each pattern; rows of 0 where a group has fewer.
    counts : ``(b, S)``, groups of each pattern.
    within : ``(b, K, K)``, products of what the random effects leave alone.
    between : ``(b, S Q Q, K K)``, the sums of ``H[a] H[c]'`` of each pattern; None where every
        group has a pattern of its own.
    turned : ``(S, Q, K)``, H itself, of one model, where there is no ``between``.
    n : ``(b,)`` rows.
    """

    roots: F64
    counts: F64
    within: F64
    between: F64 | None
    turned: F64 | None
    n: I64

    @property
    def columns(self) -> int:
        """Number K of columns."""
        return int(self.within.shape[1])

    def take(self, models: I64 | Bool) -> Sums:
        """Return the sums of some of the models."""
        return replace(
            self,
            counts=self.counts[models],
            within=self.within[models],
            between=None if self.between is None else self.between[models],
            n=self.n[models],
        )

    def contract(self, weights: F64) -> F64:
        """Return ``sum_i H_i' w_i H_i`` ``(b, d, K, K)`` for weights ``(b, d, S, Q, Q)``."""
        b, d = weights.shape[:2]
        K = self.columns
        if self.between is not None:
            return np.asarray(weights.reshape(b, d, -1) @ self.between).reshape(b, d, K, K)
        H = self.turned
        if H is None:
            raise ValueError("sums without patterns or groups")
        flat = H.reshape(-1, K)
        if H.shape[1] == 1:  # a number for each group
            numbers = weights[0, :, :, 0, 0]
            return np.stack([flat.T @ (one[:, None] * flat) for one in numbers])[None]
        found = [flat.T @ _apply(one, H).reshape(-1, K) for one in weights[0]]
        return np.stack(found)[None]

    def weigh(self, structure: Structure, theta: F64) -> tuple[F64, F64]:
        """Return ``D'V^-1 D`` ``(b, K, K)`` and ``log |V|`` ``(b,)``."""
        V = np.eye(structure.size) + wrap(
            lay_entries_together(self.roots), structure.expand(theta)[:, None]
        )
        inverse, log_determinants = invert_covariances(V)
        A = self.within + self.contract(inverse[:, None])[:, 0]
        return A, np.sum(self.counts * log_determinants, axis=1)

    def expand(self, structure: Structure, theta: F64) -> Expansion:
        """Return ``D'V^-1 D`` and ``log |V|`` with their derivatives in theta."""
        b, t = theta.shape
        R, N = lay_entries_together(self.roots), self.counts
        V = np.eye(structure.size) + wrap(R, structure.expand(theta)[:, None])
        inverse, log_determinants = invert_covariances(V)
        slopes = [wrap(R, G[:, None]) for G in structure.differentiate(theta)]
        products = [multiply(inverse, slope) for slope in slopes]
        weights = [inverse, *(-multiply(product, inverse) for product in products)]
        first = np.stack([np.sum(N * trace(product), axis=1) for product in products], axis=1)
        second = np.empty((b, t, t))
        pairs = [(i, j) for i in range(t) for j in range(i, t)]
        for i, j in pairs:
            both = multiply(products[i], products[j])
            log = -trace(both)
            turned = both if i == j else multiply(products[j], products[i])
            weight = multiply(both + turned, inverse)
            bend = structure.curve(i, j)
            if bend is not None:
                curve = multiply(inverse, wrap(R, bend[None, None]))
                log = log + trace(curve)
                weight = weight - multiply(curve, inverse)
            second[:, i, j] = second[:, j, i] = np.sum(N * log, axis=1)
            weights.append(weight)
        found = self.contract(np.stack(weights, axis=1))
        K = self.columns
        curves = np.empty((b, t, t, K, K))
        for place, (i, j) in enumerate(pairs):
            curves[:, i, j] = curves[:, j, i] = found[:, 1 + t + place]
        return Expansion(
            self.within + found[:, 0],
            found[:, 1 : 1 + t],
            curves,
            np.sum(N * log_determinants, axis=1),
            first,
            second,
        )

    def pull(self, structure: Structure, theta: F64) -> Pulls:
        """Return what Kenward and Roger's adjustment needs, the residuals' matrix last."""
        R, Q = lay_entries_together(self.roots), structure.size
        V = np.eye(Q) + wrap(R, structure.expand(theta)[:, None])
        inverse = invert_covariances(V)[0]
        units = [wrap(R, unit[None, None]) for unit in structure.units()]
        units.append(np.broadcast_to(np.eye(Q), (1, *R.shape)))
        products = [multiply(inverse, unit) for unit in units]
        r, K = len(units), self.columns
        weights = [multiply(product, inverse) for product in products]
        weights += [
            multiply(multiply(one, other), inverse) for one in products for other in products
        ]
        found = self.contract(np.stack(weights, axis=1))
        singles = found[:, :r].copy()
        singles[:, -1] += self.within
        pairs = found[:, r:].reshape(-1, r, r, K, K).copy()
        pairs[:, -1, -1] += self.within
        traces = np.empty((singles.shape[0], r, r))
        for i, j in np.ndindex(r, r):
            each = trace(multiply(products[i], products[j]))
            traces[:, i, j] = np.sum(self.counts * each, axis=1)
        traces[:, -1, -1] += self.n - Q * np.sum(self.counts, axis=1)
        return Pulls(singles, pairs, traces)


@dataclass(frozen=True, slots=True)
class Expansion:
    """``A = D'V^-1 D`` and ``log |V|`` with their derivatives in the t parameters.

    Attributes
    ----------
    A : ``(b, K, K)``, with ``slopes (b, t, K, K)`` and ``curves (b, t, t, K, K)``.
    log_determinant : ``(b,)``, with ``log_slopes (b, t)`` and ``log_curves (b, t, t)``.
    """

    A: F64
    slopes: F64
    curves: F64
    log_determinant: F64
    log_slopes: F64
    log_curves: F64


@dataclass(frozen=True, slots=True)
class Pulls:
    """Products with the matrices G that V is made of linearly, r of them.

    Attributes
    ----------
    singles : ``(b, r, K, K)``, ``D'V^-1 G V^-1 D``.
    pairs : ``(b, r, r, K, K)``, ``D'V^-1 G V^-1 G V^-1 D``.
    traces : ``(b, r, r)``, of ``V^-1 G V^-1 G``.
    """

    singles: F64
    pairs: F64
    traces: F64


class Expandable(Protocol):
    """Sums of b models that can be weighed by the covariance of any parameters."""

    @property
    def n(self) -> I64:
        """Rows ``(b,)``."""
        ...

    @property
    def columns(self) -> int:
        """Number K of columns, the response the last."""
        ...

    def take(self, models: I64 | Bool) -> Expandable:
        """Return the sums of some of the models."""
        ...

    def weigh(self, structure: Structure, theta: F64) -> tuple[F64, F64]:
        """Return ``D'V^-1 D`` ``(b, K, K)`` and ``log |V|`` ``(b,)``."""
        ...

    def expand(self, structure: Structure, theta: F64) -> Expansion:
        """Return both with their derivatives."""
        ...

    def pull(self, structure: Structure, theta: F64) -> Pulls:
        """Return what Kenward and Roger's adjustment needs, the residuals' matrix last."""
        ...


def _apply(weights: F64, H: F64) -> F64:
    """Return ``w H`` of every group, for weights ``(S, Q, Q)`` and H ``(S, Q, K)``."""
    if H.shape[1] != 2:
        return np.asarray(weights @ H)
    out = np.empty_like(H)
    for row in range(2):
        np.multiply(weights[:, row, 0, None], H[:, 0], out=out[:, row])
        out[:, row] += weights[:, row, 1, None] * H[:, 1]
    return out
