"""A mediation analysis met with a cohort: what its scan does, before it does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from proteomr import scan
from proteomr._typing import F64
from proteomr.design import Design, Formula, columns_of, union
from proteomr.errors import ColumnError, UsageError
from proteomr.mediation.family import Mediation, OfLevels, OfNumbers, Pair, SetColumns
from proteomr.mediation.specification import MediationSpec
from proteomr.models import Adjustment, Problem, Target
from proteomr.runs.notes import add_note
from proteomr.scan import (
    Reading,
    describe_reference,
    plan_blocks,
    quote_level,
    read_formulas,
    read_target,
    read_times,
)
from proteomr.scan.groups import Group
from proteomr.tables import Cohort, Drop, ProteinCovariate

__all__ = ["Plan", "number_blocks", "plan_mediation"]

_STEP = "mediate"
# Proteins of a block: enough that drawing people costs little beside what is done with them.
_BLOCK_SIZE = 16
_MOST_TOGETHER = 50  # in one joint model


@dataclass(frozen=True, slots=True)
class Plan(scan.Plan):
    """The plan of a scan whose models have two formulas for each adjustment set.

    Attributes
    ----------
    spec : what is asked.
    pairs : exposure and outcome of each target.
    sets : formulas of outcome and mediator, in the order of the labels; those of the reading, by
        which people are complete, are both together.
    """

    spec: MediationSpec
    pairs: tuple[Pair, ...]
    sets: tuple[tuple[Formula, Formula], ...]

    def problem(self, group: Group, design: Design | None = None) -> Problem:
        """Build the arrays of a group; sets of outcomes come first, of mediators behind them."""
        built = self._build_design(group) if design is None else design
        of_outcome, of_mediator = (
            tuple(
                Adjustment(self.reading.labels[a], _find_columns(built, self.reading, pair[side]))
                for a, pair in enumerate(self.sets)
                if a in group.formulas
            )
            for side in (0, 1)
        )
        problem = scan.Plan.problem(self, group, built)
        return replace(problem, adjustments=(*of_outcome, *of_mediator))


def _find_columns(
    design: Design, reading: Reading, formula: Formula
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array(columns_of(design, reading.without_own(formula)), dtype=np.int64)


def plan_mediation(
    cohort: Cohort,
    spec: MediationSpec,
    *,
    covariates: Sequence[ProteinCovariate] = (),
    block_size: int | None = None,
) -> Plan:
    """Check what is asked against a cohort and lay out its groups and blocks.

    Parameters
    ----------
    covariates : those with values of their own for each protein or panel.
    block_size : proteins fitted together.

    Raises
    ------
    UsageError, FormulaError, ColumnError
        What is named is not there, or cannot serve.
    """
    formulas = spec.formulas()
    reading = read_formulas(
        cohort,
        {label: union(pair) for label, pair in formulas.items()},
        covariates=covariates,
        cluster=spec.cluster,
        weights=spec.weights,
    )
    names = [*reading.columns.names, *(covariate.name for covariate in covariates)]
    sets = tuple((of.resolve(names), by.resolve(names)) for of, by in formulas.values())
    _refuse_clashes(reading, spec)
    if spec.joint and covariates:
        raise UsageError(
            f"--joint has all proteins in one model, and {covariates[0].name!r} is a covariate of "
            "each protein: leave one of them out"
        )
    if spec.method == "counterfactual" and spec.bootstrap is None:
        add_note(
            "errors of counterfactual effects take the weights for known, as those published do, "
            "and are too small where few are exposed; --bootstrap influence gives errors that "
            "do not"
        )
    pairs, targets, drops = _read_pairs(reading, spec)
    columns = {
        label: SetColumns(
            *(
                tuple(reading.covariates[i].name for i in reading.own_positions(formula))
                for formula in pair
            )
        )
        for label, pair in zip(reading.labels, sets, strict=True)
    }
    family = Mediation(spec=spec, pairs=pairs, sets=columns)
    plan = plan_blocks(
        reading,
        family,
        targets=targets,
        transform=spec.transform,
        block_size=_choose_size(cohort, spec) if block_size is None else block_size,
        step=_STEP,
    )
    plan = replace(plan, drops=(*drops, *plan.drops))
    known = {entry.name: getattr(plan, entry.name) for entry in fields(plan)}
    return Plan(**known, spec=spec, pairs=pairs, sets=sets)


def number_blocks(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Return the plans of imputations, whose numbers of blocks go on from one to the next.

    Raises
    ------
    UsageError
        Limits are drawn, which are of one data set.
    """
    if len(plans) > 1 and plans[0].spec.bootstrap is not None:
        raise UsageError(
            f"samples hold {len(plans)} imputations, over which estimates and errors are pooled, "
            "and draws are not: leave --bootstrap and --bootstraps out"
        )
    numbered, first = [], 0
    for plan in plans:
        blocks = tuple(replace(block, index=first + block.index) for block in plan.blocks)
        numbered.append(replace(plan, blocks=blocks))
        first += len(blocks)
    return tuple(numbered)


