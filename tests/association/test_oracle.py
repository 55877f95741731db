"""The association scan against one obvious fit at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtri
from scipy.stats import rankdata

from proteomr._typing import F64, Bool
from proteomr.association import ModelSpec, scan_cohort
from proteomr.tables import ArrayProteins, Cohort, ProteinCovariate

SITES, BATCHES = 22, 8


@dataclass(frozen=True)
class Study:
    """A cohort with what the slow loop needs to know of it."""

    cohort: Cohort
    values: F64
    panel: list[int]
    timegap: F64
    covariates: tuple[ProteinCovariate, ...] = field(default=())


def make_study(n: int, *, seed: int, proteins: int = 6) -> Study:
    """Build people with many-level factors, and proteins missing in all ways, weak and strong."""
    g = np.random.default_rng(seed)
    sites, batches = (SITES, BATCHES) if n > 1000 else (4, 3)
    site, batch = g.integers(0, sites, n), g.integers(0, batches, n)
    age, bmi = g.normal(56, 8, n), g.normal(27, 4, n)
    values = g.normal(size=(n, proteins)) + 0.03 * (age - 56)[:, None] + 0.2 * (site % 3)[:, None]
    eta = -1.5 + 0.5 * values[:, 0] + 0.04 * (age - 56) + 0.1 * (batch % 2)
    iso = (g.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    iso[site == 1] = 0.0  # a level on which nobody has the outcome
    lo = (g.random(n) < 0.2 + 0.1 * iso).astype(float)
    lo[g.random(n) < 0.1] = np.nan
    # strong: |z| of about 30 in thousands of people
    values[:, 1] += (1.5 if n > 1000 else 0.5) * iso
    values[:, 2][g.random(n) < 0.6] = np.nan
    values[:, 3][(site % 4 == 2) & (batch < batches - 1)] = np.nan  # missing by blocks
    values[:, 4] = np.round(values[:, 4], 1)  # ties
    values[g.random((n, proteins)) < 0.05] = np.nan
    timegap = g.normal(2, 0.5, (n, proteins))
    timegap[g.random((n, proteins)) < 0.02] = np.nan
    samples = pl.DataFrame(
        {
            "id": [f"{i:06d}" for i in range(n)],
            "iso": iso,
            "lo": pl.Series(lo).fill_nan(None),
            "dose": g.normal(size=n) + 0.1 * values[:, 5],
            "age": age,
            "age_again": age + 1e-3 * g.normal(size=n),
            "bmi": pl.Series(np.where(g.random(n) < 0.03, np.nan, bmi)).fill_nan(None),
            "sex": g.integers(0, 2, n),
            "site": [f"s{i:02d}" for i in site],
            "batch": batch,
        }
    )
    names = [f"P{i}" for i in range(proteins)]
    assays = pl.DataFrame({"protein": names})
    cohort = Cohort(samples, "id", ArrayProteins(tuple(names), np.exp2(values)), assays)
    panel = [i % 2 for i in range(proteins)]
    return Study(cohort, np.exp2(values), panel, timegap)


def with_timegap(study: Study, kind: str) -> Study:
    """Return the study with a covariate of each protein's own, or of its panel."""
    proteins = study.values.shape[1]
    if kind == "none":
        return study
    if kind == "protein":
        columns, positions = study.timegap, list(range(proteins))
    else:
        columns, positions = study.timegap[:, :2], study.panel
    names = tuple(f"T{i}" for i in range(columns.shape[1]))
    own = ProteinCovariate("timegap", ArrayProteins(names, columns), tuple(positions))
    timegap = columns[:, positions]
    return Study(study.cohort, study.values, study.panel, timegap, (own,))


def transform(values: F64, how: str) -> F64:
    """Transform the values of one fit's people, in the plainest words."""
    if how == "rint":
        ranks = rankdata(values)
        return np.asarray(ndtri((ranks - 0.375) / (values.size + 0.25)))
    if how == "log2":
        return np.log2(values)
    if how == "zscore":
        return np.asarray((values - values.mean()) / values.std(ddof=1))
    return values


def read_numbers(samples: pl.DataFrame, name: str) -> F64:
    return np.array(samples[name].cast(pl.Float64).fill_null(np.nan).to_numpy(), dtype=np.float64)


