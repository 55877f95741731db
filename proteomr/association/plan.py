"""From a cohort and a specification to groups of fits that share rows, and blocks of proteins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.association.exposures import Exposure, read_exposure
from proteomr.association.modifiers import Modifiers, missing_in, read_modifiers
from proteomr.association.specification import ModelSpec
from proteomr.design import Formula, Term, build, columns_of, union, unique_terms
from proteomr.errors import ColumnError, FormulaError, UsageError, nearest
from proteomr.models import Adjustment, Factor, Problem, Test, order_rows
from proteomr.tables import Cohort, Drop, ProteinCovariate

__all__ = ["BLOCK_SIZE", "Group", "Plan", "ProteinBlock", "TestKey", "plan_scan"]

BLOCK_SIZE = 72
_SHARED_BY_AT_LEAST = 8


@dataclass(frozen=True, slots=True)
class TestKey:
    """What identifies a test within a protein: exposure, adjustment, stratum and term, by position.

    Term 0 is the main effect, term i the i-th interaction.
    """

    __test__: ClassVar[bool] = False  # no test class, whatever its name suggests to pytest

    exposure: int
    adjustment: int
    stratum: int
    term: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Tests on one set of rows: complete for exposures and covariates, of one stratum and panel.

    Attributes
    ----------
    rows : positions among the samples, ordered so that factor cells are contiguous.
    tests : what the tests of the problem are, in its order.
    formulas : adjustment sets of the group by position in the specification.
    own : positions among the protein covariates of those that every protein has for itself.
    shared : values ``(n of the samples,)`` by name of the covariates that all proteins of the panel
        share.
    """

    rows: I64
    tests: tuple[TestKey, ...]
    formulas: Mapping[int, Formula]
    own: tuple[int, ...]
    shared: Mapping[str, F64]


