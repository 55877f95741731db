"""Effects that correlations turn against each other are no mismatch; other people's are one."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.finemapping.job import finemap
from proteomr.gwas.trait_facts import TraitFacts

N = 5000


def correlate(m: int, reach: float) -> F64:
    places = np.arange(float(m))
    return np.asarray(reach ** np.abs(np.subtract.outer(places, places)))


def fine_map(z: F64, r: F64) -> dict[str, Any]:
    names = [f"s{i}" for i in range(z.size)]
    beta = z / np.sqrt(N - 2 + z**2)
    rows = pl.DataFrame(
        {"snp": names, "position": range(z.size), "beta": beta, "varbeta": (1 - beta**2) / (N - 2)}
    )
    panel = pl.DataFrame(r, schema=names, orient="row")
    found = finemap(rows, panel, facts=TraitFacts(n=N), ld_values="r")
    return found.table("finemap").row(0, named=True)


@pytest.mark.parametrize("size", [6.0, 15.0])
@pytest.mark.parametrize("m", [6, 12, 40])
def test_opposed_effects_are_believed_with_the_correlations_of_the_study(
    m: int, size: float
) -> None:
    r = correlate(m, 0.8)
    noise = np.linalg.cholesky(r) @ np.random.default_rng(m).normal(size=m)
    row = fine_map(size * (r[1] - r[2]) + noise, r)
    told = "unchecked" if row["mismatch"] > 0.2 else "ok"
    assert row["status"] in (told, "not_converged")  # some take more than a hundred rounds
    assert "do not fit" not in (row["message"] or "")
    assert (told == "unchecked") == ("do not tell which" in (row["message"] or ""))


def test_a_few_variants_with_a_large_s_say_that_they_do_not_tell() -> None:
    r = correlate(6, 0.8)
    noise = np.linalg.cholesky(r) @ np.random.default_rng(6).normal(size=6)
    row = fine_map(6.0 * (r[1] - r[2]) + noise, r)
    assert row["mismatch"] > 0.2
    assert row["status"] == "unchecked"
    assert "6 variants do not tell which" in row["message"]


@pytest.mark.parametrize("seed", range(4))
def test_correlations_in_another_order_are_a_mismatch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    r = correlate(40, 0.8)
    z = 15.0 * (r[5] - r[20]) + np.linalg.cholesky(r) @ rng.normal(size=40)
    order = rng.permutation(40)
    row = fine_map(z, r[np.ix_(order, order)])
    assert row["status"] == "mismatched"
