"""Exposures of several levels from the samples to the tables: names, notes, refusals, strata."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import ModelSpec, associate, scan_cohort, summarise
from proteomr.association.oddities import describe_oddities
from proteomr.association.plan import plan_scan
from proteomr.errors import ColumnError, UsageError
from proteomr.models import ModerationOptions, OrdinalOptions
from proteomr.runs.notes import collect_notes
from proteomr.scan import count_people
from proteomr.tables import Cohort
from tests.association.cohorts import make_cohort

N = 240


def make(**columns: Any) -> Cohort:
    g = np.random.default_rng(4)
    samples = pl.DataFrame(
        {
            "id": [f"{i:04d}" for i in range(N)],
            "group": g.choice(["low", "mid", "top"], N, p=[0.5, 0.3, 0.2]),
            "stage": g.integers(1, 5, N),
            "two": g.choice(["u", "v"], N),
            "many": g.integers(0, 60, N),
            "age": g.normal(56.0, 8.0, N),
            **columns,
        }
    )
    values = (
        g.normal(size=(N, 3))
        + (samples["group"] == "top").fill_null(value=False).to_numpy()[:, None]
    )
    return make_cohort(samples, values)


def rows_of(cohort: Cohort, spec: ModelSpec) -> pl.DataFrame:
    return scan_cohort(cohort, spec).frame


@pytest.mark.parametrize("family", ["linear", "multinomial"])
def test_contrasts_name_the_level_and_the_reference(family: str) -> None:
    found = rows_of(make(), ModelSpec(family, ("group",), reference_level="mid"))
    assert found["contrast"].unique(maintain_order=True).to_list() == ["low vs mid", "top vs mid"]
    assert (found["exposure"] == "group").all()
    term = "group" if family == "linear" else found["protein"]
    assert (found["term"] == term).all()


def test_a_contrast_counts_the_people_of_the_level_that_it_holds_against_the_other() -> None:
    asked = ("top - mid", "low - top", "mid - low")  # the last follows from the others
    cohort = make()
    spec = ModelSpec("linear", ("group",), moderation=ModerationOptions(contrasts=asked))
    found = rows_of(cohort, spec)
    sizes = dict(cohort.samples["group"].value_counts().iter_rows())
    assert set(found["contrast"]) == {"top vs mid", "low vs top", "mid vs low"}
    for contrast, n_case in found.select("contrast", "n_case").iter_rows():
        assert n_case == sizes[contrast.split(" vs ")[0]]


@pytest.mark.parametrize("family", ["linear", "multinomial"])
@pytest.mark.parametrize(("covariate", "beside"), [("age", ""), ("two", ", v vs u")])
def test_products_name_the_levels_that_there_are(family: str, covariate: str, beside: str) -> None:
    spec = ModelSpec(family, ("group",), {"a": covariate}, interaction=covariate)
    found = rows_of(make(), spec).filter(pl.col("term").str.contains(":"))
    assert found.height
    wanted = {f"{level} vs low{beside}" for level in ("mid", "top")}
    assert set(found["contrast"]) == wanted


def test_numbers_are_a_trend_until_their_levels_are_asked_for() -> None:
    with collect_notes() as notes:
        trend = rows_of(make(), ModelSpec("linear", ("stage",)))
    assert trend["contrast"].is_null().all()
    wanted = "exposure 'stage' (1, 2, 3, 4) is taken as a number, with one slope; "
    assert any(note == wanted + 'for its levels give --exposure "C(stage)"' for note in notes)
    with collect_notes() as notes:
        levels = rows_of(make(), ModelSpec("linear", ("C(stage)",)))
    assert not any("taken as a number" in note for note in notes)
    assert levels["contrast"].unique(maintain_order=True).to_list() == [
        "2 vs 1",
        "3 vs 1",
        "4 vs 1",
    ]
    assert set(levels["exposure"]) == {"stage"}


def test_groups_of_numbers_are_groups_in_the_multinomial_family() -> None:
    found = rows_of(make(), ModelSpec("multinomial", ("stage",), reference_level="2"))
    assert set(found["contrast"]) == {"1 vs 2", "3 vs 2", "4 vs 2"}


def test_an_enum_keeps_its_own_order_and_text_has_that_of_the_alphabet() -> None:
    order = pl.Enum(["top", "mid", "low"])
    text = make()
    ordered = make(group=text.samples["group"].cast(order))
    spec = ModelSpec("linear", ("group",), ordered=True)
    found = rows_of(ordered, spec)
    assert found["contrast"].unique(maintain_order=True).to_list() == [
        "linear",
        "mid vs top",
        "low vs mid",
    ]
    assert not describe_oddities(plan_scan(ordered, spec))
    said = describe_oddities(plan_scan(text, spec))
    wanted = "exposure 'group' is ordered low < mid < top, as the alphabet has it; "
    assert said == (wanted + 'else give --levels group="LOWEST,...,HIGHEST"',)


def test_steps_of_text_go_in_the_order_that_is_given() -> None:
    text = make()
    as_text = ModelSpec(
        "linear", ("group",), ordered=True, ordinal=OrdinalOptions(levels={"group": "mid,low,top"})
    )
    as_enum = make(group=text.samples["group"].cast(pl.Enum(["mid", "low", "top"])))
    given = rows_of(text, as_text)
    assert given["contrast"].unique(maintain_order=True).to_list() == [
        "linear",
        "low vs mid",
        "top vs low",
    ]
    assert given.equals(rows_of(as_enum, ModelSpec("linear", ("group",), ordered=True)))
    assert not describe_oddities(plan_scan(text, as_text))


def test_an_order_of_two_levels_says_which_is_the_lower() -> None:
    usual = ModelSpec("linear", ("two", "stage"), ordered=True)
    turned = replace(usual, ordinal=OrdinalOptions(levels={"two": "v,u"}))
    found = rows_of(make(), turned).filter(exposure="two")
    other = rows_of(make(), usual).filter(exposure="two")
    assert set(found["contrast"]) == {"u vs v"}
    assert set(other["contrast"]) == {"v vs u"}
    assert np.allclose(found["estimate"], -other["estimate"].to_numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("levels", "ordered", "said"),
    [
        ({"group": "low,mid"}, True, "'top' is a level of the column and not among those given"),
        ({"grupp": "low,mid,top"}, True, "is no exposure of this scan.*'group'"),
        ({"group": "low,mid,top"}, False, "an order of levels is for the ordinal family"),
    ],
)
def test_an_order_that_is_none_is_refused(
    levels: dict[str, str], said: str, *, ordered: bool
) -> None:
    with pytest.raises(UsageError, match=said):
        plan_scan(
            make(),
            ModelSpec("linear", ("group",), ordered=ordered, ordinal=OrdinalOptions(levels=levels)),
        )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"family": "logistic", "exposures": ("group",)}, "--family .*multinomial takes groups"),
        ({"family": "linear", "exposures": ("many",), "ordered": True}, "60 values, and --ordered"),
        ({"family": "linear", "exposures": ("C(many)",)}, "3 to 50 levels"),
        ({"family": "multinomial", "exposures": ("age",)}, "it needs 2 to 20 levels"),
        ({"family": "linear", "exposures": ("C(group, ref=tip)",)}, "no level 'tip'.*'top'"),
        ({"family": "linear", "exposures": ("C(nobody)",)}, "no column 'nobody'"),
        ({"family": "linear", "exposures": ("C(group):two",)}, "a column, or C\\(\\) of one"),
        ({"family": "linear", "outcomes": ("group",)}, "it needs two levels or numbers for"),
    ],
)
def test_columns_that_are_no_target_are_refused_in_one_line(
    settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ColumnError, match=said) as refused:
        plan_scan(make(), ModelSpec(**settings))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"exposures": ("group",), "reference_level": "Top"}, "no exposure has the level 'Top'"),
        ({"exposures": ("two",), "ordered": True}, "no exposure has three levels"),
        ({"exposures": ("group", "C(group)")}, "'group' is given twice"),
    ],
)
def test_requests_that_name_nothing_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan_scan(make(), ModelSpec("linear", **settings))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"family": "multinomial", "ordered": True}, "an ordered exposure is for the linear"),
        ({"family": "linear", "ordered": True, "reference_level": "mid"}, "leave --reference"),
        ({"family": "multinomial", "errors": "HC3"}, "HC3 is for the"),
        ({"family": "multinomial", "firth": True}, "Firth's estimate is for the logistic"),
    ],
)
def test_options_that_do_not_go_together_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ModelSpec(exposures=("group",), **settings)


@pytest.mark.parametrize("family", ["linear", "multinomial"])
def test_a_stratum_without_the_reference_has_a_status_and_the_others_their_fits(
    family: str,
) -> None:
    cohort = make()
    apart = (cohort.samples["group"] == "low") & (cohort.samples["two"] == "v")
    there = pl.Series("two", np.where(apart, "u", cohort.samples["two"]))
    found = rows_of(make(two=there), ModelSpec(family, ("group",), strata="two"))
    without = found.filter(pl.col("stratum") == "v")
    assert set(without["status"]) == {"too_few"}
    assert set(without["message"]) == {"nobody has low on the rows of the fit"}
    assert set(found.filter(pl.col("stratum") == "u")["status"]) == {"ok"}


def test_heterogeneity_is_tested_for_each_contrast() -> None:
    cohort = make()
    results = associate(
        cohort.samples.rename({"id": "ID"}),
        pl.DataFrame({"ID": cohort.samples["id"], "P1": cohort.proteins.read(slice(0, 1))[:, 0]}),
        family="linear",
        exposure="group",
        strata="two",
    )
    tests = results.table("joint_tests")
    between = tests.filter(pl.col("test") == "heterogeneity")
    assert between["contrast"].to_list() == ["mid vs low", "top vs low"]
    fits = results.table().filter(pl.col("contrast") == "mid vs low")
    weights = fits["se"].to_numpy() ** -2
    mean = np.average(fits["estimate"].to_numpy(), weights=weights)
    q = float(np.sum(weights * (fits["estimate"].to_numpy() - mean) ** 2))
    assert between["statistic"][0] == pytest.approx(q, rel=1e-12)
    assert tests.filter(pl.col("test") == "contrasts")["stratum"].to_list() == ["u", "v"]


def test_the_summary_has_a_line_for_each_contrast() -> None:
    associations = scan_cohort(make(), ModelSpec("linear", ("group", "two"), ordered=True))
    lines = summarise(associations)
    assert lines["effect"].to_list() == ["linear", "mid vs low", "top vs mid", None]
    assert set(lines["proteins"]) == {3}


def test_people_who_lack_an_ordered_exposure_are_counted_once() -> None:
    cohort = make()
    group = cohort.samples["group"].set(pl.Series(np.arange(N) < 7), None)
    plan = plan_scan(make(group=group), ModelSpec("linear", ("group",), ordered=True))
    assert [(drop.reason, drop.n) for drop in plan.drops] == [("group missing", 7)]
    assert count_people(plan)["target_missing"].to_list() == [7]
