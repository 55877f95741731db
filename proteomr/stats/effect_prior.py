r"""A spike-and-slab prior of true z statistics, and what it makes of observed ones.

Model: :math:`z_j \sim N(\zeta_j, 1)`, :math:`\zeta_j \sim \sum_k \pi_k N(0, \sigma_k^2)` with two
components. Source: Zhao, Chen, Wang and Small 2019, doi:10.1093/ije/dyz142.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from proteomr._typing import F64

__all__ = ["EffectPrior", "fit_prior"]

_SHARES = (0.01, 0.99)  # between which R's mr.raps seeks the share of a component
_NARROWEST = 0.01  # standard deviation, as there
_START_SHARES = (0.1, 0.5, 0.9)  # little, half and most of the spike: one leads to the best
_TOLERANCE = 1e-12  # of the log likelihood, relative: a prior needs no more


@dataclass(frozen=True, slots=True)
class EffectPrior:
    """Two normal components of true z statistics, centred at zero.

    Parameters
    ----------
    share : of the first component, the narrower; the second has the rest.
    narrow, wide : their standard deviations.
    """

    share: float
    narrow: float
    wide: float

    def shrink(self, z: F64, spread: F64) -> tuple[F64, F64]:
        r"""Return the posterior means of true z statistics, and their derivatives by z.

        Parameters
        ----------
        z : observed, :math:`z \sim N(\zeta, s^2)`, of any shape.
        spread : s, of the same.

        Examples
        --------
        >>> mean, slope = EffectPrior(0.5, 1.0, 1.0).shrink(np.array([2.0]), np.array([1.0]))
        >>> float(mean[0]), float(slope[0])
        (1.0, 0.5)
        """
        of_noise = spread**2
        column = (2, *(1 for _ in z.shape))
        variances = np.array([self.narrow, self.wide]).reshape(column) ** 2
        total = variances + of_noise
        shares = np.array([self.share, 1.0 - self.share]).reshape(column)
        logs = np.log(shares) - 0.5 * np.log(total) - 0.5 * z**2 / total
        weights = np.exp(logs - logs.max(axis=0))
        weights /= weights.sum(axis=0)
        kept = variances / total
        mean_kept = np.sum(weights * kept, axis=0)
        pull = -z / total  # of the logarithm of a component's weight by z
        lean = np.sum(weights * kept * (pull - np.sum(weights * pull, axis=0)), axis=0)
        return z * mean_kept, mean_kept + z * lean


def fit_prior(z: F64) -> EffectPrior:
    """Return the prior under which z statistics are likeliest, of shares from 0.01 to 0.99.

    R: ``mr.raps::fit.mixture.model`` 0.4.2, which starts at random.

    Parameters
    ----------
    z : (m,).

    Examples
    --------
    >>> g = np.random.default_rng(1)
    >>> z = np.concatenate([g.normal(0, 1.1, 3000), g.normal(0, 5.1, 1000)])
    >>> prior = fit_prior(z)
    >>> round(prior.share, 1), round(prior.wide)
    (0.8, 5)
    """
    squares = z**2
    widest = math.sqrt(max(float(squares.max()), 1.0))
    middle = math.sqrt(max(float(np.mean(squares)) - 1.0, _NARROWEST))
    of_log = (math.log(_NARROWEST), math.log(2.0 * widest))
    bounds = [_SHARES, of_log, of_log]
    best: tuple[float, F64] | None = None
    for share in _START_SHARES:
        for narrow in (0.1, 0.5 * middle + _NARROWEST):
            for wide in (middle, 0.5 * widest):
                start = np.array([share, math.log(narrow), math.log(max(wide, narrow))])
                found = optimize.minimize(
                    _measure,
                    np.clip(start, *np.array(bounds).T),
                    args=(squares,),
                    jac=True,
                    method="L-BFGS-B",
                    bounds=bounds,
                    options={"ftol": _TOLERANCE, "gtol": _TOLERANCE, "maxiter": 500},
                )
                if best is None or found.fun < best[0]:
                    best = (float(found.fun), np.asarray(found.x))
    if best is None or not math.isfinite(best[0]):
        raise ArithmeticError("the z statistics have no likelihood under any prior")
    share, first, second = best[1].tolist()
    narrow, wide = math.exp(first), math.exp(second)
    if narrow > wide:
        return EffectPrior(1.0 - share, wide, narrow)
    return EffectPrior(share, narrow, wide)


def _measure(at: F64, squares: F64) -> tuple[float, F64]:
    """Mean negative log likelihood and its gradient by share and logarithms of the deviations."""
    share, deviations = float(at[0]), np.exp(at[1:])
    variances = deviations[:, None] ** 2 + 1.0
    logs = -0.5 * np.log(variances) - 0.5 * squares / variances
    top = logs.max(axis=0)
    parts = np.array([[share], [1.0 - share]]) * np.exp(logs - top)
    total = parts.sum(axis=0)
    value = -float(np.mean(np.log(total) + top))
    by_share = np.mean((np.exp(logs[0] - top) - np.exp(logs[1] - top)) / total)
    by_variance = 0.5 * (squares / variances - 1.0) / variances * (parts / total)
    by_log = (by_variance * 2.0 * deviations[:, None] ** 2).mean(axis=1)
    return value, -np.concatenate([[by_share], by_log])
