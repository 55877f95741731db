"""Additive interaction and changes of several imputations: Rubin's rules by hand, on each scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from proteomr._typing import F64
from proteomr.association import associate
from proteomr.models import Further, IvOptions

STORED = Path(__file__).resolve().parents[1] / "reference"
SAMPLES, PROTEINS = STORED / "imputed_samples.csv", STORED / "imputed_proteins.csv"


@pytest.fixture(scope="module")
def long() -> pl.DataFrame:
    return pl.read_csv(SAMPLES, infer_schema_length=None)


def scan_each(long: pl.DataFrame, table: str, **asked: Any) -> list[pl.DataFrame]:
    return [
        associate(part.drop(".imp").rename({".id": "ID"}), PROTEINS, **asked).table(table)
        for _, part in long.filter(pl.col(".imp") > 0).group_by([".imp"], maintain_order=True)
    ]


def pool(estimate: F64, se: F64, complete: F64) -> tuple[F64, F64, F64]:
    """Return estimate, error and degrees of freedom by Barnard and Rubin's formulae."""
    m = estimate.shape[0]
    between = (1 + 1 / m) * estimate.var(axis=0, ddof=1)
    total = (se**2).mean(axis=0) + between
    share = between / total
    old = (m - 1) / share**2
    seen = (complete + 1) / (complete + 3) * complete * (1 - share)
    return estimate.mean(axis=0), np.sqrt(total), old * seen / (old + seen)


def test_measures_of_additive_interaction_are_pooled_each_on_its_own_scale(
    long: pl.DataFrame,
) -> None:
    asked: dict[str, Any] = {
        "family": "logistic", "exposure": "lonely", "adjust": {"m": "age + sex + bmi"},
        "interaction": "sex", "further": Further(additive=True), "level": 0.9,
    }  # fmt: skip
    results = associate(SAMPLES, PROTEINS, **asked)
    found = results.table("additive_interaction")
    each = scan_each(long, "additive_interaction", **asked)
    assert found.height == each[0].height
    assert set(found["measure"]) == {"reri", "ap", "s"}
    of_ratio = (found["measure"] == "s").to_numpy()
    estimate = np.array([one["estimate"].cast(pl.Float64).to_numpy() for one in each])
    estimate[:, of_ratio] = np.log(estimate[:, of_ratio])
    se = np.array([one["se"].cast(pl.Float64).to_numpy() for one in each])
    # intercept, age, sex, bmi, protein and product
    people = results.table().filter(pl.col("term") != "lonely:sex")
    n = dict(zip(people["protein"], people["n"], strict=True))
    complete = np.array([n[p] - 6.0 for p in found["protein"]])
    wanted, error, df = pool(estimate, se, complete)
    reach = stats.t.ppf(0.95, df) * error
    low, high = wanted - reach, wanted + reach
    for numbers in (wanted, low, high):
        numbers[of_ratio] = np.exp(numbers[of_ratio])
    p = 2 * stats.t.sf(np.abs(estimate.mean(axis=0) / error), df)
    for name, values in (
        ("estimate", wanted), ("se", error), ("conf_low", low), ("conf_high", high), ("p_value", p),
    ):  # fmt: skip
        ours = found[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        np.testing.assert_allclose(ours, values, rtol=1e-10, err_msg=name)
    assert np.isfinite(wanted).any()


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_changes_by_a_covariate_are_pooled_and_the_share_is_of_the_pooled(
    long: pl.DataFrame, family: str
) -> None:
    asked: dict[str, Any] = {
        "family": family, "exposure": "lonely", "adjust": {"m": "age"},
        "further": Further(add_one="bmi"),
    }  # fmt: skip
    found = associate(SAMPLES, PROTEINS, **asked).table("covariate_changes")
    each = scan_each(long, "covariate_changes", **asked)
    assert found.height == each[0].height > 0
    change, se, base = (
        np.array([one[name].to_numpy() for one in each])
        for name in ("change", "se", "estimate_base")
    )
    mean = change.mean(axis=0)
    total = (se**2).mean(axis=0) + 1.25 * change.var(axis=0, ddof=1)
    np.testing.assert_allclose(found["change"], mean, rtol=1e-10)
    np.testing.assert_allclose(found["se"], np.sqrt(total), rtol=1e-10)
    np.testing.assert_allclose(found["estimate_base"], base.mean(axis=0), rtol=1e-10)
    both = found["estimate"] - found["estimate_base"]
    np.testing.assert_allclose(both, found["change"], rtol=1e-8)
    np.testing.assert_allclose(found["percent"], 100 * mean / base.mean(axis=0), rtol=1e-10)
    assert found["percent_low"].null_count() == found["percent_high"].null_count() == found.height
    assert (found["conf_low"] < found["change"]).all()
    assert set(found["status"].cast(pl.String)) == {"ok"}


def test_a_change_that_one_imputation_lacks_says_in_which(long: pl.DataFrame) -> None:
    odd = long.with_columns(
        pl.when(pl.col(".imp") == 3).then(2.0 * pl.col("age")).otherwise(pl.col("bmi")).alias("bmi")
    )
    found = associate(
        odd, PROTEINS, family="linear", exposure="lonely", adjust={"m": "age"},
        further=Further(add_one="bmi"),
    ).table("covariate_changes")  # fmt: skip
    assert set(found["status"].cast(pl.String)) == {"not_identified"}
    assert found["message"][0] == "imputation 3: the covariate follows from the others"
    for name in ("change", "estimate", "estimate_base", "percent", "p_value"):
        assert found[name].null_count() == found.height


def test_tables_without_errors_of_their_numbers_are_not_written(
    long: pl.DataFrame, tmp_path: Path
) -> None:
    instrument = pl.col("age") * 0.1 + pl.col(".id") % 7
    results = associate(
        long.with_columns(z=instrument), PROTEINS, family="iv", exposure="lonely",
        adjust={"m": "sex"}, iv=IvOptions(("z",)), out=tmp_path / "iv",
    )  # fmt: skip
    assert results.table().height == 4
    assert not list((tmp_path / "iv").glob("iv_diagnostics*"))
    said = (tmp_path / "iv" / "manifest.json").read_text(encoding="utf-8")
    assert "not written, since it is of single fits: iv_diagnostics" in said
