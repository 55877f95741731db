"""A cohort met with formulas: columns, covariates, strata and complete rows, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.design import Formula, Term, parse, unique_terms
from proteomr.errors import FormulaError, UsageError
from proteomr.scan.columns import Columns
from proteomr.scan.modifiers import Modifiers, read_modifiers
from proteomr.scan.random_effects import list_random_columns
from proteomr.scan.strata import Stratum, divide_people
from proteomr.stats.relatedness import Relatedness
from proteomr.tables import Cohort, ProteinCovariate, ProteinInstruments

__all__ = ["Beside", "Reading", "is_plain", "read_formulas"]

# A covariate counts as shared by panels, which are then fitted apart, where so many proteins have
# each of its columns: what a panel costs to prepare is then less than one more border in every fit
# (36 proteins: linear fits as long, logistic fits a quarter longer). Else each has it for itself.
_SHARED_BY = 48
# Where a formula takes functions or products of it, which a border is not, far fewer will do.
_SHARED_BY_AT_LEAST = 8


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """An outcome that stands in a file of its own: the column, and what its models adjust for.

    Attributes
    ----------
    column : ``(n,)``, of the people of the cohort.
    label : of the file.
    formula : covariates that join every adjustment set for this outcome.
    """

    column: pl.Series
    label: str
    formula: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A cohort met with formulas.

    Attributes
    ----------
    cohort : n people and their proteins.
    covariates : those with values of their own for each protein or panel.
    columns : of the samples.
    labels : of the adjustment sets.
    formulas : of the adjustment sets, resolved against the columns; the main effect of an
        interaction covariate is in each.
    modifiers : interaction, weights and clusters.
    strata : at least one.
    absorbed : columns whose levels' effects are taken out.
    block : column within whose levels residuals are correlated.
    baseline : column whose levels have a baseline hazard each.
    person : column that says whose row it is, where a person may have several.
    bases : of the adjustment sets that are another with a covariate more, by position, that other.
    stratified_by, weights, cluster : the columns that were named for these; None without.
    beside : outcomes that stand in files of their own, by name.
    protein_instruments : those that each protein has for itself.
    random : the columns that random effects name.
    """

    cohort: Cohort
    covariates: tuple[ProteinCovariate, ...]
    columns: Columns
    labels: tuple[str, ...]
    formulas: tuple[Formula, ...]
    modifiers: Modifiers
    strata: tuple[Stratum, ...]
    stratified_by: str | None
    weights: str | None
    cluster: str | None
    random: tuple[str, ...] = ()
    beside: Mapping[str, Beside] = field(default_factory=dict[str, Beside])
    absorbed: tuple[str, ...] = ()
    block: str | None = None
    baseline: str | None = None
    person: str | None = None
    bases: Mapping[int, int] = field(default_factory=dict[int, int])

    @property
    def every_formula(self) -> tuple[tuple[str, Formula], ...]:
        """The adjustment sets, and what files of outcomes bring, each with its label."""
        sets = zip(self.labels, self.formulas, strict=True)
        brought = {f"outcomes {b.label}": b.formula for b in self.beside.values()}
        return (*sets, *brought.items())

    def formula_of(self, adjustment: int, target: str) -> Formula:
        """Return the covariates of the models of a target under an adjustment set."""
        formula, beside = self.formulas[adjustment], self.beside.get(target)
        if beside is None or not beside.formula.terms:
            return formula
        return Formula(unique_terms([*formula.terms, *beside.formula.terms]))

    protein_instruments: ProteinInstruments | None = None

    def shared_values(self, protein: int) -> dict[str, F64]:
        """Return the covariates ``(n,)`` that a protein shares with all of its panel, by name."""
        values = {}
        for covariate in self.covariates:
            if self.is_shared(covariate):
                column = covariate.column_of[protein]
                values[covariate.name] = covariate.values.read(slice(column, column + 1))[:, 0]
        return values

    def is_shared(self, covariate: ProteinCovariate) -> bool:
        """Whether a covariate is one for each panel, which is fitted apart, not each protein's."""
        terms = dict.fromkeys(term for _, formula in self.every_formula for term in formula.terms)
        plain = all(is_plain(term) for term in terms if _has(term, [covariate.name]))
        return is_paneled(covariate, by=_SHARED_BY if plain else _SHARED_BY_AT_LEAST)

    def added_to(self, adjustment: int) -> tuple[Term, ...] | None:
        """Return the terms that a set has more than its base; None for a set by itself."""
        if adjustment not in self.bases:
            return None
        base = self.formulas[self.bases[adjustment]].terms
        return tuple(term for term in self.formulas[adjustment].terms if term not in base)

    def own_positions(self, formula: Formula) -> tuple[int, ...]:
        """Return the covariates that every protein has for itself, among those of a formula."""
        return tuple(
            i
            for i, covariate in enumerate(self.covariates)
            if not self.is_shared(covariate) and covariate.name in formula.variables
        )

    def without_own(self, formula: Formula) -> Formula:
        """Return a formula less the main effects of what each protein has for itself."""
        own = [self.covariates[i].name for i in self.own_positions(formula)]
        return Formula(tuple(term for term in formula.terms if not _is_own(term, own)))

    def complete(self, formula: Formula, shared: Mapping[str, F64]) -> Bool:
        """Return where all columns and shared covariates of a formula have a value ``(n,)``."""
        rows = self.columns.complete(tuple(v for v in formula.variables if v in self.columns))
        for name in formula.variables:
            if name in shared:
                rows &= ~np.isnan(shared[name])
        return rows

    def is_factor(self, term: Term) -> bool:
        """Whether the first column of a term enters as a factor."""
        part = term.parts[0]
        if part.column not in self.columns:
            return False
        return bool(part.categorical or not self.columns.is_numeric(part.column))

    def describe_missing(self) -> str:
        """Say which covariates lack the most values."""
        counts = {
            name: int(self.columns.missing(name).sum())
            for formula in self.formulas
            for name in formula.variables
            if name in self.columns
        }
        worst = sorted(counts.items(), key=lambda item: -item[1])[:3]
        lacking = ", ".join(f"{name} missing in {n} of {self.cohort.n}" for name, n in worst if n)
        return lacking or f"{self.cohort.n} people, exposures missing in all"


