"""Who is left at each step, from the people in the files to those with everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import polars as pl

from proteomr.phenotype.answers import Answers
from proteomr.phenotype.definitions.rule import Role, Rule
from proteomr.tables.cohort import Drop

__all__ = ["FLOW", "complete_rows", "tabulate_flow"]

FLOW: Final = {
    "step": pl.String(),
    "reason": pl.String(),
    "n_left_out": pl.Int64(),
    "n_left": pl.Int64(),
}
_STEPS: Final[tuple[tuple[str, Role], ...]] = (
    ("exposures complete", "exposure"),
    ("covariates complete", "covariate"),
)


def tabulate_flow(
    rules: Sequence[Rule], answers: Mapping[str, Answers], *, people: int, drops: Sequence[Drop]
) -> pl.DataFrame:
    """Return the flow of people: one row per step and reason, with who is left after it.

    People without a value of an exposure leave first, then those without one of a covariate; each
    is counted once, under the first such rule and its reason. A step without rules is none.

    Parameters
    ----------
    rules : in their order.
    answers : of each rule, (n,) each.
    people : n, those who were read.
    drops : who was left out on reading.

    Examples
    --------
    >>> flow = tabulate_flow([], {}, people=90, drops=[Drop("load", "withdrawn", 10)])
    >>> flow["n_left"].to_list()
    [100, 90]
    """
    remaining = people + sum(drop.n for drop in drops)
    rows: list[tuple[str, str | None, int, int]] = [("people in the files", None, 0, remaining)]
    for drop in drops:
        if drop.n:
            remaining -= drop.n
            rows.append((drop.step, drop.reason, drop.n, remaining))
    for step, reason, n in _leave(rules, answers, people=people):
        remaining -= n
        rows.append((step, reason, n, remaining))
    return pl.DataFrame(rows, schema=FLOW, orient="row")


def complete_rows(
    rules: Sequence[Rule], answers: Mapping[str, Answers], *, people: int
) -> pl.Series:
    """Mark the people who have every exposure and every covariate.

    Parameters
    ----------
    rules, answers, people : as for `tabulate_flow`.

    Examples
    --------
    >>> complete_rows([], {}, people=2).to_list()
    [True, True]
    """
    here = pl.Series("complete", [True], dtype=pl.Boolean).new_from_index(0, people)
    for rule in rules:
        if rule.role in {role for _, role in _STEPS} and rule.keep:
            here &= answers[rule.name].value.is_not_null()
    return here


def _leave(
    rules: Sequence[Rule], answers: Mapping[str, Answers], *, people: int
) -> Iterator[tuple[str, str | None, int]]:
    here = complete_rows((), {}, people=people)
    for step, role in _STEPS:
        counted = False
        followed = [rule for rule in rules if rule.role == role and rule.keep]
        for rule in followed:
            reasons = answers[rule.name].reason.filter(here).drop_nulls().value_counts()
            for reason, n in sorted(reasons.rows(), key=lambda row: (-row[1], row[0])):
                counted = True
                yield step, f"{rule.name}: {reason}", n
            here &= answers[rule.name].value.is_not_null()
        if followed and not counted:
            yield step, None, 0
