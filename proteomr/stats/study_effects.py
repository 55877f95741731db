"""Effects of studies as arrays: one row of studies for each of many pooled questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.study_sums import (
    add_others,
    add_pairs,
    add_studies,
    combine,
    form_gram,
    invert_positive,
    lay_units_together,
    measure_forms,
    multiply_each,
    pick,
    project,
)
from proteomr.stats.weighted_basis import choose_basis

__all__ = ["StudyEffects", "Weighed", "weigh_studies"]

# A column of which so little is left beside those before it is determined by them; as in R's qr.
_ALIASED = 1e-7
_ALIKE = 1e-15  # relative: a few last digits
# Above it the difference of 1 and a leverage, times a weight far above the others, has lost digits.
_NEARLY_ALONE = 0.99


@dataclass(frozen=True, slots=True)
class StudyEffects:
    r"""Effects to be pooled, in a basis in which their errors are independent.

    The model is :math:`y = X \beta + u + e` with :math:`u \sim N(0, \tau^2 I)` and known
    :math:`e \sim N(0, V)`. Where V is not diagonal all is turned to its eigenvectors, in which
    :math:`V + \tau^2 I` is diagonal whatever the variance between studies. In memory the units of a
    study lie together, so that a sum over studies is one over whole columns.

    Attributes
    ----------
    y, v : ``(m, k)`` effects and their variances; of absent ones 0 and infinite, of weight 0.
    there : ``(m, k)`` whether there is an effect.
    X : ``(m, k, p)`` columns, 0 where absent.
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
    X: F64
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
        y, v = lay_units_together(y), lay_units_together(v)
        there = np.isfinite(y) & np.isfinite(v) & (v > 0.0)
        used = np.ones((1, y.shape[1], y.shape[0])).T
        if X is not None:
            used = lay_units_together(np.broadcast_to(X, (*y.shape, X.shape[-1])))
            there &= np.isfinite(used).all(axis=2)
        scale = _find_scale(v, there)[:, None]
        held = np.where(there, y, 0.0) / scale
        known = np.where(there, v / scale / scale, np.inf)
        used = np.where(there[:, :, None], used, 0.0)
        count = np.maximum(there.sum(axis=1), 1)
        mean = add_studies(held) / count
        mean += add_studies(np.where(there, held - mean[:, None], 0.0)) / count
        spread = add_studies(np.where(there, held - mean[:, None], 0.0) ** 2)
        # effects that are alike do not differ by what rounding leaves of their mean
        spread[spread <= (_ALIKE * np.abs(held).max(axis=1, initial=0.0)) ** 2 * count] = 0.0
        turn = None
        if correlation is not None:
            known, turn = _find_axes(known, there, correlation)
            there = np.arange(y.shape[1])[None, :] < there.sum(axis=1)[:, None]
            there = lay_units_together(there)
            across = np.ascontiguousarray(np.swapaxes(turn, 1, 2))
            held = lay_units_together(np.matmul(across, held[:, :, None])[:, :, 0])
            used = lay_units_together(np.matmul(across, used))
            known = np.where(there, lay_units_together(known), np.inf)
        Q, R, kept = _orthonormalise(used)
        return cls(held, known, there, used, Q, R, kept, spread, turn, scale[:, 0])

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
            pick(self.y, units),
            pick(self.v, units),
            pick(self.there, units),
            pick(self.X, units),
            pick(self.Q, units),
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
    B : ``(m, k, p)`` columns that span those of X: Q of a single one, else of these weights.
    C : ``(m, p, p)`` upper triangle, X = BC; 1 on the diagonal of aliased columns.
    inverse : ``(m, p, p)`` of B'WB; 1 on the diagonal of aliased columns.
    g : ``(m, p)`` coefficients of B.
    residual : ``(m, k)``.
    q : ``(m,)`` weighted sum of squares, y'Py.
    """

    w: F64
    B: F64
    C: F64
    inverse: F64
    g: F64
    residual: F64
    q: F64

    def trace(self) -> F64:
        """Return tr P of ``(m,)``: a sum of what is not negative, whichever study weighs most."""
        if self.B.shape[2] == 1:
            return add_pairs(self.w, self._squares()) * self.inverse[:, 0, 0]
        return add_studies(self.w * self._free())

    def trace_of_square(self) -> F64:
        """Return tr PP of ``(m,)``, a sum of squares."""
        own = add_studies((self.w * self._free()) ** 2)
        if self.B.shape[2] == 1:
            pulled = self.w * self._squares() * self.inverse[:, 0]
            return own + add_pairs(pulled, pulled)
        weighted = self.B * self.w[:, :, None]
        across = weighted @ self.inverse @ np.swapaxes(weighted, 1, 2)
        place = np.arange(across.shape[1])
        across[:, place, place] = 0.0
        return own + add_studies(add_studies(across**2))

    def trace_of_square_nearly(self) -> F64:
        """Return tr PP of ``(m,)`` without all pairs of studies, for the length of a step.

        Of several columns a difference, of which weights far apart leave few digits.
        """
        if self.B.shape[2] == 1:
            return self.trace_of_square()
        free = self._free()
        B = form_gram(self.B, self.w**2)
        MB = [multiply_each(self.inverse, B[:, :, j]) for j in range(self.B.shape[2])]
        across = sum(MB[j][:, i] * MB[i][:, j] for i in range(len(MB)) for j in range(len(MB)))
        own = add_studies((self.w * (1.0 - free)) ** 2)
        return add_studies((self.w * free) ** 2) + np.maximum(across - own, 0.0)

    def pull(self) -> F64:
        """Return y'PPy of ``(m,)``."""
        return add_studies((self.w * self.residual) ** 2)

    def pull_thrice(self) -> F64:
        """Return y'PPPy of ``(m,)``: the weighted squares of WR about a fit of their own."""
        pulled = self.w * self.residual
        along = multiply_each(self.inverse, project(self.B, self.w * pulled))
        return add_studies(self.w * (pulled - combine(self.B, along)) ** 2)

    def _squares(self) -> F64:
        """Return what each study adds to B'WB ``(m, k)``, of one column."""
        return self.w * self.B[:, :, 0] * self.B[:, :, 0]

    def _free(self) -> F64:
        """Return 1 less the leverages ``(m, k)``, without cancellation."""
        if self.B.shape[2] == 1:
            return add_others(self._squares()) * self.inverse[:, 0]
        leverage = self.w * measure_forms(self.B, self.inverse)
        free = np.maximum(1.0 - leverage, 0.0)
        unit, study = np.nonzero(leverage > _NEARLY_ALONE)
        if unit.size:
            free[unit, study] = self._free_of(unit, study)
        return free

    def _free_of(self, unit: I64, study: I64) -> F64:
        """Return 1 less the leverages of some studies, from what the others of the unit tell.

        With A of the others, 1 / (1 + w q'A^-1 q); 0 where they do not tell the columns.
        """
        own, place = pick(self.B, unit), np.arange(unit.size)
        w = pick(self.w, unit)
        weight = w[place, study]
        w[place, study] = 0.0
        A = form_gram(own, w)
        for j in range(self.B.shape[2]):
            A[:, j, j] += ~own[:, :, j].any(axis=1)  # aliased
        q = own[place, study]
        form = add_studies(q * multiply_each(invert_positive(A), q))
        return np.where(form >= 0.0, 1.0 / (1.0 + weight * form), 0.0)


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
    w = 1.0 / (effects.v + tau2[:, None])
    if effects.X.shape[2] == 1:
        Q = effects.Q
        A = form_gram(Q, w)
        A[:, 0, 0] += ~effects.kept[:, 0]
        column, inverse = Q[:, :, 0], 1.0 / A
        mean = add_studies(column * w * effects.y)[:, None] * inverse[:, 0]
        left = effects.y - column * mean
        return Weighed(w, Q, effects.R, inverse, mean, left, add_studies(w * left**2))
    B, C = choose_basis(effects.X, effects.kept, w)
    A = form_gram(B, w)
    for j in range(A.shape[1]):
        A[:, j, j] += ~effects.kept[:, j]
    inverse = invert_positive(A)
    g, residual = np.zeros(A.shape[:2]), effects.y
    # fitted twice: the residuals give back what rounding took
    for _ in range(2):
        g = g + multiply_each(inverse, project(B, w * residual))
        residual = effects.y - combine(B, g)
    return Weighed(w, B, C, inverse, g, residual, add_studies(w * residual**2))


