"""Figures of the tables of a run, drawn before its results are put into their places."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import polars as pl

from proteomr.runs.layout import FIGURES
from proteomr.runs.ledger import Ledger
from proteomr.runs.results import read_result
from proteomr.runs.scratch import open_scratch

__all__ = ["DrawTables", "draw_figures"]


class DrawTables(Protocol):
    """What draws the tables of a run, see `proteomr.plot.run_figures.draw_run`."""

    def __call__(
        self, tables: Mapping[str, Callable[[], pl.DataFrame]], folder: Path, /
    ) -> tuple[str, ...]:
        """Draw tables, each read when it is asked for, into a folder; return notes."""
        ...


def draw_figures(draw: DrawTables, ledger: Ledger) -> tuple[str, ...]:
    """Draw the tables that a run has written into its folder ``figures``; return notes.

    Parameters
    ----------
    draw : what draws.
    ledger : of the run, whose output is a folder, before its end.
    """
    tables = {name: partial(read_result, path) for name, path in ledger.list_tables().items()}
    with open_scratch() as scratch:
        folder = scratch / FIGURES
        folder.mkdir()
        notes = draw(tables, folder)
        for file in sorted(folder.iterdir()):
            shutil.copyfile(file, ledger.place(f"{FIGURES}/{file.name}"))
    return notes
