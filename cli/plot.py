"""`proteomr plot`: figures from tables of results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError, nearest

from . import options as shared
from .console import report_note, say

if TYPE_CHECKING:
    import polars as pl

    from proteomr.plot.drawing import Drawing
    from proteomr.plot.kinds import Kind

__all__ = ["plot"]

FIGURE = "Figure"
_LABELS = 12


def plot(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="volcano, miami, manhattan, qq, forest, effects, heatmap, replication, km, "
            "mediation, network, interactions, enrichment, coloc, region, flow, qc; of meta "
            "studies; of compare agreement; of e-values e-values; of describe balance; of ctra "
            "contrast; of finemap fine-map; of gwas cojo signals; of score calibration, decision; "
            "of mr causes, scatter, variants, funnel, leave-one-out; or a figure of a study by "
            "its name, such as figure1, of which TABLE is the folder.",
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
        int | None,
        typer.Option(
            metavar="N",
            rich_help_panel=FIGURE,
            min=0,
            help="Most proteins named in a panel.  [default: 12]",
            show_default=False,
        ),
    ] = None,
    build: Annotated[
        Literal["GRCh38", "GRCh37"] | None,
        typer.Option(
            metavar="GRCh38|GRCh37",
            rich_help_panel=FIGURE,
            help="Of the positions of a region: its genes stand below both traits.",
            show_default=False,
        ),
    ] = None,
    overwrite: shared.Overwrite = False,
    quiet: shared.Quiet = False,
) -> None:
    """Draw a table of results, its numbers beside the figure.

    A figure has a panel for each model of the table (exposure, outcome, adjustment set, term,
    stratum). Colours are told apart by people who are colour-blind, and in grey by their places;
    the same table gives the same bytes. Needs the extra proteomr[plot].

    Of the folder of a study (proteomr run) the figures that its file names are drawn by name.
    """
    from proteomr.plot import save_drawing
    from proteomr.plot.drawing import check_formats
    from proteomr.plot.kinds import KINDS
    from proteomr.plot.of_tables import draw_kind

    if not out.suffix:
        raise UsageError(f"{out}: no ending; svg, png or pdf is needed, such as {out}.svg")
    (wanted,) = check_formats([out.suffix.removeprefix(".")])
    _refuse_existing(out, overwrite=overwrite)
    if build is not None and kind != "region":
        raise UsageError(f"--build names the genes below a region: {kind} has no genes below it")
    if kind in KINDS:
        _refuse_repeats(tables)
        chosen = KINDS[kind]
        drawing = draw_kind(
            _read(tables, chosen.table, rows=where_rows or []),
            chosen,
            beside=_read_beside(tables, chosen, rows=where_rows or []),
            width=width,
            title=title,
            labels=_LABELS if labels is None else labels,
            build=build,
        )
    else:
        given = {"--where-rows": where_rows, "--width": width, "--title": title}
        named = [name for name, value in {**given, "--labels": labels}.items() if value is not None]
        drawing = _draw_of_study(kind, tables, refused=named)
    for note in () if quiet else drawing.notes:
        report_note(note)
    written = save_drawing(drawing, out.with_suffix(""), formats=[wanted])
    for path in written:
        if path.suffix == out.suffix:
            say(str(path))


def _refuse_repeats(tables: list[Path]) -> None:
    """Refuse a table that is named twice: its panels would bear one name."""
    twice = next((table for at, table in enumerate(tables) if table in tables[:at]), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice; several tables stand side by side, each once")


def _draw_of_study(name: str, tables: list[Path], *, refused: list[str]) -> "Drawing":
    """Return a figure of a study by its name, from the folder of the study."""
    from proteomr.plot.kinds import KINDS
    from proteomr.study import draw_kept_figure, read_kept_figures

    folder = tables[0]
    figures = [figure.name for figure in read_kept_figures(folder)]
    if name not in figures:
        known = [*KINDS, *figures]
        hint = nearest(name, known)
        own = f"of {folder} {', '.join(figures)}" if figures else "those of a study's folder"
        raise UsageError(f"no kind of figure {name!r}{hint}; known: {', '.join(KINDS)}; and {own}")
    if len(tables) > 1:
        raise UsageError(f"{name} is a figure of {folder}: name that folder alone")
    if refused:
        raise UsageError(f"the study says what {name} shows: leave {', '.join(refused)} out")
    return draw_kept_figure(folder, name)


def _read_beside(tables: list[Path], kind: "Kind", *, rows: list[str]) -> "pl.DataFrame | None":
    """Return the table that a kind draws with its own, where a run folder has it."""
    from proteomr.runs import read_finished

    if kind.beside is None or len(tables) > 1 or not tables[0].is_dir():
        return None
    finished = read_finished(tables[0])
    if finished is None or kind.beside[0] not in finished.tables:
        return None
    return _read([finished.tables[kind.beside[0]]], None, rows=rows)


def _read(tables: list[Path], name: str | None, *, rows: list[str]) -> "pl.DataFrame":
    """Return the rows of all tables; where there are several, with a column of their names."""
    import polars as pl

    from proteomr.io import read_table
    from proteomr.io.result_rows import choose_rows

    frames = []
    for path in tables:
        file = _find_table(path, name)
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
