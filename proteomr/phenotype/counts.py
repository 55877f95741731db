"""How many people have each value, how many have none and why, beside what a study reports."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from proteomr.phenotype.answers import Answers
from proteomr.phenotype.count_table import MISSING, Row
from proteomr.phenotype.definitions.field_codes import label_value
from proteomr.phenotype.definitions.rule import Rule

__all__ = ["DECIDED", "count_rule", "warn_of_mean", "warn_of_shares"]

DECIDED: Final = "decided"
_MEAN: Final = "mean"
_STANDARD_ERRORS: Final = 4.0
_FEWEST: Final = 100


def count_rule(rule: Rule, answers: Answers, *, decided: int = 0) -> list[Row]:
    """Return the count table of a rule: its values, then who has none, by reason.

    Parameters
    ----------
    rule : with labels and published values.
    answers : (n,) what it gave.
    decided : people with a value although an item is missing.

    Examples
    --------
    >>> import polars as pl
    >>> from proteomr.phenotype.definitions.rule import parse_rule
    >>> facts = {"title": "Sex", "kind": "recode", "field": 31, "levels": {"0": [0], "1": [1]}}
    >>> answers = Answers(pl.Series([0, 1, 1, None]), pl.Series([None] * 3 + ["not asked"]))
    >>> for row in count_rule(parse_rule("sex", facts, file="")[0], answers):
    ...     print(row.value, row.label, row.n, row.share)
    0 Female 1 0.3333333333333333
    1 Male 2 0.6666666666666666
    missing not asked 1 0.25
    """
    counted = rule.summary == "levels" or not answers.value.dtype.is_numeric()
    rows = list(_levels(rule, answers) if counted else _moments(rule, answers))
    if decided:
        text = f"{decided} people have a value although an item is missing"
        rows.append(Row(rule.name, DECIDED, None, decided, None, note=text))
    reasons = answers.reason.drop_nulls().value_counts()
    people = answers.value.len()
    for reason, n in sorted(reasons.rows(), key=lambda row: (-row[1], row[0])):
        rows.append(Row(rule.name, MISSING, reason, n, n / people))
    return rows


def warn_of_shares(rule: Rule, rows: list[Row]) -> list[str]:
    """Return a sentence for each share or mean that is far from the published one.

    A share is far where it is over ``1 + tolerance`` times the published p, or under p divided by
    that, and chance alone would not do it: the count is over 4 binomial standard deviations,
    sqrt(n p (1 - p)), from n p. A mean is far where it is off by more than `tolerance` published
    standard deviations, and by more than 4 standard errors.

    Examples
    --------
    >>> from proteomr.phenotype.definitions.rule import parse_rule
    >>> facts = {"title": "", "kind": "copy", "field": 1, "published": {"1": 0.1}}
    >>> rows = [Row("x", "1", None, 500, 0.5, 0.1), Row("x", "0", None, 500, 0.5)]
    >>> warn_of_shares(parse_rule("x", facts, file="")[0], rows)
    ["x: the share of '1' is 50.0 %, published 10.0 %; check the field and its codes"]
    """
    total = sum(row.n for row in rows if row.share is not None and row.value != MISSING)
    factor = 1 + rule.published.tolerance
    warnings = []
    for row in rows:
        if row.published is None or row.share is None or not total:
            continue
        p, expected = row.published, total * row.published
        chance = _STANDARD_ERRORS * math.sqrt(expected * (1 - p))
        far = row.share > p * factor or row.share < p / factor
        if far and abs(row.n - expected) > chance:
            warnings.append(
                f"{rule.name}: the share of {row.value!r} is {100 * row.share:.1f} %, published "
                f"{100 * p:.1f} %; check the field and its codes"
            )
    return warnings


def warn_of_mean(rule: Rule, answers: Answers) -> list[str]:
    """Return a sentence where a mean is far from the published one; see `warn_of_shares`."""
    published = rule.published
    if rule.summary != "mean" or published.mean is None or published.sd is None:
        return []
    values = answers.value.drop_nulls()
    if not values.len():
        return []
    mean = _number(values.mean())
    off = abs(mean - published.mean)
    error = published.sd / math.sqrt(values.len())
    if off <= published.tolerance * published.sd or off <= _STANDARD_ERRORS * error:
        return []
    reported = f"{published.mean:.4g} (SD {published.sd:.3g})"
    text = f"{rule.name}: the mean is {mean:.4g}, published {reported}"
    return [f"{text}; check the field and its unit"]


def _levels(rule: Rule, answers: Answers) -> Iterator[Row]:
    counted = answers.value.drop_nulls().rename("value").value_counts().sort("value")
    counts = {_text(value): n for value, n in counted.rows()}
    total = sum(counts.values())
    values = dict.fromkeys((*_declared(rule), *counts))
    for value in sorted(values, key=int) if all(v.isdecimal() for v in values) else values:
        n = counts.get(value, 0)
        share = n / total if total else None
        published = rule.published.shares.get(value)
        yield Row(rule.name, value, label_value(rule, value), n, share, published)


def _declared(rule: Rule) -> tuple[str, ...]:
    """Return the values that a rule declares, so that one that nobody has is counted as 0."""
    levels = getattr(rule.formula, "levels", {})
    groups = getattr(rule.formula, "groups", ())
    return tuple(levels) or tuple(groups) or tuple(rule.published.shares)


def _moments(rule: Rule, answers: Answers) -> Iterator[Row]:
    values = answers.value.drop_nulls()
    note = None
    if values.len() and values.dtype.is_numeric():
        note = f"mean {_shown(values.mean())}"
        if values.len() > 1:
            note += f", SD {_shown(values.std())}"
        if values.len() >= _FEWEST:  # never the least or the largest: that is one person's value
            low, high = (_shown(values.quantile(q)) for q in (0.05, 0.95))
            note += f", 5 % to 95 %: {low} to {high}"
    yield Row(rule.name, _MEAN, None, values.len(), None, rule.published.mean, note)


def _number(value: Any) -> float:
    return float(value)


def _shown(value: Any) -> str:
    number = _number(value)
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
