"""Linear fits within absorbed effects: blocks against dummies, small samples and large ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.models import Absorbed, Adjustment, Block, FitOptions, Linear, Model, Problem, Target
from proteomr.models.exact import OneByOne
from proteomr.models.linear import LinearState
from proteomr.status import Status

PROTEINS = 5


def draw(
    n: int, sizes: tuple[int, ...], *, seed: int = 0, weighted: bool = False, **options: Any
) -> tuple[Problem, Block]:
    """Return proteins with effects of levels, some of them missing for a few people each."""
    g = np.random.default_rng(seed)
    codes = np.column_stack([g.integers(0, size, n) for size in sizes])
    age, sex = g.normal(size=n) + codes[:, 0] % 3, g.integers(0, 2, n).astype(np.float64)
    observed = g.random((PROTEINS, n)) > np.array([[0.0], [0.02], [0.1], [0.4], [0.7]])
    values = g.normal(size=(PROTEINS, n)) + 0.2 * sex + 3 * g.normal(size=sizes[0])[codes[:, 0]]
    problem = Problem(
        covariates=np.column_stack([np.ones(n), age]),
        names=("Intercept", "age"),
        factors=(),
        targets=(Target("sex", "exposure", "binary", sex, ("1 vs 0",)),),
        adjustments=(Adjustment("a", np.array([0, 1])),),
        models=(Model(0, 0),),
        absorbed=Absorbed(tuple(f"e{j}" for j in range(len(sizes))), codes),
        weights=g.uniform(0.3, 3.0, n) if weighted else None,
        **options,
    )
    return problem, Block(np.where(observed, values, 0.0), np.empty((PROTEINS, 0, n)), observed)


def fit_dummies(problem: Problem, block: Block, j: int) -> tuple[float, float, int]:
    """Return estimate, error and degrees of freedom from a column for each level."""
    rows = block.observed[j]
    assert problem.absorbed is not None
    codes: I64 = problem.absorbed.codes[rows]
    dummies = [(codes[:, [e]] == np.unique(codes[:, e])) for e in range(codes.shape[1])]
    x = [problem.targets[0].values[rows, None], problem.covariates[rows, 1:]]
    root: F64 = np.ones(rows.sum()) if problem.weights is None else np.sqrt(problem.weights[rows])
    X = np.concatenate([*x, *dummies], axis=1) * root[:, None]
    u, s, vt = np.linalg.svd(X, full_matrices=False)
    kept = s > 1e-9 * s[0]
    inverse = (vt[kept].T / s[kept]) @ u[:, kept].T
    y = block.values[j, rows] * root
    rest = y - X @ (inverse @ y)
    df = int(rows.sum() - kept.sum())
    return float(inverse[0] @ y), float(np.linalg.norm(inverse[0]) * np.sqrt(rest @ rest / df)), df


DESIGNS = [(150, (20,)), (300, (40, 6)), (4_300, (150,)), (4_300, (130, 8)), (900, (120, 105))]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "sizes"), DESIGNS)
def test_fits_are_those_with_a_column_for_each_level(
    n: int, sizes: tuple[int, ...], *, weighted: bool
) -> None:
    problem, block = draw(n, sizes, weighted=weighted)
    family = Linear()
    state = family.prepare(problem)
    fits = family.fit(state, block)
    checked = range(PROTEINS) if n < 1_000 else (2,)  # a decomposition takes a second there
    for j in checked:
        estimate, se, df = fit_dummies(problem, block, j)
        assert fits.status[j, 0] == Status.ok
        assert fits.estimate[j, 0] == pytest.approx(estimate, abs=1e-10 * se)
        assert fits.se[j, 0] == pytest.approx(se, rel=1e-10)
        assert fits.df[j, 0] == df


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "sizes"), DESIGNS[:4])
def test_blocks_equal_fits_one_by_one(n: int, sizes: tuple[int, ...], *, weighted: bool) -> None:
    problem, block = draw(n, sizes, seed=1, weighted=weighted)
    family = Linear()
    state = family.prepare(problem)
    assert isinstance(state, LinearState)
    together = family.fit(state, block)
    alone = family.fit(OneByOne(problem), block)
    assert together.status.tolist() == alone.status.tolist()
    np.testing.assert_allclose(together.estimate, alone.estimate, atol=1e-10 * alone.se.max())
    np.testing.assert_allclose(together.se, alone.se, rtol=1e-10)
    np.testing.assert_array_equal(together.df, alone.df)


def test_an_exposure_that_is_one_within_levels_is_collinear_and_the_effect_is_named() -> None:
    problem, block = draw(200, (25,))
    assert problem.absorbed is not None
    problem.targets[0].values[:] = problem.absorbed.codes[:, 0] % 2
    for errors in ("classical", "HC1"):
        family = Linear(FitOptions(errors=errors))
        fits = family.fit(family.prepare(problem), block)
        assert set(fits.status[:, 0].tolist()) == {int(Status.collinear)}
        assert "constant within the levels of e0, which is absorbed" in fits.messages[0, 0]


def test_a_protein_whose_missing_people_leave_the_exposure_one_within_levels_is_collinear() -> None:
    problem, block = draw(400, (40,))
    assert problem.absorbed is not None
    sex, codes = problem.targets[0].values, problem.absorbed.codes[:, 0]
    sex[:] = 0.0
    only = np.flatnonzero(codes == 3)
    sex[only[0]] = 1.0
    observed = np.ones_like(block.observed)
    observed[1, only[1:]] = False  # the exposed is alone in the level
    observed[2, only[0]] = False  # nobody is exposed
    values = np.where(observed, np.random.default_rng(3).normal(size=observed.shape), 0.0)
    family = Linear()
    fits = family.fit(family.prepare(problem), Block(values, block.own, observed))
    statuses = [Status(code) for code in fits.status[:, 0].tolist()]
    assert statuses == [Status.ok, Status.collinear, Status.constant, Status.ok, Status.ok]


def test_a_protein_that_levels_determine_is_collinear() -> None:
    problem, block = draw(200, (25,))
    assert problem.absorbed is not None
    values = block.values.copy()
    values[0] = np.random.default_rng(1).normal(size=25)[problem.absorbed.codes[:, 0]]
    family = Linear()
    fits = family.fit(family.prepare(problem), Block(values, block.own, block.observed))
    assert Status(fits.status[0, 0]) is Status.collinear
    assert fits.messages[0, 0].startswith("the protein is constant within the levels of e0")


def test_levels_of_one_person_each_leave_too_few_degrees_of_freedom() -> None:
    problem, block = draw(60, (60,))
    everyone = Absorbed(("e0",), np.arange(60)[:, None])
    problem = Problem(
        **{f: getattr(problem, f) for f in problem.__slots__} | {"absorbed": everyone}
    )
    fits = Linear().fit(Linear().prepare(problem), block)
    assert {Status(code) for code in fits.status[:, 0].tolist()} <= {
        Status.too_few,
        Status.collinear,
    }


def test_own_covariates_deviate_within_levels_too() -> None:
    problem, block = draw(4_300, (150,), seed=4)
    own = np.where(block.observed[:, None], np.random.default_rng(5).normal(size=(5, 1, 4_300)), 0)
    with_own = Block(block.values, own, block.observed)
    named = Problem(**{f: getattr(problem, f) for f in problem.__slots__} | {"own_names": ("gap",)})
    family = Linear()
    state = family.prepare(named)
    assert isinstance(state, LinearState)
    together, alone = family.fit(state, with_own), family.fit(OneByOne(named), with_own)
    np.testing.assert_allclose(together.estimate, alone.estimate, atol=1e-10 * alone.se.max())
    np.testing.assert_array_equal(together.df, alone.df)
    assert not np.array_equal(together.df, family.fit(family.prepare(problem), block).df)


def test_outcomes_of_proteins_are_fitted_within_levels() -> None:
    problem, block = draw(4_300, (150,), seed=6)
    y = problem.covariates[:, 1] + np.random.default_rng(7).normal(size=4_300)
    target = Target("bmi", "outcome", "continuous", y)
    asked = Problem(**{f: getattr(problem, f) for f in problem.__slots__} | {"targets": (target,)})
    family = Linear()
    state = family.prepare(asked)
    assert isinstance(state, LinearState)
    together, alone = family.fit(state, block), family.fit(OneByOne(asked), block)
    np.testing.assert_allclose(together.estimate, alone.estimate, atol=1e-10 * alone.se.max())
    np.testing.assert_allclose(together.se, alone.se, rtol=1e-10)


def test_products_are_fitted_within_levels() -> None:
    by = np.random.default_rng(8).normal(size=(200, 1))
    problem, block = draw(200, (25,), interaction=by)
    assert problem.absorbed is not None
    sex, codes = problem.targets[0].values, problem.absorbed.codes
    fits = Linear().fit(Linear().prepare(problem), block)
    for j in range(PROTEINS):
        rows = block.observed[j]
        dummies = codes[rows] == np.unique(codes[rows])
        x = np.column_stack([sex, sex * by[:, 0], problem.covariates[:, 1]])[rows]
        X = np.concatenate([x, dummies.astype(float)], axis=1)
        wanted = np.linalg.lstsq(X, block.values[j, rows])[0][:2]
        np.testing.assert_allclose(fits.estimate[j], wanted, rtol=1e-9)


@pytest.mark.parametrize("n", [200, 4_300])
def test_a_covariate_of_one_value_is_aliased_whatever_the_weights(n: int) -> None:
    problem, block = draw(n, (30,), seed=9, weighted=True)
    covariates = np.column_stack([np.ones(n), np.full(n, 1e9)])
    flat = Problem(
        **{f: getattr(problem, f) for f in problem.__slots__} | {"covariates": covariates}
    )
    family = Linear()
    together = family.fit(family.prepare(flat), block)
    alone = family.fit(OneByOne(flat), block)
    np.testing.assert_array_equal(together.df, alone.df)
    np.testing.assert_allclose(together.se, alone.se, rtol=1e-10)
    assert together.df[0, 0] == n - 30 - 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sizes", [(30,), (30, 4)])
def test_covariates_that_the_levels_determine_are_named_on_both_paths(
    sizes: tuple[int, ...], *, weighted: bool
) -> None:
    problem, block = draw(500, sizes, seed=3, weighted=weighted)
    assert problem.absorbed is not None
    within = problem.absorbed.codes[:, 0] % 3 + 1.0
    C = np.column_stack([problem.covariates, within, np.zeros(500), 2.0 * problem.covariates[:, 1]])
    names = (*problem.names, "within", "nobody", "twice")
    wider = Problem(
        **{f: getattr(problem, f) for f in problem.__slots__}
        | {"covariates": C, "names": names, "scales": None, "shifts": None}
        | {"adjustments": (Adjustment("all", np.arange(len(names))),)}
    )
    family = Linear()
    together = family.fit(family.prepare(wider), block)
    alone = family.fit(OneByOne(wider), block)
    assert together.messages[0, 0].startswith("aliased: within, twice")
    assert together.messages == alone.messages
    np.testing.assert_allclose(together.se, alone.se, rtol=1e-10)


@pytest.mark.parametrize("errors", ["classical", "HC1"])
@pytest.mark.parametrize("sizes", [(20,), (20, 6)])
@pytest.mark.parametrize("unit", [1e-290, 1e-200, 1e250, 1e300])
def test_the_unit_of_an_exposure_is_of_no_account(
    unit: float, sizes: tuple[int, ...], errors: Any
) -> None:
    problem, block = draw(300, sizes)
    target = problem.targets[0]
    family = Linear(FitOptions(errors=errors))
    plain, scaled = (
        family.fit(family.prepare(replace(problem, targets=(each,))), block)
        for each in (target, replace(target, kind="continuous", values=target.values * unit))
    )
    assert (scaled.status == Status.ok).all()
    np.testing.assert_allclose(
        scaled.estimate / scaled.se, plain.estimate / plain.se, rtol=1e-10, atol=1e-12
    )
