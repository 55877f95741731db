"""Which rules of a definition are applied: those asked for, as far as their sources are there."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from proteomr.errors import ColumnError, UsageError, nearest
from proteomr.phenotype.definitions.definition import Definition
from proteomr.phenotype.definitions.field_codes import describe_field, resolve_instance
from proteomr.phenotype.definitions.rule import Rule, Source
from proteomr.phenotype.outcomes.reading import OutcomeRules
from proteomr.tables.fields import Fields

__all__ = [
    "DeriveOptions",
    "choose_rules",
    "find_instance",
    "is_there",
    "list_sources",
    "wanted_columns",
    "wanted_fields",
]


@dataclass(frozen=True, slots=True)
class DeriveOptions:
    """How a definition is applied.

    Parameters
    ----------
    instance : visit whose answers are taken, of fields that are asked at several.
    allow_partial : a column of 0 and 1 is filled in where items are missing but leave no doubt:
        isolated at 2 of 3 items, whatever the third says. Nothing is imputed, and a score stays
        missing when one of its items is.
    only : columns to make; empty for all, outcomes included.

    Examples
    --------
    >>> DeriveOptions(only=("isolation",)).instance
    0
    """

    instance: int = 0
    allow_partial: bool = False
    only: tuple[str, ...] = ()


def choose_rules(
    definition: Definition, fields: Fields, *, options: DeriveOptions
) -> tuple[tuple[Rule, ...], OutcomeRules | None, list[str]]:
    """Return the rules and outcomes that the fields allow, and a note for each that is left out.

    Parameters
    ----------
    definition : the rules and outcomes.
    fields : with the columns that there are; no answer is looked at.
    options : the visit and the columns.

    Raises
    ------
    ColumnError
        Fields or columns that rules need are not there; with the rules, and how to get them.
    UsageError
        A column is asked for that no rule makes.

    Examples
    --------
    >>> import polars as pl
    >>> from proteomr.phenotype.definitions.definition import load_definition
    >>> answers = Fields(pl.DataFrame({"eid": ["1"], "p31_i0": [None]}))
    >>> chosen = choose_rules(
    ...     load_definition("shen2025"), answers, options=DeriveOptions(only=("sex",))
    ... )
    >>> [rule.name for rule in chosen[0]], chosen[1]
    (['sex'], None)
    """
    rules, outcomes = _choose(definition, options.only)
    rules, notes = _leave_out_absent(rules, fields, options=options, named=definition.sources)
    if outcomes is not None and not options.only and not _has_events(fields, outcomes):
        notes.append("the outcomes are left out: the files hold no date of an event or a death")
        outcomes = None
    return rules, outcomes, notes


def wanted_fields(definition: Definition, *, only: Sequence[str] = ()) -> frozenset[int]:
    """Return the fields that have to be read for some columns, or for all of a definition.

    Examples
    --------
    >>> from proteomr.phenotype.definitions.definition import load_definition
    >>> sorted(wanted_fields(load_definition("shen2025"), only=["loneliness"]))
    [2020, 2110]
    """
    rules, outcomes = _choose(definition, tuple(only))
    field_numbers = frozenset[int]().union(*(rule.fields for rule in rules))
    return field_numbers if outcomes is None else field_numbers | outcomes.fields


def wanted_columns(definition: Definition, *, only: Sequence[str] = ()) -> frozenset[str]:
    """Return the columns of no field that have to be read for some columns, or for all.

    Examples
    --------
    >>> from proteomr.phenotype.definitions.definition import load_definition
    >>> sorted(wanted_columns(load_definition("shen2025")))
    ['batch']
    """
    rules, _ = _choose(definition, tuple(only))
    return frozenset[str]().union(*(rule.columns for rule in rules))


def _choose(
    definition: Definition, only: tuple[str, ...]
) -> tuple[tuple[Rule, ...], OutcomeRules | None]:
    """Return the rules that are needed, and the outcomes where they are."""
    if not only:
        return definition.select(()), definition.outcomes
    followed: tuple[str, ...] = ()
    if definition.outcomes is not None:
        followed = tuple(
            column for outcome in definition.outcomes.outcomes for column in outcome.columns
        )
    for name in only:
        if name not in definition.rules and name not in followed:
            columns = (*definition.rules, *followed)
            raise UsageError(
                f"--only {name}: definition {definition.name} makes no such column"
                f"{nearest(name, columns)}"
            )
    ruled = [name for name in only if name in definition.rules]
    rules = definition.select(ruled) if ruled else ()
    return rules, definition.outcomes if set(only) & set(followed) else None


def _leave_out_absent(
    rules: tuple[Rule, ...], fields: Fields, *, options: DeriveOptions, named: Sequence[str]
) -> tuple[tuple[Rule, ...], list[str]]:
    """Return the rules whose sources are there; an optional one may lack them, with a note."""
    rules_kept: list[Rule] = []
    omitted: dict[str, list[str]] = {}
    absent: dict[str, list[str]] = {}
    for rule in rules:
        sources = list_sources(rule, options)
        lacking = [s for s in sources if not is_there(s, fields, omitted, options=options)]
        if not lacking or (rule.any_source and len(lacking) < len(sources)):
            rules_kept.append(rule)
            continue
        what: dict[str, None] = {}
        for source in lacking:
            named_so = _describe(source, fields, options=options)
            what |= dict.fromkeys(omitted[source.name] if source.is_rule else [named_so])
        if rule.optional:
            omitted[rule.name] = list(what)
        else:
            for lack in what:
                absent.setdefault(lack, []).append(rule.name)
    if absent:
        shown = "; ".join(f"{what}: needed by {', '.join(by)}" for what, by in absent.items())
        asked = " ".join(f"--definition {source}" for source in named)
        asked += f" --instance {options.instance}" if options.instance else ""
        raise ColumnError(
            f"the files lack {shown}; ask for them (proteomr fields {asked} prints the list), or "
            "name the columns that you need with --only"
        )
    shown_rules = [rule for rule in rules if rule.name in omitted and rule.keep]
    notes = [
        f"{r.name} is left out: the files lack {', '.join(omitted[r.name])}" for r in shown_rules
    ]
    return tuple(rules_kept), notes


def list_sources(rule: Rule, options: DeriveOptions) -> Sequence[Source]:
    """Return the sources that are of the visit: what was asked once is of the first."""
    if not rule.any_source or not options.instance:
        return rule.sources
    again = any(find_instance(source, options) for source in rule.sources)
    once = {s for s in rule.sources if s.field is not None and not find_instance(s, options)}
    return [source for source in rule.sources if not (again and source in once)]


def is_there(
    source: Source, fields: Fields, left: Container[str], *, options: DeriveOptions
) -> bool:
    """Tell whether a source is there: a field of the visit, a column, or a rule not left out.

    Parameters
    ----------
    source : of a rule.
    fields : with the columns that there are.
    left : names of the rules that are left out.
    options : the visit.

    Examples
    --------
    >>> import polars as pl
    >>> answers = Fields(pl.DataFrame({"eid": ["1"], "age": [61]}))
    >>> is_there(Source("age"), answers, (), options=DeriveOptions())
    True
    """
    if source.is_rule:
        return source.name not in left
    if source.field is None:
        return source.name in fields.frame.columns
    return fields.has(source.field, find_instance(source, options))


def _describe(source: Source, fields: Fields, *, options: DeriveOptions) -> str:
    if source.field is None:
        return f"column {source.name!r}{nearest(source.name, fields.frame.columns)}"
    instance = find_instance(source, options)
    visit = f" of instance {instance}" if instance else ""
    return f"field {describe_field(source.field)}{visit}"


def find_instance(source: Source, options: DeriveOptions) -> int:
    """Return the instance that a field is read at: the rule's own, else that of the visit.

    Examples
    --------
    >>> find_instance(Source("2020", field=2020), DeriveOptions(instance=2))
    2
    """
    if source.instance is not None or source.field is None:
        return source.instance or 0
    return resolve_instance(source.field, instance=options.instance)


def _has_events(fields: Fields, outcomes: OutcomeRules) -> bool:
    """Tell whether any of the dates that make an event is there."""
    dates = {field for outcome in outcomes.outcomes for field in outcome.event}
    if outcomes.follow_up is not None:
        dates.add(outcomes.follow_up.death)
    return not dates.isdisjoint(fields.numbers)
