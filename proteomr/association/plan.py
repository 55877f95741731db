"""A specification met with a cohort: what its scan does, before it does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from proteomr import scan
from proteomr.association.specification import ModelSpec
from proteomr.design.tokens import quote
from proteomr.errors import ColumnError, UsageError, nearest
from proteomr.io import OutcomeTable, add_covariates
from proteomr.models import (
    NUMBERS,
    ORDERED_LEVELS,
    AnyFamily,
    EventTimes,
    OutcomeTransform,
    Target,
)
from proteomr.models.level_contrasts import ask_contrasts, names_levels
from proteomr.models.targets import LINEAR
from proteomr.runs.notes import add_note
from proteomr.scan import (
    Beside,
    Reading,
    RowSets,
    plan_blocks,
    read_formulas,
    read_ordered_target,
    read_outcome,
    read_target,
    read_times,
)
from proteomr.scan.columns import label_level
from proteomr.stats.relatedness import Relatedness
from proteomr.tables import Cohort, Drop, ProteinCovariate, ProteinInstruments

__all__ = ["Plan", "number_blocks", "number_from", "plan_scan"]

_STEP = "associate"
_MOST_LEVELS = 50  # as many as an exposure of levels may have


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
    divide: Callable[[Reading, Sequence[Target]], RowSets] | None = None,
) -> Plan:
    """Check a specification against a cohort and lay out its groups and blocks.

    Parameters
    ----------
    covariates : those with values of their own for each protein or panel.
    outcomes : the files of outcomes that the specification has labels of, met with the cohort; the
        specification of the plan names their outcomes behind its own.
    instruments : those of each protein, where the specification asks for them.
    kinship : relatedness of the people of the cohort, in their order.
    block_size : proteins fitted together.
    divide : says whom the models are fitted to, in place of everybody or the strata.

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
        absorb=spec.absorb,
        block=spec.moderation.block,
        baseline=spec.baseline,
        person=spec.follow_up.person,
        beside=beside,
        instruments=spec.iv.instruments,
        protein_instruments=instruments,
        random=spec.mixed.random,
        kinship=kinship,
        bases=spec.bases(),
    )
    spec = _settle_errors(reading, spec)
    family = spec.build_family()
    drops: list[Drop] = []
    if spec.is_of_times:
        targets = _read_times(reading, spec, drops)
    else:
        targets = _read_targets(reading, family, spec, spec.exposures or named)
    targets += _read_beside(reading, family, spec)
    _refuse_unknown_order(targets, spec)
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
        row_sets=None if divide is None else divide(reading, targets),
        step=_STEP,
    )
    plan = replace(plan, drops=(*drops, *plan.drops))
    return Plan(spec=spec, **{entry.name: getattr(plan, entry.name) for entry in fields(plan)})


