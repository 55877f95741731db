"""Crossed and nested effects, and kinship: against whole matrices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from proteomr.errors import UsageError
from proteomr.models import Adjustment, Status
from proteomr.models.mixed_exact import sum_rows
from proteomr.models.random_effects import RandomEffects, RandomTerm
from proteomr.stats.relatedness import Relatedness
from proteomr.stats.reml import evaluate, measure
from tests.models.mixed_designs import components, fit, fit_densely, make_visits, pose, refused


def crossed(visits: Any, *, slope: bool, plates: int = 5) -> RandomEffects:
    n = visits.time.size
    ones = np.ones((n, 1))
    effects = np.column_stack([ones, visits.time]) if slope else ones
    plate = np.random.default_rng(8).integers(0, plates, n)
    return RandomEffects(
        (
            RandomTerm("plate", plate, ones, ("1",)),
            RandomTerm("subject", visits.subject, effects, ("1", "time")[: effects.shape[1]]),
        )
    )


def test_derivatives_of_crossed_effects_are_those_of_differences() -> None:
    visits = make_visits(people=12, missing=0.0)
    D = np.column_stack([visits.covariates, visits.values[2]])
    sums, structure, groups, _ = sum_rows(D, crossed(visits, slope=True))
    assert [group.name for group in groups] == ["subject", "plate"]
    theta = np.array([[0.7, 0.3, 0.5, 0.4]])
    here = evaluate(sums, structure, theta)
    assert here.value == pytest.approx(measure(sums, structure, theta), rel=1e-13)
    for i, step in enumerate(1e-5 * np.eye(4)):
        up, down = (evaluate(sums, structure, theta + sign * step) for sign in (1, -1))
        assert here.gradient[0, i] == pytest.approx((up.value - down.value)[0] / 2e-5, abs=1e-6)
        curve = (up.gradient - down.gradient)[0] / 2e-5
        np.testing.assert_allclose(here.hessian[0, i], curve, atol=1e-6)


@pytest.mark.parametrize("slope", [False, True])
def test_what_kenward_and_roger_need_is_that_of_whole_matrices(*, slope: bool) -> None:
    visits = make_visits(people=12, missing=0.0)
    D = np.column_stack([visits.covariates, visits.values[2]])
    effects = crossed(visits, slope=slope)
    sums, structure, groups, _ = sum_rows(D, effects)
    theta = np.array([[0.7, 0.3, 0.5, 0.4]] if slope else [[0.7, 0.4]])
    found = sums.pull(structure, theta)
    n = D.shape[0]
    wide = []
    for name, units in ((group.name, group.units) for group in groups):
        term = next(term for term in effects.terms if term.group == name)
        hot = (term.codes[:, None] == np.unique(term.codes)) + 0.0
        wide.append([hot * (term.effects[:, [k]] / units[k]) for k in range(units.size)])
    kernels = []
    for parts in wide:
        for column in range(len(parts)):
            for row in range(column, len(parts)):
                both = parts[row] @ parts[column].T
                kernels.append(both if row == column else both + both.T)
    kernels.append(np.eye(n))
    G = [factor[0] @ factor[0].T for factor in structure.factors(theta)]
    V = np.eye(n)
    for parts, covariance in zip(wide, G, strict=True):
        for (a, first), (c, second) in [
            ((a, first), (c, second))
            for a, first in enumerate(parts)
            for c, second in enumerate(parts)
        ]:
            V += covariance[a, c] * first @ second.T
    inverse = np.linalg.inv(V)
    for i, one in enumerate(kernels):
        single = D.T @ inverse @ one @ inverse @ D
        np.testing.assert_allclose(found.singles[0, i], single, rtol=1e-8, atol=1e-8)
        for j, other in enumerate(kernels):
            pair = D.T @ inverse @ one @ inverse @ other @ inverse @ D
            np.testing.assert_allclose(found.pairs[0, i, j], pair, rtol=1e-8, atol=1e-8)
            trace = np.trace(inverse @ one @ inverse @ other)
            assert found.traces[0, i, j] == pytest.approx(trace, rel=1e-9)


def test_factors_with_the_same_groups_are_not_identified() -> None:
    visits = make_visits(missing=0.0)
    ones = np.ones((visits.time.size, 1))
    terms = (
        RandomTerm("subject", visits.subject, ones, ("1",)),
        RandomTerm("household", 39 - visits.subject, ones, ("1",)),
    )
    found = refused(pose(visits, random=RandomEffects(terms)), visits.values[4])
    assert found[0] is Status.not_identified
    assert found[1] == "subject and household are the same groups on the rows of the fit"


def test_more_crossed_effects_than_a_dense_matrix_holds_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visits = make_visits(missing=0.0)
    monkeypatch.setattr("proteomr.models.mixed_exact.LARGEST_CROSSED", 4)
    with pytest.raises(UsageError, match="there are 5 effects, at most 4 can be"):
        fit(pose(visits, random=crossed(visits, slope=False)), visits.values)


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_kinship_is_the_maximum_of_the_whole_covariance(missing: float) -> None:
    draw = np.random.default_rng(6)
    visits = make_visits(people=90, visits=1, missing=missing, proteins=3)
    family = np.arange(90) // 3
    K = np.where(family[:, None] == family, 0.5, 0.0) + 0.5 * np.eye(90)
    K[0, 0] = 1.1
    pull = np.linalg.cholesky(K) @ draw.normal(size=(90, 3))
    values = visits.values + (1.5 * pull).T
    random = RandomEffects((), Relatedness.of(sparse.csr_array(K)))
    problem = pose(visits, random=random)
    problem = replace(
        problem, covariates=visits.covariates[:, :2], names=("(Intercept)", "age"),
        adjustments=(Adjustment("a", np.arange(2)),), scales=None, shifts=None,
    )  # fmt: skip
    found = fit(problem, values)
    for j in range(3):
        rows = ~np.isnan(values[j])
        X = np.column_stack([visits.covariates[:, :2], visits.treated])[rows]
        slow = fit_densely(X, values[j, rows], [K[np.ix_(rows, rows)]])
        assert components(found, "reml")[j] == pytest.approx(slow.criterion, abs=1e-7)
        assert found.estimate[j, 0] == pytest.approx(slow.estimate, abs=1e-5 * slow.se)
        assert found.se[j, 0] == pytest.approx(slow.se, rel=1e-5)
        assert components(found, "variance")[j] == pytest.approx(slow.variances[0], rel=1e-3)
    nobody = replace(
        problem, random=RandomEffects((), Relatedness.of(sparse.eye_array(90).tocsr()))
    )
    without = fit(nobody, values)
    assert set(without.status.ravel()) == {Status.not_identified}
    assert "has a relative" in without.messages[0, 0]
