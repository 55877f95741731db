"""Every registered method on designs nobody listed: right by a slow oracle, or not ok."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.mr.choice import build_methods
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.method import Method
from proteomr.status import Status
from proteomr.tables import Harmonised
from tests.mr.methods.battery import build_for_tests, seeds
from tests.mr.methods.designs import DESIGNS
from tests.mr.methods.examples import make, run
from tests.mr.methods.oracles import ORACLES, minimise_by_scan

each_method = pytest.mark.parametrize("kind", METHOD_CLASSES, ids=lambda kind: kind.key)
each_design = pytest.mark.parametrize("name", DESIGNS)


def draw(name: str, seed: int) -> Harmonised:
    return DESIGNS[name](np.random.default_rng([seed, *name.encode()]))


@functools.cache  # the fit from which several tests start
def find(kind: type[Method], name: str, seed: int) -> Estimate:
    return run(build_for_tests(kind), draw(name, seed))


def is_open(found: Estimate) -> bool:
    """Whether a set excludes no effect for being large: it has no limits then, and says so."""
    parts = found.intervals
    if not parts or (math.isfinite(parts[0][0]) and math.isfinite(parts[-1][1])):
        return False
    assert "is open" in str(found.message)
    assert math.isnan(found.conf_low) == math.isinf(parts[0][0])
    assert math.isnan(found.conf_high) == math.isinf(parts[-1][1])
    return True


def check_certificate(method: Method, found: Estimate) -> None:
    """An estimate that is ok has finite numbers; one that is not has none, and says why."""
    if found.status != Status.ok:
        assert found.message
        assert math.isnan(found.estimate)
        return
    assert math.isfinite(found.estimate) == method.points
    assert found.neg_log10_p >= 0
    if "se" in method.measures:
        assert 0 < found.se < math.inf
    if "limits" in method.measures and not is_open(found):
        assert -math.inf < found.conf_low <= found.estimate <= found.conf_high < math.inf
        assert found.conf_low < found.conf_high


@each_method
@each_design
def test_an_estimate_is_the_oracle_s_or_has_a_reason(kind: type[Method], name: str) -> None:
    method = build_for_tests(kind)
    for seed in seeds(method, 3):
        found = find(kind, name, seed)
        check_certificate(method, found)
        if found.status != Status.ok or kind.key not in ORACLES:
            continue
        estimate, se = ORACLES[kind.key](draw(name, seed))
        assert found.estimate == pytest.approx(estimate, rel=1e-7, abs=1e-7 * (se or found.se or 1))
        if se is not None:
            assert found.se == pytest.approx(se, rel=1e-6)


def huber(t: F64) -> F64:
    return np.where(np.abs(t) <= 1.345, t**2, 2 * 1.345 * np.abs(t) - 1.345**2)


def tukey(t: F64) -> F64:
    return 4.685**2 / 3 * (1.0 - np.maximum(1.0 - (t / 4.685) ** 2, 0.0) ** 3)


@each_design
@pytest.mark.parametrize(
    ("name_of_method", "rho"),
    [
        ("maxlik", np.square),
        ("raps(loss=l2,over_dispersion=false)", np.square),
        ("raps(loss=huber,over_dispersion=false)", huber),
        ("raps(loss=tukey,over_dispersion=false)", tukey),
    ],
)
def test_what_is_minimised_is_at_its_least(
    name: str, name_of_method: str, rho: Callable[[F64], F64]
) -> None:
    method = build_methods([name_of_method])[0]
    for seed in range(2):
        data = draw(name, seed)
        found = run(method, data)
        if found.status != Status.ok:
            continue
        t = (data.beta_y - found.estimate * data.x) / np.sqrt(
            data.se_y**2 + found.estimate**2 * data.sx**2
        )
        value = float(rho(t).sum())
        least, slope = minimise_by_scan(data, rho=rho)
        assert value <= least + 1e-6 + 1e-10 * least
        near = 1e-3 * found.se + 1e-8 * abs(slope)  # what the scan resolves
        assert abs(found.estimate - slope) <= near or value < least


UNITS = [(-480, 500), (1, -3), (300, 490), (-490, -480)]


@each_design
@pytest.mark.parametrize(
    ("kind", "of_x", "of_y"),
    [(kind, *UNITS[pair]) for kind in METHOD_CLASSES for pair in seeds(kind, len(UNITS))],
    ids=lambda value: value if isinstance(value, int) else value.key,
)
def test_other_units_give_exactly_the_estimate_in_other_units(
    kind: type[Method], name: str, of_x: int, of_y: int
) -> None:
    method = build_for_tests(kind)
    data, base = draw(name, 0), find(kind, name, 0)
    other = run(
        method.in_units(-of_y, -of_x),
        make(
            np.ldexp(data.x, of_x),
            np.ldexp(data.sx, of_x),
            np.ldexp(data.beta_y, of_y),
            np.ldexp(data.se_y, of_y),
        ),
    )
    check_certificate(method, other)
    unit = 0 if kind.key == "sign" else of_y - of_x
    assert other.status == base.status or other.status != Status.ok
    if other.status != Status.ok:
        assert base.status != Status.ok or abs(unit) > 900  # the estimate itself overflows
        return
    for part in ("estimate", "se", "conf_low", "conf_high"):
        value = getattr(base, part)
        assert getattr(other, part) == math.ldexp(value, unit) or math.isnan(value)
    assert other.neg_log10_p == base.neg_log10_p
    for detail, value in base.details.items():
        power = kind.powers.get(detail, (0, 0))
        expected = value * 2.0 ** (power[0] * of_y + power[1] * of_x)
        assert other.details[detail] == expected or math.isnan(value), detail


@each_method
def test_ratios_that_are_one_number_have_no_error_of_rounding(kind: type[Method]) -> None:
    method = build_for_tests(kind)
    for seed in seeds(method, 6):
        random = np.random.default_rng([seed, 77])
        m = 5 + 3 * seed if method.max_variants is None else min(8, method.max_variants)
        x = random.uniform(0.05, 0.3, m) * random.choice([-1.0, 1.0], m)
        data = make(x, np.full(m, 0.01), 0.1 * (1 + seed) / 3 * x, np.full(m, 0.02))
        found = run(method, data)
        check_certificate(method, found)
        if found.status == Status.ok and "se" in method.measures:
            assert found.se > 1e-14 * abs(found.estimate)


@each_method
@pytest.mark.parametrize(("exposure", "outcome"), [(-500, -150), (150, 500), (-150, 300), (500, 0)])
def test_any_pair_of_units_is_an_estimate_or_a_reason(
    kind: type[Method], exposure: int, outcome: int
) -> None:
    method = build_for_tests(kind)
    random = np.random.default_rng(5)
    m = 12 if method.max_variants is None else min(8, method.max_variants)
    x = random.uniform(0.05, 0.3, m)
    y = 0.4 * x + random.normal(0.0, 0.02, m)
    data = make(
        np.ldexp(x, exposure),
        np.ldexp(np.full(m, 0.01), exposure),
        np.ldexp(y, outcome),
        np.ldexp(np.full(m, 0.02), outcome),
    )
    check_certificate(method, run(method, data))
