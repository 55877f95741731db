"""One variant's effect on an outcome over its effect on an exposure, and whether others agree."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from proteomr._typing import F64, I64
from proteomr.errors import UsageError
from proteomr.stats.distributions import neg_log10_p_normal, z_from_neg_log10
from proteomr.stats.weighted_chi_squares import neg_log10_p_weighted_chi2
from proteomr.status import Status

__all__ = ["Effects", "Heidi", "Smr", "SmrOptions", "estimate_smr"]

# Matrices written with four digits have eigenvalues down to minus this, as a share of the largest.
_INDEFINITE: Final = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Effects of m variants and their standard errors, (m,) each, per the same alleles."""

    beta: F64
    se: F64

    @property
    def z(self) -> F64:
        """Effects in standard errors."""
        ratio: F64 = self.beta / self.se
        return ratio


@dataclass(frozen=True, slots=True)
class SmrOptions:
    """Which variants are taken.

    Parameters
    ----------
    p : largest p value of the top variant with the exposure.
    heidi_p : largest p value, with the exposure, of those that are compared with it.
    r2_low, r2_high : bounds of their squared correlation with the top variant; no two of them are
        correlated beyond the upper one.
    fewest, most : how many of them are compared.

    Raises
    ------
    UsageError
        A threshold is out of its range.

    Examples
    --------
    >>> SmrOptions().most
    20
    """

    p: float = 5e-8
    heidi_p: float = 1.57e-3
    r2_low: float = 0.05
    r2_high: float = 0.9
    fewest: int = 3
    most: int = 20

    def __post_init__(self) -> None:
        for name, value in (("p", self.p), ("heidi_p", self.heidi_p)):
            if not 0 < value <= 1:
                raise UsageError(f"{name} is {value:g}; it lies above 0 and is at most 1")
        if not 0 <= self.r2_low < self.r2_high <= 1:
            raise UsageError(
                f"r2 from {self.r2_low:g} to {self.r2_high:g}; 0 <= lower < upper <= 1 is needed"
            )
        if not 1 <= self.fewest <= self.most:
            raise UsageError(
                f"{self.fewest} to {self.most} variants; 1 <= fewest <= most is needed"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Heidi:
    """Whether the variants around the top one tell the same ratio.

    Parameters
    ----------
    rows : (k,) variants compared with the top one, by p value.
    statistic : sum of the squares of k standardised differences; NaN unless ok.
    neg_log10_p : of it; NaN unless ok.
    status : ok; ``too_few`` variants; ``not_identified`` where the correlations are no positive
        semidefinite matrix or an error of a difference is none.
    message : what a user should know; empty where nothing.
    """

    rows: I64
    statistic: float = math.nan
    neg_log10_p: float = math.nan
    status: Status = Status.too_few
    message: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Smr:
    """The ratio at the top variant.

    Parameters
    ----------
    top : position of the variant; -1 where no variant is significant enough.
    estimate, se, neg_log10_p : effect of the exposure on the outcome; NaN without a top variant.
    status : ok; ``too_few`` where no variant is significant enough.
    heidi : whether others agree.
    message : what a user should know; empty where nothing.
    """

    top: int = -1
    estimate: float = math.nan
    se: float = math.nan
    neg_log10_p: float = math.nan
    status: Status = Status.too_few
    heidi: Heidi = field(default_factory=lambda: Heidi(np.zeros(0, dtype=np.int64)))
    message: str = ""


def estimate_smr(
    exposure: Effects, outcome: Effects, *, r: F64, options: SmrOptions | None = None
) -> Smr:
    r"""Return the effect of an exposure on an outcome by its top variant, with the test HEIDI.

    .. math:: b_{xy} = \frac{b_{zy}}{b_{zx}}, \qquad
        T_{SMR} = \frac{z_{zy}^2 z_{zx}^2}{z_{zy}^2 + z_{zx}^2} \sim \chi^2_1

    and the error is that with which ``(b_xy / se)^2`` is T. HEIDI compares ratios of k
    other variants with it, :math:`d_i = b_{xy}(i) - b_{xy}(top)`, whose covariances follow from

    .. math:: \operatorname{cov}(b_{xy}(i), b_{xy}(j)) = \frac{r_{ij}\, s_{zy}(i) s_{zy}(j)}
        {b_{zx}(i) b_{zx}(j)} + b_{xy}(i) b_{xy}(j) \left( \frac{r_{ij}}{z_{zx}(i) z_{zx}(j)} -
        \frac{1}{z_{zx}(i)^2 z_{zx}(j)^2} \right)

    by :math:`T_{HEIDI} = \sum_i d_i^2 / \operatorname{var}(d_i)`, which is a sum of chi-squares
    weighted by the eigenvalues of the correlations of d (Zhu and others 2016,
    doi:10.1038/ng.3538; thresholds of Zhu and others 2018, doi:10.1038/s41467-017-02317-2).
    A small p of HEIDI is linkage: two causal variants; a large one does not tell a causal effect
    from pleiotropy. The two studies are taken to share nobody.

    Parameters
    ----------
    exposure, outcome : effects of m variants of one region, per the same alleles.
    r : (m, m) correlations of the copies of these alleles.
    options : which variants are taken.

    Raises
    ------
    UsageError
        The shapes differ.

    Examples
    --------
    >>> x = Effects(np.array([0.5, 0.25]), np.full(2, 0.05))
    >>> y = Effects(np.array([0.1, 0.05]), np.full(2, 0.02))
    >>> found = estimate_smr(x, y, r=np.array([[1.0, 0.5], [0.5, 1.0]]))
    >>> round(found.estimate, 6), round(found.se, 6), found.heidi.status.name
    (0.2, 0.044721, 'too_few')
    """
    asked = SmrOptions() if options is None else options
    shapes = {effects.shape for effects in (exposure.beta, exposure.se, outcome.beta, outcome.se)}
    m = exposure.beta.size
    if shapes != {(m,)} or r.shape != (m, m):
        raise UsageError(f"correlations {r.shape} do not fit effects of {sorted(shapes)} variants")
    usable = np.isfinite(exposure.z) & np.isfinite(outcome.z) & (exposure.se > 0) & (outcome.se > 0)
    strength = np.where(usable, np.abs(exposure.z), 0.0)
    top = int(np.argmax(strength)) if m else -1
    if top < 0 or strength[top] < _cut(asked.p):
        return Smr(message=f"no variant has p <= {asked.p:g} with the exposure")
    zx, zy = float(exposure.z[top]), float(outcome.z[top])
    estimate = float(outcome.beta[top] / exposure.beta[top])
    # Not b_xy / sqrt(T): where the outcome's effect is 0 the error is that of the outcome alone.
    se = float(abs(outcome.se[top] / exposure.beta[top])) * math.hypot(1.0, zy / zx)
    heidi = _compare(exposure, outcome, r, top=top, strength=strength, options=asked)
    p = float(neg_log10_p_normal(estimate / se))
    return Smr(top, estimate, se, p, Status.ok, heidi, heidi.message)


def _compare(
    exposure: Effects, outcome: Effects, r: F64, *, top: int, strength: F64, options: SmrOptions
) -> Heidi:
    """Return how the ratios of other variants differ from that of the top one."""
    rows = _choose(r, top=top, strength=strength, options=options)
    if rows.size < options.fewest:
        few = f"HEIDI: {rows.size} variants of {options.fewest} needed"
        return Heidi(rows, message=f"{few} have p <= {options.heidi_p:g} and r2 within bounds")
    taken = np.append(rows, top)
    noise = outcome.se[taken] / exposure.beta[taken]
    ratio = outcome.beta[taken] / exposure.beta[taken] / abs(noise[-1])
    noise /= abs(noise[-1])
    covariance = _covary_ratios(ratio, noise, exposure.z[taken], r[np.ix_(taken, taken)])
    differences = ratio[:-1] - ratio[-1]
    spread = covariance[:-1, :-1] - covariance[:-1, -1:] - covariance[-1:, :-1] + covariance[-1, -1]
    variances = np.diag(spread)
    if not (variances > 0).all():
        return Heidi(rows, status=Status.not_identified, message="HEIDI: a difference has no error")
    errors = np.sqrt(variances)
    roots = np.linalg.eigvalsh(spread / (errors[:, None] * errors))
    if roots[0] < -_INDEFINITE * roots[-1]:
        message = "HEIDI: the correlations are no positive definite matrix"
        return Heidi(rows, status=Status.not_identified, message=message)
    statistic = float(((differences / errors) ** 2).sum())
    p = neg_log10_p_weighted_chi2(statistic, np.maximum(roots, 0.0))
    return Heidi(rows, statistic, p, Status.ok)


def _choose(r: F64, *, top: int, strength: F64, options: SmrOptions) -> I64:
    """Return the variants to compare, by p value, no two of them correlated beyond the bound."""
    squares = r**2
    with np.errstate(invalid="ignore"):
        near = (squares[top] >= options.r2_low) & (squares[top] <= options.r2_high)
    near &= strength >= _cut(options.heidi_p)
    near[top] = False
    chosen: list[int] = []
    for row in np.argsort(-strength, kind="stable"):
        if len(chosen) == options.most:
            break
        if near[row] and not (squares[row, chosen] > options.r2_high).any():
            chosen.append(int(row))
    return np.array(chosen, dtype=np.int64)


def _covary_ratios(ratio: F64, noise: F64, zx: F64, r: F64) -> F64:
    """Return the covariances (k, k) of ratios, in the unit that they and their noise are in.

    Parameters
    ----------
    ratio, noise, zx : (k,) ratios, the outcome's errors over the exposure's effects, and the
        exposure's effects in standard errors.
    r : (k, k) correlations of the variants.
    """
    weak = r / np.outer(zx, zx) - 1.0 / np.outer(zx**2, zx**2)
    covariance: F64 = r * np.outer(noise, noise) + np.outer(ratio, ratio) * weak
    return covariance


def _cut(p: float) -> float:
    """Return the least absolute z of a two-sided p."""
    return float(z_from_neg_log10(-math.log10(p)))
