"""Outcomes are transformed within the rows of each fit, in every family that takes numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import associate
from proteomr.models import IvOptions
from proteomr.stats.transforms import transform_block
from tests.association.cohorts import make_samples, make_values

FAMILIES: dict[str, dict[str, Any]] = {
    "linear": {"family": "linear"},
    "iv": {"family": "iv", "iv": IvOptions(("assigned", "distance"))},
    "liml": {"family": "iv", "iv": IvOptions(("assigned", "distance"), estimator="liml")},
    "gmm": {"family": "iv", "iv": IvOptions(("assigned", "distance"), estimator="gmm")},
    "mixed": {"family": "mixed", "random": "1|house"},
}
NUMBERS = ("estimate", "se", "df", "neg_log10_p", "conf_low", "conf_high")


def make(n: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return people with a skewed outcome of their own, and three proteins with values missing."""
    g = np.random.default_rng(n)
    samples = make_samples(n)
    values = make_values(n, 3)
    outcome = np.exp(0.3 * np.nan_to_num(values[:, 0]) + g.normal(0, 0.7, n))
    outcome[g.random(n) < 0.05] = np.nan
    names = [f"P{i}" for i in range(3)]
    proteins = pl.DataFrame(values, schema=names).fill_nan(None)
    samples = samples.with_columns(crp=pl.Series(outcome).fill_nan(None))
    return samples, proteins.insert_column(0, samples["id"])


def transform(values: Any, kind: Any) -> Any:
    if kind == "log":
        return np.log(values)
    out = np.empty((1, values.size))
    transform_block(values[None].copy(), out, transform=kind)
    return out[0]


@pytest.mark.parametrize("n", [300, 4_500])
@pytest.mark.parametrize("kind", ["rint", "log", "zscore"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_fit_is_that_of_the_outcome_transformed_before_on_its_rows(
    family: str, kind: Any, n: int
) -> None:
    samples, proteins = make(n)
    asked: dict[str, Any] = {
        "adjust": {"m": "age"},
        "outcome": "crp",
        "id_column": "id",
        "threads": 1,
    }
    found = associate(
        samples, proteins, outcome_transform=kind, **FAMILIES[family], **asked
    ).table()
    assert found["status"].unique().to_list() == ["ok"]
    for name in ("P0", "P2"):
        beside = samples.join(proteins.select("id", name), on="id")
        needed = ["crp", "age", name]
        needed += ["house"] if family == "mixed" else []
        needed += [] if family in {"linear", "mixed"} else ["assigned", "distance"]
        rows = beside.drop_nulls(needed).drop(name)
        rows = rows.with_columns(crp=pl.Series(transform(rows["crp"].to_numpy(), kind)))
        alone = associate(rows, proteins.select("id", name), **FAMILIES[family], **asked).table()
        ours = found.filter(protein=name)
        assert ours["n"].to_list() == alone["n"].to_list()
        for number in NUMBERS:
            np.testing.assert_allclose(
                ours[number].cast(float), alone[number].cast(float), rtol=2e-8, err_msg=number
            )


@pytest.mark.parametrize("family", FAMILIES)
def test_an_outcome_without_logarithm_on_the_rows_of_a_fit_is_told(family: str) -> None:
    samples, proteins = make(300)
    who = proteins["P0"].is_null().arg_true()[0]
    samples = samples.with_columns(
        crp=pl.when(pl.int_range(300) == who).then(-1.0).otherwise(pl.col("crp")),
        age=pl.col("age").fill_null(56.0),
        house=pl.col("house").fill_null(pl.col("house").first()),
    )
    found = associate(
        samples, proteins, outcome="crp", outcome_transform="log", adjust={"m": "1"},
        id_column="id", threads=1, **FAMILIES[family],
    ).table()  # fmt: skip
    told = dict(found.select("protein", "status").rows())
    assert told["P0"] == "ok"
    assert told["P2"] == "untransformed"
