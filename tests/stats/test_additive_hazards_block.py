"""Additive hazards of a block of proteins against single fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.stats.additive_hazards import fit_additive_hazards
from proteomr.stats.additive_hazards_block import fit_borders, share_covariates
from tests.stats.survival_designs import CASES, draw_people, name_case


@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("case", [c for c in CASES if c["n"] <= 600], ids=name_case)
def test_borders_have_the_effects_and_errors_of_single_fits(
    case: dict[str, Any], *, robust: bool
) -> None:
    people = draw_people(case)
    C, own = people.X[:, :2], np.random.default_rng(4).normal(size=people.X.shape[0])
    borders = np.array([[own, people.X[:, 2]], [people.X[:, 2] * own, own**2]])
    shared = share_covariates(C, people.outcome, weights=people.weights, strata=people.strata)
    clusters = np.unique(people.clusters, return_inverse=True)[1] if robust else None
    found = fit_borders(shared, borders, robust=robust, clusters=clusters)
    assert found.certified.all()
    for j in range(2):
        one = fit_additive_hazards(
            np.column_stack([C, borders[j].T]),
            people.outcome,
            weights=people.weights,
            strata=people.strata,
            clusters=people.clusters,
        )
        covariance = (one.robust if robust else one.covariance)[2:, 2:]
        se = np.sqrt(np.diagonal(covariance))
        assert np.max(np.abs(found.estimate[j] - one.coefficients[2:]) / se) < 1e-10
        assert np.max(np.abs(found.covariance[j] - covariance) / np.outer(se, se)) < 1e-10


def test_a_column_that_covariates_determine_has_no_certificate() -> None:
    people = draw_people(CASES[1])
    shared = share_covariates(people.X[:, :2], people.outcome)
    borders = np.array([[people.X[:, 0] + people.X[:, 1]], [people.X[:, 2]]])
    assert fit_borders(shared, borders, robust=False).certified.tolist() == [False, True]


def test_without_events_nothing_is_certified() -> None:
    people = draw_people(CASES[1])
    shared = share_covariates(people.X[:, :2], people.outcome * [1.0, 1.0, 0.0])
    assert not fit_borders(shared, people.X[:, 2][None, None], robust=True).certified.any()
