"""Mediation of effects on hazards, held against R's coxph, slow loops and refits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.additive_hazards import fit_additive_hazards
from proteomr.stats.cox import fit_cox
from proteomr.stats.doubled_hazards import DoubledHazards
from proteomr.stats.mediation import Analysis, Trio
from proteomr.stats.mediation_cox import fit_cox_model
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_hazards import analyse_percentage
from proteomr.stats.mediation_regressions import Unfit
from proteomr.stats.mediation_weighting import HazardModel, analyse_counterfactual
from proteomr.stats.risk_sets import lay_out_risk_sets
from proteomr.status import Status
from tests.stats.mediation_trios import EXPECTED, change, errors_of, make_trio, move_counts, named

UNIT = Contrast(0.0, 1.0)


def test_the_percentage_and_its_error_are_those_of_coxph() -> None:
    expected = EXPECTED["perm"]
    found = analyse_percentage(make_trio("mediator", "time"), UNIT)
    for place, name in enumerate(("perm", "perm_log")):
        assert named(found)[name] == pytest.approx(expected["estimate"][place], rel=1e-8)
        assert errors_of(found)[name] == pytest.approx(expected["se"][place], rel=1e-6)
    for name in ("total", "direct"):
        assert named(found)[name] == pytest.approx(expected[name], rel=1e-8)
        assert errors_of(found)[name] == pytest.approx(expected[f"se_{name}"], rel=1e-8)
    b = next(path for path in found.paths if path.path == "b")
    assert (b.estimate, b.se) == pytest.approx((expected["b"], expected["se_b"]), rel=1e-8)


def test_effects_by_weighting_are_those_of_weighted_coxph() -> None:
    expected = EXPECTED["weighting"]
    found = analyse_counterfactual(make_trio("mediator", "time"), UNIT, hazard="cox")
    for name in ("direct", "indirect"):
        assert named(found)[name] == pytest.approx(expected[name], rel=1e-8)
        assert errors_of(found)[name] == pytest.approx(expected[f"se_{name}"], rel=1e-7)


def test_additive_effects_are_those_of_a_loop_over_times() -> None:
    trio = make_trio("mediator", "time")
    found = analyse_counterfactual(trio, UNIT, hazard="aalen")
    assert found.parameters == pytest.approx(_add_hazards_slowly(trio)[-2:], rel=1e-8)


def _add_hazards_slowly(trio: Trio) -> F64:
    """Lin and Ying's estimate on doubled people, one interval after another."""
    a, m, C = trio.exposure, trio.mediator, trio.for_mediator
    X = np.column_stack([C, a])
    beta, rss, *_ = np.linalg.lstsq(X, m, rcond=None)
    variance = rss[0] / (m.size - X.shape[1])
    own, other = X @ beta, np.column_stack([C, 1.0 - a]) @ beta
    w = np.exp(((m - own) ** 2 - (m - other) ** 2) / (2.0 * variance))
    Z = np.vstack([np.column_stack([C[:, 1:], a, s]) for s in (a, 1.0 - a)])
    weights = np.append(np.ones(a.size), w)
    entry, end, event = np.vstack([trio.outcome, trio.outcome]).T
    cuts = np.unique(np.concatenate([entry, end]))
    A, b = np.zeros((Z.shape[1],) * 2), np.zeros(Z.shape[1])
    for start, stop in pairwise(cuts.tolist()):
        there = (entry <= start) & (end >= stop)
        mean = weights[there] @ Z[there] / weights[there].sum()
        left = Z[there] - mean
        A += (stop - start) * (left.T * weights[there]) @ left
        dies = there & (end == stop) & (event == 1.0)
        b += weights[dies] @ (Z[dies] - mean)
    return np.asarray(np.linalg.solve(A, b), dtype=np.float64)


@pytest.mark.parametrize("hazard", ["aalen", "cox", "perm"])
@pytest.mark.parametrize("mediator", ["mediator", "marker"])
def test_influences_are_what_refits_do(hazard: str, mediator: str) -> None:
    trio = make_trio(mediator, "time")
    found = _analyse(trio, hazard)
    assert np.abs(found.influence.sum(axis=0)).max() < 1e-8
    sizes = np.sqrt(np.einsum("ij,ij->j", found.influence, found.influence))
    for person in (0, 17, 203):
        moved = move_counts(found, person, trio.n, 0.2)
        assert np.abs(moved - found.influence[person]).max() < 0.01 * sizes.max()


def _analyse(trio: Trio, hazard: str) -> Analysis:
    if hazard == "perm":
        return analyse_percentage(trio, UNIT)
    model: HazardModel = "cox" if hazard == "cox" else "aalen"
    return analyse_counterfactual(trio, UNIT, hazard=model)


