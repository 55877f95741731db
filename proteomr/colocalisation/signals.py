"""Signals of a trait in a region: Bayes factors of its variants, for each signal that it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.colocalisation.traits import Trait
from proteomr.stats.wakefield import (
    error_unit,
    estimate_outcome_sd,
    log_bayes_factors,
    prior_variance_of,
    variance_from_frequency,
)
from proteomr.status import Status

__all__ = ["Separator", "Signal", "Signals", "SingleSignal", "Way", "weigh_trait"]

Way: TypeAlias = Literal["single", "susie", "conditional"]
"""How signals were parted: not at all, as credible sets, or each given the leads of the others."""


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One signal of a trait.

    Attributes
    ----------
    codes : (k,) variants, ascending.
    logs : (k,) natural logarithms of their Bayes factors.
    label : number of the signal, or of its credible set; None where there is one for all.
    """

    codes: I64
    logs: F64
    label: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """What a trait has in a region, or why nothing can be said of it.

    Attributes
    ----------
    signals : empty unless the status is ok.
    way : how they were parted.
    sdy : standard deviation of the trait that was used; None where none was.
    n_variants : variants of the trait in the region, also those that tell too little.
    status, message : why there are no signals, or what is to be said of them.
    doubt : ``ok``; or ``mismatched``, where there are signals that are not to be trusted.
    sets : members of credible sets: ``set``, ``code``, ``pip``, ``coverage``, ``purity``; None
        where there are no sets.
    """

    signals: tuple[Signal, ...]
    way: Way
    sdy: float | None
    n_variants: int
    status: Status = Status.ok
    message: str | None = None
    sets: pl.DataFrame | None = None
    doubt: Status = Status.ok


class Separator(Protocol):
    """Finds the signals of a trait in a region."""

    def __call__(self, trait: Trait, place: slice, /) -> Signals:
        """Return the signals among some rows of the trait."""
        ...


@dataclass(frozen=True, slots=True)
class SingleSignal:
    """One causal variant for each trait: approximate Bayes factors as they stand."""

    def __call__(self, trait: Trait, place: slice, /) -> Signals:
        """Return the one signal of a trait."""
        return weigh_trait(trait, place)


def weigh_trait(trait: Trait, place: slice) -> Signals:
    r"""Return the Bayes factors of a trait's variants in a region.

    Of effects with their variances; or, where P alone is told, of z with
    :math:`V = 1 / (2 N f (1 - f))`, over s (1 - s) for cases and controls. The standard deviation
    of a quantitative trait is the one told, or estimated from all its variants in the region (R:
    ``coloc:::sdY.est``); with P it is 1, as V says. Variants that lack what is needed are left out.

    Parameters
    ----------
    trait : on its atlas.
    place : its rows in the region.
    """
    codes, z = trait.codes[place], trait.z[place]
    if not codes.size:
        return _fail(trait, 0, Status.nothing_shared, "has no variant in the region")
    if trait.form == "p_values":
        found = _weigh_p_values(trait, place)
    else:
        found = _weigh_effects(trait, place)
    if isinstance(found, Signals):
        return found
    variance, sdy, unit = found
    prior = prior_variance_of(trait.facts.kind, sdy=1.0 if sdy is None else sdy, unit=unit)
    usable = np.isfinite(variance) & np.isfinite(z)
    logs = log_bayes_factors(z[usable], variance[usable], prior_variance=prior)
    if not usable.any():
        text = "no variant in the region tells what its Bayes factor needs"
        return _fail(trait, codes.size, Status.not_identified, text)
    if not np.isfinite(logs).all():
        text = "an effect is too large beside its error for a Bayes factor"
        return _fail(trait, codes.size, Status.infinite, text)
    return Signals((Signal(codes[usable], logs),), "single", sdy, codes.size)


def _weigh_effects(trait: Trait, place: slice) -> tuple[F64, float | None, float] | Signals:
    """Return variances, the spread of a trait whose effects are told, and the unit of the first."""
    unit = error_unit(trait.se[place])
    with np.errstate(over="ignore"):
        variance = np.square(trait.se[place] / unit)
    if trait.facts.kind == "cc":
        return variance, None, unit
    if trait.facts.sdy is not None:
        return variance, trait.facts.sdy, unit
    maf, n = trait.maf[place], trait.n[place]
    end = trait.facts.suffix
    if np.isnan(n).all():
        text = f"sdY is neither given (--sdy{end}) nor can it be estimated: no N (--n{end})"
        return _fail(trait, variance.size, Status.needs_sample_size, text)
    told = np.isfinite(maf) & np.isfinite(n) & (maf > 0.0)
    told &= np.isfinite(variance) & (variance > 0.0)
    if not told.any():
        text = f"sdY is neither given (--sdy{end}) nor can it be estimated: no allele frequency"
        return _fail(trait, variance.size, Status.not_identified, text)
    sdy = estimate_outcome_sd(variance[told], maf[told], n[told])
    if not np.isfinite(sdy):
        text = f"sdY cannot be estimated from variances, frequencies and N: give --sdy{end}"
        return _fail(trait, variance.size, Status.not_identified, text)
    return variance, sdy * unit, unit


def _weigh_p_values(trait: Trait, place: slice) -> tuple[F64, float | None, float] | Signals:
    """Return variances of a trait of which P and frequencies are told, and their unit."""
    maf, n = trait.maf[place], trait.n[place]
    facts, end = trait.facts, trait.facts.suffix
    if np.isnan(n).all():
        text = f"P without effects needs N: give --n{end}"
        return _fail(trait, maf.size, Status.needs_sample_size, text)
    if facts.kind == "cc" and facts.case_share is None:
        text = f"P without effects needs the share of cases: give --case-share{end}"
        return _fail(trait, maf.size, Status.not_identified, text)
    return variance_from_frequency(maf, n, case_share=facts.case_share), None, 1.0


def _fail(trait: Trait, n: int, status: Status, text: str) -> Signals:
    return Signals((), "single", None, n, status, f"{trait.name}: {text}")
