"""The figures of a study that has ended: kept beside its stages, and drawn again by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from proteomr.border import reading
from proteomr.errors import FormatError, UsageError, nearest
from proteomr.files import replace_file, shared_mode, storage_errors
from proteomr.plot.drawing import Drawing
from proteomr.runs import read_finished
from proteomr.study.figures import FIGURES, PanelOfStudy, StudyFigure, draw_figure, parse_figures
from proteomr.tables import columns as c

__all__ = ["draw_kept_figure", "keep_figures", "read_kept_figures"]

_FILE: Final = "figures.json"


def keep_figures(figures: Sequence[StudyFigure], folder: Path) -> None:
    """Write what the figures of a study are, into ``figures/figures.json`` of its folder.

    Raises
    ------
    StorageError
        The disk refused the file.
    """
    facts = {
        figure.name: {"about": figure.about, "panels": [_tell(panel) for panel in figure.panels]}
        for figure in figures
    }
    text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    place = folder / FIGURES
    with storage_errors(place):
        place.mkdir(parents=True, exist_ok=True)
    replace_file(place / _FILE, lambda file: file.write(text.encode()), mode=shared_mode())


def read_kept_figures(folder: str | Path) -> tuple[StudyFigure, ...]:
    """Return the figures of the study whose results lie in a folder; none where none lie there.

    Raises
    ------
    FormatError
        The file was changed by hand, and cannot be read.

    Examples
    --------
    >>> read_kept_figures("nowhere")
    ()
    """
    file = Path(folder) / FIGURES / _FILE
    if not file.is_file():
        return ()
    with reading(file):
        facts = json.loads(file.read_text(encoding="utf-8"))
    try:
        return parse_figures(facts)
    except UsageError as fault:
        raise FormatError(f"{file}: {fault}") from fault


def draw_kept_figure(folder: str | Path, name: str) -> Drawing:
    """Draw a figure of a study from what its stages have left in a folder.

    Parameters
    ----------
    folder : of the study, as ``proteomr run -o`` wrote it.
    name : of the figure, such as ``figure1``.

    Raises
    ------
    UsageError
        No study with figures lies there, it has none of that name, or matplotlib is not installed.
    """
    figures = {figure.name: figure for figure in read_kept_figures(folder)}
    if not figures:
        raise UsageError(f"{folder}: no study with figures lies there")
    if name not in figures:
        raise UsageError(
            f"{folder}: the study has no figure {name!r}{nearest(name, figures)}; it has "
            f"{', '.join(figures)}"
        )
    return draw_figure(figures[name], lambda stage, table: _find(Path(folder), stage, table))


def _find(folder: Path, stage: str, table: str | None) -> Path:
    """Return where a table of a stage lies, whose results are a folder or a file of its name."""
    files = sorted(folder.glob(f"{stage}.*")) if folder.is_dir() else []
    for place in (folder / stage, *files):
        finished = read_finished(place)
        if finished is None or not finished.tables:
            continue
        wanted = next(iter(finished.tables)) if table is None else table
        if wanted not in finished.tables:
            hint = nearest(wanted, finished.tables)
            raise UsageError(f"stage {stage!r} has no table {wanted!r}{hint}")
        return finished.tables[wanted]
    raise UsageError(f"stage {stage!r} has no results")


def _tell(panel: PanelOfStudy) -> dict[str, Any]:
    """Return a panel as the study file has it."""
    taken = panel.taken
    told: dict[str, Any] = {
        "kind": panel.kind,
        "from": taken.stage,
        "table": taken.table,
        "where": list(taken.where) or None,
        "title": panel.title,
        "width": panel.width,
        "names": panel.names,
        "by": panel.by,
        "top": panel.top,
        "rank": panel.rank if panel.by is not None and panel.rank != c.NEG_LOG10_P else None,
        "most": panel.most,
        "labels": panel.labels,
    }
    return {key: value for key, value in told.items() if value is not None}
