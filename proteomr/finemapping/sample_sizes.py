"""Whether the number of people fits the errors and the statistics of a trait."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from proteomr.gwas.region_traits import RegionTrait
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.stats.susie import SusieOptions

__all__ = ["find_size", "judge_size"]

# Meta-analyses and imputation make n differ by variant, and covariates take a part of the variance:
# factors of two are met, of three hardly; a factor of ten is a digit too many.
_FACTOR: Final = 3.0
# Statistics of variants in a tenth of the people are not what the others let expect.
_UNEVEN: Final = 10.0
# The strongest pQTL known explain three quarters of their protein's variance.
_MOST_EXPLAINED: Final = 0.9


def find_size(trait: RegionTrait, facts: TraitFacts) -> float | None:
    """Return the people told by an option, else by the median of the column; None where neither."""
    if facts.n is not None:
        return facts.n
    known = trait.n[np.isfinite(trait.n)]
    return float(np.median(known)) if known.size else None


def judge_size(
    trait: RegionTrait, facts: TraitFacts, susie: SusieOptions, *, n: float
) -> str | None:
    r"""Return in words what contradicts the number of people; None where nothing does.

    The file's own column must not range over a factor of ten, and its median is held against n; so
    are the errors where the trait's spread is known,

    .. math:: n \approx \frac{\mathrm{sd}_Y^2}{2 f (1 - f) V}, \qquad
        n \approx \frac{1}{2 f (1 - f) s (1 - s) V}

    (of a quantitative trait with ``sdy`` or ``var_y``, and of cases with their share s), in the
    median variant; and the largest statistic, whose variant would explain
    :math:`z^2 / (z^2 + n - 2)` of the trait. A factor above 3, and a share above 0.9, contradict.

    Parameters
    ----------
    trait : a region.
    facts : what is said of the trait.
    susie : where a variance of the trait may be told.
    n : people.
    """
    told = trait.n[np.isfinite(trait.n)]
    if told.size and told.max() >= _UNEVEN * told.min():
        return f"variants of {told.min():,.0f} to {told.max():,.0f} people"
    if told.size and _is_apart(n, float(np.median(told))):
        return f"{n:,.0f} people, where the file tells {np.median(told):,.0f} a variant"
    implied = _imply_size(trait, facts, susie)
    if implied is not None and _is_apart(n, implied):
        return f"{n:,.0f} people, where errors and frequencies are those of {implied:,.0f}"
    z = float(np.max(np.abs(trait.z)))
    share = (z / math.hypot(z, math.sqrt(n - 2.0))) ** 2
    if facts.kind == "quant" and share > _MOST_EXPLAINED:
        return (
            f"{n:,.0f} people, where a variant of z {z:.4g} would explain {share:.0%} of the trait"
        )
    return None


def _imply_size(trait: RegionTrait, facts: TraitFacts, susie: SusieOptions) -> float | None:
    with np.errstate(over="ignore"):
        spread = 2.0 * trait.maf * (1.0 - trait.maf) * np.square(trait.se)
    good = np.isfinite(spread) & (spread > 0)
    if not good.any():
        return None
    variance = susie.var_y if facts.sdy is None else facts.sdy**2
    if facts.kind == "cc":
        share = facts.case_share
        variance = None if share is None else 1.0 / (share * (1.0 - share))
    return None if variance is None else float(np.median(variance / spread[good]))


def _is_apart(one: float, other: float) -> bool:
    return not 1.0 / _FACTOR <= one / other <= _FACTOR
