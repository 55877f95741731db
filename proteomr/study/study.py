"""A study file: its stages, each a command with its options, and what they take of one another."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from proteomr.border import read_toml, reading
from proteomr.errors import UsageError, nearest
from proteomr.study.execution import Execution, parse_execution
from proteomr.study.figures import StudyFigure, parse_figures
from proteomr.study.findings import Finding, parse_findings
from proteomr.study.shipped import names_shipped, read_shipped_study
from proteomr.study.taking import From, parse_from, parse_texts, refuse_unknown

__all__ = ["From", "Option", "Stage", "Study", "parse_study", "read_study_file", "read_study_text"]

_KEYS: Final = ("title", "report", "defaults", "execution", "stages", "published", "figures")
_OF_STAGE: Final = ("command", "after", "about")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_RESERVED: Final = ("out", "config", "resume", "overwrite", "dry-run", "print-config", "threads")

Option: TypeAlias = Any
"""A value of TOML, or a `From` in the place of one."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A command of a study, with its options.

    Attributes
    ----------
    name : of the stage, and of the folder of its results.
    command : such as ``associate`` or ``gwas munge``.
    options : by their names in a configuration file; values of TOML, or `From`.
    after : stages that go first though nothing is taken of them.
    about : what it is for, in words.
    """

    name: str
    command: str
    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    after: tuple[str, ...] = ()
    about: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The stages that go before, each once."""
        taken = (name for one in _list_from(self.options) for name in one.needs)
        return tuple(dict.fromkeys([*taken, *self.after]))


@dataclass(frozen=True, slots=True)
class Study:
    """Stages in the order of their file.

    Attributes
    ----------
    title : in words.
    stages : in the order of the file.
    defaults : options of every stage whose command has them.
    folder : that the paths of options are relative to.
    name : of the file, or of a study that is shipped.
    execution : where the stages are run.
    report : whether a report of all stages is written when they have ended.
    findings : published numbers, which a last table holds against those that were found.
    figures : by name, drawn when the stages have ended.
    """

    title: str
    stages: tuple[Stage, ...]
    defaults: Mapping[str, Option] = field(default_factory=dict[str, Option])
    folder: Path = Path()
    name: str = "the study"
    execution: Execution = field(default_factory=Execution)
    report: bool = False
    findings: tuple[Finding, ...] = ()
    figures: tuple[StudyFigure, ...] = ()

    def stage(self, name: str) -> Stage:
        """Return a stage by its name.

        Raises
        ------
        UsageError
            There is none of that name.
        """
        found = {stage.name: stage for stage in self.stages}
        if name not in found:
            raise UsageError(
                f"no stage {name!r}{nearest(name, found)}; there are {', '.join(found)}"
            )
        return found[name]


def read_study_file(source: str | Path) -> Study:
    """Read a study file, see `parse_study`.

    Parameters
    ----------
    source : a file; or a name of `list_studies`, whose paths are relative to the working folder. A
        word without a dot or slash, of which there is no file, is a name.

    Raises
    ------
    UsageError
        What it says is no study, or there is none of that name; the message names file and stage.
    InputError
        It cannot be read, or is no TOML.
    """
    path = Path(source)
    if names_shipped(path):
        shipped = parse_study(tomllib.loads(read_shipped_study(path.name)), folder=Path.cwd())
        return replace(shipped, name=path.name)
    try:
        read = parse_study(read_toml(path), folder=path.resolve().parent)
        return replace(read, name=path.name)
    except UsageError as fault:
        raise UsageError(f"{path}: {fault}") from None


def read_study_text(source: str | Path) -> str:
    """Return a study file as it is written, see `read_study_file`.

    Raises
    ------
    UsageError
        There is no study of that name.
    InputError
        The file cannot be read.
    """
    path = Path(source)
    if names_shipped(path):
        return read_shipped_study(path.name)
    with reading(path):
        return path.read_text(encoding="utf-8")


