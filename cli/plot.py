"""`proteomr plot`: figures from tables of results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared
from .console import report_note, say

if TYPE_CHECKING:
    import polars as pl

    from proteomr.plot.kinds import Kind

__all__ = ["plot"]

KindName = Literal[
    "volcano",
    "miami",
    "manhattan",
    "qq",
    "forest",
    "effects",
    "heatmap",
    "replication",
    "km",
    "mediation",
    "network",
    "enrichment",
    "coloc",
    "region",
    "flow",
    "qc",
]
FIGURE = "Figure"


def plot(
    kind: Annotated[
        KindName,
        typer.Argument(
            metavar="KIND",
            help="volcano, miami, manhattan, qq, forest, effects, heatmap, replication, km, "
            "mediation, network, enrichment, coloc, region, flow, qc.",
        ),
    ],
    tables: Annotated[
        list[Path],
        typer.Argument(
            metavar="TABLE...",
            help="Run folders, or tables of results (parquet, csv, tsv); several stand side by "
            "side, each under its name.",
        ),
    ],
    *,
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            rich_help_panel=shared.RESULTS,
            help="Figure, .svg, .png or .pdf; the numbers in it are written beside it (.tsv).",
        ),
    ],
    where_rows: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            rich_help_panel=shared.INPUT,
            help="Rows that are drawn: COLUMN=VALUE, or a condition such as 'q_bh < 0.05'; repeat "
            "for several, all of which hold.",
            show_default=False,
        ),
    ] = None,
    width: Annotated[
        Literal["single", "double"] | None,
        typer.Option(
            metavar="single|double",
            rich_help_panel=FIGURE,
            help="A journal's column of 89 mm, or two of 183 mm; double where there are several "
            "panels.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", rich_help_panel=FIGURE, help="Above the figure.", show_default=False
        ),
    ] = None,
    labels: Annotated[
        int,
        typer.Option(
            metavar="N", rich_help_panel=FIGURE, min=0, help="Most proteins named in a panel."
        ),
    ] = 12,
    overwrite: shared.Overwrite = False,
) -> None:
    """Draw a table of results, its numbers beside the figure.

    A figure has a panel for each model of the table (exposure, outcome, adjustment set, term,
    stratum). Colours are told apart by people who are colour-blind, and in grey by their places;
    the same table gives the same bytes. Needs the extra proteomr[plot].
    """
    from proteomr.plot import save_drawing
    from proteomr.plot.drawing import check_formats
    from proteomr.plot.kinds import KINDS
    from proteomr.plot.of_tables import draw_kind

    (wanted,) = check_formats([out.suffix.removeprefix(".") or "none"])
    _refuse_existing(out, overwrite=overwrite)
    chosen = KINDS[kind]
    frame = _read(tables, chosen, rows=where_rows or [])
    drawing = draw_kind(frame, chosen, width=width, title=title, labels=labels)
    for note in drawing.notes:
        report_note(note)
    written = save_drawing(drawing, out.with_suffix(""), formats=[wanted])
    for path in written:
        if path.suffix == out.suffix:
            say(str(path))


def _read(tables: list[Path], kind: "Kind", *, rows: list[str]) -> "pl.DataFrame":
    """Return the rows of all tables; where there are several, with a column of their names."""
    import polars as pl

    from proteomr.io import read_table
    from proteomr.io.result_rows import choose_rows

    frames = []
    for path in tables:
        file = _find_table(path, kind.table)
        frame = choose_rows(read_table(file), rows, path=file)
        if len(tables) > 1:
            frame = frame.with_columns(pl.lit(_name(path)).alias("table"))
        frames.append(frame)
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")


def _find_table(path: Path, name: str | None) -> Path:
    """Return the table of a run that a figure is drawn from, or the file that is named."""
    from proteomr.runs import read_finished

    if not path.is_dir():
        return path
    finished = read_finished(path)
    if finished is None:
        raise UsageError(f"{path}: no finished run lies there; name a table")
    wanted = name or finished.main
    if wanted not in finished.tables:
        there = ", ".join(finished.tables)
        raise UsageError(f"{path}: the run has no table {wanted!r}, which is drawn; it has {there}")
    return finished.tables[wanted]


def _name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _refuse_existing(out: Path, *, overwrite: bool) -> None:
    for file in (out, out.with_suffix(".tsv")):
        if file.exists() and not overwrite:
            raise UsageError(f"{file}: is there; name another file, or replace it with --overwrite")
    if not out.absolute().parent.is_dir():
        raise UsageError(f"{out}: no folder {out.parent}")
