"""Weights of a file are judged before anybody is scored by them."""

from __future__ import annotations

from functools import lru_cache

import polars as pl
import pytest

from proteomr.errors import ColumnError
from proteomr.score import apply_score, score
from tests.score.people import FEW, make


@lru_cache(maxsize=1)
def learn() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    samples, proteins = make()
    found = score(samples, proteins, outcome="bmi", options=FEW)
    own = found.table("scores").select("id", "score_in_sample").sort("id")
    return proteins, found.table("weights"), found.table("weights_ranks"), own


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (pl.col("scale") * 0.0, "scale that is not above 0"),
        (-pl.col("scale"), "scale that is not above 0"),
        (pl.lit(None, dtype=pl.Float64).alias("scale"), "no centre, scale or fill"),
        (pl.lit(float("inf")).alias("centre"), "no centre, scale or fill"),
        (pl.lit(float("inf")).alias("weight"), "weight that is no number"),
        (pl.lit("1").alias("weight"), "'weight' is no column of numbers"),
        (pl.lit("boxcox").alias("transform"), "transform that is none of rint, log2"),
        (pl.int_range(pl.len()).cast(pl.Float64).alias("intercept"), "intercept of its own"),
        (pl.lit("P0").alias("protein"), "stands twice"),
    ],
)
def test_what_no_score_has_is_refused(changed: pl.Expr, told: str) -> None:
    proteins, weights, ranks, _ = learn()
    with pytest.raises(ColumnError, match=told):
        apply_score(weights.with_columns(changed), proteins, ranks=ranks)


def test_ranks_in_any_order_are_the_same_and_those_that_do_not_rise_are_refused() -> None:
    proteins, weights, ranks, own = learn()
    turned = ranks.reverse()
    found = apply_score(weights, proteins, ranks=turned).table("scores").sort("id")
    assert found["score"].to_list() == own["score_in_sample"].to_list()
    for wrong in (
        pl.concat([ranks, ranks]),
        ranks.with_columns(score=-pl.col("score")),
        ranks.with_columns(score=pl.lit(None, dtype=pl.Float64)),
    ):
        with pytest.raises(ColumnError, match="do not rise"):
            apply_score(weights, proteins, ranks=wrong)


def test_without_any_weight_everybody_has_the_intercept() -> None:
    proteins, weights, _, _ = learn()
    found = apply_score(weights.with_columns(weight=0.0), proteins).table("scores")
    assert found.height == proteins.height
    assert found["score"].unique().to_list() == [weights["intercept"][0]]