def parse_study(facts: Mapping[str, Any], *, folder: Path = Path()) -> Study:
    """Return the study that a TOML document says.

    ``[stages.NAME]`` has the command (by default the stage's name), and its options as ``--config``
    takes them; ``[defaults]`` has options of every stage whose command takes them. In the place of
    any value stands ``{from = "STAGE"}`` for the results of an earlier stage, with ``table`` for
    one of its tables, and with ``where``, ``column`` or ``union`` for names that are chosen there.
    ``[execution]`` says where the stages are run, see `Execution`; ``report = true`` has a report
    of them all written at the end.

    Parameters
    ----------
    facts : the document.
    folder : that its paths are relative to.

    Raises
    ------
    UsageError
        It has no stages, a key is unknown or of another type, or two stages have one folder.

    Examples
    --------
    >>> study = parse_study({"stages": {
    ...     "people": {"command": "simulate", "people": 500},
    ...     "associate": {"samples": {"from": "people"}, "exposure": "loneliness"}}})
    >>> study.stages[1].needs
    ('people',)
    """
    refuse_unknown(facts, _KEYS, where="the study")
    stages = facts.get("stages")
    if not isinstance(stages, dict) or not stages:
        raise UsageError('no stage: write [stages.NAME], with command = "..." and its options')
    made = tuple(_parse_stage(name, entry) for name, entry in stages.items())
    _refuse_one_folder(made)
    defaults = facts.get("defaults", {})
    if not isinstance(defaults, dict):
        raise UsageError("[defaults] is a table of options")
    parsed = {key: _parse_option(value, f"[defaults] {key}") for key, value in defaults.items()}
    execution = parse_execution(facts.get("execution", {}))
    report = facts.get("report", False)
    if not isinstance(report, bool):
        raise UsageError(f"report is true or false, not {report!r}")
    title = str(facts.get("title", ""))
    findings = parse_findings(facts.get("published", []))
    figures = parse_figures(facts.get("figures", {}))
    for number, finding in enumerate(findings, start=1):
        _refuse_absent(f"[[published]] {number}", finding.needs, made)
    for figure in figures:
        _refuse_absent(f"[figures.{figure.name}]", figure.needs, made)
    return Study(
        title,
        made,
        parsed,
        folder,
        execution=execution,
        report=report,
        findings=findings,
        figures=figures,
    )


def _parse_stage(name: str, entry: object) -> Stage:
    where = f"[stages.{name}]"
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"{where}: a stage's name has letters, digits, - and _ alone")
    if not isinstance(entry, dict):
        raise UsageError(f"{where} is a table of options")
    command, after = entry.get("command", name), entry.get("after", [])
    about = entry.get("about", "")
    if not isinstance(command, str) or not isinstance(about, str):
        raise UsageError(f"{where}: command and about are text")
    options = {}
    for key, value in entry.items():
        if key in _RESERVED:
            raise UsageError(f"{where}: {key} is of `run` itself, for all stages; leave it out")
        if key not in _OF_STAGE:
            options[key] = _parse_option(value, f"{where} {key}")
    return Stage(name, command, options, parse_texts(after, f"{where} after"), about)


def _parse_option(value: object, where: str) -> Option:
    """Return an option in which what is taken of other stages is marked."""
    if isinstance(value, dict):
        if "from" in value:
            return parse_from(value, where)
        return {key: _parse_option(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [_parse_option(inner, where) for inner in value]
    return value


def _list_from(value: object) -> Iterator[From]:
    """Yield what options take of other stages."""
    if isinstance(value, From):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _list_from(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _list_from(inner)


def _refuse_absent(where: str, needs: Sequence[str], stages: Sequence[Stage]) -> None:
    """Refuse what takes tables of a stage that is not there."""
    names = [stage.name for stage in stages]
    for name in needs:
        if name not in names:
            raise UsageError(
                f"{where} takes a table of stage {name!r}, and there is none"
                f"{nearest(name, names)}; there are {', '.join(names)}"
            )


def _refuse_one_folder(stages: Sequence[Stage]) -> None:
    """Refuse names that some disks take for one."""
    seen: dict[str, str] = {}
    for stage in stages:
        other = seen.setdefault(stage.name.casefold(), stage.name)
        if other != stage.name:
            raise UsageError(f"stages {other!r} and {stage.name!r} would have one folder")
