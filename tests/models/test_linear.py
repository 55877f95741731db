"""The linear family on arrays: certified values, and what it says of fits that it cannot do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.models import (
    Adjustment,
    Block,
    FitBlock,
    Linear,
    Model,
    Problem,
    Role,
    Status,
    Target,
)


def fit_one(y: F64, target: F64, covariates: F64, *, role: Role = "exposure") -> FitBlock:
    """Fit one protein to one target; `covariates (n, k)` begin with the intercept."""
    k = covariates.shape[1]
    problem = Problem(
        covariates=covariates,
        names=tuple(f"z{i}" for i in range(k)),
        factors=(),
        targets=(Target("x", role, "continuous", target),),
        adjustments=(Adjustment("all", np.arange(k)),),
        models=(Model(0, 0),),
    )
    family = Linear()
    block = Block(y[None, :], np.empty((1, 0, y.size)), np.ones((1, y.size), dtype=bool))
    return family.fit(family.prepare(problem), block)


def digits(found: float, certified: float) -> float:
    """Return the number of digits in which a value agrees with the certified one."""
    if found == certified:
        return 16.0
    return float(-np.log10(abs(found - certified) / (abs(certified) if certified else 1.0)))


def read_nist(path: Path) -> tuple[F64, F64]:
    """Return the response ``(n,)`` and the predictors ``(n, p)`` of a file of NIST's."""
    text = path.read_text("latin-1")
    first, last = map(int, re.findall(r"Data\s*\(lines\s+(\d+)\s+to\s+(\d+)\)", text)[0])
    lines = text.splitlines()[first - 1 : last]
    table = np.array([[float(cell) for cell in line.split()] for line in lines])
    return table[:, 0], table[:, 1:]


CERTIFIED = ["Norris", "Longley", "Wampler1", "Wampler2", "Wampler3", "Wampler4", "Wampler5"]


def certified_of(name: str, path: Path) -> tuple[list[float], list[float]]:
    """Return the certified estimates and their standard deviations as printed in the file."""
    found = re.findall(r"^\s*B(\d)\s+(\S+)\s+(\S+)\s*$", path.read_text("latin-1"), re.MULTILINE)
    assert [int(i) for i, _, _ in found] == list(range(len(found))), name
    return [float(b) for _, b, _ in found], [float(s) for _, _, s in found]


@pytest.mark.parametrize("name", CERTIFIED)
def test_nist_estimates_have_nine_digits_with_each_column_as_the_exposure(
    reference: Path, name: str
) -> None:
    path = reference / "association" / "data" / "nist" / f"{name}.dat"
    y, X = read_nist(path)
    if name.startswith("Wampler"):
        X = X ** np.arange(1, 6)
    estimates, deviations = certified_of(name, path)
    for column in range(X.shape[1]):
        others = np.column_stack([np.ones(y.size), np.delete(X, column, axis=1)])
        found = fit_one(y, X[:, column], others)
        assert found.status[0, 0] == Status.ok
        assert digits(found.estimate[0, 0], estimates[column + 1]) > 9
        if deviations[column + 1] > 0:
            assert digits(found.se[0, 0], deviations[column + 1]) > 9
        else:
            assert found.se[0, 0] < 1e-9 * abs(estimates[column + 1])
            assert "perfect fit" in found.messages[0, 0]
        if name.startswith("Wampler"):
            assert "solved by refined QR" in found.messages.get((0, 0), "")


def test_the_reference_values_of_nist_are_those_of_the_files(
    reference: Path, expected: Callable[[str], dict[str, Any]]
) -> None:
    folder = reference / "association" / "data" / "nist"
    for name, values in expected("nist_strd").items():
        estimates, _ = certified_of(name, folder / f"{name}.dat") if name != "NoInt1" else ([], [])
        assert name == "NoInt1" or estimates == pytest.approx(values["estimate"], rel=1e-14)


def draw(n: int, *, seed: int = 0) -> tuple[F64, F64, F64]:
    g = np.random.default_rng(seed)
    Z = np.column_stack([np.ones(n), g.normal(size=(n, 2))])
    x = Z[:, 1] + g.normal(size=n)
    return 0.5 * x + Z[:, 2] + g.normal(size=n), x, Z


@pytest.mark.parametrize("gap", [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-6])
def test_an_exposure_nearly_a_covariate_keeps_ten_digits(gap: float) -> None:
    y, _, Z = draw(400)
    rest = np.random.default_rng(5).normal(size=400)
    found = fit_one(y, Z[:, 1] + gap * rest, Z)
    # the same model with the twin taken out of the exposure
    wanted = fit_one(y, rest, Z)
    # what the sum of the two loses to rounding is no fault of the fit
    tolerance = max(1e-10, 1e-15 / gap)
    assert found.estimate[0, 0] * gap == pytest.approx(wanted.estimate[0, 0], rel=tolerance)
    assert found.se[0, 0] * gap == pytest.approx(wanted.se[0, 0], rel=tolerance)


