"""One region fine mapped: by single effects with correlations, or by Wakefield's factors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.finemapping.request import Unmappable
from proteomr.finemapping.sample_sizes import find_size, judge_size
from proteomr.finemapping.tabulating import Mapped, tabulate
from proteomr.finemapping.variances import find_variances
from proteomr.finemapping.windows import Unit
from proteomr.gwas.correlations import (
    AlignedCorrelations,
    correlate_variants,
    describe_losses,
    explain_absence,
)
from proteomr.gwas.ld_agreement import say_not_positive
from proteomr.gwas.region_traits import RegionTrait
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.io.genetics.genotypes import LdSource
from proteomr.stats.credible_sets import CredibleSet, hold_share
from proteomr.stats.ld_contradiction import weigh_contradiction
from proteomr.stats.ld_mismatch import (
    LEAST_EIGENVALUE,
    Kriging,
    Spectrum,
    decompose,
    estimate_mismatch,
    has_least,
    krige,
)
from proteomr.stats.susie import SusieFit, SusieOptions, SusieProblem, fit_susie, shrink_z
from proteomr.stats.susie_infinite import fit_susie_infinite
from proteomr.stats.wakefield import (
    log_bayes_factors,
    posteriors_of_one,
)
from proteomr.status import Status
from proteomr.tables import Drop

__all__ = ["MapWork"]

_PROBLEMS: Final[Mapping[SusieProblem, tuple[Status, str]]] = {
    "iteration_limit": (
        Status.not_converged,
        "the objective has not come to rest within --max-iterations",
    ),
    "objective_fell": (Status.not_converged, "the objective fell: correlations of nobody"),
    "objective_infinite": (Status.not_converged, "the objective became infinite"),
    "prior_variance_large": (
        Status.prior_too_large,
        "a prior variance is unreasonably large: statistics and correlations of other people",
    ),
    "residual_variance_negative": (Status.not_converged, "the residual variance became negative"),
    "sums_disagree": (Status.not_converged, "sums disagree: the correlations are not symmetric"),
}
# In simulated loci s is below 0.1 with correlations of 1,000 other people, up to 0.2 with those of
# 500, and of people of another ancestry, where half of all sets are wrong, 0.36 in the median. Two
# strong effects that correlations turn against each other raise it as well, among a dozen variants
# in a third of loci; those a model of effects explains, and people of another ancestry it does not.
_MOST_MISMATCH: Final = 0.2
# Two effects that hide each other at r 0.9 explain ten times as much together as one by one.
_MOST_MASKING: Final = 10.0
_MOST_REMOVALS: Final = 10  # rounds of removal; each looks again with the others gone


@dataclass(frozen=True, slots=True, eq=False)
class MapWork:
    """Fine mapping of regions, each without the others.

    Parameters
    ----------
    traits : of the file.
    panel : correlations; None for Wakefield's factors.
    facts, susie, unmappable, remove_mismatched, check_mismatch, p1 : as asked.
    weights : prior weight by name of variant; None for equal ones.
    """

    traits: tuple[RegionTrait, ...]
    panel: LdSource | None
    facts: TraitFacts
    susie: SusieOptions
    unmappable: Unmappable = "none"
    remove_mismatched: bool = False
    check_mismatch: bool = True
    p1: float = 1e-4
    weights: Mapping[str, float] | None = None

    def __call__(self, unit: Unit, /) -> dict[str, pl.DataFrame]:
        """Return the tables of a region."""
        trait = unit.take(self.traits[unit.trait])
        mapped = self._map_alone(trait) if self.panel is None else self._map(trait, self.panel)
        return tabulate(mapped, label=unit.label)

    def _map(self, trait: RegionTrait, panel: LdSource) -> Mapped:
        """Fine map with correlations."""
        try:
            aligned = correlate_variants(trait.rows, panel)
        except InputError as fault:
            located = "none of the" in str(fault)
            status = Status.nothing_shared if located else Status.not_identified
            return Mapped(trait, status, self._name_method(), (str(fault),))
        drops = _count_drops(aligned)
        kept = trait.take(_mask(trait.height, aligned.places))
        if kept.height < 2:
            message = f"{kept.height} variant with correlations; two or more are needed"
            if not kept.height:
                message = f"none of the {trait.height} variants {explain_absence(aligned.reasons)}"
            status = Status.too_few if kept.height else Status.nothing_shared
            return Mapped(
                kept, status, self._name_method(), (message,), drops=drops, notes=aligned.notes
            )
        fitted = self._fit(kept, aligned.r)
        said = (*fitted.messages, *describe_losses(aligned.reasons))
        return replace(fitted, messages=said, drops=(*drops, *fitted.drops), notes=aligned.notes)

    def _fit(self, trait: RegionTrait, r: F64) -> Mapped:
        """Hold statistics against correlations, then fit the effects."""
        checked = self._check(trait, r)
        trait, r = checked.trait, checked.r
        facts: dict[str, Any] = {
            **self._name_method(),
            "n": self.facts.n,
            **checked.tell(),
            "removed": checked.removed,
        }
        gone = (Drop("mismatch", "sign_likely_turned", checked.removed),) if checked.removed else ()
        if trait.height < 2 or not checked.is_of_people:
            status, message = _judge_matrix(trait, checked.spectrum)
            return Mapped(trait, status, facts, (message,), drops=gone)
        fit, tau2 = self._fit_effects(trait, r, checked.spectrum)
        status, messages = self._judge(trait, checked, fit)
        facts |= {
            "converged": fit.converged,
            "iterations": fit.iterations,
            "elbo": float(fit.elbo[-1]) if self.unmappable == "none" else None,
            "sigma2": fit.sigma2 if fit.sigma2 > 0 else None,
            "tau2": tau2,
        }
        given = fit.converged or fit.problem == "iteration_limit"
        return Mapped(
            trait,
            status,
            facts,
            messages,
            pip=fit.pip if given else None,
            sets=fit.sets,
            alpha=fit.alpha,
            set_factors=fit.lbf,
            expected=None if checked.kriging is None else checked.kriging.expected,
            flagged=None if checked.kriging is None else checked.kriging.flagged,
            drops=gone,
        )

    def _check(self, trait: RegionTrait, r: F64) -> _Checked:
        """Hold each statistic against the others, and let turned ones go where that is asked."""
        n, var_y = self.facts.n, self.susie.var_y or 1.0
        unit, whole = (1.0, math.inf) if n is None else (var_y / (n - 1.0), var_y)
        if not self.check_mismatch:
            return _Checked(trait, r, None, None, None, 0, unit, whole, shrink_z(trait.z, n))
        removed = 0
        for _ in range(_MOST_REMOVALS):
            spectrum = decompose(r)
            s = estimate_mismatch(trait.z, spectrum, n=self.facts.n)
            kriging = krige(trait.z, spectrum, n=self.facts.n, s=s)
            stays = ~kriging.flagged
            if not self.remove_mismatched or stays.all() or stays.sum() < 2:
                break
            removed += int((~stays).sum())
            trait, r = trait.take(pl.Series(stays)), r[np.ix_(stays, stays)]
        else:
            spectrum = decompose(r)
            s = estimate_mismatch(trait.z, spectrum, n=self.facts.n)
            kriging = krige(trait.z, spectrum, n=self.facts.n, s=s)
        return _Checked(trait, r, spectrum, s, kriging, removed, unit, whole, kriging.z)

    def _fit_effects(
        self, trait: RegionTrait, r: F64, spectrum: Spectrum | None
    ) -> tuple[SusieFit, float | None]:
        weights = self._weigh(trait)
        if self.unmappable == "inf" and self.facts.n is not None and spectrum is not None:
            found = fit_susie_infinite(
                trait.z,
                r,
                spectrum,
                n=self.facts.n,
                prior_weights=weights,
                options=self.susie,
            )
            return found.fit, found.tau2
        fit = fit_susie(trait.z, r, n=self.facts.n, prior_weights=weights, options=self.susie)
        return fit, None

    def _weigh(self, trait: RegionTrait) -> F64 | None:
        """Return the prior weights of the variants; those that are not listed have none."""
        if self.weights is None:
            return None
        names = trait.rows["variant_id"].to_list()
        return np.array([self.weights.get(name, 0.0) for name in names])

    def _judge(
        self, trait: RegionTrait, checked: _Checked, fit: SusieFit
    ) -> tuple[Status, tuple[str, ...]]:
        """Return how a fit ended, by its gravest finding, and all of them in words."""
        found: list[tuple[Status, str]] = []
        if fit.problem is not None:
            found.append(_PROBLEMS[fit.problem])
        if self.facts.n is not None:
            message = judge_size(trait, self.facts, self.susie, n=self.facts.n)
            found += [] if message is None else [(Status.implausible_size, message)]
        if checked.spectrum is None:
            found.append((Status.unchecked, "statistics were not held against correlations"))
        texts = [*_describe_mismatch(trait, checked), *_describe_masking(checked, fit)]
        found += [(Status.mismatched, text) for text in texts]
        if found and not self._tells_alleles(trait):
            found.append((found[0][0], "the alleles of the correlations are not told"))
        if checked.is_unclear:
            said = (
                f"s is {checked.s:.2f}: effects that the correlations turn against each other, or "
                f"correlations of other people; {trait.height} variants do not tell which"
            )
            found.append((Status.unchecked, said))
        return (found[0][0] if found else Status.ok), tuple(text for _, text in found)

    def _tells_alleles(self, trait: RegionTrait) -> bool:
        """Tell whether correlations can be brought to the alleles of the trait."""
        known = self.panel is not None and self.panel.variants["allele_1"].is_not_null().any()
        return trait.has_alleles and known

    def _name_method(self) -> dict[str, Any]:
        return {"method": "susie" if self.unmappable == "none" else "susie_inf"}

    def _map_alone(self, trait: RegionTrait) -> Mapped:
        """Fine map by Wakefield's factors: one causal variant or none."""
        facts: dict[str, Any] = {"method": "wakefield", "n": find_size(trait, self.facts)}
        try:
            variance, width = find_variances(trait, self.facts)
        except InputError as fault:
            return Mapped(trait, Status.needs_sample_size, facts, (str(fault),))
        told = np.isfinite(variance)
        gone = (Drop("finemap", "n_missing", int((~told).sum())),) if not told.all() else ()
        trait, variance = trait.take(pl.Series(told)), variance[told]
        factors = log_bayes_factors(trait.z, variance, prior_variance=width)
        if not np.isfinite(factors).all():
            text = "an effect is too large beside its error for a Bayes factor"
            return Mapped(trait, Status.infinite, facts, (text,), drops=gone)
        prior, notes = _bound_prior(self.p1, trait.height)
        pip, null = posteriors_of_one(factors, prior=prior)
        return Mapped(
            trait,
            Status.ok,
            {**facts, "null_posterior": null},
            pip=pip,
            sets=_find_set(pip, self.susie.coverage),
            alpha=pip[None, :],
            log_bf=factors,
            drops=gone,
            notes=notes,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Checked:
    """Variants that are analysed, their correlations, and how statistics fit them."""

    trait: RegionTrait
    r: F64
    spectrum: Spectrum | None  # with s and kriging None where nothing was held against them
    s: float | None
    kriging: Kriging | None
    removed: int
    unit: float  # of squared effects, by squared statistics
    whole: float  # variance of the trait; without people it has no end
    z: F64  # shrunk by n

    @property
    def is_of_people(self) -> bool:
        """Whether no eigenvalue is so negative that genotypes cannot have the correlations."""
        if self.spectrum is None:
            return has_least(self.r, LEAST_EIGENVALUE)
        return self.spectrum.least >= LEAST_EIGENVALUE

    @property
    def contradicts(self) -> bool:
        """Whether s is large, and effects of whatever size do not explain it."""
        return self._is_far and self._is_beyond_effects

    @property
    def is_unclear(self) -> bool:
        """Whether s is large, and effects may explain it."""
        return self._is_far and not self._is_beyond_effects

    @property
    def _is_far(self) -> bool:
        return self.s is not None and self.s > _MOST_MISMATCH

    @property
    def _is_beyond_effects(self) -> bool:
        if self.spectrum is None:
            return False
        return weigh_contradiction(self.z, self.spectrum).is_beyond_effects

    def tell(self) -> dict[str, Any]:
        """Return the cells of the table of regions; none where nothing was held against them."""
        if self.spectrum is None or self.kriging is None:
            return {}
        return {
            "mismatch": self.s,
            "flagged": int(self.kriging.flagged.sum()),
            "least_eigenvalue": self.spectrum.least,
        }


def _mask(p: int, places: np.ndarray[Any, np.dtype[np.int64]]) -> pl.Series:
    mask = np.zeros(p, dtype=np.bool_)
    mask[places] = True
    return pl.Series(mask)


def _count_drops(aligned: AlignedCorrelations) -> tuple[Drop, ...]:
    counted = aligned.reasons.drop_nulls().value_counts(name="n")
    rows = counted.sort("n", aligned.reasons.name, descending=[True, False]).rows()
    return tuple(Drop("ld", str(reason), int(n)) for reason, n in rows)


def _judge_matrix(trait: RegionTrait, spectrum: Spectrum | None) -> tuple[Status, str]:
    if trait.height < 2:
        return Status.too_few, f"{trait.height} variant is left; two or more are needed"
    least = f"below {LEAST_EIGENVALUE:g}" if spectrum is None else f"{spectrum.least:.3g}"
    return Status.not_positive, say_not_positive(least)


def _describe_mismatch(trait: RegionTrait, checked: _Checked) -> list[str]:
    found = list[str]()
    if checked.kriging is None or checked.s is None:
        return found
    flagged = np.flatnonzero(checked.kriging.flagged)
    if flagged.size:
        names = trait.rows["variant_id"].gather(flagged[:3]).to_list()
        more = ", ..." if flagged.size > len(names) else ""
        found.append(
            f"effects likely of the other allele at {flagged.size:,} of {trait.height:,} variants: "
            f"{', '.join(names)}{more} (--remove-mismatched leaves them out)"
        )
    if checked.contradicts:
        found.append(
            f"statistics and correlations do not fit (s {checked.s:.2f}): use correlations of the "
            "people of the study"
        )
    return found


def _describe_masking(checked: _Checked, fit: SusieFit) -> list[str]:
    """Describe effects that are found by taking them from one another alone.

    Together they explain b' R b, one by one the squares of the statistics, and none more than all.
    """
    b = fit.alpha * fit.mu
    total = b.sum(axis=0)
    if not np.isfinite(total).all():
        return []
    largest = float(np.square(b).sum(axis=1).max(initial=0.0))
    if largest > checked.whole:
        return [f"an effect explains {largest / checked.whole:,.1f} times the trait's variance"]
    together = float(total @ checked.r @ total)
    squares = np.square(checked.z) * checked.unit
    alone = float((fit.alpha[fit.v > 0] @ squares).sum())
    if together <= _MOST_MASKING * alone:
        return []
    times = f"{together / alone:,.0f} times as much together as one by one"
    return [f"effects explain {times}: differences of variants that are nearly one"]


def _bound_prior(p1: float, m: int) -> tuple[float, tuple[str, ...]]:
    """Return the prior probability of a variant, so that those of all leave some for none."""
    if m * p1 < 1:
        return p1, ()
    bounded = 1.0 / (m + 1.0)
    return bounded, (f"--p1 {p1:g} times {m:,} variants is no probability: {bounded:.3g} is taken",)


def _find_set(pip: F64, coverage: float) -> tuple[CredibleSet, ...]:
    """Return the fewest variants that hold the coverage; none where no effect takes the rest."""
    if pip.sum() < coverage:
        return ()
    members = np.sort(hold_share(pip, share=coverage))
    nan = float("nan")
    return (CredibleSet(0, members, float(pip[members].sum()), nan, nan, nan),)
