"""Fits of competing risks: blocks together as one by one, R's numbers, and what has no estimate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from proteomr.errors import UsageError
from proteomr.models import FitOptions, fine_gray
from proteomr.models.base import Adjustment, Block, Factor, FitBlock, Model, Problem
from proteomr.models.cause_specific import CauseSpecific
from proteomr.models.cox import Cox
from proteomr.models.event_times import make_times
from proteomr.models.exact import INTERACTION
from proteomr.models.extras import COEFFICIENTS, WithExtras
from proteomr.models.fine_gray import FineGray
from proteomr.models.survival_options import SurvivalOptions
from proteomr.stats.censoring import estimate_censoring
from proteomr.stats.fine_gray_limits import CompetingRisks, fit_fine_gray_limit
from proteomr.status import Status
from tests.stats.fine_gray_rules import load, make

SITES = 4


def draw(*, n: int = 620, late: bool = False, seed: int = 0, **more: Any) -> tuple[Problem, Block]:
    """Return people with events at two rates, a site without events, a covariate that is aliased,
    and proteins that miss some; the first has an effect.
    """
    g = np.random.default_rng(seed)
    age, sex, site = g.normal(60.0, 8.0, n), g.integers(0, 2, n) * 1.0, g.integers(0, SITES, n)
    proteins = g.normal(size=(3, n)) + 0.02 * age
    hazard = 0.04 * np.exp(0.4 * proteins[0] + 0.4 * sex + 0.02 * (age - 60.0))
    hazard = np.where(site == SITES - 1, 1e-9, hazard)
    first, other = g.exponential(1.0 / hazard), g.exponential(20.0, n)
    exit_ = np.minimum(np.minimum(first, other), g.uniform(5.0, 15.0, n))
    event = np.where(first == exit_, 1.0, np.where(other == exit_, 2.0, 0.0))
    exit_ = np.ceil(4.0 * exit_) / 4.0
    entry = np.minimum(g.integers(0, 8, n) / 4.0, exit_ - 0.25) if late else None
    dummies = (site[:, None] == np.arange(1, SITES)) * 1.0
    columns = np.column_stack([np.ones(n), age, sex, dummies, 2.0 * age - 1.0])
    names = ("(Intercept)", "age", "sex", *(f"C(site)[{s}]" for s in range(1, SITES)), "twice")
    problem = Problem(
        columns,
        names,
        (Factor("site", site.astype(np.int64), np.arange(3, 2 + SITES)),),
        (make_times("disease", exit=exit_, event=event, entry=entry),),
        (Adjustment("all", np.arange(columns.shape[1])), Adjustment("two", np.arange(3))),
        (Model(0, 0), Model(0, 1)),
        **more,
    )
    observed = g.random((3, n)) < 0.9
    own = g.normal(size=(3, len(problem.own_names), n)) * observed[:, None]
    return problem, Block(proteins * observed, own, observed)


def fit(problem: Problem, block: Block, **asked: Any) -> FitBlock:
    family = FineGray(FitOptions(**asked), compiled=False)
    return family.fit(family.prepare(problem), block)


def more_of(name: str, n: int = 620) -> dict[str, Any]:
    g = np.random.default_rng(9)
    more: dict[str, dict[str, Any]] = {
        "weights": {"weights": g.choice([0.5, 1.0, 2.0], n)},
        "strata": {"baseline": g.integers(0, 3, n)},
        "clusters": {"clusters": g.integers(0, 200, n)},
        "interaction": {"interaction": g.normal(size=(n, 1))},
        "own": {"own_names": ("gap",)},
    }
    return more.get(name, {})


@pytest.mark.parametrize("late", ["from the beginning", "late"])
@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("plain", "robust"),
        ("all", "robust"),
        ("weights", "classical"),
        ("strata", "robust"),
        ("clusters", "classical"),
        ("clusters", "robust"),
        ("interaction", "classical"),
        ("own", "robust"),
        ("efron", "classical"),
    ],
)
def test_blocks_together_are_fits_one_by_one(
    name: str, errors: Any, late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = more_of(name)
    if "interaction" in more:  # every set has the effect of what it is multiplied with
        problem, block = draw()
        more = {"interaction": problem.covariates[:, [2]]}
    problem, block = draw(late=late == "late", **more)
    ties: Any = "efron" if name == "efron" else None
    options = SurvivalOptions(ties=ties, censoring_from="all" if name == "all" else "complete")
    together = fit(problem, block, errors=errors, survival=options)
    monkeypatch.setattr(fine_gray, "fit_competing_by_itself", None)  # nothing is left to it
    again = fit(problem, block, errors=errors, survival=options)
    np.testing.assert_array_equal(again.estimate, together.estimate)
    monkeypatch.undo()
    monkeypatch.setattr(fine_gray, "_SMALL", 10**6)
    alone = fit(problem, block, errors=errors, survival=options)
    assert (together.status == Status.ok).all()
    np.testing.assert_array_equal(together.status, alone.status)
    assert together.messages == alone.messages
    assert "aliased: twice" in together.messages[0, 0]
    assert "separated by covariates" in together.messages[0, 0]
    np.testing.assert_allclose(together.estimate, alone.estimate, rtol=1e-8)
    np.testing.assert_allclose(together.se, alone.se, rtol=1e-8)
    np.testing.assert_array_equal(together.n_case, alone.n_case)
    if INTERACTION in alone.joint:
        tests = together.joint[INTERACTION].statistic, alone.joint[INTERACTION].statistic
        np.testing.assert_allclose(*tests, rtol=1e-7)


@pytest.mark.parametrize("name", ["plain", "weights", "strata"])
def test_proteins_without_covariates_are_solved_together_too(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, block = draw(**more_of(name))
    alone = (Adjustment("unadjusted", np.arange(1)),)
    problem = replace(problem, adjustments=alone, models=(Model(0, 0),))
    family = FineGray(compiled=False)
    assert "quasi-Newton" in family.describe_path(family.prepare(problem))
    together = fit(problem, block)
    monkeypatch.setattr(fine_gray, "fit_competing_by_itself", None)  # nothing is left to it
    np.testing.assert_array_equal(fit(problem, block).estimate, together.estimate)
    monkeypatch.undo()
    monkeypatch.setattr(fine_gray, "_SMALL", 10**6)
    one_by_one = fit(problem, block)
    np.testing.assert_allclose(together.estimate, one_by_one.estimate, rtol=1e-8)
    np.testing.assert_allclose(together.se, one_by_one.se, rtol=1e-8)


def test_the_large_problem_is_solved_together() -> None:
    problem, _ = draw()
    family = FineGray(compiled=False)
    assert "quasi-Newton" in family.describe_path(family.prepare(problem))
    late, _ = draw(late=True)
    assert "quasi-Newton" in family.describe_path(family.prepare(late))


@pytest.mark.parametrize("compiled", ["plain", "compiled"])
def test_a_scan_above_every_switch_has_the_numbers_of_r(compiled: str) -> None:
    design = load()[-1]
    data = make(design)
    n = data.event.size
    target = make_times("disease", exit=data.times[:, 1], event=data.event.astype(np.float64))
    columns = np.column_stack([np.ones(n), data.X[:, 1:]])
    names = ("(Intercept)", "age", "rare")
    sets = (Adjustment("all", np.arange(3)),)
    problem = Problem(columns, names, (), (target,), sets, (Model(0, 0),))
    block = Block(data.X[None, :, 0].copy(), np.zeros((1, 0, n)), np.ones((1, n), dtype=bool))
    options = FitOptions(errors="robust", survival=SurvivalOptions(ties="efron"))
    family = FineGray(options, compiled=compiled == "compiled")
    state = family.prepare(problem)
    assert "quasi-Newton" in family.describe_path(state)
    found = family.fit(state, block)
    assert found.estimate[0, 0] == pytest.approx(design["coef"][0], rel=1e-9)
    assert found.se[0, 0] == pytest.approx(design["stretches"][0], rel=2e-8)
    clustered = replace(problem, clusters=np.arange(n))
    family = FineGray(options, compiled=compiled == "compiled")
    found = family.fit(family.prepare(clustered), block)
    assert found.se[0, 0] == pytest.approx(design["known"][0], rel=2e-8)


@pytest.mark.parametrize("size", [900, 5000])  # by plain loops, and by compiled ones
def test_late_entry_is_that_of_r(size: int) -> None:
    of_size = (d for d in load() if d["n"] == size and d["truncated"])
    design = next(d for d in of_size if d["ties"] == "efron")
    data = make(design)
    n = data.event.size
    target = make_times(
        "disease",
        exit=data.times[:, 1],
        event=data.event.astype(np.float64),
        entry=data.times[:, 0],
    )
    columns = np.column_stack([np.ones(n), data.X[:, 1:]])
    problem = Problem(
        columns,
        ("(Intercept)", "age", "rare"),
        (),
        (target,),
        (Adjustment("all", np.arange(3)),),
        (Model(0, 0),),
        weights=data.weights,
    )
    block = Block(data.X[None, :, 0].copy(), np.zeros((1, 0, n)), np.ones((1, n), dtype=bool))
    asked = FitOptions(errors="robust", survival=SurvivalOptions(ties="efron"), coefficients=True)
    family = FineGray(asked)
    state = family.prepare(problem)
    assert "quasi-Newton" in family.describe_path(state)
    found = family.fit(state, block)
    assert found.estimate[0, 0] == pytest.approx(design["coef"][0], rel=1e-9)
    assert found.se[0, 0] == pytest.approx(design["stretches"][0], rel=2e-8)
    table = found.details[COEFFICIENTS].columns
    assert list(table["coefficient"]) == ["age", "rare", "{protein}"]
    assert table["estimate"] == pytest.approx([*design["coef"][1:], design["coef"][0]], rel=1e-9)
    assert table["se"] == pytest.approx([*design["stretches"][1:], design["stretches"][0]])


def test_the_order_of_people_and_the_size_of_a_block_change_nothing() -> None:
    problem, block = draw()
    whole = fit(problem, block)
    order = np.random.default_rng(5).permutation(problem.n)
    factor = problem.factors[0]
    turned = Problem(
        problem.covariates[order] * problem.units[1] + problem.units[0],
        problem.names,
        (replace(factor, codes=factor.codes[order]),),
        tuple(target.take(order) for target in problem.targets),
        problem.adjustments,
        problem.models,
    )
    other = fit(
        turned, Block(block.values[:, order], block.own[:, :, order], block.observed[:, order])
    )
    np.testing.assert_allclose(other.estimate, whole.estimate, rtol=1e-10)
    np.testing.assert_allclose(other.se, whole.se, rtol=1e-8)
    for j in range(3):
        alone = fit(problem, block.take([j]))
        np.testing.assert_array_equal(alone.estimate[0], whole.estimate[j])


def test_cause_specific_is_cox_with_the_other_events_censored() -> None:
    problem, block = draw()
    family = CauseSpecific(compiled=False)
    found = family.fit(family.prepare(problem), block)
    target = problem.targets[0]
    values = target.values.copy()
    values[:, 2] = values[:, 2] == 1.0
    censored = replace(problem, targets=(replace(target, values=values),))
    cox = Cox(compiled=False)
    wanted = cox.fit(cox.prepare(censored), block)
    np.testing.assert_array_equal(found.estimate, wanted.estimate)
    np.testing.assert_array_equal(found.se, wanted.se)
    np.testing.assert_array_equal(found.n_case, wanted.n_case)
    other = fit(problem, block)
    assert (np.abs(other.estimate - found.estimate) > 1e-4).all()


def test_without_competing_events_it_is_cox_and_says_so() -> None:
    problem, block = draw()
    target = problem.targets[0]
    values = target.values.copy()
    values[values[:, 2] == 2.0, 2] = 0.0
    alone = replace(problem, targets=(replace(target, values=values),))
    found = fit(alone, block)
    cox = Cox(FitOptions(errors="robust", survival=SurvivalOptions(ties="breslow")), compiled=False)
    wanted = cox.fit(cox.prepare(alone), block)
    np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=1e-8)
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-7)
    assert "nobody has a competing event" in found.messages[0, 0]


@pytest.mark.parametrize("late", ["from the beginning", "late"])
def test_what_cannot_be_fitted_is_a_row_that_says_why(late: str) -> None:
    problem, block = draw(n=120, late=late == "late")
    target = problem.targets[0]
    event = target.values[:, 2]
    values = block.values.copy()
    values[1] = (event == 1.0) & block.observed[1]  # whoever has it has the event
    observed = block.observed.copy()
    observed[2] &= event != 1.0
    values[2] *= observed[2]
    found = fit(problem, Block(values, block.own, observed))
    assert found.status[:, 0].tolist() == [Status.ok, Status.separated, Status.too_few]
    assert found.messages[1, 0] == "the estimate of the protein is infinite: monotone likelihood"
    assert found.messages[2, 0] == "nobody has the event on the rows of the fit"
    assert found.n_case[2].tolist() == [0, 0]
    assert np.isnan(found.estimate[1:]).all()


def test_a_protein_that_only_those_never_at_risk_differ_in_is_collinear() -> None:
    problem, block = draw(n=120)
    target = problem.targets[0]
    times = target.values
    first = times[times[:, 2] == 1.0, 1].min()
    never = np.arange(problem.n) < 5
    times = times.copy()
    times[never] = (-np.inf, first / 2.0, 0.0)
    problem = replace(problem, targets=(replace(target, values=times),))
    values = block.values.copy()
    values[0] = never * 1.0
    found = fit(problem, Block(values, block.own, np.ones_like(block.observed)))
    assert found.status[0, 1] == Status.collinear


def test_one_event_does_not_stop_a_scan() -> None:
    problem, block = draw(n=120)
    target = problem.targets[0]
    values = target.values.copy()
    events = np.flatnonzero(values[:, 2] == 1.0)
    values[events[1:], 2] = 2.0
    found = fit(replace(problem, targets=(replace(target, values=values),)), block)
    assert set(found.status.ravel().tolist()) <= {Status.ok, Status.separated, Status.too_few}
    assert found.n_case.max() == 1


def test_a_protein_that_one_person_has_is_said_to_rest_on_one() -> None:
    problem, block = draw()
    values, observed = block.values.copy(), np.ones_like(block.observed)
    first = np.flatnonzero(problem.targets[0].values[:, 2] == 1.0)[0]
    values[0] = np.arange(problem.n) == first
    found = fit(problem, Block(values, block.own, observed))
    assert found.status[0].tolist() == [Status.ok, Status.ok]
    assert "rests on about 1.0 people" in found.messages[0, 0]


def test_an_empty_early_risk_set_leaves_weights_without_a_value() -> None:
    problem, block = draw(n=120, late=True)
    target = problem.targets[0]
    values = target.values.copy()
    values[:, :2] += 1.0
    values[0] = (0.0, 0.5, 2.0)  # gone before anybody else comes
    early = replace(problem, targets=(replace(target, values=values),))
    found = fit(early, Block(block.values, block.own, np.ones_like(block.observed)))
    assert (found.status == Status.not_identified).all()
    assert "their weight has no value" in found.messages[0, 0]


def test_the_censoring_may_be_that_of_all_whose_outcome_is_known() -> None:
    problem, block = draw(n=150)
    options = SurvivalOptions(ties="efron", censoring_from="all")
    whole = problem.targets[0].values
    rows = np.arange(100)
    some = Problem(
        problem.covariates[rows],
        problem.names,
        (replace(problem.factors[0], codes=problem.factors[0].codes[rows]),),
        (problem.targets[0].take(rows),),
        problem.adjustments,
        problem.models,
    )
    of_some = Block(block.values[:, rows], block.own[:, :, rows], block.observed[:, rows])
    found = fit(some, of_some, errors="robust", survival=options)
    j, there = 0, block.observed[0, rows]
    X = np.column_stack([block.values[0, rows], problem.covariates[rows, 1:3]])[there]
    times, event = whole[:, :2], whole[:, 2].astype(np.int64)
    censoring = estimate_censoring(times, event)
    risks = CompetingRisks(times[rows][there], event[rows][there], censoring)
    wanted = fit_fine_gray_limit(X, risks, ties="efron")
    assert found.estimate[j, 1] == pytest.approx(wanted.coefficients[0], rel=1e-10)
    se = np.sqrt(wanted.covariance("stretches")[0, 0])
    assert found.se[j, 1] == pytest.approx(se, rel=1e-10)
    complete = fit(some, of_some, errors="robust", survival=SurvivalOptions(ties="efron"))
    assert abs(complete.estimate[j, 1] - found.estimate[j, 1]) > 1e-6
    with pytest.raises(UsageError, match="give --se robust"):
        FineGray(FitOptions(survival=options)).check_targets(problem.targets)


def test_spells_are_refused() -> None:
    problem, _ = draw(n=120)
    with pytest.raises(UsageError, match="one row for each person"):
        FineGray().prepare(replace(problem, persons=np.arange(120)))


def test_ties_of_censorings_go_with_the_package_whose_ties_of_events_are_asked_for() -> None:
    problem, block = draw(n=200)
    estimates = {
        (ties, censoring): fit(
            problem, block, survival=SurvivalOptions(ties=ties, censoring_ties=censoring)
        ).estimate
        for ties in ("efron", "breslow")
        for censoring in (None, "crr", "events-first")
    }
    for ties, own, other in (("efron", "events-first", "crr"), ("breslow", "crr", "events-first")):
        np.testing.assert_array_equal(estimates[ties, None], estimates[ties, own])
        assert not np.allclose(estimates[ties, None], estimates[ties, other], rtol=1e-6)


def test_one_event_for_each_coefficient_is_fitted_by_blocks_and_lost_levels_as_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem, block = draw(seed=3)
    code = problem.targets[0].values[:, 2]
    happened = np.flatnonzero(code == 1.0)
    observed = block.observed.copy()
    observed[1, happened[6:]] = False  # six events, of five coefficients
    observed[2, happened[problem.factors[0].codes[happened] == 1]] = False  # a level loses its own
    few = replace(block, values=block.values * observed, observed=observed)
    together = fit(problem, few)
    monkeypatch.setattr(fine_gray, "_SMALL", problem.n)
    alone = fit(problem, few)
    assert together.status.tolist() == alone.status.tolist()
    assert together.messages == alone.messages
    np.testing.assert_allclose(together.estimate, alone.estimate, rtol=1e-8)
    np.testing.assert_allclose(together.se, alone.se, rtol=1e-8)


def test_a_covariate_without_events_beside_a_level_without_events_goes_one_by_one() -> None:
    problem, _ = draw(seed=4)
    rare = np.zeros(problem.n)
    rare[np.flatnonzero(problem.targets[0].values[:, 2] != 1.0)[::9]] = 1.0
    columns = problem.covariates.copy()
    columns[:, 2] = rare
    state = FineGray(FitOptions(), compiled=False).prepare(replace(problem, covariates=columns))
    assert not isinstance(state, WithExtras)
    assert state.solvers == ()
