"""One case of the fuzzer: damaged files through a reader's door, and how it ended."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import random
import re
import shutil
import signal
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr.errors import LowMemoryError, ProteomrError
from tests.fuzz.mutations import BYTES, mutate
from tests.fuzz.seed import Seed
from tests.fuzz.seeds import seeds

Ending: TypeAlias = Literal["same", "other", "refused", "failed"]

SECONDS: Final = 20.0  # of a case; the slowest takes 2 s on a quiet machine
_LONGEST: Final = 600
_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")
_FOLDER: Final = re.compile(r"/\S*/fuzz-[^/]*/")
BORDER: Final = "-v shows where"


class TooSlow(KeyboardInterrupt):
    """A case that went on for too long; a kind that no reader takes for a fault of the file."""


@dataclass(frozen=True, slots=True)
class Case:
    """What became of one case.

    Parameters
    ----------
    label : ``SEED:NUMBER`` by which it can be run again.
    seed, kind : name of the seed and of the damage.
    ending : the same content as undamaged, another, refused in one line, or a failure.
    text : the message or, of a failure, what is wrong.
    caught : where a fault arose that the border alone turned into words; empty for others.
    """

    label: str
    seed: str
    kind: str
    ending: Ending
    text: str = ""
    caught: str = ""


@dataclass(slots=True)
class Report:
    """How many cases ended how."""

    endings: Counter[str] = field(default_factory=Counter[str])
    by_seed: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    other: Counter[str] = field(default_factory=Counter[str])
    caught: Counter[str] = field(default_factory=Counter[str])
    failures: list[Case] = field(default_factory=list[Case])

    def add(self, case: Case) -> None:
        """Count a case."""
        self.endings[case.ending] += 1
        self.by_seed[case.seed, case.ending] += 1
        if case.caught:
            self.caught[case.caught] += 1
        if case.ending == "other":
            self.other[case.kind] += 1
        if case.ending == "failed":
            self.failures.append(case)


def run_case(seed: int, number: int, *, seconds: float = SECONDS) -> Case:
    """Run one case, which its seed and number determine.

    Parameters
    ----------
    seed, number : of the whole run, and of the case in it.
    seconds : after which it is a failure.
    """
    rng = random.Random(f"{seed}:{number}")
    chosen = seeds()[number % len(seeds())]
    name = rng.choice(chosen.mutated)
    content, kind = mutate(chosen.files[name], rng)
    if content and rng.random() < 0.2:
        content = rng.choice(BYTES)(content, rng)
    label = f"{seed}:{number}"
    return _read(chosen, {name: content}, seconds, label=label, kind=kind)


def _read(seed: Seed, changed: dict[str, bytes], seconds: float, *, label: str, kind: str) -> Case:
    ended = partial(Case, label, seed.name, kind)
    try:
        with _limited(seconds):
            taken = _take(seed, changed)
    except LowMemoryError as error:
        return ended("failed", f"asks for too much memory: {error}")
    except ProteomrError as error:
        fault = _fault_of(str(error), seed)
        if fault:
            return ended("failed", fault)
        said = _FOLDER.sub("", str(error))
        return ended("refused", said, _place_of(error) if BORDER in said else "")
    except TooSlow:
        return ended("failed", f"takes more than {seconds:.0f} s")
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - panics of Rust are no Exception
        return ended("failed", traceback.format_exc(limit=-6)[-3000:])
    return ended("same" if taken == _undamaged(seed.name) else "other")


def _place_of(error: BaseException) -> str:
    """Return where the fault behind an error arose, and its kind."""
    while error.__cause__ is not None:
        error = error.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "proteomr" in frame.filename] or frames
    if not own:
        return type(error).__name__
    return f"{Path(own[-1].filename).name}:{own[-1].lineno} {type(error).__name__}"


def _fault_of(message: str, seed: Seed) -> str:
    """Return what is wrong with a message; empty where nothing is."""
    if not message.isprintable():
        return f"the message is no line of printable characters: {message!r}"
    if len(message) >= _LONGEST:
        return f"the message has {len(message)} characters: {message}"
    named = next((one for one in seed.people if one in message), None)
    return "" if named is None else f"the message names a person: {message}"


def _take(seed: Seed, changed: dict[str, bytes]) -> str:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        for name, content in {**seed.files, **changed}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return digest(seed.door(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # a ledger removes its own when it is empty


@cache
def _undamaged(name: str) -> str:
    return _take(next(seed for seed in seeds() if seed.name == name), {})


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def digest(taken: object) -> str:
    """Return one digest of whatever a door gives: frames, arrays, records and texts."""
    return hashlib.sha256("\n".join(_spell(taken)).encode("utf-8", "replace")).hexdigest()


def _spell(taken: Any) -> Iterator[str]:
    if isinstance(taken, pl.DataFrame | pl.Series):
        yield repr(taken.schema if isinstance(taken, pl.DataFrame) else taken.dtype)
        yield from map(repr, taken.rows() if isinstance(taken, pl.DataFrame) else taken)
    elif isinstance(taken, np.ndarray):
        yield f"{taken.shape} {taken.tolist()!r}"
    elif dataclasses.is_dataclass(taken):
        for entry in dataclasses.fields(taken):
            yield entry.name
            yield from _spell(getattr(taken, entry.name))
    elif isinstance(taken, dict):
        for key, value in taken.items():
            yield repr(key)
            yield from _spell(value)
    elif isinstance(taken, list | tuple):
        for value in taken:
            yield from _spell(value)
    else:
        yield _ADDRESS.sub("", _FOLDER.sub("", repr(taken)))


def run_cases(seed: int, numbers: Sequence[int]) -> Report:
    """Run cases and count how they ended."""
    report = Report()
    for number in numbers:
        report.add(run_case(seed, number))
    return report
