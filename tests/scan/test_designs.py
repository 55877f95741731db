"""Groups that differ by their rows have the designs, and the fits, that they have by themselves."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.association import ModelSpec, Plan, plan_scan
from proteomr.design import Design
from proteomr.execute import Serial
from proteomr.models import Problem
from proteomr.scan import fit_blocks
from proteomr.scan.designs import Designs
from proteomr.scan.fitting import _Values
from proteomr.scan.groups import Group
from proteomr.tables import ArrayProteins, ProteinCovariate
from tests.association.cohorts import make_cohort, make_samples, make_values

N, Q = 400, 6


def make_plan(formula: str, q: int = Q) -> Plan:
    g = np.random.default_rng(6)
    y = g.normal(size=(N, q))
    y[g.random((N, q)) < 0.2] = np.nan
    samples = make_samples(N).with_columns(
        pl.Series(f"y{i}", y[:, i]).fill_nan(None) for i in range(q)
    )
    samples = samples.with_columns(
        rare=pl.when(pl.int_range(N) == int(np.flatnonzero(np.isnan(y[:, 0]))[0]))
        .then(pl.lit("b"))
        .otherwise(pl.lit("a"))
    )
    spec = ModelSpec("linear", adjust={"a": formula}, outcomes=tuple(f"y{i}" for i in range(q)))
    return plan_scan(make_cohort(samples, make_values(N, 3)), spec)


@pytest.mark.parametrize("formula", ["age + C(site)", "age + rare", "ns(age, 3)", "1"])
def test_fits_do_not_depend_on_where_their_design_is_from(
    formula: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(formula)
    found = pl.concat(fit_blocks(plan, executor=Serial()))
    monkeypatch.setattr(Designs, "find", lambda *_: None)
    assert found.equals(pl.concat(fit_blocks(plan, executor=Serial())))


def test_designs_are_cut_where_groups_are_many_and_their_rows_alone_differ() -> None:
    plan = make_plan("age + rare")
    designs = Designs(plan)
    cut = [designs.find(group) is not None for group in plan.groups]
    # the only person of a level lacks the first outcome
    assert cut == [False, *(5 * [True])]
    assert Designs(few := make_plan("age", 3)).find(few.groups[0]) is None
    splines = make_plan("ns(age, 3)")
    assert Designs(splines).find(splines.groups[1]) is None


def test_proteins_are_held_where_runs_of_groups_ask_for_them_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = make_plan("age")
    block = whole.blocks[0]
    assert _Values(whole).read(block.proteins) is not _Values(whole).read(block.proteins)
    values = _Values(whole)
    assert values.read(block.proteins) is not values.read(block.proteins)
    monkeypatch.setattr("proteomr.scan.planning.ROWS_AT_ONCE", N)
    parted = make_plan("age")
    assert len(parted.blocks) > 1
    held = _Values(parted)
    assert held.read(block.proteins) is held.read(block.proteins)
    monkeypatch.setattr("proteomr.scan.fitting._HELD_BYTES", 1)
    poor = _Values(parted)
    assert poor.read(block.proteins) is not poor.read(block.proteins)


def plan_panels(formula: str, *, lacks: bool = False) -> Plan:
    """Plan a scan of three panels, whose gap is near a thousand, of another unit, and skewed."""
    g = np.random.default_rng(7)
    gaps = np.column_stack([1e3 + g.random(N), 1e-9 * g.normal(size=N), g.exponential(size=N)])
    if lacks:
        gaps[3, 1] = np.nan
    values = ArrayProteins(("T0", "T1", "T2"), gaps)
    panel = tuple(np.repeat(np.arange(3), 48).tolist())
    gap = ProteinCovariate("gap", values, panel)
    spec = ModelSpec("linear", adjust={"a": formula, "b": "age"}, exposures=("iso",))
    cohort = make_cohort(make_samples(N), make_values(N, 144))
    return plan_scan(cohort, spec, covariates=(gap,))


@pytest.mark.parametrize(
    ("formula", "made"),
    [
        ("age + gap + C(site)", 1),
        ("ns(gap, 3)", 3),
        ("gap + gap:age", 3),
        ("gap + gap^2", 3),
    ],
)
def test_panels_have_the_problems_that_they_have_by_themselves(
    formula: str, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_panels(formula)
    assert len(plan.groups) == 3
    assert all(group.shared for group in plan.groups)
    expected = [plan.problem(group) for group in plan.groups]
    by_the_plan: list[Group] = []
    make = Plan.problem

    def count(self: Plan, group: Group, design: Design | None = None) -> Problem:
        by_the_plan.append(group)
        return make(self, group, design)

    monkeypatch.setattr(Plan, "problem", count)
    designs = Designs(plan)
    for group, one in zip(plan.groups, expected, strict=True):
        found = designs.problem(group)
        assert found.names == one.names
        for of in ("covariates", "scales", "shifts", "people"):
            assert getattr(found, of).tobytes() == getattr(one, of).tobytes()
    assert len(by_the_plan) == made


def test_panels_of_other_people_have_their_own_problems() -> None:
    plan = plan_panels("gap + age", lacks=True)
    designs = Designs(plan)
    for group in plan.groups:
        found, alone = designs.problem(group), plan.problem(group)
        assert found.covariates.tobytes() == alone.covariates.tobytes()
