"""What holds for every method by being listed: other alleles, other orders, truth, statuses."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.constrained_ml import ConstrainedMaximumLikelihood
from proteomr.mr.methods.method import Method
from proteomr.tables import Harmonised
from tests.mr.methods.battery import build_for_tests, build_named, seeds
from tests.mr.methods.examples import make, run, simulate

FURTHER = (
    "ivw(weights=delta)",
    "ivw(penalised=true)",
    "ivw(robust=true)",
    "ivw(distribution=t)",
    "egger(robust=true)",
    "egger(penalised=true)",
    "egger(distribution=t)",
    "egger_bootstrap(regression=weighted_least_squares)",
    "weighted_median(convention=mendelianrandomization)",
    "maxlik(model=random)",
    "raps(loss=l2)",
    "raps(loss=tukey)",
    "raps(over_dispersion=false,variance=profile)",
    "raps(shrinkage=true)",
    "raps(shrinkage=true,loss=tukey)",
    "grip(adjusted=true)",
    "pivw(interval=fieller)",
    "ivw_radial(weights=first_order)",
    "ivw_radial(weights=second_order)",
    "egger_radial(weights=second_order)",
    "cml(average=false)",
    "cml(perturbations=20)",
    "cml(perturbations=20,average=false)",
    "cml(search=global)",
    "cml(search=global,average=false)",
)
"""Configurations that take another path than the defaults."""

METHODS = (*(build_for_tests(kind) for kind in METHOD_CLASSES), *map(build_named, FURTHER))
each = pytest.mark.parametrize(
    "method", METHODS, ids=[kind.key for kind in METHOD_CLASSES] + list(FURTHER)
)

GRID = {"conmix": 0.01, "hetpen": 0.001, "mrmix": 0.01}
"""A point of a grid is one of its steps away from the optimum, and may be on either side."""

MOST = 12
"""Variants of methods whose work doubles with each."""

DILUTED = {"egger_bootstrap": 0.03}
"""Estimates that are biased by construction, and by how much here."""


def analyse(method: Method, *, seed: int, pleiotropy: float = 0.0) -> Harmonised:
    """Draw an analysis of as many variants as the method takes, strong ones."""
    random = np.random.default_rng([seed, 5])
    data = simulate(random, variants=23, pleiotropy=pleiotropy, noise_x=0.002)
    most = method.max_variants
    return data if most is None else data.select(np.arange(min(most, MOST)))


def is_drawn(method: Method) -> bool:
    """Whether the estimate, and not its error alone, is a mean over draws."""
    perturbed = isinstance(method, ConstrainedMaximumLikelihood) and method.perturbations > 0
    return method.key == "egger_bootstrap" or perturbed


def same(method: Method, value: float, expected: float, *, drawn: bool = False) -> bool:
    """Equal to rounding; drawn standard errors to what 40 draws tell."""
    if np.isnan(expected):
        return bool(np.isnan(value))
    slack = GRID.get(method.key, 0.0)
    relative = 0.6 if drawn and method.drawing else 1e-8
    return bool(np.isclose(value, expected, rtol=relative, atol=slack))


@each
def test_counting_the_other_allele_changes_nothing(method: Method) -> None:
    data = analyse(method, seed=1, pleiotropy=0.01)
    sign = np.where(np.arange(data.m) % 3 == 0, -1.0, 1.0)
    base = run(method, data)
    other = run(method, make(sign * data.x, data.sx, sign * data.beta_y, data.se_y))
    assert base.status.name == other.status.name == "ok"
    if is_drawn(method):
        assert other.estimate == pytest.approx(base.estimate, abs=1.5 * base.se)
        return
    assert same(method, other.estimate, base.estimate)
    assert same(method, other.se, base.se, drawn=True)
    assert other.details.keys() == base.details.keys()


@each
def test_the_order_of_the_variants_does_not_matter(method: Method) -> None:
    data = analyse(method, seed=2, pleiotropy=0.01)
    order = np.random.default_rng(3).permutation(data.m)
    base, other = run(method, data), run(method, data.select(order))
    assert base.status.name == other.status.name == "ok"
    if is_drawn(method):
        assert other.estimate == pytest.approx(base.estimate, abs=1.5 * base.se)
        return
    assert same(method, other.estimate, base.estimate)
    assert same(method, other.se, base.se, drawn=True)
    if base.used is not None and other.used is not None:
        assert {int(order[place]) for place in other.used} == set(base.used)


@each
def test_an_outcome_of_the_other_sign_has_an_effect_of_the_other_sign(method: Method) -> None:
    data = analyse(method, seed=4)
    base = run(method, data)
    other = run(method, make(data.x, data.sx, -data.beta_y, data.se_y))
    if is_drawn(method):
        assert other.estimate == pytest.approx(-base.estimate, abs=1.5 * base.se)
        return
    assert same(method, other.estimate, -base.estimate)
    assert same(method, other.se, base.se, drawn=True)


@each
def test_the_same_seed_gives_the_same_numbers(method: Method) -> None:
    data = analyse(method, seed=5)
    first, again, other = (repr(run(method, data, seed=seed)) for seed in (7, 7, 8))
    assert first == again
    assert (first != other) == method.drawing


@each
def test_the_truth_is_found_and_covered_when_every_variant_is_valid(method: Method) -> None:
    found = [run(method, analyse(method, seed=100 + seed)) for seed in seeds(method, 60)]
    assert all(one.status.name == "ok" for one in found)
    estimates = np.array([one.estimate for one in found])
    if not method.points:
        assert np.mean([one.conf_low <= 0.4 <= one.conf_high for one in found]) >= 0.80
        return
    if method.pure:
        assert estimates.mean() > 0.5
        return
    error = estimates.std(ddof=1) / np.sqrt(estimates.size)
    bias = 4.0 * error + GRID.get(method.key, 0.0) + DILUTED.get(method.key, 0.01)
    assert abs(estimates.mean() - 0.4) < bias
    if "limits" in method.measures:
        inside = np.mean([one.conf_low <= 0.4 <= one.conf_high for one in found])
        assert inside >= 0.80


@each
def test_one_variant_less_than_it_needs_is_a_status(method: Method) -> None:
    data = simulate(np.random.default_rng(6), variants=30)
    few = run(method, data.select(np.arange(method.min_variants - 1)))
    assert few.status.name == "too_few"
    assert f"needs {method.min_variants} variants, found {method.min_variants - 1}" == few.message
    enough = run(method, data.select(np.arange(method.min_variants)))
    assert enough.status.name != "too_few" or enough.message != few.message
    if method.max_variants is not None:
        many = run(method, data)
        assert many.status.name == "not_identified"
        assert many.message == f"takes at most {method.max_variants} variants, found 30"


@each
def test_effects_of_zero_are_a_status_where_it_needs_every_effect(method: Method) -> None:
    data = analyse(method, seed=7)
    none = run(method, make(0.0 * data.x, data.sx, data.beta_y, data.se_y))
    assert none.status.name == "zero_effect"
    if data.m == 1:
        return
    x = data.x.copy()
    x[4] = 0.0
    one = run(method, make(x, data.sx, data.beta_y, data.se_y))
    assert (one.status.name == "zero_effect") == method.every_effect
