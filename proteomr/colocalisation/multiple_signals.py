"""Several signals of one trait in a region, told apart by linkage disequilibrium."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.colocalisation.choices import SusieRule
from proteomr.colocalisation.linkage import describe_variants
from proteomr.colocalisation.signals import Signal, Signals, weigh_trait
from proteomr.colocalisation.traits import Atlas, Trait
from proteomr.errors import InputError
from proteomr.gwas.conditional import separate_signals
from proteomr.gwas.conditional_units import CojoOptions
from proteomr.gwas.correlations import correlate_variants, explain_absence
from proteomr.gwas.ld_agreement import Agreement, judge_agreement
from proteomr.io.genetics.genotypes import LdSource
from proteomr.stats.susie import SusieFit, fit_susie
from proteomr.status import Status

__all__ = ["ConditionalSignals", "SusieSignals", "correlate_trait"]

# Coloc repeats a fit that has not converged after 100 rounds with a hundred times as many.
_MOST_ROUNDS: Final = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class _Correlated:
    """A trait's rows that a panel has: places among its rows, and their correlations."""

    places: I64
    r: F64
    lost: int
    agreement: Agreement

    def describe(self, trait: Trait) -> str | None:
        """Return what is to be said of the correlations; None for nothing."""
        words = [f"{self.lost:,} variants have no correlations"] if self.lost else []
        words += [self.agreement.message] if self.agreement.message else []
        return "; ".join(f"{trait.name}: {text}" for text in words) or None


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalSignals:
    """Signals found step by step, each given the leads of all others.

    Attributes
    ----------
    atlas : of the traits.
    panel : of correlations.
    options : thresholds.
    """

    atlas: Atlas
    panel: LdSource
    options: CojoOptions

    def __call__(self, trait: Trait, place: slice, /) -> Signals:
        """Return the signals among some rows of a trait.

        A trait without a significant variant has one signal, as it stands; so has one with one.
        """
        whole = weigh_trait(trait, place)
        if whole.status is not Status.ok:
            return whole
        if trait.form == "p_values":
            return _fail(trait, whole, Status.not_identified, "conditional effects need effects")
        if not np.isfinite(trait.n[place]).any():
            text = f"conditional effects need N: give --n{trait.facts.suffix}"
            return _fail(trait, whole, Status.needs_sample_size, text)
        found = correlate_trait(self.atlas, trait, place, self.panel, need_n=True)
        if isinstance(found, str):
            return _fail(trait, whole, Status.not_identified, found)
        if found.agreement.status is Status.not_positive:
            return _fail(trait, whole, found.agreement.status, found.agreement.message)
        parted = self._separate(trait, place, whole, found)
        return replace(parted, doubt=found.agreement.status)

    def _separate(self, trait: Trait, place: slice, whole: Signals, found: _Correlated) -> Signals:
        at = np.arange(place.start, place.stop)[found.places]
        rows = pl.DataFrame(
            {
                "variant_id": self.atlas.variants["variant_id"].gather(trait.codes[at]),
                "beta": trait.beta[at] * trait.sign[at],
                "se": trait.se[at],
                "neg_log10_p": trait.neg_log10_p[at],
                "n": trait.n[at],
                "_at": at,
            }
        )
        parted = separate_signals(rows, found.r, options=self.options)
        if parted.status not in (Status.ok, Status.too_few):
            return _fail(trait, whole, parted.status, parted.message)
        if not parted.signals:
            text = f"{trait.name}: no variant has p <= {self.options.p:g}: taken as one signal"
            return replace(whole, message="; ".join(filter(None, (text, found.describe(trait)))))
        # The spread of the trait is that of its marginal effects, as those given others are of
        # fewer people's worth of variance.
        facts = trait.facts if whole.sdy is None else replace(trait.facts, sdy=whole.sdy)
        signals = []
        for label, signal in enumerate(parted.signals, start=1):
            own = signal.frame["_at"].to_numpy()
            beta, se = (signal.frame[name].to_numpy() for name in ("beta", "se"))
            given = Trait(
                trait.name, facts, trait.form, trait.codes[own], np.ones(own.size), beta, se,
                beta / se, trait.maf[own], trait.eaf[own], trait.n[own], trait.neg_log10_p[own],
            )  # fmt: skip
            weighed = weigh_trait(given, slice(0, own.size))
            if weighed.status is not Status.ok:
                return _fail(trait, whole, weighed.status, weighed.message or "")
            # What the other leads determine has an infinite variance beside them, and so a Bayes
            # factor of 1: it stays, as it may be another trait's signal.
            logs = np.zeros(at.size)
            codes = trait.codes[at]
            logs[np.searchsorted(codes, weighed.signals[0].codes)] = weighed.signals[0].logs
            signals.append(Signal(codes, logs, label))
        said = f"{trait.name}: {parted.message}" if parted.message else None
        message = "; ".join(filter(None, (found.describe(trait), said))) or None
        return Signals(tuple(signals), "conditional", whole.sdy, whole.n_variants, message=message)


