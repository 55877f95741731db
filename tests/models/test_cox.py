"""Cox as a family: both paths give the same, and what has no estimate says why."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from proteomr.errors import UsageError
from proteomr.models import (
    Adjustment,
    Block,
    FitBlock,
    FitOptions,
    Further,
    Model,
    Problem,
    Status,
    SurvivalOptions,
    cox_models,
    make_times,
)
from proteomr.models import cox as family_of_cox
from proteomr.models.cox import Cox
from proteomr.stats.concordance import measure_concordance, weigh_by_censoring
from proteomr.stats.cox import fit_cox
from proteomr.stats.proportional_hazards import ZPH_TRANSFORMS, ZphTransform
from proteomr.stats.risk_sets import lay_out_risk_sets
from tests.models.cox_problems import draw_times

PROBLEMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "weighted": {"weighted": True},
    "stratified and truncated": {"stratified": True, "truncated": True},
    "products and own covariates": {"product": True, "own": True},
    "heavy ties": {"grid": 1.0},
    "no ties": {"n": 4200, "grid": 1e9, "rate": 0.004},
    "few people": {"n": 150, "rate": 0.15},
    "one per cent of events": {"rate": 0.002, "n": 9000},
    "all at once": {
        "product": True,
        "own": True,
        "weighted": True,
        "stratified": True,
        "truncated": True,
    },
}
ZPH = SurvivalOptions(zph="km")


def fit(problem: Problem, block: Block, **asked: Any) -> FitBlock:
    compiled = asked.pop("compiled", False)
    family = Cox(FitOptions(**asked), compiled=compiled)
    return family.fit(family.prepare(problem), block)


def one_by_one(
    problem: Problem, block: Block, monkeypatch: pytest.MonkeyPatch, **asked: Any
) -> FitBlock:
    with monkeypatch.context() as patch:
        patch.setattr(family_of_cox, "_SMALL", 10**9)
        return fit(problem, block, **asked)


@pytest.mark.parametrize(
    ("name", "errors", "ties"),
    [
        *product(PROBLEMS, ("classical", "robust"), ("efron",)),
        ("heavy ties", "classical", "breslow"),
    ],
)
def test_fits_of_a_block_together_are_those_one_by_one(
    name: str, errors: Any, ties: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = dict(PROBLEMS[name])
    problem, block = draw_times(int(given.pop("n", 1500)), clustered=errors == "robust", **given)
    asked = {"errors": errors, "survival": replace(ZPH, ties=ties)}
    family = Cox(FitOptions(**asked))
    assert len(family.prepare(problem).solvers) == 2  # type: ignore[union-attr]
    mass = fit(problem, block, **asked, compiled=problem.n > 4000)
    single = one_by_one(problem, block, monkeypatch, **asked)
    assert (mass.status == Status.ok).all()
    np.testing.assert_allclose(mass.estimate, single.estimate, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(mass.se, single.se, rtol=1e-8)
    assert mass.messages == single.messages
    tests = [fits.details["proportional_hazards"] for fits in (mass, single)]
    assert tests[0].columns["term"] == tests[1].columns["term"]
    chi2 = [np.array(table.columns["chi2"], dtype=float) for table in tests]
    np.testing.assert_allclose(chi2[0], chi2[1], rtol=1e-5, atol=1e-6)
    for test, found in mass.joint.items():
        np.testing.assert_allclose(found.statistic, single.joint[test].statistic, rtol=1e-6)


def test_terms_are_the_columns_of_a_factor_together_the_protein_and_all() -> None:
    problem, block = draw_times(400, 1, own=True, product=True)
    table = fit(problem, block, survival=ZPH).details["proportional_hazards"]
    first = np.flatnonzero(table.model == 0)
    terms = np.array(table.columns["term"])[first].tolist()
    assert terms == ["age", "sex", "site", "gap", "{protein}", "{protein}:sex", "GLOBAL"]
    assert np.array(table.columns["df"])[first].tolist() == [1, 1, 4, 1, 1, 1, 9]


@pytest.mark.parametrize("transform", ZPH_TRANSFORMS)
@pytest.mark.parametrize("truncated", [False, True])
def test_a_site_without_events_leaves_the_protein_its_limit(
    transform: ZphTransform, monkeypatch: pytest.MonkeyPatch, *, truncated: bool
) -> None:
    problem, block = draw_times(1500, truncated=truncated)
    target = problem.targets[0]
    values = target.values.copy()
    values[problem.factors[0].codes == 3, 2] = 0.0
    problem = replace(problem, targets=(replace(target, values=values),))
    survival = replace(ZPH, zph=transform)
    mass = fit(problem, block, survival=survival)
    single = one_by_one(problem, block, monkeypatch, survival=survival)
    assert (mass.status == Status.ok).all()
    np.testing.assert_allclose(mass.estimate, single.estimate, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(mass.se, single.se, rtol=1e-8)
    # Ranks and Kaplan-Meier estimates are of everybody, as for cox.zph of all rows.
    tests = [fits.details["proportional_hazards"].columns for fits in (mass, single)]
    assert tests[0]["term"] == tests[1]["term"]
    chi2 = [np.array(table["chi2"], dtype=float) for table in tests]
    np.testing.assert_allclose(chi2[0], chi2[1], rtol=1e-6)
    assert mass.messages == single.messages
    assert "people separated by covariates alone" in mass.messages[0, 0]


def test_a_protein_of_the_dead_alone_is_separated() -> None:
    problem, block = draw_times(900, 2)
    died = problem.targets[0].values[:, 2] == 1.0
    values = block.values.copy()
    # The first to die have the most, and all of them more than anybody who is censored.
    values[0] = np.where(died, 1e4 - problem.targets[0].values[:, 1], 0.0)
    fits = fit(problem, Block(values, block.own, np.ones_like(block.observed)))
    assert fits.status[0].tolist() == [Status.separated] * 2
    assert np.isnan(fits.estimate[0]).all()
    assert (fits.status[1] == Status.ok).all()


def test_what_cannot_be_fitted_says_why() -> None:
    problem, block = draw_times(700, 4)
    values, observed = block.values.copy(), np.ones_like(block.observed)
    values[0] = 2.0
    values[1] = problem.covariates[:, 1] * 3.0 + 1.0
    observed[2] = problem.targets[0].values[:, 2] == 0.0
    observed[3] = False
    values[~observed] = 0.0
    fits = fit(problem, Block(values, block.own, observed))
    wanted = (Status.constant, Status.collinear, Status.too_few, Status.all_missing)
    assert [Status(status) for status in fits.status[:, 0]] == list(wanted)
    assert fits.messages[2, 0] == "nobody has the event on the rows of the fit"


def test_a_protein_that_strata_determine_is_collinear() -> None:
    problem, block = draw_times(700, 1, stratified=True)
    assert problem.baseline is not None
    values = problem.baseline[None].astype(np.float64)
    fits = fit(problem, Block(values, block.own, np.ones_like(block.observed)))
    assert (fits.status == Status.collinear).all()


def test_rows_whose_entry_is_their_exit_up_to_rounding_are_said() -> None:
    problem, block = draw_times(300, 1, truncated=True)
    values = problem.targets[0].values.copy()
    values[0, 0] = values[0, 1] - 1e-10
    problem = replace(problem, targets=(replace(problem.targets[0], values=values),))
    fits = fit(problem, block)
    assert fits.messages[0, 0] == "1 rows whose entry and exit are one time"


@pytest.mark.parametrize("n", [300, 1500])
def test_cases_and_people_are_counted(n: int) -> None:
    problem, block = draw_times(n)
    fits = fit(problem, block)
    died = problem.targets[0].values[:, 2] == 1.0
    assert fits.n[:, 0].tolist() == block.observed.sum(axis=1).tolist()
    assert fits.n_case[:, 0].tolist() == (block.observed & died).sum(axis=1).tolist()


def test_joint_tests_are_those_of_nested_fits() -> None:
    problem, block = draw_times(400, 2, truncated=True)
    fits = fit(problem, block, further=Further(("lr", "score", "wald"), 3))
    rows = block.observed[0]
    X = np.column_stack([problem.covariates[rows][:, 1:], block.values[0, rows]])
    risk = lay_out_risk_sets(problem.targets[0].values[rows])
    whole, null = fit_cox(X, risk), fit_cox(X[:, :-1], risk)
    rise = 2.0 * (whole.log_likelihood - null.log_likelihood)
    assert fits.joint["lr"].statistic[0, 0] == pytest.approx(rise, rel=1e-9)
    wald = (whole.coefficients[-1] / whole.se[-1]) ** 2
    assert fits.joint["wald"].statistic[0, 0] == pytest.approx(wald, rel=1e-9)
    assert fits.joint["score"].statistic[0, 0] == pytest.approx(rise, rel=0.1)
    assert fits.joint["spline"].df[0, 0] == 3.0


def test_coefficients_have_no_intercept_and_name_what_has_none() -> None:
    problem, block = draw_times(400, 1)
    doubled = np.column_stack([problem.covariates, 2.0 * problem.covariates[:, 1]])
    problem = replace(
        problem,
        covariates=doubled,
        names=(*problem.names, "twice"),
        scales=None,
        shifts=None,
        adjustments=(replace(problem.adjustments[0], columns=np.arange(8)),),
        models=problem.models[:1],
    )
    fits = fit(problem, block, coefficients=True)
    table = fits.details["coefficients"]
    assert list(table.columns["coefficient"]) == [*problem.names[1:], "{protein}"]
    estimates = np.array(table.columns["estimate"], dtype=float)
    assert np.flatnonzero(np.isnan(estimates)).tolist() == [6]
    assert estimates[-1] == pytest.approx(fits.estimate[0, 0], rel=1e-9)
    assert fits.messages[0, 0] == "aliased: twice"


def test_ratios_by_period_are_those_of_follow_up_that_is_split() -> None:
    problem, block = draw_times(500, 1, truncated=True, weighted=True)
    fits = fit(problem, block, survival=SurvivalOptions(periods=(3.0, 6.0)))
    table = fits.details["periods"]
    first = np.flatnonzero(table.model == 0)
    found = np.array(table.columns["estimate"], dtype=float)[first]
    rows = block.observed[0]
    entry, exit_, event = problem.targets[0].values[rows].T
    x, C = block.values[0, rows], problem.covariates[rows][:, 1:]
    assert problem.weights is not None
    pieces, columns, weights = [], [], []
    for p, (low, high) in enumerate([(-np.inf, 3.0), (3.0, 6.0), (6.0, np.inf)]):
        at = (exit_ > low) & (entry < high)
        ends = np.minimum(exit_[at], high)
        pieces.append(
            np.column_stack([np.maximum(entry[at], low), ends, event[at] * (exit_[at] <= high)])
        )
        columns.append(np.column_stack([C[at], x[at, None] * (np.arange(3) == p)]))
        weights.append(problem.weights[rows][at])
    risk = lay_out_risk_sets(np.concatenate(pieces))
    split = fit_cox(np.concatenate(columns), risk, weights=np.concatenate(weights))
    np.testing.assert_allclose(found, split.coefficients[-3:], rtol=1e-9)
    assert sum(np.array(table.columns["n_case"])[first]) == int(event.sum())
    V = split.covariance[-3:, -3:]
    D = np.array([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]])
    difference = D @ split.coefficients[-3:]
    wald = difference @ np.linalg.solve(D @ V @ D.T, difference)
    assert np.array(table.columns["equal_statistic"])[first[0]] == pytest.approx(wald, rel=1e-8)
    limits = [np.array(table.columns[f"conf_{end}"])[first] for end in ("low", "high")]
    half = 1.959963984540054 * np.sqrt(np.diagonal(V))
    np.testing.assert_allclose([found - limits[0], limits[1] - found], [half, half], rtol=1e-9)


@pytest.mark.parametrize("errors", ["classical", "robust"])
@pytest.mark.parametrize("rate", [0.0004, 0.001, 0.0015])
def test_few_events_are_fitted_together_and_what_is_infinite_by_itself(
    rate: float, errors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, block = draw_times(600, 6, rate=rate, seed=5)
    died = problem.targets[0].values[:, 2] == 1.0
    assert died.sum() < 2 * 8  # events for each coefficient
    values, inside = block.values.copy(), block.observed & died
    # monotone: above all others while at risk, the earlier the higher
    time = problem.targets[0].values[:, 1]
    values[2] = np.where(inside[2], 100.0 - time, values[2])
    values[3] = np.where(block.observed[3], died * 1.0, 0.0)
    moved = replace(block, values=values)
    together = fit(problem, moved, errors=errors)
    alone = one_by_one(problem, moved, monkeypatch, errors=errors)
    assert together.status.tolist() == alone.status.tolist()
    assert (alone.status[2:4] == Status.separated).all()
    assert (alone.status[[0, 1, 4, 5]] == Status.ok).any()
    np.testing.assert_allclose(together.estimate, alone.estimate, rtol=1e-7)
    np.testing.assert_allclose(together.se, alone.se, rtol=1e-7)


def test_a_reference_without_events_changes_no_error_and_no_test() -> None:
    problem, block = draw_times(400, 3, rate=0.01, seed=2)
    site = problem.factors[0].codes
    outcome = problem.targets[0].values.copy()
    outcome[site == 0, 2] = 0.0  # all other levels are infinite, and differ by finite estimates
    problem = replace(problem, targets=(replace(problem.targets[0], values=outcome),))
    found = []
    for first in (0, 3):
        codes = (site - first) % 5
        covariates = problem.covariates.copy()
        covariates[:, 3:7] = codes[:, None] == np.arange(1, 5)
        turned = replace(problem, covariates=covariates, factors=())
        asked: dict[str, Any] = {
            "errors": "robust",
            "further": Further(("score",)),
            "coefficients": True,
        }
        survival = SurvivalOptions(periods=(3.0,), zph="km")
        found.append(fit(turned, block, survival=survival, **asked))
    first_fit, other = found
    np.testing.assert_allclose(first_fit.estimate, other.estimate, rtol=1e-8)
    np.testing.assert_allclose(first_fit.se, other.se, rtol=1e-8)
    for name in ("estimate", "se", "equal_statistic"):
        rows = [np.array(one.details["periods"].columns[name], dtype=float) for one in found]
        np.testing.assert_allclose(rows[0], rows[1], rtol=1e-8)
    tests = [one.joint["score"].statistic for one in found]
    np.testing.assert_allclose(tests[0], tests[1], rtol=1e-8)
    changes = [one.details["proportional_hazards"].columns for one in found]
    own = [
        [chi for term, chi in zip(one["term"], one["chi2"], strict=True) if term == "{protein}"]
        for one in changes
    ]
    np.testing.assert_allclose(own[0], own[1], rtol=1e-7)
    last = [
        [chi for term, chi in zip(one["term"], one["chi2"], strict=True) if term == "GLOBAL"]
        for one in changes
    ]
    np.testing.assert_allclose(last[0], last[1], rtol=1e-7)


def test_a_period_without_events_is_a_row_with_a_status() -> None:
    problem, block = draw_times(300, 1)
    fits = fit(problem, block, survival=SurvivalOptions(periods=(3.0, 1000.0)))
    assert list(fits.details["periods"].columns["status"])[:3] == ["ok", "ok", "too_few"]


def test_concordance_is_told_of_each_model() -> None:
    problem, block = draw_times(300, 2)
    options = SurvivalOptions(concordance=True, tau=6.0)
    table = fit(problem, block, survival=options).details["concordance"]
    assert list(table.columns["measure"]) == ["harrell", "uno"] * 4
    estimates = np.array(table.columns["estimate"], dtype=float)
    assert ((estimates > 0.5) & (estimates < 0.9)).all()


def test_an_unknown_way_of_counting_ties_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="ties 'exactly' "):
        SurvivalOptions(ties="exactly")  # type: ignore[arg-type]  # there is none


def test_exact_ties_are_those_of_single_fits_with_their_nested_tests() -> None:
    problem, block = draw_times(400, 2, truncated=True, stratified=True, grid=2.0)
    options = SurvivalOptions(ties="exact", concordance=True, periods=(4.0,))
    fits = fit(problem, block, further=Further(("lr", "score", "wald")), survival=options)
    rows = block.observed[1]
    X = np.column_stack([problem.covariates[rows][:, 1:], block.values[1, rows]])
    assert problem.baseline is not None
    risk = lay_out_risk_sets(problem.targets[0].values[rows], problem.baseline[rows])
    whole, null = (fit_cox(columns, risk, ties="exact") for columns in (X, X[:, :-1]))
    assert fits.estimate[1, 0] == pytest.approx(whole.coefficients[-1], rel=1e-9)
    assert fits.se[1, 0] == pytest.approx(whole.se[-1], rel=1e-9)
    rise = 2.0 * (whole.log_likelihood - null.log_likelihood)
    assert fits.joint["lr"].statistic[1, 0] == pytest.approx(rise, rel=1e-9)
    assert fits.joint["score"].statistic[1, 0] == pytest.approx(rise, rel=0.1)
    assert len(fits.details["concordance"].columns["measure"]) == 4
    assert set(fits.details["periods"].columns["status"]) == {"ok"}
    efron = fit(problem, block)
    assert abs(fits.estimate[1, 0] / efron.estimate[1, 0] - 1.0) > 1e-4


def test_exact_ties_that_would_take_hours_are_refused_before_any_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem, _ = draw_times(400, 1, grid=0.5)
    family = Cox(FitOptions(survival=SurvivalOptions(ties="exact")))
    family.prepare(problem)
    monkeypatch.setattr(cox_models, "_MOST_TERMS", 1000)
    with pytest.raises(UsageError, match=r"--ties exact: 'death' has \d+ tied .* --ties efron"):
        family.prepare(problem)


def test_the_scale_of_a_protein_is_that_of_its_estimate() -> None:
    for n in (300, 1500):
        problem, block = draw_times(n, 1)
        plain = fit(problem, block)
        for scale in (1e-200, 1e200):
            moved = fit(problem, Block(block.values * scale, block.own, block.observed))
            assert moved.estimate * scale == pytest.approx(plain.estimate, rel=1e-9)
            assert moved.se * scale == pytest.approx(plain.se, rel=1e-9)


def test_one_event_gives_a_status() -> None:
    problem, block = draw_times(200, 1)
    values = problem.targets[0].values.copy()
    values[1:, 2], values[0, 2] = 0.0, 1.0
    target = make_times("death", exit=values[:, 1], event=values[:, 2])
    fits = fit(replace(problem, targets=(target,)), block)
    assert set(fits.status.ravel().tolist()) <= {Status.separated, Status.collinear, Status.too_few}


def test_firth_answers_infinite_estimates_and_leaves_others() -> None:
    problem, block = draw_times(300, 2)
    died = problem.targets[0].values[:, 2] == 1.0
    values = block.values.copy()
    values[0] = np.where(died, 0.0, (np.arange(problem.n) % 9 == 0) * 1.0)
    block = Block(values, block.own, np.ones_like(block.observed))
    plain, asked = fit(problem, block), fit(problem, block, firth="separated")
    assert plain.status[0].tolist() == asked.status[0].tolist() == [Status.separated] * 2
    assert np.isnan(plain.estimate[0]).all()
    assert (asked.estimate[0] < -1.0).all()
    assert (asked.conf_low[0] < asked.estimate[0]).all()
    assert "Firth's estimate" in asked.messages[0, 0]
    assert asked.estimate[1] == pytest.approx(plain.estimate[1], rel=1e-12)
    always = fit(problem, block, firth="always")
    assert (always.status[1] == Status.ok).all()
    assert always.estimate[1] == pytest.approx(plain.estimate[1], rel=0.05)
    assert always.estimate[0] == pytest.approx(asked.estimate[0], rel=1e-8)


def test_what_else_is_in_a_block_changes_nothing() -> None:
    problem, block = draw_times(700, 5, product=True, own=True, truncated=True)
    whole = fit(problem, block, survival=ZPH)
    alone = [fit(problem, block.take(np.array([j])), survival=ZPH) for j in range(5)]
    assert np.array_equal(whole.estimate, np.concatenate([each.estimate for each in alone]))
    assert np.array_equal(whole.se, np.concatenate([each.se for each in alone]))
    parts = [each.details["proportional_hazards"].columns["chi2"] for each in alone]
    chi2 = np.array(whole.details["proportional_hazards"].columns["chi2"], dtype=float)
    together = np.concatenate([np.array(part, dtype=float) for part in parts])
    np.testing.assert_allclose(chi2, together, rtol=1e-10)


def test_the_order_of_rows_changes_nothing() -> None:
    problem, block = draw_times(700, 2)
    order = np.random.RandomState(1).permutation(problem.n)
    turned = replace(
        problem,
        covariates=problem.covariates[order],
        scales=None,
        shifts=None,
        factors=(),
        targets=(problem.targets[0].take(order),),
    )
    one = fit(replace(problem, factors=()), block)
    other = fit(
        turned, Block(block.values[:, order], block.own[:, :, order], block.observed[:, order])
    )
    np.testing.assert_allclose(one.estimate, other.estimate, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(one.se, other.se, rtol=1e-9)


def test_people_apart_are_those_whom_the_limit_takes_out_of_risk_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem, block = draw_times(300, seed=12)
    values = problem.targets[0].values.copy()
    site = problem.factors[0].codes
    values[site == 4, 2] = 0.0
    # Half of the site has left before anybody has the event.
    values[np.flatnonzero(site == 4)[::2], 1] = 1e-3
    problem = replace(problem, targets=(replace(problem.targets[0], values=values),))
    together, alone = fit(problem, block), one_by_one(problem, block, monkeypatch)
    assert "separated by covariates alone" in together.messages[0, 0]
    assert together.messages == alone.messages


def test_an_infinite_estimate_without_other_columns_has_its_status_with_clusters_too() -> None:
    problem, block = draw_times(60, seed=3, clustered=True)
    died = problem.targets[0].values[:, 2] == 1.0
    values = np.where(died, 1.0, 0.0)[None] * np.ones((4, 1))
    alone = replace(
        problem,
        adjustments=(Adjustment("none", np.arange(1)),),
        models=(Model(0, 0),),
    )
    found = fit(alone, Block(values, block.own, np.ones_like(block.observed)), errors="robust")
    assert {Status(int(s)) for s in found.status.ravel()} == {Status.separated}


def test_a_fit_without_a_finite_column_has_no_test_of_proportional_hazards() -> None:
    problem, block = draw_times(60, seed=3)
    died = (problem.targets[0].values[:, 2] == 1.0).astype(np.float64)
    none = (Adjustment("none", np.arange(1)),)
    alone = replace(problem, adjustments=none, models=(Model(0, 0),))
    everybody = np.ones_like(block.observed)
    found = fit(alone, Block(died * np.ones((4, 1)), block.own, everybody), survival=ZPH)
    assert np.all(found.status == Status.separated)
    assert not len(found.details["proportional_hazards"].columns["df"])


@pytest.mark.parametrize("more", [{}, {"weighted": True}, {"stratified": True, "truncated": True}])
def test_concordances_have_the_order_that_infinite_covariates_make(more: dict[str, bool]) -> None:
    # at the limit a level without events is below all others, and who has the first event above
    problem, block = draw_times(400, 2, **more)
    y = problem.targets[0].values
    site = problem.factors[0].codes
    y[site >= 3, 2] = 0.0
    first = y[:, 2] * (y[:, 1] == y[y[:, 2] == 1.0, 1].min())
    X = np.column_stack([problem.covariates, first])
    names = (*problem.names, "first")
    problem = replace(
        problem,
        covariates=X,
        names=names,
        scales=None,
        shifts=None,
        adjustments=(Adjustment("all", np.arange(8)),),
        models=(Model(0, 0),),
    )
    options = SurvivalOptions(concordance=True, tau=6.0)
    table = fit(problem, block, survival=options).details["concordance"].columns
    for j in range(2):
        rows = block.observed[j]
        finite = np.column_stack([X[rows][:, [1, 2, 3, 4]], block.values[j, rows]])
        far = 60.0 * first[rows] - 100.0 * (site[rows] >= 3)
        outcome = y[rows]
        weights = None if problem.weights is None else problem.weights[rows]
        strata = None if problem.baseline is None else problem.baseline[rows]
        given = np.ones(int(rows.sum())) if weights is None else weights
        groups = (np.zeros_like(site[rows]) if strata is None else strata) * 4
        groups = groups + 2 * (site[rows] >= 3) + first[rows].astype(np.int64)
        limit = fit_cox(finite, lay_out_risk_sets(outcome, groups), weights=given)
        score = far + finite @ np.nan_to_num(limit.coefficients)
        parts: dict[str, Any] = {"strata": strata, "weights": weights}
        by = weigh_by_censoring(outcome, weights, strata=strata)
        kinds: tuple[dict[str, Any], ...] = ({}, {"time_weights": by, "until": 6.0})
        for place, kind in enumerate(kinds):
            expected = measure_concordance(outcome, score, **parts, **kind)
            at = 2 * j + place
            assert table["estimate"][at] == pytest.approx(expected.estimate, abs=1e-12)
            assert table["se"][at] == pytest.approx(expected.se, abs=1e-12)
