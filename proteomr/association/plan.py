"""A specification met with a cohort: what its scan does, before it does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from proteomr import scan
from proteomr.association.specification import ModelSpec
from proteomr.errors import InputError, UsageError, nearest
from proteomr.models import Target
from proteomr.scan import plan_blocks, read_formulas, read_target
from proteomr.tables import Cohort, ProteinCovariate

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
    block_size: int | None = None,
) -> Plan:
    """Check a specification against a cohort and lay out its groups and blocks.

    Raises
    ------
    UsageError, FormulaError, ColumnError
        What the specification names is not there, or cannot serve.
    """
    reading = read_formulas(
        cohort,
        spec.formulas(),
        covariates=covariates,
        interaction=spec.interaction,
        strata=spec.strata,
        weights=spec.weights,
        cluster=spec.cluster,
    )
    family = spec.build_family()
    targets = [
        read_target(reading, name, role=spec.role, family=family, reference=spec.reference_level)
        for name in spec.targets
    ]
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


def _refuse_unknown_reference(targets: Sequence[Target], reference: str) -> None:
    """Refuse a reference level that no target of two levels has."""
    levels = {t.name: t.contrasts[0].split(" vs ") for t in targets if t.contrasts[0] is not None}
    if any(reference in pair for pair in levels.values()):
        return
    known = sorted({level for pair in levels.values() for level in pair})
    had = "; ".join(f"{name!r} has {' and '.join(sorted(pair))}" for name, pair in levels.items())
    raise UsageError(
        f"no {targets[0].role} of two levels has the reference level {reference!r}"
        f"{nearest(reference, known)}: {had or 'none has two levels'}"
    )
