"""Interactions, weights, robust and clustered errors in a scan: against statsmodels, and R's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

from proteomr._typing import F64, Bool
from proteomr.association import ModelSpec, scan_cohort
from proteomr.io import read_cohort, read_protein_covariate
from proteomr.stats.sandwich import CLUSTERED, ROBUST, ErrorKind
from proteomr.tables import Cohort
from tests.association.modified_cohorts import (
    CLUSTERS,
    PROTEINS,
    N,
    make_cohort,
    make_samples,
    make_values,
    spec_of,
)

Expected = Callable[[str], dict[str, Any]]
FAMILIES = ["linear", "logistic"]  # those that the oracle below fits


def dummies(column: pl.Series, levels: list[Any]) -> F64:
    return np.column_stack([(column == level).to_numpy() for level in levels]).astype(np.float64)


def numeric(samples: pl.DataFrame, name: str) -> F64:
    return samples[name].to_numpy().astype(np.float64)


def design_of(samples: pl.DataFrame, x: F64, by: F64 | None = None) -> F64:
    """Return x, its products with the columns of `by`, `by`, the intercept, age and site."""
    products = [] if by is None else [x[:, None] * by, by]
    covariates = [np.ones(N), numeric(samples, "age"), dummies(samples["site"], ["b", "c"])]
    return np.column_stack([x, *products, *covariates])


def problem_of(
    family: str, samples: pl.DataFrame, p: F64, by: F64 | None = None
) -> tuple[F64, F64, Bool]:
    """Return the response, the predictors and the complete rows of a model of one protein."""
    iso, rows = numeric(samples, "iso"), ~np.isnan(p)
    x, y = (iso, p) if family == "linear" else (p, iso)
    return y[rows], design_of(samples, x, by)[rows], rows


def fit_theirs(family: str, y: F64, X: F64, **more: Any) -> Any:
    """Fit with statsmodels, exactly."""
    if family == "linear":
        return sm.OLS(y, X).fit(use_t=True, **more)
    return sm.Logit(y, X).fit(disp=0, method="newton", tol=1e-12, **more)


def rows_of(frame: pl.DataFrame, protein: str) -> list[dict[str, Any]]:
    return frame.filter(pl.col("protein") == protein).to_dicts()


INTERACTIONS = [
    ("C(edu)", "edu", ["2 vs 1", "3 vs 1"]),
    ("site", "site", ["b vs a", "c vs a"]),
    ("sex", "sex", [None]),
    ("age", "age", [None]),
]


@pytest.mark.parametrize(("text", "name", "contrasts"), INTERACTIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_an_interaction_equals_statsmodels(
    family: Any, text: str, name: str, contrasts: list[str | None]
) -> None:
    cohort = make_cohort()
    found = scan_cohort(cohort, spec_of(family, interaction=text)).frame
    samples, values = cohort.samples, make_values(cohort.samples)
    by = {
        "edu": dummies(samples["edu"], [2, 3]),
        "site": dummies(samples["site"], ["b", "c"]),
        "sex": numeric(samples, "sex")[:, None],
        "age": numeric(samples, "age")[:, None],
    }[name]
    for i in range(PROTEINS):
        beside = by if name in {"edu", "sex"} else by[:, :0]
        y, X, rows = problem_of(family, samples, values[:, i], beside)
        x = X[:, 0]
        X = X if name in {"edu", "sex"} else np.column_stack([x, x[:, None] * by[rows], X[:, 1:]])
        theirs = fit_theirs(family, y, X)
        ours = rows_of(found, f"P{i}")
        main = "iso" if family == "linear" else f"P{i}"
        assert [row["term"] for row in ours] == [main] + [f"{main}:{name}"] * len(contrasts)
        assert [row["contrast"] for row in ours] == ["1 vs 0", *contrasts]
        for t, row in enumerate(ours):
            assert (row["status"], row["n"]) == ("ok", y.size)
            assert row["estimate"] == pytest.approx(theirs.params[t], rel=1e-8, abs=1e-11)
            assert row["se"] == pytest.approx(theirs.bse[t], rel=1e-8)
            assert row["p_value"] == pytest.approx(theirs.pvalues[t], rel=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_main_effect_of_the_interaction_may_be_in_the_adjustment_set_already(
    family: Any,
) -> None:
    cohort = make_cohort()
    without = scan_cohort(cohort, spec_of(family, interaction="sex")).frame
    within = scan_cohort(
        cohort, spec_of(family, interaction="sex", adjust={"one": "age + C(site) + sex"})
    ).frame
    np.testing.assert_allclose(within["estimate"], without["estimate"], rtol=1e-9)
    np.testing.assert_allclose(within["se"], without["se"], rtol=1e-9)


def test_the_protein_is_transformed_within_the_rows_of_the_fit() -> None:
    samples = make_samples()
    sex = samples["sex"].cast(pl.Float64).set(pl.Series(np.arange(N) % 11 == 0), None)
    cohort = make_cohort(samples.with_columns(sex), make_values(samples))
    found = scan_cohort(cohort, spec_of("linear", interaction="sex", transform="rint")).frame
    kept = sex.is_not_null().to_numpy()
    p = np.where(kept, make_values(samples)[:, 0], np.nan)
    y, X, rows = problem_of("linear", samples, p, numeric(samples, "sex")[:, None])
    y = stats.norm.ppf((stats.rankdata(y) - 0.375) / (y.size + 0.25))
    theirs = fit_theirs("linear", y, X)
    ours = rows_of(found, "P0")
    assert ours[0]["n"] == rows.sum()
    for t in (0, 1):
        assert ours[t]["estimate"] == pytest.approx(theirs.params[t], rel=1e-8)
        assert ours[t]["se"] == pytest.approx(theirs.bse[t], rel=1e-8)


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_equal_statsmodels(family: Any) -> None:
    cohort = make_cohort()
    found = scan_cohort(cohort, spec_of(family, weights="weight")).frame
    values = make_values(cohort.samples)
    for i in range(PROTEINS):
        y, X, rows = problem_of(family, cohort.samples, values[:, i])
        w = numeric(cohort.samples, "weight")[rows]
        if family == "linear":
            theirs = sm.WLS(y, X, weights=w).fit()
        else:
            model = sm.GLM(y, X, family=sm.families.Binomial(), var_weights=w)
            theirs = model.fit(tol=1e-14)
        row = rows_of(found, f"P{i}")[0]
        assert row["estimate"] == pytest.approx(theirs.params[0], rel=1e-8)
        assert row["se"] == pytest.approx(theirs.bse[0], rel=1e-8)
        assert row["p_value"] == pytest.approx(theirs.pvalues[0], rel=1e-6)
        assert row["df"] == (float(theirs.df_resid) if family == "linear" else None)


@pytest.mark.parametrize("family", FAMILIES)
def test_equal_weights_are_no_weights_and_whole_ones_are_copies(family: Any) -> None:
    samples, values = make_samples(), make_values(make_samples())
    plain = scan_cohort(make_cohort(samples, values), spec_of(family)).frame
    counts = np.random.default_rng(2).integers(1, 4, N)
    equal = samples.with_columns(weight=pl.lit(1.0))
    found = scan_cohort(make_cohort(equal, values), spec_of(family, weights="weight")).frame
    np.testing.assert_allclose(found["estimate"], plain["estimate"], rtol=1e-8)
    np.testing.assert_allclose(found["se"], plain["se"], rtol=1e-8)
    copied = samples[np.repeat(np.arange(N), counts)]
    copied = copied.with_columns(id=pl.Series([f"{i:05d}" for i in range(copied.height)]))
    wanted = scan_cohort(make_cohort(copied, np.repeat(values, counts, axis=0)), spec_of(family))
    counted = samples.with_columns(weight=pl.Series(counts))
    found = scan_cohort(make_cohort(counted, values), spec_of(family, weights="weight")).frame
    np.testing.assert_allclose(found["estimate"], wanted.frame["estimate"], rtol=1e-8)


@pytest.mark.parametrize("kind", [*ROBUST, "CR0", "CR1"])
@pytest.mark.parametrize("family", FAMILIES)
def test_robust_errors_equal_statsmodels(family: Any, kind: Any) -> None:
    cohort = make_cohort()
    clustered = kind in CLUSTERED
    spec = spec_of(family, errors=kind, cluster="family" if clustered else None)
    found = scan_cohort(cohort, spec).frame
    values = make_values(cohort.samples)
    for i in range(PROTEINS):
        y, X, rows = problem_of(family, cohort.samples, values[:, i])
        groups = cohort.samples["family"].to_numpy()[rows]
        more: dict[str, Any] = {"cov_type": kind}
        scale = 1.0
        if clustered:
            more = {
                "cov_type": "cluster",
                "cov_kwds": {"groups": groups, "use_correction": False},
            }
            scale = np.sqrt(CLUSTERS / (CLUSTERS - 1)) if kind == "CR1" else 1.0
        wanted = fit_theirs(family, y, X, **more).bse[0] * scale
        if family == "logistic" and kind in {"HC1", "HC2", "HC3"}:
            wanted = logistic_errors(y, X, kind)
        row = rows_of(found, f"P{i}")[0]
        assert row["se"] == pytest.approx(wanted, rel=1e-8)
        df = float(CLUSTERS - 1 if clustered else y.size - X.shape[1])
        assert row["df"] == (df if family == "linear" else None)
        law = stats.t(df) if family == "linear" else stats.norm
        assert row["p_value"] == pytest.approx(2 * law.sf(abs(row["estimate"] / wanted)), rel=1e-6)


def logistic_errors(y: F64, X: F64, kind: str) -> float:
    """Return the first standard error by the formulas, row by row."""
    mu = fit_theirs("logistic", y, X).predict()
    bread = np.linalg.inv(X.T @ (X * (mu * (1 - mu))[:, None]))
    meat = np.zeros_like(bread)
    for row, residual, w in zip(X, y - mu, mu * (1 - mu), strict=True):
        hat = w * row @ bread @ row
        factor = {"HC1": y.size / (y.size - row.size), "HC2": 1 / (1 - hat), "HC3": (1 - hat) ** -2}
        meat += factor[kind] * residual**2 * np.outer(row, row)
    return float(np.sqrt((bread @ meat @ bread)[0, 0]))


def test_weighted_logistic_with_robust_errors_equals_the_formula() -> None:
    cohort = make_cohort()
    found = scan_cohort(cohort, spec_of("logistic", weights="weight", errors="HC0")).frame
    values = make_values(cohort.samples)
    y, X, rows = problem_of("logistic", cohort.samples, values[:, 0])
    w = numeric(cohort.samples, "weight")[rows]
    model = sm.GLM(y, X, family=sm.families.Binomial(), var_weights=w)
    fit = model.fit(tol=1e-14)
    mu = fit.predict()
    scores = X * (w * (y - mu))[:, None]
    bread = np.linalg.inv(X.T @ (X * (w * mu * (1 - mu))[:, None]))
    wanted = np.sqrt((bread @ scores.T @ scores @ bread)[0, 0])
    assert rows_of(found, "P0")[0]["se"] == pytest.approx(wanted, rel=1e-8)


def test_an_interaction_with_clustered_errors_equals_statsmodels() -> None:
    cohort = make_cohort()
    spec = spec_of("linear", interaction="sex", errors="CR1", cluster="family")
    ours = rows_of(scan_cohort(cohort, spec).frame, "P0")
    by = numeric(cohort.samples, "sex")[:, None]
    y, X, rows = problem_of("linear", cohort.samples, make_values(cohort.samples)[:, 0], by)
    groups = {"groups": cohort.samples["family"].to_numpy()[rows], "use_correction": False}
    theirs = fit_theirs("linear", y, X, cov_type="cluster", cov_kwds=groups)
    for t in (0, 1):
        wanted = theirs.bse[t] * np.sqrt(CLUSTERS / (CLUSTERS - 1))
        assert ours[t]["se"] == pytest.approx(wanted, rel=1e-8)
        assert ours[t]["df"] == CLUSTERS - 1


def test_robust_errors_on_real_proteins_equal_r_s(
    reference: Path, expected: Expected, tmp_path: Path
) -> None:
    data, values = reference / "association" / "data", expected("robust_lm")
    whole = read_cohort(data / "assoc_samples.csv", data / "assoc_log2rfu.csv.gz", scratch=tmp_path)
    cohort = choose(whole, list(values))
    kinds: list[tuple[ErrorKind, str]] = [("HC3", ""), ("CR1", "p_naive_t"), ("CR2", "p_satt")]
    for kind, p_name in kinds:
        spec = ModelSpec(
            "linear",
            ("sex",),
            {"one": "age + C(smoking)"},
            errors=kind,
            cluster="cluster" if p_name else None,
        )
        for row in scan_cohort(cohort, spec).frame.iter_rows(named=True):
            r = values[row["protein"]][kind]
            se, p = (r["se"][1], r[p_name][1]) if p_name else (r["se"]["sex"], r["p"]["sex"])
            assert row["se"] == pytest.approx(se, rel=1e-8)
            assert row["p_value"] == pytest.approx(p, rel=1e-8)


def choose(cohort: Cohort, names: list[str]) -> Cohort:
    proteins = cohort.proteins.select_columns(names)
    return Cohort(cohort.samples, cohort.id_column, proteins, pl.DataFrame({"protein": names}))


def test_interaction_with_sex_on_real_proteins_equals_r_s(
    reference: Path, expected: Expected, tmp_path: Path
) -> None:
    data, values = reference / "association" / "data", expected("interaction_sex")
    names, r = values["protein"][:200], values["x"]
    path = data / "assoc_proteins.parquet"
    cohort = choose(read_cohort(data / "assoc_samples.csv", path, scratch=tmp_path), names)
    timegap = read_protein_covariate(
        "timegap", data / "assoc_timegap.csv.gz", cohort=cohort, scratch=tmp_path
    )
    adjust = {"one": "sex + age + C(plate) + C(smoking) + bmi + timegap"}
    spec = ModelSpec("logistic", ("iso",), adjust, interaction="sex")
    frame = scan_cohort(cohort, spec, covariates=[timegap]).frame
    assert frame.height == 400
    main, product = frame[::2], frame[1::2]
    assert main["term"].to_list() == main["protein"].to_list() == names
    assert product["term"].to_list() == [f"{name}:sex" for name in names]
    usable = np.array([value is not None and np.isfinite(value) for value in r["beta"][:200]])
    assert usable.sum() >= 199
    assert np.array_equal((product["status"] == "ok").to_numpy(), usable)
    for found, name, tolerance in (
        (product["estimate"], "beta", 1e-6),
        (main["estimate"], "main_beta", 1e-6),
        (product["se"], "se", 1e-5),
        (main["se"], "main_se", 1e-5),
        (product["n"], "n", 0.0),
    ):
        wanted = np.array(r[name][:200], dtype=np.float64)
        np.testing.assert_allclose(
            found.to_numpy()[usable].astype(np.float64), wanted[usable], rtol=tolerance
        )


@pytest.mark.parametrize("kind", ROBUST)
def test_one_exposed_person_has_no_robust_error_of_its_own(kind: ErrorKind) -> None:
    samples = make_samples().with_columns(iso=pl.Series((np.arange(N) == 5).astype(float)))
    values = np.random.default_rng(2).normal(size=(N, PROTEINS))
    found = scan_cohort(make_cohort(samples, values), spec_of("linear", errors=kind)).frame
    if kind in ("HC2", "HC3"):
        assert found["status"].to_list() == ["too_few"] * PROTEINS
        assert found["se"].null_count() == PROTEINS
        assert "leverage 1" in found["message"][0]
    else:
        assert found["status"].to_list() == ["ok"] * PROTEINS
        assert "about 1.0 people" in found["message"][0]


def test_few_exposed_clusters_are_said() -> None:
    families = np.arange(N) % CLUSTERS
    samples = make_samples().with_columns(
        iso=pl.Series((families < 2).astype(float)), family=pl.Series(families)
    )
    values = np.random.default_rng(2).normal(size=(N, PROTEINS))
    spec = spec_of("linear", errors="CR1", cluster="family")
    found = scan_cohort(make_cohort(samples, values), spec).frame
    assert "clusters: too few" in found["message"][0]