def test_a_ratio_near_one_is_said_and_not_clipped() -> None:
    trio = make_trio("mediator", "time")
    none = np.random.default_rng(3).permutation(trio.exposure)
    found = analyse_percentage(change(trio, exposure=none), UNIT)
    assert "holds 1" in found.said["perm"]
    assert np.isfinite(named(found)["perm"])


@pytest.mark.parametrize("hazard", ["aalen", "cox", "perm"])
def test_no_event_is_a_status(hazard: str) -> None:
    trio = make_trio("mediator", "time")
    outcome = trio.outcome.copy()
    outcome[:, 2] = 0.0
    with pytest.raises(Unfit) as ending:
        _analyse(change(trio, outcome=outcome), hazard)
    assert ending.value.status is Status.constant


def test_one_event_has_no_error_of_an_additive_effect() -> None:
    trio = make_trio("mediator", "time")
    outcome = trio.outcome.copy()
    outcome[:, 2] = 0.0
    outcome[5, 2] = 1.0
    with pytest.raises(Unfit, match="one event") as ending:
        _analyse(change(trio, outcome=outcome), "aalen")
    assert ending.value.status is Status.too_few


@pytest.mark.parametrize("hazard", ["aalen", "cox"])
def test_groups_that_share_no_values_of_the_mediator_are_said(hazard: HazardModel) -> None:
    trio = make_trio("mediator", "time")
    assert not any("hardly share" in note for note in _analyse(trio, hazard).notes)
    apart = change(trio, mediator=trio.mediator + 8.0 * trio.mediator.std() * trio.exposure)
    try:
        notes = analyse_counterfactual(apart, UNIT, hazard=hazard).notes
    except Unfit:
        return
    assert any("hardly share" in note for note in notes)


def test_one_event_has_no_finite_hazard_ratio() -> None:
    trio = make_trio("mediator", "time")
    outcome = trio.outcome.copy()
    outcome[:, 2] = 0.0
    outcome[np.argmax(trio.exposure), 2] = 1.0
    with pytest.raises(Unfit):
        analyse_percentage(change(trio, outcome=outcome), UNIT)


def test_events_among_the_exposed_alone_are_separated() -> None:
    trio = make_trio("mediator", "time")
    outcome = trio.outcome.copy()
    outcome[:, 2] *= trio.exposure
    with pytest.raises(Unfit) as ending:
        analyse_percentage(change(trio, outcome=outcome), UNIT)
    assert ending.value.status is Status.separated


def test_other_codes_than_the_event_are_censored() -> None:
    trio = make_trio("mediator", "time")
    outcome = trio.outcome.copy()
    outcome[::7, 2] = 2.0
    censored = outcome.copy()
    censored[::7, 2] = 0.0
    for hazard in ("perm", "aalen", "cox"):
        one, two = (_analyse(change(trio, outcome=o), hazard) for o in (outcome, censored))
        assert one.parameters == pytest.approx(two.parameters, rel=1e-12)


@pytest.mark.parametrize("size", [60, 4_000])
@pytest.mark.parametrize("rate", [0.02, 0.5])
def test_fast_cox_fits_end_where_exact_ones_do(size: int, rate: float) -> None:
    generator = np.random.default_rng(size)
    X = generator.normal(size=(size, 4)) * [1.0, 1e6, 1e-6, 1.0]
    X[:, 3] = X[:, 3] > 0.5
    end = np.ceil(generator.exponential(20.0 / np.exp(0.5 * X[:, 0]), size))
    rows = np.column_stack([np.full(size, -np.inf), end, generator.random(size) < rate])
    rows[0, 2] = rows[1, 2] = rows[2, 2] = rows[3, 2] = rows[4, 2] = 1.0
    risk = lay_out_risk_sets(rows)
    weights = generator.uniform(0.5, 2.0, size)
    try:
        fast = fit_cox_model(X, risk, needed=[3], what=["x"], weights=weights)
    except Unfit:
        exact = fit_cox(X, risk, weights=weights)
        assert exact.infinite[3] or not exact.converged
        return
    exact = fit_cox(X, risk, weights=weights)
    assert fast.coefficients == pytest.approx(exact.coefficients, rel=1e-8)
    assert np.diagonal(fast.covariance) == pytest.approx(np.diagonal(exact.covariance), rel=1e-8)


