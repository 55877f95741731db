"""No name lies on the line through the effects."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from proteomr.plot.effects import _sample_line
from proteomr.plot.volcano import label_points


@pytest.mark.parametrize("slope", [0.0, 0.05, 0.7, -1.0, 40.0])
def test_names_of_points_beside_a_line_are_put_off_it(slope: float) -> None:
    figure = Figure(figsize=(3.5, 3.5), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xlim(-1, 1)
    axes.set_ylim(-1, 1)
    x = np.array([-0.5, 0.01, 0.5]) / max(1.0, abs(slope))
    y = slope * x - 0.03
    lines = _sample_line((slope, 0.0), (-1, 1), (-1, 1))
    assert lines is not None
    named = label_points(
        figure, axes, names=("A1", "B2", "C3"), x=x, y=y, order=np.ones(3), most=3, lines=lines
    )
    assert named
    on_page = axes.transData.transform(lines)
    for text in axes.texts:
        box = Text.get_window_extent(text)  # without the stroke to its point
        assert not any(box.contains(px, py) for px, py in on_page)
