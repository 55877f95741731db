"""Effects of studies as arrays: one row of studies for each of many pooled questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = ["StudyEffects", "Weighed", "weigh_studies"]

# A column of which so little is left beside those before it is determined by them; as in R's qr.
_ALIASED = 1e-7


@dataclass(frozen=True, slots=True)
class StudyEffects:
    r"""Effects to be pooled, in a basis in which their errors are independent.

    The model is :math:`y = X \beta + u + e` with :math:`u \sim N(0, \tau^2 I)` and known
    :math:`e \sim N(0, V)`. Where V is not diagonal all is turned to its eigenvectors, in which
    :math:`V + \tau^2 I` is diagonal whatever the variance between studies.

    Attributes
    ----------
    y, v : ``(m, k)`` effects and their variances; of absent ones 0 and 1.
    there : ``(m, k)`` whether there is an effect.
    Q : ``(m, k, p)`` orthonormal columns; those of aliased columns are 0.
    R : ``(m, p, p)`` upper triangle, X = QR; 1 on the diagonal of aliased columns.
    kept : ``(m, p)`` columns that the others do not determine.
    spread : ``(m,)`` squares of the effects about their mean.
    turn : ``(m, k, k)`` eigenvectors by columns; None where errors are independent as they stand.
    scale : ``(m,)`` powers of two that effects and errors were divided by.
    """

    y: F64
    v: F64
    there: Bool
    Q: F64
    R: F64
    kept: Bool
    spread: F64
    turn: F64 | None
    scale: F64

    @classmethod
    def of(cls, y: F64, v: F64, X: F64 | None = None, *, correlation: F64 | None = None) -> Self:
        """Take effects ``(m, k)`` and variances; absent ones are NaN.

        Parameters
        ----------
        y, v : effects and variances, above 0.
        X : ``(k, p)`` or ``(m, k, p)`` columns; None for a mean alone. Rows with a missing column
            are absent.
        correlation : ``(k, k)`` of the errors of the studies.

        Examples
        --------
        >>> effects = StudyEffects.of(np.array([[1.0, 3.0, np.nan]]), np.ones((1, 3)))
        >>> effects.count.tolist(), effects.rank.tolist()
        ([2], [1])
        """
        columns = (
            np.ones((*y.shape, 1)) if X is None else np.broadcast_to(X, (*y.shape, X.shape[-1]))
        )
        there = np.isfinite(y) & np.isfinite(v) & (v > 0.0) & np.isfinite(columns).all(axis=2)
        scale = _find_scale(v, there)[:, None]
        held = np.where(there, y, 0.0) / scale
        known = np.where(there, v / scale / scale, 1.0)
        used = np.where(there[:, :, None], columns, 0.0)
        count = np.maximum(there.sum(axis=1), 1)
        mean = held.sum(axis=1) / count
        spread = (np.where(there, held - mean[:, None], 0.0) ** 2).sum(axis=1)
        turn = None
        if correlation is not None:
            known, turn = _find_axes(known, there, correlation)
            there = np.arange(y.shape[1])[None, :] < there.sum(axis=1)[:, None]
            held = np.einsum("mij,mi->mj", turn, held)
            used = np.einsum("mij,mip->mjp", turn, used)
            known = np.where(there, known, 1.0)
        Q, R, kept = _orthonormalise(used)
        return cls(held, known, there, Q, R, kept, spread, turn, scale[:, 0])

    @property
    def count(self) -> I64:
        """Studies ``(m,)`` that have an effect."""
        return np.asarray(self.there.sum(axis=1), np.int64)

    @property
    def rank(self) -> I64:
        """Columns ``(m,)`` that are not aliased."""
        return np.asarray(self.kept.sum(axis=1), np.int64)

    def take(self, units: I64 | Bool) -> Self:
        """Return some of the units."""
        turn = None if self.turn is None else self.turn[units]
        return type(self)(
            self.y[units],
            self.v[units],
            self.there[units],
            self.Q[units],
            self.R[units],
            self.kept[units],
            self.spread[units],
            turn,
            self.scale[units],
        )


@dataclass(frozen=True, slots=True)
class Weighed:
    """A weighted fit of every unit, and what the criteria of a variance are made of.

    Attributes
    ----------
    w : ``(m, k)`` weights, 1 / (v + tau2); 0 for absent effects.
    inverse : ``(m, p, p)`` of Q'WQ; 1 on the diagonal of aliased columns.
    g : ``(m, p)`` coefficients of Q.
    residual : ``(m, k)``.
    q : ``(m,)`` weighted sum of squares, y'Py.
    """

    w: F64
    inverse: F64
    g: F64
    residual: F64
    q: F64

    def trace(self, Q: F64) -> F64:
        """Return tr P of ``(m,)``: a sum of what is not negative, whichever study weighs most."""
        return np.asarray((self.w * self._free(Q)).sum(axis=1))

    def trace_of_square(self, Q: F64) -> F64:
        """Return tr PP of ``(m,)``, a sum of squares."""
        own = ((self.w * self._free(Q)) ** 2).sum(axis=1)
        if Q.shape[2] == 1:
            pulled = (self.w * Q[:, :, 0]) ** 2 * self.inverse[:, 0]
            return np.asarray(own + (pulled * _sum_others(pulled)).sum(axis=1))
        weighted = Q * self.w[:, :, None]
        across = weighted @ self.inverse @ np.swapaxes(weighted, 1, 2)
        place = np.arange(across.shape[1])
        across[:, place, place] = 0.0
        return np.asarray(own + (across**2).sum(axis=(1, 2)))

    def pull(self) -> F64:
        """Return y'PPy of ``(m,)``."""
        return np.asarray(((self.w * self.residual) ** 2).sum(axis=1))

    def pull_thrice(self, Q: F64) -> F64:
        """Return y'PPPy of ``(m,)``: the weighted squares of WR about a fit of their own."""
        pulled = self.w * self.residual
        if Q.shape[2] == 1:
            column = Q[:, :, 0]
            mean = (column * self.w * pulled).sum(axis=1, keepdims=True) * self.inverse[:, 0]
            return np.asarray((self.w * (pulled - column * mean) ** 2).sum(axis=1))
        along = np.einsum("mij,mkj,mk->mi", self.inverse, Q, self.w * pulled, optimize=True)
        return np.asarray((self.w * (pulled - np.einsum("mkp,mp->mk", Q, along)) ** 2).sum(axis=1))

    def _free(self, Q: F64) -> F64:
        """Return 1 less the leverages ``(m, k)``, without cancellation for a mean."""
        if Q.shape[2] == 1:
            return _sum_others(self.w * Q[:, :, 0] ** 2) * self.inverse[:, 0]
        leverage = np.einsum("mki,mij,mkj->mk", Q, self.inverse, Q, optimize=True) * self.w
        return np.asarray(np.maximum(1.0 - leverage, 0.0))


