"""Limits and p values of every method tell one story of zero, or the message says why not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from proteomr.mr.choice import build_joint_methods, build_methods
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.base import Estimate, note_contradiction
from proteomr.mr.methods.egger import EggerBootstrap, EggerRegression
from proteomr.mr.methods.method import Method
from proteomr.mr.multivariable import MULTIVARIABLE_METHODS
from proteomr.status import Status
from proteomr.tables import Harmonised
from tests.mr.methods.battery import seeds
from tests.mr.methods.designs import DESIGNS
from tests.mr.methods.examples import make, run

LEVEL = -math.log10(0.05)
VARIANTS = [
    *(kind.key for kind in METHOD_CLASSES),
    "ivw(distribution=t)",
    "ivw(robust=true)",
    "egger(distribution=t)",
    "egger(distribution=normal)",
    "egger(penalised=true)",
    "egger(robust=true)",
    "egger_bootstrap(regression=weighted_least_squares)",
    "egger_bootstrap(draws=20)",
    "conmix(divide_by_heterogeneity=true)",
    "divw(over_dispersion=false)",
]


def contradicts(found: Estimate) -> bool:
    """Zero inside just where p is above the level; what is undecided by rounding is neither."""
    if found.status != Status.ok or not math.isfinite(found.conf_low + found.conf_high):
        return False
    inside = found.conf_low <= 0 <= found.conf_high
    return inside != (found.neg_log10_p < LEVEL) and abs(found.neg_log10_p - LEVEL) > 1e-9


def draw(name: str, seed: int) -> Harmonised:
    return DESIGNS[name](np.random.default_rng([seed, *name.encode()]))


def build(name: str, convention: str) -> Method:
    return build_methods([name], convention=convention, draws=60, n_exposure=2e4)[0]  # type: ignore[arg-type]


def list_conventions(name: str) -> list[str]:
    """Return the conventions in which a method has a form of its own: of most there is one form."""
    both = ["twosamplemr", "mendelianrandomization"]
    return both if build(name, both[0]) != build(name, both[1]) else both[:1]


def test_some_methods_have_a_form_for_each_convention() -> None:
    assert {"weighted_median", "egger", "ivw"} & {
        name for name in VARIANTS if len(list_conventions(name)) == 2
    }


@pytest.mark.parametrize(
    ("name", "convention"),
    [(name, convention) for name in VARIANTS for convention in list_conventions(name)],
)
def test_limits_hold_zero_just_where_p_is_above_its_level(name: str, convention: str) -> None:
    method = build(name, convention)
    for design in DESIGNS:
        for seed in seeds(method, 40 if design.startswith("few") else 2):
            found = run(method, draw(design, seed), seed)
            if contradicts(found):
                assert method.contradiction, (design, seed)
                assert method.contradiction in str(found.message)


def test_the_exceptions_are_those_that_are_named() -> None:
    named = {kind.key for kind in METHOD_CLASSES if kind.contradiction}
    assert named == {"cause", "egger_bootstrap", "conmix", "hetpen"}
    joint = {kind.key for kind in MULTIVARIABLE_METHODS if kind.contradiction}
    assert joint == {"mv_egger"}


@pytest.mark.parametrize(
    "name", [*(kind.key for kind in MULTIVARIABLE_METHODS), "mv_egger(distribution=t)"]
)
def test_methods_of_several_exposures_are_held_to_the_same(name: str) -> None:
    method = build_joint_methods([name], n_exposure=2e4)[0]
    random = np.random.default_rng(4)
    for _ in range(25):
        m = int(random.integers(5, 9))
        x = random.uniform(0.05, 0.3, (m, 2)) * random.choice([-1.0, 1.0], (m, 2))
        sy = random.uniform(0.01, 0.03, m)
        y = random.normal(x @ np.array([0.25, 0.1]), sy)
        one = make(x[:, 0], np.full(m, 0.01), y, sy)
        both = replace(one, exposures=("a", "b"), beta_x=x, se_x=np.full((m, 2), 0.01))
        for found in method.estimate(both, random=np.random.default_rng(1)):
            if contradicts(found):
                assert method.contradiction
                assert method.contradiction in str(found.message)


def test_the_case_in_which_p_and_normal_limits_disagree_has_limits_of_t() -> None:
    x = np.array([0.1, 0.2, 0.3, 0.42])
    data = make(x, np.full(4, 0.01), np.array([0.11, 0.25, 0.30, 0.48]), np.full(4, 0.02))
    found = run(EggerRegression(), data)
    assert found.df == 2
    normal = found.estimate - 1.96 * found.se
    assert normal > 0 or found.neg_log10_p > LEVEL
    assert found.conf_high - found.estimate == pytest.approx(4.302652729749464 * found.se)
    details = found.details
    half = details["intercept_conf_high"] - details["intercept"]
    assert half == pytest.approx(4.302652729749464 * details["intercept_se"])


def test_the_bootstrap_s_limits_are_the_draws_that_its_p_value_counts() -> None:
    counted = 0
    for seed in range(60):
        found = run(EggerBootstrap(draws=199), draw("few variants and p near its level", seed))
        if found.status != Status.ok:
            continue
        counted += 1
        assert found.conf_low < found.estimate < found.conf_high
        assert (found.conf_low <= 0 <= found.conf_high) == (found.neg_log10_p < LEVEL)
    assert counted > 40


def test_effects_of_one_size_have_no_line_in_any_method_that_fits_one() -> None:
    data = draw("effects of one size", 1)
    for name in ("egger", "egger_bootstrap", "grip", "egger(robust=true)", "egger(penalised=true)"):
        found = run(build_methods([name], draws=50)[0], data)
        assert found.status == Status.not_identified, name
        assert found.message


@pytest.mark.parametrize(
    ("low", "high", "p", "words"),
    [
        (0.1, 0.9, 0.2, "exclude zero although p is above 0.05"),
        (-0.1, 0.9, 0.001, "hold zero although p is below 0.05"),
        (0.1, 0.9, 0.001, None),
        (-0.1, 0.9, 0.2, None),
        (0.0, 0.9, 0.05, None),
    ],
)
def test_a_contradiction_is_told_and_nothing_else_is(
    low: float, high: float, p: float, words: str | None
) -> None:
    told = note_contradiction(Estimate(0.5, 0.2, -math.log10(p), low, high, 9), "so")
    assert told.message == (None if words is None else f"limits {words}: so")
