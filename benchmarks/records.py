"""What is measured, and the files that keep it: a line for each, CSV, the machine spelled out."""

from __future__ import annotations

import csv
import types
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args, get_type_hints

from benchmarks.interfaces import Family
from benchmarks.machine import Machine

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "ABSENT",
    "OK",
    "WRONG",
    "Kind",
    "Measurement",
    "Reading",
    "State",
    "read_records",
    "write_records",
]

Kind: TypeAlias = Literal["fits", "loops", "command", "workers"]
State: TypeAlias = Literal["ok", "wrong", "absent"]
OK: State = "ok"
WRONG: State = "wrong"
ABSENT: State = "absent"
_Record = TypeVar("_Record", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Measurement:
    """A tool, or proteomr in another form, on the scan of the paper; None where nothing applies.

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


@dataclass(frozen=True, slots=True)
class Reading:
    """A row of the table of goals, or a peer beside it; None where nothing applies.

    Attributes
    ----------
    row : key of the row, see :mod:`benchmarks.rows`.
    tool : proteomr, the yardstick, or the peer.
    work : what was done, with its size.
    unit : what the milliseconds are of: a fit, a pair, a column, a run.
    ms : CPU milliseconds of a unit.
    ratio : proteomr against the row's yardstick, or a peer's milliseconds over proteomr's.
    error, bound : largest difference from what must come out, and how large it may be.
    state : ``absent`` comes with what is needed in ``work``.
    """

    row: str
    size: str
    date: str
    tool: str
    work: str
    unit: str
    state: State
    machine: Machine
    rounds: int | None = None
    ms: float | None = None
    ratio: float | None = None
    cpu_seconds: float | None = None
    wall_seconds: float | None = None
    peak_memory_mb: float | None = None
    error: float | None = None
    bound: float | None = None


def write_records(path: Path, records: Iterable[DataclassInstance]) -> None:
    """Write records of one class as CSV, real numbers to six digits, a machine as its parts."""
    records = list(records)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _header(type(records[0])), lineterminator="\n")
        writer.writeheader()
        for record in records:
            cells = asdict(record)
            cells.update(cells.pop("machine", {}))
            writer.writerow({name: _show(value) for name, value in cells.items()})


def read_records(path: Path, kind: type[_Record]) -> list[_Record]:
    """Read records of a class that :func:`write_records` wrote.

    Raises
    ------
    ValueError
        The file has other columns, or a cell that its column does not take; the line is named.
    """
    header = _header(kind)
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if list(rows.fieldnames or ()) != header:
            raise ValueError(f"{path}: not a results file: other columns than {len(header)} known")
        found = []
        for line, row in enumerate(rows, start=2):
            try:
                found.append(_parse(kind, row))
            except (ValueError, TypeError) as fault:
                raise ValueError(f"{path}, line {line}: {fault}") from None
        return found


def _header(kind: type[DataclassInstance]) -> list[str]:
    own = [field.name for field in fields(kind)]
    if "machine" not in own:
        return own
    own.remove("machine")
    return own + [field.name for field in fields(Machine)]


def _parse(kind: type[_Record], row: Mapping[str, str]) -> _Record:
    types_of = get_type_hints(kind)
    cells: dict[str, Any] = {}
    for field in fields(kind):
        known = types_of[field.name]
        is_machine = known is Machine
        cells[field.name] = (
            _parse(Machine, row) if is_machine else _read(field.name, row[field.name], known)
        )
    return kind(**cells)


def _read(name: str, cell: str, known: Any) -> object:
    """Return a cell as its column's type; an empty one is None where the column may be empty."""
    if isinstance(known, types.UnionType):
        return _read(name, cell, get_args(known)[0]) if cell else None
    if known in {int, float, str}:
        value: object = known(cell)
        return value
    if cell not in get_args(known):
        raise ValueError(f"{name} is {cell!r}, not one of {', '.join(get_args(known))}")
    return cell


def _show(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