@pytest.mark.parametrize("truncated", [False, True])
def test_samples_of_doubled_people_are_fitted_as_one_by_one(*, truncated: bool) -> None:
    generator = np.random.default_rng(5)
    n = 120
    C, a = generator.normal(size=(n, 2)), (generator.random(n) < 0.4).astype(np.float64)
    end = np.ceil(generator.exponential(8.0, n)) + 1.0
    entry = generator.integers(0, 2, n) * 1.0 if truncated else np.full(n, -np.inf)
    outcome = np.column_stack([entry, end, generator.random(n) < 0.7])
    own = generator.integers(0, 3, n).astype(np.float64)
    other = own * generator.uniform(0.3, 3.0, n)
    found = DoubledHazards(C, a, outcome).fit(own, other)
    Z = np.vstack([np.column_stack([C, a, star]) for star in (a, 1.0 - a)])
    both, rows = np.append(own, other), np.vstack([outcome, outcome])
    kept = both > 0.0
    exact = fit_additive_hazards(Z[kept], rows[kept], weights=both[kept])
    assert found == pytest.approx(exact.coefficients[-2:], rel=1e-9)


@pytest.mark.parametrize("truncated", [False, True])
@pytest.mark.parametrize("n", [40, 600])
def test_shared_sums_give_effects_and_influences_of_whole_fits(n: int, *, truncated: bool) -> None:
    generator = np.random.default_rng(n)
    C, a = (
        generator.normal(size=(n, 3)) * [1.0, 1e9, 1e-9],
        (generator.random(n) < 0.4).astype(np.float64),
    )
    end = np.ceil(4.0 * generator.exponential(8.0, n)) + 4.0
    entry = generator.integers(0, 4, n) * 1.0 if truncated else np.full(n, -np.inf)
    outcome = np.column_stack([entry, end, generator.random(n) < 0.7])
    there = generator.random(n) < 0.8
    there[np.argsort(end)[-3:]] = False  # the last cells are empty
    w, m = generator.uniform(0.1, 9.0, n), generator.normal(size=n) + a
    shared = DoubledHazards(C, a, outcome)
    once = there.astype(np.float64)
    found = shared.estimate(once, once * w)
    assert found is not None
    Z = np.vstack([np.column_stack([C, a, star])[there] for star in (a, 1.0 - a)])
    people = np.tile(np.arange(there.sum()), 2)
    whole = fit_additive_hazards(
        Z,
        np.vstack([outcome[there]] * 2),
        weights=np.append(np.ones(there.sum()), w[there]),
        clusters=people,
    )
    assert found.coefficients == pytest.approx(whole.coefficients[-2:], rel=1e-9)
    assert found.covariance == pytest.approx(whole.robust[-2:, -2:], rel=1e-8)
    moves = np.vstack([found.own[there], found.other[there]])
    scale = np.abs(whole.influence[:, -2:]).max(axis=0)
    assert moves / scale == pytest.approx(whole.influence[:, -2:] / scale, abs=1e-9)
    assert not found.own[~there].any()
    paths = shared.estimate_paths(np.where(there, m, np.nan), there.astype(np.float64))
    assert paths is not None
    for columns, path in zip(
        (np.column_stack([C, a]), np.column_stack([C, a, m])), paths, strict=True
    ):
        single = fit_additive_hazards(columns[there], outcome[there])
        q = path.coefficients.size
        assert path.coefficients == pytest.approx(single.coefficients[-q:], rel=1e-9)
        assert np.sqrt(np.diagonal(path.covariance)) == pytest.approx(
            single.robust_se[-q:], rel=1e-8
        )


def test_shared_sums_say_where_covariates_determine_the_exposure() -> None:
    a = np.array([0.0, 1.0] * 25)
    outcome = np.column_stack([np.zeros(50), np.arange(1.0, 51.0), np.ones(50)])
    twice = DoubledHazards(np.column_stack([1.0 - a]), a, outcome)
    assert twice.estimate(np.ones(50), np.full(50, 0.5)) is None


def test_mediators_with_and_without_missing_values_have_the_effects_of_their_people() -> None:
    trio = make_trio("mediator", "time")
    there = np.arange(trio.n) % 5 != 0
    part = Trio(trio.mediator[there], trio.bench, there)
    alone = change(
        trio,
        exposure=trio.exposure[there],
        mediator=trio.mediator[there],
        outcome=trio.outcome[there],
        for_mediator=trio.for_mediator[there],
        for_outcome=trio.for_outcome[there],
    )
    one, other = (analyse_counterfactual(each, UNIT, hazard="aalen") for each in (part, alone))
    assert one.parameters == pytest.approx(other.parameters, rel=1e-9)
    assert one.influence == pytest.approx(other.influence, rel=1e-7, abs=1e-12)
    assert [path.se for path in one.paths] == pytest.approx([p.se for p in other.paths], rel=1e-9)
    counts = np.random.default_rng(2).integers(0, 3, int(there.sum())).astype(np.float64)
    assert one.refit(counts[None]) == pytest.approx(other.refit(counts[None]), rel=1e-9)
