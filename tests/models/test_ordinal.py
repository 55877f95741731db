"""The ordinal family: the same numbers on all paths, and what has no finite estimate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.models import (
    Adjustment,
    Block,
    Factor,
    FitBlock,
    FitOptions,
    Logistic,
    Model,
    Problem,
    Status,
    Target,
    order_rows,
)
from proteomr.models.ordinal import Ordinal, OrdinalState
from proteomr.models.ordinal_options import OrdinalOptions
from proteomr.stats.cumulative_links import Link
from tests.models.test_logistic_terms import compare, modify
from tests.models.wild_designs import draw_problem

LABELS = tuple("abcdefghij")


def ordered(levels: I64 | F64, labels: int) -> Target:
    values = np.asarray(levels, dtype=np.float64)
    return Target("y", "outcome", "ordered", values, levels=LABELS[:labels])


def with_levels(problem: Problem, seed: int) -> Problem:
    """Turn the two levels of a wild design into two to seven."""
    g = np.random.default_rng(seed)
    y, labels = problem.targets[0].values, int(g.integers(2, 8))
    cuts = np.sort(g.random(labels - 1))
    levels = ((0.7 * g.random(y.size) + 0.3 * y)[:, None] > cuts).sum(axis=1)
    return replace(problem, targets=(ordered(levels, labels),))


def fit(
    problem: Problem, block: Block, link: Link = "logit", *, by_itself: bool = False
) -> FitBlock:
    family = Ordinal(FitOptions(ordinal=OrdinalOptions(link)))
    with np.errstate(all="ignore"):
        state = OrdinalState(problem) if by_itself else family.prepare(problem)
        return family.fit(state, block)


def make(n: int, *, labels: int = 4, proteins: int = 3, seed: int = 0) -> tuple[Problem, Block]:
    """Draw people without traps: two covariates, a factor of three levels, missing values."""
    g = np.random.default_rng(seed)
    site, z = g.integers(0, 3, n), g.normal(size=(n, 2))
    x = g.normal(size=(proteins, n))
    latent = 0.4 * x[0] + 0.5 * z[:, 0] + 0.2 * site + g.logistic(size=n)
    levels = (latent[:, None] > np.quantile(latent, np.arange(1, labels) / labels)).sum(axis=1)
    factor = Factor("site", site, np.array([3, 4]))
    order = order_rows((factor,), n)
    problem = Problem(
        covariates=np.column_stack([np.ones(n), z, site == 1, site == 2]).astype(float)[order],
        names=("(Intercept)", "age", "bmi", "site1", "site2"),
        factors=(replace(factor, codes=site[order]),),
        targets=(ordered(levels[order], labels),),
        adjustments=(Adjustment("all", np.arange(5)),),
        models=(Model(0, 0),),
    )
    observed = (g.random((proteins, n)) < 0.9)[:, order]
    return problem, Block(x[:, order] * observed, np.empty((proteins, 0, n)), observed)


@pytest.mark.parametrize(
    ("low", "high", "designs"), [(601, 900, 12), (2001, 2100, 6), (4100, 4200, 3)]
)
def test_a_wild_design_has_the_numbers_and_words_of_the_exact_path(
    low: int, high: int, designs: int
) -> None:
    seen = 0
    for seed in range(designs):
        g = np.random.default_rng(seed)
        problem, block = draw_problem(40_000 + seed, low, high)
        problem = with_levels(problem, seed)
        if seed % 3 == 0:
            problem = replace(problem, weights=g.integers(1, 4, problem.n).astype(float))
        if seed % 3 == 1:
            problem = modify(problem, g, ["sex"])
        link: Link = "probit" if seed % 2 else "logit"
        found = fit(problem, block, link)
        wanted = fit(problem, block, link, by_itself=True)
        for place in set(wanted.messages) - set(found.messages):
            # Blocks name what is aliased on all rows; the rows of one protein may alias more.
            assert wanted.messages.pop(place).startswith("aliased: ")
        compare(found, wanted)
        seen += int(np.sum(found.status == Status.ok))
    assert seen >= designs


@pytest.mark.parametrize("n", [400, 1500, 4500])
@pytest.mark.parametrize("weighted", [False, True])
def test_two_levels_are_a_logistic_regression(n: int, *, weighted: bool) -> None:
    problem, block = make(n, labels=2)
    if weighted:
        counts = np.random.default_rng(1).integers(1, 4, n).astype(float)
        problem = replace(problem, weights=counts)
    y = problem.targets[0].values
    binary = replace(problem, targets=(Target("y", "outcome", "binary", y, ("b vs a",)),))
    family = Logistic()
    wanted = family.fit(family.prepare(binary), block)
    found = fit(problem, block)
    np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=0, atol=1e-9 * wanted.se.min())
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-9)
    np.testing.assert_array_equal(found.n_case, wanted.n_case)
    assert set(found.joint) == {"lr"}  # two levels have one threshold


def test_a_fit_is_the_same_whatever_others_are_in_its_block() -> None:
    problem, block = make(5000, proteins=25)
    whole = fit(problem, block)
    for some in ([3], [3, 4], [24, 3, *range(5, 16)]):
        part = fit(problem, block.take(np.array(some)))
        at = some.index(3)
        assert part.estimate[at, 0] == pytest.approx(whole.estimate[3, 0], rel=1e-12)
        assert part.se[at, 0] == pytest.approx(whole.se[3, 0], rel=1e-12)
        for name, tests in whole.joint.items():
            wanted = tests.statistic[3, 0]
            assert part.joint[name].statistic[at, 0] == pytest.approx(wanted, rel=1e-12)


def test_reversed_levels_turn_the_sign_alone() -> None:
    problem, block = make(900)
    turned = replace(problem, targets=(ordered(3.0 - problem.targets[0].values, 4),))
    found, other = fit(problem, block), fit(turned, block)
    np.testing.assert_allclose(found.estimate, -other.estimate, rtol=1e-8)
    np.testing.assert_allclose(found.se, other.se, rtol=1e-9)
    for name, tests in found.joint.items():
        np.testing.assert_allclose(tests.statistic, other.joint[name].statistic, rtol=1e-7)
    assert found.estimate[0, 0] > 5 * found.se[0, 0]  # positive: higher levels


@pytest.mark.parametrize("n", [200, 700, 4500])
@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e300])
def test_units_of_a_protein_change_no_statistic(n: int, scale: float) -> None:
    problem, block = make(n, proteins=1)
    plain = fit(problem, block)
    scaled = fit(problem, Block(block.values * scale, block.own, block.observed))
    assert scaled.estimate[0, 0] / scaled.se[0, 0] == pytest.approx(
        plain.estimate[0, 0] / plain.se[0, 0], rel=1e-9
    )
    for name, tests in plain.joint.items():
        other = scaled.joint[name].statistic
        np.testing.assert_allclose(other, tests.statistic, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("n", [100, 1000, 4500])
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_a_protein_that_orders_the_levels_is_separated_and_has_its_likelihood_ratio(
    n: int, link: Link
) -> None:
    problem, block = make(n, proteins=1)
    levels = problem.targets[0].values
    everybody = np.ones_like(block.observed)
    values = levels + 0.1 * np.random.default_rng(1).random(n)
    found = fit(problem, Block(values[None], block.own, everybody), link)
    assert found.status[0, 0] == Status.separated
    assert "complete separation" in found.messages[0, 0]
    assert np.isnan(found.estimate[0, 0])
    shares = np.bincount(levels.astype(int)) / n
    nothing = -2.0 * n * float(shares @ np.log(shares))  # that of the thresholds alone
    lr = found.joint["lr"].statistic[0, 0]
    assert 0.5 * nothing < lr <= nothing


@pytest.mark.parametrize("n", [150, 1000])
def test_a_silent_quasi_complete_separation_is_found(n: int) -> None:
    problem, block = make(n, proteins=1)
    levels = problem.targets[0].values
    # Above 0 only in the highest level, and only some of them.
    values = np.where((levels == 3) & (np.arange(n) % 3 == 0), 1.0, 0.0)
    found = fit(problem, Block(values[None], block.own, np.ones_like(block.observed)))
    assert found.status[0, 0] == Status.separated
    assert "quasi separation" in found.messages[0, 0]
    assert np.isfinite(found.joint["lr"].statistic[0, 0])


@pytest.mark.parametrize("n", [300, 1000, 4500])
def test_people_of_a_site_with_the_highest_level_alone_carry_nothing(n: int) -> None:
    problem, block = make(n, proteins=2)
    site = problem.factors[0].codes
    levels = np.where(site == 2, 3.0, problem.targets[0].values)
    problem = replace(problem, targets=(ordered(levels, 4),))
    found = fit(problem, block)
    rest = np.flatnonzero(site != 2)
    without = replace(
        problem,
        covariates=problem.covariates[rest][:, :4],
        scales=None,
        shifts=None,
        names=problem.names[:4],
        factors=(Factor("site", site[rest], np.array([3])),),
        targets=(ordered(levels[rest], 4),),
        adjustments=(Adjustment("all", np.arange(4)),),
    )
    wanted = fit(
        without, Block(block.values[:, rest], block.own[:, :, rest], block.observed[:, rest])
    )
    np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=1e-7)
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-8)
    np.testing.assert_allclose(
        found.joint["lr"].statistic, wanted.joint["lr"].statistic, rtol=1e-7, atol=1e-9
    )
    assert "people separated by covariates alone" in found.messages[0, 0]
    assert found.n[0, 0] == block.counts[0]


@pytest.mark.parametrize("n", [300, 1000, 4500])
def test_a_level_that_nobody_of_a_protein_has_is_left_out_and_said(n: int) -> None:
    problem, block = make(n, labels=5, proteins=2)
    levels = problem.targets[0].values
    observed = block.observed.copy()
    observed[0] &= levels != 2
    found = fit(problem, Block(block.values * observed, block.own, observed))
    joined = replace(problem, targets=(ordered(np.where(levels > 2, levels - 1, levels), 4),))
    some = Block(block.values[:1] * observed[:1], block.own[:1], observed[:1])
    wanted = fit(joined, some)
    assert found.messages[0, 0] == "nobody has level c"
    assert (1, 0) not in found.messages
    assert found.estimate[0, 0] == pytest.approx(wanted.estimate[0, 0], rel=1e-8)
    assert found.se[0, 0] == pytest.approx(wanted.se[0, 0], rel=1e-8)
    assert found.joint["proportional_odds"].df[:, 0].tolist() == [2.0, 3.0]


@pytest.mark.parametrize("n", [300, 4500])
def test_a_level_that_nobody_has_is_left_out_of_all_fits(n: int) -> None:
    problem, block = make(n)
    levels = problem.targets[0].values
    gap = replace(problem, targets=(ordered(np.where(levels > 1, levels + 1, levels), 5),))
    found, wanted = fit(gap, block), fit(problem, block)
    np.testing.assert_array_equal(found.estimate, wanted.estimate)
    assert found.messages[0, 0] == "nobody has level c"


@pytest.mark.parametrize("n", [300, 4500])
def test_a_level_of_one_person_has_a_fit(n: int) -> None:
    problem, block = make(n, labels=3)
    levels = problem.targets[0].values.copy()
    one = int(np.flatnonzero(levels == 2)[0])
    levels[levels == 2] = 1
    levels[one] = 2
    block = Block(block.values, block.own, np.ones_like(block.observed))
    found = fit(replace(problem, targets=(ordered(levels, 3),)), block)
    exact = fit(replace(problem, targets=(ordered(levels, 3),)), block, by_itself=True)
    assert found.status.tolist() == [[Status.ok]] * 3
    np.testing.assert_allclose(found.estimate, exact.estimate, rtol=1e-7)


def test_what_has_no_fit_has_a_status_and_shifts_no_other() -> None:
    problem, block = make(700, proteins=5)
    values, observed = block.values.copy(), block.observed.copy()
    values[0] = 3.0
    observed[1] = False
    observed[2] = np.arange(700) < 6
    values[3] = problem.covariates[:, 1]
    values *= observed
    found = fit(problem, Block(values, block.own, observed))
    wanted = [Status.constant, Status.all_missing, Status.too_few, Status.collinear, Status.ok]
    assert [Status(s) for s in found.status[:, 0].tolist()] == wanted
    assert found.estimate[4, 0] == fit(problem, block).estimate[4, 0]


def test_a_stratum_of_one_level_is_constant() -> None:
    problem, block = make(700)
    found = fit(replace(problem, targets=(ordered(np.full(700, 2.0), 4),)), block)
    assert {Status(s) for s in found.status[:, 0].tolist()} == {Status.constant}


def test_tests_keep_their_size_and_intervals_their_coverage() -> None:
    g = np.random.default_rng(5)
    n, proteins = 700, 400
    problem, _ = make(n, seed=9)
    latent = 0.3 * problem.covariates[:, 1]
    levels = (latent + g.logistic(size=n))[:, None] > np.array([-1.0, 0.0, 2.0])
    problem = replace(problem, targets=(ordered(levels.sum(axis=1), 4),))
    values = g.normal(size=(proteins, n))
    block = Block(values, np.empty((proteins, 0, n)), np.ones((proteins, n), dtype=bool))
    found = fit(problem, block)
    wald = np.mean(np.abs(found.estimate / found.se) > 1.959964)
    ratio = np.mean(found.joint["lr"].neg_log10_p > -np.log10(0.05))
    slopes = np.mean(found.joint["proportional_odds"].neg_log10_p > -np.log10(0.05))
    for size in (wald, ratio, slopes):  # 400 tests at 0.05: an error of 0.011
        assert 0.015 < size < 0.09


def test_intervals_hold_the_slope_that_made_the_levels() -> None:
    g = np.random.default_rng(6)
    n, held = 620, 0
    for _ in range(60):
        x, z = g.normal(size=n), g.normal(size=n)
        latent = 0.5 * x + 0.5 * z + g.logistic(size=n)
        levels = (latent[:, None] > np.array([-1.0, 1.0])).sum(axis=1)
        problem = Problem(
            covariates=np.column_stack([np.ones(n), z]),
            names=("(Intercept)", "z"),
            factors=(),
            targets=(ordered(levels, 3),),
            adjustments=(Adjustment("all", np.arange(2)),),
            models=(Model(0, 0),),
        )
        block = Block(x[None], np.empty((1, 0, n)), np.ones((1, n), dtype=bool))
        found = fit(problem, block)
        held += abs(found.estimate[0, 0] - 0.5) < 1.96 * found.se[0, 0]
    assert held >= 51
