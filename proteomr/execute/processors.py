"""How many processors this process may use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from proteomr.errors import UsageError

__all__ = ["available_threads"]

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def available_threads() -> int:
    """Count the processors that this process may use, at least 1.

    The scheduler's word (``SLURM_CPUS_PER_TASK``) comes first; without one it is the processor
    affinity, bounded by the quota of the control group (containers), rounded up.

    Raises
    ------
    UsageError
        When ``SLURM_CPUS_PER_TASK`` is not a positive whole number.

    Examples
    --------
    >>> available_threads() >= 1
    True
    """
    allotted = os.environ.get("SLURM_CPUS_PER_TASK", "").strip()
    if allotted:
        if not allotted.isascii() or not allotted.isdigit() or int(allotted) < 1:
            raise UsageError(
                f"SLURM_CPUS_PER_TASK is {allotted!r}, not a positive whole number:"
                " correct it, or unset it"
            )
        return int(allotted)
    if hasattr(os, "sched_getaffinity"):
        usable = len(os.sched_getaffinity(0))
    else:
        usable = os.cpu_count() or 1
    quota = _cgroup_quota()
    return usable if quota is None else max(1, min(usable, quota))


def _cgroup_quota() -> int | None:
    """Return how many processors the control groups grant, rounded up; None without a bound."""
    shares = [share for folder in _cgroup_folders() for share in _shares_of(folder)]
    return None if not shares else max(1, -int(-min(shares) // 1))


def _cgroup_folders() -> Iterator[Path]:
    try:
        lines = _MEMBERSHIP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = _CGROUPS / controllers if controllers else _CGROUPS
        inside = root / group.strip("/")
        yield from (folder for folder in (inside, *inside.parents) if folder.is_relative_to(root))


def _shares_of(folder: Path) -> Iterator[float]:
    with contextlib.suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        yield int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):
        granted = int((folder / "cpu.cfs_quota_us").read_text())
        if granted > 0:
            yield granted / int((folder / "cpu.cfs_period_us").read_text())
