"""Effects per standard deviation of the trait, as gsmr2 has them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import NothingToDo
from proteomr.gwas import munge
from proteomr.gwas.standardising import standardise_effects


def test_effects_are_those_of_gsmr2_1_1_1(reference: Path) -> None:
    data = pl.read_csv(reference / "mr" / "data" / "gsmr_sub100.csv")
    stored = json.loads((reference / "mr" / "expected" / "gsmr_sub100.json").read_text("utf-8"))
    wanted = next(entry["result"] for entry in stored if entry["method"] == "std_effect")
    sides = {name: f"{name}_exposure" for name in ("beta", "se", "eaf", "n")}
    rows, told = standardise_effects(data.select(**{a: pl.col(b) for a, b in sides.items()}))
    assert told.all()
    np.testing.assert_allclose(rows["beta"], wanted["b"], rtol=1e-12)
    np.testing.assert_allclose(rows["se"], wanted["se"], rtol=1e-12)


def test_a_regression_on_a_trait_of_variance_one_is_found_again() -> None:
    random = np.random.default_rng(1)
    copies = random.binomial(2, 0.3, 4000).astype(float)
    y = 0.2 * copies + random.normal(size=4000)
    y = (y - y.mean()) / y.std()
    x = copies - copies.mean()
    beta = float(x @ y / (x @ x))
    se = float(np.sqrt(np.sum((y - x * beta) ** 2) / 3998 / (x @ x)))
    scaled = {"beta": [17.0 * beta], "se": [17.0 * se], "eaf": [copies.mean() / 2], "n": [4000.0]}
    rows, _ = standardise_effects(pl.DataFrame(scaled))
    assert rows["beta"].item() == pytest.approx(beta, rel=0.02)  # genotypes not quite in HWE
    assert rows["se"].item() == pytest.approx(se, rel=0.02)


def make(**columns: list[float | None]) -> pl.DataFrame:
    known = {
        "rsid": ["rs1", "rs2", "rs3"],
        "effect_allele": ["A"] * 3,
        "other_allele": ["G"] * 3,
        "beta": [0.3, -0.6, 0.1],
        "se": [0.1, 0.1, 0.1],
        "eaf": [0.5, 0.2, 0.3],
        "n": [991.0] * 3,
    }
    return pl.DataFrame(known | columns)


def test_munging_standardises_and_counts_what_cannot_be() -> None:
    found = munge(make(n=[991.0, None, 991.0], eaf=[0.5, 0.2, None]), zstd=True)
    table = found.table()
    assert table["rsid"].to_list() == ["rs1"]
    assert table["se"].item() == pytest.approx((2 * 0.25 * 1000) ** -0.5)
    assert table["beta"].item() / table["se"].item() == pytest.approx(3.0)
    drops = dict(found.table("drops").select("reason", "n").iter_rows())
    assert drops["size_or_frequency_missing"] == 2
    plain = munge(make()).table()
    assert plain["beta"].to_list() == [0.3, -0.6, 0.1]


def test_units_of_the_trait_do_not_count() -> None:
    first, other = (
        munge(make(), zstd=True),
        munge(make(beta=[30.0, -60.0, 10.0], se=[10.0] * 3), zstd=True),
    )
    np.testing.assert_allclose(first.table()["beta"], other.table()["beta"], rtol=1e-14)


def test_no_row_with_size_and_frequency_is_one_line() -> None:
    with pytest.raises(NothingToDo, match="--zstd needs frequencies and people"):
        munge(make(n=[None] * 3), zstd=True)
