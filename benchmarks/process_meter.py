"""Run a command and print what it took, as JSON: CPU seconds, wall seconds, peak memory in bytes.

Linux counts the memory that a process had before it became another program: a command started by a
large process would be charged that process's size. This file is run by itself, without site
packages, so that what it starts begins small; it imports only the standard library.
"""

from __future__ import annotations

import json
import os
import sys
import time

__all__ = ["main"]

_BYTES = 1 if sys.platform == "darwin" else 1024


def main(command: list[str]) -> int:
    """Run a command, its output discarded; return its exit status."""
    discard = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    began = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=[discard])
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - began
    cost = {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "wall_seconds": wall,
        "peak_memory_bytes": usage.ru_maxrss * _BYTES,
    }
    print(json.dumps(cost))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