def number_blocks(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Return plans whose numbers of blocks go on from one plan to the next."""
    if len(plans) > 1 and plans[0].spec.permutations.draws:
        raise UsageError(
            "permutations are of one table of people, and the samples hold several imputations: "
            "take one of them"
        )
    numbered, first = [], 0
    for plan in plans:
        numbered.append(number_from(plan, first))
        first += len(plan.blocks)
    return tuple(numbered)


def number_from(plan: Plan, first: int) -> Plan:
    """Return a plan whose blocks are numbered from a number on."""
    blocks = tuple(replace(block, index=first + block.index) for block in plan.blocks)
    return replace(plan, blocks=blocks)


def _settle_errors(reading: Reading, spec: ModelSpec) -> ModelSpec:
    """Return the specification with errors: of times robust ones once a weight is not 0 or 1."""
    if spec.errors is not None:
        return spec
    weights = reading.modifiers.weights
    fractional = weights is not None and bool(np.any(~np.isnan(weights) & (weights != 1.0)))
    return replace(spec, errors="robust" if fractional else "classical")


def _doubt_horizons(target: Target, spec: ModelSpec) -> Iterator[str]:
    """Say which times that are asked for nobody is followed to."""
    exits = EventTimes.of(target).exit
    last = float(np.nanmax(exits, initial=-np.inf))
    tau, periods = spec.survival.tau, [time for time in spec.survival.periods if time >= last]
    if not np.isfinite(last):
        return
    ends = f"follow-up of {target.name!r} ends at {last:g}"
    if tau is not None and tau > last:
        yield f"{ends}: Uno's concordance up to {tau:g} is of all its events"
    if periods:
        yield f"{ends}: nobody is in the period from {periods[0]:g} on"


def _read_times(reading: Reading, spec: ModelSpec, drops: list[Drop]) -> list[Target]:
    """Read the outcomes that happen at a time; add who is left out to the drops."""
    targets = []
    for outcome in spec.follow_up.outcomes:
        for label, formula in zip(reading.labels, reading.formulas, strict=True):
            clash = [name for name in outcome.columns if name in formula.variables]
            if clash:
                raise UsageError(
                    f"{clash[0]!r} is of the outcome {outcome.event!r} and in the adjustment set "
                    f"{label!r}: take it out of one"
                )
        read = read_times(reading.columns, outcome, options=spec.follow_up)
        drops += read.drops
        for note in (*read.notes, *_doubt_horizons(read.target, spec)):
            add_note(note)
        targets.append(read.target)
    return targets


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


def _refuse_unknown_order(targets: Sequence[Target], spec: ModelSpec) -> None:
    """Refuse an order of the levels of what is no target."""
    names = [target.name for target in targets]
    absent = [name for name in spec.ordinal.ordered if name not in names]
    if absent:
        hint = nearest(absent[0], names)
        raise UsageError(f"--levels {absent[0]}: is no {spec.role} of this scan{hint}")


def _read_beside(reading: Reading, family: AnyFamily, spec: ModelSpec) -> list[Target]:
    """Return the targets that the columns of files are, or say of all that are none."""
    targets, faults = [], []
    for beside in reading.beside.values():
        try:
            order = spec.ordinal.order_of(beside.column.name)
            targets.append(
                read_outcome(
                    beside.column, family=family, reference=spec.reference_level, order=order
                )
            )
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


def _read_targets(
    reading: Reading, family: AnyFamily, spec: ModelSpec, names: Sequence[str]
) -> list[Target]:
    """Read the exposures or outcomes; of an ordered exposure the trend and the steps."""
    targets: list[Target] = []
    for name in names:
        order = spec.ordinal.order_of(name)
        if spec.ordered:
            targets += read_ordered_target(reading, name, family=family, order=order)
        else:
            reference = spec.reference_level
            text = _ask_levels(reading, name, spec)
            targets.append(
                read_target(
                    reading, text, role=spec.role, family=family, reference=reference, order=order
                )
            )
    named = [target.name for target in targets if target.contrasts != (LINEAR,)]
    contrasts = spec.moderation.contrasts
    targets = ask_contrasts(targets, contrasts) if contrasts else targets
    repeated = [name for name in named if named.count(name) > 1]
    if repeated:
        raise UsageError(f"{spec.role} {repeated[0]!r} is given twice, once by C()")
    if spec.ordered and not any(target.steps for target in targets):
        raise UsageError("--ordered: no exposure has three levels or more")
    return targets


def _ask_levels(reading: Reading, name: str, spec: ModelSpec) -> str:
    """Return an exposure by C() where it has numbers of which a contrast names two."""
    contrasts = spec.moderation.contrasts
    if not contrasts or name not in reading.columns or not reading.columns.is_numeric(name):
        return name
    values = reading.columns[name].drop_nulls().unique().sort().head(_MOST_LEVELS + 1)
    levels = tuple(label_level(value) for value in values.to_list())
    several = 2 < len(levels) <= _MOST_LEVELS
    named = any(names_levels(text, levels) for text in contrasts)
    return f"C({quote(name)})" if several and named else name


def _refuse_unknown_reference(targets: Sequence[Target], reference: str) -> None:
    """Refuse a reference level that no target has."""
    if all(target.kind == ORDERED_LEVELS.name for target in targets):
        raise UsageError("ordered levels have no reference: --levels gives their order")
    levels = {target.name: target.levels for target in targets if target.levels}
    if any(reference in had for had in levels.values()):
        return
    known = sorted({level for had in levels.values() for level in had})
    had = "; ".join(f"{name!r} has {_join(sorted(of))}" for name, of in levels.items())
    raise UsageError(
        f"no {targets[0].role} has the level {reference!r} to be the reference"
        f"{nearest(reference, known)}: {had or 'none has levels'}"
    )


def _join(levels: Sequence[str]) -> str:
    """Return labels in words.

    Examples
    --------
    >>> _join(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, (", ".join(levels[:-1]), levels[-1])))
