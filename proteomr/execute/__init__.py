"""How blocks of work are run: one after another, by threads or processes, or shared by runs."""

from __future__ import annotations

from proteomr.execute.executors import (
    Executor,
    Serial,
    Threaded,
    Threads,
    one_blas_thread,
    wait_for_any,
)
from proteomr.execute.processes import Processes
from proteomr.execute.processors import available_threads
from proteomr.execute.shards import Shard

__all__ = [
    "Executor",
    "Processes",
    "Serial",
    "Shard",
    "Threaded",
    "Threads",
    "available_threads",
    "one_blas_thread",
    "wait_for_any",
]
