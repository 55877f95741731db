"""Instrumental variables where something is wrong with instruments, people or units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from proteomr.errors import UsageError
from proteomr.models import Block, FitBlock, Iv, OwnInstruments, Problem, Status, Target
from tests.models.iv_designs import OneByOneIv, draw, fit, give_own, options_of, rows_of

PATHS = [Iv, OneByOneIv]
paths = pytest.mark.parametrize("family", PATHS, ids=["blocks", "one by one"])
N = 260


@pytest.fixture
def made() -> tuple[Problem, Block]:
    problem, block = draw(1, N)
    return problem, block.take(range(2))


def with_instruments(problem: Problem, values: Any, *names: str) -> Problem:
    return replace(problem, instruments=np.column_stack([values]), instrument_names=names)


def with_target(problem: Problem, values: Any) -> Problem:
    target = problem.targets[0]
    return replace(problem, targets=(Target("t", target.role, target.kind, values),))


def find_statistic(found: FitBlock, name: str) -> float:
    table = found.details["iv_diagnostics"]
    at = np.flatnonzero(np.array(table.columns["test"]) == name)[0]
    return float(np.array(table.columns["statistic"])[at])


@paths
def test_instruments_made_of_others_are_named_and_change_nothing(
    family: type[Iv], made: tuple[Problem, Block]
) -> None:
    problem, block = made
    Z = problem.instruments
    assert Z is not None
    more = with_instruments(
        problem,
        np.column_stack([Z, Z @ [1.0, 2.0, 0.0], np.ones(N)]),
        "z1",
        "z2",
        "z3",
        "twin",
        "one",
    )
    found, plain = fit(family(options_of()), more, block), fit(family(options_of()), *made)
    np.testing.assert_allclose(found.estimate, plain.estimate, rtol=1e-12)
    assert "instruments left out as made of others: twin, one" in found.messages[0, 0]


@paths
@pytest.mark.parametrize("which", ["constant", "covariate"])
def test_instruments_that_say_nothing_beside_the_covariates_are_a_status(
    family: type[Iv], which: str, made: tuple[Problem, Block]
) -> None:
    problem, block = made
    values = np.full(N, 2.5) if which == "constant" else 3.0 * problem.covariates[:, 4] + 1.0
    found = fit(family(options_of()), with_instruments(problem, values, "z"), block)
    assert set(found.status.ravel()) == {Status.not_identified}
    assert found.messages[0, 0].startswith("no instrument varies beside the covariates")
    assert not found.details["iv_diagnostics"].protein.size


@paths
@pytest.mark.parametrize("estimator", ["2sls", "liml"])
def test_perfectly_predicted_it_is_least_squares_and_said(
    family: type[Iv], estimator: str, made: tuple[Problem, Block]
) -> None:
    problem, block = made
    assert problem.instruments is not None
    problem = with_target(problem, problem.instruments @ [1.0, 2.0, 0.0])
    found = fit(family(options_of(estimator)), problem, block)
    C, _, y, x, _, _ = rows_of(problem, block, 0, 1)
    wanted = np.linalg.lstsq(np.column_stack([C, x]), y, rcond=None)[0][-1]
    assert found.estimate[0, 1] == pytest.approx(wanted, rel=1e-10)
    assert "predict the endogenous variable perfectly" in found.messages[0, 1]
    assert np.isnan(find_statistic(found, "weak_instruments"))
    assert np.isnan(find_statistic(found, "wu_hausman"))


@paths
def test_weak_instruments_keep_their_estimate_and_are_said(
    family: type[Iv], made: tuple[Problem, Block]
) -> None:
    problem, block = made
    noise = np.random.default_rng(4).normal(size=N)
    found = fit(family(options_of()), with_instruments(problem, noise, "z"), block)
    assert found.status[0, 0] == Status.ok
    assert "weak instruments (first-stage F" in found.messages[0, 0]
    assert find_statistic(found, "weak_instruments") < 10.0


@paths
def test_with_one_instrument_it_is_the_ratio_of_reduced_form_and_first_stage(
    family: type[Iv], made: tuple[Problem, Block]
) -> None:
    problem, block = made
    assert problem.instruments is not None
    one = with_instruments(problem, problem.instruments[:, 0], "z1")
    for estimator in ("2sls", "liml", "gmm"):
        found = fit(family(options_of(estimator)), one, block)
        C, Z, y, x, _, _ = rows_of(one, block, 0, 0)
        slopes = [np.linalg.lstsq(np.column_stack([C, Z]), of, rcond=None)[0][-1] for of in (y, x)]
        assert found.estimate[0, 0] == pytest.approx(slopes[0] / slopes[1], rel=1e-11)
    assert np.isnan(find_statistic(fit(family(options_of()), one, block), "sargan"))


@paths
@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
@pytest.mark.parametrize("what", ["protein", "target", "instruments", "weights"])
def test_units_change_no_statistic(
    family: type[Iv], what: str, scale: float, made: tuple[Problem, Block]
) -> None:
    problem, block = made
    plain = fit(family(options_of()), problem, block)
    if what == "protein":
        block = replace(block, values=block.values * scale)
    elif what == "target":
        problem = with_target(problem, problem.targets[0].values * scale)
    elif what == "instruments":
        assert problem.instruments is not None
        problem = replace(problem, instruments=problem.instruments * scale)
    else:
        problem = replace(problem, weights=np.full(N, scale))
    found = fit(family(options_of()), problem, block)
    np.testing.assert_allclose(found.estimate / found.se, plain.estimate / plain.se, rtol=1e-10)
    first = find_statistic(plain, "weak_instruments")
    assert find_statistic(found, "weak_instruments") == pytest.approx(first, rel=1e-10)


@paths
def test_a_place_far_from_zero_costs_no_digits(
    family: type[Iv], made: tuple[Problem, Block]
) -> None:
    problem, block = made
    assert problem.instruments is not None
    plain = fit(family(options_of()), problem, block)
    moved = with_target(problem, problem.targets[0].values + 2.0**20)
    moved = replace(moved, instruments=problem.instruments + 2.0**22)
    far = replace(block, values=np.where(block.observed, block.values + 2.0**18, 0.0))
    found = fit(family(options_of()), moved, far)
    np.testing.assert_allclose(found.estimate, plain.estimate, rtol=1e-6)


@paths
@pytest.mark.parametrize(
    ("people", "status"),
    [(7, "too_few"), (8, "ok"), (9, "ok"), (12, "ok")],
)
def test_few_people_have_a_status_or_the_numbers_of_two_stages(
    family: type[Iv], people: int, status: str, made: tuple[Problem, Block]
) -> None:
    problem, block = made
    few = replace(
        problem, adjustments=(replace(problem.adjustments[0], columns=np.array([0, 4, 5])),)
    )
    few = replace(few, models=few.models[:1])
    observed = np.zeros_like(block.observed)
    observed[:, :people] = True
    if people == 7:
        observed[:, 4:] = False
    small = replace(block, observed=observed, values=np.where(observed, block.values, 0.0))
    found = fit(family(options_of()), few, small)
    assert Status(found.status[0, 0]).name == status
    if status != "ok":
        assert "people for" in found.messages[0, 0]
        return
    C, Z, y, x, _, _ = rows_of(few, small, 0, 0)
    S = np.column_stack([C, Z])
    fitted = S @ np.linalg.lstsq(S, x, rcond=None)[0]
    wanted = np.linalg.lstsq(np.column_stack([C, fitted]), y, rcond=None)[0][-1]
    assert found.estimate[0, 0] == pytest.approx(wanted, rel=1e-8)


@paths
def test_a_response_made_of_the_endogenous_variable_is_a_perfect_fit(
    family: type[Iv], made: tuple[Problem, Block]
) -> None:
    problem, block = made
    values = np.where(block.observed, 3.0 * problem.targets[0].values + 1.0, 0.0)
    found = fit(family(options_of()), problem, replace(block, values=values))
    assert found.estimate[0, 0] == pytest.approx(3.0, rel=1e-12)
    assert "perfect fit: the standard error is rounding" in found.messages[0, 0]
    assert np.isnan(find_statistic(found, "sargan"))
    assert np.isnan(find_statistic(found, "wu_hausman"))


@paths
@pytest.mark.parametrize("which", ["protein", "target"])
def test_what_the_covariates_determine_is_collinear(
    family: type[Iv], which: str, made: tuple[Problem, Block]
) -> None:
    problem, block = made
    line = 2.0 * problem.covariates[:, 4] - 1.0
    if which == "protein":
        block = replace(block, values=np.where(block.observed, line, 0.0))
    else:
        problem = with_target(problem, line)
    found = fit(family(options_of()), problem, block)
    assert found.status[0, 0] == Status.collinear
    label = "the protein" if which == "protein" else "t"
    assert found.messages[0, 0].startswith(f"{label} is a linear combination")


@paths
def test_a_covariate_of_people_whom_a_protein_lacks_is_left_out(
    family: type[Iv], made: tuple[Problem, Block]
) -> None:
    problem, block = made
    observed = block.observed.copy()
    observed[0, problem.covariates[:, 2] == 1.0] = False
    thin = replace(block, observed=observed, values=np.where(observed, block.values, 0.0))
    found = fit(family(options_of()), problem, thin)
    assert found.status[0, 0] == Status.ok
    C, Z, y, x, _, _ = rows_of(problem, thin, 0, 0)
    S = np.column_stack([C, Z])
    fitted = S @ np.linalg.lstsq(S, x, rcond=None)[0]
    wanted = np.linalg.lstsq(np.column_stack([C, fitted]), y, rcond=None)[0][-1]
    assert found.estimate[0, 0] == pytest.approx(wanted, rel=1e-9)
    assert found.df[0, 0] == y.size - 5


def test_a_protein_without_instruments_of_its_own_is_not_identified() -> None:
    problem, block = give_own(*draw(2, N, role="outcome"))
    none = OwnInstruments((), np.empty((0, N)))
    alone = replace(block, instruments=(none, *block.instruments[1:]))
    found = fit(Iv(options_of(by_protein=True)), problem, alone)
    assert found.status[0, 0] == Status.not_identified
    assert np.all(found.status[1:] == Status.ok)


def test_instruments_of_which_nobody_has_a_value_are_left_out() -> None:
    problem, block = give_own(*draw(2, N, role="outcome"))
    first = block.instruments[0]
    values = first.values.copy()
    values[1] = np.nan
    lost = replace(block, instruments=(replace(first, values=values), *block.instruments[1:]))
    found = fit(Iv(options_of(by_protein=True)), problem, lost.take([0]))
    assert found.status[0, 0] == Status.ok
    assert "instruments left out as made of others: own" in found.messages[0, 0]


def test_residual_inclusion_of_numbers_is_refused() -> None:
    problem, _ = draw(3, 60, role="outcome")
    with pytest.raises(UsageError, match="2sri is for outcomes of two levels, and 't' holds"):
        Iv(options_of("2sri")).check_targets(problem.targets)
