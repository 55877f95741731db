r"""Degrees of freedom of a mixed model's coefficients: Satterthwaite's, and Kenward and Roger's.

Satterthwaite (1946, doi:10.2307/3002019) as lmerTest 3.1 has it (Kuznetsova et al. 2017,
doi:10.18637/jss.v082.i13), with analytic derivatives: for a contrast of variance v,
:math:`2 v^2 / (g'Ag)`, g the gradient of v in the parameters of variance, A twice the inverse of
the Hessian of the REML criterion in them. Kenward and Roger (1997, doi:10.2307/2533558) as
pbkrtest 0.5 (Halekoh and Hojsgaard 2014, doi:10.18637/jss.v059.i09): the covariance adjusted for
that of the variances, whose information is the expected one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.stats.random_structure import Structure
from proteomr.stats.reml_search import Minimum
from proteomr.stats.reml_sums import Expandable

__all__ = ["Inference", "KenwardRoger", "Normal", "Satterthwaite"]

# Curvatures of a Hessian scaled to unit diagonal that are 0: a parameter that nothing depends on,
# such as the turn of a factor of rank one.
_FLAT = 1e-8
_SINGULAR = np.sqrt(np.finfo(np.float64).eps)  # of a joint test's covariance, as lmerTest has it


@dataclass(frozen=True, slots=True)
class Inference(ABC):
    """Covariances of the coefficients ``(b, p, p)`` and what tests of them refer to.

    Attributes
    ----------
    covariance : of the coefficients.
    """

    covariance: F64

    @abstractmethod
    def degrees(self, contrast: F64) -> F64:
        """Return the degrees of freedom ``(b,)`` of a contrast ``(p,)``."""

    @abstractmethod
    def test_jointly(
        self, model: int, coefficients: F64, contrasts: F64
    ) -> tuple[float, float, float] | None:
        """Return F, its numerator's degrees of freedom and -log10 p that ``(q, p)`` are 0.

        None where their covariance has not its rank.
        """

    def variances(self, contrast: F64) -> F64:
        """Return the variances ``(b,)`` of a contrast ``(p,)``."""
        return np.asarray(np.einsum("i,bij,j->b", contrast, self.covariance, contrast))


@dataclass(frozen=True, slots=True)
class Normal(Inference):
    """The covariance as it is, referred to the normal distribution."""

    @classmethod
    def of(cls, found: Minimum, free: F64) -> Normal:
        """Return what a minimum says; ``free (b,)`` is n - p."""
        return cls(_plain_covariance(found, free))

    def degrees(self, contrast: F64) -> F64:
        """Return infinite degrees of freedom."""
        del contrast
        return np.full(self.covariance.shape[0], np.inf)

    def test_jointly(
        self, model: int, coefficients: F64, contrasts: F64
    ) -> tuple[float, float, float] | None:
        """Return Wald's chi-squared over its degrees of freedom."""
        turned = _turn(self.covariance[model], contrasts)
        if turned is None:
            return None
        variances, rows = turned
        q = variances.size
        statistic = float(np.sum((rows @ coefficients[model]) ** 2 / variances)) / q
        return statistic, float(q), float(neg_log10_p_f(statistic, q, np.inf))


