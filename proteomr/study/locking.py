"""The inputs of a study by digest: written beside its file, and held against what is there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from proteomr.border import read_toml
from proteomr.errors import FormatError, InputError, UsageError
from proteomr.files import replace_file, shared_mode
from proteomr.runs import Request, Source

__all__ = ["InputLock", "name_lock", "open_lock"]

_ENDING: Final = ".lock"
_HEAD: Final = """\
# The inputs of {study} and the SHA-256 of each; of a folder that of its tables. While this file is
# here, `proteomr run` refuses inputs of other content; `--lock` adds inputs that are new.
# Lists of people (withdrawn, keep, remove) are not here: their digests would tell who is in them.
"""


@dataclass(slots=True)
class InputLock:
    """Inputs that have to stay what they were.

    Attributes
    ----------
    path : the lock file.
    folder : of the study, which names of inputs are relative to.
    known : digest of each input by its name.
    adds : whether inputs that are not known are added; else they are refused.
    """

    path: Path
    folder: Path
    known: dict[str, str] = field(default_factory=dict[str, str])
    adds: bool = False

    def check(self) -> None:
        """Hold every known input against its digest.

        Raises
        ------
        InputError
            One is not there any more, or has changed since it was locked.
        """
        for name, digest in self.known.items():
            if not (self.folder / name).exists():
                raise InputError(f"{name}: is locked by {self.path} and not there; {self._remedy}")
            if _digest(self.folder / name) != digest:
                raise InputError(f"{name}: has changed since {self.path} locked it; {self._remedy}")

    def take(self, request: Request, *, out: Path) -> None:
        """Add the inputs of a request, or refuse those that are not known.

        Parameters
        ----------
        request : of a stage.
        out : folder of the study's results; what lies there is no input.

        Raises
        ------
        UsageError
            An input is not locked, and none may be added.
        """
        for source in request.sources():
            if source.frame is not None or source.lists_people:
                continue
            for file in source.files:
                place = (self.folder / file).resolve()
                if place.is_relative_to(out.resolve()):
                    continue
                self._take_file(place)

    def write(self, *, study: str) -> None:
        """Write the lock file, the inputs in the order of their names."""
        lines = [_HEAD.format(study=study), "[inputs]"]
        lines += [f"{json.dumps(name)} = {json.dumps(self.known[name])}" for name in self._order()]
        content = ("\n".join(lines) + "\n").encode()
        replace_file(self.path, lambda stream: stream.write(content), mode=shared_mode())

    def _take_file(self, place: Path) -> None:
        name = _relative(place, self.folder)
        if name in self.known:
            return
        if not self.adds:
            raise UsageError(f"{name}: is not among the inputs of {self.path}; add it with --lock")
        self.known[name] = _digest(place)

    def _order(self) -> list[str]:
        return sorted(self.known)

    @property
    def _remedy(self) -> str:
        return f"bring it back, or delete {self.path.name} to accept what there is"


def name_lock(study: str | Path) -> Path:
    """Return where the lock of a study lies: beside its file; of a shipped one, in this folder.

    Examples
    --------
    >>> name_lock("data/study.toml").name, str(name_lock("shen2025"))
    ('study.lock', 'shen2025.lock')
    """
    return Path(study).with_suffix(_ENDING)


def open_lock(study: str | Path, *, folder: Path, adds: bool) -> InputLock | None:
    """Return the lock of a study; None where it has none and none is asked for.

    Parameters
    ----------
    study : its file, or the name of one that is shipped.
    folder : of the study.
    adds : whether a lock is asked for, and may take up inputs.

    Raises
    ------
    FormatError
        The file beside the study is no lock.

    Examples
    --------
    >>> open_lock("nowhere/study.toml", folder=Path("nowhere"), adds=False)
    """
    path = name_lock(study)
    if not path.is_file():
        return InputLock(path, folder.resolve(), adds=True) if adds else None
    known = read_toml(path).get("inputs")
    if not isinstance(known, Mapping) or not all(isinstance(one, str) for one in known.values()):
        raise FormatError("is no lock of inputs: [inputs] is missing; delete it", path=path)
    return InputLock(path, folder.resolve(), dict(known), adds)


def _relative(place: Path, folder: Path) -> str:
    return Path(os.path.relpath(place, folder)).as_posix()


def _digest(place: Path) -> str:
    (record,) = Source.of(place).read_records()
    return str(record.sha256)
