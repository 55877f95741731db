"""Cox regressions of a mediation analysis: by the hundred, with influences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.cox import fit_cox
from proteomr.stats.cox_sandwich import score_residuals
from proteomr.stats.cox_sums import HazardSums, sum_hazards
from proteomr.stats.linalg import cholesky_pivots
from proteomr.stats.mediation_cox_samples import refit_cox
from proteomr.stats.mediation_regressions import Unfit
from proteomr.stats.risk_sets import RiskSets
from proteomr.status import Status

__all__ = ["CoxModel", "fit_cox_model"]

_DECREMENT = 1e-22  # squared standard errors: 1e-11 of one
_SCORE = 1e-18  # above what rounding leaves of a million rows
_PASSES = 40  # of a climb: from near the maximum it takes ten
# Share of a column that those before it leave, below which the exact path decides.
_PIVOT = 1e-6
# Powers of e that hazards of one risk set may be apart before an infinite estimate is searched for.
_APART = 11.0
_NO_EVENT = "nobody has the event on the rows of the fit"


@dataclass(frozen=True, slots=True, eq=False)
class CoxModel:
    """A Cox regression on ``X (n, p)``, Efron's ties.

    Attributes
    ----------
    X : columns without an intercept, standardised.
    scale : ``(p,)``, by which coefficients are divided to be those of the columns handed in.
    theta : ``(p,)``, coefficients of the standardised columns; 0 where one is aliased.
    inverse : ``(p, p)``, inverse information of these; 0 likewise.
    sums : of the risk sets at the estimate.
    """

    X: F64
    scale: F64
    theta: F64
    inverse: F64
    sums: HazardSums

    @property
    def coefficients(self) -> F64:
        """Log hazard ratios ``(p,)`` of the columns handed in."""
        return self.theta / self.scale

    @property
    def covariance(self) -> F64:
        """Their covariance by the model ``(p, p)``."""
        return np.asarray(self.inverse / np.outer(self.scale, self.scale))

    def influence(self, columns: Sequence[int]) -> F64:
        """Return what each row adds to coefficients ``(n, len(columns))``; the sums are 0."""
        turned = self.X @ self.inverse[:, list(columns)]
        return np.asarray(score_residuals(self.sums, turned) / self.scale[list(columns)])

    def take(self, rows: Bool, risk: RiskSets, *, what: Sequence[str]) -> CoxModel:
        """Return the model of some rows, begun where that of all has ended.

        Parameters
        ----------
        risk : risk sets of these rows.
        what : what to call the last columns, which must have a coefficient.

        Raises
        ------
        Unfit
            It has no estimate.
        """
        if not risk.size:
            raise Unfit(Status.constant, _NO_EVENT)
        Z, counts = self.X[rows], self.sums.counts[rows]
        model = _settle(Z, risk, counts, self.theta, self.inverse, self.scale)
        needed = range(self.theta.size - len(what), self.theta.size)
        return _fit_exactly(Z, risk, counts, self.scale, needed, what) if model is None else model

    def extend(self, column: F64, *, what: Sequence[str]) -> CoxModel:
        """Return the model with a further column ``(n,)`` behind the others.

        Begun where this one has ended, with its information bordered by the column's.

        Parameters
        ----------
        what : what to call the last columns, which must have a coefficient.

        Raises
        ------
        Unfit
            It has no estimate.
        """
        centred = column - column.mean()
        spread = float(np.sqrt(centred @ centred / column.size))
        scale = np.append(self.scale, spread if spread > 0.0 else 1.0)
        Z = np.column_stack([self.X, centred / scale[-1]])
        inverse = self._border(np.ascontiguousarray(Z[:, -1]))
        counts, risk, model = self.sums.counts, self.sums.risk, None
        if inverse is not None:
            start = np.append(self.theta, 0.0)
            model = _settle(Z, risk, counts, start, inverse, scale)
        needed = range(scale.size - len(what), scale.size)
        return _fit_exactly(Z, risk, counts, scale, needed, what) if model is None else model

    def _border(self, z: F64) -> F64 | None:
        """Return the inverse information with a further column; None where it tells nothing."""
        sums = self.sums
        S, D = sums.sum_columns(self.X)
        s, d = (of[:, 0] for of in sums.sum_columns(z[:, None]))
        a, b, c = (sums.q(j, 2) for j in range(3))
        held = z * (sums.w * sums.cumulative)
        cross = self.X.T @ held - (S.T @ (a * s - b * d) - D.T @ (b * s - c * d))
        own = float(z @ held) - float(a @ (s * s) - 2.0 * (b @ (s * d)) + c @ (d * d))
        turned = self.inverse @ cross
        left = own - float(cross @ turned)
        if not left > _PIVOT * own:
            return None
        size = self.theta.size + 1
        out = np.zeros((size, size))
        out[:-1, :-1] = self.inverse + np.outer(turned, turned) / left
        out[:-1, -1] = out[-1, :-1] = -turned / left
        out[-1, -1] = 1.0 / left
        return out

    def refit(self, counts: F64, start: F64 | None = None) -> F64:
        """Return the coefficients of samples ``(c, p)``; NaN for those that have none.

        Parameters
        ----------
        counts : ``(c, n)``, what each row counts in each sample, a weight of its own included.
        start : ``(c, p)``, coefficients near those of the samples.
        """
        whole = np.broadcast_to(self.theta, (counts.shape[0], self.theta.size))
        theta = whole if start is None else start * self.scale
        return refit_cox(self.X, self.sums.risk, counts, theta, self.inverse) / self.scale


def fit_cox_model(
    X: F64,
    risk: RiskSets,
    *,
    needed: Sequence[int],
    what: Sequence[str],
    start: F64 | None = None,
    weights: F64 | None = None,
) -> CoxModel:
    """Fit a Cox regression, and refuse where a column of interest has no coefficient.

    From a start near the maximum by steps with one information matrix, updated by the secants; its
    end is certified by another one there. What has no certificate goes to
    :func:`proteomr.stats.cox.fit_cox`.

    Parameters
    ----------
    X : ``(n, p)``, without an intercept, covariates before the columns of interest.
    needed : positions of the columns of interest.
    what : what to call them.
    start : ``(p,)``, coefficients near the maximum; None for 0.
    weights : ``(n,)``, above 0.

    Raises
    ------
    Unfit
        No event, a column that others determine, an infinite estimate, or no convergence.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 3.0, 4.0], np.ones(4)])
    >>> x = np.array([[0.0], [1.0], [1.0], [0.0]])
    >>> fit = fit_cox_model(x, lay_out_risk_sets(rows), needed=[0], what=["x"])
    >>> fit.coefficients.round(4).tolist()
    [0.4812]
    """
    if not risk.size:
        raise Unfit(Status.constant, _NO_EVENT)
    centred = X - X.mean(axis=0)
    spread = np.sqrt(np.einsum("ij,ij->j", centred, centred) / X.shape[0])
    varies = spread > 0.0
    scale = np.where(varies, spread, 1.0)
    Z = centred / scale
    counts = np.ones(X.shape[0]) if weights is None else weights
    theta = np.zeros(X.shape[1]) if start is None else start * scale
    model = None
    if np.all(varies) and cholesky_pivots((Z.T @ Z)[None])[1][0] > _PIVOT:
        model = _fit_fast(Z, risk, counts, theta, scale)
    return _fit_exactly(Z, risk, counts, scale, needed, what) if model is None else model


def _fit_fast(Z: F64, risk: RiskSets, counts: F64, theta: F64, scale: F64) -> CoxModel | None:
    """Return a fit with its certificate; None where it has none."""
    inverse = _invert(sum_hazards(risk, Z @ theta, counts).information(Z))
    return None if inverse is None else _settle(Z, risk, counts, theta, inverse, scale)


def _settle(
    Z: F64, risk: RiskSets, counts: F64, theta: F64, inverse: F64, scale: F64
) -> CoxModel | None:
    """Return the fit that a climb from near it ends at, certified; None where it is not."""
    ended = _climb(Z, risk, counts, theta, inverse, bound=_DECREMENT)
    if ended is None:
        return None
    theta, sums, _ = ended
    information = sums.information(Z)
    settled = _invert(information)
    if settled is None:
        return None
    score = Z.T @ sums.residuals
    certified = certify(
        decrement=np.array([score @ settled @ score]),
        scores=scale_scores(score[None], np.diagonal(information)[None]),
        estimate=theta.sum(keepdims=True),
        se=np.sqrt(np.diagonal(settled)).sum(keepdims=True),
        bound=_DECREMENT,
        score_bound=_SCORE,
    )
    return CoxModel(Z, scale, theta, settled, sums) if certified[0] else None


def _climb(
    Z: F64, risk: RiskSets, counts: F64, theta: F64, inverse: F64, *, bound: float
) -> tuple[F64, HazardSums, F64] | None:
    """Climb by steps of one inverse information, updated by what steps change (BFGS).

    Returns where it ended, the sums there, and the step that is left; None where the climb does not
    settle, or hazards run apart.
    """
    best, previous, step = np.inf, None, None
    for _ in range(_PASSES):
        eta = Z @ theta
        sums = sum_hazards(risk, eta, counts)
        score = Z.T @ sums.residuals
        if previous is not None and step is not None:
            inverse = _learn(inverse, step, previous - score)
        move = inverse @ score
        decrement = float(score @ move)
        if not 0.0 <= decrement < 1e3 * max(best, 1.0):
            return None
        best = min(best, decrement)
        if decrement < bound:
            return (theta, sums, move) if float(np.ptp(eta)) < _APART else None
        theta, previous, step = theta + move, score, move
    return None


def _learn(inverse: F64, step: F64, change: F64) -> F64:
    """Return the inverse information that takes a change of the score to its step."""
    curvature = float(step @ change)
    if not curvature > 0.0:
        return inverse
    moved = inverse @ change
    share = (curvature + float(change @ moved)) / curvature**2
    cross = np.outer(moved, step) / curvature
    return np.asarray(inverse + share * np.outer(step, step) - cross - cross.T)


def _fit_exactly(
    Z: F64, risk: RiskSets, counts: F64, scale: F64, needed: Sequence[int], what: Sequence[str]
) -> CoxModel:
    fit = fit_cox(Z, risk, weights=counts)
    for position, name in zip(needed, what, strict=True):
        if fit.aliased[position]:
            raise Unfit(
                Status.collinear, f"covariates determine {name} in the model of the outcome"
            )
        if fit.infinite[position]:
            raise Unfit(Status.separated, f"the hazard ratio of {name} is infinite")
    if not fit.converged:
        raise Unfit(Status.not_converged, f"the Cox model of the outcome: {fit.doubt}")
    theta, inverse = np.zeros(Z.shape[1]), np.zeros((Z.shape[1], Z.shape[1]))
    theta[fit.basis] = fit.limit
    inverse[np.ix_(fit.basis, fit.basis)] = fit.limit_covariance
    # the risk sets of the limit, where estimates of covariates are infinite
    return CoxModel(Z, scale, theta, inverse, sum_hazards(fit.risk, Z @ theta, counts))


def _invert(information: F64) -> F64 | None:
    try:
        root = np.linalg.inv(np.linalg.cholesky(information))
    except np.linalg.LinAlgError:
        return None
    return np.asarray(root.T @ root)
