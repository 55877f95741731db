"""A whole figure drawn at a place of another; loaded with matplotlib alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.artist import Artist
from matplotlib.transforms import Bbox

from proteomr.plot.canvas import MM_PER_INCH

if TYPE_CHECKING:
    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure

__all__ = ["Inset"]


class Inset(Artist):
    """A figure as part of a page: its paper lies where the inset is, and it draws itself there.

    Whatever a figure places goes by the box of its paper, so that moving this box moves all of it,
    at any resolution; nothing is scaled.

    Parameters
    ----------
    figure : which is moved, and no longer drawn on its own.
    left_mm, bottom_mm : of its lower left corner on the page.
    """

    def __init__(self, figure: Figure, *, left_mm: float, bottom_mm: float) -> None:
        super().__init__()
        self.inner = figure
        width, height = figure.get_size_inches()
        left, bottom = left_mm / MM_PER_INCH, bottom_mm / MM_PER_INCH
        figure.bbox_inches.set(Bbox.from_bounds(left, bottom, width, height))
        figure.patch.set_visible(False)

    def get_children(self) -> list[Artist]:
        """Return the figure, so that whoever looks through a page finds its words."""
        return [self.inner]

    def get_window_extent(self, renderer: RendererBase | None = None) -> Bbox:
        """Return the box of the paper in pixels."""
        del renderer
        return Bbox(self.inner.bbox.get_points())

    def get_tightbbox(self, renderer: RendererBase | None = None) -> Bbox | None:
        """Return the box of what is drawn, in pixels."""
        box = self.inner.get_tightbbox(renderer)
        return Bbox(box.get_points() * self.inner.dpi)

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure at the resolution of the page."""
        page: Any = self.get_figure(root=True)
        before = self.inner.dpi
        self.inner.dpi = page.dpi
        try:
            self.inner.draw(renderer)
        finally:
            self.inner.dpi = before