@dataclass(frozen=True, slots=True)
class ProteinBlock:
    """Proteins fitted together: their positions, and the groups of their panel."""

    index: int
    proteins: I64
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a scan does, before it does it.

    Attributes
    ----------
    strata : labels; one None where there are no strata.
    drops : people that an exposure or covariate takes out, by test.
    """

    spec: ModelSpec
    cohort: Cohort
    covariates: tuple[ProteinCovariate, ...]
    exposures: tuple[Exposure, ...]
    modifiers: Modifiers
    strata: tuple[str | None, ...]
    groups: tuple[Group, ...]
    blocks: tuple[ProteinBlock, ...]
    drops: tuple[Drop, ...]

    @property
    def tests_per_protein(self) -> int:
        """Rows of the result for each protein."""
        terms = 1 + len(self.modifiers.terms)
        return len(self.exposures) * len(self.spec.adjust) * len(self.strata) * terms

    def problem(self, group: Group) -> Problem:
        """Build the arrays that the fits of a group share."""
        frame = self.cohort.samples[group.rows]
        for name, values in group.shared.items():
            frame = frame.with_columns(pl.Series(name, values[group.rows]))
        design = build(union(group.formulas.values()), frame)
        position = {a: i for i, a in enumerate(group.formulas)}
        used = sorted({key.exposure for key in group.tests})
        by = self.modifiers
        return Problem(
            covariates=design.matrix,
            names=design.names,
            factors=tuple(
                Factor(f.name, f.codes, np.array(f.columns, dtype=np.int64)) for f in design.factors
            ),
            exposures=np.column_stack([self.exposures[e].values[group.rows] for e in used]),
            exposure_names=tuple(self.exposures[e].name for e in used),
            adjustments=tuple(
                Adjustment(label, np.array(columns_of(design, group.formulas[a]), dtype=np.int64))
                for a, label in enumerate(self.spec.adjust)
                if a in group.formulas
            ),
            tests=tuple(
                Test(used.index(key.exposure), position[key.adjustment], key.term)
                for key in group.tests
            ),
            own_names=tuple(self.covariates[i].name for i in group.own),
            interaction=by.interaction[group.rows] if by.terms else None,
            weights=None if by.weights is None else by.weights[group.rows],
            clusters=None if by.clusters is None else by.clusters[group.rows],
            notes=design.notes,
        )


def plan_scan(
    cohort: Cohort,
    spec: ModelSpec,
    *,
    covariates: Sequence[ProteinCovariate] = (),
    block_size: int = BLOCK_SIZE,
) -> Plan:
    """Check a specification against a cohort and lay out its groups and blocks.

    Raises
    ------
    UsageError, FormulaError, ColumnError
        What the specification names is not there, or cannot serve.
    """
    _check_names(cohort, spec, covariates)
    exposures = tuple(read_exposure(cohort, name, family=spec.family) for name in spec.exposures)
    modifiers = read_modifiers(
        cohort, interaction=spec.interaction, weights=spec.weights, cluster=spec.cluster
    )
    formulas = _resolve(cohort, spec, covariates, modifiers)
    strata, stratum_rows = _read_strata(cohort, spec)
    panels = _partition(cohort, covariates)
    groups: list[Group] = []
    blocks: list[ProteinBlock] = []
    drops: list[Drop] = []
    orders: dict[tuple[bytes, str], I64] = {}
    for panel, proteins in enumerate(panels):
        shared = _shared_values(covariates, int(proteins[0]))
        first = len(groups)
        groups += _group_tests(
            cohort, exposures, formulas, stratum_rows, covariates, shared, modifiers, orders
        )
        members = tuple(range(first, len(groups)))
        if panel == 0:
            drops = _count_drops(cohort, spec, exposures, formulas, strata, stratum_rows)
        for start in range(0, proteins.size, block_size):
            part = proteins[start : start + block_size]
            blocks.append(ProteinBlock(len(blocks), part, members))
    if not any(group.rows.size for group in groups):
        raise ColumnError(
            "nobody has exposures and covariates complete: " + _describe_missing(cohort, formulas)
        )
    return Plan(
        spec,
        cohort,
        tuple(covariates),
        exposures,
        modifiers,
        strata,
        tuple(groups),
        tuple(blocks),
        tuple(drops),
    )


def _check_names(cohort: Cohort, spec: ModelSpec, covariates: Sequence[ProteinCovariate]) -> None:
    columns = cohort.samples.columns
    for covariate in covariates:
        if covariate.name in columns:
            raise UsageError(
                f"{covariate.name!r} is both a protein covariate and a column of the samples: "
                "rename one"
            )
    for name in (*spec.exposures, *([spec.strata] if spec.strata else [])):
        if name not in columns:
            raise ColumnError(f"no column {name!r} in the samples{nearest(name, columns)}")


def _resolve(
    cohort: Cohort,
    spec: ModelSpec,
    covariates: Sequence[ProteinCovariate],
    modifiers: Modifiers,
) -> dict[int, Formula]:
    names = {covariate.name for covariate in covariates}
    known = [c for c in cohort.samples.columns if c != cohort.id_column]
    resolved = {}
    for position, (label, formula) in enumerate(spec.formulas().items()):
        full = formula.resolve([*known, *names])
        if modifiers.formula is not None:
            full = Formula(unique_terms([*full.terms, *modifiers.formula.terms]))
        clash = [name for name in spec.exposures if name in full.variables]
        if clash:
            raise UsageError(f"{clash[0]!r} is an exposure and in the adjustment set {label!r}")
        if spec.strata is not None and spec.strata in full.variables:
            raise UsageError(f"{spec.strata!r} makes the strata and is in {label!r}: take it out")
        resolved[position] = full
    unused = names.difference(*(formula.variables for formula in resolved.values()))
    if unused:
        raise UsageError(f"protein covariate {min(unused)!r} is in no adjustment set: add it")
    return resolved


def _read_strata(
    cohort: Cohort, spec: ModelSpec
) -> tuple[tuple[str | None, ...], tuple[Bool, ...]]:
    if spec.strata is None:
        return (None,), (np.ones(cohort.n, dtype=bool),)
    column = cohort.samples[spec.strata]
    column = column.set(pl.Series(missing_in(column)), None)
    levels = column.drop_nulls().unique().sort().to_list()
    if not 1 <= len(levels) <= 50:
        raise ColumnError(f"{spec.strata!r} has {len(levels)} levels: strata need 1 to 50")
    rows = tuple((column == level).fill_null(value=False).to_numpy() for level in levels)
    return tuple(_label(level) for level in levels), rows


def _label(level: object) -> str:
    return str(int(level)) if isinstance(level, float) and level.is_integer() else str(level)


def _is_shared(covariate: ProteinCovariate) -> bool:
    return len(set(covariate.column_of)) * _SHARED_BY_AT_LEAST <= len(covariate.column_of)


def _partition(cohort: Cohort, covariates: Sequence[ProteinCovariate]) -> list[I64]:
    """Split the proteins by the covariate columns that they share, in order of appearance."""
    shared = [covariate.column_of for covariate in covariates if _is_shared(covariate)]
    panels: dict[tuple[int, ...], list[int]] = {}
    for protein in range(len(cohort.proteins.names)):
        key = tuple(column_of[protein] for column_of in shared)
        panels.setdefault(key, []).append(protein)
    return [np.array(proteins, dtype=np.int64) for proteins in panels.values()]


def _shared_values(covariates: Sequence[ProteinCovariate], protein: int) -> dict[str, F64]:
    values = {}
    for covariate in covariates:
        if _is_shared(covariate):
            column = covariate.column_of[protein]
            values[covariate.name] = covariate.values.read(slice(column, column + 1))[:, 0]
    return values


def _group_tests(
    cohort: Cohort,
    exposures: Sequence[Exposure],
    formulas: Mapping[int, Formula],
    stratum_rows: Sequence[Bool],
    covariates: Sequence[ProteinCovariate],
    shared: Mapping[str, F64],
    modifiers: Modifiers,
    orders: dict[tuple[bytes, str], I64],
) -> list[Group]:
    """Group the tests of one panel by the rows that are complete for them."""
    gathered: dict[tuple[bytes, tuple[int, ...]], tuple[Bool, list[TestKey]]] = {}
    complete = {a: _complete_rows(cohort, formula, shared) for a, formula in formulas.items()}
    own = {
        a: tuple(
            i
            for i, covariate in enumerate(covariates)
            if covariate.name not in shared and covariate.name in formula.variables
        )
        for a, formula in formulas.items()
    }
    for s, rows in enumerate(stratum_rows):
        for a in formulas:
            for e, exposure in enumerate(exposures):
                kept = rows & complete[a] & modifiers.complete & ~np.isnan(exposure.values)
                members = gathered.setdefault((kept.tobytes(), own[a]), (kept, []))[1]
                members += [TestKey(e, a, s, i) for i in range(1 + len(modifiers.terms))]
    groups = []
    for (_, own_of), (kept, tests) in gathered.items():
        used = sorted({test.adjustment for test in tests})
        plain = {a: _without_own(formulas[a], [covariates[i].name for i in own_of]) for a in used}
        group = Group(np.flatnonzero(kept), tuple(tests), plain, own_of, shared)
        groups.append(replace(group, rows=_order(cohort, group, orders)))
    return groups


def _complete_rows(cohort: Cohort, formula: Formula, shared: Mapping[str, F64]) -> Bool:
    kept = np.ones(cohort.n, dtype=bool)
    for name in formula.variables:
        if name in shared:
            kept &= ~np.isnan(shared[name])
        elif name in cohort.samples.columns:
            kept &= ~missing_in(cohort.samples[name])
    return kept


def _without_own(formula: Formula, names: Sequence[str]) -> Formula:
    """Return a formula less the main effects of covariates that each protein has for itself."""
    kept = []
    for term in formula.terms:
        inside = [part for part in term.parts if part.column in names]
        if not inside:
            kept.append(term)
        elif len(term.parts) > 1 or inside[0].steps or inside[0].categorical:
            raise FormulaError(
                f"{str(term)!r}: a covariate with its own values for each protein enters as it is, "
                "without functions or interactions"
            )
    return Formula(tuple(kept))


def _order(cohort: Cohort, group: Group, known: dict[tuple[bytes, str], I64]) -> I64:
    """Order a group's rows by the cells of the factors that all its adjustment sets have.

    What has been ordered before is looked up.
    """
    if group.rows.size == 0:
        return group.rows
    common = set.intersection(
        *({term for term in f.terms if len(term.parts) == 1} for f in group.formulas.values())
    )
    terms = tuple(t for f in group.formulas.values() for t in f.terms if t in common)
    needed = [t.parts[0].column for t in terms]
    factors = [t for t, name in zip(terms, needed, strict=True) if _is_factor(cohort, t)]
    if not factors:
        return group.rows
    formula = Formula(tuple(dict.fromkeys(factors)))
    key = (group.rows.tobytes(), str(formula))
    if key in known:
        return known[key]
    design = build(formula, cohort.samples[group.rows])
    blocks = tuple(
        Factor(f.name, f.codes, np.array(f.columns, dtype=np.int64)) for f in design.factors
    )
    known[key] = group.rows[order_rows(blocks, group.rows.size)]
    return known[key]


def _is_factor(cohort: Cohort, term: Term) -> bool:
    part = term.parts[0]
    if part.column not in cohort.samples.columns:
        return False
    return bool(part.categorical or not cohort.samples.schema[part.column].is_numeric())


def _count_drops(
    cohort: Cohort,
    spec: ModelSpec,
    exposures: Sequence[Exposure],
    formulas: Mapping[int, Formula],
    strata: Sequence[str | None],
    stratum_rows: Sequence[Bool],
) -> list[Drop]:
    def absent(name: str) -> Bool:
        return missing_in(cohort.samples[name])

    lacking: list[tuple[str, str, Bool]] = []
    if spec.strata is not None:
        lacking = [("associate", spec.strata, ~np.logical_or.reduce(stratum_rows))]
    for label, rows in zip(strata, stratum_rows, strict=True):
        where = f" in {spec.strata} {label}" if label is not None else ""
        names = filter(None, (spec.weights, spec.cluster))
        lacking += [(f"associate{where}", e.name, np.isnan(e.values) & rows) for e in exposures]
        lacking += [(f"associate{where}", name, absent(name) & rows) for name in names]
        lacking += [
            (f"associate, {step}{where}", name, absent(name) & rows)
            for step, formula in zip(spec.adjust, formulas.values(), strict=True)
            for name in formula.variables
            if name in cohort.samples.columns
        ]
    counts = [(step, f"{name} missing", int(rows.sum())) for step, name, rows in lacking]
    return [Drop(*count) for count in counts if count[-1]]


def _describe_missing(cohort: Cohort, formulas: Mapping[int, Formula]) -> str:
    counts = {
        name: int(missing_in(cohort.samples[name]).sum())
        for formula in formulas.values()
        for name in formula.variables
        if name in cohort.samples.columns
    }
    worst = sorted(counts.items(), key=lambda item: -item[1])[:3]
    found = ", ".join(f"{name} missing in {n} of {cohort.n}" for name, n in worst if n)
    return found or f"{cohort.n} people, exposures missing in all"
