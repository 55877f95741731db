"""Mediated effects of people in clusters: errors, paths and samples are of clusters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from proteomr._typing import F64, I64
from proteomr.stats.generators import random_of
from proteomr.stats.mediation import Analysis, Trio
from proteomr.stats.mediation_draws import draw_by_influence, draw_by_law, draw_by_refit
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_hazards import analyse_percentage
from proteomr.stats.mediation_product import ProductOptions, analyse_product
from proteomr.stats.mediation_weighting import analyse_counterfactual
from proteomr.stats.resampling import Resamples
from tests.stats.mediation_trios import errors_of, make_trio

UNIT = Contrast(0.0, 1.0, 0.0)
METHODS: dict[str, tuple[str, Callable[[Trio], Analysis]]] = {
    "lines": ("continuous", lambda t: analyse_product(t, UNIT, ProductOptions("linear"))),
    "logit": ("event", lambda t: analyse_product(t, UNIT, ProductOptions("logit"))),
    "perm": ("time", lambda t: analyse_percentage(t, UNIT)),
    "aalen": ("time", lambda t: analyse_counterfactual(t, UNIT, hazard="aalen")),
    "cox": ("time", lambda t: analyse_counterfactual(t, UNIT, hazard="cox")),
}
every = pytest.mark.parametrize("method", METHODS)


def make(method: str, clusters: I64 | None, *, repeats: int = 1) -> Analysis:
    """Analyse the people of a trio, each so many times."""
    outcome, analyse = METHODS[method]
    trio = make_trio("mediator", "time")
    y: F64 = trio.outcome
    if outcome == "event":
        y = trio.outcome[:, 2]
    elif outcome == "continuous":
        y = trio.mediator + 0.5 * trio.exposure + np.cos(np.arange(trio.n))
    rows = np.repeat(np.arange(trio.n), repeats)
    return analyse(
        Trio.of(
            trio.exposure[rows],
            trio.mediator[rows],
            y[rows],
            for_mediator=trio.for_mediator[rows],
            for_outcome=trio.for_outcome[rows],
            clusters=None if clusters is None else clusters[rows],
        )
    )


def people() -> I64:
    return np.arange(make_trio("mediator", "time").n)


@every
def test_each_person_a_cluster_is_the_robust_error(method: str) -> None:
    plain, each = make(method, None), make(method, people())
    assert each.estimates == pytest.approx(plain.estimates, rel=1e-12)
    assert each.joint_covariance == pytest.approx(plain.joint_covariance, rel=1e-10)
    for one, other in zip(plain.paths, each.paths, strict=True):
        assert other.estimate == pytest.approx(one.estimate, rel=1e-12)
        assert other.se == pytest.approx(one.se, rel=0.3)
        assert np.isinf(other.df)


@pytest.mark.parametrize("method", ["lines", "logit", "aalen"])
def test_people_who_stand_twice_in_one_cluster_count_once(method: str) -> None:
    once, twice = make(method, people()), make(method, people(), repeats=2)
    loose = make(method, None, repeats=2)
    rel = 1e-9 if method == "lines" else 0.01  # the protein's variance has n less its columns
    for name, error in errors_of(once).items():
        assert errors_of(twice)[name] == pytest.approx(error, rel=rel)
        assert errors_of(loose)[name] < 0.85 * error
    for one, other in zip(once.paths, twice.paths, strict=True):
        assert other.se == pytest.approx(one.se, rel=1e-9)


@every
def test_errors_of_large_clusters_are_sums_of_influences(method: str) -> None:
    clusters = people() % 37
    found = make(method, clusters)
    summed = np.zeros((37, found.parameters.size))
    np.add.at(summed, clusters, found.influence)
    assert found.joint_covariance == pytest.approx(summed.T @ summed, rel=1e-10)
    gradient = found.effects.gradient(found.parameters)
    errors = np.sqrt(np.einsum("qp,pr,qr->q", gradient, summed.T @ summed, gradient))
    if method in {"lines", "logit", "perm"}:  # others take the weights as they are
        assert found.standard_errors() == pytest.approx(errors * found.units, rel=1e-9)


def test_samples_are_of_whole_clusters() -> None:
    clusters = np.array([4, 9, 4, 7, 9, 9])
    samples = Resamples(6, 50, seed=3, clusters=clusters)
    for b in range(50):
        counts = samples.counts_of(b)
        for code in (4, 7, 9):
            assert np.unique(counts[clusters == code]).size == 1
        assert sum(counts[np.argmax(clusters == code)] for code in (4, 7, 9)) == 3.0


@pytest.mark.parametrize("method", ["lines", "aalen"])
def test_draws_by_influence_by_refit_and_by_law_spread_as_the_clustered_error(method: str) -> None:
    clusters = people() // 6
    found = make(method, clusters)
    at = found.effects.names.index("indirect")
    whole = np.ones(clusters.size, dtype=np.bool_)
    samples = Resamples(clusters.size, 400, seed=5, clusters=clusters)
    by_influence = draw_by_influence([found], [whole], samples)[0][:, at]
    by_refit = draw_by_refit([found], [whole], samples)[0][:, at]
    by_law = draw_by_law(found, 400, random_of(1, "test"))[:, at]
    gradient = found.effects.gradient(found.parameters)[at]
    error = float(np.sqrt(gradient @ found.joint_covariance @ gradient)) * found.units[at]
    for drawn in (by_influence, by_law, by_refit):
        assert float(np.std(drawn)) == pytest.approx(error, rel=0.2)
    assert np.corrcoef(by_influence, by_refit)[0, 1] > 0.9
