"""How many events, people at risk and person-years an outcome has, and who is left out."""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

from proteomr.phenotype.count_table import COUNTS
from proteomr.phenotype.outcomes.follow_up import (
    AFTER_DEATH,
    BEFORE_BY_SPECIAL_DATE,
    DEATH_BEFORE_START,
    NO_CENTRE,
    NO_START,
    NO_TIME,
    ON_OR_BEFORE_START,
    SELF_REPORTED,
    UNDATED,
)
from proteomr.phenotype.outcomes.specification import OutcomeRule, SpecialDate
from proteomr.tables import columns as c
from proteomr.tables.table import load_schema

__all__ = ["compare_tallies", "count_outcome", "empty_counts", "judge_share", "tally_outcome"]

_REASONS = (
    NO_START,
    NO_CENTRE,
    DEATH_BEFORE_START,
    AFTER_DEATH,
    ON_OR_BEFORE_START,
    BEFORE_BY_SPECIAL_DATE,
    SELF_REPORTED,
    UNDATED,
    NO_TIME,
)
_STANDARD_ERRORS = 3.0


def tally_outcome(rule: OutcomeRule, people: pl.DataFrame) -> pl.DataFrame:
    """Return outcome, quantity and value of what an outcome counts.

    Parameters
    ----------
    rule : the outcome.
    people : from `follow_people`.

    Examples
    --------
    >>> people = pl.DataFrame(
    ...     {
    ...         "event": [1, 0],
    ...         "years": [4.0, 9.5],
    ...         "reason": pl.Series([None, None], dtype=pl.String),
    ...         "prevalent": [0, 0],
    ...         "late": [False, False],
    ...     }
    ... )
    >>> tally_outcome(OutcomeRule("stroke", "Stroke"), people)["value"].to_list()
    [1.0, 2.0, 0.0, 13.5, 0.0]
    """
    inside = people.filter(pl.col("reason").is_null())
    quantities: dict[str, float] = {
        "events": float(inside["event"].sum()),
        "people at risk": float(inside.height),
        "prevalent": float(people["prevalent"].sum()),
        "person-years": float(inside["years"].sum()),
        "events after the last day that counts": float(inside["late"].sum()),
    }
    for reason, n in _count_reasons(people).items():
        quantities[f"excluded: {reason}"] = float(n)
    return pl.DataFrame(
        {
            "outcome": [rule.name] * len(quantities),
            "quantity": list(quantities),
            c.VALUE: list(quantities.values()),
        }
    )


def count_outcome(
    rule: OutcomeRule, people: pl.DataFrame, *, special: Mapping[SpecialDate, int]
) -> pl.DataFrame:
    """Return the rows that an outcome has in the table of counts.

    Shares of events are of the people at risk; all others of everybody.

    Parameters
    ----------
    rule : the outcome.
    people : from `follow_people`.
    special : how many people have each special date in the fields of the outcome.

    Examples
    --------
    >>> people = pl.DataFrame(
    ...     {
    ...         "event": [1, 0],
    ...         "years": [4.0, 9.5],
    ...         "reason": [None, "no date of attendance"],
    ...         "prevalent": [0, None],
    ...         "late": [False, False],
    ...     }
    ... )
    >>> count_outcome(OutcomeRule("stroke", "Stroke"), people, special={})["n"].to_list()
    [1, 0, 1]
    """
    inside = people.filter(pl.col("reason").is_null())
    at_risk, everybody = inside.height, people.height
    events = int(inside["event"].sum())
    published = None if rule.published is None else rule.published.share
    rows: list[tuple[object, ...]] = [
        ("1", "event", events, _share(events, at_risk), published, _describe_events(rule, inside)),
        ("0", "no event", at_risk - events, _share(at_risk - events, at_risk), None, _late(inside)),
    ]
    for reason, n in _count_reasons(people).items():
        rows.append(("excluded", reason, n, _share(n, everybody), None, None))
    for day, n in special.items():
        treated = {"undated": "without a usable date", "prevalent": "prevalent"}[day.treat]
        note = f"people with it in any field of the outcome; taken as {treated}"
        label = f"special date: {day.meaning}" if day.meaning else "special date"
        rows.append((day.date.isoformat(), label, n, _share(n, everybody), None, note))
    return pl.DataFrame([(rule.name, *row) for row in rows], schema=COUNTS, orient="row")


