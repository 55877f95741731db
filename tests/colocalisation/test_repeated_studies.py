"""A study beside itself is no second study, whichever method compares them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr import colocalise
from proteomr.colocalisation import hyprcoloc, moloc, smr
from tests.colocalisation.loci import make_locus, measure

rng = np.random.default_rng(7)
LOCUS = make_locus(rng, n=800, m=30)
ONE, TWO = (measure(LOCUS, {12: 0.6}, rng) for _ in range(2))
TURNED = ONE.with_columns(
    effect_allele="other_allele", other_allele="effect_allele", beta=-pl.col("beta")
)


@pytest.mark.parametrize("again", [ONE, TURNED], ids=["the same", "other alleles"])
def test_pairs_of_one_study_have_no_numbers(again: pl.DataFrame) -> None:
    tables = {"coloc": colocalise(ONE, again), "smr": smr(ONE, again, ld=LOCUS.correlations)}
    for name, results in tables.items():
        row = results.table(name).row(0, named=True)
        assert row["status"] == "same_data", name
        assert "a study beside itself" in row["message"]


def test_of_many_traits_the_later_one_is_left_out_and_named() -> None:
    names = [part.with_columns(trait=pl.lit(n)) for n, part in (("b", ONE), ("c", TWO))]
    many = pl.concat(names)
    first = ONE.with_columns(trait=pl.lit("a"))
    clusters = hyprcoloc(first, many).table("coloc_clusters")
    assert clusters["traits"].to_list() == ["a, c"]
    assert "left out: b: effects and errors are the same" in clusters["message"][0]
    configurations = moloc(first, many).table("coloc_configurations")
    assert configurations["status"].to_list() == ["too_few"]
    alone = hyprcoloc(first, many.filter(trait="b")).table("coloc_clusters")
    assert alone["status"].to_list() == ["same_data"]