def weigh_studies(effects: StudyEffects, tau2: F64) -> Weighed:
    """Fit every unit by weights 1 / (v + tau2).

    Parameters
    ----------
    effects : of m units.
    tau2 : ``(m,)`` variances between studies.

    Examples
    --------
    >>> effects = StudyEffects.of(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    >>> float(weigh_studies(effects, np.zeros(1)).q[0])
    2.0
    """
    w = np.where(effects.there, 1.0 / (effects.v + tau2[:, None]), 0.0)
    A = _gram(effects.Q, w)
    place = np.arange(A.shape[1])
    A[:, place, place] += ~effects.kept
    if A.shape[1] == 1:
        column, inverse = effects.Q[:, :, 0], 1.0 / A
        mean = (column * w * effects.y).sum(axis=1, keepdims=True) * inverse[:, 0]
        left = np.where(effects.there, effects.y - column * mean, 0.0)
        return Weighed(w, inverse, mean, left, (w * left**2).sum(axis=1))
    inverse = np.asarray(np.linalg.inv(A), np.float64)
    g, residual = np.zeros(A.shape[:2]), effects.y
    # fitted twice: what weights far apart take from the inverse, the residuals give back
    for _ in range(2):
        g = g + np.einsum("mij,mkj,mk->mi", inverse, effects.Q, w * residual, optimize=True)
        residual = np.where(effects.there, effects.y - np.einsum("mkp,mp->mk", effects.Q, g), 0.0)
    return Weighed(w, inverse, g, residual, (w * residual**2).sum(axis=1))


def _sum_others(values: F64) -> F64:
    """Return for each of ``(m, k)`` the sum of the others in its row, none of them negative."""
    before, after = np.zeros_like(values), np.zeros_like(values)
    np.cumsum(values[:, :-1], axis=1, out=before[:, 1:])
    np.cumsum(values[:, :0:-1], axis=1, out=after[:, -2::-1])
    return before + after


def _gram(Q: F64, w: F64) -> F64:
    if Q.shape[2] == 1:
        return np.asarray((Q[:, :, 0] ** 2 * w).sum(axis=1)[:, None, None])
    return np.asarray(np.swapaxes(Q * w[:, :, None], 1, 2) @ Q)


def _find_scale(v: F64, there: Bool) -> F64:
    """Return powers of two near the middle error: dividing by them changes no digit."""
    logs = np.where(there, 0.5 * np.log2(np.where(there, v, 1.0)), 0.0)
    middle = logs.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return np.asarray(np.exp2(np.round(middle)))


def _find_axes(v: F64, there: Bool, correlation: F64) -> tuple[F64, F64]:
    """Return eigenvalues and eigenvectors of V, absent studies last.

    Absent ones are given variances above all others, so that no eigenvector mixes them with those
    that are there.
    """
    root = np.sqrt(v)
    both = there[:, :, None] & there[:, None, :]
    V = np.where(both, root[:, :, None] * root[:, None, :] * correlation, 0.0)
    most = np.where(there, v, 0.0).sum(axis=1)  # no eigenvalue is above the trace
    k = v.shape[1]
    place = np.arange(k)
    V[:, place, place] = np.where(there, v, most[:, None] * (2.0 + place) + 1.0)
    return np.linalg.eigh(V)


def _orthonormalise(X: F64) -> tuple[F64, F64, Bool]:
    """Return Q, R and the kept columns; Gram and Schmidt twice, which is as good as Householder."""
    m, _, p = X.shape
    Q, R = np.zeros_like(X), np.zeros((m, p, p))
    kept = np.zeros((m, p), dtype=np.bool_)
    for j in range(p):
        rest = X[:, :, j].copy()
        whole = np.linalg.norm(rest, axis=1)
        for _ in range(2):
            along = np.einsum("mki,mk->mi", Q[:, :, :j], rest)
            R[:, :j, j] += along
            rest -= np.einsum("mki,mi->mk", Q[:, :, :j], along)
        left = np.linalg.norm(rest, axis=1)
        kept[:, j] = left > _ALIASED * whole
        R[:, j, j] = np.where(kept[:, j], left, 1.0)
        Q[:, :, j] = np.where(kept[:, j, None], rest / R[:, j, j][:, None], 0.0)
    return Q, R, kept
