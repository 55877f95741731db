"""Figures of single stages: the numbers that they draw."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl

from proteomr.plot.kinds import KINDS
from proteomr.plot.replication_strips import draw_replication
from proteomr.plot.survival_curves import draw_curves
from tests.plot.figure_tables import (
    make_attrition,
    make_curves,
    make_edges,
    make_modules,
    make_quality,
    make_sets,
    make_splits,
)
from tests.plot.looking import boxes_of


def test_numbers_at_risk_are_those_of_the_chosen_times() -> None:
    curves = make_curves(groups=2, proteins=2)
    told = pl.DataFrame(
        {
            "protein": ["P0"] * 4 + ["P1"] * 4,
            "outcome": "death",
            "group": ["Q1", "Q1", "Q2", "Q2"] * 2,
            "time": [0.0, 10.0] * 4,
            "at_risk": [901.0, 771.0, 902.0, 772.0, 903.0, 773.0, 904.0, 774.0],
        }
    )
    words = [text for text, _ in boxes_of(draw_curves(curves, told).figure)]
    assert {"901", "771", "902", "772", "903", "773", "904", "774", "10"} <= set(words)
    assert not any(word.startswith("≥") for word in words)


def test_numbers_at_risk_are_exact_where_nobody_left_and_else_a_limit() -> None:
    rows = {
        "outcome": "death", "group": "Q1", "time": [4.0, 8.0, 15.0, 20.0],
        "at_risk": [900, 890, 1, 1], "events": [10, 1, 0, 0], "censored": [0, 0, 888, 0],
        "survival": [0.99, 0.98, 0.98, 0.98],
    }  # fmt: skip
    words = [text for text, _ in boxes_of(draw_curves(pl.DataFrame(rows)).figure)]
    # 900 at 0, 890 at 5; who left between 8 and 15 may have done so before 10 or after it
    assert {"900", "890", "≥1", "1"} <= set(words)


def test_strips_have_a_point_for_each_split() -> None:
    assert draw_replication(make_splits(5)).data.height == 5 * 2 * 3


def test_sets_stand_by_p_value_and_say_how_many_are_left_out() -> None:
    drawing = KINDS["enrichment"].draw(make_sets(40))
    assert drawing.data["neg_log10_p"].is_sorted(descending=True)
    assert drawing.notes == ("15 sets are not shown",)
    ranked = make_sets(8).rename({"odds_ratio": "nes", "overlap": "n_leading"})
    assert KINDS["enrichment"].draw(ranked).data["value"].to_list() == [
        row["nes"] for row in ranked.sort("neg_log10_p", descending=True).iter_rows(named=True)
    ]


def test_odds_ratios_without_a_place_on_the_axis_are_triangles_beyond_all_others() -> None:
    table = pl.DataFrame(
        {
            "set": ["none", "all", "some"], "odds_ratio": [0.0, float("inf"), 3.0],
            "overlap": [0, 4, 5], "neg_log10_p": [1.0, 2.0, 3.0], "q_bh": [0.5, 0.01, 0.01],
        }
    )  # fmt: skip
    drawing = KINDS["enrichment"].draw(table)
    marks = {line.get_marker(): line for line in drawing.figure.axes[0].lines}
    some, none, every = (np.ravel(marks[sign].get_xdata())[0] for sign in "o<>")
    assert none < -some < some < every
    assert drawing.notes == ("2 of the odds ratios drawn are 0 or infinite: triangles at the edge",)
    assert KINDS["enrichment"].draw(table.head(1)).data["value"].to_list() == [0.0]


def test_sets_are_called_by_what_they_are_and_no_two_alike() -> None:
    table = pl.DataFrame(
        {
            "set": ["GO:1", "GO:2", "GO:3", "HALLMARK", "M5", "M5"],
            "description": [
                "cell  motility", "cell motility", None, "http://x.org/M", "repair", "repair",
            ],
            "direction": ["any"] * 6,
            "odds_ratio": 2.0, "overlap": 3, "neg_log10_p": [6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
            "q_bh": 0.01,
        }
    )  # fmt: skip
    names = KINDS["enrichment"].draw(table).data["name"].to_list()
    said = ["cell motility (GO:1)", "cell motility (GO:2)", "GO:3", "HALLMARK", "repair", "repair"]
    assert names == said
    sides = table.with_columns(direction=pl.Series(["up"] * 5 + ["down"]))
    names = KINDS["enrichment"].draw(sides).data["name"].to_list()
    assert names[-2:] == ["repair, up", "repair, down"]
    assert len(set(names)) == 6


def test_few_mediators_are_all_drawn_and_of_many_the_hits() -> None:
    for proteins, drawn in ((5, 5), (30, 1)):
        table = pl.DataFrame(
            {
                "protein": [f"P{i}" for i in range(proteins)], "quantity": "perm", "estimate": 5.0,
                "conf_low": 1.0, "conf_high": 9.0, "p_value": [1e-6] + [0.5] * (proteins - 1),
            }
        )  # fmt: skip
        assert KINDS["mediation"].draw(table).data.height == drawn


def test_modules_stand_side_by_side_and_those_in_none_last() -> None:
    data = KINDS["network"].draw(make_modules()).data
    assert data["module"].unique(maintain_order=True).to_list() == [1, 2, 3, 4, 5, 0]
    for part in data.partition_by("module"):
        assert part["connectivity"].is_sorted(descending=True)


def test_a_flow_chart_adds_up() -> None:
    drawing = KINDS["flow"].draw(make_attrition())
    for part in drawing.data.partition_by("model"):
        kept = part.filter(~pl.col("left_out") & ~pl.col("step").str.contains("cases"))["n"]
        assert kept[0] - part.filter("left_out")["n"].sum() == kept[1]
    assert len(drawing.pages) == 2


def test_samples_are_drawn_without_their_names() -> None:
    drawing = KINDS["qc"].draw(make_quality())
    assert "sample_id" not in drawing.data.columns
    assert drawing.data.height == 2 * 120


def test_hubs_come_first_and_pairs_beyond_the_room_are_told() -> None:
    kind = KINDS["interactions"]
    assert kind.beside is not None
    hubs = pl.DataFrame({"gene": ["GENE41", "GENE2"], "hub": [True, False]})
    drawing = kind.beside[1](make_edges(), hubs)
    assert drawing.data["gene"][0] == "GENE41"
    assert drawing.data.filter("hub")["gene"].to_list() == ["GENE41"]
    # genes of one pair lie nearer than others do
    where = {row["gene"]: np.array([row["x"], row["y"]]) for row in drawing.data.to_dicts()}
    pairs = make_edges()
    paired = [
        float(np.linalg.norm(where[a] - where[b]))
        for a, b in zip(pairs["gene1"], pairs["gene2"], strict=True)
    ]
    every = [float(np.linalg.norm(a - b)) for a, b in combinations(where.values(), 2)]
    assert np.mean(paired) < 0.8 * np.mean(every)
    star = pl.DataFrame({"gene1": "A", "gene2": [f"B{i:03d}" for i in range(350)], "strength": 1.0})
    crowded = kind.draw(star)
    assert crowded.notes == ("51 of 351 genes, in the fewest pairs, are not drawn",)
    assert crowded.data.filter(pl.col("drawn").not_()).height == 51
