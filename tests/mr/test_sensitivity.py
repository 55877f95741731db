from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.mr.methods.ivw import InverseVarianceWeighted
from proteomr.mr.sensitivity import (
    leave_one_out,
    measure_heterogeneity,
    measure_pleiotropy,
    split_variants,
)
from tests.mr.reference import read_expected, read_set
from tests.mr.test_estimate import make_pair

METHODS = {"Inverse variance weighted": "ivw", "MR Egger": "egger"}


def cases(reference: Path, method: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted((reference / "mr" / "expected").glob("*.json")):
        if not (reference / "mr" / "data" / f"{file.stem}.csv").exists():
            continue
        for entry in read_expected(reference, file.stem):
            ours = entry["package"] == "TwoSampleMR" and entry["method"] == method
            if ours and isinstance(entry.get("result"), dict):
                yield file.stem, entry["result"]


def test_heterogeneity_is_that_of_twosamplemr_in_every_set(reference: Path) -> None:
    compared = 0
    for name, expected in cases(reference, "mr_heterogeneity"):
        if "method" not in expected:  # too few variants
            continue
        table = measure_heterogeneity([read_set(reference, name)])
        found = {row["method"]: row for row in table.iter_rows(named=True)}
        for label, q, p in zip(expected["method"], expected["Q"], expected["Q_pval"], strict=True):
            row = found.get(METHODS.get(label, ""))
            if row is None or q is None:
                continue
            assert row["q"] == pytest.approx(q, rel=1e-10), name
            assert row["p_value"] == pytest.approx(p, rel=1e-9), name
            compared += 1
    assert compared >= 60


def test_intercepts_are_those_of_twosamplemr_in_every_set(reference: Path) -> None:
    compared = 0
    for name, expected in cases(reference, "mr_pleiotropy_test"):
        table = measure_pleiotropy([read_set(reference, name)])
        if not table.height:
            continue
        row = table.row(0, named=True)
        for ours, theirs in (("egger_intercept", "egger_intercept"), ("se", "se")):
            assert row[ours] == pytest.approx(expected[theirs][0], rel=1e-9), name
        assert row["p_value"] == pytest.approx(expected["pval"][0], rel=1e-9), name
        compared += 1
    assert compared >= 30


@pytest.mark.parametrize(
    ("method", "tabulate"), [("mr_leaveoneout", leave_one_out), ("mr_singlesnp", split_variants)]
)
def test_variants_one_by_one_are_those_of_twosamplemr(
    reference: Path, method: str, tabulate: Any
) -> None:
    compared = 0
    for name, expected in cases(reference, method):
        theirs = dict(
            zip(expected["SNP"], zip(expected["b"], expected["se"], strict=True), strict=True)
        )
        for row in tabulate([read_set(reference, name)]).iter_rows(named=True):
            if row["variant_id"] == "all" or row["variant_id"] not in theirs:
                continue
            b, se = theirs[row["variant_id"]]
            if not np.isfinite(b):  # a variant without effect on the exposure
                assert row["estimate"] is None
                continue
            assert row["estimate"] == pytest.approx(b, rel=1e-11), name
            assert row["se"] == pytest.approx(se, rel=1e-11), name
            compared += 1
    assert compared > 1_000


def test_leaving_one_out_is_estimating_without_it() -> None:
    pair = make_pair("slow", m=9)
    table = leave_one_out([pair])
    random = np.random.default_rng(1)
    for i in range(pair.m):
        rest = pair.select(np.delete(np.arange(pair.m), i))
        alone = InverseVarianceWeighted().estimate(rest, random=random)
        row = table.row(i, named=True)
        assert row["estimate"] == pytest.approx(alone.estimate, rel=1e-11)
        assert row["se"] == pytest.approx(alone.se, rel=1e-10)
        assert row["neg_log10_p"] == pytest.approx(alone.neg_log10_p, rel=1e-9)
    assert table["variant_id"][-1] == "all"


@pytest.mark.parametrize("effect", [0.0, 1e-310, -5e-324])
def test_a_variant_without_effect_on_the_exposure_has_no_ratio(effect: float) -> None:
    from dataclasses import replace

    pair = make_pair("zero", m=4)
    x = pair.beta_x.copy()
    x[1] = effect
    table = split_variants([replace(pair, beta_x=x)])
    assert table.filter(pl.col("variant_id") == "rs1")["estimate"].null_count() == 1


def test_pairs_of_few_variants_have_the_rows_that_they_can_have() -> None:
    two, one = make_pair("two", m=2), make_pair("one", m=1)
    assert leave_one_out([two])["variant_id"].to_list() == ["all"]
    assert split_variants([one])["variant_id"].to_list() == ["rs0"]
    assert measure_pleiotropy([two, one]).height == 0
    assert measure_heterogeneity([two])["method"].to_list() == ["ivw", "maxlik"]


def test_effects_in_perfect_proportion_have_no_heterogeneity_and_no_fault() -> None:
    from dataclasses import replace

    pair = make_pair("proportional", m=5)
    exact = replace(pair, beta_y=0.5 * pair.x)
    table = measure_heterogeneity([exact])
    assert table["q"].max() < 1e-20  # type: ignore[operator]
    assert measure_pleiotropy([exact]).height == 1
