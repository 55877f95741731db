"""What of the input looks odd, said before hours are spent."""

from __future__ import annotations

import polars as pl

from proteomr.association.plan import Plan
from proteomr.models import ORDERED_LEVELS, TIMES, Target
from proteomr.models.targets import STEPS
from proteomr.scan import describe_reference, people_asked, quote_level
from proteomr.tables import CHOSEN_PEOPLE, WITHOUT_PROTEINS

__all__ = ["describe_oddities"]

# Of the people: what is missing in more is named.
_MOSTLY = 0.5
_FIRST = 100  # values


def describe_oddities(plan: Plan) -> tuple[str, ...]:
    """Return what of people, columns and targets a user should look at, in sentences."""
    return (
        *_describe_overlap(plan),
        *_describe_strata(plan),
        *plan.cohort.notes,
        *(said for target in plan.targets for said in _describe_alphabet(plan, target)),
        *(said for target in plan.targets for said in _describe_order(plan, target)),
        *(said for name in _columns_used(plan) for said in _describe_column(plan, name)),
    )


def _describe_overlap(plan: Plan) -> tuple[str, ...]:
    cohort = plan.cohort
    without = sum(drop.n for drop in cohort.drops if drop.reason == WITHOUT_PROTEINS)
    if without * 2 <= cohort.n + without:
        return ()
    chosen = people_asked(cohort) - sum(d.n for d in cohort.drops if d.step == CHOSEN_PEOPLE)
    said = f"only {cohort.n:,} of the {chosen:,} people in the samples have proteins"
    return (f"{said}: are these files of one study, with the same identifiers?",)


def _describe_strata(plan: Plan) -> tuple[str, ...]:
    """Say who is in no stratum: of them no line of a stratum tells."""
    if plan.spec.strata is None:
        return ()
    cohort, asked = plan.cohort, people_asked(plan.cohort)
    within = sum(int(stratum.rows.sum()) for stratum in plan.reading.strata)
    if within == asked:
        return ()
    without = sum(drop.n for drop in cohort.drops if drop.reason == WITHOUT_PROTEINS)
    unchosen = sum(drop.n for drop in cohort.drops if drop.step == CHOSEN_PEOPLE)
    lost = {
        "withdrawn": asked - without - unchosen - cohort.n,
        "not asked for": unchosen,
        "without proteins": without,
        "without a value of it": cohort.n - within,
    }
    why = ", ".join(f"{n:,} {reason}" for reason, n in lost.items() if n)
    return (f"strata by {plan.spec.strata!r}: {within:,} of {asked:,} people are in one ({why})",)


def _describe_alphabet(plan: Plan, target: Target) -> tuple[str, ...]:
    """Say which of two texts is the reference, unless its name says so itself."""
    if len(target.levels) != 2 or plan.spec.reference_level == target.levels[0]:
        return ()
    said = describe_reference(
        target,
        numeric=_is_numeric(plan, target),
        remedy=f"give --reference-level {quote_level(target.levels[1])}",
    )
    return (said,) if said else ()


def _is_numeric(plan: Plan, target: Target) -> bool:
    beside = plan.reading.beside.get(target.name)
    if beside is None:
        return plan.reading.columns.is_numeric(target.name)
    return beside.column.dtype.is_numeric()


def _describe_order(plan: Plan, target: Target) -> tuple[str, ...]:
    """Say how text stands for ordered levels where the alphabet orders it, and which levels of the
    order that was given nobody has.
    """
    name, beside = target.name, plan.reading.beside.get(target.name)
    column = plan.reading.columns[name] if beside is None else beside.column
    alphabet = isinstance(column.dtype, pl.String | pl.Categorical)
    if target.kind not in {ORDERED_LEVELS.name, STEPS.name}:
        return ()
    given = plan.spec.ordinal.order_of(name)
    if given is not None:
        lost = [level for level in given if level not in target.levels]
        said = f"nobody has {' or '.join(map(repr, lost))} of --levels {name}: its order is"
        return (f"{said} {' < '.join(target.levels)}",) if lost else ()
    if not alphabet:
        return ()
    shown = " < ".join(target.levels)
    said = f"{target.role} {name!r} is ordered {shown}, as the alphabet has it"
    return (f'{said}; else give --levels {name}="LOWEST,...,HIGHEST"',)


def _columns_used(plan: Plan) -> tuple[str, ...]:
    """Return the columns of the samples that a model reads, each once."""
    reading = plan.reading
    named = [name for formula in reading.formulas for name in formula.variables]
    targets = [target.name for target in plan.targets if target.name not in reading.beside]
    names = dict.fromkeys([*targets, *named])
    return tuple(name for name in names if name in plan.reading.columns)


def _describe_column(plan: Plan, name: str) -> tuple[str, ...]:
    """Say that a column is mostly empty, or has one value."""
    columns, n = plan.reading.columns, plan.cohort.n
    missing = columns.missing(name)
    lost = int(missing.sum())
    said = []
    if lost > _MOSTLY * n:
        said.append(f"{name!r} is missing for {lost:,} of {n:,} people, whom every model loses")
    column = columns[name].filter(~missing)
    # Its first values tell of almost any column that it has more than one.
    single = column.head(_FIRST).n_unique() == 1 and column.n_unique() == 1
    events = {target.name for target in plan.targets if target.kind == TIMES.name}
    if single and n > 1 and name not in events:  # of events the statuses tell
        said.append(f"{name!r} has one value, {column[0]!r:.40}, and changes nothing")
    return tuple(said)
