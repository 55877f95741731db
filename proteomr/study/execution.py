"""Where the stages of a study are run: on this machine, by Dask, or as jobs of SLURM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from proteomr.errors import UsageError, nearest

__all__ = ["Execution", "parse_execution"]

ExecutorName: TypeAlias = Literal["local", "dask", "slurm"]

_KEYS: Final = ("executor", "threads", "scheduler", "shards", "sbatch")
_WHERE: Final = "[execution]"
_MOST_SHARDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Execution:
    """Where stages are run; none of it changes a number.

    Attributes
    ----------
    executor : ``local``: each a process of this machine. ``dask``: the same, whose blocks go to the
        workers of Dask. ``slurm``: each a job, or an array of jobs that share it.
    threads : of all stages together; None for what the machine allots.
    scheduler : of Dask, such as ``tls://10.0.0.5:8786``; None starts workers on this machine.
    shards : of SLURM: jobs of the array that shares a stage, of commands that can be shared.
    sbatch : further options of ``sbatch``, such as ``--mem=4G``.
    """

    executor: ExecutorName = "local"
    threads: int | None = None
    scheduler: str | None = None
    shards: int = 1
    sbatch: tuple[str, ...] = ()


def parse_execution(facts: object) -> Execution:
    """Return what ``[execution]`` of a study says.

    Raises
    ------
    UsageError
        A key is unknown, of another type, or of another executor.

    Examples
    --------
    >>> parse_execution({"executor": "slurm", "shards": 8}).shards
    8
    """
    if not isinstance(facts, Mapping):
        raise UsageError(f"{_WHERE} is a table: executor, threads, ...")
    for key in facts:
        if key not in _KEYS:
            raise UsageError(
                f"{_WHERE} has no key {key!r}{nearest(key, _KEYS)}: {', '.join(_KEYS)}"
            )
    executor = facts.get("executor", "local")
    if executor not in get_args(ExecutorName):
        hint = nearest(str(executor), get_args(ExecutorName))
        raise UsageError(f"{_WHERE} executor {executor!r}{hint}: local, dask or slurm")
    _refuse_others(facts, executor)
    scheduler, sbatch = facts.get("scheduler"), facts.get("sbatch", [])
    if scheduler is not None and not isinstance(scheduler, str):
        raise UsageError(f"{_WHERE} scheduler is an address, such as tls://10.0.0.5:8786")
    if not isinstance(sbatch, list) or not all(isinstance(one, str) for one in sbatch):
        raise UsageError(f'{_WHERE} sbatch is a list of options, such as ["--mem=4G"]')
    threads = None if "threads" not in facts else _count(facts["threads"], "threads")
    shards = _count(facts.get("shards", 1), "shards")
    return Execution(executor, threads, scheduler, shards, tuple(sbatch))


def _refuse_others(facts: Mapping[str, Any], executor: str) -> None:
    for key, owner in (("scheduler", "dask"), ("shards", "slurm"), ("sbatch", "slurm")):
        if key in facts and executor != owner:
            raise UsageError(
                f'{_WHERE} {key} is of executor = "{owner}", and {executor!r} is chosen'
            )


def _count(value: object, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_SHARDS:
        raise UsageError(f"{_WHERE} {key} is a number from 1 to {_MOST_SHARDS}, not {value!r}")
    return value
