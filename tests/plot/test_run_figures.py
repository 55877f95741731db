"""Figures of quality control, scores, pooled studies and trees: the numbers that they draw."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError
from proteomr.plot.kinds import KINDS
from proteomr.plot.module_tree import draw_network
from proteomr.plot.sample_quality import draw_quality
from proteomr.plot.score_curves import draw_calibration, draw_decision
from proteomr.plot.studies_forest import draw_studies
from proteomr.plot.style import PlotStyle
from tests.plot.figure_tables import (
    make_benefits,
    make_modules,
    make_quality,
    make_risks,
    make_studies,
)
from tests.plot.looking import boxes_of, find_collisions, lies_inside


def make_assays(panels: int) -> pl.DataFrame:
    rng = np.random.default_rng(2)
    m = 40 * panels
    return pl.DataFrame(
        {
            "protein": [f"P{i}" for i in range(m)],
            "panel": [f"Panel {i % panels} of many words" for i in range(m)],
            "share_missing": rng.beta(1, 20, m),
            "share_below_lod": rng.beta(1, 3, m),
            "cv_intra_percent": rng.gamma(4, 2, m),
            "cv_inter_percent": [None] * m,
            "excluded": rng.random(m) < 0.1,
        }
    )


@pytest.mark.parametrize("plates", [2, 6, 40])
def test_components_are_by_plate_and_every_panel_is_drawn(plates: int) -> None:
    rng = np.random.default_rng(1)
    one = make_quality(60).with_columns(
        plate=pl.Series([f"Plate {i}" for i in rng.integers(0, plates, 120)])
    )
    table = pl.concat(one.with_columns(panel=pl.col("panel") + f" {i}") for i in range(4))
    drawing = draw_quality(table, make_assays(4), style=PlotStyle(width="double", title="t"))
    assert drawing.data.filter(pl.col("plot") == "PC1 and PC2")["panel"].n_unique() == 8
    assert len(drawing.pages) == 3
    words = {text for page in drawing.pages for text, _ in boxes_of(page)}
    assert ("Plate 0" in words) == (plates <= 6)
    assert (f"means of {plates} plates" in words) == (plates > 6)
    for page in drawing.pages:
        assert find_collisions(page) == []
        assert lies_inside(page)
    points = drawing.data.filter(pl.col("plot") == "Missing")
    assert points["x"].to_list() == (100 * make_assays(4)["share_missing"]).to_list()
    assert "CV between" not in words  # no assay has one


def test_calibration_has_limits_and_stays_within_risks() -> None:
    drawing = draw_calibration(make_risks())
    data = drawing.data
    np.testing.assert_allclose(data["conf_high"] - data["observed"], 1.959963984540054 * 0.01)
    words = {text for text, _ in boxes_of(drawing.figure)}
    assert {"score", "covariates, full", "both, full", "Predicted risk", "Observed risk"} <= words


def test_decision_curves_have_a_panel_for_each_horizon_and_keep_the_useful_in_view() -> None:
    drawing = draw_decision(make_benefits(), style=PlotStyle(width="double"))
    assert {"to 5", "to 10"} <= {text for text, _ in boxes_of(drawing.figure)}
    low, high = drawing.figure.axes[0].get_ylim()
    assert low < 0 < high
    assert -low < high  # treating everybody falls far below
    hidden = drawing.data.filter(~pl.col("drawn"))
    assert set(hidden["model"]) == {"everybody"}


def test_studies_have_squares_by_weight_and_the_pooled_effect_below() -> None:
    table = make_studies(5, effects=2)
    pooled = pl.DataFrame(
        {
            "protein": ["P0", "P1"], "estimate": [0.1, 0.2], "conf_low": [0.05, 0.1],
            "conf_high": [0.15, 0.3], "neg_log10_p": [3.0, 9.0], "i2": [40.0, 10.0],
            "tau2": 0.01, "q": 3.0, "q_p": 0.5, "pi_low": [0.0, None], "pi_high": [0.2, None],
            "measure": "OR",
        }
    )  # fmt: skip
    drawing = draw_studies(table, pooled)
    assert list(drawing.data["protein"].unique(maintain_order=True)) == ["P1", "P0"]
    words = {text for text, _ in boxes_of(drawing.pages[1])}
    assert {"Pooled", "A new study", "OR (95% CI)"} <= words
    assert any(text.startswith("I² 40 %") for text in words)
    assert "A new study" not in {text for text, _ in boxes_of(drawing.pages[0])}
    first = drawing.data.filter(pl.col("protein") == "P0", pl.col("kind") == "study")
    own = table.filter(pl.col("protein") == "P0")
    np.testing.assert_allclose(first["weight_percent"], 100 * own["weight"] / own["weight"].sum())
    squares = {
        float(np.ravel(line.get_xdata())[0]): line.get_markersize()
        for line in drawing.pages[1].axes[0].lines
        if line.get_marker() == "s"
    }
    sizes = np.array([squares[float(x)] for x in own["study_estimate"]])
    np.testing.assert_allclose(
        (sizes / sizes.max()) ** 2, own["weight"] / own["weight"].max(), rtol=1e-6
    )


def test_a_tree_has_its_leaves_in_order_and_its_merges_at_their_heights() -> None:
    table = make_modules(5)
    tree = pl.DataFrame(
        {
            "step": [1, 2, 3], "height": [0.2, 0.5, 0.9], "left": [-4, -1, 1],
            "right": [-2, -5, 2], "n": [2, 2, 4], "tree": 1,
        }
    )  # fmt: skip
    drawing = draw_network(table, tree)
    assert drawing.data["protein"].to_list() == ["P3", "P1", "P0", "P4", "P2"]  # P2 is in no tree
    (lines,) = drawing.figure.axes[0].collections
    forks = np.array([path.vertices for path in lines.get_paths()])
    np.testing.assert_allclose(forks[:, 1, 1], [0.2, 0.5, 0.9])
    np.testing.assert_allclose(forks[:, [0, 3], 0], [[0.5, 1.5], [2.5, 3.5], [1.0, 3.0]])
    np.testing.assert_allclose(forks[2, [0, 3], 1], [0.2, 0.5])
    with pytest.raises(ColumnError, match="row 9 of the modules, which have 5"):
        draw_network(table, tree.with_columns(left=pl.Series([-9, -1, 1])))
    assert KINDS["network"].beside is not None
