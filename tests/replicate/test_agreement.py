"""What two halves have in common: by plain formulas, and by what is known of simulated ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr._typing import F64
from proteomr.association import ModelSpec
from proteomr.errors import UsageError
from proteomr.models import IvOptions
from proteomr.replicate import Folds, RandomHalves, measure_agreement
from tests.replicate.people import make_people, make_proteins

MODEL = {"exposure": "lo", "outcome": None, "adjustment": "a", "effect": None, "contrast": None}


def half(estimate: Any, se: Any = 1.0, p: Any = 1.0) -> pl.DataFrame:
    rows = len(estimate)
    numbers = {"estimate": estimate, "se": se, "p_bonferroni": p}
    filled = {k: v if isinstance(v, list) else [v] * rows for k, v in numbers.items()}
    kinds = dict.fromkeys(MODEL, pl.String) | dict.fromkeys(filled, pl.Float64)
    return pl.DataFrame({**{k: [v] * rows for k, v in MODEL.items()}, **filled}, schema=kinds)


def measure(first: pl.DataFrame, second: pl.DataFrame) -> dict[str, Any]:
    [row] = measure_agreement(first, second)
    return row


def test_only_what_both_halves_estimate_is_compared() -> None:
    first = half([1.0, -2.0, None, 4.0, 5.0], p=[0.01, 0.06, 0.01, 0.04, None])
    second = half([1.5, 2.0, 3.0, 3.0, None], p=[0.04, 0.01, 0.01, 0.06, 0.01])
    row = measure(first, second)
    assert row["proteins"] == 3
    wanted = np.corrcoef([1.0, -2.0, 4.0], [1.5, 2.0, 3.0])[0, 1]
    assert row["r_effects"] == pytest.approx(wanted, rel=1e-14)
    assert row["sign_agreement"] == pytest.approx(2 / 3)
    assert (row["hits1"], row["hits2"], row["hits_both"]) == (3, 4, 2)


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
def test_units_change_no_agreement(unit: float) -> None:
    g = np.random.default_rng(1)
    a, b = g.normal(size=(2, 30))
    plain = measure(half(a.tolist(), 0.3), half(b.tolist(), 0.2))
    scaled = measure(half((a * unit).tolist(), 0.3 * unit), half(b.tolist(), 0.2))
    for name in ("r_effects", "r_allowed", "sign_agreement"):
        assert scaled[name] == pytest.approx(plain[name], rel=1e-12)


@pytest.mark.parametrize(
    ("first", "second"),
    [([1.0, 2.0], [1.0, 3.0]), ([0.1] * 4, [1.0, 2.0, 3.0, 4.0]), ([0.0] * 3, [0.0] * 3), ([], [])],
)
def test_what_does_not_vary_has_no_correlation(first: list[float], second: list[float]) -> None:
    if not first:
        assert list(measure_agreement(half(first), half(second))) == []
        return
    row = measure(half(first), half(second))
    assert (row["r_effects"], row["r_corrected"]) == (None, None)


def test_estimates_that_vary_no_more_than_errors_do_have_no_corrected_r() -> None:
    g = np.random.default_rng(1)
    row = measure(half(g.normal(size=50).tolist(), 2.0), half(g.normal(size=50).tolist(), 2.0))
    assert row["r_allowed"] is None
    assert row["r_corrected"] is None


def test_the_correlation_that_errors_allow_is_that_of_the_same_effects() -> None:
    g = np.random.default_rng(2)
    found, allowed, corrected = [], [], []
    for _ in range(200):
        mu: F64 = g.normal(0, 1, 300)
        se = (g.uniform(0.5, 1.0, 300), g.uniform(0.8, 1.5, 300))
        row = measure(*(half((mu + s * g.normal(size=300)).tolist(), s.tolist()) for s in se))
        found.append(row["r_effects"])
        allowed.append(row["r_allowed"])
        corrected.append(row["r_corrected"])
    assert np.mean(allowed) == pytest.approx(np.mean(found), abs=0.01)
    assert np.mean(corrected) == pytest.approx(1.0, abs=0.02)


def test_the_table_has_a_row_for_each_split_and_model() -> None:
    people = make_people(500)
    spec = ModelSpec("linear", ("iso", "lo"), {"few": "age", "more": "age + sex"})
    results = proteomr.replicate(
        people, make_proteins(people, 8), models=spec, scheme=Folds(3), keep_fits=True, threads=1
    )
    table = results.table()
    assert table.select("split", "exposure", "adjustment").rows() == [
        (str(k), exposure, label)
        for k in (1, 2, 3)
        for exposure in ("iso", "lo")
        for label in ("few", "more")
    ]
    fits = results.table("replication_fits")
    for row in table.iter_rows(named=True):
        here = fits.filter(
            pl.col("split") == row["split"],
            pl.col("exposure") == row["exposure"],
            pl.col("adjustment") == row["adjustment"],
        )
        one, two = (here.filter(half=h) for h in (1, 2))
        r = np.corrcoef(one["estimate"], two["estimate"])[0, 1]
        assert row["r_effects"] == pytest.approx(r, rel=1e-12)
        hits = [(part["p_bonferroni"] < 0.05).to_numpy() for part in (one, two)]
        assert row["hits_both"] == int((hits[0] & hits[1]).sum())
        complete = people.drop_nulls([row["exposure"], "age"]).height
        assert row["n1"] + row["n2"] == complete
    summary = results.summary().filter(measure="r_effects", exposure="lo", adjustment="few")
    of = table.filter(exposure="lo", adjustment="few")["r_effects"].to_numpy()
    assert summary["mean"][0] == pytest.approx(of.mean())
    assert summary["median"][0] == pytest.approx(np.median(of))
    assert summary["sd"][0] == pytest.approx(of.std(ddof=1))


def test_half_of_people_without_cases_are_rows_with_a_status() -> None:
    people = make_people(60).with_columns(iso=pl.Series([1.0] * 3 + [0.0] * 57))
    spec = ModelSpec("logistic", ("iso",), {"few": "age"})
    results = proteomr.replicate(
        people, make_proteins(people, 3), models=spec, scheme=Folds(10), keep_fits=True, threads=1
    )
    fits = results.table("replication_fits").filter(half=2)
    assert fits.height == 30
    nobody = fits.filter(n_case=0)
    assert nobody.height == 22  # a protein missing for the one case of a fold has none either
    assert (nobody["status"] == "ok").sum() == nobody["estimate"].count() == 0
    without = results.table().filter(pl.col("split").is_in(nobody["split"].implode()))
    assert without["r_effects"].null_count() >= 7
    assert results.failed >= 22


def test_a_difference_by_sex_has_a_row_of_its_own() -> None:
    people = make_people(400)
    spec = ModelSpec("linear", ("lo",), {"few": "age"}, interaction="sex")
    results = proteomr.replicate(
        people, make_proteins(people, 5), models=spec, scheme=RandomHalves(2), threads=1
    )
    assert results.table()["effect"].to_list() == [None, "by sex M vs F"] * 2


def test_coefficients_and_strata_are_of_associate() -> None:
    people = make_people(100)
    iv = IvOptions(("weight",))
    specs = {
        "coefficients are written": ModelSpec("iv", ("lo",), {"a": "1"}, iv=iv, coefficients=True),
        "strata and splits both divide": ModelSpec("linear", ("lo",), {"a": "1"}, strata="sex"),
    }
    for said, spec in specs.items():
        with pytest.raises(UsageError, match=said):
            proteomr.replicate(people, make_proteins(people, 3), models=spec, threads=1)