def _find_scale(v: F64, there: Bool) -> F64:
    """Return powers of two near the middle error: dividing by them changes no digit."""
    logs = np.where(there, 0.5 * np.log2(np.where(there, v, 1.0)), 0.0)
    middle = add_studies(logs) / np.maximum(there.sum(axis=1), 1)
    return np.asarray(np.exp2(np.round(middle)))


def _find_axes(v: F64, there: Bool, correlation: F64) -> tuple[F64, F64]:
    """Return eigenvalues and eigenvectors of V, absent studies last.

    Absent ones are given variances above all others, so that no eigenvector mixes them with those
    that are there.
    """
    v = np.where(there, v, 0.0)
    root = np.sqrt(v)
    V = np.ascontiguousarray(root[:, :, None] * root[:, None, :] * correlation)
    most = add_studies(v)  # no eigenvalue is above the trace
    place = np.arange(v.shape[1])
    V[:, place, place] = np.where(there, v, most[:, None] * (2.0 + place) + 1.0)
    return np.linalg.eigh(V)


def _orthonormalise(X: F64) -> tuple[F64, F64, Bool]:
    """Return Q, R and the kept columns; Gram and Schmidt twice, which is as good as Householder."""
    m, _, p = X.shape
    Q, R = np.zeros_like(X), np.zeros((m, p, p))
    kept = np.zeros((m, p), dtype=np.bool_)
    for j in range(p):
        rest = X[:, :, j].copy(order="K")
        whole = np.sqrt(add_studies(rest**2))
        for _ in range(2):
            along = project(Q[:, :, :j], rest)
            R[:, :j, j] += along
            rest -= combine(Q[:, :, :j], along)
        left = np.sqrt(add_studies(rest**2))
        kept[:, j] = left > _ALIASED * whole
        R[:, j, j] = np.where(kept[:, j], left, 1.0)
        Q[:, :, j] = np.where(kept[:, j, None], rest / R[:, j, j][:, None], 0.0)
    return Q, R, kept