def read_formulas(
    cohort: Cohort,
    adjust: Mapping[str, Formula] | None = None,
    *,
    covariates: Sequence[ProteinCovariate] = (),
    interaction: str | None = None,
    strata: str | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    beside: Mapping[str, Beside] | None = None,
    instruments: Sequence[str] = (),
    protein_instruments: ProteinInstruments | None = None,
    random: Sequence[str] = (),
    kinship: Relatedness | None = None,
    absorb: Sequence[str] = (),
    block: str | None = None,
    baseline: str | None = None,
    person: str | None = None,
    bases: Mapping[str, str] | None = None,
) -> Reading:
    """Meet a cohort with adjustment sets and with what modifies their models.

    Parameters
    ----------
    adjust : formulas by label; without, one that adjusts for nothing.
    covariates : those with values of their own for each protein or panel.
    interaction : covariate whose product with the term of interest is in every model.
    strata : column of the samples, each level of which is a stratum, or a condition on them, which
        makes two: false and true.
    weights, cluster, absorb, block, baseline, person : columns of the samples.
    beside : outcomes that stand in files of their own, by name; the samples have the covariates of
        their formulas.
    instruments : columns of the samples, or terms of them.
    protein_instruments : those that each protein has for itself.
    random : random effects, such as ``time|subject``.
    kinship : relatedness of the people of the cohort, in their order.
    bases : of the adjustment sets that are another with a covariate more, the label of that other.

    Raises
    ------
    UsageError, FormulaError, ColumnError
        What is named is not there, or cannot serve.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> samples = pl.DataFrame({"id": ["1", "2"], "age": [50.0, 60.0], "sex": ["F", "M"]})
    >>> cohort = Cohort(samples, "id", ArrayProteins(("ADM",), np.ones((2, 1))),
    ...     pl.DataFrame({"protein": ["ADM"]}))
    >>> reading = read_formulas(cohort, {"aged": parse("age")}, strata="sex")
    >>> [stratum.label for stratum in reading.strata]
    ['F', 'M']
    """
    columns = Columns(cohort)
    for covariate in covariates:
        if covariate.name in columns:
            raise UsageError(
                f"{covariate.name!r} is both a protein covariate and a column of the samples: "
                "rename one"
            )
    modifiers = read_modifiers(
        columns,
        cohort.samples,
        interaction=interaction,
        weights=weights,
        cluster=cluster,
        instruments=instruments,
        random=random,
        kinship=kinship,
        absorb=absorb,
        block=block,
        baseline=baseline,
        person=person,
    )
    if protein_instruments is not None:
        modifiers = replace(modifiers, genotyped=protein_instruments.people)
    formulas = {"unadjusted": parse("1")} if adjust is None else adjust
    names = {covariate.name for covariate in covariates}
    for label, formula in formulas.items():
        if cohort.id_column in formula.variables:
            name = cohort.id_column
            raise UsageError(f"{name!r} names the people and is in {label!r}: take it out")
    resolved = {
        label: _with_main_effect(formula.resolve([*columns.names, *names]), modifiers)
        for label, formula in formulas.items()
    }
    unused = names.difference(*(formula.variables for formula in resolved.values()))
    if unused:
        raise UsageError(f"protein covariate {min(unused)!r} is in no adjustment set: add it")
    labels = tuple(resolved)
    reading = Reading(
        cohort=cohort,
        covariates=tuple(covariates),
        columns=columns,
        labels=labels,
        formulas=tuple(resolved.values()),
        modifiers=modifiers,
        strata=divide_people(columns, cohort, strata),
        stratified_by=strata,
        weights=weights,
        cluster=cluster,
        beside=dict(beside or {}),
        protein_instruments=protein_instruments,
        random=list_random_columns(random),
        absorbed=tuple(absorb),
        block=block,
        baseline=baseline,
        person=person,
        bases={labels.index(of): labels.index(base) for of, base in (bases or {}).items()},
    )
    for label, formula in reading.every_formula:
        _refuse_twice(formula, label, strata=strata, baseline=baseline, absorb=absorb)
    _note_codes(reading)
    return reading


