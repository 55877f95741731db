"""How a table of results reaches what draws it, which stands on a floor above the table's own.

Tables and results have a method ``plot``, and know no figure. The front of the package names here
what draws, as it names the homes of all public names; it is loaded when a figure is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import polars as pl

    from proteomr.plot.drawing import Drawing

__all__ = ["Drawer", "draw", "name_drawer"]


class Drawer(Protocol):
    """What draws a table of results, see `proteomr.plot.of_tables.draw_result`."""

    def __call__(
        self,
        tables: Mapping[str, Callable[[], pl.DataFrame]],
        name: str,
        kind: str | None,
        *,
        width: Literal["single", "double"] | None,
        title: str | None,
        labels: int,
    ) -> Drawing:
        """Return the figure of a table."""
        ...


_loaders: list[Callable[[], Drawer]] = []


def name_drawer(load: Callable[[], Drawer]) -> None:
    """Say what draws tables: a function that loads it, called when a figure is first asked for.

    Examples
    --------
    >>> len(_loaders)  # the front of the package has named it
    1
    """
    _loaders[:] = [load]


def draw(
    tables: Mapping[str, Callable[[], pl.DataFrame]],
    name: str,
    kind: str | None = None,
    *,
    width: Literal["single", "double"] | None = None,
    title: str | None = None,
    labels: int = 12,
) -> Drawing:
    """Return the figure of one of several tables, as the command ``plot`` draws it.

    Parameters
    ----------
    tables : what reads each, by name; only the one that is drawn is read.
    name : of the table that is asked for.
    kind : of figure; None for the one of the table.
    width, title, labels : see `proteomr.plot.PlotStyle`; a width of None is that of the command.

    Raises
    ------
    UsageError
        The table has no figure, there is no such kind, or matplotlib is not installed.
    """
    return _loaders[0]()(tables, name, kind, width=width, title=title, labels=labels)
