"""Elastic-net paths: conditions of the optimum, scales, folds taken away, and hard designs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.stats import (
    compiled_elastic_net_loops,
    compiled_normal_score_loops,
    elastic_net_loops,
    normal_score_loops,
)
from proteomr.stats.each import Each, in_turn
from proteomr.stats.elastic_net import Penalty, list_sequence, measure_columns
from proteomr.stats.elastic_net_linear import LinearDescent
from proteomr.stats.elastic_net_losses import BinomialLoss, BreslowLoss, Loss, SquaredLoss
from proteomr.stats.elastic_net_newton import NewtonDescent
from proteomr.stats.elastic_net_outcomes import Binary, Continuous, Outcome, TimeToEvent
from proteomr.stats.elastic_net_quadratic import Quadratic
from proteomr.stats.elastic_net_steps import follow_path
from proteomr.stats.elastic_net_sums import LinearSums, leave_out
from proteomr.stats.elastic_net_tuning import Rule, tune_elastic_net
from proteomr.stats.elastic_net_wide import WideDescent
from proteomr.stats.normal_score_table import KNOTS, NormalScores
from proteomr.stats.transforms import rank_normalise


def draw(n: int = 200, p: int = 15, seed: int = 1) -> tuple[F64, F64, np.random.Generator]:
    random = np.random.default_rng(seed)
    X = np.asfortranarray(random.normal(size=(n, p)) + 0.7 * random.normal(size=(n, 1)))
    return X, X[:, 0] - 0.5 * X[:, 3], random


def losses(n: int = 200, seed: int = 1) -> tuple[F64, dict[str, Loss]]:
    X, eta, random = draw(n, seed=seed)
    case = (random.uniform(size=n) < 1.0 / (1.0 + np.exp(1.0 - eta))).astype(np.float64)
    time = np.ceil(random.exponential(size=n) / np.exp(eta) * 4) / 4
    event = (random.uniform(size=n) < 0.4).astype(np.float64)
    entry = time * random.uniform(0.0, 0.9, n)
    w = np.ones(n)
    return X, {
        "logistic": BinomialLoss(case, w),
        "cox": BreslowLoss(time, event, w),
        "late": BreslowLoss(time, event, w, entry),
    }


@pytest.mark.parametrize("name", ["logistic", "cox", "late"])
def test_derivatives_are_those_of_the_likelihood(name: str) -> None:
    X, known = losses(60)
    loss = known[name]
    eta = 0.3 * X[:, 1]
    score, h = loss.slope(eta).score, 1e-5
    unit = np.eye(60) * h
    numeric = [(loss.slope(eta + d).value - loss.slope(eta - d).value) / (2 * h) for d in unit]
    np.testing.assert_allclose(score, numeric, atol=1e-9)
    curvature = loss.curve(eta)
    A = X[:, :4]
    few = curvature.condense(A)
    if loss.has_intercept:
        A = A - (curvature.weights @ A) / curvature.weights.sum()
        few = few * 0.0
    found = A.T @ (curvature.weights[:, None] * A) - few.T @ few
    shifted = [
        (loss.slope(eta + h * a).score - loss.slope(eta - h * a).score) / (2 * h) for a in A.T
    ]
    np.testing.assert_allclose(found, -np.array(shifted) @ A, atol=1e-8)


@pytest.mark.parametrize("name", ["logistic", "cox", "late"])
@pytest.mark.parametrize("alpha", [1.0, 0.3])
def test_solutions_meet_the_conditions_of_the_optimum(name: str, alpha: float) -> None:
    X, known = losses()
    loss = known[name]
    path = follow_path(NewtonDescent(X, loss, Penalty(alpha)))
    moments = measure_columns(X, loss.weights)
    assert path.certified.all()
    for penalty, b0, b in zip(path.penalties, path.intercepts, path.coefficients, strict=True):
        pull = loss.slope(b0 + X @ b).score @ (X - moments.centre) / moments.scale
        own = b * moments.scale
        goal = penalty * (alpha * np.sign(own) + (1.0 - alpha) * own)
        active = own != 0.0
        np.testing.assert_allclose(pull[active], goal[active], atol=1e-9)
        assert (np.abs(pull[~active]) <= penalty * alpha * (1 + 1e-9) + 1e-10).all()


@pytest.mark.parametrize("unit", [1e-300, 1e-8, 1e9, 1e300])
@pytest.mark.parametrize("name", ["logistic", "cox"])
def test_units_of_columns_do_not_matter(name: str, unit: float) -> None:
    X, known = losses()
    plain = follow_path(NewtonDescent(X, known[name], Penalty(0.5)))
    scaled = follow_path(NewtonDescent(X * unit, known[name], Penalty(0.5)))
    np.testing.assert_allclose(scaled.coefficients * unit, plain.coefficients, atol=1e-9)


def test_columns_far_from_zero_lose_no_digits() -> None:
    X, known = losses()
    plain = follow_path(NewtonDescent(X, known["cox"], Penalty(0.5)))
    moved = follow_path(NewtonDescent(X + 1e6, known["cox"], Penalty(0.5)))
    np.testing.assert_allclose(moved.coefficients, plain.coefficients, atol=1e-8)


def test_sums_less_those_of_a_fold_are_those_of_the_rest() -> None:
    X, eta, random = draw()
    y = eta + random.normal(size=eta.size)
    inside = np.arange(200) < 40
    less = LinearSums.of(X, y) - LinearSums.of(X[inside], y[inside])
    rest = LinearSums.of(X[~inside], y[~inside])
    found, expected = (
        follow_path(LinearDescent(s.standardise(), Penalty(0.5))) for s in (less, rest)
    )
    np.testing.assert_allclose(found.coefficients, expected.coefficients, atol=1e-11)


@pytest.mark.parametrize("far", [1.0, 1e4, 1e8, 1e12])
def test_a_person_who_is_nearly_all_of_a_column_can_be_left_out(far: float) -> None:
    X, eta, random = draw()
    y = eta + random.normal(size=eta.size)
    X[3, 1] *= far
    folds = np.repeat(np.arange(5), 40)
    _, take_away = leave_out([LinearSums.of(X[folds == k], y[folds == k]) for k in range(5)])
    for k in range(5):
        left = take_away(k)
        direct = LinearSums.of(X[folds != k], y[folds != k])
        found, expected = (
            follow_path(LinearDescent(s.standardise(), Penalty(0.5))) for s in (left, direct)
        )
        assert found.certified.all()
        largest = np.maximum(np.abs(expected.coefficients).max(axis=0), 1e-300)
        np.testing.assert_allclose(
            found.coefficients / largest, expected.coefficients / largest, atol=1e-9
        )


@pytest.mark.parametrize("alpha", [1.0, 0.4, 0.0])
def test_more_columns_than_rows_have_the_solutions_of_their_sums(alpha: float) -> None:
    X, eta, random = draw(60, 150)
    y, folds = 40.0 + 5.0 * (eta + random.normal(size=60)), np.repeat(np.arange(5), 12)
    loss = SquaredLoss(y, np.ones(60))
    sums = LinearSums.of(X - X.mean(axis=0), y).standardise()
    wide, tall = WideDescent(X, loss, Penalty(alpha)), LinearDescent(sums, Penalty(alpha))
    largest = wide.find_largest()
    np.testing.assert_allclose(largest, tall.find_largest(), rtol=1e-12)
    penalties = np.array([largest * 0.7**k for k in range(8)])
    found, expected = (follow_path(one, penalties=penalties) for one in (wide, tall))
    assert found.certified.all()
    np.testing.assert_allclose(found.coefficients, expected.coefficients, atol=1e-8)
    np.testing.assert_allclose(found.explained, expected.explained, atol=1e-9)
    blocks = [np.asfortranarray(X[folds == k]) for k in range(5)]
    both = [
        tune_elastic_net(one, Continuous(y), folds=folds, penalty=Penalty(alpha))
        for one in (X, blocks)
    ]
    np.testing.assert_allclose(both[0].errors[:10], both[1].errors[:10], rtol=5e-3)


@pytest.mark.parametrize(("origin", "unit"), [(1e9, 1.0), (-60.0, 1e-200), (0.0, 1e200)])
def test_neither_the_origin_nor_the_unit_of_a_number_matters(origin: float, unit: float) -> None:
    X, eta, random = draw()
    y, folds = eta + random.normal(size=eta.size), np.repeat(np.arange(5), 40)
    moved = y * unit + origin if origin * unit == 0.0 or unit == 1.0 else (y + origin) * unit
    plain, other = (
        tune_elastic_net(X, Continuous(one), folds=folds, penalty=Penalty(0.5))
        for one in (y, moved)
    )
    assert other.chosen == plain.chosen
    assert other.solution.certified
    # a response at 1e9 has itself no more than seven digits
    expected, atol = plain.solution.coefficients, 1e-6 if origin == 1e9 else 1e-12
    np.testing.assert_allclose(other.solution.coefficients / unit, expected, atol=atol)


@pytest.mark.parametrize("name", ["logistic", "cox", "late"])
def test_rows_without_weight_are_rows_that_are_not_there(name: str) -> None:
    X, known = losses()
    inside = np.arange(200) >= 30
    loss = known[name]
    w = inside.astype(np.float64)
    if isinstance(loss, BinomialLoss):
        held: Loss = BinomialLoss(loss.y, w)
        rest: Loss = BinomialLoss(loss.y[inside], np.ones(170))
    else:
        assert isinstance(loss, BreslowLoss)
        entry = None if loss.entry is None else loss.entry
        held = BreslowLoss(loss.exit, loss.event, w, entry)
        less = None if entry is None else entry[inside]
        rest = BreslowLoss(loss.exit[inside], loss.event[inside], np.ones(170), less)
    found = follow_path(NewtonDescent(X, held, Penalty(0.5)))
    expected = follow_path(NewtonDescent(X[inside], rest, Penalty(0.5)))
    np.testing.assert_allclose(found.coefficients, expected.coefficients, atol=1e-8)


def test_constant_and_equal_columns_are_no_obstacle() -> None:
    X, known = losses()
    X = np.asfortranarray(np.column_stack([X, np.full(200, 7.0), X[:, 0]]))
    for loss in known.values():
        path = follow_path(NewtonDescent(X, loss, Penalty(0.5)))
        assert path.certified.all()
        assert not path.coefficients[:, 15].any()
        np.testing.assert_allclose(path.coefficients[:, 0], path.coefficients[:, 16], atol=1e-8)


def test_separated_people_end_the_path_and_not_the_run() -> None:
    X, *_ = draw()
    case = (X[:, 0] > 0).astype(np.float64)
    path = follow_path(NewtonDescent(X, BinomialLoss(case, np.ones(200)), Penalty(1.0)))
    assert path.certified.all()
    assert 0.9 < path.explained[-1] < 1.0


def test_one_event_has_a_path() -> None:
    X, *_ = draw(60)
    event = np.zeros(60)
    event[7] = 1.0
    path = follow_path(
        NewtonDescent(X, BreslowLoss(np.arange(60.0) + 1, event, np.ones(60)), Penalty())
    )
    assert path.certified.all()


def test_outcomes_of_one_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="one level"):
        BinomialLoss(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="without events"):
        BreslowLoss(np.ones(3), np.zeros(3), np.ones(3))


def test_compiled_loops_are_the_plain_ones() -> None:
    X, eta, _ = draw(300, 20)
    H, c = X.T @ X / 300, X.T @ eta / 300
    found = []
    for loops in (elastic_net_loops, compiled_elastic_net_loops):
        b, q = np.zeros(20), c.copy()
        passes = loops.descend(
            H, np.diagonal(H).copy(), q, b, np.full(20, 0.05), np.full(20, 0.01), 1e-20, 10_000
        )
        out, projected = np.zeros(300), np.empty(3)
        columns = np.array([4, 0, 7])
        loops.add_columns(X, columns, np.array([1.0, -2.0, 0.5]), out)
        loops.project_columns(X, columns, eta, projected)
        moments = np.empty((3, 20))
        weights = (np.arange(300) % 7) * (np.arange(300) > 40.0)
        loops.measure_columns(X, weights / weights.sum(), *moments)
        found.append((b, q, out, projected, *moments, np.array([float(passes)])))
    for plain, compiled in zip(*found, strict=True):
        np.testing.assert_allclose(compiled, plain, atol=1e-12)


def outcomes(n: int, seed: int) -> tuple[F64, dict[str, Outcome]]:
    X, eta, random = draw(n, seed=seed)
    time = random.exponential(size=n) / np.exp(eta)
    event = (random.uniform(size=n) < 0.7).astype(np.float64)
    case = (random.uniform(size=n) < 1 / (1 + np.exp(-eta))).astype(np.float64)
    return X, {
        "linear": Continuous(eta + random.normal(size=n)),
        "logistic": Binary(case),
        "cox": TimeToEvent(time, event),
    }


def miss(outcome: Outcome, eta: F64, folds: I64, k: int) -> float:
    """Return the mean error of predictors in a fold."""
    if isinstance(outcome, TimeToEvent):
        return outcome.find_deviance(eta, folds, k)
    assert isinstance(outcome, Binary | Continuous)
    y, own = outcome.y[folds == k], eta[folds == k]
    if isinstance(outcome, Continuous):
        return float(np.mean((y - own) ** 2))
    chance = 1.0 / (1.0 + np.exp(-own))
    return float(-2.0 * np.mean(y * np.log(chance) + (1.0 - y) * np.log(1.0 - chance)))


@pytest.mark.parametrize("name", ["linear", "logistic", "cox"])
def test_a_chosen_penalty_is_that_of_the_least_error_of_an_obvious_loop(name: str) -> None:
    X, known = outcomes(150, 3)
    outcome, folds = known[name], np.repeat(np.arange(5), 30)
    tuned = tune_elastic_net(X, outcome, folds=folds, penalty=Penalty(0.5))
    errors = np.zeros(tuned.penalties.size)
    for k in range(5):
        part = outcome.begin(X, folds)(Penalty(0.5)).parts[k]
        part.exact = True
        path = follow_path(part, penalties=tuned.penalties)
        for place, eta in enumerate(path.predict(X)):
            errors[place] += miss(outcome, eta, folds, k) / 5
    np.testing.assert_allclose(tuned.errors, errors, rtol=1e-3)
    assert tuned.errors[tuned.chosen] == tuned.errors.min()
    assert tuned.solution.certified
    larger = tune_elastic_net(X, outcome, folds=folds, penalty=Penalty(0.5), rule="1se")
    assert larger.chosen <= tuned.chosen
    assert larger.errors[larger.chosen] <= tuned.errors.min() + tuned.se[tuned.chosen]


def test_folds_that_are_none_are_refused() -> None:
    X, known = outcomes(20, 1)
    for folds in (np.zeros(20, dtype=np.int64), np.arange(20)[::-1], np.repeat([0, 2], 10)):
        with pytest.raises(ValueError, match="folds"):
            tune_elastic_net(X, known["linear"], folds=folds)


@pytest.mark.parametrize("size", [1, 2, 50, 1000])
@pytest.mark.parametrize(
    "kind", ["normal", "cauchy", "log-normal", "rounded", "signed zeros", "tiny", "huge"]
)
def test_compiled_scores_of_a_table_are_those_of_numpy_to_the_last_bit(
    size: int, kind: str
) -> None:
    random = np.random.default_rng(size)
    values = {
        "normal": random.normal(size=size),
        "cauchy": random.standard_cauchy(size) ** 5,
        "log-normal": random.lognormal(3.0, 4.0, size),
        "signed zeros": random.choice([0.0, -0.0, 1.0, -1.0], size),
        "rounded": np.round(random.normal(size=size), 1),
        "tiny": random.normal(size=size) * 1e-310,
        "huge": random.normal(size=size) * 1e307,
    }[kind]
    knots = np.unique(values)
    scores = np.sort(random.normal(size=knots.size))
    sides = [np.nextafter(knots, way) for way in (np.inf, -np.inf)]
    ends = np.array([np.nan, 0.0, 1e300, -1e300, np.inf, -np.inf])
    at = np.concatenate([knots, values * 1.01, *sides, random.normal(size=200), ends])
    plain, compiled = np.empty(at.size), np.empty(at.size)
    with np.errstate(over="ignore", invalid="ignore"):
        normal_score_loops.look_up(at, knots, scores, plain)
    compiled_normal_score_loops.look_up(at, knots, scores, compiled)
    np.testing.assert_array_equal(compiled, plain)


@pytest.mark.parametrize("n", [40, 5_000])
def test_a_table_that_is_learnt_is_that_of_the_values_that_are_there(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    values[::7] = np.nan
    there = values[~np.isnan(values)]
    table, scores, middle = NormalScores.learn(values)
    expected = NormalScores.of(there)
    np.testing.assert_array_equal(table.values, expected.values)
    np.testing.assert_array_equal(table.scores, expected.scores)
    np.testing.assert_array_equal(scores, expected.apply(values))
    assert middle == np.median(expected.apply(there))


def test_a_minimum_is_exact_where_coefficients_are_many_and_hang_together() -> None:
    random = np.random.default_rng(3)
    X = random.normal(size=(400, 120)) + 3.0 * random.normal(size=(400, 1))
    H, c = X.T @ X / 400.0, X.T @ (X @ random.normal(size=120) + random.normal(size=400)) / 400.0
    for penalty in (1.0, 0.1, 1e-3):
        l1, l2 = np.full(120, penalty / 2.0), np.full(120, penalty / 2.0)
        quadratic = Quadratic(H, c, np.zeros(120))
        assert quadratic.settle(l1, l2, tolerance=1e-6)
        b = quadratic.b
        active, pull = b != 0.0, c - H @ b - l2 * b
        assert 0 < active.sum() <= 120
        # a descent would need 100,000 passes for as much
        np.testing.assert_allclose(pull[active], (l1 * np.sign(b))[active], atol=1e-11)
        assert (np.abs(pull)[~active] <= l1[~active]).all()


def test_rough_minima_are_near_where_hundreds_of_coefficients_creep_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(5)
    common = random.normal(size=(4_000, 3))
    X = 0.6 * common @ random.normal(size=(3, 400)) + random.normal(size=(4_000, 400))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = X @ random.normal(size=400) * 0.05 + random.normal(size=4_000)
    H, c = X.T @ X / 4_000, X.T @ (y - y.mean()) / (4_000 * y.std())
    leaps, leap = [], Quadratic._leap

    def count(self: Quadratic, l1: F64, l2: F64) -> bool:
        leaps.append(self.b.copy())
        return leap(self, l1, l2)

    monkeypatch.setattr(Quadratic, "_leap", count)
    rough = Quadratic(H, c, np.zeros(400))
    for size in np.abs(c).max() * 1e-4 ** (np.arange(50) / 99):
        penalty = np.full(400, 0.5 * size)
        assert rough.settle(penalty, penalty, tolerance=1e-7, exact=False)
    exact = Quadratic(H, c, np.zeros(400))
    assert exact.settle(penalty, penalty, tolerance=1e-8)
    away = rough.b - exact.b
    assert 10 < len(leaps) < 200
    assert away @ H @ away < 1e-4  # of a response of variance 1
    np.testing.assert_allclose(rough.q, c - H @ rough.b, rtol=0.0, atol=1e-13)


def test_correlations_in_single_precision_choose_the_same_penalty() -> None:
    random = np.random.default_rng(7)
    X = random.normal(size=(600, 40)) + 2.0 * random.normal(size=(600, 1))
    X[:, 7] = X[:, 3]  # whose rounding leaves the correlations not quite positive
    X[:, 8] = X[:, :3] @ np.array([1.0, -2.0, 0.5])
    y = X @ random.normal(size=40) * 0.1 + random.normal(size=600)
    sums = LinearSums.of(X, y).standardise()
    by_single = LinearSums.of(X, y).standardise(single=True)
    paths = []
    for given in (sums, by_single):
        descent = LinearDescent(given, Penalty(0.5), exact=False)
        largest = descent.find_largest()
        paths.append([descent.advance(largest * 1e-4 ** (k / 99)) for k in range(100)])
    assert all(one.certified and other.certified for one, other in zip(*paths, strict=True))
    for one, other in zip(*paths, strict=True):
        np.testing.assert_allclose(X @ one.coefficients, X @ other.coefficients, atol=1e-4)


def test_a_leap_from_where_nothing_moves_ends_the_search() -> None:
    still = Quadratic(np.zeros((2, 2)), np.ones(2), np.zeros(2))
    assert not still.settle(np.zeros(2), np.zeros(2), tolerance=1e-7, exact=False)
    assert still.b.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("decimals", [8, 1, 0])
def test_normal_scores_of_a_table_are_those_of_ranks(decimals: int) -> None:
    values = np.round(np.random.default_rng(1).normal(size=900), decimals)
    table = NormalScores.of(values)
    np.testing.assert_allclose(table.apply(values), rank_normalise(values), rtol=1e-13)


def test_a_table_of_many_values_is_short_and_near_the_ranks() -> None:
    values = np.random.default_rng(2).lognormal(size=20_000)
    table = NormalScores.of(values)
    assert table.values.size == KNOTS
    gap = np.abs(table.apply(values) - rank_normalise(values))
    assert np.quantile(gap, 0.99) < 0.01
    assert table.apply(np.array([0.0, 1e9])).tolist() == [table.scores[0], table.scores[-1]]


@pytest.mark.parametrize("rule", ["min", "1se"])
@pytest.mark.parametrize("kind", ["number", "wide", "levels", "times"])
def test_a_search_in_stretches_is_one_from_penalty_to_penalty(kind: str, rule: Rule) -> None:
    X, eta, random = draw(n=120, p=200 if kind == "wide" else 15, seed=7)
    folds = np.repeat(np.arange(4), 30)

    def give(each: Each) -> Outcome:
        if kind == "levels":
            return Binary((eta > 0.3).astype(np.float64), each=each)
        if kind == "times":
            time = np.exp(-eta / 2.0) * (1.0 + np.arange(120) / 50.0)
            return TimeToEvent(time, np.ones(120), each=each)
        return Continuous(eta + noise, each=each)

    def by_threads(work: Callable[[Any], Any], items: Iterable[Any], /) -> list[Any]:
        with ThreadPoolExecutor(3) as pool:
            return list(pool.map(work, items))

    noise = random.normal(size=120)
    trial = give(in_turn).begin(X, folds)(Penalty(0.5))
    sizes = list_sequence(trial.whole.find_largest(), n=120, p=X.shape[1])
    for part in trial.parts:
        part.find_largest()
    errors, least = list[float](), 0
    for size in sizes.tolist():
        found = [part.advance(size) for part in trial.parts]
        errors.append(float(np.mean([trial.miss(k, one) for k, one in enumerate(found)])))
        least = int(np.argmin(errors))
        if len(errors) - 1 - least >= 10:
            break
    for each in (in_turn, by_threads):
        tuned = tune_elastic_net(X, give(each), folds=folds, penalty=Penalty(0.5), rule=rule)
        np.testing.assert_array_equal(tuned.errors, np.array(errors) * trial.unit)
        assert (tuned.chosen == least) if rule == "min" else (tuned.chosen <= least)
        alone = give(in_turn).begin(X, folds)(Penalty(0.5)).whole
        alone.find_largest()
        for size in sizes[: tuned.chosen].tolist():
            alone.advance(size)
        alone.exact = True
        expected = alone.advance(float(sizes[tuned.chosen]))
        np.testing.assert_array_equal(tuned.solution.coefficients, expected.coefficients)
        assert tuned.solution.certified


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_compiled_correlations_are_those_of_numpy_to_the_last_bit(
    kind: type[np.floating[Any]],
) -> None:
    random = np.random.default_rng(3)
    X = random.normal(size=(50, 30)) * 10.0 ** random.integers(-5, 5, 30)
    centre, scale = X.mean(axis=0), X.std(axis=0)
    plain, compiled = np.empty((30, 30), dtype=kind), np.empty((30, 30), dtype=kind)
    elastic_net_loops.correlate_columns(X.T @ X, 50.0, centre, scale, plain)
    compiled_elastic_net_loops.correlate_columns(X.T @ X, 50.0, centre, scale, compiled)
    np.testing.assert_array_equal(plain, compiled)
