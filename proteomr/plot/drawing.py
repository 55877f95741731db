"""A figure with the numbers that it shows, and both of them on the disk."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import UsageError, nearest
from proteomr.files import replace_file, shared_mode
from proteomr.plot.style import find_undrawable, house_style
from proteomr.runs.encoding import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Drawing", "FigureFormat", "check_formats", "mention_letters", "render", "save_drawing"]

FigureFormat: TypeAlias = Literal["svg", "png", "pdf"]

METADATA: Final[dict[FigureFormat, dict[str, str | None]]] = {
    "svg": {"Date": None, "Creator": "proteomr"},
    "png": {"Software": "proteomr"},
    "pdf": {"CreationDate": None, "Creator": "proteomr", "Producer": "proteomr"},
}


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A figure of one exposure and one outcome, with the numbers that it shows.

    Parameters
    ----------
    kind : what it is, such as "scatter".
    exposure, outcome : names of the pair.
    pages : the figure, or its pages where one would be too high.
    data : every number drawn, and those that could not be drawn, with ``drawn`` false.
    notes : what a reader of the figure should know is not in it, one line each.
    """

    kind: str
    exposure: str
    outcome: str
    pages: tuple[Figure, ...]
    data: pl.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def figure(self) -> Figure:
        """The figure, or the first of its pages."""
        return self.pages[0]

    def _repr_png_(self) -> bytes:
        return render(self.figure, "png")


def save_drawing(
    drawing: Drawing, path_stem: str | Path, *, formats: Sequence[FigureFormat] = ("svg", "png")
) -> tuple[Path, ...]:
    """Write a figure, and its numbers as a tab-separated table beside it; return the paths.

    The same drawing gives the same bytes: no file holds a date. PNG has 300 dots per inch; in SVG
    and PDF text stays text. A figure of several pages becomes ``stem-1.svg``, ``stem-2.svg``, ...

    Parameters
    ----------
    path_stem : path of the files without their endings; the folder exists.
    formats : "svg", "png", "pdf".

    Raises
    ------
    UsageError
        A format is none of these, or matplotlib is not installed.
    StorageError
        The disk refused a file; each file is whole or not there.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from proteomr.plot.mr_radial import draw_radial
    >>> from proteomr.tables import Harmonised
    >>> data = Harmonised(
    ...     exposures=("loneliness",), outcome="ADM",
    ...     variants=pl.DataFrame({"variant_id": ["rs1", "rs2", "rs3"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]), se_y=np.full(3, 0.02),
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = save_drawing(draw_radial(data), f"{folder}/radial", formats=["svg"])
    ...     [path.name for path in written]
    ['radial.svg', 'radial.tsv']
    """
    check_formats(formats)
    stem = Path(path_stem)
    several = len(drawing.pages) > 1
    written = []
    for number, page in enumerate(drawing.pages, start=1):
        name = f"{stem.name}-{number}" if several else stem.name
        for wanted in dict.fromkeys(formats):
            path = stem.with_name(f"{name}.{wanted}")
            content = render(page, wanted)
            replace_file(path, partial(_put, content=content), mode=shared_mode())
            written.append(path)
    table = stem.with_name(f"{stem.name}.tsv")
    write = partial(write_text, drawing.data, separator="\t")
    replace_file(table, write, mode=shared_mode())
    return (*written, table)


def mention_letters(drawing: Drawing) -> Drawing:
    """Return a drawing with a note on letters that no installed font has.

    Examples
    --------
    >>> mention_letters(Drawing("none", "", "", (), pl.DataFrame())).notes
    ()
    """
    from matplotlib.text import Text

    texts = (text.get_text() for page in drawing.pages for text in page.findobj(Text))
    missing = find_undrawable("".join(texts))
    if not missing:
        return drawing
    note = f"no font here has the letters {missing}: they are boxes; install one, as Noto Sans CJK"
    return replace(drawing, notes=(*drawing.notes, note))


def check_formats(formats: Sequence[str]) -> tuple[FigureFormat, ...]:
    """Return the formats of figures, each once.

    Raises
    ------
    UsageError
        One is none that figures are written in.

    Examples
    --------
    >>> check_formats(["png", "png"])
    ('png',)
    """
    known: dict[str, FigureFormat] = {name: name for name in METADATA}
    for wanted in formats:
        if wanted not in known:
            remedy = nearest(wanted, METADATA) or "; svg, png or pdf is needed"
            raise UsageError(f"figures cannot be written as {wanted!r}{remedy}")
    return tuple(dict.fromkeys(known[name] for name in formats))


def render(page: Figure, wanted: FigureFormat) -> bytes:
    """Return a page as the bytes of a file of a format; the same page gives the same bytes."""
    held = io.BytesIO()
    with house_style():
        page.savefig(held, format=wanted, dpi=300, metadata=METADATA[wanted])
    return held.getvalue()


def _put(file: BinaryIO, *, content: bytes) -> None:
    file.write(content)
