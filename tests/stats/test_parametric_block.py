"""Parametric survival models of a block of proteins against single fits."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.accelerated import DISTRIBUTIONS, fit_accelerated, lay_out_accelerated
from proteomr.stats.parametric_block import Acceleration, fit_beside
from proteomr.stats.parametric_limit import turn_times
from proteomr.stats.parametric_shared import ParametricShared, borrow_parametric, share_parametric
from proteomr.stats.royston_parmar import fit_royston_parmar, lay_out_times, start_line
from proteomr.stats.survival_links import SCALES, ScaleName
from tests.stats.survival_designs import CASES, People, draw_people, name_case

CHOSEN = [CASES[i] for i in (1, 5, 6, 8, 9, 15)]
cases = pytest.mark.parametrize("case", CHOSEN, ids=name_case)


def orthogonal(people: People) -> F64:
    C = people.X[:, :2] - people.X[:, :2].mean(axis=0)
    return np.asarray(np.linalg.qr(C)[0] * np.sqrt(C.shape[0]), dtype=np.float64)


def share(people: People, scale: ScaleName, knots: int) -> ParametricShared:
    laid_out = lay_out_times(people.outcome, inner=knots)
    assert laid_out is not None
    times, triangle = turn_times(laid_out[0])
    line = np.concatenate([start_line(people.outcome, scale=scale), np.zeros(knots)])
    return share_parametric(
        orthogonal(people),
        times,
        scale=SCALES[scale],
        start=np.concatenate([triangle @ line, np.zeros(2)]),
        weights=people.weights,
    )


@cases
@pytest.mark.parametrize("scale", list(SCALES))
@pytest.mark.parametrize("robust", [False, True])
def test_borders_have_the_effects_and_errors_of_single_fits(
    case: dict[str, object], scale: ScaleName, *, robust: bool
) -> None:
    people = draw_people(case)
    shared = share(people, scale, 1)
    assert shared.sound
    own = np.random.default_rng(4).normal(size=people.X.shape[0])
    clusters = np.unique(people.clusters, return_inverse=True)[1]
    borders = np.array([[own, people.X[:, 2]]])
    found = fit_beside(shared, borders, robust=robust, clusters=clusters if robust else None)
    X = np.column_stack([people.X[:, :2], borders[0].T])
    one = fit_royston_parmar(X, people.outcome, scale=scale, knots=1, weights=people.weights)
    assert one is not None
    covariance = (one.fit.robust(clusters) if robust else one.fit.covariance)[-2:, -2:]
    se = np.sqrt(np.diagonal(covariance))
    assert found.certified.all()
    assert np.max(np.abs(found.estimate[0] - one.fit.coefficients[-2:]) / se) < 1e-9
    assert np.max(np.abs(found.covariance[0] - covariance) / np.outer(se, se)) < 1e-9


@cases
@pytest.mark.parametrize("distribution", list(DISTRIBUTIONS))
def test_effects_on_log_time_are_those_of_single_fits(
    case: dict[str, object], distribution: str
) -> None:
    people = draw_people(case)
    name, scale = next((d, s) for d, s in DISTRIBUTIONS.items() if d == distribution)
    laid_out = lay_out_accelerated(people.outcome, distribution=name)
    assert laid_out is not None
    times, triangle = turn_times(laid_out)
    start = triangle @ start_line(people.outcome, scale=scale)[: times.q]
    shared = share_parametric(
        orthogonal(people),
        times,
        scale=SCALES[scale],
        start=np.concatenate([start, np.zeros(2)]),
        weights=people.weights,
    )
    row = np.zeros(1) if times.q == 1 else np.linalg.inv(triangle)[1]
    turn = Acceleration(row, times.offset_slope)
    clusters = np.unique(people.clusters, return_inverse=True)[1]
    borders = people.X[:, 2][None, None]
    one = fit_accelerated(people.X, people.outcome, distribution=name, weights=people.weights)
    assert one is not None
    for robust in (False, True):
        found = fit_beside(
            shared, borders, robust=robust, clusters=clusters if robust else None, turn=turn
        )
        variance = (one.robust(clusters) if robust else one.covariance)[3, 3]
        assert found.certified.all()
        assert abs(found.estimate[0, 0] - one.coefficients[3]) < 1e-9 * np.sqrt(variance)
        assert found.covariance[0, 0, 0] == pytest.approx(variance, rel=1e-9)


def test_ends_do_not_depend_on_where_proteins_begin() -> None:
    people = draw_people(CASES[1])
    shared = share(people, "hazard", 1)
    laid_out = lay_out_times(people.outcome, inner=1)
    assert laid_out is not None
    borrowed = borrow_parametric(
        orthogonal(people),
        turn_times(laid_out[0])[0],
        scale=SCALES["hazard"],
        near=shared.theta + 0.05,
        inverse=shared.inverse * 1.1,
    )
    borders = people.X[:, 2][None, None]
    a, b = (fit_beside(each, borders, robust=True) for each in (shared, borrowed))
    assert b.certified.all()
    np.testing.assert_allclose(b.estimate, a.estimate, rtol=1e-10)
    np.testing.assert_allclose(b.covariance, a.covariance, rtol=1e-8)


def test_a_column_of_one_value_among_those_who_fail_is_left_to_the_exact_path() -> None:
    people = draw_people(CASES[1])
    died = people.outcome[:, 2] > 0.0
    borders = np.where(died, 0.0, people.X[:, 2])[None, None]
    assert not fit_beside(share(people, "odds", 0), borders, robust=False).certified.any()


def test_a_column_that_is_nearly_one_of_the_covariates_is_left_to_the_exact_path() -> None:
    people = draw_people(CASES[1])
    near = people.X[:, 0] + 1e-4 * people.X[:, 2]
    shared = share(people, "hazard", 0)
    assert not fit_beside(shared, near[None, None], robust=False).certified.any()
