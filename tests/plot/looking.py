"""Where the words of a figure lie."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from matplotlib.text import Text

from proteomr.plot.canvas import Box
from proteomr.plot.style import house_style


def boxes_of(figure: Any) -> list[tuple[str, Box]]:
    """Return the words of a figure and where they lie."""
    with house_style():
        renderer = figure.canvas.get_renderer()
        figure.draw_without_rendering()  # which puts all in its place
        hidden = set(_list_hidden(figure))
        found = []
        for text in figure.findobj(Text):
            words = text.get_text().strip()
            if words and text.get_visible() and id(text) not in hidden:
                box = Text.get_window_extent(text, renderer)  # an annotation without its line
                found.append((words, Box(box.x0 + 0.5, box.y0 + 0.5, box.x1 - 0.5, box.y1 - 0.5)))
    return found


def _list_hidden(figure: Any) -> Iterator[int]:
    """Yield the labels of ticks beyond the ends of an axis, which are not drawn."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            for tick in axis.get_major_ticks():
                if not low - slack <= tick.get_loc() <= high + slack:
                    yield id(tick.label1)
                    yield id(tick.label2)


def find_collisions(figure: Any) -> list[tuple[str, str]]:
    boxes = {(words, box.x0, box.y0): box for words, box in boxes_of(figure)}
    inside = [(key[0], box) for key, box in boxes.items() if is_on_paper(figure, box)]
    return [(a, b) for (a, one), (b, other) in combinations(inside, 2) if one.overlaps(other)]


def is_on_paper(figure: Any, box: Box) -> bool:
    width, height = figure.get_size_inches() * figure.dpi
    return bool(box.x1 > 0 and box.y1 > 0 and box.x0 < width and box.y0 < height)


def lies_inside(figure: Any) -> bool:
    with house_style():
        box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    slack = 1 / 100
    return bool(
        box.x0 > -slack and box.y0 > -slack and box.x1 < width + slack and box.y1 < height + slack
    )
