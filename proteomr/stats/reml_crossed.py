r"""Sums of models with several random effects: one factor by groups, the rest as columns.

With ``V_A = I + Z_A G_A Z_A'`` of the factor of the most groups, whose sums
(:mod:`proteomr.stats.reml_sums`) are taken of the columns ``[D Z]``, Z of all other random effects
with covariance G, the matrices that the criterion needs follow from ``M = [D Z]' V_A^-1 [D Z]``:

.. math:: D'V^{-1}D = M_{DD} - B'NB, \quad \log|V| = \log|V_A| + \log|I + G K|

with ``K = M_ZZ``, ``B = M_ZD``, ``N = (I + G K)^-1 G`` (Woodbury). So the groups of the first
factor may be many; the other effects are one dense matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.random_structure import Structure
from proteomr.stats.reml_sums import Expansion, Pulls, Sums

__all__ = ["CrossedSums"]


@dataclass(frozen=True, slots=True, eq=False)
class CrossedSums:
    """Sums of one model of several random effects, those of its structure in their order.

    Attributes
    ----------
    first : of the columns ``[X y Z]`` within the groups of the structure's first term.
    others : number q of columns of Z, the random effects of all other terms.
    """

    first: Sums
    others: int

    @property
    def n(self) -> I64:
        """Rows ``(1,)``."""
        return self.first.n

    @property
    def columns(self) -> int:
        """Number K of columns of X and y."""
        return self.first.columns - self.others

    def take(self, models: I64 | Bool) -> CrossedSums:
        """Return the sums themselves: they are of one model."""
        del models
        return self

    def weigh(self, structure: Structure, theta: F64) -> tuple[F64, F64]:
        """Return ``D'V^-1 D`` ``(1, K, K)`` and ``log |V|`` ``(1,)``."""
        one, rest, at = _split(structure)
        M, logs = self.first.weigh(one, theta[:, :at])
        stage = self._join(M[0], rest.expand(theta[:, at:])[0])
        return stage.A[None], logs + stage.log_determinant

    def expand(self, structure: Structure, theta: F64) -> Expansion:
        """Return both with their derivatives in all parameters."""
        one, rest, at = _split(structure)
        inner = self.first.expand(one, theta[:, :at])
        stage = self._join(inner.A[0], rest.expand(theta[:, at:])[0])
        G = [part[0] for part in rest.differentiate(theta[:, at:])]
        t, K = theta.shape[1], self.columns
        slopes, curves = np.empty((t, K, K)), np.empty((t, t, K, K))
        first, second = np.empty(t), np.empty((t, t))
        N, F, S, P, C = stage.N, stage.F, stage.S, stage.P, stage.C
        # of the first term: what its parameters move in M; of the others: in G
        moved = [part[K:, :K] - part[K:, K:] @ C for part in inner.slopes[0]]
        inside = [part[K:, K:] for part in inner.slopes[0]]
        for i in range(at):
            slopes[i] = stage.reduce(inner.slopes[0, i])
            first[i] = inner.log_slopes[0, i] + np.sum(N * inside[i])
            for j in range(at):
                both = moved[i].T @ N @ moved[j]
                curves[i, j] = stage.reduce(inner.curves[0, i, j]) - both - both.T
                second[i, j] = inner.log_curves[0, i, j] + np.sum(N * inner.curves[0, i, j, K:, K:])
                second[i, j] -= np.sum((N @ inside[i]) * (N @ inside[j]).T)
            for j, part in enumerate(G):
                both = moved[i].T @ F @ part @ P
                curves[i, at + j] = curves[at + j, i] = -both - both.T
                second[i, at + j] = second[at + j, i] = np.sum((F @ part @ F.T) * inside[i])
        turned = [S @ part for part in G]
        for i, part in enumerate(G):
            slopes[at + i] = -(P.T @ part @ P)
            first[at + i] = np.trace(turned[i])
            for j, other in enumerate(G):
                both = P.T @ part @ turned[j] @ P
                curves[at + i, at + j] = both + both.T
                second[at + i, at + j] = -np.sum(turned[i] * turned[j].T)
                bend = rest.curve(i, j)
                if bend is not None:
                    curves[at + i, at + j] -= P.T @ bend @ P
                    second[at + i, at + j] += np.sum(S * bend)
                del other
        logs = inner.log_determinant + stage.log_determinant
        return Expansion(stage.A[None], slopes[None], curves[None], logs, first[None], second[None])

    def pull(self, structure: Structure, theta: F64) -> Pulls:
        """Return what Kenward and Roger's adjustment needs, the residuals' matrix last."""
        one, rest, at = _split(structure)
        M = self.first.weigh(one, theta[:, :at])[0][0]
        inner = self.first.pull(one, theta[:, :at])
        stage = self._join(M, rest.expand(theta[:, at:])[0])
        N, F, S, P = stage.N, stage.F, stage.S, stage.P
        K, units = self.columns, rest.units()
        own, q = inner.singles.shape[1], len(units)
        E = np.concatenate([np.eye(K), -stage.C])
        half = [part[:, K:] for part in inner.singles[0]]
        r = own + q
        # first those of the first term, then of the others, and the residuals' at the end
        place = [*range(own - 1), r - 1]
        singles, pairs = np.empty((r, K, K)), np.empty((r, r, K, K))
        traces = np.empty((r, r))
        for i in range(own):
            singles[place[i]] = stage.reduce(inner.singles[0, i])
            for j in range(own):
                product = inner.pairs[0, i, j] - half[i] @ N @ half[j].T
                pairs[place[i], place[j]] = E.T @ product @ E
                both = inner.pairs[0, i, j, K:, K:]
                trace = inner.traces[0, i, j] - 2.0 * np.sum(N * 0.5 * (both + both.T))
                trace += np.sum((N @ half[i][K:]) * (N @ half[j][K:]).T)
                traces[place[i], place[j]] = trace
            for j, unit in enumerate(units):
                at_j = own - 1 + j
                part = E.T @ half[i] @ F @ unit @ P
                pairs[place[i], at_j], pairs[at_j, place[i]] = part, part.T
                trace = np.sum((F.T @ half[i][K:] @ F) * unit)
                traces[place[i], at_j] = traces[at_j, place[i]] = trace
        for i, unit in enumerate(units):
            singles[own - 1 + i] = P.T @ unit @ P
            for j, other in enumerate(units):
                at_pair = own - 1 + i, own - 1 + j
                pairs[at_pair] = P.T @ unit @ S @ other @ P
                traces[at_pair] = np.sum((S @ unit) * (S @ other).T)
        return Pulls(singles[None], pairs[None], traces[None])

    def _join(self, M: F64, G: F64) -> _Stage:
        K = self.columns
        inside, B = M[K:, K:], M[K:, :K]
        whole = np.eye(self.others) + G @ inside
        F = np.asarray(np.linalg.inv(whole), dtype=np.float64)
        N = F @ G
        N = 0.5 * (N + N.T)
        C = N @ B
        S = inside @ F
        A = M[:K, :K] - B.T @ C
        return _Stage(
            0.5 * (A + A.T),
            np.linalg.slogdet(whole)[1],
            N,
            F,
            0.5 * (S + S.T),
            B - inside @ C,
            C,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """The second elimination: N, ``F = (I + G K)^-1``, ``S = K F``, ``P = F'B``, ``C = N B``."""

    A: F64
    log_determinant: F64
    N: F64
    F: F64
    S: F64
    P: F64
    C: F64

    def reduce(self, M: F64) -> F64:
        """Return ``[I -C'] M [I; -C]``."""
        K = self.A.shape[0]
        half = M[:K] - self.C.T @ M[K:]
        return np.asarray(half[:, :K] - half[:, K:] @ self.C)


def _split(structure: Structure) -> tuple[Structure, Structure, int]:
    """Return the structures of the first term and of the others, and where theirs begin."""
    one, rest = Structure(((1, structure.terms[0][1]),)), Structure(structure.terms[1:])
    return one, rest, len(one.positions)
