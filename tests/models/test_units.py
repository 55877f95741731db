"""Neither the unit nor the zero of a column changes a fit, whichever way it is fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.models import (
    Adjustment,
    AnyFamily,
    Block,
    FitBlock,
    FitOptions,
    Linear,
    Logistic,
    Model,
    Problem,
    Status,
    Target,
)

N = 240
COLUMNS = ("protein", "target", "covariate", "own")
UNITS = (1e-300, 1e-150, 1e150, 1e300)


def draw() -> dict[str, F64]:
    g = np.random.default_rng(11)
    # Multiples of a small power of two, so that a shift by a large one rounds nothing.
    columns = {name: g.integers(-(2**9), 2**9, N) / 2.0**7 for name in COLUMNS}
    eta = columns["protein"] - columns["covariate"]
    columns["case"] = (g.random(N) < 1.0 / (1.0 + np.exp(-0.4 * eta))).astype(float)
    columns["sex"] = (g.random(N) < 0.5).astype(float)
    columns["weight"] = g.choice([0.5, 1.0, 2.0], N)
    return columns


def fit(family: AnyFamily, columns: dict[str, F64], way: str, *, role: Any) -> FitBlock:
    """Fit by a way that the options of a scan lead to."""
    binary = isinstance(family, Logistic)
    problem = Problem(
        covariates=np.column_stack([np.ones(N), columns["covariate"], columns["sex"]]),
        names=("(Intercept)", "covariate", "sex"),
        factors=(),
        targets=(Target("target", role, "any", columns["case" if binary else "target"]),),
        adjustments=(Adjustment("all", np.arange(3)),),
        models=(Model(0, 0),),
        own_names=("own",),
    )
    if way == "interaction":
        problem = replace(problem, interaction=columns["sex"][:, None])
    elif way == "weights":
        problem = replace(problem, weights=columns["weight"])
    elif way == "robust":
        family = replace(family, options=FitOptions(errors="HC3"))
    block = Block(columns["protein"][None], columns["own"][None, None], np.ones((1, N), dtype=bool))
    found = family.fit(family.prepare(problem), block)
    assert (found.status == Status.ok).all()
    return found


WAYS = ("plain", "interaction", "weights", "robust")
CASES = [(Linear(), "exposure"), (Linear(), "outcome"), (Logistic(), "exposure")]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("moved", COLUMNS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("family", "role"), CASES)
def test_a_unit_scales_the_estimate_alone(
    family: AnyFamily, role: Any, way: str, moved: str, unit: float
) -> None:
    columns = draw()
    wanted = fit(family, columns, way, role=role)
    found = fit(family, {**columns, moved: columns[moved] * unit}, way, role=role)
    response = family.side_of_protein(role) == "response"
    factors = {"protein": unit if response else 1.0 / unit}
    if isinstance(family, Linear):
        factors["target"] = 1.0 / unit if response else unit
    factor = factors.get(moved, 1.0)
    np.testing.assert_allclose(found.estimate, wanted.estimate * factor, rtol=1e-10)
    np.testing.assert_allclose(found.se, wanted.se * factor, rtol=1e-10)
    for name, test in wanted.joint.items():
        np.testing.assert_allclose(found.joint[name].statistic, test.statistic, rtol=1e-9)


@pytest.mark.parametrize("zero", [1e3, 2.0**20, 2.0**40])
@pytest.mark.parametrize("moved", COLUMNS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("family", "role"), CASES)
def test_a_zero_elsewhere_changes_no_estimate(
    family: AnyFamily, role: Any, way: str, moved: str, zero: float
) -> None:
    columns = draw()
    wanted = fit(family, columns, way, role=role)
    found = fit(family, {**columns, moved: columns[moved] + zero}, way, role=role)
    np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=1e-8)
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-8)
    assert not found.messages