@dataclass(frozen=True, slots=True)
class Satterthwaite(Inference):
    """The covariance as it is, with Satterthwaite's degrees of freedom.

    Attributes
    ----------
    slopes : ``(b, t + 1, p, p)``, its derivatives in theta and the log of s2.
    parameters : ``(b, t + 1, t + 1)``, the covariance of these.
    """

    slopes: F64
    parameters: F64

    @classmethod
    def of(cls, found: Minimum, free: F64) -> Satterthwaite:
        """Return what a minimum says; ``free (b,)`` is n - p."""
        state = found.criterion
        covariance = _plain_covariance(found, free)
        inverse = state.inverse[:, None]
        s2 = (state.rss / free)[:, None, None, None]
        slopes = np.concatenate([-s2 * (inverse @ state.slopes @ inverse), covariance[:, None]], 1)
        share = state.rss_slopes / state.rss[:, None]
        b, t = share.shape
        hessian = np.empty((b, t + 1, t + 1))
        weight = free[:, None, None]
        hessian[:, :t, :t] = state.hessian + weight * (share[:, :, None] * share[:, None, :])
        hessian[:, :t, t] = hessian[:, t, :t] = -free[:, None] * share
        hessian[:, t, t] = free
        return cls(covariance, slopes, 2.0 * _invert(hessian))

    def degrees(self, contrast: F64) -> F64:
        """Return the degrees of freedom ``(b,)`` of a contrast ``(p,)``."""
        variance = self.variances(contrast)
        gradient = np.einsum("i,btij,j->bt", contrast, self.slopes, contrast)
        spread = np.einsum("bt,bts,bs->b", gradient, self.parameters, gradient)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(2.0 * variance**2 / spread)

    def test_jointly(
        self, model: int, coefficients: F64, contrasts: F64
    ) -> tuple[float, float, float] | None:
        """Return lmerTest's F (``contestMD``): its contrasts turned to be uncorrelated."""
        turned = _turn(self.covariance[model], contrasts)
        if turned is None:
            return None
        variances, rows = turned
        q = variances.size
        statistic = float(np.sum((rows @ coefficients[model]) ** 2 / variances)) / q
        gradients = np.einsum("mi,tij,mj->mt", rows, self.slopes[model], rows)
        spread = np.einsum("mt,ts,ms->m", gradients, self.parameters[model], gradients)
        with np.errstate(divide="ignore"):
            each = 2.0 * variances**2 / spread
        df = _pool_degrees(each)
        return statistic, float(q), float(neg_log10_p_f(statistic, q, df))


@dataclass(frozen=True, slots=True)
class KenwardRoger(Inference):
    """The covariance adjusted for that of the variances, with Kenward and Roger's F.

    Attributes
    ----------
    plain : ``(b, p, p)``, before the adjustment.
    pulls : ``(b, r, p, p)``, ``-X'V^-1 G_r V^-1 X`` of each (co)variance, s2 = 1.
    variances_of : ``(b, r, r)``, twice the inverse of the expected information of these.
    s2 : ``(b,)``.
    """

    plain: F64
    pulls: F64
    variances_of: F64
    s2: F64

    @classmethod
    def of(cls, found: Minimum, free: F64, sums: Expandable, structure: Structure) -> KenwardRoger:
        """Return what a minimum of the criterion of some sums says; ``free (b,)`` is n - p."""
        state = found.criterion
        pulls = sums.pull(structure, found.theta)
        # of the fixed columns: the response is the last
        P, Q = -pulls.singles[:, :, :-1, :-1], pulls.pairs[:, :, :, :-1, :-1]
        traces = pulls.traces
        Phi = state.inverse
        turned = Phi[:, None] @ P
        r = P.shape[1]
        information = traces - 2.0 * np.einsum("bij,brsji->brs", Phi, Q)
        information = information + np.einsum("brij,bsji->brs", turned, turned)
        W = 2.0 * _invert(information)
        U = np.zeros_like(Phi)
        for i in range(r):
            for j in range(r):
                part = Q[:, i, j] - P[:, i] @ Phi @ P[:, j]
                U += W[:, i, j, None, None] * part
        adjusted = Phi + 2.0 * Phi @ U @ Phi
        s2 = state.rss / free
        unit = s2[:, None, None]
        symmetric = 0.5 * (adjusted + adjusted.transpose(0, 2, 1))
        return cls(symmetric * unit, Phi, P, W, s2)

    def degrees(self, contrast: F64) -> F64:
        """Return the degrees of freedom ``(b,)`` of a contrast ``(p,)``."""
        b = self.plain.shape[0]
        return np.array([self._refer(model, contrast[None])[0] for model in range(b)])

    def test_jointly(
        self, model: int, coefficients: F64, contrasts: F64
    ) -> tuple[float, float, float] | None:
        """Return pbkrtest's scaled F (``KRmodcomp``)."""
        turned = _turn(self.covariance[model], contrasts)
        if turned is None:
            return None
        variances, rows = turned
        q = variances.size
        df, scaling = self._refer(model, rows)
        wald = float(np.sum((rows @ coefficients[model]) ** 2 / variances)) / q
        statistic = scaling * wald
        return statistic, float(q), float(neg_log10_p_f(statistic, q, df))

    def _refer(self, model: int, L: F64) -> tuple[float, float]:
        """Return the denominator's degrees of freedom of contrasts, and the scale of their F."""
        Phi, P, W = self.plain[model], self.pulls[model], self.variances_of[model]
        if not np.all(np.isfinite(Phi)):
            return np.nan, np.nan
        q = L.shape[0]
        Theta = L.T @ np.linalg.solve(L @ Phi @ L.T, L)
        u = np.einsum("ij,rjk,kl->ril", Theta @ Phi, P, Phi)
        traces = np.einsum("rii->r", u)
        A1 = float(traces @ W @ traces)
        A2 = float(np.sum(W * np.einsum("rij,sji->rs", u, u)))
        B = (A1 + 6.0 * A2) / (2.0 * q)
        g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
        c1, c2 = g / (3 * q + 2 * (1 - g)), (q - g) / (3 * q + 2 * (1 - g))
        c3 = (q + 2 - g) / (3 * q + 2 * (1 - g))
        V0, V1, V2 = 1.0 + c1 * B, 1.0 - c2 * B, 1.0 - c3 * B
        V0 = 0.0 if abs(V0) < 1e-10 else V0
        ratio = 1.0 if max(abs(1.0 - A2 / q), abs(V1)) < 1e-14 else (1.0 - A2 / q) / V1
        rho = ratio**2 * V0 / V2 / q
        df = 4.0 + (q + 2) / (q * rho - 1.0)
        scaling = 1.0 if abs(df - 2.0) < 1e-2 else df * (1.0 - A2 / q) / (df - 2.0)
        return float(df), float(scaling)


