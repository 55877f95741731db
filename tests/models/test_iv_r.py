"""Instrumental variables equal R's AER::ivreg, its diagnostics, sandwich and clubSandwich."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.models import Details, FitBlock, FitOptions, Iv, IvOptions, Status
from proteomr.stats.distributions import neg_log10_p_t
from tests.models.iv_rules import STORED, load, make

DESIGNS = load()
ERRORS = ("classical", "HC0", "HC1", "CR0", "CR1")
every = pytest.mark.parametrize(
    "design",
    DESIGNS,
    ids=lambda d: f"n{d['n']} q{d['q']} strength {d['strength']} {'weights' * d['weighted']}",
)


def fit(design: dict[str, Any], errors: Any = "classical", **more: Any) -> FitBlock:
    problem, block = make(design, clustered=errors.startswith("CR"))
    options = FitOptions(errors=errors, iv=IvOptions(problem.instrument_names), **more)
    family = Iv(options)
    return family.fit(family.prepare(problem), block)


def numbers(values: list[float | None]) -> Any:
    return np.array([np.nan if value is None else value for value in values])


def column(table: Details, name: str) -> Any:
    return np.array(table.columns[name])


def test_the_stored_numbers_are_small_and_of_large_and_small_designs() -> None:
    assert STORED.stat().st_size < 60_000
    assert {design["n"] for design in DESIGNS} == {40, 150, 900, 4500}


@every
def test_estimates_errors_and_p_values_are_those_of_ivreg(design: dict[str, Any]) -> None:
    for kind, se in zip(ERRORS, design["se"], strict=True):
        found = fit(design, kind)
        assert found.status[0, 0] == Status.ok
        assert found.estimate[0, 0] == pytest.approx(design["estimate"], rel=1e-8)
        assert found.se[0, 0] == pytest.approx(se, rel=1e-8)
        if kind == "classical":
            minus_log = neg_log10_p_t(found.estimate[0, 0] / found.se[0, 0], found.df[0, 0])
            assert 10.0**-minus_log == pytest.approx(design["p"], rel=1e-7)


@every
def test_diagnostics_are_those_of_the_summary_of_ivreg(design: dict[str, Any]) -> None:
    table = fit(design, "HC1").details["iv_diagnostics"]
    assert column(table, "test")[:3].tolist() == ["weak_instruments", "wu_hausman", "sargan"]
    for name, tolerance in (("statistic", 1e-7), ("df1", 0.0), ("df2", 0.0), ("p_value", 1e-6)):
        wanted = numbers(design[name])
        np.testing.assert_allclose(column(table, name)[:3], wanted, rtol=tolerance)


@every
def test_all_coefficients_are_those_of_ivreg(design: dict[str, Any]) -> None:
    table = fit(design, coefficients=True).details["coefficients"]
    names = ["(Intercept)", "x", "age", "site[1]", "site[2]", "site[3]"]
    at = [column(table, "coefficient").tolist().index(name) for name in names]
    np.testing.assert_allclose(column(table, "estimate")[at], design["coefficients"], rtol=1e-7)
    np.testing.assert_allclose(column(table, "se")[at], design["errors"], rtol=1e-8)
