"""A level whose people all lack a protein is none of its fit's, weighted or not, on every path."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import associate
from proteomr.models import IvOptions
from tests.association.cohorts import make_samples

IV = IvOptions(("assigned", "distance"))
ASKED: dict[str, dict[str, Any]] = {
    "linear": {"family": "linear", "exposure": "iso"},
    "HC1": {"family": "linear", "exposure": "iso", "errors": "HC1"},
    "CR1": {"family": "linear", "exposure": "iso", "errors": "CR1", "cluster": "house"},
    "outcome": {"family": "linear", "outcome": "distance"},
    "interaction": {"family": "linear", "exposure": "iso", "interaction": "sex"},
    "iv": {"family": "iv", "exposure": "iso", "iv": IV},
    "iv-HC1": {"family": "iv", "exposure": "iso", "iv": IV, "errors": "HC1"},
    "logistic": {"family": "logistic", "exposure": "iso"},
    "logistic-HC1": {"family": "logistic", "exposure": "iso", "errors": "HC1"},
    "ordinal": {"family": "ordinal", "exposure": "level"},
    "multinomial": {"family": "multinomial", "exposure": "level"},
}
NUMBERS = ("estimate", "se", "df", "neg_log10_p", "conf_low", "conf_high")


def make(n: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return people, and proteins of which one is missing in all of a site, one in all but one."""
    g = np.random.default_rng(n)
    site = g.choice(list("abcde"), n, p=[0.5, 0.3, 0.15, 0.04, 0.01])
    samples = make_samples(n).with_columns(
        site=pl.Series(site),
        weight=pl.Series(np.exp(g.normal(0, 1.5, n))),
        level=pl.Series(g.choice(["low", "mid", "top"], n)),
        age=pl.Series(g.normal(56e6, 8e6, n)),
    )
    values = g.normal(10, 1, (n, 3))
    values[site == "e", 0] = np.nan
    values[(site == "e") | (site == "d"), 1] = np.nan
    values[np.flatnonzero(site == "e")[1:], 2] = np.nan
    values[g.random((n, 3)) < 0.03] = np.nan
    values[np.flatnonzero(site == "e")[0], 2] = 10.0
    proteins = pl.DataFrame(values, schema=["P0", "P1", "P2"]).fill_nan(None)
    return samples, proteins.insert_column(0, samples["id"])


@pytest.mark.parametrize("weights", [None, "weight"])
@pytest.mark.parametrize("n", [500, 4_500])
@pytest.mark.parametrize("name", ASKED)
def test_a_fit_is_that_of_the_people_who_have_the_protein(
    name: str, n: int, weights: str | None
) -> None:
    samples, proteins = make(n)
    asked: dict[str, Any] = {"adjust": {"m": "age + site"}, "transform": "none", "threads": 1}
    asked |= {"id_column": "id"} | ASKED[name] | ({} if weights is None else {"weights": weights})
    found = associate(samples, proteins, **asked).table()
    for protein in ("P0", "P1", "P2"):
        has = proteins.drop_nulls(protein).select("id", protein)
        those = samples.join(has, on="id", how="semi")
        alone = associate(those, has, **asked).table()
        ours = found.filter(protein=protein)
        assert ours.select("n", "status").equals(alone.select("n", "status"))
        assert (ours["status"] == "ok").any()
        for number in NUMBERS:
            np.testing.assert_allclose(
                ours[number].cast(pl.Float64), alone[number].cast(pl.Float64), rtol=2e-8,
                err_msg=f"{protein} {number}",
            )  # fmt: skip