def _refuse_twice(
    formula: Formula, label: str, *, strata: str | None, baseline: str | None, absorb: Sequence[str]
) -> None:
    """Refuse a covariate whose effect is taken out of the models in another way."""
    if strata is not None and strata in formula.variables:
        raise UsageError(f"{strata!r} makes the strata and is in {label!r}: take it out")
    if baseline is not None and baseline in formula.variables:
        raise UsageError(
            f"{baseline!r} has a baseline for each level and is in {label!r}: take it out"
        )
    twice = [name for name in absorb if name in formula.variables]
    if twice:
        raise UsageError(f"{twice[0]!r} is absorbed and in {label!r}: take it out of one")


def _note_codes(reading: Reading) -> None:
    """Say which covariates seem to hold codes for missing values among their numbers."""
    terms = dict.fromkeys(term for _, formula in reading.every_formula for term in formula.terms)
    parts = [part for term in terms for part in term.parts if not part.categorical]
    for name in dict.fromkeys(part.column for part in parts):
        if name in reading.columns:
            reading.columns.note_codes(name)


def _with_main_effect(formula: Formula, modifiers: Modifiers) -> Formula:
    """Return a formula with the main effect of the interaction covariate."""
    if modifiers.formula is None:
        return formula
    return Formula(unique_terms([*formula.terms, *modifiers.formula.terms]))


def is_paneled(covariate: ProteinCovariate, *, by: int = _SHARED_BY_AT_LEAST) -> bool:
    """Whether each column of a covariate is that of so many proteins, on average."""
    return len(set(covariate.column_of)) * by <= len(covariate.column_of)


def _has(term: Term, names: Sequence[str]) -> bool:
    return any(part.column in names for part in term.parts)


def is_plain(term: Term) -> bool:
    """Whether a term is a column as it is."""
    return len(term.parts) == 1 and not term.parts[0].steps and not term.parts[0].categorical


def _is_own(term: Term, own: Sequence[str]) -> bool:
    """Whether a term is the main effect of a covariate that each protein has for itself."""
    if not _has(term, own):
        return False
    if not is_plain(term):
        raise FormulaError(
            f"{str(term)!r}: a covariate with its own values for each protein enters as it is, "
            "without functions or interactions"
        )
    return True
