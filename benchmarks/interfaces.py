"""What a competitor gives, and the record that a measurement becomes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from benchmarks.problems import Problem
from proteomr._typing import F64

__all__ = [
    "ABSENT",
    "PROTEOMR",
    "Competitor",
    "Family",
    "Fitted",
    "Kind",
    "Measurement",
    "read_measurements",
    "write_measurements",
]

Family: TypeAlias = Literal["logistic", "linear"]
Kind: TypeAlias = Literal["fits", "loops", "workers", "command"]
PROTEOMR = "proteomr"
ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Fitted:
    """The fits of some proteins ``(b, t)``, t the problem's tests, and what one of them cost.

    Attributes
    ----------
    estimate, se : of the protein (logistic) or the exposure (linear).
    cpu_seconds : of one fit, user and system.
    timed : number of fits that were timed.
    """

    estimate: F64
    se: F64
    cpu_seconds: float
    timed: int


class Competitor(Protocol):
    """A way of fitting the scan's models, one file each.

    ``needs`` says what it must find on the machine, ``includes`` what its seconds hold.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - said in the class docstring

    @property
    def family(self) -> Family: ...  # noqa: D102

    @property
    def needs(self) -> str: ...  # noqa: D102

    @property
    def includes(self) -> str: ...  # noqa: D102

    def available(self) -> bool:
        """Whether the machine has what it needs."""
        ...

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        """Fit all tests of the problem to some of its chosen proteins, by position."""
        ...


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the results; None where a column does not apply.

    Attributes
    ----------
    kind : ``fits`` CPU time of a fit; ``loops`` numpy loops beside compiled ones; ``workers`` wall time of two
        threads beside one; ``command`` the whole command from files to tables.
    ratio : ``fits`` and ``loops`` CPU time of a fit over proteomr's; ``workers`` wall time of one over that of two.
    estimate_error, se_error : largest relative difference from the maximum, see :mod:`benchmarks.accuracy`.
    state : ``ok``, ``wrong``, or ``absent`` with what is needed in ``includes``.
    """

    workload: str
    size: str
    date: str
    kind: Kind
    family: Family
    tool: str
    includes: str
    people: int
    proteins: int
    columns: int
    state: str
    rounds: int | None = None
    fits: int | None = None
    cpu_ms_per_fit: float | None = None
    ratio: float | None = None
    estimate_error: float | None = None
    se_error: float | None = None
    cpu_seconds: float | None = None
    wall_seconds: float | None = None
    peak_memory_mb: float | None = None
    processor: str = ""
    processors: int = 0
    caches: str = ""
    blas: str = ""
    versions: str = ""


_NAMES = tuple(field.name for field in fields(Measurement))
_WHOLE = frozenset({"people", "proteins", "columns", "rounds", "fits", "processors"})
_REAL = frozenset(
    {
        "cpu_ms_per_fit",
        "ratio",
        "estimate_error",
        "se_error",
        "cpu_seconds",
        "wall_seconds",
        "peak_memory_mb",
    }
)


def write_measurements(path: Path, measurements: Iterable[Measurement]) -> None:
    """Write measurements as CSV, real numbers to six digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_NAMES)
        for measurement in measurements:
            writer.writerow([_show(getattr(measurement, name)) for name in _NAMES])


def read_measurements(path: Path) -> list[Measurement]:
    """Read what :func:`write_measurements` wrote.

    Raises
    ------
    ValueError
        The file has other columns, or a number that is none; file and line are named.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if tuple(header) != _NAMES:
            raise ValueError(f"{path}: not a results file: its columns are {', '.join(header)}")
        return [_parse(row, path=path, line=line) for line, row in enumerate(rows, start=2)]


def _show(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _parse(row: Sequence[str], *, path: Path, line: int) -> Measurement:
    if len(row) != len(_NAMES):
        raise ValueError(f"{path}, line {line}: {len(row)} cells, {len(_NAMES)} needed")
    values: dict[str, object] = {}
    for name, cell in zip(_NAMES, row, strict=True):
        try:
            values[name] = _value(name, cell)
        except ValueError:
            raise ValueError(f"{path}, line {line}: {name} is {cell!r}, not a number") from None
    return Measurement(**values)  # type: ignore[arg-type]  # every cell was converted by its column


def _value(name: str, cell: str) -> object:
    if name in _WHOLE:
        return int(cell) if cell else None
    if name in _REAL:
        return float(cell) if cell else None
    return cell
