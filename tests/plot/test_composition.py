"""Several figures on a page: where they lie, that they are drawn as alone, and what is said."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from matplotlib.text import Text

from proteomr.errors import NothingToDo
from proteomr.plot import PlotStyle, save_drawing
from proteomr.plot.canvas import Box
from proteomr.plot.composition import Panel, compose, draw_absent, letter_of
from proteomr.plot.kinds import KINDS
from proteomr.plot.style import house_style
from tests.plot.figure_tables import TABLES
from tests.plot.looking import boxes_of, lies_inside

PANELS = [
    ("volcano", "double"),
    ("effects", "single"),
    ("network", "single"),
    ("heatmap", "double"),
    ("km", "single"),
    ("region", "double"),
]


def draw(kind: str, width: Any, letter: str = "a") -> Panel:
    style = PlotStyle(width=width, title=f"{letter}  a title")
    return Panel(KINDS[kind].draw(TABLES[kind](), style=style), width)


def make_page(panels: list[tuple[str, str]]) -> Any:
    drawn = [draw(kind, width, letter_of(i)) for i, (kind, width) in enumerate(panels)]
    return compose(drawn, kind="figure1")


def insets(page: Any) -> Iterator[Any]:
    yield from (artist.inner for artist in page.artists)


def test_no_words_lie_on_others_and_all_lie_on_the_paper() -> None:
    page = make_page(PANELS).figure
    assert page.get_figwidth() * 25.4 == pytest.approx(183.0)
    assert lies_inside(page)
    with house_style():
        page.draw(page.canvas.get_renderer())
    boxes = [pair for inner in insets(page) for pair in boxes_of(inner)]
    assert len(boxes) > 100
    assert [(a, b) for (a, one), (b, two) in combinations(boxes, 2) if one.overlaps(two)] == []


def test_panels_lie_in_rows_and_do_not_overlap() -> None:
    page = make_page(PANELS).figure
    papers = [Box(*artist.get_window_extent().get_points().ravel()) for artist in page.artists]
    assert not any(one.overlaps(other) for one, other in combinations(papers, 2))
    tops = [round(paper.y1, 3) for paper in papers]
    assert tops[1] == tops[2]  # two of 89 mm share a row
    assert papers[2].x0 == pytest.approx(94 / 25.4 * page.dpi)
    assert len(set(tops)) == 5
    assert sorted(set(tops), reverse=True) == list(dict.fromkeys(tops))


@pytest.mark.parametrize("wanted", ["svg", "png", "pdf"])
def test_a_panel_is_drawn_as_it_is_alone(wanted: Any, tmp_path: Path) -> None:
    whole = make_page([("volcano", "double")])
    alone = draw("volcano", "double").drawing
    one, other = tmp_path / "one", tmp_path / "other"
    save_drawing(whole, one, formats=[wanted])
    save_drawing(alone, other, formats=[wanted])
    if wanted == "png":
        from matplotlib.image import imread

        assert (imread(f"{one}.png") == imread(f"{other}.png")).mean() > 0.999
    sizes = [(tmp_path / f"{name}.{wanted}").stat().st_size for name in ("one", "other")]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


def test_the_same_panels_give_the_same_bytes_at_any_resolution(tmp_path: Path) -> None:
    page = make_page(PANELS)
    for name in ("one", "other"):  # the second time after pages of other resolutions
        save_drawing(page, tmp_path / name, formats=["png", "svg", "pdf"])
    save_drawing(make_page(PANELS), tmp_path / "anew", formats=["svg"])
    for ending in ("png", "svg", "pdf"):
        one = (tmp_path / f"one.{ending}").read_bytes()
        assert one == (tmp_path / f"other.{ending}").read_bytes()
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "anew.svg").read_bytes()


def test_numbers_and_notes_bear_the_letters() -> None:
    panels = [("volcano", "double"), ("forest", "single")]
    whole = make_page(panels)
    assert whole.data["panel"].unique(maintain_order=True).to_list() == ["a", "b"]
    assert whole.data["figure"].unique(maintain_order=True).to_list() == ["volcano", "forest"]
    alone = draw("forest", "single").drawing
    assert whole.data.filter(panel="b")["estimate"].to_list() == alone.data["estimate"].to_list()
    assert [note for note in whole.notes if note.startswith("b: ")]


def test_an_empty_panel_says_why_and_keeps_its_letter() -> None:
    empty = draw_absent("no hit at all", kind="forest", style=PlotStyle(title="a  Hits"))
    whole = compose([Panel(empty, "single"), draw("km", "single", "b")], kind="figure1")
    words = [text.get_text() for text in whole.figure.findobj(Text)]
    assert {"a Hits", "no hit at all", "b a title"} <= set(words)
    assert whole.notes[0] == "a: no hit at all"
    assert isinstance(whole.data, pl.DataFrame)


def test_a_page_without_panels_is_nothing_to_do() -> None:
    with pytest.raises(NothingToDo):
        compose([], kind="figure1")
