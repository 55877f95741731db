"""Figures of comparisons, E-values, groups, gene contrasts, fine maps and joint effects."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, NothingToDo
from proteomr.plot.balance import draw_balance
from proteomr.plot.compared_effects import draw_compared
from proteomr.plot.confounding import draw_e_values
from proteomr.plot.fine_map import draw_fine_map
from proteomr.plot.gene_contrast import draw_gene_contrast
from proteomr.plot.joint_signals import draw_joint_signals
from proteomr.plot.kinds import KINDS
from tests.plot.figure_tables import (
    make_balance,
    make_compared,
    make_contrasts,
    make_e_values,
    make_probabilities,
    make_signals,
)
from tests.plot.looking import boxes_of


def test_compared_effects_have_the_interval_and_the_line_of_the_comparison() -> None:
    table = make_compared(40)
    beside = pl.DataFrame(
        {
            "exposure": ["loneliness", "isolation"], "r_low": [0.11, 0.22], "r_high": [0.88, 0.99],
            "slope": [0.5, 2.0], "intercept": [0.0, 0.1],
        }
    )  # fmt: skip
    drawing = draw_compared(table, beside)
    for exposure, low, slope in (("isolation", 0.22, 2.0), ("loneliness", 0.11, 0.5)):
        own = drawing.data.filter(model=exposure)
        r = np.corrcoef(own["first"], own["second"])[0, 1]
        assert own["r"][0] == pytest.approx(r)
        assert own["r_low"][0] == low
        axes = drawing.figure.axes[["isolation", "loneliness"].index(exposure)]
        slopes = {line.get_slope() for line in axes.lines if hasattr(line, "get_slope")}
        assert slopes == {1.0, slope}
    alone = draw_compared(table)
    assert alone.data["r_low"].is_nan().all()
    assert all("(" not in text for text, _ in boxes_of(alone.figure) if text.startswith("r ="))


def test_compared_effects_of_other_keys_bear_their_names() -> None:
    table = make_compared(5).rename({"protein": "variant"})
    assert draw_compared(table).data["name"].head(2).to_list() == ["P0", "P1"]


def test_the_strongest_e_values_stand_above_and_those_beyond_the_axis_are_arrows() -> None:
    drawing = draw_e_values(make_e_values(50))
    assert drawing.data.height == 40
    assert drawing.notes == ("10 E-values not shown",)
    assert drawing.data["e_value_limit"].is_sorted(descending=True)
    assert drawing.data["name"][0] == "P0, isolation"
    arrows = [line for line in drawing.figure.axes[0].lines if line.get_marker() == ">"]
    assert [np.ravel(line.get_ydata()).tolist() for line in arrows] == [[0.0], [0.0]]


def test_differences_of_groups_are_absolute_and_the_largest_stand_above() -> None:
    table = make_balance(50)
    drawing = draw_balance(table)
    assert drawing.data["variable"].n_unique() == 40
    most = drawing.data.group_by("variable", maintain_order=True).agg(pl.col("smd").max())
    assert most["smd"].is_sorted(descending=True)
    assert drawing.data["smd"].min() >= 0  # type: ignore[operator]
    with pytest.raises(NothingToDo, match="described by no groups"):
        draw_balance(table.with_columns(by=pl.lit(None, pl.String)))


def test_a_gene_contrast_names_what_tells_its_rows_apart() -> None:
    drawing = draw_gene_contrast(make_contrasts(2))
    assert drawing.data["name"].head(3).to_list() == [
        "exposure 0, all", "exposure 0, pro", "exposure 0, anti"
    ]  # fmt: skip
    failed = make_contrasts(2).with_columns(
        estimate=pl.lit(None, pl.Float64),
        conf_low=pl.lit(None, pl.Float64),
        status=pl.lit("singular"),
    )
    assert not draw_gene_contrast(failed).data["drawn"].any()
    assert "singular" in {text for text, _ in boxes_of(draw_gene_contrast(failed).figure)}


def test_a_fine_map_has_a_panel_for_each_region_and_names_the_leads() -> None:
    table = make_probabilities(60)
    drawing = draw_fine_map(table)
    assert len(drawing.figure.axes) == 2
    words = {text for text, _ in boxes_of(drawing.figure)}
    assert {"L1", "L2", "in no set", "Position (Mb)", "Variant"} <= words
    many = pl.concat(table.with_columns(region=pl.lit(f"1:{i}-9")) for i in range(9))
    crowded = draw_fine_map(many)
    assert len(crowded.figure.axes) == 12
    assert crowded.notes == ("6 regions are not shown",)
    with pytest.raises(NothingToDo):
        draw_fine_map(table.clear())


def test_ticks_of_a_narrow_region_are_told_apart() -> None:
    axes = draw_fine_map(make_probabilities(3)).figure.axes[0]
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert len(shown) > 2
    assert len(set(shown)) == len(shown)
    assert all(abs(float(text) - 10.283) < 2e-5 for text in shown)


def test_joint_effects_stand_beside_those_alone() -> None:
    table = make_signals(3)
    data = draw_joint_signals(table).data
    joint = data.filter(pl.col("name").str.ends_with(", joint")).sort("name")
    np.testing.assert_allclose(joint["estimate"], table["bJ"])
    np.testing.assert_allclose(joint["conf_high"] - joint["estimate"], 1.959963984540054 * 0.012)


@pytest.mark.parametrize(
    "kind", ["agreement", "e-values", "balance", "contrast", "fine-map", "signals"]
)
def test_a_table_of_another_kind_is_refused(kind: str) -> None:
    with pytest.raises(ColumnError, match="no column"):
        KINDS[kind].draw(pl.DataFrame({"protein": ["A"], "estimate": [0.1]}))
