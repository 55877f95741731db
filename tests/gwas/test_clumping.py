"""Clumps of correlated variants."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, InputError, UsageError
from proteomr.gwas.clumping import Clumping, assign_clumps
from proteomr.io.genetics.genotypes import open_genotypes
from proteomr.io.genetics.ld_matrices import LdMatrix


def make_case(seed: int, m: int = 40) -> tuple[pl.DataFrame, LdMatrix]:
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.standard_normal((m, 60)), axis=0) + 2 * rng.standard_normal((m, 60))
    variants = pl.DataFrame(
        {
            "variant_id": [f"v{i}" for i in range(m)],
            "chromosome": ["1"] * (m // 2) + ["2"] * (m - m // 2),
            "position_bp": np.sort(rng.integers(1, 2_000_000, m)),
            "neg_log10_p": rng.exponential(4.0, m).round(1),
        }
    )
    return variants, LdMatrix(variants.drop("neg_log10_p"), np.asarray(np.corrcoef(values)))


def clump_slowly(variants: pl.DataFrame, ld: LdMatrix, options: Clumping) -> dict[str, str | None]:
    left = sorted(
        variants.rows(named=True),
        key=lambda row: (-row["neg_log10_p"], row["chromosome"], row["position_bp"]),
    )
    place = {name: i for i, name in enumerate(ld.variants["variant_id"])}
    found: dict[str, str | None] = dict.fromkeys(variants["variant_id"])
    for row in left:
        name = row["variant_id"]
        if found[name] is not None or 10 ** -row["neg_log10_p"] > options.p1:
            continue
        found[name] = name
        for other in left:
            distance = abs(other["position_bp"] - row["position_bp"])
            if (
                found[other["variant_id"]] is None
                and other["chromosome"] == row["chromosome"]
                and distance <= options.kb * 1000
                and 10 ** -other["neg_log10_p"] <= options.p2
                and ld.r[place[name], place[other["variant_id"]]] ** 2 >= options.r2
            ):
                found[other["variant_id"]] = name
    return found


@pytest.mark.parametrize("entry", range(9))
def test_clumps_are_those_of_plink(reference: Path, entry: int) -> None:
    folder = reference / "mr" / "data" / "ldclump"
    case = json.loads((reference / "mr" / "expected" / "ldclump.json").read_text("utf-8"))[entry]
    hits = pl.read_csv(folder / "assoc.txt", separator=" ").select(
        pl.col("SNP").alias("variant_id"), (-pl.col("P").log10()).alias("neg_log10_p")
    )
    arguments = case["args"]
    options = Clumping(
        p1=arguments["p1"], p2=arguments["p2"], r2=arguments["r2"], kb=arguments["kb"]
    )
    found = assign_clumps(hits, open_genotypes(folder / "sim"), options=options)
    kept = found.filter(pl.col("reason") == "index")["variant_id"].to_list()
    assert kept == case["result"]["kept"]
    members = found.filter(pl.col("reason") == "clumped")
    clumps = {
        str(name): sorted(part["variant_id"]) for (name,), part in members.group_by("index_variant")
    }
    expected = {key: sorted(names) for key, names in case["result"]["clumps"].items() if names}
    assert clumps == expected


@pytest.mark.parametrize("seed", range(6))
def test_clumps_equal_an_obvious_loop(seed: int) -> None:
    variants, ld = make_case(seed)
    for options in (Clumping(p1=1e-3, p2=0.05, r2=0.2, kb=250), Clumping(p1=1, r2=0.05, kb=1000)):
        found = assign_clumps(variants, ld, options=options)
        assert dict(found.select("variant_id", "index_variant").iter_rows()) == clump_slowly(
            variants, ld, options
        )


def test_clumps_do_not_depend_on_the_order_of_rows() -> None:
    variants, ld = make_case(11)
    options = Clumping(p1=0.01, r2=0.1, kb=500)
    shuffled = variants.sample(fraction=1.0, shuffle=True, seed=3)
    assert assign_clumps(variants, ld, options=options).equals(
        assign_clumps(shuffled, ld, options=options)
    )


def test_no_two_index_variants_of_a_window_are_correlated() -> None:
    variants, ld = make_case(5, m=80)
    found = assign_clumps(variants, ld, options=Clumping(p1=1, r2=0.1, kb=1e6))
    kept = found.filter(pl.col("reason") == "index")
    place = {name: i for i, name in enumerate(ld.variants["variant_id"])}
    for chromosome in ("1", "2"):
        rows = [place[name] for name in kept.filter(chromosome=chromosome)["variant_id"]]
        r2 = ld.r[np.ix_(rows, rows)] ** 2
        assert (r2[~np.eye(len(rows), dtype=bool)] < 0.1).all()


def test_variants_that_cannot_be_clumped_are_listed_with_the_reason() -> None:
    variants, ld = make_case(2)
    added = pl.DataFrame(
        {
            "variant_id": ["elsewhere", "v0x"],
            "chromosome": ["1", "1"],
            "position_bp": [10, 20],
            "neg_log10_p": [50.0, None],
        }
    )
    found = assign_clumps(pl.concat([variants, added]), ld, options=Clumping(p1=1e-3))
    reasons = dict(found.select("variant_id", "reason").iter_rows())
    assert reasons["elsewhere"] == "absent_from_panel"
    assert reasons["v0x"] == "no_p_value"
    assert set(reasons.values()) >= {"index", "p_above_threshold"}


def test_a_variant_listed_twice_in_the_panel_is_not_used() -> None:
    variants, ld = make_case(2, m=10)
    twice = ld.variants.with_columns(
        pl.when(pl.col("variant_id") == "v1")
        .then(pl.lit("v0"))
        .otherwise("variant_id")
        .alias("variant_id")
    )
    found = assign_clumps(variants, LdMatrix(twice, ld.r), options=Clumping(p1=1))
    reasons = dict(found.select("variant_id", "reason").iter_rows())
    assert (reasons["v0"], reasons["v1"]) == ("repeated_in_panel", "absent_from_panel")


def test_a_panel_without_the_variants_is_refused() -> None:
    variants, ld = make_case(2)
    with pytest.raises(InputError, match="none of the 40 variants is in the panel"):
        assign_clumps(variants.with_columns(pl.col("variant_id") + "_b"), ld)


def test_repeated_variants_and_absent_columns_are_refused() -> None:
    variants, ld = make_case(2)
    with pytest.raises(InputError, match="40 variants stand more than once"):
        assign_clumps(pl.concat([variants, variants]), ld)
    with pytest.raises(ColumnError, match=r"no column 'neg_log10_p' \(did you mean 'neglog10_p'"):
        assign_clumps(variants.rename({"neg_log10_p": "neglog10_p"}), ld)


def test_thresholds_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match=r"r2 is 1\.5"):
        Clumping(r2=1.5)
    with pytest.raises(UsageError, match="p1 is 0"):
        Clumping(p1=0.0)
    with pytest.raises(UsageError, match=r"p2 is 0\.001, below p1 of 0\.01"):
        Clumping(p1=0.01, p2=0.001)
