"""Outcomes and follow-up as a definition writes them: its tables, read and checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from importlib.resources import files
from typing import Any, TypeVar, cast, get_args

from proteomr.errors import FormatError, UsageError, nearest
from proteomr.phenotype.keys import Keys
from proteomr.phenotype.outcomes.follow_up import AfterEnd, Faults, LagDrops
from proteomr.phenotype.outcomes.specification import (
    FIRST_OCCURRENCES,
    Censoring,
    FollowUpRules,
    OutcomeRule,
    OutcomeRules,
    Published,
    SelfReportMatch,
    SpecialDate,
    Treatment,
)

__all__ = ["OutcomeRules", "load_outcomes", "merge_outcomes", "parse_outcomes"]

Number = TypeVar("Number", int, float)

_DEATH = "death"
_SHIPPED = "-outcomes.toml"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def parse_outcomes(facts: Mapping[str, Any], *, source: str) -> OutcomeRules:
    """Return the outcome rules in the tables ``[follow_up]`` and ``[[outcome]]`` of a definition.

    Parameters
    ----------
    facts : the definition, as read from TOML; its other tables are left alone.
    source : name of the file, for messages.

    Raises
    ------
    FormatError
        A key is unknown, absent or of the wrong kind, or two outcomes share a column; the message
        names file, table and key.

    Examples
    --------
    >>> from datetime import date
    >>> facts = {
    ...     "follow_up": {"end": date(2022, 11, 30), "lag_years": 3},
    ...     "outcome": [{"name": "dementia", "event": [130836, 131036]}],
    ... }
    >>> sorted(parse_outcomes(facts, source="own.toml").fields)
    [53, 40000, 130836, 131036]
    """
    entries = facts.get("outcome", [])
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise FormatError("outcomes are written as tables [[outcome]]", path=source)
    if "follow_up" not in facts:
        if entries:
            raise FormatError("[[outcome]] needs a table [follow_up] beside it", path=source)
        return OutcomeRules(source=source)
    follow_up = _parse_follow_up(_open(facts["follow_up"], source, "[follow_up]"))
    outcomes = tuple(
        _parse_outcome(_open(entry, source, f"[[outcome]] {place}"))
        for place, entry in enumerate(entries, start=1)
    )
    _refuse_shared_columns(outcomes, source)
    return OutcomeRules(follow_up, outcomes, source)


def merge_outcomes(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of outcomes of two definitions put together, the later over the earlier.

    Where the later has both ``[follow_up]`` and ``[[outcome]]`` it stands alone. A ``[follow_up]``
    by itself changes the keys that it names, such as the end; outcomes by themselves are added, or
    replace those of their names.

    Parameters
    ----------
    earlier, later : the tables ``follow_up`` and ``outcome``, as read from TOML, where there.

    Examples
    --------
    >>> earlier = {"follow_up": {"lag_years": 3}, "outcome": [{"name": "cvd"}]}
    >>> merge_outcomes(earlier, {"follow_up": {"lag_years": 0}})["outcome"]
    [{'name': 'cvd'}]
    """
    if "follow_up" in later and "outcome" in later:
        return dict(later)
    merged = {**earlier, **later}
    if "follow_up" in earlier and isinstance(later.get("follow_up"), Mapping):
        merged["follow_up"] = {**earlier["follow_up"], **later["follow_up"]}
    if "outcome" in earlier and isinstance(later.get("outcome"), list):
        again = {entry.get("name") for entry in later["outcome"] if isinstance(entry, Mapping)}
        entries = [entry for entry in earlier["outcome"] if entry.get("name") not in again]
        merged["outcome"] = [*entries, *later["outcome"]]
    return merged


def load_outcomes(name: str) -> OutcomeRules:
    """Return the outcome rules that are shipped under a name.

    Raises
    ------
    UsageError
        There are none of that name.

    Examples
    --------
    >>> [outcome.name for outcome in load_outcomes("shen2025-outcomes").outcomes][:2]
    ['cvd', 'dementia']
    """
    folder = files("proteomr.schemas") / "definitions"
    names = sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(_SHIPPED)
    )
    if name not in names:
        hint = nearest(name, names)
        raise UsageError(f"no outcome rules {name!r}{hint}; known: {', '.join(names)}")
    text = (folder / f"{name}.toml").read_text(encoding="utf-8")
    return parse_outcomes(tomllib.loads(text), source=f"{name}.toml")


def _parse_follow_up(keys: Keys) -> FollowUpRules:
    rules = FollowUpRules(
        end=_parse_end(keys),
        start=keys.whole("start", 53),
        instance=_not_negative(keys, "instance", 0),
        death=keys.whole("death", 40000),
        death_instances=keys.wholes("death_instances") or (0, 1),
        lost=keys.whole("lost") if keys.has("lost") else None,
        centre=keys.whole("centre", 54),
        self_report=keys.whole("self_report", 20002),
        self_report_match=cast(
            "SelfReportMatch",
            keys.choice("self_report_match", get_args(SelfReportMatch), "any_answer"),
        ),
        special_dates=_parse_special_dates(keys),
        lag_years=_not_negative(keys, "lag_years", 0.0),
        lag_drops=cast("LagDrops", keys.choice("lag_drops", get_args(LagDrops), "events")),
        after_end=cast("AfterEnd", keys.choice("after_end", get_args(AfterEnd), "censor")),
        faults=cast("Faults", keys.choice("faults", get_args(Faults), "exclude")),
        compare_with=keys.text("compare_with", "") or None,
        evidence=_parse_evidence(keys),
    )
    keys.finish()
    return rules


