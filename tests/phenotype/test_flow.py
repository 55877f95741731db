from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from proteomr.phenotype.answers import Answers
from proteomr.phenotype.definitions.rule import Rule, parse_rule
from proteomr.phenotype.flow import complete_rows, tabulate_flow
from proteomr.tables import Drop
from proteomr.tables.table import load_schema


def rule(name: str, role: str, **further: object) -> Rule:
    facts = {"title": name, "kind": "copy", "column": name, "role": role, **further}
    return parse_rule(name, facts, file="mine.toml")[0]


def answers(values: Sequence[int | None], why: str = "not asked") -> Answers:
    reasons = [why if value is None else None for value in values]
    return Answers(pl.Series(values), pl.Series(reasons, dtype=pl.String))


RULES = [
    rule("isolation", "exposure"),
    rule("age", "covariate"),
    rule("loneliness", "exposure"),
    rule("townsend", "additional"),
    rule("days", "covariate", hidden=True),
]
ANSWERS = {
    "isolation": answers([1, None, 0, None, 1]),
    "age": answers([50, 60, None, None, 40]),
    "loneliness": answers([1, 1, 1, None, None]),
    "townsend": answers([None, None, None, None, None]),
    "days": answers([None, None, None, None, None]),
}


def test_everybody_leaves_once_by_the_first_exposure_then_covariate() -> None:
    flow = tabulate_flow(RULES, ANSWERS, people=5, drops=[Drop("load", "withdrawn", 2)])
    assert flow.rows() == [
        ("people in the files", None, 0, 7),
        ("load", "withdrawn", 2, 5),
        ("exposures complete", "isolation: not asked", 2, 3),
        ("exposures complete", "loneliness: not asked", 1, 2),
        ("covariates complete", "age: not asked", 1, 1),
    ]
    assert complete_rows(RULES, ANSWERS, people=5).to_list() == [True, False, False, False, False]


def test_a_step_that_nobody_leaves_has_a_row() -> None:
    everybody = {**ANSWERS, "isolation": answers([1] * 5), "age": answers([50] * 5)}
    flow = tabulate_flow(
        [RULES[0], RULES[1]], everybody, people=5, drops=[Drop("load", "withdrawn", 0)]
    )
    assert [row[0] for row in flow.rows()] == [
        "people in the files",
        "exposures complete",
        "covariates complete",
    ]
    assert load_schema("phenotype_flow").validate(flow).equals(flow)


def test_a_definition_without_exposures_or_covariates_has_no_step_of_them() -> None:
    flow = tabulate_flow([RULES[3]], ANSWERS, people=5, drops=[])
    assert flow.rows() == [("people in the files", None, 0, 5)]