def dummies(labels: Sequence[object]) -> list[F64]:
    """Return the indicators of all levels present but the first."""
    levels = sorted(set(labels), key=str)
    return [np.array([float(x == level) for x in labels]) for level in levels[1:]]


def fit_ols(X: F64, y: F64) -> tuple[float, float]:
    """Return estimate and standard error of the last column."""
    Q, R = np.linalg.qr(X / np.linalg.norm(X, axis=0))
    inverse = np.linalg.inv(R)
    b = inverse @ (Q.T @ y)
    rss = float(np.sum((y - Q @ (Q.T @ y)) ** 2))
    scale = np.linalg.norm(X[:, -1])
    variance = float(np.sum(inverse[-1] ** 2)) * rss / (y.size - X.shape[1])
    return float(b[-1] / scale), math.sqrt(variance) / float(scale)


def fit_logit(X: F64, y: F64) -> tuple[float, float]:
    """Return estimate and standard error of the last column, by many Newton steps."""
    centred = X.copy()
    centred[:, 1:] -= X[:, 1:].mean(axis=0)
    Q, R = np.linalg.qr(centred)
    Q *= math.sqrt(y.size)
    b = np.zeros(X.shape[1])
    for _ in range(100):
        mu = 1 / (1 + np.exp(-(Q @ b)))
        H = Q.T @ (Q * (mu * (1 - mu))[:, None])
        step = np.linalg.solve(H, Q.T @ (y - mu))
        b += step
        if np.abs(step).max() < 1e-13:
            break
    mu = 1 / (1 + np.exp(-(Q @ b)))
    W = Q * np.sqrt(mu * (1 - mu))[:, None]
    last = R[-1, -1] / math.sqrt(y.size)  # the last column is the last of Q, times this
    covariance = np.linalg.inv(np.linalg.qr(W, mode="r"))
    return float(b[-1] / last), float(np.linalg.norm(covariance[-1]) / abs(last))


def fit_slowly(
    study: Study,
    protein: int,
    exposure: str,
    terms: Sequence[str],
    *,
    family: str,
    how: str,
    people: Bool,
) -> tuple[int, float, float]:
    """Fit one protein as a person would who has the whole day; return n, estimate and se."""
    samples = study.cohort.samples
    x, p = read_numbers(samples, exposure), study.values[:, protein]
    rows = people & ~np.isnan(x) & ~np.isnan(p)
    for term in terms:
        if term == "timegap":
            rows &= ~np.isnan(study.timegap[:, protein])
        elif not term.startswith("C("):
            rows &= ~np.isnan(read_numbers(samples, term))
    columns = [np.ones(int(rows.sum()))]
    kept = np.ones(int(rows.sum()), dtype=bool)
    for term in terms:
        if term == "timegap":
            columns.append(study.timegap[rows, protein])
        elif term.startswith("C("):
            labels = np.array(samples[term[2:-1]].to_list(), dtype=object)[rows]
            columns += dummies(labels.tolist())
            if family == "logistic":
                for level in set(labels.tolist()):
                    kept &= (labels != level) | (np.ptp(x[rows][labels == level]) > 0)
        else:
            columns.append(read_numbers(samples, term)[rows])
    value = transform(p[rows], how)
    if family == "linear":
        estimate, se = fit_ols(np.column_stack([*columns, x[rows]]), value)
        return int(rows.sum()), estimate, se
    X = np.column_stack([*columns, value])[kept]
    X = X[:, [True, *(np.ptp(X[:, 1:], axis=0) > 0)]]
    R = np.asarray(np.linalg.qr(X, mode="r"))
    first = [i for i in range(X.shape[1]) if np.linalg.matrix_rank(R[:, : i + 1]) == i + 1]
    estimate, se = fit_logit(X[:, first], x[rows][kept])
    return int(rows.sum()), estimate, se


