"""Chained equations: the distribution that R's mice gives, coverage, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.stats.chained_equations import ChainColumn, Imputed, impute_chained, refuse_unfit
from proteomr.stats.least_squares import solve_least_squares
from proteomr.stats.rubin import pool_estimates

HERE = Path(__file__).parent
M = 60
LEVELS = ("age16", "age18", "college", "none")


@pytest.fixture(scope="module")
def columns() -> list[ChainColumn]:
    frame = pl.read_csv(HERE / "chained.csv")
    codes = {level: float(code) for code, level in enumerate(LEVELS)}
    education = frame["education"].replace_strict(codes, default=None, return_dtype=pl.Float64)
    whole = frame.with_columns(education.alias("education"))
    levels = {"sex": 2, "income": 2, "education": 4}
    return [
        ChainColumn(name, whole[name].cast(pl.Float64).fill_null(np.nan).to_numpy(),
                    levels.get(name, 0))
        for name in ("age", "sex", "bmi", "income", "education", "npx")
    ]  # fmt: skip


@pytest.fixture(scope="module")
def imputed(columns: list[ChainColumn]) -> list[Imputed]:
    return [impute_chained(columns, iterations=5, seed=1, imputation=i) for i in range(M)]


@pytest.fixture(scope="module")
def stored() -> dict[str, object]:
    found: dict[str, object] = json.loads((HERE / "chained.json").read_text("utf-8"))
    return found


def complete(columns: list[ChainColumn], one: Imputed) -> dict[str, F64]:
    whole = {}
    for column in columns:
        whole[column.name] = column.values.copy()
        if column.missing.any():
            whole[column.name][column.missing] = one.values[column.name]
    return whole


def fit(values: dict[str, F64]) -> tuple[F64, F64]:
    levels = [values["education"] == code for code in (1, 2, 3)]
    parts = [values["age"], values["sex"], values["bmi"], values["income"], *levels]
    X = np.column_stack([np.ones(values["age"].size), *parts]).astype(float)
    found = solve_least_squares(X, values["npx"])
    return found.coefficients, found.se


def test_imputed_values_are_distributed_as_those_of_mice(imputed, stored) -> None:  # type: ignore[no-untyped-def]
    found = {
        "bmi mean": [one.values["bmi"].mean() for one in imputed],
        "bmi sd": [one.values["bmi"].std(ddof=1) for one in imputed],
        "income 1": [one.values["income"].mean() for one in imputed],
    }
    for code, level in enumerate(LEVELS):
        found[f"education {level}"] = [np.mean(one.values["education"] == code) for one in imputed]
    assert set(found) == set(stored["imputed"])
    for name, values in found.items():
        mean, sd = stored["imputed"][name]["mean"], stored["imputed"][name]["sd"]
        error = np.sqrt(sd**2 / stored["m"] + np.var(values, ddof=1) / M)
        assert abs(np.mean(values) - mean) < 4 * error, name
        # R takes the coefficients of more than two levels as they are, and draws them less widely
        assert 0.75 < np.std(values, ddof=1) / sd < (1.8 if "education" in name else 1.33), name


def test_pooled_fits_are_those_of_mice(columns, imputed, stored) -> None:  # type: ignore[no-untyped-def]
    fits = [fit(complete(columns, one)) for one in imputed]
    estimate, se = (np.array([one[part] for one in fits]) for part in (0, 1))
    pooled = pool_estimates(estimate, se, np.full(8, 292.0))
    spread = np.sqrt(np.array(stored["spread"]) ** 2 / stored["m"] + estimate.var(axis=0) / M)
    assert np.all(np.abs(pooled.estimate - stored["estimate"]) < 4 * spread)
    np.testing.assert_allclose(pooled.se, stored["se"], rtol=0.08)
    np.testing.assert_allclose(pooled.fmi, stored["fmi"], atol=0.12)


def test_intervals_cover_what_is_true() -> None:
    """Two covariates are missing at random, given the response: complete cases would be biased."""
    covered, biased = [], []
    for replicate in range(100):
        g = np.random.default_rng([5, replicate])
        z, n = g.normal(size=150), 150
        x = 0.5 * z + g.normal(size=n)
        b = (g.random(n) < 1 / (1 + np.exp(-x))).astype(float)
        y = x + b + 0.5 * z + g.normal(size=n)
        chance = 1 / (1 + np.exp(2 - 0.8 * y))
        holes = [np.where(g.random(n) < chance, np.nan, column) for column in (x, b)]
        chain = [
            ChainColumn("x", holes[0]), ChainColumn("b", holes[1], 2), ChainColumn("y", y),
            ChainColumn("z", z),
        ]  # fmt: skip
        fits = []
        for number in range(5):
            one = impute_chained(chain, iterations=4, seed=replicate, imputation=number)
            full = complete(chain, one)
            X = np.column_stack([np.ones(n), full["x"], full["b"], z])
            found = solve_least_squares(X, y)
            fits.append((found.coefficients, found.se))
        estimate, se = (np.array([one[part] for one in fits]) for part in (0, 1))
        pooled = pool_estimates(estimate, se, np.full(4, n - 4.0))
        from scipy.stats import t

        reach = t.ppf(0.975, pooled.df) * pooled.se
        truth = np.array([0.0, 1.0, 1.0, 0.5])
        covered.append(np.abs(pooled.estimate - truth) <= reach)
        kept = ~np.isnan(holes[0]) & ~np.isnan(holes[1])
        biased.append(solve_least_squares(X[kept], y[kept]).coefficients[1] - 1.0)
    # 92 to 96 % of 500 replicates; of 100 within three of their errors
    assert np.all(np.abs(np.mean(covered, axis=0) - 0.94) <= 0.071)
    assert np.mean(biased) < -0.05


def test_neither_the_order_of_columns_nor_other_imputations_change_a_value(
    columns: list[ChainColumn], imputed: list[Imputed]
) -> None:
    again = impute_chained(columns[::-1], iterations=5, seed=1, imputation=7)
    for name, values in imputed[7].values.items():
        np.testing.assert_array_equal(again.values[name], values)
        np.testing.assert_array_equal(again.trace[name], imputed[7].trace[name])


def test_the_trace_is_of_the_imputed_values(imputed: list[Imputed]) -> None:
    one = imputed[0]
    assert {name: rows.shape for name, rows in one.trace.items()} == {
        "bmi": (5, 2), "income": (5, 2), "education": (5, 4)
    }  # fmt: skip
    assert one.trace["bmi"][-1] == pytest.approx(
        [one.values["bmi"].mean(), one.values["bmi"].std(ddof=1)]
    )
    shares = np.bincount(one.values["education"].astype(int), minlength=4) / len(
        one.values["education"]
    )
    np.testing.assert_allclose(one.trace["education"][-1], shares)


@pytest.mark.parametrize("unit", [1e-300, 1e300])
def test_the_units_of_a_number_change_no_donor(columns: list[ChainColumn], unit: float) -> None:
    scaled = [
        ChainColumn(c.name, c.values * unit, 0) if c.name in {"bmi", "age"} else c for c in columns
    ]
    plain, other = (
        impute_chained(chain, iterations=2, seed=3, imputation=1) for chain in (columns, scaled)
    )
    np.testing.assert_allclose(other.values["bmi"] / unit, plain.values["bmi"], rtol=1e-12)
    np.testing.assert_array_equal(other.values["education"], plain.values["education"])


def test_a_constant_and_a_doubled_predictor_change_no_value(columns: list[ChainColumn]) -> None:
    age = columns[0].values
    more = [*columns, ChainColumn("zz", age * 2 + 1), ChainColumn("zzz", np.ones(age.size))]
    plain, other = (
        impute_chained(chain, iterations=2, seed=3, imputation=1) for chain in (columns, more)
    )
    for name, values in plain.values.items():
        np.testing.assert_array_equal(other.values[name], values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([np.nan] * 4, "'bmi' has no value of anybody: leave it out"),
        ([3.0, 3.0, np.nan, 3.0], "'bmi' has the same value wherever it has one"),
        ([1.0, 2.0, np.nan, np.nan], "'bmi' is known of 2 people for 2 coefficients"),
    ],
)
def test_a_column_that_cannot_be_imputed_is_refused(values: list[float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        refuse_unfit([ChainColumn("age", np.arange(4.0)), ChainColumn("bmi", np.array(values))])
