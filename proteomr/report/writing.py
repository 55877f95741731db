"""Reports made and written: a page of HTML and its twin in Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from proteomr.files import replace_file, shared_mode
from proteomr.report.blocks import Section
from proteomr.report.markdown import render_markdown
from proteomr.report.page import render_page
from proteomr.report.reading import read_reported
from proteomr.report.sections import tell_sections

__all__ = ["Report", "make_report", "write_report"]


@dataclass(frozen=True, slots=True)
class Report:
    """A report of runs.

    Attributes
    ----------
    title : of the study or run.
    sections : in order.
    missing : names of stages without results.
    """

    title: str
    sections: tuple[Section, ...]
    missing: tuple[str, ...]

    @property
    def html(self) -> str:
        """The page."""
        return render_page(self.title, self.sections)

    @property
    def markdown(self) -> str:
        """The same words as Markdown."""
        return render_markdown(self.title, self.sections)


def make_report(folder: str | Path, *, title: str | None = None) -> Report:
    """Return the report of a study, a run, or a folder of runs.

    It is a function of what the runs have written: the same runs give the same bytes, on any day
    and machine.

    Parameters
    ----------
    folder : see `proteomr.report.reading.read_reported`.
    title : of the report; None for the folder's name.

    Raises
    ------
    InputError
        There is no finished run.
    """
    reported = read_reported(folder)
    missing = tuple(name for name, _ in reported.missing)
    return Report(title or reported.title, tell_sections(reported), missing)


def write_report(report: Report, path: str | Path) -> tuple[Path, Path]:
    """Write the page, and beside it its twin in Markdown; return both paths.

    Parameters
    ----------
    report : made before.
    path : of the page.
    """
    page = Path(path)
    twin = page.with_suffix(".md")
    for file, text in ((page, report.html), (twin, report.markdown)):
        replace_file(file, partial(_put, content=text.encode()), mode=shared_mode())
    return page, twin


def _put(file: BinaryIO, *, content: bytes) -> None:
    file.write(content)
