"""Multinomial blocks: the numbers of the exact path, and a status where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.models import (
    Adjustment,
    Block,
    FitBlock,
    Logistic,
    Model,
    Multinomial,
    Problem,
    Status,
)
from proteomr.models.family import FitOptions
from proteomr.models.further import Further
from proteomr.models.multinomial import MultinomialState
from tests.models.groups import draw_groups, group_people


def compare(found: FitBlock, wanted: FitBlock, *, words: bool = True) -> None:
    for name in ("n", "n_case", "df", "status"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    if words:
        assert found.messages == wanted.messages
    with np.errstate(invalid="ignore"):
        off = np.abs(found.estimate - wanted.estimate) / wanted.se
    assert np.nanmax(off, initial=0.0) < 1e-8
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-8)
    for test, other in wanted.joint.items():
        for name in ("statistic", "df", "neg_log10_p"):
            one, two = getattr(found.joint[test], name), getattr(other, name)
            np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-9)


def fit_both(problem: Problem, block: Block, *, compiled: bool) -> tuple[FitBlock, FitBlock]:
    family = Multinomial(compiled=compiled)
    state = family.prepare(problem)
    found = family.fit(state, block)
    return found, family.fit(MultinomialState(problem), block)


def draw_plain(n: int, proteins: int, *, K: int = 4, seed: int = 0) -> tuple[Problem, Block]:
    """Draw proteins, the first of which goes with the groups, of a cohort without traps."""
    g = np.random.default_rng(seed)
    covariates = np.column_stack([np.ones(n), g.normal(size=(n, 2)), g.integers(0, 2, n)])
    observed = g.random((proteins, n)) < 0.95
    observed[-1] = True
    values = g.normal(size=(proteins, n))
    eta = np.outer(np.linspace(0.0, 0.8, K), values[0]) - 0.3 * np.arange(K)[:, None]
    shares = np.cumsum(np.exp(eta) / np.exp(eta).sum(axis=0), axis=0)
    problem = Problem(
        covariates=covariates,
        names=("(Intercept)", "a", "b", "sex"),
        factors=(),
        targets=(group_people((g.random(n) > shares).sum(axis=0)),),
        adjustments=(Adjustment("all", np.arange(4)),),
        models=(Model(0, 0),),
    )
    return problem, Block(values * observed, np.empty((proteins, 0, n)), observed)


@pytest.mark.parametrize("seed", [60_000, 60_003, 60_004, 60_005, 60_008, 60_010])
def test_wild_designs_have_the_numbers_of_the_exact_path(seed: int) -> None:
    problem, block = draw_groups(seed, 2001, 2200)
    compare(*fit_both(problem, block, compiled=seed % 2 == 0), words=False)


@pytest.mark.parametrize("own", [0, 1])
def test_blocks_have_the_numbers_and_words_of_the_exact_path(own: int) -> None:
    problem, block = draw_plain(2300, 3)
    if own:
        values = np.random.default_rng(5).normal(size=(3, 1, 2300)) * block.observed[:, None]
        block = Block(block.values, values, block.observed)
        problem = replace(problem, own_names=("gap",))
    found, wanted = fit_both(problem, block, compiled=False)
    assert (found.status == Status.ok).all()
    compare(found, wanted)


def test_a_site_without_one_of_the_groups_goes_with_the_blocks() -> None:
    problem, block = draw_plain(2400, 2)
    site = np.sort(np.random.default_rng(1).integers(0, 2, 2400)).astype(float)
    codes = problem.targets[0].values.copy()
    codes[(site == 1.0) & (codes == 2.0)] = 1.0
    codes[(problem.covariates[:, 3] == 1.0) & (codes == 0.0)] = 3.0  # no reference in one sex
    covariates = np.column_stack([problem.covariates, site])
    problem = replace(
        problem,
        covariates=covariates,
        scales=None,
        shifts=None,
        names=(*problem.names, "site"),
        targets=(group_people(codes.astype(np.int64)),),
        adjustments=(Adjustment("all", np.arange(5)),),
    )
    family = Multinomial(compiled=False)
    state = family.prepare(problem)
    assert isinstance(state, MultinomialState) and len(state.solvers) == 1  # noqa: PT018
    found, wanted = family.fit(state, block), family.fit(MultinomialState(problem), block)
    assert (found.status == Status.ok).all()
    assert all("rules levels out for" in message for message in found.messages.values())
    compare(found, wanted)


def test_groups_that_two_covariates_rule_out_together_go_with_the_blocks() -> None:
    problem, block = draw_plain(900, 2)
    g = np.random.default_rng(2)
    one, two = g.random(900) < 0.1, g.random(900) < 0.1
    codes = problem.targets[0].values.copy()
    codes[one & two & (codes != 3.0)] = 3.0
    codes[one & ~two & (codes == 3.0)] = 1.0
    codes[two & ~one & (codes == 3.0)] = 2.0
    both = (one & two).astype(float) + 1e-3 * g.normal(size=900)
    covariates = np.column_stack([problem.covariates, one, two, both])
    problem = replace(
        problem,
        covariates=covariates,
        scales=None,
        shifts=None,
        names=(*problem.names, "one", "two", "both"),
        targets=(group_people(codes.astype(np.int64)),),
        adjustments=(Adjustment("all", np.arange(7)),),
    )
    family = Multinomial(compiled=False)
    state = family.prepare(problem)
    assert isinstance(state, MultinomialState) and len(state.solvers) == 1  # noqa: PT018
    found, wanted = family.fit(state, block), family.fit(MultinomialState(problem), block)
    assert (found.status == Status.ok).all()
    assert all("rules levels out for" in message for message in found.messages.values())
    compare(found, wanted)


@pytest.mark.parametrize("n", [300, 2300])
def test_two_groups_are_the_logistic_family(n: int) -> None:
    problem, block = draw_plain(n, 3, K=2)
    one = Multinomial(compiled=False)
    other = Logistic(compiled=False)
    found = one.fit(one.prepare(problem), block)
    wanted = other.fit(other.prepare(problem), block)
    assert np.abs((found.estimate - wanted.estimate) / wanted.se).max() < 1e-9
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-8)
    np.testing.assert_array_equal(found.n_case, wanted.n_case)


@pytest.mark.parametrize("n", [400, 2300])
def test_weights_count_people(n: int) -> None:
    problem, block = draw_plain(n, 2)
    times = np.random.default_rng(3).integers(1, 4, n)
    rows = np.repeat(np.arange(n), times)
    every = replace(
        problem,
        covariates=problem.covariates[rows],
        scales=None,
        shifts=None,
        targets=(problem.targets[0].take(rows),),
    )
    repeated = Block(block.values[:, rows], block.own[:, :, rows], block.observed[:, rows])
    family = Multinomial(compiled=False)
    counted = replace(problem, weights=times.astype(float), weight_kind="frequency")
    found = family.fit(family.prepare(counted), block)
    wanted = family.fit(family.prepare(every), repeated)
    np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-8)
    np.testing.assert_array_equal(found.n, wanted.n)
    np.testing.assert_array_equal(found.n_case, wanted.n_case)
    one, other = found.joint["lr"], wanted.joint["lr"]
    np.testing.assert_allclose(one.statistic, other.statistic, rtol=1e-7)


@pytest.mark.parametrize("n", [350, 2300])
def test_a_group_that_a_protein_lacks_leaves_its_model_alone(n: int) -> None:
    problem, block = draw_plain(n, 3)
    codes = problem.targets[0].values
    observed = block.observed.copy()
    observed[0, codes == 2.0] = False
    observed[1, codes == 0.0] = False
    block = Block(block.values * observed, block.own, observed)
    family = Multinomial(compiled=False)
    found = family.fit(family.prepare(problem), block)
    ok, few = int(Status.ok), int(Status.too_few)
    assert found.status.tolist() == [[ok, few, ok], [few, few, few], [ok, ok, ok]]
    assert found.n_case[0, 1] == 0
    assert found.messages[0, 1] == "nobody has c on the rows of the fit"
    assert found.messages[0, 0] == "nobody has c, which is left out"
    assert found.messages[1, 0] == "nobody has a on the rows of the fit"
    assert found.joint["lr"].df.ravel().tolist() == [2.0, 2.0, 3.0]
    rows = np.flatnonzero(codes != 2.0)
    fewer = replace(
        problem,
        covariates=problem.covariates[rows],
        scales=None,
        shifts=None,
        targets=(group_people(np.array([0, 1, 0, 2])[codes[rows].astype(int)]),),
    )
    part = Block(block.values[:1, rows], block.own[:1, :, rows], observed[:1, rows])
    alone = family.fit(MultinomialState(fewer), part)
    np.testing.assert_allclose(found.estimate[0, [0, 2]], alone.estimate[0], rtol=1e-8)


@pytest.mark.parametrize("products", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_score_and_wald_tests_of_blocks_are_those_of_the_exact_path(
    *, products: bool, weighted: bool
) -> None:
    problem, block = draw_plain(2300, 3)
    if products:
        problem = replace(problem, interaction=problem.covariates[:, 3:])
    if weighted:
        weights = np.random.default_rng(3).exponential(size=2300)
        problem = replace(problem, weights=weights)
    family = Multinomial(FitOptions(further=Further(("score", "wald"))), compiled=False)
    found = family.fit(family.prepare(problem), block)
    wanted = family.fit(MultinomialState(problem), block)
    compare(found, wanted)
    assert set(found.joint) >= {"lr", "score", "wald"}
    assert (found.joint["score"].df == (6.0 if products else 3.0)).all()
    # of a protein without an effect the three are alike
    three = [found.joint[name].statistic[1, 0] for name in ("lr", "score", "wald")]
    assert max(three) - min(three) < 0.05 * max(three)


def test_the_score_test_is_finite_where_the_protein_separates_a_group() -> None:
    problem, block = draw_plain(300, 3)
    everybody = np.ones_like(block.observed)
    block = Block(separate(problem, block, 3.0), block.own, everybody)
    family = Multinomial(FitOptions(further=Further(("score", "wald"))))
    found = family.fit(MultinomialState(problem), block)
    assert np.isfinite(found.joint["score"].statistic[0, 0])
    assert np.isnan(found.joint["wald"].statistic[0, 0])


def separate(problem: Problem, block: Block, level: float) -> F64:
    """Return proteins that are far off in a group, all of it or, of the second, all but one."""
    codes = problem.targets[0].values
    values = block.values.copy()
    values[0, codes == level] = 9.0 + values[0, codes == level]
    beyond = np.flatnonzero(codes == level)
    values[1, beyond] = 9.0
    values[1, np.flatnonzero(codes == 1.0)[0]] = 9.0
    return values


@pytest.mark.parametrize("n", [300, 2300])
def test_a_separated_group_has_a_status_and_the_others_their_estimates(n: int) -> None:
    problem, block = draw_plain(n, 3)
    everybody = np.ones_like(block.observed)
    block = Block(separate(problem, block, 3.0), block.own, everybody)
    family = Multinomial(compiled=False)
    found = family.fit(family.prepare(problem), block)
    ok, apart = int(Status.ok), int(Status.separated)
    assert found.status[0].tolist() == [ok, ok, apart]
    assert found.messages[0, 2] == "quasi separation"
    assert "rules levels out" in found.messages[0, 0]
    # the likelihood ratio is that of the limit
    assert found.joint["lr"].df[0, 0] == 3.0
    assert np.isfinite(found.joint["lr"].statistic[0, 0])
    # one person of another group with the same value makes the maximum finite, or leaves it silent
    assert set(found.status[1].tolist()) <= {ok, apart}
    assert np.all(found.se[found.status == ok] < 50.0)


def test_a_group_of_one_person_is_separated_and_the_others_are_what_they_are_without() -> None:
    problem, block = draw_plain(300, 2)
    codes = problem.targets[0].values.copy()
    codes[codes == 3.0] = 2.0
    codes[7] = 3.0
    block = Block(block.values, block.own, np.ones_like(block.observed))
    values = block.values.copy()
    values[:, 7] = 5.0
    block = Block(values, block.own, block.observed)
    found = Multinomial().fit(
        MultinomialState(replace(problem, targets=(group_people(codes.astype(np.int64)),))), block
    )
    assert (found.status[:, 2] == Status.separated).all()
    assert (found.n_case[:, 2] == 1).all()
    rows = np.arange(300) != 7
    without = replace(
        problem,
        covariates=problem.covariates[rows],
        scales=None,
        shifts=None,
        targets=(group_people(codes[rows]),),
    )
    part = Block(values[:, rows], block.own[:, :, rows], block.observed[:, rows])
    alone = Multinomial().fit(MultinomialState(without), part)
    np.testing.assert_allclose(found.estimate[:, :2], alone.estimate, rtol=1e-7)


@pytest.mark.parametrize("n", [300, 2300])
def test_units_of_the_protein_scale_estimates_alone(n: int) -> None:
    problem, block = draw_plain(n, 2)
    family = Multinomial(compiled=False)
    state = family.prepare(problem)
    plain = family.fit(state, block)
    for unit in (1e-200, 1e150):
        scaled = family.fit(state, Block(block.values * unit, block.own, block.observed))
        np.testing.assert_allclose(scaled.estimate * unit, plain.estimate, rtol=1e-9)
        np.testing.assert_allclose(scaled.se * unit, plain.se, rtol=1e-9)
        one, other = scaled.joint["lr"].statistic, plain.joint["lr"].statistic
        np.testing.assert_allclose(one, other, rtol=1e-8)


def test_a_protein_that_the_covariates_determine_is_collinear() -> None:
    problem, block = draw_plain(300, 2)
    values = block.values.copy()
    values[0] = 2.0 * problem.covariates[:, 1] + 1.0
    everybody = np.ones_like(block.observed)
    found = Multinomial().fit(MultinomialState(problem), Block(values, block.own, everybody))
    assert (found.status[0] == Status.collinear).all()
    assert np.isnan(found.joint["lr"].statistic[0, 0])
