"""Families of additive hazards and of parametric models: paths, statuses, tables, units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr.models import (
    Block,
    FitBlock,
    FitOptions,
    Problem,
    Status,
    SurvivalOptions,
    make_times,
)
from proteomr.models.aalen import Aalen
from proteomr.models.aft import Aft
from proteomr.models.royston_parmar import RoystonParmar
from proteomr.models.timed_family import TimedFamily, TimedState
from proteomr.models.timed_rows import tie_outcomes
from proteomr.stats.accelerated import fit_accelerated
from proteomr.stats.additive_hazards import fit_additive_hazards
from tests.models.timed_designs import KINDS, Design, draw_times, make_family

kinds = pytest.mark.parametrize("kind", KINDS)
DESIGNS = {
    "plain": Design(),
    "missing": Design(missing=0.1),
    "late": Design(late=True, missing=0.05),
    "weighted": Design(weighted=True, own=True),
    "ties": Design(ties=True, missing=0.1),
    "rare": Design(n=3000, b=2, rare=True),
    "products": Design(interaction=True, own=True, missing=0.02),
    "aliased": Design(aliased=True, missing=0.02),
    "empty level": Design(empty_level=True, missing=0.02),
    "baseline": Design(baseline=True, missing=0.02),
    "clusters": Design(clustered=True, missing=0.02, weighted=True),
}
CLASSICAL = ("plain", "late", "products", "baseline")


def able(kind: str, design: Design) -> bool:
    """Whether a family takes a design: accelerated times have one sigma."""
    return not design.baseline or kind == "aalen" or "-" in kind


def fit_alone(family: TimedFamily, problem: Problem, block: Block) -> FitBlock:
    """Fit every protein by itself."""
    return family.fit(TimedState(tie_outcomes(problem)), block)


def fit(family: TimedFamily, problem: Problem, block: Block) -> FitBlock:
    return family.fit(family.prepare(problem), block)


@kinds
@pytest.mark.parametrize("errors", ["classical", "robust"])
@pytest.mark.parametrize("name", DESIGNS)
def test_proteins_together_have_the_fits_of_each_alone(
    kind: str, errors: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = DESIGNS[name]
    if not able(kind, design) or (errors == "classical" and name not in CLASSICAL):
        return
    problem, block = draw_times(design)
    family = make_family(kind, errors=errors)
    alone = fit_alone(family, problem, block)
    monkeypatch.setattr("proteomr.models.timed_family.fit_timed", None)
    together = fit(family, problem, block)
    assert (together.status == Status.ok).all()
    assert together.messages == alone.messages
    assert together.n.tolist() == alone.n.tolist()
    distance = np.abs(together.estimate - alone.estimate) / alone.se
    assert distance.max() < 1e-8
    np.testing.assert_allclose(together.se, alone.se, rtol=1e-8)
    for test, tests in alone.joint.items():
        np.testing.assert_allclose(together.joint[test].statistic, tests.statistic, rtol=1e-7)


@kinds
def test_values_of_a_block_do_not_depend_on_its_size(kind: str) -> None:
    problem, block = draw_times(Design(missing=0.05))
    family = make_family(kind, errors="robust")
    state = family.prepare(problem)
    whole = family.fit(state, block)
    for j in range(3):
        one = family.fit(state, block.take([j]))
        np.testing.assert_allclose(one.estimate[0], whole.estimate[j], rtol=1e-12)
        np.testing.assert_allclose(one.se[0], whole.se[j], rtol=1e-12)


@kinds
@pytest.mark.parametrize("scale", [1e-300, 1e-5, 1e12, 1e300])
@pytest.mark.parametrize("n", [200, 640])
def test_the_unit_of_a_protein_is_that_of_its_estimate(kind: str, scale: float, n: int) -> None:
    problem, block = draw_times(Design(n=n, b=1))
    family = make_family(kind)
    plain = fit(family, problem, block)
    scaled = fit(family, problem, Block(block.values * scale, block.own, block.observed))
    np.testing.assert_allclose(scaled.estimate * scale, plain.estimate, rtol=1e-9)
    np.testing.assert_allclose(scaled.se * scale, plain.se, rtol=1e-9)


@kinds
@pytest.mark.parametrize("n", [200, 640])
def test_what_cannot_be_fitted_has_a_status(kind: str, n: int) -> None:
    problem, block = draw_times(Design(n=n, b=5))
    died = problem.targets[0].values[:, 2] == 1.0
    values, observed = block.values.copy(), block.observed.copy()
    values[0] = 3.0
    values[1] = problem.covariates[:, 1] - 2.0 * problem.covariates[:, 3]
    observed[2] = False
    observed[3] = ~died
    values[4] = np.where(died, 0.0, np.arange(n) % 5 == 0)
    found = fit(make_family(kind), problem, Block(values * observed, block.own, observed))
    wanted = [Status.constant, Status.collinear, Status.all_missing, Status.too_few]
    assert found.status[:4, 0].tolist() == wanted
    # Nobody of a group has the event: its hazard is 0, and only ratios of hazards are infinite.
    last = Status.ok if kind == "aalen" else Status.separated
    assert found.status[4, 0] == last
    assert np.isnan(found.estimate[found.status != Status.ok]).all()
    assert found.messages[3, 0] == "nobody has the event on the rows of the fit"


@kinds
def test_events_are_all_in_the_protein_of_one_group(kind: str) -> None:
    problem, block = draw_times(Design(n=640, b=1))
    died = problem.targets[0].values[:, 2] == 1.0
    values = np.where(died | (np.arange(640) % 7 == 0), 1.0, 0.0)[None]
    found = fit(make_family(kind), problem, Block(values, block.own, block.observed))
    if kind == "aalen":
        assert found.status[0, 0] == Status.ok
        assert found.estimate[0, 0] > 5.0 * found.se[0, 0]
    else:
        assert found.status[0, 0] == Status.separated


def test_one_event_is_too_few_for_an_additive_effect() -> None:
    problem, block = draw_times(Design(n=640))
    times = problem.targets[0].values.copy()
    times[:, 2] = 0.0
    times[5, 2] = 1.0
    target = make_times("y", exit=times[:, 1], event=times[:, 2])
    found = fit(Aalen(), replace(problem, targets=(target,)), block)
    assert set(found.status[:, 0].tolist()) == {int(Status.too_few)}


@kinds
def test_one_event_leaves_no_estimate_but_of_those_whom_covariates_do_not_separate(
    kind: str,
) -> None:
    problem, block = draw_times(Design(n=120))
    times = problem.targets[0].values.copy()
    times[:, 2] = 0.0
    times[5, 2] = 1.0
    target = make_times("y", exit=times[:, 1], event=times[:, 2])
    found = fit(make_family(kind), replace(problem, targets=(target,)), block)
    for j in np.flatnonzero(found.status[:, 0] == Status.ok).tolist():
        assert kind != "aalen"
        assert "people separated by covariates alone" in found.messages[j, 0]
        assert np.isfinite(found.se[j, 0])


def test_a_competing_event_ends_the_follow_up() -> None:
    problem, block = draw_times(Design(n=300))
    values = problem.targets[0].values
    other = np.where(np.arange(300) % 4 == 0, 2.0, values[:, 2])
    competing = replace(problem, targets=(make_times("y", exit=values[:, 1], event=other),))
    event = np.where(other == 2.0, 0.0, other)
    censored = replace(problem, targets=(make_times("y", exit=values[:, 1], event=event),))
    family = Aalen()
    assert (
        fit(family, competing, block).estimate.tolist()
        == fit(family, censored, block).estimate.tolist()
    )


@kinds
def test_people_with_several_spells_are_one_in_robust_errors(kind: str) -> None:
    if kind in {"lognormal", "odds-2", "normal-1"}:
        return  # the same by the likelihood of late entries, and slower
    problem, block = draw_times(Design(n=300, b=1))
    values = problem.targets[0].values
    half = values[:, 1] / 2.0
    spells = make_times(
        "y",
        exit=np.concatenate([half, values[:, 1]]),
        event=np.concatenate([np.zeros(300), values[:, 2]]),
        entry=np.concatenate([np.full(300, -np.inf), half]),
    )
    twice = replace(
        problem,
        covariates=np.tile(problem.covariates, (2, 1)),
        targets=(spells,),
        persons=np.tile(np.arange(300), 2),
        scales=None,
        shifts=None,
    )
    doubled = Block(np.tile(block.values, 2), np.tile(block.own, 2), np.tile(block.observed, 2))
    family = make_family(kind, errors="robust")
    one, two = fit(family, problem, block), fit(family, twice, doubled)
    assert two.n.tolist() == one.n.tolist()
    np.testing.assert_allclose(two.estimate, one.estimate, rtol=1e-7)
    np.testing.assert_allclose(two.se, one.se, rtol=1e-7)


def test_times_that_differ_by_rounding_are_one() -> None:
    problem, block = draw_times(Design(n=300, ties=True))
    values = problem.targets[0].values
    jitter = 1.0 + 1e-14 * np.arange(300)
    near = replace(
        problem, targets=(make_times("y", exit=values[:, 1] * jitter, event=values[:, 2]),)
    )
    a, b = fit(Aalen(), problem, block), fit(Aalen(), near, block)
    np.testing.assert_allclose(a.estimate, b.estimate, rtol=1e-10)


@kinds
@pytest.mark.parametrize("errors", ["classical", "robust"])
def test_tables_of_coefficients_are_in_the_units_of_the_data(kind: str, errors: str) -> None:
    problem, block = draw_times(Design(n=400, b=1, weighted=True))
    family = make_family(kind, errors=errors, coefficients=True)
    found = fit(family, problem, block)
    table = found.details["coefficients"].columns
    names = list(table["coefficient"])
    estimate, se = (
        dict(zip(names, table["estimate"], strict=True)),
        dict(zip(names, table["se"], strict=True)),
    )
    own = "{protein}"
    assert estimate[own] == pytest.approx(found.estimate[0, 0], rel=1e-9)
    assert se[own] == pytest.approx(found.se[0, 0], rel=1e-9)
    C = problem.covariates * problem.column_scales + np.asarray(problem.shifts)
    X = np.column_stack([C[:, 1:], block.values[0]])
    outcome, w = problem.targets[0].values, problem.weights
    if kind == "aalen":
        whole = fit_additive_hazards(X, outcome, weights=w)
        assert names == ["z", "year", "g1", "g2", own]
        covariance = whole.robust if errors == "robust" else whole.covariance
        known = whole.coefficients
    elif "-" in kind:
        assert names[:2] == ["gamma0", "gamma1"]
        return
    else:
        alone = fit_accelerated(X, outcome, distribution=kind, weights=w)  # type: ignore[arg-type]
        assert alone is not None
        covariance = alone.robust(None) if errors == "robust" else alone.covariance
        known = alone.coefficients
        assert names[0] == "(Intercept)"
        assert (names[-1] == "Log(scale)") == (kind != "exponential")
    np.testing.assert_allclose([estimate[n] for n in names], known, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose([se[n] for n in names], np.sqrt(np.diagonal(covariance)), rtol=1e-6)


def test_hazard_ratios_and_odds_ratios_are_those_of_their_scales() -> None:
    target = make_times("y", exit=np.ones(2), event=np.ones(2))
    ratios = {
        scale: RoystonParmar(FitOptions(survival=SurvivalOptions(scale=scale))).ratio_of(target)
        for scale in ("hazard", "odds", "normal")
    }
    assert ratios == {"hazard": "HR", "odds": "OR", "normal": None}
    assert Aft().ratio_of(target) is None
    assert Aalen().ratio_of(target) is None
