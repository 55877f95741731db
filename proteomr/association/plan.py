"""A specification met with a cohort: what its scan does, before it does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from proteomr import scan
from proteomr.association.specification import ModelSpec
from proteomr.errors import ColumnError, InputError, UsageError, nearest
from proteomr.io import OutcomeTable, add_covariates
from proteomr.models import NUMBERS, AnyFamily, OutcomeTransform, Target
from proteomr.runs.notes import add_note
from proteomr.scan import (
    Beside,
    Reading,
    plan_blocks,
    read_formulas,
    read_outcome,
    read_target,
)
from proteomr.stats.relatedness import Relatedness
from proteomr.tables import Cohort, ProteinCovariate, ProteinInstruments

__all__ = ["Plan", "number_blocks", "plan_scan"]

_STEP = "associate"


@dataclass(frozen=True, slots=True)
class Plan(scan.Plan):
    """The plan of a scan that knows the specification it is of."""

    spec: ModelSpec


def plan_scan(
    cohort: Cohort,
    spec: ModelSpec,
    *,
    covariates: Sequence[ProteinCovariate] = (),
    outcomes: Sequence[OutcomeTable] = (),
    instruments: ProteinInstruments | None = None,
    block_size: int | None = None,
    kinship: Relatedness | None = None,
) -> Plan:
    """Check a specification against a cohort and lay out its groups and blocks.

    Parameters
    ----------
    outcomes : the files of outcomes that the specification has labels of, met with the cohort; the
        specification of the plan names their outcomes behind its own.
    instruments : those of each protein, where the specification asks for them.
    kinship : relatedness of the people of the cohort, in their order.

    Raises
    ------
    UsageError, FormulaError, ColumnError
        What the specification names is not there, or cannot serve.
    """
    for table in outcomes:
        cohort = add_covariates(cohort, table)
    beside = _list_beside(outcomes)
    for name in spec.outcomes:
        if name in beside:
            raise UsageError(
                f"outcome {name!r} is given twice: as a column of the samples, and in "
                f"{beside[name].label}, all of whose columns are outcomes but for its covariates"
            )
    named, spec = spec.outcomes, replace(spec, outcomes=(*spec.outcomes, *beside))
    if spec.iv.by_protein and instruments is None:
        raise UsageError("instruments of each protein are asked for, and no table of them is given")
    reading = read_formulas(
        cohort,
        spec.formulas(),
        covariates=covariates,
        interaction=spec.interaction,
        strata=spec.strata,
        weights=spec.weights,
        cluster=spec.cluster,
        beside=beside,
        instruments=spec.iv.instruments,
        protein_instruments=instruments,
        random=spec.mixed.random,
        kinship=kinship,
    )
    family = spec.build_family()
    targets = [
        read_target(reading, name, role=spec.role, family=family, reference=spec.reference_level)
        for name in (spec.exposures or named)
    ]
    targets += _read_beside(reading, family, spec.reference_level)
    _note_shared_names(reading)
    targets = _set_transform(targets, spec.outcome_options.transform)
    if spec.reference_level is not None:
        _refuse_unknown_reference(targets, spec.reference_level)
    plan = plan_blocks(
        reading,
        family,
        targets=targets,
        transform=spec.transform,
        block_size=block_size,
        step=_STEP,
    )
    return Plan(spec=spec, **{entry.name: getattr(plan, entry.name) for entry in fields(plan)})


def number_blocks(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Return plans of as many blocks each, whose numbers go on from one plan to the next."""
    if len(plans) > 1 and plans[0].spec.permutations.draws:
        raise UsageError(
            "permutations are of one table of people, and the samples hold several imputations: "
            "take one of them"
        )
    each = len(plans[0].blocks)
    if any(len(plan.blocks) != each for plan in plans):
        raise InputError("imputations of the samples have other proteins than the first")
    return tuple(
        replace(
            plan,
            blocks=tuple(replace(block, index=i * each + block.index) for block in plan.blocks),
        )
        for i, plan in enumerate(plans)
    )


def _list_beside(outcomes: Sequence[OutcomeTable]) -> dict[str, Beside]:
    """Return the outcomes of all files by name, each in one of them."""
    beside: dict[str, Beside] = {}
    for table in outcomes:
        for column in table.outcomes.iter_columns():
            if column.name in beside:
                files = f"{beside[column.name].label} and {table.label}"
                raise ColumnError(f"the outcome {column.name!r} is in {files}: rename one")
            beside[column.name] = Beside(column, table.label, table.formula)
    return beside


def _read_beside(reading: Reading, family: AnyFamily, reference: str | None) -> list[Target]:
    """Return the targets that the columns of files are, or say of all that are none."""
    targets, faults = [], []
    for beside in reading.beside.values():
        try:
            targets.append(read_outcome(beside.column, family=family, reference=reference))
        except ColumnError as fault:
            faults.append(fault)
    if faults:
        others = f"; so are {len(faults) - 1:,} others of them" if len(faults) > 1 else ""
        raise ColumnError(
            f"{faults[0]}; leave the column out of the file, or name it as a covariate{others}"
        )
    return targets


def _note_shared_names(reading: Reading) -> None:
    """Say which outcomes of files have the name of a covariate, which is another column."""
    for label, formula in zip(reading.labels, reading.formulas, strict=True):
        for name in formula.variables:
            if name in reading.beside:
                of = reading.beside[name].label
                add_note(
                    f"{name} is an outcome of {of}, and set {label!r} adjusts for the samples'"
                )


def _set_transform(targets: Sequence[Target], transform: OutcomeTransform) -> list[Target]:
    """Have continuous outcomes transformed."""
    if transform == "none":
        return list(targets)
    changed = [
        replace(target, transform=transform) if target.kind == NUMBERS.name else target
        for target in targets
    ]
    if not any(target.transform != "none" for target in changed):
        raise UsageError(f"the transform {transform!r} is of continuous outcomes, and none is one")
    return changed


def _refuse_unknown_reference(targets: Sequence[Target], reference: str) -> None:
    """Refuse a reference level that no target of two levels has."""
    levels = {
        t.name: [level for contrast in t.contrasts for level in (contrast or "").split(" vs ")]
        for t in targets
        if t.contrasts[0] is not None
    }
    if any(reference in pair for pair in levels.values()):
        return
    known = sorted({level for pair in levels.values() for level in pair})
    had = "; ".join(f"{name!r} has {' and '.join(sorted(set(of)))}" for name, of in levels.items())
    raise UsageError(
        f"no {targets[0].role} of two levels has the reference level {reference!r}"
        f"{nearest(reference, known)}: {had or 'none has two levels'}"
    )
