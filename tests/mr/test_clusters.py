"""Clusters of variants as tables: beside the estimates, for bad variants, and by the command."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.errors import UsageError
from proteomr.mr.clusters import tabulate_clusters
from proteomr.runs import Results
from proteomr.tables import Harmonised

NAMES = [f"rs{i + 1}" for i in range(12)]
SLOPES = np.repeat([0.5, -0.25, 0.0], [5, 4, 3])


def variants(x: list[float] | None = None) -> pl.DataFrame:
    effects = np.linspace(0.1, 0.2, 12) if x is None else np.asarray(x, dtype=np.float64)
    scatter = 0.0004 * np.cos(np.arange(effects.size))
    size = effects.size
    return pl.DataFrame(
        {
            "SNP": NAMES[:size],
            "beta_exposure": effects,
            "se_exposure": 0.01,
            "beta_outcome": effects * SLOPES[:size] + scatter,
            "se_outcome": 0.002,
        }
    )


def run(frame: pl.DataFrame) -> Results:
    return proteomr.run_mr(harmonised=frame, methods="ivw", clusters=True)


def test_each_variant_is_of_the_cluster_that_its_slope_is_of() -> None:
    found = run(variants())
    table = found.table("variant_clusters")
    assert table["variant_id"].to_list() == NAMES
    assert table["cluster"].to_list() == ["1"] * 5 + ["2"] * 4 + ["none"] * 3
    assert table["assigned"].all()
    clusters = found.table("cluster_estimates")
    assert clusters["cluster"].to_list() == ["1", "2", "none", "outlier"]
    assert clusters["nsnp"].to_list() == [5, 4, 3, 0]
    np.testing.assert_allclose(clusters["estimate"][:2], [0.5, -0.25], atol=0.01)
    assert clusters["share"].sum() == pytest.approx(1.0)


def test_a_cluster_that_all_variants_are_of_has_the_slope_and_error_of_ivw() -> None:
    frame = variants().with_columns(beta_outcome=pl.col("beta_exposure") * 0.5)
    found = run(frame)
    one = found.table("cluster_estimates").row(0, named=True)
    weights = (frame["beta_exposure"].to_numpy() / 0.002) ** 2
    assert one["estimate"] == pytest.approx(0.5, rel=1e-9)
    assert one["se"] == pytest.approx(weights.sum() ** -0.5, rel=1e-6)


def test_effect_alleles_and_order_change_no_cluster() -> None:
    frame = variants()
    flip = pl.when(pl.int_range(pl.len()) % 2 == 0).then(-1.0).otherwise(1.0)
    turned = frame.with_columns(pl.col("beta_exposure", "beta_outcome") * flip).reverse()
    plain = run(frame).table("variant_clusters").sort("variant_id")
    other = run(turned).table("variant_clusters").sort("variant_id")
    assert other.equals(plain)


def test_variants_without_an_effect_on_the_exposure_are_left_out_and_told() -> None:
    frame = variants([0.0, 0.0, *np.linspace(0.1, 0.2, 10)])
    found = run(frame)
    assert found.table("variant_clusters")["variant_id"].to_list() == NAMES[2:]
    messages = found.table("cluster_estimates")["message"]
    assert messages.str.contains("2 variants have no effect on the exposure").all()


@pytest.mark.parametrize(
    ("frame", "status"),
    [
        (variants([0.1, 0.2, 0.3]), "too_few"),
        (variants([0.1, 0.2, 0.3, 0.0]), "too_few"),
    ],
)
def test_a_pair_that_has_no_clusters_to_find_is_one_row(frame: pl.DataFrame, status: str) -> None:
    found = run(frame)
    rows = found.table("cluster_estimates")
    assert rows["status"].to_list() == [status]
    assert rows["cluster"].null_count() == 1
    assert rows["message"].null_count() == 0
    assert found.table("variant_clusters").height == 0


def test_ratios_too_far_apart_for_numbers_are_a_status() -> None:
    pair = Harmonised(
        exposures=("x",),
        outcome="y",
        variants=pl.DataFrame({"variant_id": NAMES[:5]}),
        beta_x=np.array([[1e-307], [0.1], [0.1], [0.2], [0.2]]),
        se_x=np.full((5, 1), 0.01),
        beta_y=np.full(5, 50.0),
        se_y=np.full(5, 0.1),
    )
    tables = tabulate_clusters([pair])
    assert tables["cluster_estimates"]["status"].to_list() == ["not_identified"]
    assert tables["variant_clusters"].height == 0


def test_more_clusters_than_are_looked_for_are_told() -> None:
    slopes = np.repeat(np.arange(1, 13) * 0.5, 4)
    pair = Harmonised(
        exposures=("x",),
        outcome="y",
        variants=pl.DataFrame({"variant_id": [f"rs{i}" for i in range(48)]}),
        beta_x=np.full((48, 1), 0.1),
        se_x=np.full((48, 1), 0.01),
        beta_y=0.1 * slopes + 1e-5 * np.cos(np.arange(48)),
        se_y=np.full(48, 1e-5),
    )
    rows = tabulate_clusters([pair])["cluster_estimates"]
    assert rows.height == 12
    assert rows["message"].str.contains("no more than 10 clusters").all()


def test_several_pairs_have_the_clusters_that_each_has_alone() -> None:
    one = variants().with_columns(outcome=pl.lit("a"))
    two = variants([0.1, 0.2, 0.3]).with_columns(outcome=pl.lit("b"))
    both = run(pl.concat([one, two])).table("cluster_estimates")
    alone = run(one).table("cluster_estimates")
    assert both.filter(outcome="a").equals(alone)
    assert both.filter(outcome="b")["status"].to_list() == ["too_few"]


def test_clusters_are_not_there_unasked_and_not_of_several_exposures() -> None:
    plain = proteomr.run_mr(harmonised=variants(), methods="ivw")
    assert "variant_clusters" not in plain.names
    with pytest.raises(UsageError, match="--clusters parts the variants of one exposure"):
        proteomr.run_mr(harmonised=variants(), methods="mv_ivw", clusters=True)


@pytest.mark.parametrize("tied", [False, True])
def test_another_order_of_rows_gives_the_same_clusters(*, tied: bool) -> None:
    frame = variants()
    if tied:  # two camps that agree exactly, whose likelihoods are alike
        slopes = np.where(np.arange(12) < 6, 0.4, -0.4)
        frame = variants([0.1, 0.2, 0.15] * 4)
        frame = frame.with_columns(beta_outcome=frame["beta_exposure"] * slopes)
    found = run(frame)
    for seed in range(3):
        other = run(frame.sample(fraction=1.0, shuffle=True, seed=seed))
        for name in ("cluster_estimates", "variant_clusters"):
            keys = ["variant_id"] if name == "variant_clusters" else ["cluster"]
            assert other.table(name).sort(keys).equals(found.table(name).sort(keys))