def test_aliased_covariates_are_named_where_the_exact_path_meets_them() -> None:
    y, x, Z = draw(50)
    rows = np.arange(50)
    level = (rows > 45).astype(float)
    y = np.where(level > 0, 0.0, y)
    problem = Problem(
        covariates=np.column_stack([Z, level]),
        names=("(Intercept)", "age", "bmi", "site E"),
        factors=(),
        targets=(Target("x", "exposure", "continuous", x),),
        adjustments=(Adjustment("all", np.arange(4)),),
        models=(Model(0, 0),),
    )
    observed = (level == 0)[None]
    family = Linear()
    block = Block(y[None], np.empty((1, 0, 50)), observed)
    found = family.fit(family.prepare(problem), block)
    assert found.messages == {(0, 0): "aliased: site E"}
    short = fit_one(y[level == 0], x[level == 0], Z[level == 0])
    assert found.estimate[0, 0] == pytest.approx(short.estimate[0, 0], rel=1e-11)
    assert found.df[0, 0] == short.df[0, 0] == 46 - 4


def test_a_perfect_fit_has_its_estimate_and_says_that_the_error_is_rounding() -> None:
    _, x, Z = draw(60)
    found = fit_one(3.0 * x + Z @ np.array([1.0, 2.0, -1.0]), x, Z)
    assert found.estimate[0, 0] == pytest.approx(3.0, rel=1e-12)
    assert found.messages[0, 0] == "perfect fit: the standard error is rounding"


def test_cases_are_counted_for_exposures_of_zero_and_one_alone() -> None:
    y, x, Z = draw(30)
    assert fit_one(y, (x > 0).astype(float), Z).n_case[0, 0] == np.sum(x > 0)
    assert fit_one(y, x, Z).n_case[0, 0] == -1


@pytest.mark.parametrize("gap", [1.0, 1e-6])
def test_an_outcome_is_the_response_and_the_protein_what_it_is_fitted_to(gap: float) -> None:
    y, x, Z = draw(300)
    protein = Z[:, 1] + gap * x  # the smaller gap is beyond the fast path
    turned = fit_one(protein, y, Z, role="outcome")
    # the model of a protein on an exposure, its two sides exchanged
    wanted = fit_one(y, protein, Z)
    assert turned.status[0, 0] == wanted.status[0, 0] == Status.ok
    np.testing.assert_allclose(turned.estimate, wanted.estimate, rtol=1e-10)
    np.testing.assert_allclose(turned.se, wanted.se, rtol=1e-10)
    assert turned.df[0, 0] == wanted.df[0, 0]


@pytest.mark.parametrize(("role", "culprit"), [("exposure", "x"), ("outcome", "the protein")])
def test_the_term_that_covariates_determine_is_named(role: Role, culprit: str) -> None:
    y, _, Z = draw(80)
    made = 2.0 * Z[:, 1] - Z[:, 2]
    protein, target = (y, made) if role == "exposure" else (made, y)
    fits = fit_one(protein, target, Z, role=role)
    assert fits.status[0, 0] == Status.collinear
    wanted = f"{culprit} is a linear combination of the covariates on the rows of the fit"
    assert fits.messages[0, 0] == wanted


@pytest.mark.parametrize("unit", [1e-300, 1e-150, 1e150, 1e300])
@pytest.mark.parametrize("what", ["protein", "exposure", "covariate"])
def test_no_unit_changes_a_fit(what: str, unit: float) -> None:
    g = np.random.default_rng(5)
    z, x = g.normal(size=(2, 80))
    y = x + z + g.normal(size=80)
    columns = {"protein": y, "exposure": x, "covariate": z}
    wanted = fit_one(y, x, np.column_stack([np.ones(80), z]))
    columns[what] = columns[what] * unit
    C = np.column_stack([np.ones(80), columns["covariate"]])
    found = fit_one(columns["protein"], columns["exposure"], C)
    factor = {"protein": unit, "exposure": 1.0 / unit, "covariate": 1.0}[what]
    assert found.status[0, 0] == Status.ok
    assert found.estimate[0, 0] == pytest.approx(wanted.estimate[0, 0] * factor, rel=1e-12)
    assert found.se[0, 0] == pytest.approx(wanted.se[0, 0] * factor, rel=1e-12)


def test_a_result_beyond_the_range_of_numbers_has_a_status() -> None:
    g = np.random.default_rng(6)
    x, y = g.normal(size=(2, 60))
    found = fit_one(1e300 * y, 1e-300 * x, np.ones((60, 1)))
    assert found.status[0, 0] == Status.not_converged
    assert np.isnan(found.estimate[0, 0])


@pytest.mark.parametrize("zero", [1e6, 1e9, 2.0**40])
def test_the_zero_of_a_column_changes_no_fit(zero: float) -> None:
    g = np.random.default_rng(7)
    z, x = g.integers(0, 2**10, (2, 80)) / 2.0**6
    y = x + z + g.normal(size=80)
    wanted = fit_one(y, x, np.column_stack([np.ones(80), z]))
    found = fit_one(y, x + zero, np.column_stack([np.ones(80), z + zero]))
    assert found.estimate[0, 0] == pytest.approx(wanted.estimate[0, 0], rel=1e-10)
    assert found.se[0, 0] == pytest.approx(wanted.se[0, 0], rel=1e-10)
