"""A measurement, and the files of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from benchmarks.interfaces import Family
from benchmarks.machine import Machine

__all__ = [
    "ABSENT",
    "OK",
    "WRONG",
    "Kind",
    "Measurement",
    "State",
    "read_measurements",
    "write_measurements",
]

Kind: TypeAlias = Literal["fits", "loops", "command", "workers"]
State: TypeAlias = Literal["ok", "wrong", "absent"]
OK: State = "ok"
WRONG: State = "wrong"
ABSENT: State = "absent"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the results; None where a column does not apply.

    Attributes
    ----------
    kind : ``fits`` CPU time of a fit; ``loops`` numpy loops beside compiled ones; ``command`` the
        whole command from files to tables; ``workers`` the same by two threads.
    ratio : ``fits`` and ``loops`` CPU time of a fit over proteomr's; ``workers`` wall time of one
        thread over that of two.
    estimate_error, se_error : largest relative difference from the maximum, see
        :mod:`benchmarks.accuracy`.
    state : ``absent`` comes with what is needed in ``includes``.
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
    state: State
    machine: Machine
    rounds: int | None = None
    fits: int | None = None
    cpu_ms_per_fit: float | None = None
    ratio: float | None = None
    estimate_error: float | None = None
    se_error: float | None = None
    cpu_seconds: float | None = None
    wall_seconds: float | None = None
    peak_memory_mb: float | None = None


_MACHINE = tuple(field.name for field in fields(Machine))
_OWN = tuple(field.name for field in fields(Measurement) if field.name != "machine")
_HEADER = (*_OWN, *_MACHINE)
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": get_args(Kind),
    "family": get_args(Family),
    "state": get_args(State),
}


def write_measurements(path: Path, measurements: Iterable[Measurement]) -> None:
    """Write measurements as CSV, real numbers to six digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _HEADER, lineterminator="\n")
        writer.writeheader()
        for measurement in measurements:
            cells = asdict(measurement)
            cells.update(cells.pop("machine"))
            writer.writerow({name: _show(cells[name]) for name in _HEADER})


def read_measurements(path: Path) -> list[Measurement]:
    """Read what :func:`write_measurements` wrote.

    Raises
    ------
    ValueError
        The file has other columns, or a cell that its column does not take; the line is named.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != _HEADER:
            raise ValueError(f"{path}: not a results file: other columns than {len(_HEADER)} known")
        found = []
        for line, row in enumerate(rows, start=2):
            try:
                found.append(_parse(row))
            except (ValueError, TypeError) as fault:
                raise ValueError(f"{path}, line {line}: {fault}") from None
        return found


def _show(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _parse(row: Mapping[str, str]) -> Measurement:
    for name, known in _CHOICES.items():
        if row[name] not in known:
            raise ValueError(f"{name} is {row[name]!r}, not one of {', '.join(known)}")
    kind: Kind = next(kind for kind in get_args(Kind) if kind == row["kind"])
    family: Family = next(family for family in get_args(Family) if family == row["family"])
    state: State = next(state for state in get_args(State) if state == row["state"])
    return Measurement(
        workload=row["workload"],
        size=row["size"],
        date=row["date"],
        kind=kind,
        family=family,
        tool=row["tool"],
        includes=row["includes"],
        people=int(row["people"]),
        proteins=int(row["proteins"]),
        columns=int(row["columns"]),
        state=state,
        machine=Machine(
            row["processor"], int(row["processors"]), row["caches"], row["blas"], row["versions"]
        ),
        rounds=_whole(row["rounds"]),
        fits=_whole(row["fits"]),
        cpu_ms_per_fit=_real(row["cpu_ms_per_fit"]),
        ratio=_real(row["ratio"]),
        estimate_error=_real(row["estimate_error"]),
        se_error=_real(row["se_error"]),
        cpu_seconds=_real(row["cpu_seconds"]),
        wall_seconds=_real(row["wall_seconds"]),
        peak_memory_mb=_real(row["peak_memory_mb"]),
    )


def _whole(cell: str) -> int | None:
    return int(cell) if cell else None


def _real(cell: str) -> float | None:
    return float(cell) if cell else None
