from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.mr.multivariable import MultivariableConstrainedMl
from proteomr.mr.multivariable.errors_in_variables import (
    combine_errors,
    evaluate_terms,
    minimise_terms,
)
from tests.mr.multivariable.lipids import Tally, entries, simulate

RANDOM = np.random.default_rng(1)
MRB = "MendelianRandomization"


def test_constrained_likelihood_equals_mendelianrandomization_0_10(reference: Path) -> None:
    tally = Tally()
    for data, entry in entries(reference, MRB, "mr_mvcML"):
        if entry["args"]["DP"]:
            continue
        found = MultivariableConstrainedMl(perturbations=0).estimate(data, random=RANDOM)
        tally.compare(found, entry["result"], skip=("ci_low", "ci_high", "pval"))
        invalid = entry["result"]["BIC_invalid"]
        left_out = set(range(data.m)) - set(found[0].used or ())
        assert sorted(j + 1 for j in left_out) == (
            invalid if isinstance(invalid, list) else [invalid]
        )
    assert tally.entries == 2
    tally.check(1e-4)  # the package's iterations end at a change of 0.01


def test_perturbed_likelihood_agrees_with_mendelianrandomization_within_its_draws(
    reference: Path,
) -> None:
    compared = 0
    for data, entry in entries(reference, MRB, "mr_mvcML"):
        if not entry["args"]["DP"]:
            continue
        method = MultivariableConstrainedMl(invalid_counts=tuple(range(6)))
        found = method.estimate(data, random=np.random.default_rng(2))
        draws = entry["args"]["num_pert"]
        result = entry["result"]
        for one, b, se in zip(found, result["b"], result["se"], strict=True):
            assert abs(one.estimate - b) < 4 * one.se * math.sqrt(1 / draws + 1 / 200)
            assert abs(math.log(one.se / se)) < 4 / math.sqrt(2 * (draws - 1))
        compared += 1
    assert compared == 2


def test_the_invalid_variants_are_those_of_a_search_over_all_sets() -> None:
    direct = np.zeros(9)
    direct[[2, 6]] = 0.2
    data = simulate(9, [0.4, -0.2], seed=21, pleiotropy=direct)
    method = MultivariableConstrainedMl(perturbations=0, invalid_counts=(2,))
    found = method.estimate(data, random=RANDOM)
    errors = combine_errors(data.se_x, data.se_y, correlations=np.eye(3))
    best = min(
        (_fit_set(data.beta_x[list(rows)], data.beta_y[list(rows)], errors[list(rows)]), rows)
        for rows in itertools.combinations(range(9), 7)
    )
    assert found[0].used == best[1]
    assert found[0].details["q"] == pytest.approx(best[0], rel=1e-10)


def test_derivatives_of_the_likelihood_are_those_of_differences() -> None:
    random = np.random.default_rng(3)
    x, y = random.standard_normal((1, 4, 2)), random.standard_normal((1, 4))
    correlations = np.array([[1.0, 0.3, 0.2], [0.3, 1.0, 0.1], [0.2, 0.1, 1.0]])
    errors = combine_errors(np.full((4, 2), 0.3), np.full(4, 0.5), correlations=correlations)
    theta, h = np.array([[0.4, -0.7]]), 1e-5
    at = evaluate_terms(x, y, covariances=errors, theta=theta, excess=0.1)
    for k in range(2):
        step = np.zeros((1, 2))
        step[0, k] = h
        up = evaluate_terms(x, y, covariances=errors, theta=theta + step, excess=0.1)
        down = evaluate_terms(x, y, covariances=errors, theta=theta - step, excess=0.1)
        assert at.gradient[..., k] == pytest.approx((up.value - down.value) / (2 * h), rel=1e-7)
        difference = (up.gradient - down.gradient) / (2 * h)
        assert at.curvature[..., k] == pytest.approx(difference, rel=1e-6, abs=1e-8)


def test_without_a_sample_size_the_method_says_so() -> None:
    data = replace(simulate(12, [0.4, -0.2], seed=5), n_x=None, n_y=float("nan"))
    found = MultivariableConstrainedMl().estimate(data, random=RANDOM)
    assert {one.status.name for one in found} == {"needs_sample_size"}


def test_options_that_do_not_fit_are_refused() -> None:
    data = simulate(12, [0.4, -0.2], seed=5)
    with pytest.raises(UsageError, match="do not fit 3 traits"):
        MultivariableConstrainedMl(correlations=((1.0, 0.0), (0.0, 1.0))).estimate(
            data, random=RANDOM
        )
    with pytest.raises(UsageError, match="zero or more"):
        MultivariableConstrainedMl(invalid_counts=(-1,)).estimate(data, random=RANDOM)


def _fit_set(x: F64, y: F64, errors: F64) -> float:
    start = np.linalg.solve(x.T @ x, x.T @ y)[None].astype(np.float64)
    theta, settled = minimise_terms(x[None], y[None], covariances=errors, start=start)
    assert settled.all()
    terms = evaluate_terms(x[None], y[None], covariances=errors, theta=theta)
    return float(terms.value.sum())
