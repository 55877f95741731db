"""Figures of tables of results: no words on others, refusals, the same bytes."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from proteomr.errors import ColumnError, NothingToDo, UsageError
from proteomr.plot import PlotStyle, save_drawing
from proteomr.plot.effects import draw_effects
from proteomr.plot.kinds import KINDS
from proteomr.plot.qq import draw_qq
from proteomr.plot.replication_strips import draw_replication
from proteomr.plot.survival_curves import draw_curves
from proteomr.plot.volcano import draw_volcano
from tests.plot.figure_tables import (
    LONG,
    TABLES,
    make_table,
)
from tests.plot.looking import find_collisions, lies_inside


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", ["single", "double"])
def test_no_words_lie_on_others_and_all_lie_on_the_paper(kind: str, width: Any) -> None:
    style = PlotStyle(width=width, title="A title of the figure")
    drawing = KINDS[kind].draw(TABLES[kind](), style=style)
    for page in drawing.pages:
        assert find_collisions(page) == []
        assert lies_inside(page)
        assert page.get_figwidth() == pytest.approx(style.width_mm / 25.4)


@pytest.mark.parametrize("kind", ["volcano", "qq", "forest", "heatmap", "manhattan"])
@pytest.mark.parametrize("m", [1, 3, 30])
def test_few_proteins_are_a_figure_too(kind: str, m: int) -> None:
    drawing = KINDS[kind].draw(make_table(m, ratio=True), style=None)
    assert all(find_collisions(page) == [] and lies_inside(page) for page in drawing.pages)


def test_long_names_are_shortened() -> None:
    table = make_table(20, models=2).with_columns(
        adjustment=pl.col("adjustment") + LONG, protein=pl.col("protein") + LONG
    )
    for kind in ("volcano", "effects", "forest", "heatmap"):
        drawing = KINDS[kind].draw(table, style=PlotStyle(title=LONG * 3))
        assert all(lies_inside(page) for page in drawing.pages)


def test_a_table_of_another_kind_is_refused_in_one_line() -> None:
    table = make_table(4)
    with pytest.raises(ColumnError, match="no column 'outcome'"):
        draw_curves(table)
    with pytest.raises(ColumnError, match="no column 'r_effects'"):
        draw_replication(table)
    with pytest.raises(ColumnError, match="no column 'quantity'"):
        KINDS["mediation"].draw(table)
    with pytest.raises(ColumnError, match="no column 'protein'"):
        draw_volcano(table.drop("protein"))
    for kind, needs in (
        ("enrichment", "set"),
        ("network", "module"),
        ("interactions", "gene1"),
        ("flow", "people"),
        ("qc", "panel"),
    ):
        with pytest.raises(ColumnError, match=f"no column '{needs}'"):
            KINDS[kind].draw(table)
    with pytest.raises(NothingToDo, match="effects of one model alone"):
        draw_effects(table)
    with pytest.raises(NothingToDo, match="no row of the table"):
        draw_qq(table.with_columns(estimate=pl.lit(None, pl.Float64)))
    with pytest.raises(UsageError, match="13 models are more than the 12 panels"):
        draw_volcano(make_table(4, models=13))


def test_one_table_gives_one_figure(tmp_path: Any) -> None:
    table = make_table(80, models=2, ratio=True)
    for kind in ("volcano", "forest", "heatmap"):
        one, other = (
            save_drawing(KINDS[kind].draw(table), tmp_path / f"{kind}{i}", formats=["svg", "png"])
            for i in (1, 2)
        )
        assert [file.read_bytes() for file in one] == [file.read_bytes() for file in other]
