"""What came of a study, as tables: its stages, and the names that were chosen for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from proteomr.files import replace_file, shared_mode
from proteomr.runs import TableFormat, read_finished
from proteomr.runs.encoding import write_encoded
from proteomr.runs.results import read_result
from proteomr.study.calls import StageReport
from proteomr.tables import load_schema

__all__ = [
    "PUBLISHED",
    "StudyResults",
    "tabulate_stages",
    "write_account",
    "write_costs",
    "write_published",
]

PUBLISHED: Final = "published"
"""Name of the table of published numbers."""

_COSTS: Final = "costs"
_FORMATS: Final[tuple[TableFormat, ...]] = ("parquet", "tsv")


@dataclass(frozen=True, slots=True)
class StudyResults:
    """The stages of a study as they stand.

    Attributes
    ----------
    stages, choices : tables; see the schemas ``stages`` and ``choices``.
    reports : of every stage, in order.
    figures : paths of the study's own figures, with their numbers.
    notes : what a reader of these should know.
    """

    stages: pl.DataFrame
    choices: pl.DataFrame
    reports: tuple[StageReport, ...]
    figures: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the stages that failed, or that need one that did."""
        bad = ("failed", "blocked", "units_failed")
        return tuple(report.stage.name for report in self.reports if report.state in bad)


def tabulate_stages(reports: Sequence[StageReport]) -> StudyResults:
    """Return what came of all stages, in their order.

    Examples
    --------
    >>> tabulate_stages([]).stages.height
    0
    """
    rows = [_describe(report) for report in reports]
    stages = load_schema("stages")
    choices = load_schema("choices")
    chosen = [
        {"stage": report.stage.name, "option": option, "rule": one.rule, "value": value}
        for report in reports
        for option, one in report.chosen.items()
        for value in one.values or (None,)
    ]
    return StudyResults(
        stages.validate(pl.DataFrame(rows, schema=stages.empty().schema)),
        choices.validate(pl.DataFrame(chosen, schema=choices.empty().schema)),
        tuple(reports),
    )


def write_account(results: StudyResults, folder: Path) -> None:
    """Write both tables into the folder of a study, as parquet and as text for people."""
    for name, frame in (("stages", results.stages), ("choices", results.choices)):
        _write(frame, folder, name)


def write_costs(reports: Iterable[StageReport], folder: Path, *, stages: Sequence[str]) -> None:
    """Write what stages took when they last ran; of those that stand the old rows are kept.

    It is written whenever a stage has ended: what a kill leaves unfinished is run again, and what
    had ended is not, so that nothing else would know what it took. Times are of this machine and
    this day, so that the table is no result: it stands beside ``stages``, which is the same for
    every run of the same study.

    Parameters
    ----------
    reports : of stages that have ended.
    folder : of the study.
    stages : names of all of its stages in their order; rows of others are dropped.
    """
    schema = load_schema(_COSTS)
    known: dict[str, dict[str, Any]] = {}
    before = folder / f"{_COSTS}.parquet"
    if before.is_file():
        known = {row["stage"]: row for row in read_result(before).iter_rows(named=True)}
    for report in reports:
        if report.cost is not None:
            known[report.stage.name] = {"stage": report.stage.name, **asdict(report.cost)}
    rows = [known[name] for name in stages if name in known]
    _write(schema.validate(pl.DataFrame(rows, schema=schema.empty().schema)), folder, _COSTS)


def write_published(frame: pl.DataFrame, folder: Path) -> None:
    """Write the published numbers beside those found, see `proteomr.study.published`."""
    _write(frame, folder, PUBLISHED)


def _write(frame: pl.DataFrame, folder: Path, name: str) -> None:
    for ending in _FORMATS:
        write = partial(write_encoded, frame, format=ending)
        replace_file(folder / f"{name}.{ending}", write, mode=shared_mode())


def _describe(report: StageReport) -> dict[str, object]:
    finished = None if report.path is None else read_finished(report.path)
    return {
        "stage": report.stage.name,
        "command": report.stage.command,
        "needs": ", ".join(report.stage.needs) or None,
        "state": report.state,
        "units": report.units,
        "failed": report.failed,
        "main_table": None if finished is None else finished.main,
        "request": None if finished is None else finished.digest,
        "message": report.message or None,
    }
