"""Variants chosen one after another: each step is a regression on the people themselves."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.stats.joint_effects import SimpleEffects, from_sizes
from proteomr.stats.stepwise import (
    Conditional,
    Given,
    condition_on,
    correlate_from_matrix,
    count_contradictions,
    select_stepwise,
)
from proteomr.status import Status
from tests.stats.test_joint_effects import correlate, regress_jointly, regress_singly

P = 5.0  # -log10 p of a chosen variant, in all tests


def draw_region(seed: int, n: int = 600, m: int = 30, *, rho: float = 0.85) -> tuple[F64, F64]:
    """Return copies of neighbouring variants (n, m), and a response of three of them."""
    rng = np.random.default_rng(seed)
    latent = np.empty((n, m))
    latent[:, 0] = rng.standard_normal(n)
    for j in range(1, m):
        latent[:, j] = rho * latent[:, j - 1] + np.sqrt(1 - rho**2) * rng.standard_normal(n)
    x = np.clip(np.round(1 + 0.8 * latent), 0, 2)
    y = 0.8 * x[:, 5] - 0.6 * x[:, 9] + 0.4 * x[:, 20] + rng.standard_normal(n)
    return x, y


def of_people(x: F64, y: F64) -> Given:
    simple = from_sizes(*regress_singly(x, y), n=np.full(x.shape[1], float(y.size)))
    return Given(simple, correlate_from_matrix(correlate(x)))


def z_given(x: F64, y: F64, chosen: list[int], variant: int) -> tuple[float, float]:
    """Return coefficient and error of a variant beside those chosen, by the people."""
    others = [each for each in chosen if each != variant]
    beta, se = regress_jointly(x[:, [*others, variant]], y)
    return float(beta[-1]), float(se[-1])


def determined(x: F64, chosen: list[int], variant: int) -> float:
    if not chosen:
        return 0.0
    design = np.column_stack([np.ones(len(x)), x[:, chosen]])
    left = x[:, variant] - design @ np.linalg.lstsq(design, x[:, variant], rcond=None)[0]
    return 1.0 - float(left.var() / x[:, variant].var())


def choose_slowly(x: F64, y: F64) -> list[int]:
    """Choose as the paper says, by regressions on the people."""
    chosen: list[int] = []

    def p(given: list[int], variant: int) -> float:
        beta, se = z_given(x, y, given, variant)
        return float(neg_log10_p_normal(beta / se))

    while True:
        open_to = [
            v for v in range(x.shape[1]) if v not in chosen and determined(x, chosen, v) <= 0.9
        ]
        for best in sorted(open_to, key=lambda v: -p(chosen, v)):
            both = [*chosen, best]
            if all(determined(x, [o for o in both if o != v], v) <= 0.9 for v in both):
                break
        else:
            return chosen
        if p(chosen, best) < P:
            return chosen
        chosen.append(best)
        while min(p(chosen, v) for v in chosen) < P:
            chosen.remove(min(chosen, key=lambda v: p(chosen, v)))


@pytest.mark.parametrize("seed", range(5))
def test_variants_chosen_are_those_of_an_obvious_loop(seed: int) -> None:
    x, y = draw_region(seed)
    found = select_stepwise(of_people(x, y), neg_log10_p=P)
    assert found.chosen.tolist() == choose_slowly(x, y)
    assert len(found.chosen) >= 2


@pytest.mark.parametrize("seed", range(3))
def test_every_variant_has_the_effect_beside_those_given(seed: int) -> None:
    x, y = draw_region(seed)
    given = of_people(x, y)
    for variant in (5, 8, 20):
        given.add(variant)
    found = condition_on(given)
    for variant in range(x.shape[1]):
        if found.status[variant] != int(Status.ok):
            continue
        beta, se = z_given(x, y, [5, 8, 20], variant)
        unit = given.simple.unit[variant]
        assert found.effects[variant] * unit == pytest.approx(beta, rel=1e-8, abs=1e-10 * se)
        assert found.errors[variant] * unit == pytest.approx(se, rel=1e-10)
    assert (found.status == int(Status.ok)).sum() > 20


def test_the_papers_conditional_effect_is_that_on_the_residuals() -> None:
    x, y = draw_region(1)
    given = of_people(x, y)
    given.add(5)
    found = condition_on(given)
    design = np.column_stack([np.ones(y.size), x[:, 5]])
    left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    centred = x - x.mean(axis=0)
    expected = centred.T @ left / (centred**2).sum(axis=0)
    shown = (found.effects * found.share * given.simple.unit)[found.status == 0]
    assert np.delete(shown, 5) == pytest.approx(np.delete(expected, 5), abs=1e-12)


def test_what_left_is_as_if_it_had_never_come() -> None:
    x, y = draw_region(2)
    once, twice = of_people(x, y), of_people(x, y)
    for variant in (5, 12, 20):
        once.add(variant)
    for variant in (5, 8, 12, 20):
        twice.add(variant)
    twice.remove(8)
    assert condition_on(twice).effects == pytest.approx(condition_on(once).effects, nan_ok=True)


def in_windows(r: F64, width: int) -> Given:
    simple = SimpleEffects(np.linspace(-0.2, 0.3, len(r)), np.full(len(r), 900.0), np.ones(len(r)))

    def correlate(variant: int) -> tuple[int, F64]:
        low = max(0, variant - width)
        return low, r[variant, low : variant + width + 1]

    return Given(simple, correlate)


def test_windows_are_zeros_of_the_matrix() -> None:
    x, _ = draw_region(3)
    r = correlate(x)
    apart = np.abs(np.subtract.outer(np.arange(30), np.arange(30))) > 6
    cut, whole = in_windows(r, 6), in_windows(r * ~apart, 30)
    for variant in (4, 9, 13, 25):
        cut.add(variant)
        whole.add(variant)
    first, second = condition_on(cut), condition_on(whole)
    assert first.effects == pytest.approx(second.effects, rel=1e-12, nan_ok=True)
    assert cut.correlations([4, 9, 25]) == pytest.approx(whole.correlations([4, 9, 25]))


def test_a_copy_of_a_chosen_variant_is_collinear() -> None:
    x, y = draw_region(4)
    x[:, 6] = x[:, 5]
    given = of_people(x, y)
    given.add(5)
    found = condition_on(given)
    assert Status(int(found.status[6])) is Status.collinear
    assert np.isnan(found.effects[6])
    assert found.determined[6] == pytest.approx(1.0)


def test_chosen_variants_are_beyond_the_share_of_none() -> None:
    x, y = draw_region(5)
    found = select_stepwise(of_people(x, y), neg_log10_p=2.0, collinear=0.5)
    chosen = found.chosen.tolist()
    told = [determined(x, [o for o in chosen if o != v], v) for v in chosen]
    assert len(chosen) >= 3
    assert max(told) <= 0.5


def test_correlations_of_other_people_end_in_a_status() -> None:
    r = np.array([[1.0, 0.6], [0.6, 1.0]])
    simple = SimpleEffects(np.array([0.8, -0.75]), np.full(2, 500.0), np.ones(2))
    given = Given(simple, correlate_from_matrix(r))
    found = select_stepwise(given, neg_log10_p=P)
    assert found.chosen.tolist() == [0]
    assert Status(int(condition_on(given).status[1])) is Status.not_identified


def test_no_variant_is_chosen_of_none() -> None:
    given = Given(
        SimpleEffects(np.zeros(3), np.full(3, 99.0), np.ones(3)), lambda _: (0, np.eye(3)[0])
    )
    found = select_stepwise(given, neg_log10_p=P)
    assert found.chosen.size == 0
    assert not found.unsettled


def test_more_variants_than_people_end_with_people() -> None:
    rng = np.random.default_rng(6)
    x = rng.integers(0, 3, (12, 30)).astype(np.float64)
    y = x @ rng.standard_normal(30)
    found = select_stepwise(of_people(x, y), neg_log10_p=0.0, collinear=0.99)
    assert found.joint.status is Status.ok
    assert len(found.chosen) <= 10


@pytest.mark.parametrize("seed", range(20))
def test_any_matrix_ends_the_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    r = np.clip(rng.uniform(-1.4, 1.4, (12, 12)), -1, 1)
    r = np.triu(r, 1) + np.triu(r, 1).T + np.eye(12)
    simple = SimpleEffects(rng.uniform(-0.5, 0.5, 12), rng.uniform(50, 900, 12), np.ones(12))
    given = Given(simple, correlate_from_matrix(r))
    found = select_stepwise(given, neg_log10_p=3.0)
    state: Conditional = condition_on(given)
    assert found.joint.status is Status.ok
    fits = state.status == int(Status.ok)
    assert np.isfinite(state.effects[fits]).all()
    assert (state.errors[fits] > 0).all()
    assert np.isnan(state.effects[~fits]).all()


def test_correlations_of_the_people_are_not_contradicted() -> None:
    wrong, looked_at = 0, 0
    for seed in range(6):
        x, y = draw_region(seed, n=2000, rho=0.99)
        given = of_people(x, y)
        for variant in (5, 9, 20):
            given.add(variant)
        found = count_contradictions(given)
        wrong, looked_at = wrong + found[0], looked_at + found[1]
    assert wrong == 0
    assert looked_at > 5


def test_turned_alleles_are_contradicted() -> None:
    x, y = draw_region(1, n=2000)
    r = correlate(x)
    signs = np.where(np.arange(30) % 4 == 1, -1.0, 1.0)
    simple = from_sizes(*regress_singly(x, y), n=np.full(30, 2000.0))
    given = Given(simple, correlate_from_matrix(r * np.outer(signs, signs)))
    select_stepwise(given, neg_log10_p=P)
    wrong, looked_at = count_contradictions(given)
    assert wrong > 0.2 * looked_at
