"""The dates of an outcome, gathered from the fields of participants and freed of special ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from proteomr.errors import ColumnError
from proteomr.phenotype.outcomes.follow_up import (
    AFTER_DEATH,
    BEFORE_BY_SPECIAL_DATE,
    DEATH_BEFORE_START,
    NO_CENTRE,
    SELF_REPORTED,
)
from proteomr.phenotype.outcomes.specification import (
    FollowUpRules,
    OutcomeRule,
    SpecialDate,
    Treatment,
)
from proteomr.tables.fields import Fields, name_field

__all__ = [
    "HOW_TO_GET",
    "count_special",
    "find_absent",
    "gather_basis",
    "gather_dates",
    "has_outcome",
]

HOW_TO_GET = "`proteomr fields` lists what to ask for"


def has_outcome(fields: Fields, rule: OutcomeRule, *, follow_up: FollowUpRules) -> bool:
    """Tell whether any date of an outcome is there.

    Examples
    --------
    >>> from proteomr.phenotype.outcomes.reading import load_outcomes
    >>> rules, answers = load_outcomes("shen2025-outcomes"), Fields(pl.DataFrame({"eid": ["1"]}))
    >>> has_outcome(answers, rules.outcomes[0], follow_up=rules.follow_up)
    False
    """
    if rule.is_death:
        return any(fields.has(follow_up.death, record) for record in follow_up.death_instances)
    return any(fields.has(number) for number in rule.event)


def gather_basis(fields: Fields, follow_up: FollowUpRules) -> pl.DataFrame:
    """Return what all outcomes share: start, death, lost and end of each person.

    Further records of death than the first, and loss to follow-up, are taken where they are there.

    Raises
    ------
    ColumnError
        A field is absent or holds no dates.

    Examples
    --------
    >>> from proteomr.phenotype.outcomes.reading import load_outcomes
    >>> dates = {"p53_i0": date(2008, 1, 1), "p40000_i0": date(2018, 1, 1)}
    >>> answers = Fields(pl.DataFrame({"eid": ["1"], **{name: [d] for name, d in dates.items()}}))
    >>> rules = load_outcomes("shen2025-code-outcomes").follow_up
    >>> gather_basis(answers, rules)["end"].to_list()
    [datetime.date(2022, 11, 30)]
    """
    start = name_field(follow_up.start, follow_up.instance)
    first, *further = [name_field(follow_up.death, of) for of in follow_up.death_instances]
    deaths = [first, *(name for name in further if name in fields.frame.columns)]
    lost = [name for name in _name_lost(follow_up) if name in fields.frame.columns]
    _require_dates(fields, [start, *deaths, *lost], needed_by="the follow-up")
    return fields.frame.select(
        pl.col(start).cast(pl.Date).alias("start"),
        pl.min_horizontal(pl.col(deaths).cast(pl.Date)).alias("death"),
        (pl.col(lost[0]) if lost else pl.lit(None)).cast(pl.Date).alias("lost"),
        _end(fields, follow_up).alias("end"),
    )


def find_absent(fields: Fields, follow_up: FollowUpRules) -> list[str]:
    """Return a sentence for each field that the follow-up can do without, and has to.

    Examples
    --------
    >>> from proteomr.phenotype.outcomes.reading import load_outcomes
    >>> rules = load_outcomes("shen2025-code-outcomes").follow_up
    >>> find_absent(Fields(pl.DataFrame({"eid": ["1"], "p40000_i0": [None]})), rules)
    []
    """
    absent = [
        f"record {record} of death (field {follow_up.death}) is not in the files"
        for record in follow_up.death_instances
        if not fields.has(follow_up.death, record)
    ]
    absent += [
        f"loss to follow-up ({fields.spell(name)}) is not in the files: nobody is censored for it"
        for name in _name_lost(follow_up)
        if name not in fields.frame.columns
    ]
    return absent


def gather_dates(
    fields: Fields, basis: pl.DataFrame, *, rule: OutcomeRule, follow_up: FollowUpRules
) -> pl.DataFrame:
    """Return the dates of one outcome as `follow_people` takes them.

    Parameters
    ----------
    fields : of the participants.
    basis : from `gather_basis`.
    rule, follow_up : the outcome, and how all are followed.

    Raises
    ------
    ColumnError
        A field is absent or holds something else.

    Examples
    --------
    >>> from proteomr.phenotype.outcomes.reading import load_outcomes
    >>> dates = {"p53_i0": date(2008, 1, 1), "p40000_i0": date(2018, 1, 1)}
    >>> answers = Fields(pl.DataFrame({"eid": ["1"], **{name: [d] for name, d in dates.items()}}))
    >>> rules = load_outcomes("shen2025-code-outcomes")
    >>> basis = gather_basis(answers, rules.follow_up)
    >>> mortality = rules.outcomes[-1]
    >>> dated = gather_dates(answers, basis, rule=mortality, follow_up=rules.follow_up)
    >>> dated["event"].to_list()
    [datetime.date(2018, 1, 1)]
    """
    if rule.is_death:
        event = pl.col("death").alias("event")
        none = pl.lit(None, dtype=pl.Date).alias("death")
        return basis.with_columns(event).with_columns(_fault(follow_up)).with_columns(none)
    names = [name_field(number) for number in rule.event]
    _require_dates(fields, names, needed_by=f"outcome {rule.name!r}")
    dates = fields.frame.select(
        pl.min_horizontal(_without(name, follow_up) for name in names).alias("event"),
        _is_any(names, _special(follow_up, "undated")).alias("undated"),
        _prior(fields, names, rule, follow_up).alias("prior"),
    )
    return pl.concat([basis, dates], how="horizontal").with_columns(_fault(follow_up))


def count_special(
    fields: Fields, rule: OutcomeRule, *, follow_up: FollowUpRules
) -> dict[SpecialDate, int]:
    """Return how many people have each special date in any of an outcome's fields.

    Examples
    --------
    >>> from proteomr.phenotype.outcomes.reading import load_outcomes
    >>> rules = load_outcomes("shen2025-code-outcomes")
    >>> answers = Fields(pl.DataFrame({"eid": ["1"]}))
    >>> count_special(answers, rules.outcomes[0], follow_up=rules.follow_up)
    {}
    """
    specials = () if rule.is_death else follow_up.special_dates
    if not specials:
        return {}
    names = [name_field(number) for number in rule.event]
    counted = fields.frame.select(
        _is_any(names, [special.date]).sum().alias(str(place))
        for place, special in enumerate(specials)
    ).row(0)
    return {special: int(n) for special, n in zip(specials, counted, strict=True) if n}


def _name_lost(follow_up: FollowUpRules) -> list[str]:
    return [] if follow_up.lost is None else [name_field(follow_up.lost)]


def _require_dates(fields: Fields, names: Sequence[str], *, needed_by: str) -> None:
    absent = [name for name in names if name not in fields.frame.columns]
    if absent:
        listed = ", ".join(map(fields.spell, absent))
        raise ColumnError(f"{needed_by} needs {listed}, absent from the files; {HOW_TO_GET}")
    for name in names:
        dtype = fields.frame.schema[name]
        if dtype not in (pl.Date(), pl.Null()):
            raise ColumnError(f"{needed_by}: {fields.spell(name)} holds {dtype}; dates are needed")


def _end(fields: Fields, follow_up: FollowUpRules) -> pl.Expr:
    ends = follow_up.end
    if ends.single:
        return pl.lit(ends.england)
    name = name_field(follow_up.centre, follow_up.instance)
    if name not in fields.frame.columns:
        raise ColumnError(
            f"an end per nation needs {fields.spell(name)}, absent from the files; {HOW_TO_GET}, "
            "or give one end for all nations"
        )
    centre = pl.col(name)
    if fields.frame.schema[name] == pl.String():
        centre = centre.cast(pl.Int64)
    return (
        pl.when(centre.is_null())
        .then(None)
        .when(centre.is_in(list(ends.scotland_centres)))
        .then(pl.lit(ends.scotland))
        .when(centre.is_in(list(ends.wales_centres)))
        .then(pl.lit(ends.wales))
        .otherwise(pl.lit(ends.england))
    )


def _fault(follow_up: FollowUpRules) -> pl.Expr:
    faults = [pl.when(pl.col("end").is_null()).then(pl.lit(NO_CENTRE))]
    if follow_up.faults == "exclude":
        faults += [
            pl.when(pl.col("death") < pl.col("start")).then(pl.lit(DEATH_BEFORE_START)),
            pl.when(pl.col("event") > pl.col("death")).then(pl.lit(AFTER_DEATH)),
        ]
    return pl.coalesce(faults).alias("fault")


def _special(follow_up: FollowUpRules, treat: Treatment | None = None) -> list[date]:
    return [day.date for day in follow_up.special_dates if treat in (None, day.treat)]


def _without(name: str, follow_up: FollowUpRules) -> pl.Expr:
    day = pl.col(name).cast(pl.Date)
    specials = _special(follow_up)
    return pl.when(~day.is_in(specials)).then(day) if specials else day


def _is_any(names: Sequence[str], days: Sequence[date]) -> pl.Expr:
    if not days:
        return pl.lit(value=False)
    matches = (pl.col(name).cast(pl.Date).is_in(list(days)) for name in names)
    return pl.any_horizontal(matches).fill_null(value=False)


def _prior(
    fields: Fields, names: Sequence[str], rule: OutcomeRule, follow_up: FollowUpRules
) -> pl.Expr:
    return (
        pl.when(_is_any(names, _special(follow_up, "prevalent")))
        .then(pl.lit(BEFORE_BY_SPECIAL_DATE))
        .when(_self_reported(fields, rule, follow_up))
        .then(pl.lit(SELF_REPORTED))
        .otherwise(pl.lit(None, dtype=pl.String))
    )


def _self_reported(fields: Fields, rule: OutcomeRule, follow_up: FollowUpRules) -> pl.Expr:
    if not rule.self_report:
        return pl.lit(value=False)
    name = name_field(follow_up.self_report, follow_up.instance)
    if name not in fields.frame.columns:
        raise ColumnError(
            f"outcome {rule.name!r} needs {fields.spell(name)}, absent from the files; "
            f"{HOW_TO_GET}, or leave out its self_report"
        )
    answers = fields.frame.schema[name]
    if answers not in (pl.List(pl.Int64), pl.List(pl.Null)):
        raise ColumnError(f"{fields.spell(name)} holds {answers}; lists of codes are needed")
    codes = pl.col(name).cast(pl.List(pl.Int64))
    if follow_up.self_report_match == "any_answer":
        said = pl.element().is_in(list(rule.self_report)).any()
        return codes.list.eval(said).list.first().fill_null(value=False)
    digits = "|".join(str(code) for code in rule.self_report)
    first = codes.list.first().cast(pl.String)
    return first.str.contains(digits).fill_null(value=False)
