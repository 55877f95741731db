from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr.mr.methods.base import Convention
from proteomr.mr.methods.maximum_likelihood import MaximumLikelihood
from proteomr.tables import Harmonised
from tests.mr.methods.comparison import Entry, entries
from tests.mr.methods.examples import cover, make, run, simulate

THEIRS: Convention = "mendelianrandomization"


def objective(data: Harmonised, theta: float, psi: float) -> float:
    """Heterogeneity at an effect, by a loop over the variants."""
    total = 0.0
    for x, sx, y, sy in zip(data.x, data.sx, data.beta_y, data.se_y, strict=True):
        total += (y - theta * x) ** 2 / (sy**2 - 2 * theta * psi * sx * sy + theta**2 * sx**2)
    return total


def check(data: Harmonised, entry: Entry, method: MaximumLikelihood) -> bool:
    """A better optimum than that of the stopped simplex search; True where they are the same."""
    found, wanted = run(method, data), entry["result"]
    if wanted["b"] is None:
        assert found.status.name == "too_few"
        return False
    assert found.status.name == "ok"
    q = objective(data, found.estimate, method.psi)
    assert found.details["q"] == pytest.approx(q, rel=1e-12)
    stated = wanted["Q"] if "Q" in wanted else wanted["Heter.Stat"][0]
    assert q <= min(objective(data, wanted["b"], method.psi), stated) * (1 + 1e-9)
    for step in (-1e-3, 1e-3):
        assert objective(data, found.estimate + step * found.se, method.psi) >= q
    same = bool(abs(found.estimate - wanted["b"]) <= 1e-4 * abs(wanted["b"]))
    if same:
        assert found.se == pytest.approx(wanted["se"], rel=1e-4)
        assert q == pytest.approx(stated, rel=1e-6)
    return same


def test_the_optimum_is_at_least_as_good_as_that_of_twosamplemr_0_7_9(reference: Path) -> None:
    compared = [
        check(data, entry, MaximumLikelihood())
        for _, data, entry in entries(reference, "TwoSampleMR", "mr_two_sample_ml")
    ]
    assert (len(compared), sum(compared)) == (26, 2)


@pytest.mark.parametrize(
    ("args", "method", "counts"),
    [
        ({}, MaximumLikelihood(THEIRS), (24, 2)),
        ({"model": "fixed"}, MaximumLikelihood(THEIRS, model="fixed"), (24, 2)),
        ({"psi": 0.3}, MaximumLikelihood(THEIRS, psi=0.3), (13, 3)),
    ],
)
def test_the_optimum_is_at_least_as_good_as_that_of_mendelianrandomization_0_10_0(
    reference: Path, args: dict[str, Any], method: MaximumLikelihood, counts: tuple[int, int]
) -> None:
    compared = [
        check(data, entry, method)
        for _, data, entry in entries(reference, "MendelianRandomization", "mr_maxlik", args)
    ]
    assert (len(compared), sum(compared)) == counts


@pytest.mark.parametrize("psi", [0.0, 0.4])
def test_the_standard_error_is_the_curvature_of_the_full_likelihood(psi: float) -> None:
    data = simulate(np.random.default_rng(2), variants=4)
    found = run(MaximumLikelihood(psi=psi), data)
    m, theta = data.m, found.estimate
    information = np.zeros((m + 1, m + 1))
    truths = np.zeros(m)
    inverses = []
    for j in range(m):
        off = psi * data.sx[j] * data.se_y[j]
        inverse = np.linalg.inv(np.array([[data.sx[j] ** 2, off], [off, data.se_y[j] ** 2]]))
        along, seen = np.array([1.0, theta]), np.array([data.x[j], data.beta_y[j]])
        truths[j] = along @ inverse @ seen / (along @ inverse @ along)
        inverses.append(inverse)
    for j in range(m):
        along, up = np.array([1.0, theta]), np.array([0.0, 1.0])
        residual = np.array([data.x[j], data.beta_y[j]]) - truths[j] * along
        information[j, j] = along @ inverses[j] @ along
        information[m, m] += truths[j] ** 2 * (up @ inverses[j] @ up)
        information[j, m] = truths[j] * (up @ inverses[j] @ along) - up @ inverses[j] @ residual
        information[m, j] = information[j, m]
    assert found.se == pytest.approx(np.linalg.inv(information)[m, m] ** 0.5, rel=1e-9)


def test_maximum_likelihood_recovers_the_truth_with_weak_instruments() -> None:
    random = np.random.default_rng(8)
    sets = [simulate(random, noise_x=0.03) for _ in range(200)]
    mean, covered = cover(MaximumLikelihood(), 0.4, sets)
    assert abs(mean - 0.4) < 0.02
    assert 0.9 < covered < 0.99


def test_without_an_effect_on_the_exposure_there_is_a_status() -> None:
    nothing = make(np.zeros(3), np.ones(3), np.ones(3), np.ones(3))
    assert run(MaximumLikelihood(), nothing).status.name == "zero_effect"
    vague = make(np.full(3, 1e-9), np.ones(3), np.full(3, 5.0), np.ones(3))
    assert run(MaximumLikelihood(), vague).status.name in {"ok", "not_converged"}
