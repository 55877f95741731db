"""The figures of many pairs in one file, with an index and their numbers beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import polars as pl

from proteomr.errors import NothingToDo
from proteomr.files import replace_file, shared_mode
from proteomr.plot.drawing import METADATA, Drawing, mention_letters
from proteomr.plot.mr_forest import draw_forest
from proteomr.plot.mr_funnel import draw_funnel
from proteomr.plot.mr_leave_one_out import draw_leave_one_out
from proteomr.plot.mr_radial import draw_radial
from proteomr.plot.mr_scatter import draw_scatter
from proteomr.plot.style import PlotStyle, house_style
from proteomr.runs.encoding import write_text
from proteomr.tables import Harmonised

__all__ = ["draw_pair", "save_book"]

_INDEX = {
    "page": pl.Int64,
    "exposure": pl.String,
    "outcome": pl.String,
    "figure": pl.String,
    "figure_page": pl.Int64,
    "note": pl.String,
}


def draw_pair(
    data: Harmonised,
    *,
    estimates: pl.DataFrame,
    singlesnp: pl.DataFrame,
    leaveoneout: pl.DataFrame,
    methods: Sequence[str] | None = None,
    style: PlotStyle | None = None,
    absent: list[str] | None = None,
) -> Iterator[Drawing]:
    """Draw the five figures of a pair, one after another: each is made when it is asked for.

    A figure for which the tables hold no variant that can be drawn is passed over.

    Parameters
    ----------
    data, estimates, singlesnp, leaveoneout : see `draw_scatter`, `draw_forest` and
        `draw_leave_one_out`.
    methods : those to draw; None for all.
    style : widths, title and units.
    absent : a list that is given a line on each figure that was passed over.

    Raises
    ------
    ProteomrError
        As the five figures do.

    Examples
    --------
    >>> import numpy as np
    >>> data = Harmonised(
    ...     exposures=("loneliness",), outcome="ADM",
    ...     variants=pl.DataFrame({"variant_id": ["rs1"]}),
    ...     beta_x=np.array([[0.1]]), se_x=np.array([[0.01]]),
    ...     beta_y=np.array([0.06]), se_y=np.array([0.02]),
    ... )
    >>> rows = pl.DataFrame({
    ...     "exposure": ["loneliness"], "outcome": "ADM", "variant_id": "rs1", "method": "wald",
    ...     "estimate": 0.6, "se": 0.2, "neg_log10_p": 2.6, "conf_low": 0.2, "conf_high": 1.0,
    ...     "status": "ok",
    ... })
    >>> [drawn.kind for drawn in draw_pair(data, estimates=rows, singlesnp=rows, leaveoneout=rows)]
    ['scatter', 'forest', 'leave_one_out', 'funnel', 'radial']
    """
    makers: dict[str, Callable[[], Drawing]] = {
        "scatter": lambda: draw_scatter(data, estimates, methods=methods, style=style),
        "forest": lambda: draw_forest(singlesnp, estimates, methods=methods, style=style),
        "leave-one-out": lambda: draw_leave_one_out(leaveoneout, style=style),
        "funnel": lambda: draw_funnel(singlesnp, estimates, methods=methods, style=style),
        "radial": lambda: draw_radial(data, style=style),
    }
    for kind, make in makers.items():
        try:
            drawing = make()
        except NothingToDo as reason:
            if absent is not None:
                absent.append(f"no {kind} figure: {reason}")
            continue
        told = mention_letters(drawing)
        notes = told.notes[len(drawing.notes) :]
        if absent is not None:
            absent.extend(note for note in notes if note not in absent)
        yield told


def save_book(drawings: Iterable[Drawing], path_stem: str | Path) -> tuple[Path, ...]:
    r"""Write figures as the pages of one PDF, an index and their numbers; return the three paths.

    ``stem.pdf`` holds the pages; ``stem.index.tsv`` what is on each: page, exposure, outcome,
    figure, figure_page, note; ``stem.data.tsv`` the numbers, with the page of the figure's
    beginning before them. Only one drawing is held at a time, so that thousands may be given as an
    iterator. The same drawings give the same bytes.

    Parameters
    ----------
    path_stem : path of the files without their endings; the folder exists.

    Raises
    ------
    NothingToDo
        There is no drawing.
    StorageError
        The disk refused a file; each file is whole or not there.
    UsageError
        matplotlib is not installed.

    Examples
    --------
    >>> import tempfile
    >>> singlesnp = pl.DataFrame({
    ...     "exposure": "loneliness", "outcome": "ADM", "variant_id": ["rs1", "rs2"],
    ...     "estimate": [0.2, 0.6], "se": [0.1, 0.1], "neg_log10_p": [1.3, 8.7],
    ... })
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = save_book((draw_forest(singlesnp) for _ in range(3)), f"{folder}/hits")
    ...     pl.read_csv(written[1], separator="\t")["page"].to_list()
    [1, 2, 3]
    """
    stem = Path(path_stem)
    index: list[tuple[int, str, str, str, int, str]] = []
    tables: list[pl.DataFrame] = []
    paths = tuple(
        stem.with_name(f"{stem.name}{ending}") for ending in (".pdf", ".index.tsv", ".data.tsv")
    )
    mode = shared_mode()
    replace_file(paths[0], lambda file: _write_pages(file, drawings, index, tables), mode=mode)
    listed = pl.DataFrame(index, schema=_INDEX, orient="row")
    replace_file(paths[1], lambda file: write_text(listed, file, separator="\t"), mode=mode)
    numbers = pl.concat(tables, how="diagonal_relaxed")
    replace_file(paths[2], lambda file: write_text(numbers, file, separator="\t"), mode=mode)
    return paths


def _write_pages(
    file: BinaryIO,
    drawings: Iterable[Drawing],
    index: list[tuple[int, str, str, str, int, str]],
    tables: list[pl.DataFrame],
) -> None:
    with house_style():
        from matplotlib.backends.backend_pdf import PdfPages

        with PdfPages(file, metadata=METADATA["pdf"]) as book:
            for drawing in drawings:
                begins = len(index) + 1
                names = (drawing.exposure, drawing.outcome, drawing.kind)
                tables.append(_locate(drawing, begins))
                for number, page in enumerate(drawing.pages, start=1):
                    book.savefig(page)
                    index.append((len(index) + 1, *names, number, "; ".join(drawing.notes)))
            if not index:
                raise NothingToDo("no figure to put into a book")


def _locate(drawing: Drawing, begins: int) -> pl.DataFrame:
    paged = [pl.col("page").alias("figure_page")] if "page" in drawing.data.columns else []
    return drawing.data.select(
        pl.lit(begins, dtype=pl.Int64).alias("page"),
        pl.lit(drawing.exposure).alias("exposure"),
        pl.lit(drawing.outcome).alias("outcome"),
        pl.lit(drawing.kind).alias("figure"),
        *paged,
        pl.exclude("page"),
    )
