"""Profile-likelihood intervals of logistic coefficients."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.stats.firth import fit_firth
from proteomr.stats.logistic import LogisticFit, fit_logistic

__all__ = ["profile_limits"]

# Standard errors from the estimate within which a limit is sought.
_FARTHEST = 1e3


def profile_limits(
    X: F64, y: F64, fit: LogisticFit, *, column: int, level: float = 0.95, firth: bool = False
) -> tuple[float, float]:
    """Return the profile-likelihood interval of a coefficient, infinite on a side without limit.

    A side on which a fit along the profile has no certificate is NaN.

    The values at which twice the log-likelihood, penalised for Firth's (Heinze and Schemper 2002),
    maximised over the other coefficients, is the chi-square quantile below its maximum; mirrors R's
    ``confint.glm`` and ``logistf``.

    Parameters
    ----------
    X, y, fit : the data and their :func:`fit_logistic`, or :func:`fit_firth` with ``firth``.
    column : position of the coefficient.
    level : coverage.

    Raises
    ------
    ValueError
        The fit has not converged.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> y = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    >>> low, high = profile_limits(x, y, fit_logistic(x, y), column=1)
    >>> low < 0.3613 < high
    True
    """
    from scipy.optimize import brentq
    from scipy.special import chdtri

    if not fit.converged:
        raise ValueError("a fit that has not converged has no profile")
    half_drop = float(chdtri(1, 1.0 - level)) / 2.0
    estimate, se = float(fit.coefficients[column]), float(fit.se[column])
    others = np.delete(np.arange(X.shape[1]), column)

    def drop(value: float) -> float:
        if firth:
            held = fit_firth(X, y, fixed={column: value})
        else:
            held = fit_logistic(X[:, others], y, offset=X[:, column] * value)
        if not held.converged:
            raise ArithmeticError("a fit along the profile has not converged")
        return fit.log_likelihood - held.log_likelihood - half_drop

    def find_limit(sign: float) -> float:
        far = 2.0 * se
        while drop(estimate + sign * far) < 0 and far < _FARTHEST * se:
            far *= 1.6
        if drop(estimate + sign * far) < 0:
            return sign * np.inf
        return float(brentq(drop, estimate, estimate + sign * far, xtol=1e-12))

    limits = []
    for sign in (-1.0, 1.0):
        try:
            limits.append(find_limit(sign))
        except ArithmeticError:
            limits.append(np.nan)
    return limits[0], limits[1]
