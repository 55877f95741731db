"""A study file to begin with, written from what the files of a folder are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from proteomr.errors import NothingToDo
from proteomr.io.recognising import Recognised, Role, list_kinds
from proteomr.study.columns_of_people import ColumnsOfPeople, sort_columns

__all__ = ["write_beginning"]

_HEAD: Final = """\
# A study to begin with, made from the files of a folder. What to change is said in comments.
#   proteomr run {file} -o results --dry-run     what would run: people, fits, time, memory, disk
#   proteomr run {file} -o results               runs what does not stand yet
# Options are those of each command (`proteomr COMMAND --help`), paths are relative to this file,
# and {{ from = "STAGE" }} stands for the results of an earlier stage.
title = "{title}"
"""

# What the shipped definition of `phenotype` derives.
_DERIVED: Final = ColumnsOfPeople(
    '{ simple = "age + sex", full = "simple + bmi + smoking" }',
    ("isolation", "loneliness"),
    (),
    {},
)


def write_beginning(found: Sequence[Recognised], *, file: str | Path) -> str:
    r"""Return the text of a study file that uses what was found.

    Files of platforms are read and checked (``ingest``, ``qc``), answers of participants derived
    (``phenotype``), proteins held against what looks like exposures and outcomes of the people
    (``associate``, ``survive``), summary statistics against one another (``mr``). The choices are
    guesses from names and values, told as comments beside what else there is.

    Parameters
    ----------
    found : what the files are; see `proteomr.io.recognising.recognise_folder`.
    file : that the text is for, which its paths are relative to.

    Raises
    ------
    NothingToDo
        Of nothing that was found a stage can be made.

    Examples
    --------
    >>> text = write_beginning(
    ...     [Recognised(Path("bmi.tsv"), "sumstats", "summary statistics (gwas_ssf)")],
    ...     file="study.toml")
    >>> print(text[text.index("[stages"):])
    [stages.munge]
    about = "bmi.tsv, checked and in columns of one kind"
    command = "gwas munge"
    files = ["bmi.tsv"]
    <BLANKLINE>
    """
    file = Path(file)
    title = file.absolute().parent.name
    head = _HEAD.format(file=file.name, title=title.replace("\\", "/").replace('"', "'"))
    blocks = list(_Writer(found, file.absolute().parent).blocks())
    if not any(block.startswith("[stages.") for block in blocks):
        held = "; ".join(f"{one.path.name}: {one.detail}" for one in found[:3]) or "no files"
        raise NothingToDo(f"nothing here makes a stage of a study ({held})")
    return "\n".join([head, *blocks])


class _Writer:
    """Puts the parts of a study file together."""

    def __init__(self, found: Sequence[Recognised], folder: Path) -> None:
        self._kinds = list_kinds(found)
        self._folder = folder
        self._people = self._find_people()
        self._columns = None if self._people is None else sort_columns(self._people)
        self._derives = self._columns is None and bool(self._of("participants"))

    def blocks(self) -> Iterator[str]:
        """Yield the parts in their order."""
        if self._has_scan:
            yield _block("[defaults]", self._defaults())
        for platform, files in self._platforms().items():
            yield from self._ingest(platform, files)
        if self._people is not None and self._columns is not None:
            yield from self._describe(self._columns)
        if self._derives:
            lines = ['about = "exposures, covariates and outcomes of the participants\' answers"']
            lines += ['command = "phenotype"', f"samples = {self._paths('participants')}"]
            lines += ['definition = ["shen2025"]  # or a TOML file of your own']
            yield _block("[stages.people]", lines)
        if self._has_scan:
            yield from self._scans(_DERIVED if self._columns is None else self._columns)
        yield from self._causes()
        yield from self._left()

    def _find_people(self) -> Recognised | None:
        """Return the table of most people, and of most columns; else what comes with proteins."""
        tables = [*self._of("people"), *self._of("store"), *self._of("platform")]
        held = [one for one in tables if one.people is not None]
        order = ("people", "store", "platform")
        return min(held, key=lambda one: (order.index(one.role), *_size(one)), default=None)

    @property
    def _has_scan(self) -> bool:
        """Whether proteins and people are both there."""
        roles: tuple[Role, ...] = ("platform", "store", "proteins")
        proteins = any(self._of(role) for role in roles)
        return proteins and (self._columns is not None or self._derives)

    def _of(self, role: Role) -> tuple[Recognised, ...]:
        return self._kinds.get(role, ())

    def _first(self, role: Role) -> Recognised | None:
        return next(iter(self._of(role)), None)

    def _paths(self, role: Role) -> str:
        return _list(self._path(one) for one in self._of(role))

    def _path(self, one: Recognised) -> str:
        return os.path.relpath(one.path.absolute(), self._folder)

    def _platforms(self) -> dict[str, list[Recognised]]:
        """Return the files of platforms by the platform, each read by a stage of its own."""
        named: dict[str, list[Recognised]] = {}
        for one in self._of("platform"):
            named.setdefault(one.detail, []).append(one)
        if self._of("proteins") and self._columns is None and not self._of("participants"):
            named.setdefault("table", []).extend(
                self._of("proteins")
            )  # nobody to hold them against
        if "ukb" in named and self._of("participants"):
            named["ukb"] += self._of("participants")  # sites, plates and dates of the samples
        return named

    def _defaults(self) -> Iterator[str]:
        if self._derives:
            yield 'samples = { from = "people" }'
        else:
            yield f"samples = {self._name_people()}"
            for other in self._of("people"):
                if other is not self._people:
                    name = _plain(other.path.name)
                    yield f"# {name} is of people as well: join its columns to the file above"
        yield from self._proteins()
        yield from self._covariates()
        if self._columns is not None:
            yield "# adjustment sets; a later one may name an earlier one"
            yield f"adjust = {self._columns.adjust}"
        else:
            yield f"adjust = {_DERIVED.adjust}"
        yield 'transform = "rint"  # rank-based inverse normal; or log2, zscore, none'

    def _name_people(self) -> str:
        if self._people is None or self._people.role == "platform":
            platforms = list(self._platforms())
            return f'{{ from = "{_stage("qc", "table", platforms)}" }}'
        return _quote(self._path(self._people))

    def _proteins(self) -> Iterator[str]:
        platforms = list(self._platforms())
        if self._people is not None and self._people.role == "platform":
            return  # the store is both
        if platforms:
            yield f'proteins = [{{ from = "{_stage("qc", platforms[0], platforms)}" }}]'
            for other in platforms[1:]:
                yield f'# or of {other}: [{{ from = "{_stage("qc", other, platforms)}" }}]'
        elif self._of("proteins"):
            yield f"proteins = {self._paths('proteins')}"
        elif self._of("people"):
            yield f"proteins = {self._paths('store')}"

    def _covariates(self) -> Iterator[str]:
        if not self._of("covariate"):
            return
        pairs = [f"{_key(one)} = {_quote(self._path(one))}" for one in self._of("covariate")]
        yield "# a covariate with a column for each panel; name it in an adjustment set to use it"
        yield f"# protein-covariate = {{ {', '.join(pairs)} }}"
        for one in self._of("assays")[:1]:
            yield f"# assays = {_quote(self._path(one))}"

    def _describe(self, columns: ColumnsOfPeople) -> Iterator[str]:
        lines = ['about = "who the people are"', 'command = "describe"']
        lines += [] if self._has_scan else [f"samples = {self._name_people()}"]
        lines += [f"by = {_list(columns.exposures[:2])}"] if columns.exposures else []
        yield _block("[stages.table1]", lines)

    def _ingest(self, platform: str, files: Sequence[Recognised]) -> Iterator[str]:
        several = list(self._platforms())
        read = _stage("ingest", platform, several)
        yield _block(
            f"[stages.{read}]",
            [f'about = "what the laboratory delivered, as one store ({platform})"']
            + ([] if read == "ingest" else ['command = "ingest"'])
            + [f"files = {_list(self._path(one) for one in files)}", f'platform = "{platform}"']
            + [f"id = {_quote(one.identifier)}" for one in files if one.identifier]
            + _list_facts(files),
        )
        checked = _stage("qc", platform, several)
        yield _block(
            f"[stages.{checked}]",
            ['about = "assays and samples that pass; every one that leaves is counted"']
            + ([] if checked == "qc" else ['command = "qc"'])
            + [f'store = {{ from = "{read}" }}'],
        )

    def _scans(self, columns: ColumnsOfPeople) -> Iterator[str]:
        if columns.exposures:
            lines = ['about = "every protein against each exposure"', 'family = "linear"']
            lines += [f"exposure = {_list(columns.exposures)}", *_others(columns.further)]
            yield _block("[stages.associate]", [*lines, "allow-failures = true"])
        else:
            yield "# No column of the people looks like an exposure: write [stages.associate], with"
            yield '# family = "linear" and exposure = ["COLUMN"].\n'
        for name, code in columns.outcomes.items():
            lines = [f'about = "every protein and the time to {name}"', 'command = "survive"']
            lines += ['family = "cox"', f"outcome = {_list([name])}"]
            lines += [f"event-code = {code}"] if code is not None else []
            stage = _bare(f"survive_{name}")
            yield _block(f"[stages.{stage}]", [*lines, "allow-failures = true"])

    def _causes(self) -> Iterator[str]:
        studies = self._of("sumstats")
        genotypes = self._first("genotypes")
        if len(studies) == 1:
            name = _plain(studies[0].path.name)
            lines = [f'about = "{name}, checked and in columns of one kind"']
            lines += ['command = "gwas munge"', f"files = {self._paths('sumstats')}"]
            yield _block("[stages.munge]", lines)
        if len(studies) > 1:
            lines = ['about = "whether the first study\'s trait causes those of the others"']
            lines += ['command = "mr"', "# the exposure first, then its outcomes"]
            lines += [f"files = {self._paths('sumstats')}"]
            if genotypes is None:
                lines += ["# no genotypes to clump by: several instruments nearby are flagged"]
                lines += ['unproven = "flag"']
            else:
                lines += [f"ld = {_quote(self._path(genotypes))}"]
            yield _block("[stages.causes]", lines)
        for number, one in enumerate(self._of("harmonised"), start=1):
            lines = ['about = "effects of variants on both traits, as they were harmonised before"']
            lines += ['command = "mr"', f"harmonised = {_quote(self._path(one))}"]
            yield _block(f"[stages.harmonised_{number}]", lines)

    def _left(self) -> Iterator[str]:
        unknown = self._of("unknown")
        if unknown:
            yield "# Not recognised, and not used:"
            for one in unknown:
                yield f"#   {_plain(one.path.name)}: {_plain(one.detail)}"
            yield ""


def _block(header: str, lines: Iterable[str]) -> str:
    return "\n".join([header, *lines, ""])


def _stage(command: str, platform: str, platforms: Sequence[str]) -> str:
    return command if len(platforms) == 1 else f"{command}_{platform}"


def _others(names: Sequence[str]) -> list[str]:
    shown = ", ".join(map(_plain, names[:20])) + (", ..." if len(names) > 20 else "")
    return [f"# further columns that may be exposures: {shown}"] if names else []


def _list_facts(files: Sequence[Recognised]) -> list[str]:
    """Return the option that tells columns of numbers about samples from proteins."""
    names = [
        name
        for one in files
        if one.people is not None
        for name in one.columns
        if one.people[name].dtype.is_numeric()
    ]
    return [f"sample-column = {_list(names)}"] if names else []


def _size(one: Recognised) -> tuple[int, int]:
    height = 0 if one.people is None else one.people.height
    return -height, -len(one.columns)


def _key(one: Recognised) -> str:
    return _quote(one.path.name.partition(".")[0])


def _bare(name: str) -> str:
    """Return a name that a stage, and its folder, may have."""
    return "".join(mark if mark.isascii() and mark.isalnum() else "_" for mark in name)


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(map(_quote, values)) + "]"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _plain(text: str) -> str:
    """Return text for a comment, or within quotes: on one line, and no quotes or escapes in it."""
    shown = "".join(mark if mark.isprintable() else "?" for mark in text)
    return shown.replace("\\", "/").replace('"', "'")