def empty_counts() -> pl.DataFrame:
    """Return a table of counts without rows.

    Examples
    --------
    >>> empty_counts().columns
    ['rule', 'value', 'label', 'n', 'share', 'published', 'note']
    """
    return pl.DataFrame(schema=COUNTS)


def judge_share(rule: OutcomeRule, people: pl.DataFrame) -> str | None:
    """Return a warning where the share of events is far from the published one, else None.

    It is far where it is over ``1 + tolerance`` times the published share p, or under p divided by
    that, and chance is no account of it: more than three standard errors ``sqrt(p (1 - p) / n)``
    from p, for n people at risk.

    Parameters
    ----------
    rule : the outcome.
    people : from `follow_people`.

    Examples
    --------
    >>> judge_share(OutcomeRule("stroke", "Stroke"), pl.DataFrame()) is None
    True
    """
    if rule.published is None:
        return None
    inside = people.filter(pl.col("reason").is_null())
    if not inside.height:
        return f"{rule.name}: nobody is at risk"
    p, n = rule.published.share, inside.height
    share, factor = float(inside["event"].sum()) / n, 1 + rule.published.tolerance
    by_chance = _STANDARD_ERRORS * math.sqrt(p * (1 - p) / n)
    if p / factor <= share <= p * factor or abs(share - p) <= by_chance:
        return None
    return (
        f"{rule.name}: {share:.2%} of the people at risk have an event, published is {p:.2%} "
        f"({rule.published.events:,} of {rule.published.people:,}); look at its dates and codes"
    )


def compare_tallies(careful: pl.DataFrame, code: pl.DataFrame) -> pl.DataFrame:
    """Return two sets of tallies side by side: outcome, quantity, careful, code, difference.

    A reason for which one of the two leaves nobody out counts 0 there; an outcome that only one of
    them has is not compared.

    Examples
    --------
    >>> tallies = pl.DataFrame({"outcome": ["cvd"], "quantity": ["events"], "value": [3.0]})
    >>> compare_tallies(tallies, tallies)["difference"].to_list()
    [0.0]
    """
    keys = ["outcome", "quantity"]
    order = {
        name: place
        for place, name in enumerate(
            dict.fromkeys([*careful["quantity"].to_list(), *code["quantity"].to_list()])
        )
    }
    rank = {name: place for place, name in enumerate(dict.fromkeys(careful["outcome"].to_list()))}
    both = careful["outcome"].implode(), code["outcome"].implode()
    frame = (
        careful.rename({c.VALUE: "careful"})
        .join(code.rename({c.VALUE: "code"}), on=keys, how="full", coalesce=True)
        .filter(*(pl.col("outcome").is_in(names) for names in both))
        .with_columns(pl.col("careful", "code").fill_null(0.0))
        .with_columns(difference=pl.col("careful") - pl.col("code"))
        .sort(
            pl.col("outcome").replace_strict(rank, default=None, return_dtype=pl.Int64),
            pl.col("quantity").replace_strict(order, default=None, return_dtype=pl.Int64),
        )
    )
    return load_schema("outcomes_comparison").validate(frame)


def _count_reasons(people: pl.DataFrame) -> dict[str, int]:
    """Return reason -> people, in the order in which the reasons are looked for."""
    counted = people["reason"].drop_nulls().value_counts()
    counts = {str(reason): int(n) for reason, n in counted.iter_rows()}
    later = sorted(set(counts) - set(_REASONS), reverse=True)
    return {reason: counts[reason] for reason in (*_REASONS, *later) if reason in counts}


def _share(n: int, of: int) -> float | None:
    return n / of if of else None


def _describe_events(rule: OutcomeRule, inside: pl.DataFrame) -> str:
    parts = [f"{float(inside['years'].sum()):,.0f} person-years"]
    median = inside["years"].median()
    if isinstance(median, float):
        parts.append(f"median {median:.1f} years")
    if rule.published is not None:
        parts.append(f"published {rule.published.events:,} of {rule.published.people:,}")
    return "; ".join(parts)


def _late(inside: pl.DataFrame) -> str | None:
    late = int(inside["late"].sum())
    return f"{late:,} of them with an event after the last day that counts" if late else None
