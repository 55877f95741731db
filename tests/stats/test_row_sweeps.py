"""What passes over the rows give: scores, and curvature that is minus their derivative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.chunked import chunk_design
from proteomr.stats.cox_rows import CoxRows
from proteomr.stats.cox_sums import Ties
from proteomr.stats.cumulative_links import LINKS, Link
from proteomr.stats.fine_gray_loops import lay_out_times
from proteomr.stats.fine_gray_rows import FineGrayRows
from proteomr.stats.logistic_rows import LogisticRows
from proteomr.stats.multinomial_rows import MultinomialRows
from proteomr.stats.ordinal_rows import OrdinalRows
from proteomr.stats.risk_sets import lay_out_risk_sets
from proteomr.stats.row_models import Reach, RowModel, Rows
from proteomr.stats.row_sweeps import RowSweeps
from tests.stats.trial_models import CoxRows as TrialCoxRows
from tests.stats.trial_models import PoissonRows

N, B, F, S = 260, 3, 2, 2


class PoissonByCohort(PoissonRows):
    """A model of independent rows that asks for all of them at once."""

    reach: ClassVar[Reach] = "cohort"


@dataclass(frozen=True)
class Point:
    """A block of rows, and coefficients and a direction ``(R, L k + t + L s)`` there."""

    sweeps: RowSweeps
    rows: Rows
    theta: F64
    direction: F64

    @property
    def state(self) -> F64:
        return np.zeros((len(self.theta), self.sweeps.model.states, N))

    @property
    def weights(self) -> Any:
        return np.zeros((len(self.theta), self.sweeps.model.predictors, N), dtype=np.float32)

    @property
    def single(self) -> Rows:
        rows = self.rows
        return Rows(rows.borders.astype(np.float32), rows.mask, rows.response.astype(np.float32))


def place(model: RowModel, *, levels: int = 2, seed: int = 0, responses: int = F) -> Point:
    g = np.random.default_rng(seed)
    cells = np.column_stack([np.ones(4), np.eye(4)[:, 1:]])
    design = chunk_design(g.normal(size=(N, 2)), cells, np.sort(g.integers(0, 4, N)), chunk_rows=70)
    mask = (g.random((B, N)) < 0.8).astype(np.float32)
    borders = g.normal(size=(B, S, N)) * mask[:, None]
    sweeps = RowSweeps(design, model)
    rows = Rows(borders, mask, g.integers(0, levels, (responses, N)).astype(np.float64))
    layout = sweeps.layout(rows)
    theta, direction = 0.3 * g.normal(size=(2, B * responses, layout.size))
    gaps = 0.7 + 0.3 * np.arange(layout.thresholds)
    theta[:, layout.sloped : layout.shared] = np.where(gaps == 0.7, -1.0, gaps)
    return Point(sweeps, rows, theta, direction)


def choose_among_four(*, compiled: bool) -> RowModel:
    """Four levels, some of which some rows cannot have."""
    allowed = np.ones((4, N))
    allowed[3, : N // 3], allowed[0, : N // 5] = 0.0, 0.0
    return MultinomialRows.load(allowed, compiled=compiled)


def order_four(link: Link, *, compiled: bool) -> Point:
    return place(OrdinalRows.load(4, link=link, compiled=compiled), levels=4)


def place_cox(ties: Ties, *, compiled: bool, truncated: bool) -> Point:
    """Follow-up with ties in three strata; some come under observation late."""
    g = np.random.default_rng(7)
    exits = g.integers(1, 30, N).astype(np.float64)
    entry = np.where(g.random(N) < 0.5, exits - g.integers(1, 25, N), -np.inf)
    if not truncated:
        entry = np.full(N, -np.inf)
    outcome = np.column_stack([entry, exits, g.random(N) < 0.6])
    risk = lay_out_risk_sets(outcome, g.integers(0, 3, N))
    return place(CoxRows.load(risk, ties=ties, compiled=compiled), responses=1)


TIES: tuple[Ties, ...] = ("efron", "breslow")


def compete(*, compiled: bool, efron: bool = True, crr: bool = False) -> Point:
    g = np.random.default_rng(1)
    stratum = np.sort(g.integers(0, 2, N))
    exits = g.integers(1, 40, N).astype(np.float64)
    order = np.lexsort((exits, stratum))
    code, counted = g.integers(0, 3, N).astype(np.int8), (g.random(N) < 0.9).astype(np.float64)
    times = lay_out_times(
        exits[order], code, stratum, counted=np.maximum(counted, code == 1), efron=efron, crr=crr
    )
    return place(FineGrayRows.load(times, compiled=compiled))


STARTS = np.arange(0, N, 5)
MODELS: dict[str, Callable[[], Point]] = {
    "logistic": lambda: place(LogisticRows.load(compiled=False)),
    "compiled": lambda: place(LogisticRows.load(compiled=True)),
    "poisson": lambda: place(PoissonRows(), levels=5),
    "multinomial": lambda: place(choose_among_four(compiled=False), levels=4),
    "compiled multinomial": lambda: place(choose_among_four(compiled=True), levels=4),
    **{
        f"{'compiled ' if compiled else ''}{link}": partial(order_four, link, compiled=compiled)
        for link in LINKS
        for compiled in (False, True)
    },
    "cox on trial": lambda: place(TrialCoxRows(STARTS)),
    **{
        f"{'compiled ' if compiled else ''}cox {ties}{' truncated' if truncated else ''}": partial(
            place_cox, ties=ties, compiled=compiled, truncated=truncated
        )
        for ties in TIES
        for compiled in (False, True)
        for truncated in (False, True)
    },
}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


@every_model
def test_curvature_is_minus_the_derivative_of_the_score(make: Callable[[], Point]) -> None:
    point, h = make(), 1e-3
    sweeps, rows, theta, v = point.sweeps, point.rows, point.theta, point.direction
    state = point.state
    sweeps.keep_state(rows, theta, state=state, weights=point.weights)
    found = sweeps.curve_exactly(rows, v, state=state)
    # Richardson's extrapolation of two central differences.
    wide, near = (
        (sweeps.score(rows, theta - d * v) - sweeps.score(rows, theta + d * v)) / (2 * d)
        for d in (2 * h, h)
    )
    np.testing.assert_allclose(found, (4 * near - wide) / 3, rtol=1e-7, atol=1e-7 * abs(near).max())


@every_model
def test_the_score_is_the_same_where_a_state_is_kept(make: Callable[[], Point]) -> None:
    point = make()
    one = point.sweeps.score(point.rows, point.theta)
    other = point.sweeps.keep_state(
        point.rows, point.theta, state=point.state, weights=point.weights
    )
    np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


@every_model
def test_single_precision_gives_the_same_to_its_rounding(make: Callable[[], Point]) -> None:
    point = make()
    sweeps, v, state, weights = point.sweeps, point.direction, point.state, point.weights
    double = sweeps.keep_state(point.rows, point.theta, state=state, weights=weights)
    single = sweeps.score(point.single, point.theta)
    np.testing.assert_allclose(single, double, atol=1e-4 * abs(double).max())
    exact = sweeps.curve_exactly(point.rows, v, state=state)
    product = sweeps.curve(point.single, v, state=state, weights=weights)
    np.testing.assert_allclose(product, exact, atol=1e-4 * abs(exact).max())
    unmoved = sweeps.move_state(point.rows, np.zeros_like(v), v, state=state)
    np.testing.assert_allclose(unmoved, exact, atol=1e-12 * abs(exact).max())


@every_model
def test_a_small_step_moves_the_state_to_where_it_leads(make: Callable[[], Point]) -> None:
    point = make()
    sweeps, rows, step = point.sweeps, point.rows, 1e-5 * point.direction
    moved, there = point.state, point.state
    sweeps.keep_state(rows, point.theta, state=moved, weights=point.weights)
    before = moved.copy()
    product = sweeps.move_state(rows, step, point.direction, state=moved)
    sweeps.keep_state(rows, point.theta + step, state=there, weights=point.weights)
    exact = sweeps.curve_exactly(rows, point.direction, state=moved)
    np.testing.assert_allclose(product, exact, atol=1e-12 * abs(exact).max())
    assert abs(there - before).max() > 1e-6
    # What is left is of the order of the step's square, and its rounding in single precision.
    np.testing.assert_allclose(moved, there, atol=1e-9 * max(1.0, abs(there).max()))


@every_model
def test_weights_are_the_diagonal_of_the_curvature_or_bound_it(make: Callable[[], Point]) -> None:
    point = make()
    sweeps, state, weights = point.sweeps, point.state, point.weights
    sweeps.keep_state(point.rows, point.theta, state=state, weights=weights)
    none = np.zeros_like(point.theta)
    squares = np.square(sweeps.design.matrix())
    layout = sweeps.layout(point.rows)
    for column in range(layout.sloped):
        e = np.zeros_like(none)
        e[:, column] = 1.0
        diagonal = sweeps.curve_exactly(point.rows, e, state=state)[:, column]
        predictor, covariate = divmod(column, layout.covariates)
        bound = weights[:, predictor].astype(np.float64) @ squares[:, covariate]
        if sweeps.model.reach == "row":
            np.testing.assert_allclose(diagonal, bound, rtol=1e-5)
        else:
            assert (diagonal <= bound * (1 + 1e-5)).all()


def test_independent_rows_give_the_same_by_chunks_and_all_at_once() -> None:
    one, other = place(PoissonRows(), levels=5), place(PoissonByCohort(), levels=5)
    assert len(one.sweeps.design.chunks) > 2
    scores = [point.sweeps.score(point.rows, point.theta) for point in (one, other)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_log_likelihoods_are_the_sums_of_the_logarithms_of_what_is_observed(
    *, compiled: bool, weighted: bool
) -> None:
    model = MultinomialRows.load(np.ones((4, N)), compiled=compiled)
    point = place(model, levels=4)
    rows = point.rows
    if weighted:
        counts = np.random.default_rng(1).exponential(size=N)
        rows = Rows(rows.borders, rows.mask * counts, rows.response)
    state = point.state
    point.sweeps.keep_state(rows, point.theta, state=state, weights=point.weights)
    found = model.log_likelihoods(rows, state).reshape(B, F)
    mu = np.concatenate([1.0 - state.sum(axis=1, keepdims=True), state], axis=1)
    mu = mu.reshape(B, F, 4, N)
    levels = rows.response.astype(int)
    for j, f in np.ndindex(B, F):
        own = mu[j, f, levels[f], np.arange(N)]
        wanted = float(rows.mask[j] @ np.log(own))
        assert found[j, f] == pytest.approx(wanted, rel=1e-12)
    # minus its derivative along a direction is what the score says
    h = 1e-5
    ends = []
    for step in (-h, h):
        point.sweeps.keep_state(
            rows, point.theta + step * point.direction, state=state, weights=point.weights
        )
        ends.append(model.log_likelihoods(rows, state))
    slope = (ends[1] - ends[0]) / (2 * h)
    score = point.sweeps.score(rows, point.theta)
    np.testing.assert_allclose(slope, np.vecdot(score, point.direction), rtol=1e-6, atol=1e-5)


def test_log_likelihoods_of_logistic_rows_are_those_of_two_levels() -> None:
    one, other = (
        place(LogisticRows.load(compiled=False)),
        place(MultinomialRows.load(np.ones((2, N)), compiled=False)),
    )
    values = []
    for point in (one, other):
        state = point.state
        point.sweeps.keep_state(point.rows, point.theta, state=state, weights=point.weights)
        values.append(point.sweeps.model.log_likelihoods(point.rows, state))
    np.testing.assert_allclose(values[0], values[1], rtol=1e-12)
