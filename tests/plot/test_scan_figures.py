"""Figures of the tests of many proteins: the numbers that they draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import NothingToDo
from proteomr.plot import PlotStyle
from proteomr.plot.effects import draw_effects
from proteomr.plot.heatmap import draw_heatmap
from proteomr.plot.hits_forest import draw_hits_forest
from proteomr.plot.kinds import RESULT_TABLES
from proteomr.plot.manhattan import draw_manhattan, draw_miami
from proteomr.plot.qq import draw_qq, expect_uniform
from proteomr.plot.result_models import split_models
from proteomr.plot.volcano import draw_volcano
from proteomr.stats.multiple import adjust
from proteomr.tables import load_schema
from tests.plot.figure_tables import (
    make_table,
)
from tests.plot.looking import boxes_of, find_collisions


@pytest.mark.parametrize("table", RESULT_TABLES)
def test_whatever_tells_the_rows_of_a_protein_apart_tells_its_models_apart(table: str) -> None:
    telling = {
        column.name
        for column in load_schema(table).columns
        if column.name in APART and not column.name.startswith("p_")
    }
    numbers = {"period": [1, 2], "half": [1, 2], "lag": [0.0, 2.0]}
    for name in telling:
        frame = pl.DataFrame(
            {"protein": ["A", "A"], name: numbers.get(name, ["x", "y"])}
        ).with_columns(estimate=0.1, p_value=0.01)
        assert [model.names for model in split_models(frame)] == [("A",), ("A",)], name
    assert telling or table in {"covariate_changes", "smr"}


APART = (
    *("exposure", "outcome", "adjustment", "stratum", "term", "contrast", "lag", "quantity"),
    *("coefficient", "measure", "moderator", "period", "group", "split", "half", "table", "effect"),
)


@pytest.mark.parametrize("width", ["single", "double"])
def test_counts_of_thousands_of_hits_do_not_meet(width: Any) -> None:
    table = make_table(3_000, models=4)
    up = pl.int_range(pl.len()) % 7 > 0
    table = table.with_columns(
        estimate=pl.when(up).then(pl.col("estimate").abs()).otherwise(-pl.col("estimate").abs()),
        neg_log10_p=pl.col("neg_log10_p") + 5,
    )
    for page in draw_volcano(table, style=PlotStyle(width=width)).pages:
        assert find_collisions(page) == []


@pytest.mark.parametrize("columns", [3, 30, 229])
def test_names_of_many_columns_do_not_meet(columns: int) -> None:
    table = make_table(5, models=columns)
    drawing = draw_heatmap(table, style=PlotStyle(width="double"))
    assert find_collisions(drawing.figure) == []
    assert drawing.data["model"].n_unique() == columns
    told = any("columns bear their names" in note for note in drawing.notes)
    assert told == (columns > 100)


def test_what_two_columns_say_alike_names_a_model_once() -> None:
    frame = pl.DataFrame(
        {
            "protein": ["A"] * 4,
            "exposure": ["x", "x", "y", "y"],
            "adjustment": ["simple", "full"] * 2,
            "term": ["x", "x", "y", "y"],
            "estimate": [0.1] * 4,
            "p_value": [0.01] * 4,
        }
    )
    labels = [model.label for model in split_models(frame)]
    assert labels == ["x, simple", "x, full", "y, simple", "y, full"]
    others = split_models(frame.with_columns(term=pl.Series(["x", "x:z", "y", "y"])))
    assert others[1].label == "x, full, x:z"


def test_hits_are_not_cut_because_all_others_lie_near_zero() -> None:
    """Of 3,000 proteins 150 that move far more than the others, and one that is far from all."""
    table = make_table(3_000, models=2)
    rng = np.random.default_rng(3)
    effect = np.where(np.arange(3_000) < 150, rng.uniform(0.1, 0.15, 3_000), 0.0)
    effect[0] = 5.0
    z = np.tile(effect, 2) / 0.02
    table = table.with_columns(
        estimate=np.tile(effect, 2) + rng.normal(0, 0.01, 6_000), neg_log10_p=z**2 / 4.6
    ).drop("q_bh", strict=False)
    axes = draw_effects(table).figure.axes[0]
    for low, high in (axes.get_xlim(), axes.get_ylim()):
        assert 0.15 < high < 1.0
        assert low < 0.0


def test_a_volcano_counts_the_hits_of_each_side() -> None:
    table = make_table(200)
    data = draw_volcano(table).data
    q = adjust(table["neg_log10_p"].to_numpy(), method="bh")
    up = int(((q < 0.05) & (table["estimate"].to_numpy() > 0)).sum())
    down = int(((q < 0.05) & (table["estimate"].to_numpy() < 0)).sum())
    assert data["side"].value_counts().sort("side")["count"].to_list() == [
        down,
        200 - up - down,
        up,
    ]
    words = [text for text, _ in boxes_of(draw_volcano(table).figure)]
    assert f"↑ {up}" in words
    assert f"↓ {down}" in words
    assert data["name"].to_list() == table["protein"].to_list()
    np.testing.assert_allclose(data["q"], q)


def test_the_q_values_of_the_table_decide_where_it_has_them() -> None:
    table = make_table(50).with_columns(q_bh=pl.lit(1.0))
    assert draw_volcano(table).data["side"].unique().to_list() == ["none"]


def test_a_p_of_zero_stands_at_the_top_and_is_marked() -> None:
    table = make_table(30).with_columns(
        neg_log10_p=pl.when(pl.int_range(pl.len()) == 4).then(float("inf")).otherwise("neg_log10_p")
    )
    for draw in (draw_volcano, draw_qq, draw_miami):
        data = draw(table).data
        assert int(data["cut"].sum()) >= 1
    assert draw_volcano(table).data["cut"][4]


def test_rows_without_an_estimate_are_left_out_and_counted() -> None:
    table = make_table(20).with_columns(
        estimate=pl.when(pl.int_range(pl.len()) < 3).then(None).otherwise("estimate")
    )
    drawing = draw_volcano(table)
    assert drawing.data.height == 17
    assert drawing.notes == ("3 rows have no estimate to draw",)


def test_models_are_told_apart_by_what_differs() -> None:
    both = make_table(5, models=2, ratio=True)
    assert [model.label for model in split_models(both)] == ["set0", "set1"]
    assert {model.ratio for model in split_models(both)} == {"OR"}
    assert [model.label for model in split_models(make_table(5))] == [""]


def test_a_qq_figure_has_lambda_and_the_band_of_the_beta_distribution() -> None:
    from scipy import stats

    data = draw_qq(make_table(100)).data
    expected, low, high = expect_uniform(100)
    np.testing.assert_allclose(data["expected"], expected)
    np.testing.assert_allclose(
        10.0**-low, stats.beta.ppf(0.975, np.arange(1, 101), np.arange(100, 0, -1))
    )
    np.testing.assert_allclose(
        10.0**-high, stats.beta.ppf(0.025, np.arange(1, 101), np.arange(100, 0, -1))
    )
    uniform = pl.DataFrame(
        {"protein": [f"P{i}" for i in range(999)], "estimate": 1.0,
         "p_value": (np.arange(999) + 1) / 1000}
    )  # fmt: skip
    assert draw_qq(uniform).data["lambda"][0] == pytest.approx(1.0, abs=1e-9)


def test_a_miami_figure_turns_negative_effects_down() -> None:
    table = make_table(100)
    data = draw_miami(table).data
    sign = np.sign(table["estimate"].to_numpy())
    np.testing.assert_allclose(data["height"], sign * table["neg_log10_p"].to_numpy())


def test_genes_lie_in_the_order_of_the_genome() -> None:
    table = pl.DataFrame(
        {"protein": ["REN", "ADM", "ASGR1", "nothing"], "estimate": 0.1, "p_value": 0.01}
    )
    drawing = draw_manhattan(table)
    assert drawing.data["chromosome"].to_list() == ["1", "11", "17", None]
    assert drawing.data["drawn"].to_list() == [True, True, True, False]
    assert drawing.notes == ("1 proteins have no known gene position",)
    with pytest.raises(NothingToDo, match="known gene position"):
        draw_manhattan(table.filter(protein="nothing"))


def test_places_of_the_table_go_before_those_of_genes() -> None:
    table = pl.DataFrame(
        {"protein": ["x", "y"], "chromosome": ["chr2", "2"], "position_bp": [5, 9],
         "estimate": 0.1, "p_value": 0.01}
    )  # fmt: skip
    assert draw_manhattan(table).data["chromosome"].to_list() == ["2", "2"]


def test_effects_of_two_models_have_their_correlation() -> None:
    table = make_table(80, models=2)
    data = draw_effects(table).data
    first, second = (part["estimate"].to_numpy() for part in table.partition_by("adjustment"))
    assert data["r"][0] == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert data["r_low"][0] < data["r"][0] < data["r_high"][0]


def test_a_forest_shows_hits_of_any_model_strongest_first() -> None:
    table = make_table(60, models=2, ratio=True)
    drawing = draw_hits_forest(table, rows_per_page=20)
    names = [name.split(", ")[0] for name in drawing.data["name"]]
    hits = set()
    for part in table.partition_by("adjustment"):
        q = adjust(part["neg_log10_p"].to_numpy(), method="bh")
        hits |= set(part["protein"].to_numpy()[q < 0.05])
    assert set(names) == hits
    best = table.group_by("protein").agg(pl.col("neg_log10_p").max())
    rank = dict(best.iter_rows())
    seen = list(dict.fromkeys(names))
    assert seen == sorted(seen, key=lambda name: -rank[name])
    np.testing.assert_allclose(drawing.data["ratio"], np.exp(drawing.data["estimate"]))


def test_a_table_of_nulls_has_a_forest_of_its_smallest_p_values() -> None:
    table = make_table(100).with_columns(neg_log10_p=pl.lit(0.1) + pl.int_range(pl.len()) * 1e-3)
    drawing = draw_hits_forest(table)
    assert drawing.data.height == 30
    assert drawing.notes == ("70 proteins are not shown",)


def test_a_heatmap_lays_like_beside_like() -> None:
    profile = np.array([[3.0, -3.0], [-3.0, 3.0]] * 4)
    table = pl.DataFrame(
        {
            "protein": [f"P{i}" for i in range(8) for _ in range(2)],
            "exposure": ["x", "y"] * 8,
            "estimate": profile.ravel(),
            "se": 1.0,
            "p_value": 1e-3,
        }
    )
    order = draw_heatmap(table).data["name"].unique(maintain_order=True).to_list()
    parity = [int(name[1:]) % 2 for name in order]
    assert parity in ([0] * 4 + [1] * 4, [1] * 4 + [0] * 4)


def test_an_estimate_outside_of_its_limits_is_drawn() -> None:
    table = pl.DataFrame(
        {
            "protein": ["A", "B", "C"], "estimate": [0.1, 4.5, -0.2], "se": 0.1,
            "conf_low": [-3.0, -3.8, -3.4], "conf_high": [3.2, 3.5, 3.1], "p_value": 0.5,
        }
    )  # fmt: skip
    axes = draw_hits_forest(table).figure.axes[0]
    squares = [np.ravel(line.get_xdata())[0] for line in axes.lines if line.get_marker() == "s"]
    assert 4.5 in squares
    assert axes.get_xlim()[0] < -3.8 < 4.5 < axes.get_xlim()[1]


def test_effects_of_three_proteins_have_a_correlation_without_limits() -> None:
    table = pl.DataFrame(
        {
            "protein": ["A", "B", "C"] * 2, "exposure": ["x"] * 3 + ["y"] * 3,
            "estimate": [0.1, 0.2, 0.4, 0.1, 0.3, 0.35], "se": 0.1, "p_value": 0.5,
        }
    )  # fmt: skip
    words = [text for text, _ in boxes_of(draw_effects(table).figure)]
    assert [word for word in words if word.startswith("r = ")] == ["r = 0.87"]


def test_negative_effects_of_a_heatmap_are_underlined_for_those_who_see_no_colours() -> None:
    from matplotlib.collections import LineCollection

    drawing = draw_heatmap(make_table(20, models=3))
    lines = [
        sum(len(one.get_segments()) for one in axes.collections if isinstance(one, LineCollection))
        for axes in drawing.figure.axes
    ]
    assert lines[0] == int((drawing.data["z"] < -1.959963984540054).sum()) > 0
    assert lines[1] > 0  # the scale explains them