def _choose_size(cohort: Cohort, spec: MediationSpec) -> int:
    """Return how many proteins are analysed together: of refits one, of joint models all."""
    if spec.joint:
        return _count_together(cohort)
    return 1 if spec.bootstrap == "refit" else _BLOCK_SIZE


def _count_together(cohort: Cohort) -> int:
    """Return how many proteins are in one model.

    Raises
    ------
    UsageError
        They are too many.
    """
    count = len(cohort.proteins.names)
    if count > _MOST_TOGETHER:
        raise UsageError(
            f"--joint: {count:,} proteins in one model, and {_MOST_TOGETHER} at most are "
            "sensible: choose them with --proteins or --proteins-from"
        )
    return count


def _refuse_clashes(reading: Reading, spec: MediationSpec) -> None:
    proteins = set(reading.cohort.proteins.names)
    outcomes = [*spec.outcomes, *(n for o in spec.follow_up.outcomes for n in o.columns)]
    for role, names in (("exposure", spec.exposures), ("outcome", outcomes)):
        for name in names:
            if name in proteins and name not in reading.columns:
                raise UsageError(
                    f"{role} {name!r} is a protein, and proteins are the mediators: name a column "
                    "of the samples"
                )
            for label, formula in zip(reading.labels, reading.formulas, strict=True):
                if name in formula.variables:
                    raise UsageError(
                        f"{name!r} is an {role} and in the adjustment set {label!r}: take it out "
                        "of one"
                    )


def _read_pairs(
    reading: Reading, spec: MediationSpec
) -> tuple[tuple[Pair, ...], list[Target], list[Drop]]:
    """Return exposures and outcomes in pairs, each a target, and who is left out for times."""
    drops: list[Drop] = []
    outcomes = _read_outcomes(reading, spec, drops)
    pairs, targets = [], []
    for name in spec.exposures:
        exposure = _read_exposure(reading, spec, name)
        low, high = _choose_levels(exposure, spec, reading.modifiers.weights)
        for outcome in outcomes:
            pairs.append(Pair(name, outcome.name, low, high))
            values = np.column_stack([exposure.values, outcome.values])
            targets.append(
                Target(f"{name} to {outcome.name}", "outcome", "pair", values, unfit=outcome.unfit)
            )
    return tuple(pairs), targets, drops


def _read_exposure(reading: Reading, spec: MediationSpec, name: str) -> Target:
    reference = spec.reference_level
    exposure = read_target(reading, name, role="exposure", family=Mediation, reference=reference)
    if reference is not None and exposure.levels and reference not in exposure.levels:
        raise UsageError(
            f"exposure {name!r} has no level {reference!r}: it has {' and '.join(exposure.levels)}"
        )
    if exposure.levels and reference is None:
        remedy = f"give --reference-level {quote_level(exposure.levels[1])}"
        _note_reference(reading, exposure, remedy)
    if spec.method == "counterfactual" and not exposure.levels:
        raise ColumnError(
            f"exposure {name!r} has more than two values: --method counterfactual weighs the one "
            "level by the other; make a column of two levels, or take another method"
        )
    return exposure


def _choose_levels(
    exposure: Target, spec: MediationSpec, weights: F64 | None
) -> tuple[float, float]:
    """Return the exposures that are compared."""
    if spec.exposure_levels is not None:
        if exposure.levels:
            raise UsageError(
                f"--exposure-levels is for numbers, and {exposure.name!r} has two levels: "
                f"{exposure.contrasts[0]}; --reference-level turns them round"
            )
        return spec.exposure_levels
    if exposure.levels:
        return 0.0, 1.0
    mean = float(np.nanmean(exposure.values))
    if weights is not None:
        known = ~np.isnan(exposure.values) & ~np.isnan(weights)
        mean = float(np.average(exposure.values[known], weights=weights[known]))
    add_note(
        f"exposure {exposure.name!r} is taken as a number: effects are of one more, from its mean "
        f"{mean:.4g}; --exposure-levels LOW,HIGH compares others"
    )
    return mean, mean + 1.0


def _read_outcomes(reading: Reading, spec: MediationSpec, drops: list[Drop]) -> list[Target]:
    if spec.is_of_times:
        found = []
        for outcome in spec.follow_up.outcomes:
            read = read_times(reading.columns, outcome, options=spec.follow_up)
            drops += read.drops
            for note in read.notes:
                add_note(note)
            found.append(read.target)
        return found
    kind = OfNumbers if spec.family == "linear" else OfLevels
    targets = [read_target(reading, name, role="outcome", family=kind) for name in spec.outcomes]
    for target in targets:
        _note_reference(reading, target, "make a column of 0 and 1")
    return targets


def _note_reference(reading: Reading, target: Target, remedy: str) -> None:
    numeric = reading.columns.is_numeric(target.name)
    said = describe_reference(target, numeric=numeric, remedy=remedy)
    if said:
        add_note(said)
