"""What a report is made from: the runs of a folder, with their tables and accounts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import polars as pl

from proteomr.border import reading
from proteomr.errors import InputError
from proteomr.io.identifiers import find_id_column
from proteomr.runs import Finished, read_finished, refuse_altered, refuse_newer
from proteomr.runs.results import read_result
from proteomr.tables import load_schema
from proteomr.tables.table import schema_names

__all__ = [
    "Reported",
    "ReportedRun",
    "Said",
    "join_versions",
    "largest",
    "read_reported",
    "say_each",
]

_STAGES: Final = "stages.parquet"
_DIGEST: Final = 12  # letters of a digest that a reader compares
_KINDS: Final = {
    "request": dict,
    "versions": dict,
    "configuration": dict,
    "inputs": list,
    "notes": list,
}
_NAMED: Final = ("proteomr", "python", "numpy", "scipy", "polars")

Said: TypeAlias = tuple[str, str] | None
"""A text and where it is from; None where the runs do not say."""


def _names_people(columns: Sequence[str]) -> bool:
    """Tell whether one of some columns is an identifier of people."""
    try:
        find_id_column(columns)
    except InputError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """A finished run.

    Attributes
    ----------
    name : of its stage or folder.
    path : folder or file of its results.
    finished : its command, tables and counts.
    facts : its manifest.
    """

    name: str
    path: Path
    finished: Finished
    facts: Mapping[str, Any]

    @property
    def command(self) -> str:
        """What ran."""
        return self.finished.command

    def table(self, name: str) -> pl.DataFrame | None:
        """Return a table by its name; None where the run has none of it.

        Raises
        ------
        InputError
            It was altered since.
        """
        found = self.finished.tables.get(name)
        if found is None:
            return None
        refuse_altered(found)
        if found.suffix == ".parquet":
            refuse_newer(found)
        return read_result(found)

    def rows(self, name: str, *needed: str) -> pl.DataFrame | None:
        """Return a table that has rows and the columns needed; None where the run has none of it.

        A run whose results bear the names of another program (``--columns``) has none of them.
        """
        frame = self.table(name)
        if frame is None or not frame.height or not set(needed) <= set(frame.columns):
            return None
        return frame

    def holds_people(self, name: str) -> bool:
        """Tell whether the rows of a table are of people, which no report shows.

        All its columns are declared to be, or one of them names the people.
        """
        frame = self.table(name)
        if frame is None:
            return False
        if name not in schema_names():
            return _names_people(frame.columns)
        return _names_people(frame.columns) or all(
            column.disclosure == "person" for column in load_schema(name).columns
        )

    def source(self, table: str, rows: str = "") -> str:
        """Return where a number is from: the file, which rows of it, and the request."""
        file = self.finished.tables.get(table)
        named = f"{self.name}/{file.name}" if file is not None else f"{self.name}/manifest.json"
        chosen = f", {rows}" if rows else ""
        return f"{named}{chosen}; request {self.finished.digest[:_DIGEST]}"

    def asked(self, *keys: str) -> Any:
        """Return a part of what was asked, None where it is not there."""
        value: Any = self.facts.get("request", {}).get("asked", {})
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    @property
    def specification(self) -> Mapping[str, Any]:
        """What models were asked for; empty where the command fits none."""
        own = self.asked("specification") or self.asked("scan", "specification")
        return own if isinstance(own, dict) else {}

    @property
    def targets(self) -> tuple[str, ...]:
        """Exposures and outcomes, those over time by their events."""
        spec = self.specification
        timed = (spec.get("follow_up") or {}).get("outcomes", [])
        names = [*spec.get("exposures", []), *spec.get("outcomes", [])]
        return tuple(map(str, [*names, *(one["event"] for one in timed)]))

    @property
    def causes(self) -> Mapping[str, Any]:
        """What was asked of Mendelian randomisation, with colocalisation beside it or without."""
        own = self.asked("causes") or self.asked()
        return own if self.command == "mr" and isinstance(own, dict) else {}

    @property
    def people(self) -> Mapping[str, Any]:
        """Who was chosen."""
        chosen = self.asked("people") or self.asked("scan", "people")
        return chosen if isinstance(chosen, dict) else {}


@dataclass(frozen=True, slots=True)
class Reported:
    """The runs that a report tells of.

    Attributes
    ----------
    title : of the folder.
    runs : in the order of the study, or of their names.
    missing : what has no results, with the reason.
    choices : names that stages of a study chose.
    """

    title: str
    runs: tuple[ReportedRun, ...]
    missing: tuple[tuple[str, str], ...] = ()
    choices: pl.DataFrame | None = None

    def of(self, *commands: str) -> tuple[ReportedRun, ...]:
        """Return the runs of commands."""
        return tuple(run for run in self.runs if run.command in commands)


def say_each(
    commands: Sequence[str], of: Callable[[ReportedRun], Said]
) -> Callable[[Reported], Said]:
    """Return what asks every run of some commands, and says what each says, by its name.

    Runs that say the same are told together; of one run alone no name stands before the text.
    """

    def tell(reported: Reported) -> Said:
        runs = reported.of(*commands)
        said = [(run.name, *found) for run in runs if (found := of(run)) is not None]
        if not said:
            return None
        told: dict[str, list[str]] = {}
        for name, text, _ in said:
            told.setdefault(text, []).append(name)
        alone = len(runs) == 1
        texts = [text if alone else f"{', '.join(names)}: {text}" for text, names in told.items()]
        return " / ".join(texts), " / ".join(source for _, _, source in said)

    return tell


def largest(frame: pl.DataFrame, column: str) -> float | None:
    """Return the largest value of a column of numbers; None where it has none."""
    found = frame[column].drop_nulls()
    return float(found.to_numpy().max()) if found.len() else None


def join_versions(runs: Iterable[ReportedRun]) -> str:
    """Return the versions of the software that runs name, each once."""
    versions = {
        f"{name} {version}"
        for run in runs
        for name, version in run.facts.get("versions", {}).items()
        if name in _NAMED
    }
    return ", ".join(sorted(versions))


def read_reported(folder: str | Path) -> Reported:
    """Return the runs of a folder: of a study, of one run, or of several run folders.

    Parameters
    ----------
    folder : of `proteomr run`, of a run, or with run folders in it.

    Raises
    ------
    InputError
        There is no such folder, or no finished run in it.
    """
    place = Path(folder)
    if place.is_file():
        raise InputError(
            f"{place}: is a file; name the folder of a run or of a study, such as {place.parent}"
        )
    if not place.is_dir():
        raise InputError(f"{place}: no such folder; name that of a run or of a study")
    own = _read_run(place, place.name)
    if own is not None:
        return Reported(place.name, (own,))
    if (place / _STAGES).is_file():
        return _read_study(place)
    found = [_read_run(entry, entry.name) for entry in sorted(place.iterdir()) if entry.is_dir()]
    runs = tuple(run for run in found if run is not None)
    if not runs:
        raise InputError(f"{place}: no finished run lies there")
    return Reported(place.name, runs)


def _read_study(place: Path) -> Reported:
    stages = read_result(place / _STAGES)
    runs, missing = [], []
    for row in stages.iter_rows(named=True):
        name = str(row["stage"])
        folder, file = place / name, place / f"{name}.parquet"
        run = _read_run(folder if folder.is_dir() else file, name)
        if run is None:
            missing.append((name, str(row["message"] or row["state"])))
        else:
            runs.append(run)
    if not runs:
        raise InputError(f"{place}: no stage of the study has results; run it first")
    choices = place / "choices.parquet"
    return Reported(
        place.name,
        tuple(runs),
        tuple(missing),
        read_result(choices) if choices.is_file() else None,
    )


def _read_run(path: Path, name: str) -> ReportedRun | None:
    finished = read_finished(path)
    if finished is None:
        return None
    manifest = (
        path / "manifest.json" if path.is_dir() else path.with_name(f"{path.stem}.manifest.json")
    )
    with reading(manifest):
        facts = _judge_facts(json.loads(manifest.read_text("utf-8")))
    return ReportedRun(name, path, finished, facts)


def _judge_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest whose parts are of the kinds that a report takes them for."""
    for name, kind in _KINDS.items():
        if name in facts and not isinstance(facts[name], kind):
            raise ValueError(f"{name} is no {kind.__name__}")
    if not all(isinstance(entry.get("name"), str) for entry in facts.get("inputs", [])):
        raise ValueError("an input has no name")
    return facts
