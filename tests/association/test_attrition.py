"""What is said of the people in the fits, of covariates that left, and of odd inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import ModelSpec
from proteomr.association.attrition import describe_people, measure_attrition, name_aliased
from proteomr.association.collect import collect
from proteomr.association.oddities import describe_oddities
from proteomr.association.plan import Plan, plan_scan
from proteomr.errors import UsageError
from proteomr.execute import Serial
from proteomr.scan import count_people, fit_blocks
from proteomr.tables import WITHDRAWN, WITHOUT_PROTEINS, Drop
from tests.association.cohorts import make_cohort, make_samples, make_values

N = 240


def plan(spec: ModelSpec, **columns: pl.Expr) -> Plan:
    samples = make_samples(N).with_columns(**columns)
    return plan_scan(make_cohort(samples, make_values(N, 6)), spec)


def attrition(planned: Plan) -> pl.DataFrame:
    found = collect(fit_blocks(planned, executor=Serial()), planned.spec)
    return measure_attrition(count_people(planned), found)


@pytest.mark.parametrize("family", ["linear", "logistic"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weights": "weight"},
        {"interaction": "sex"},
        {"errors": "CR1", "cluster": "site"},
        {"strata": "sex"},
    ],
    ids=str,
)
def test_a_covariate_that_others_determine_is_named_whatever_the_path(
    family: str, options: dict[str, Any]
) -> None:
    spec = ModelSpec(family, ("iso",), {"a": "age", "b": "age + months + C(site)"}, **options)
    table = attrition(plan(spec, months=pl.col("age") * 12, weight=pl.col("age") + 50))
    assert set(table.filter(adjustment="b")["aliased"]) == {"months"}
    assert set(table.filter(adjustment="a")["aliased"]) == {None}
    (said,) = name_aliased(table)
    assert said.startswith("set 'b': months left the models")


def test_a_level_that_nobody_has_is_no_covariate_that_left() -> None:
    site = pl.when(pl.col("lo") == 1).then(pl.lit("x")).otherwise(pl.col("site"))
    spec = ModelSpec("linear", ("iso",), {"a": "C(site)"}, strata="lo", errors="HC1")
    assert set(attrition(plan(spec, site=site))["aliased"]) == {None}


def test_the_line_says_how_many_people_the_fits_have_where_proteins_lack_values() -> None:
    table = attrition(plan(ModelSpec("logistic", ("iso",), {"a": "age"})))
    few, many = table.select("fit_least", "fit_most").row(0)
    assert describe_people(table) == [
        f"iso, a: {N} of {N} people, 80 cases, {few} to {many} in a fit"
    ]
    assert few < many < N


def test_who_is_in_no_stratum_is_said() -> None:
    site = pl.when(pl.col("age") > pl.col("age").median()).then(pl.col("site"))
    planned = plan(ModelSpec("linear", ("iso",), strata="site"), site=site)
    cohort = replace(
        planned.cohort, drops=(Drop("load", WITHDRAWN, 2), Drop("load", WITHOUT_PROTEINS, 5))
    )
    planned = plan_scan(cohort, planned.spec)
    within = count_people(planned)["people"].sum()
    said = (
        f"strata by 'site': {within} of {N + 7} people are in one "
        f"(2 withdrawn, 5 without proteins, {N - within} without a value of it)"
    )
    assert said in describe_oddities(planned)
    whole = plan(ModelSpec("linear", ("iso",), strata="site"))
    assert not any("strata by" in note for note in describe_oddities(whole))


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (("Control", "Case"), True),
        (("9", "10"), True),
        (("F", "M"), True),
        (("no", "yes"), False),
        (("FALSE", "TRUE"), False),
        (("control", "patient"), False),
        ((0, 1), False),
        ((1, 2), False),
        ((False, True), False),
    ],
)
def test_a_reference_by_the_alphabet_is_said_unless_its_name_says_so(
    levels: tuple[Any, Any], *, said: bool
) -> None:
    column = pl.when(pl.col("iso") == 1).then(pl.lit(levels[1])).otherwise(pl.lit(levels[0]))
    notes = describe_oddities(plan(ModelSpec("logistic", ("group",)), group=column))
    assert bool(notes) == said


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_the_reference_level_turns_the_estimate_and_the_cases(family: str) -> None:
    column = pl.when(pl.col("iso") == 1).then(pl.lit("Case")).otherwise(pl.lit("Control"))
    found = {}
    for level in (None, "Case", "Control"):
        spec = ModelSpec(family, ("group",), reference_level=level)
        planned = plan(spec, group=column)
        found[level] = collect(fit_blocks(planned, executor=Serial()), spec).frame
        assert bool(describe_oddities(planned)) == (level is None)
    assert set(found["Control"]["contrast"]) == {"Case vs Control"}
    assert found["Case"].equals(found[None])
    turned = -found["Case"]["estimate"].to_numpy()
    np.testing.assert_allclose(found["Control"]["estimate"], turned, rtol=1e-9)
    assert (found["Control"]["n_case"] + found["Case"]["n_case"] == found["Case"]["n"]).all()


def test_a_reference_level_that_no_target_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"level '2'.*'iso' has 0 and 1"):
        plan(ModelSpec("logistic", ("iso",), reference_level="2"))


@pytest.mark.parametrize(("without", "said"), [(N, False), (N + 1, True), (0, False)])
def test_files_that_share_less_than_half_of_the_people_are_doubted(
    without: int, *, said: bool
) -> None:
    cohort = make_cohort(make_samples(N), make_values(N, 2))
    spec = ModelSpec("linear", ("iso",))
    lost = replace(cohort, drops=(Drop("load", WITHOUT_PROTEINS, without),))
    notes = describe_oddities(plan_scan(lost, spec))
    assert any("of one study" in note for note in notes) == said
