"""From the answers of participants to the columns that a definition asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from proteomr.errors import ColumnError
from proteomr.phenotype.answers import Answers, Reading, read_answers
from proteomr.phenotype.choosing import (
    DeriveOptions,
    choose_rules,
    find_instance,
    is_there,
    list_sources,
)
from proteomr.phenotype.count_table import Row, tabulate_counts
from proteomr.phenotype.counts import count_rule, warn_of_mean, warn_of_shares
from proteomr.phenotype.definitions.definition import Definition
from proteomr.phenotype.definitions.one_question import Recode
from proteomr.phenotype.definitions.rule import Rule, Source
from proteomr.phenotype.flow import complete_rows, tabulate_flow
from proteomr.phenotype.outcomes.deriving import derive_outcomes
from proteomr.tables.fields import Fields, name_field

__all__ = ["Phenotypes", "derive_again", "derive_phenotypes"]


@dataclass(frozen=True, slots=True, eq=False)
class Phenotypes:
    """The columns that a definition gives, and an account of them.

    Parameters
    ----------
    frame : the identifier and a column for each rule and outcome; n people.
    id_column : name of the identifier.
    counts : rule, value, label, n, share, published, note.
    flow : step, reason, n_left_out, n_left.
    complete : (n,) who has every exposure and every covariate.
    comparison : outcomes under two definitions, where they are compared; else None.
    rules : the rules that were applied, in order.
    warnings : shares and means far from the published ones, and what else to look at.
    notes : rules that were left out, and what the reading of the files says.
    answers : of each rule, also of those that are not written.
    """

    frame: pl.DataFrame
    id_column: str
    counts: pl.DataFrame
    flow: pl.DataFrame
    complete: pl.Series
    comparison: pl.DataFrame | None = None
    rules: tuple[Rule, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)
    answers: Mapping[str, Answers] = field(default_factory=dict[str, Answers])

    @property
    def complete_cases(self) -> pl.DataFrame:
        """The rows of the people who have every exposure and every covariate."""
        return self.frame.filter(self.complete)


def derive_phenotypes(
    fields: Fields, definition: Definition, *, options: DeriveOptions | None = None
) -> Phenotypes:
    """Return the columns that a definition makes of the answers of participants, with counts.

    Every rule gives a value or a reason for each person. A rule over others is missing where one of
    them is, under the name of the first such item.

    Parameters
    ----------
    fields : the answers, (n) participants.
    definition : the rules and outcomes.
    options : the visit, partial scores, the columns; by default the first visit, none, all.

    Raises
    ------
    ColumnError
        Fields or columns that rules need are not there; with the rules, and how to get them.
    UsageError
        A column is asked for that no rule makes.

    Examples
    --------
    >>> from proteomr.phenotype.definitions.definition import load_definition
    >>> answers = Fields(
    ...     pl.DataFrame({"eid": ["1", "2", "3"], "p2020_i0": [1, 0, -3], "p2110_i0": [0, 5, 0]})
    ... )
    >>> only = DeriveOptions(only=("loneliness",))
    >>> derived = derive_phenotypes(answers, load_definition("shen2025"), options=only)
    >>> derived.frame["loneliness"].to_list()
    [1, 0, None]
    """
    options = options or DeriveOptions()
    rules, outcomes, notes = choose_rules(definition, fields, options=options)
    answers, rows, warnings = _apply_all(rules, fields, options=options)
    columns = [fields.frame[fields.id_column]]
    columns += [
        answers[rule.name].value.alias(rule.name)
        for rule in rules
        if rule.keep and _is_asked(rule.name, options.only)
    ]
    counts, comparison = tabulate_counts(rows), None
    if outcomes is not None:
        followed = derive_outcomes(fields, outcomes, instance=options.instance)
        columns += [column for column in followed.frame if _is_asked(column.name, options.only)]
        counts = pl.concat([counts, followed.counts.select(counts.columns)])
        comparison = followed.comparison
        warnings += followed.warnings
    return Phenotypes(
        frame=pl.DataFrame(columns),
        id_column=fields.id_column,
        counts=counts,
        flow=tabulate_flow(rules, answers, people=fields.n, drops=fields.drops),
        complete=complete_rows(rules, answers, people=fields.n),
        comparison=comparison,
        rules=rules,
        warnings=tuple(warnings),
        notes=(*definition.notes, *fields.notes, *notes),
        answers=answers,
    )


def derive_again(
    phenotypes: Phenotypes,
    fields: Fields,
    /,
    values: Mapping[str, pl.Series],
    *,
    options: DeriveOptions,
) -> dict[str, pl.Series]:
    """Return the columns that are made of others, for other values of these.

    Parameters
    ----------
    phenotypes, fields : derived from one another.
    values : by the name of a rule, (n) each; those that are made of them are returned.
    options : how the definition was applied.

    Examples
    --------
    >>> from proteomr.phenotype.definitions.definition import load_definition
    >>> fields = Fields(pl.DataFrame({"eid": ["1"], "p2020_i0": [1], "p2110_i0": [None]}))
    >>> asked = DeriveOptions(only=("low_confiding", "loneliness"))
    >>> people = derive_phenotypes(fields, load_definition("shen2025"), options=asked)
    >>> filled = {"low_confiding": pl.Series([1])}
    >>> derive_again(people, fields, filled, options=asked)["loneliness"].to_list()
    [1]
    """
    answers, changed = dict(phenotypes.answers), set(values)
    for name, value in values.items():
        silent = pl.select(pl.when(value.is_null()).then(answers[name].reason)).to_series()
        answers[name] = Answers(value, silent)
    made = {}
    for rule in phenotypes.rules:
        if rule.name in changed or changed.isdisjoint(rule.needs):
            continue
        answers[rule.name] = _apply(rule, fields, answers, options=options)
        changed.add(rule.name)
        if rule.name in phenotypes.frame.columns:
            made[rule.name] = answers[rule.name].value.alias(rule.name)
    return made


def _apply_all(
    rules: Sequence[Rule], fields: Fields, *, options: DeriveOptions
) -> tuple[dict[str, Answers], list[Row], list[str]]:
    """Return the answers of all rules, their counts, and what is far from the published."""
    answers: dict[str, Answers] = {}
    rows: list[Row] = []
    warnings: list[str] = []
    for rule in rules:
        answers[rule.name] = rule_answers = _apply(rule, fields, answers, options=options)
        counted = count_rule(rule, rule_answers, decided=_decided(rule, answers))
        rows += [*counted, *_watch(rule, fields, options)]
        warnings += [*warn_of_shares(rule, counted), *warn_of_mean(rule, rule_answers)]
    return answers, rows, warnings


def _is_asked(name: str, only: tuple[str, ...]) -> bool:
    return not only or name in only


def _apply(
    rule: Rule, fields: Fields, earlier: Mapping[str, Answers], *, options: DeriveOptions
) -> Answers:
    parts = []
    for source in list_sources(rule, options):
        if source.is_rule:
            if source.name in earlier:
                parts.append((source.name, earlier[source.name]))
        elif is_there(source, fields, (), options=options):
            raw = _raw(source, fields, options)
            parts.append((source.name, read_answers(raw, _reading(rule, source, raw))))
    for name, part in parts:
        _refuse_content(rule, name, part.value.dtype)
    try:
        answers = rule.formula.apply(parts)
    except ColumnError as fault:
        raise ColumnError(f"rule {rule.name!r}: {fault}") from None
    return answers if options.allow_partial else replace(answers, low=None, high=None)


def _refuse_content(rule: Rule, name: str, dtype: pl.DataType) -> None:
    """Refuse a source that holds something else than its kind of rule takes."""
    takes, several = rule.formula.takes, isinstance(dtype, pl.List)
    inner = dtype.inner if isinstance(dtype, pl.List) else dtype
    codes = rule.formula.codes if isinstance(rule.formula, Recode) else ()
    words = bool(codes) and isinstance(codes[0], str)
    if dtype == pl.Null:
        return
    if takes == "lists" and not several:
        content, needed = "one value for each person", "a list of numbers"
    elif several and takes not in {"lists", "codes"}:
        content, needed = "several answers for each person", "one"
    elif (takes == "numbers" or (takes == "codes" and not words)) and not inner.is_numeric():
        content, needed = f"{inner}", "numbers"
    elif takes == "codes" and words and inner != pl.String:
        content, needed = f"{inner}", "text"
    else:
        return
    raise ColumnError(
        f"rule {rule.name!r} ({rule.formula.kind}): {name} holds {content}; {needed} needed"
    )


def _raw(source: Source, fields: Fields, options: DeriveOptions) -> pl.Series:
    if source.field is None:
        return fields.column(source.name)
    return fields.column(name_field(source.field, find_instance(source, options)))


def _reading(rule: Rule, source: Source, raw: pl.Series) -> Reading:
    """Return how a source is read: a whole number below 0 is a code, and no answer."""
    codes = source.field is not None and raw.dtype.is_integer()
    if not codes or isinstance(rule.formula, Recode) or rule.reading.minimum is not None:
        return rule.reading
    return replace(rule.reading, minimum=0.0)


def _decided(rule: Rule, answers: Mapping[str, Answers]) -> int:
    """Return how many people have a value although a source is missing."""
    if not rule.needs or rule.any_source or rule.formula.kind == "product":
        return 0
    sources = pl.DataFrame(
        [answers[name].value.is_null().alias(str(i)) for i, name in enumerate(rule.needs)]
    )
    some = sources.select(pl.any_horizontal(pl.all())).to_series()
    return int((some & answers[rule.name].value.is_not_null()).sum())


def _watch(rule: Rule, fields: Fields, options: DeriveOptions) -> list[Row]:
    """Return how many gave each of the answers that the rule wants to be looked at."""
    rows = []
    for source in rule.sources if rule.watch else ():
        raw = _raw(source, fields, options)
        for answer in rule.watch:
            if n := int((raw == answer).sum()):
                text = f"{n} people answered {answer}, which is taken as any other answer"
                rows.append(Row(rule.name, f"answer {answer}", None, n, None, note=text))
    return rows
