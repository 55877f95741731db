"""Inverse-variance weighted and Egger estimates of many pairs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from proteomr._typing import F64
from proteomr.mr.methods.base import Estimate, Method
from proteomr.mr.methods.egger import EggerRegression
from proteomr.mr.methods.ivw import (
    InverseVarianceWeighted,
    InverseVarianceWeightedFixed,
    InverseVarianceWeightedRandom,
)
from proteomr.stats.distributions import (
    neg_log10_p_chi2,
    neg_log10_p_normal,
    neg_log10_p_t,
    quantile_normal,
)
from proteomr.stats.weighted_lines import fit_lines, fit_slopes
from proteomr.tables import Harmonised

__all__ = ["batched_keys", "estimate_together"]

_FEWEST: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Pairs of m variants each: effects and weights, (k, m)."""

    x: F64
    y: F64
    w: F64

    @property
    def m(self) -> int:
        return int(self.x.shape[1])


def batched_keys(methods: Sequence[Method]) -> frozenset[str]:
    """Return the keys of the methods that can be estimated together: those with plain options.

    Examples
    --------
    >>> sorted(batched_keys([InverseVarianceWeighted(), InverseVarianceWeighted(robust=True)]))
    ['ivw']
    """
    return frozenset(method.key for method in methods if method in _PLAIN)


def estimate_together(
    pairs: Sequence[Harmonised], keys: frozenset[str]
) -> dict[tuple[int, str], Estimate]:
    """Return estimates by position of the pair and key of the method.

    Pairs of as many variants are fitted in one array, without padding, so that a pair's numbers do
    not depend on the others. Pairs of fewer than three variants, or of which a number is not
    finite, are left to the methods themselves and are absent here.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    keys : of the methods, as `batched_keys` gives them.

    Examples
    --------
    >>> estimate_together([], frozenset({"ivw"}))
    {}
    """
    groups: dict[int, list[int]] = {}
    for place, pair in enumerate(pairs):
        if pair.m >= _FEWEST:
            groups.setdefault(pair.m, []).append(place)
    found: dict[tuple[int, str], Estimate] = {}
    for places in groups.values():
        chosen = [pairs[place] for place in places]
        block = _Block(
            np.array([pair.x for pair in chosen]),
            np.array([pair.beta_y for pair in chosen]),
            np.array([pair.se_y for pair in chosen]) ** -2.0,
        )
        for key in keys:
            for place, one in zip(places, _FITS[key](block), strict=True):
                if one is not None:
                    found[place, key] = one
    return found


def _fit_fixed(block: _Block) -> list[Estimate | None]:
    return _fit_slopes(block, np.ones_like)


def _fit_floored(block: _Block) -> list[Estimate | None]:
    return _fit_slopes(block, lambda sigma: np.maximum(1.0, sigma))


def _fit_free(block: _Block) -> list[Estimate | None]:
    return _fit_slopes(block, lambda sigma: sigma)


def _fit_slopes(block: _Block, inflate: Callable[[F64], F64]) -> list[Estimate | None]:
    fit = fit_slopes(block.x, block.y, weights=block.w)
    sigma = np.sqrt(fit.q / fit.df)
    se = fit.se * inflate(sigma)
    details = {"residual_se": sigma, **_describe_q(fit.q, fit.df.astype(np.float64))}
    return _conclude(fit.slope, se, neg_log10_p_normal(fit.slope / se), details, m=block.m)


def _fit_egger(block: _Block) -> list[Estimate | None]:
    sign = np.where(block.x < 0, -1.0, 1.0)
    x, y = np.abs(block.x), sign * block.y
    fit = fit_lines(x, y, weights=block.w)
    df = fit.df.astype(np.float64)
    sigma = np.sqrt(fit.q / df)
    floor = np.maximum(1.0, sigma)
    se, intercept_se = fit.se * floor, fit.intercept_se * floor
    half = float(quantile_normal(0.975)) * intercept_se
    details = {
        "intercept": fit.intercept,
        "intercept_se": intercept_se,
        "intercept_neg_log10_p": neg_log10_p_t(fit.intercept / intercept_se, df),
        "intercept_conf_low": fit.intercept - half,
        "intercept_conf_high": fit.intercept + half,
        "residual_se": sigma,
        **_describe_q(fit.q, df),
    }
    return _conclude(fit.slope, se, neg_log10_p_t(fit.slope / se, df), details, m=block.m)


def _describe_q(q: F64, df: F64) -> dict[str, F64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        i2 = np.where(q > 0, np.maximum(0.0, (q - df) / q), np.nan)
    return {"q": q, "q_df": df, "q_neg_log10_p": neg_log10_p_chi2(q, df), "i2": i2}


def _conclude(
    estimate: F64, se: F64, minus_log: F64, details: dict[str, F64], *, m: int
) -> list[Estimate | None]:
    half = float(quantile_normal(0.975)) * se
    low, high = estimate - half, estimate + half
    usable = np.isfinite(estimate) & np.isfinite(se)
    return [
        Estimate(
            estimate=float(estimate[i]),
            se=float(se[i]),
            neg_log10_p=float(minus_log[i]),
            conf_low=float(low[i]),
            conf_high=float(high[i]),
            nsnp=m,
            details={name: float(values[i]) for name, values in details.items()},
        )
        if usable[i]
        else None
        for i in range(len(estimate))
    ]


_FITS: Final[dict[str, Callable[[_Block], list[Estimate | None]]]] = {
    "ivw": _fit_floored,
    "ivw_fe": _fit_fixed,
    "ivw_mre": _fit_free,
    "egger": _fit_egger,
}
_PLAIN: Final[tuple[Any, ...]] = (
    InverseVarianceWeighted(),
    InverseVarianceWeightedFixed(),
    InverseVarianceWeightedRandom(),
    EggerRegression(),
)
