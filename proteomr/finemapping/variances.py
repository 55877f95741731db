"""Variances of the effects of a trait, and how far the trait spreads on their scale."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.gwas.region_traits import RegionTrait
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.stats.wakefield import (
    error_unit,
    estimate_outcome_sd,
    prior_variance_of,
    variance_from_frequency,
)

__all__ = ["find_variances"]


def find_variances(trait: RegionTrait, facts: TraitFacts) -> tuple[F64, float]:
    """Return variances of the effects, and the prior variance W of an effect, in one unit.

    Of P without effects they are NaN for variants of which no people are told.

    Parameters
    ----------
    trait : a region, or all of the file.
    facts : what is said of the trait.

    Raises
    ------
    InputError
        Frequencies or people are not told where they are needed.
    """
    n = trait.n if facts.n is None else np.full(trait.height, facts.n)
    n = np.where(n > 0, n, np.nan)
    if trait.form == "p_values":
        if np.isnan(n).all():
            raise InputError("P without effects needs the people: add --n, or a column N")
        if facts.kind == "cc" and facts.case_share is None:
            raise InputError("P of cases and controls needs the share of cases: add --case-share")
        variance = variance_from_frequency(trait.maf, n, case_share=facts.case_share)
        return variance, prior_variance_of(facts.kind)
    unit = error_unit(trait.se)
    with np.errstate(over="ignore"):
        variance = np.square(trait.se / unit)
    if facts.kind == "cc" or facts.sdy is not None:
        spread = 1.0 if facts.sdy is None else facts.sdy
        return variance, prior_variance_of(facts.kind, sdy=spread, unit=unit)
    good = np.isfinite(trait.maf) & np.isfinite(n) & (trait.maf > 0)
    good &= np.isfinite(variance) & (variance > 0)
    if not good.any():
        raise InputError(
            "the spread of the trait is not known: give --sdy (1 of a standardised trait), or "
            "frequencies and people (--n), by which it is estimated; or --type cc"
        )
    spread = estimate_outcome_sd(variance[good], trait.maf[good], n[good])
    if not np.isfinite(spread):
        raise InputError("errors and frequencies give the trait no spread: give --sdy")
    return variance, prior_variance_of("quant", sdy=spread)