@dataclass(frozen=True, slots=True, eq=False)
class SusieSignals:
    """Signals as the credible sets of a sum of single effects.

    Attributes
    ----------
    atlas : of the traits.
    panel : of correlations.
    rule : effects, coverage and purity.
    otherwise : finds signals where there are no credible sets.
    """

    atlas: Atlas
    panel: LdSource
    rule: SusieRule
    otherwise: ConditionalSignals

    def __call__(self, trait: Trait, place: slice, /) -> Signals:
        """Return the signals among some rows of a trait.

        Where no set is found, they are told apart by conditional effects, and it is said.
        """
        whole = weigh_trait(trait, place)
        if place.stop == place.start:
            return whole
        found = self._correlate(trait, place)
        if isinstance(found, str):
            return _fail(trait, whole, Status.not_identified, found)
        if found.agreement.status is Status.not_positive:
            return _fail(trait, whole, found.agreement.status, found.agreement.message)
        signals = self._sum_effects(trait, place, whole, found)
        if signals is not None:
            return signals
        other = self.otherwise(trait, place)
        text = f"{trait.name}: SuSiE finds no credible set: by conditional effects instead"
        return replace(other, message="; ".join(filter(None, (text, other.message))))

    def _sum_effects(
        self, trait: Trait, place: slice, whole: Signals, found: _Correlated
    ) -> Signals | None:
        """Return the credible sets of a trait, or why there is no fit; None where it has no set."""
        at = np.arange(place.start, place.stop)[found.places]
        told = trait.n[at][np.isfinite(trait.n[at])]
        n = float(np.median(told)) if told.size else None
        fit = self._fit(trait.z[at] * trait.sign[at], found.r, n)
        if isinstance(fit, str):
            return _fail(trait, whole, Status.not_identified, fit)
        if not fit.converged:
            text = f"the sum of single effects has no maximum ({fit.problem})"
            return _fail(trait, whole, Status.not_converged, text)
        if not fit.sets:
            return None
        words = [found.describe(trait)]
        if n is None:
            words.append(f"{trait.name}: no N, so that z is taken as it is")
        signals = _take_sets(fit, trait.codes[at], whole, words)
        return replace(signals, doubt=found.agreement.status)

    def _correlate(self, trait: Trait, place: slice) -> _Correlated | str:
        if trait.form == "p_values":
            return "--method susie needs effects, whose signs P does not tell"
        return correlate_trait(self.atlas, trait, place, self.panel)

    def _fit(self, z: F64, r: F64, n: float | None) -> SusieFit | str:
        """Return the fit, repeated with more rounds if need be; or why there is none."""
        try:
            fit = fit_susie(z, r, n=n, options=self.rule.options())
            if fit.problem == "iteration_limit":
                fit = fit_susie(z, r, n=n, options=self.rule.options(most_rounds=_MOST_ROUNDS))
        except InputError as fault:
            return str(fault)
        return fit


def correlate_trait(
    atlas: Atlas, trait: Trait, place: slice, panel: LdSource, *, need_n: bool = False
) -> _Correlated | str:
    """Return a trait's correlated variants in a region; or why there are none.

    Parameters
    ----------
    atlas, trait, place : the rows.
    panel : of correlations.
    need_n : whether variants without N are left out.
    """
    usable = np.isfinite(trait.z[place])
    if need_n:
        usable &= np.isfinite(trait.n[place])
    chosen = np.flatnonzero(usable)
    try:
        aligned = correlate_variants(
            describe_variants(atlas, trait, np.arange(place.start, place.stop)[chosen]), panel
        )
    except InputError as fault:
        return str(fault)
    if not aligned.places.size:
        return f"no variant of the region {explain_absence(aligned.reasons)}"
    places = chosen[aligned.places]
    at = np.arange(place.start, place.stop)[places]
    agreement = judge_agreement(trait.z[at] * trait.sign[at], aligned.r)
    return _Correlated(places, aligned.r, chosen.size - places.size, agreement)


def _take_sets(fit: SusieFit, codes: I64, whole: Signals, words: Sequence[str | None]) -> Signals:
    """Return the credible sets of a fit as signals."""
    signals = tuple(
        Signal(codes, fit.lbf_variable[one.effect], label)
        for label, one in enumerate(fit.sets, start=1)
    )
    message = "; ".join(filter(None, words)) or None
    sets = _list_sets(fit, codes)
    return Signals(signals, "susie", None, whole.n_variants, message=message, sets=sets)


def _list_sets(fit: SusieFit, codes: I64) -> pl.DataFrame:
    """Return the members of credible sets."""
    parts = [
        pl.DataFrame(
            {
                "set": pl.Series([str(label)] * one.members.size, dtype=pl.String),
                "code": codes[one.members],
                "pip": fit.pip[one.members],
                "coverage": [float(one.coverage)] * one.members.size,
                "purity": [float(one.purity)] * one.members.size,
            }
        )
        for label, one in enumerate(fit.sets, start=1)
    ]
    return pl.concat(parts)


def _fail(trait: Trait, whole: Signals, status: Status, text: str) -> Signals:
    message = text if text.startswith(trait.name) else f"{trait.name}: {text}"
    return Signals((), whole.way, None, whole.n_variants, status, message)