def _parse_end(keys: Keys) -> Censoring:
    nations = _open(keys.table("nations"), keys.file, "[follow_up.nations]")
    scotland, wales = nations.wholes("scotland"), nations.wholes("wales")
    nations.finish()
    if not isinstance(keys.facts.get("end"), Mapping):
        keys.has("end")
        end = _parse_day(keys, "end")
        return Censoring(end, end, end, scotland, wales)
    ends = _open(keys.table("end"), keys.file, "[follow_up.end]")
    england, scots, welsh = (_parse_day(ends, of) for of in ("england", "scotland", "wales"))
    ends.finish()
    if not (scotland and wales):
        raise keys.fault(
            "an end per nation needs the assessment centres in [follow_up.nations]: scotland = "
            "[11004, 11005], wales = [11003, 11022, 11023]",
            key="end",
        )
    return Censoring(england, scots, welsh, scotland, wales)


def _parse_special_dates(keys: Keys) -> tuple[SpecialDate, ...]:
    specials = []
    for place, entry in enumerate(_entries(keys, "special_date"), start=1):
        special = _open(entry, keys.file, f"[[follow_up.special_date]] {place}")
        treat = special.choice("treat", get_args(Treatment))
        day = _parse_day(special, "date")
        specials.append(SpecialDate(day, cast("Treatment", treat), special.text("meaning", "")))
        special.finish()
    if len({special.date for special in specials}) < len(specials):
        raise keys.fault("a date stands twice", key="special_date")
    return tuple(specials)


def _parse_evidence(keys: Keys) -> dict[str, str]:
    table = _open(keys.table("evidence"), keys.file, "[follow_up.evidence]")
    settings = {*FollowUpRules.__dataclass_fields__, "nations", "special_date"} - {"special_dates"}
    for key in table.facts:
        if key not in settings:
            raise table.fault(f"there is no key {key!r} in [follow_up]{nearest(key, settings)}")
    return {key: table.text(key) for key in table.facts}


def _parse_outcome(keys: Keys) -> OutcomeRule:
    name = keys.text("name")
    if not _NAME.fullmatch(name):
        raise keys.fault(
            f"{name!r} is no name of a column; needed: a letter, then letters, digits and _",
            key="name",
        )
    named = Keys(keys.facts, file=keys.file, where=f"[[outcome]] {name!r}")
    rule = OutcomeRule(
        name=named.text("name"),
        title=named.text("title", name),
        event=_parse_event(named),
        self_report=named.wholes("self_report"),
        lag_years=_not_negative(named, "lag_years", 0.0) if named.has("lag_years") else None,
        published=_parse_published(named),
        evidence=named.text("evidence", ""),
        certainty=named.text("certainty", ""),
    )
    named.finish()
    return rule


def _parse_event(keys: Keys) -> tuple[int, ...]:
    needed = f"fields of dates in a list, or {_DEATH!r}"
    if not keys.has("event"):
        raise keys.fault(f"is absent; needed: {needed}", key="event")
    if isinstance(keys.facts["event"], str):
        if keys.text("event") != _DEATH:
            raise keys.fault(f"{keys.text('event')!r} is not known; needed: {needed}", key="event")
        return ()
    fields = keys.wholes("event")
    if not fields:
        raise keys.fault(f"the list is empty; needed: {needed}", key="event")
    if len(set(fields)) < len(fields):
        raise keys.fault("a field stands twice", key="event")
    odd = [number for number in fields if number in FIRST_OCCURRENCES and number % 2]
    if odd:
        raise keys.fault(
            f"{odd[0]} says where the first occurrence was recorded; its date is {odd[0] - 1}",
            key="event",
        )
    return fields


def _parse_published(keys: Keys) -> Published | None:
    if not keys.has("published"):
        return None
    table = _open(keys.table("published"), keys.file, f"{keys.where} published")
    published = Published(
        table.whole("events"), table.whole("people"), _not_negative(table, "tolerance", 0.5)
    )
    table.finish()
    if not 0 < published.events <= published.people:
        raise keys.fault(
            f"{published.events} events among {published.people} people", key="published"
        )
    return published


def _open(facts: object, source: str, where: str) -> Keys:
    if not isinstance(facts, Mapping):
        raise FormatError(f"{where} is a table", path=source)
    return Keys(facts, file=source, where=where)


def _entries(keys: Keys, key: str) -> list[object]:
    entries = keys.facts.get(key, []) if keys.has(key) else []
    if not isinstance(entries, list):
        raise keys.fault(f"is written as tables [[follow_up.{key}]]", key=key)
    return entries


def _parse_day(keys: Keys, key: str) -> date:
    value = keys.facts[key] if keys.has(key) else None
    if not isinstance(value, date) or isinstance(value, datetime):
        fault = "is absent" if value is None else f"{value!r} is no date"
        raise keys.fault(f"{fault}; write it as 2022-11-30, without quotes", key=key)
    return value


def _not_negative(keys: Keys, key: str, default: Number) -> Number:
    value = keys.whole(key, default) if isinstance(default, int) else keys.number(key, default)
    if not 0 <= value < float("inf"):
        raise keys.fault(f"{value} is not allowed; needed: 0 or more", key=key)
    return type(default)(value)


def _refuse_shared_columns(outcomes: Sequence[OutcomeRule], source: str) -> None:
    taken: dict[str, str] = {}
    for outcome in outcomes:
        for column in outcome.columns:
            if column in taken:
                raise FormatError(
                    f"outcomes {taken[column]!r} and {outcome.name!r} both make the column "
                    f"{column!r}; give one another name",
                    path=source,
                )
            taken[column] = outcome.name
