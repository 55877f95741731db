"""Mixed models of rows of known precisions: both paths, whole covariance matrices, units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from proteomr._typing import F64
from proteomr.models.base import Problem
from proteomr.models.mixed import Mixed
from proteomr.models.random_effects import RandomEffects, RandomTerm
from proteomr.stats.relatedness import Relatedness
from tests.models.mixed_designs import (
    Visits,
    components,
    fit,
    fit_densely,
    fit_slowly,
    make_visits,
    pose,
)
from tests.models.test_mixed import agree

DESIGNS: list[dict[str, Any]] = [
    {},
    {"missing": 0.0},
    {"people": 80, "uneven": True, "missing": 0.2},
    {"people": 7, "visits": 3},
    {"people": 1500, "visits": 3, "proteins": 3},  # above the switch to compiled loops
]


def weigh(visits: Visits, kind: str = "any") -> F64:
    """Return weights that all differ, are of few values, or span eight powers of ten."""
    draw = np.random.default_rng(8)
    n = visits.subject.size
    if kind == "few":
        return draw.choice([1.0, 2.0, 4.0], n)
    if kind == "far":
        return np.asarray(10.0 ** draw.uniform(-4.0, 4.0, n))
    return draw.uniform(0.2, 5.0, n)


@pytest.mark.parametrize("ddf", ["satterthwaite", "kr", "none"])
@pytest.mark.parametrize("slope", [False, True])
@pytest.mark.parametrize("kind", ["any", "few", "far"])
@pytest.mark.parametrize("design", DESIGNS)
def test_blocks_of_weighted_rows_have_the_numbers_of_fits_one_by_one(
    design: dict[str, Any], kind: str, ddf: str, *, slope: bool
) -> None:
    visits = make_visits(**design)
    problem = pose(visits, slope=slope, weights=weigh(visits, kind))
    if problem.n < 1_000 or kind == "few":
        assert Mixed().describe_path(Mixed().prepare(problem)).startswith("blocks")
    agree(fit(problem, visits.values, ddf=ddf), fit_slowly(problem, visits.values, ddf=ddf))


@pytest.mark.parametrize("role", ["exposure", "outcome"])
def test_products_and_own_covariates_of_weighted_rows_go_in_blocks_too(role: str) -> None:
    visits = make_visits(people=60)
    draw = np.random.default_rng(3)
    target = draw.normal(size=visits.subject.size) + draw.normal(size=60)[visits.subject]
    own = draw.normal(size=(visits.values.shape[0], 1, visits.subject.size))
    later = (visits.time > 1)[:, None] + 0.0
    visits = visits._replace(covariates=np.column_stack([visits.covariates, later]))
    asked: dict[str, Any] = {"own_names": ("gap",), "interaction": later}
    problem = pose(visits, role=role, target=target, weights=weigh(visits), **asked)
    agree(fit(problem, visits.values, own), fit_slowly(problem, visits.values, own))


def make_kernels(visits: Visits, kind: str) -> tuple[RandomEffects, list[F64]]:
    """Return random effects and the covariances of all rows that they stand for."""
    n = visits.subject.size
    ones = np.ones((n, 1))
    intercepts = RandomTerm("subject", visits.subject, ones, ("(Intercept)",))
    same = (visits.subject[:, None] == visits.subject) + 0.0
    if kind == "crossed":
        plates = np.random.default_rng(5).integers(0, 6, n)
        crossed = RandomTerm("plate", plates, ones, ("(Intercept)",))
        return RandomEffects((intercepts, crossed)), [same, (plates[:, None] == plates) + 0.0]
    if kind == "kinship":
        K = 0.5 * same + 0.5 * np.eye(n)
        return RandomEffects((), Relatedness.of(sparse.csr_array(K))), [K]
    return RandomEffects((intercepts,)), [same]


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("kind", ["intercepts", "crossed", "kinship"])
def test_weighted_rows_are_the_maximum_of_the_whole_covariance(kind: str, missing: float) -> None:
    visits = make_visits(people=25, missing=missing, uneven=True, slope=0.0)
    random, kernels = make_kernels(visits, kind)
    weights = weigh(visits)
    found = fit(pose(visits, random=random, weights=weights), visits.values)
    of = found.details["variance_components"].protein
    # those with variance between people, and within them too where relatives are the people
    for j in (0, 1) if kind == "kinship" else (3, 4):
        first = int(np.argmax(of == j))
        rows = ~np.isnan(visits.values[j])
        X = np.column_stack([visits.covariates, visits.treated])[rows]
        parts = [kernel[np.ix_(rows, rows)] for kernel in kernels]
        slow = fit_densely(X, visits.values[j, rows], parts, weights[rows])
        assert components(found, "reml")[first] == pytest.approx(slow.criterion, abs=1e-7)
        assert found.estimate[j, 0] == pytest.approx(slow.estimate, abs=1e-4 * slow.se)
        assert found.se[j, 0] == pytest.approx(slow.se, rel=1e-4)
        assert components(found, "residual")[first] == pytest.approx(slow.variances[-1], rel=1e-3)


def test_equal_weights_are_none_whatever_their_unit() -> None:
    visits = make_visits(uneven=True)
    plain = fit(pose(visits), visits.values, ddf="kr")
    for weight in (4.0, 4e-8, 4e8):
        problem = pose(visits, weights=np.full(visits.subject.size, weight))
        found = fit(problem, visits.values, ddf="kr")
        np.testing.assert_allclose(found.estimate, plain.estimate, rtol=1e-7)
        np.testing.assert_allclose(found.se, plain.se, rtol=1e-9)
        np.testing.assert_allclose(found.df, plain.df, rtol=1e-6)
        for name in ("variance", "reml"):
            np.testing.assert_allclose(
                components(found, name), components(plain, name), rtol=1e-6, atol=1e-10
            )
        residual = components(plain, "residual") * weight
        np.testing.assert_allclose(components(found, "residual"), residual, rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_the_unit_of_weights_changes_the_residual_variance_alone(unit: float) -> None:
    visits = make_visits()
    weights = weigh(visits)
    problem: Problem = pose(visits, slope=True, weights=weights)
    one = fit(problem, visits.values)
    other = fit(replace(problem, weights=weights * unit), visits.values)
    np.testing.assert_allclose(other.estimate, one.estimate, rtol=1e-7)
    np.testing.assert_allclose(other.se, one.se, rtol=1e-8)
    residual = components(one, "residual") * unit
    np.testing.assert_allclose(components(other, "residual"), residual, rtol=1e-8)