def agree(study: Study, spec: ModelSpec, terms: Mapping[str, Sequence[str]]) -> None:
    """Compare each row with the slow loop, at 1e-8 for logistic and 1e-10 for linear."""
    frame = scan_cohort(study.cohort, spec, covariates=study.covariates).frame
    assert set(frame["status"]) == {"ok"}, frame.filter(pl.col("status") != "ok")
    tolerance = 1e-10 if spec.family == "linear" else 1e-8
    for row in frame.iter_rows(named=True):
        people = np.ones(study.cohort.n, dtype=bool)
        if spec.strata is not None:
            column = study.cohort.samples[spec.strata].cast(pl.String)
            people = (column == row["stratum"]).to_numpy()
        n, estimate, se = fit_slowly(
            study,
            int(row["protein"][1:]),
            row["exposure"],
            terms[row["adjustment"]],
            family=spec.family,
            how=spec.transform,
            people=people,
        )
        where = {k: row[k] for k in ("protein", "exposure", "adjustment", "stratum")}
        assert row["n"] == n, where
        assert abs(row["se"] - se) <= tolerance * se, (where, row["se"] / se - 1)
        assert abs(row["estimate"] - estimate) <= tolerance * max(abs(estimate), se), (
            where,
            (row["estimate"] - estimate) / se,
        )


NESTED: dict[str, Sequence[str]] = {
    "simple": ("age", "sex"),
    "full": ("age", "sex", "bmi", "C(site)", "C(batch)"),
}
CROSSED: dict[str, Sequence[str]] = {
    "sites": ("age", "C(site)"),
    "batches": ("sex", "C(batch)", "bmi"),
    "none": (),
}


def formulas(sets: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {label: " + ".join(terms) or "1" for label, terms in sets.items()}


@pytest.mark.parametrize("n", [200, 2600])
@pytest.mark.parametrize("family", ["linear", "logistic"])
@pytest.mark.parametrize("sets", [NESTED, CROSSED], ids=["nested", "crossed"])
def test_scan_equals_the_slow_loop(n: int, family: Any, sets: Mapping[str, Sequence[str]]) -> None:
    agree(make_study(n, seed=n), ModelSpec(family, ("iso", "lo"), formulas(sets)), sets)


@pytest.mark.parametrize("n", [200, 2600])
@pytest.mark.parametrize("family", ["linear", "logistic"])
@pytest.mark.parametrize("kind", ["protein", "panel"])
def test_scan_with_own_covariates_equals_the_slow_loop(n: int, family: Any, kind: str) -> None:
    sets = {"some": ("timegap", "age"), "without": ("age", "C(batch)")}
    study = with_timegap(make_study(n, seed=7), kind)
    agree(study, ModelSpec(family, ("iso",), formulas(sets)), sets)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_scan_with_a_covariate_that_panels_share_equals_the_slow_loop(family: Any) -> None:
    sets = {"some": ("timegap", "age")}
    study = with_timegap(make_study(300, seed=8, proteins=20), "panel")
    agree(study, ModelSpec(family, ("lo",), formulas(sets)), sets)


@pytest.mark.parametrize("how", ["none", "log2", "zscore", "rint"])
@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_scan_of_each_transform_equals_the_slow_loop(family: Any, how: Any) -> None:
    sets = {"some": ("age", "bmi")}
    study = make_study(400, seed=9)
    agree(study, ModelSpec(family, ("lo",), formulas(sets), transform=how), sets)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_scan_by_strata_equals_the_slow_loop_in_each(family: Any) -> None:
    sets = {"some": ("age", "C(batch)")}
    study = make_study(900, seed=10)
    agree(study, ModelSpec(family, ("iso", "lo"), formulas(sets), strata="sex"), sets)


def test_linear_scan_of_a_continuous_exposure_equals_the_slow_loop() -> None:
    agree(make_study(2600, seed=11), ModelSpec("linear", ("dose",), formulas(NESTED)), NESTED)


@pytest.mark.parametrize("n", [300, 2600])
@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_nearly_collinear_covariates_do_not_cost_accuracy(n: int, family: Any) -> None:
    sets = {"both": ("age", "age_again", "bmi")}
    agree(make_study(n, seed=12), ModelSpec(family, ("lo",), formulas(sets)), sets)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_scan_of_five_thousand_people_equals_the_slow_loop(family: Any) -> None:
    sets = {"full": ("timegap", "age", "sex", "bmi", "C(site)", "C(batch)")}
    study = with_timegap(make_study(5000, seed=13), "protein")
    agree(study, ModelSpec(family, ("iso", "lo"), formulas(sets)), sets)