def _plain_covariance(found: Minimum, free: F64) -> F64:
    state = found.criterion
    return np.asarray(state.inverse * (state.rss / free)[:, None, None])


def _invert(matrices: F64) -> F64:
    """Return generalised inverses ``(b, r, r)`` of symmetric matrices of unlike units."""
    diagonal = np.sqrt(np.maximum(np.abs(np.einsum("bii->bi", matrices)), 1e-300))
    scale = diagonal[:, :, None] * diagonal[:, None, :]
    scaled = np.where(np.isfinite(matrices), matrices / scale, 0.0)
    values, vectors = np.linalg.eigh(scaled)
    kept = values > _FLAT
    inverse = np.where(kept, 1.0 / np.where(kept, values, 1.0), 0.0)
    found = (vectors * inverse[:, None, :]) @ vectors.transpose(0, 2, 1)
    return np.asarray(found / scale)


def _turn(covariance: F64, contrasts: F64) -> tuple[F64, F64] | None:
    """Return variances ``(q,)`` and rows ``(q, p)`` of contrasts turned to be uncorrelated."""
    spread = contrasts @ covariance @ contrasts.T
    if not np.all(np.isfinite(spread)):
        return None
    values, vectors = np.linalg.eigh(spread)
    if values[-1] <= 0.0 or values[0] <= _SINGULAR * values[-1]:
        return None
    return values, vectors.T @ contrasts


def _pool_degrees(each: F64) -> float:
    """Return lmerTest's denominator degrees of freedom from those of uncorrelated contrasts."""
    if np.all(np.abs(np.diff(each)) < 1e-8):
        return float(np.mean(each))
    if np.any(each <= 2.0):
        return 2.0
    expected = float(np.sum(each / (each - 2.0)))
    return 2.0 * expected / (expected - each.size)
