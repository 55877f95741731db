"""The linear family on arrays: certified values, and what it says of fits that it cannot do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.models import Adjustment, Block, FitBlock, Linear, Problem, Status, Test


def fit_one(y: F64, exposure: F64, covariates: F64) -> FitBlock:
    """Fit one protein to one exposure; `covariates (n, k)` begin with the intercept."""
    k = covariates.shape[1]
    problem = Problem(
        covariates=covariates,
        names=tuple(f"z{i}" for i in range(k)),
        factors=(),
        exposures=exposure[:, None],
        exposure_names=("x",),
        adjustments=(Adjustment("all", np.arange(k)),),
        tests=(Test(0, 0),),
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
