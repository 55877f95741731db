"""Blocks of work run by the worker processes of Dask, on this machine or on a cluster.

Dask is an extra: nothing here imports it before blocks are run.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, TypeVar

from proteomr.errors import ProteomrError, UsageError
from proteomr.execute import one_blas_thread
from proteomr.files import storage_errors

__all__ = ["Dask", "require_dask"]

Block = TypeVar("Block")
Result = TypeVar("Result")

_LOOPBACK = "127.0.0.1"
_PATIENCE_SECONDS = 30
_LOSSES_BORNE = 5  # a work that ends the last worker each time would be sent for ever
_CERTIFICATES = (
    "Dask's configuration names the certificates of tls:// as distributed.comm.tls.ca-file, "
    ".client.cert and .client.key (or DASK_DISTRIBUTED__COMM__TLS__CA_FILE and so on)"
)
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class Dask:
    """Run the blocks by the worker processes of Dask.

    The work is sent to every worker once; the blocks follow as workers become free. The scheduler
    is told of all blocks at the start, so a lazy iterable is drawn whole. When the consumer closes
    the iterator, on an interrupt, or when a block raises, the blocks that have not begun are
    cancelled and the exception propagates; processes that were started for the run end with it. A
    worker process keeps BLAS at one thread from its first block on.

    A block whose worker ends is run by another one, until Dask's ``allowed-failures`` (3) of them
    have ended with it. When all workers that hold the work have ended, it is sent anew to those
    that have come in their place, up to five times in a run.

    Parameters
    ----------
    address : of a scheduler that runs already, such as ``tls://10.0.0.5:8786``. Its workers need
        this version of proteomr, and the files that the work reads under the same paths. The
        certificates of ``tls://`` are those of Dask's configuration (``distributed.comm.tls``).
        Over ``tcp://`` nothing is encrypted and nobody is asked who they are: whoever reaches the
        port runs code as the user and sees the data. Without an address, processes are started on
        this machine, which listen on the loopback interface alone.
    workers : how many processes of one thread each to start; at least 1. A scheduler that runs
        already has its own.

    Raises
    ------
    UsageError
        For fewer workers than one.

    Examples
    --------
    >>> Dask(workers=2)
    Dask(address=None, workers=2)
    """

    address: str | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"workers is {self.workers}, and must be 1 or more")

    def map(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], /
    ) -> Generator[tuple[int, Result]]:
        """Yield ``(position, work(block))`` as the blocks finish, BLAS held to one thread.

        Raises
        ------
        UsageError
            Dask is not installed, or no scheduler with workers answers at the address.
        ProteomrError
            The workers that had a block ended again and again before they finished it, or the
            scheduler ended.

        Examples
        --------
        >>> list(Dask().map(len, []))
        []
        """
        waiting = dict(enumerate(blocks))
        if not waiting:
            return
        distributed = require_dask()
        losses = 0
        with _connect(distributed, self) as client:
            while waiting:
                if losses > _LOSSES_BORNE:
                    raise _lost_workers(f"{losses} times lost all that had the data of the run")
                for position, result in _run_waiting(distributed, client, work, waiting):
                    del waiting[position]
                    yield position, result
                losses += 1


def _run_waiting(
    distributed: Any, client: Any, work: Callable[[Block], Result], waiting: dict[int, Block]
) -> Generator[tuple[int, Result]]:
    """Send the work to all workers and yield the blocks that come back.

    The scheduler repeats a block whose worker ended, and counts how often. The work itself is data
    that it cannot make again: when the last worker that has it ends, all blocks that are left are
    cancelled. They are not yielded.
    """
    shared = _scatter(client, work)
    if shared is None:
        return
    futures = client.map(_run_block, list(waiting.values()), work=shared, pure=False)
    position = {future.key: index for future, index in zip(futures, waiting, strict=True)}
    try:
        for future in distributed.as_completed(futures, loop=client.loop):
            try:
                result = future.result()
            except CancelledError as fault:
                _refuse_lost_scheduler(fault)
                continue
            yield position[future.key], result
    except distributed.KilledWorker as fault:
        raise _lost_workers("lost every one that had a certain block") from fault
    finally:
        client.cancel(futures)


def _scatter(client: Any, work: Callable[[Block], Result]) -> Any:
    """Return a future of the work, which each worker has, or None where they ended meanwhile."""
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_SECONDS)
        # A bare tuple or mapping would be scattered by its items.
        return client.scatter([work], broadcast=True, hash=False)[0]
    except CancelledError as fault:
        _refuse_lost_scheduler(fault)
    except OSError:  # of the connections, also when time is up
        return None
    return None


def _lost_workers(what: str) -> ProteomrError:
    return ProteomrError(
        f"Dask lost the worker processes that had a block, often for want of memory ({what}): "
        "use fewer at once, or give them more; --resume goes on with what is done"
    )


def _refuse_lost_scheduler(fault: CancelledError) -> None:
    if getattr(fault, "reason", None) == "scheduler-connection-lost":
        raise ProteomrError(
            "the Dask scheduler ended, or is out of reach, in the middle of the run: start it "
            "again and use --resume, which goes on with what is done"
        ) from fault


def require_dask() -> Any:
    """Return the module ``distributed``, which is imported with this.

    Raises
    ------
    UsageError
        It is not installed.

    Examples
    --------
    >>> from importlib.util import find_spec
    >>> require_dask().__name__ if find_spec("distributed") else "distributed"
    'distributed'
    """
    try:
        return importlib.import_module("distributed")
    except ModuleNotFoundError:
        raise UsageError(
            "the executor dask needs the packages dask and distributed, which are not installed: "
            "pip install 'proteomr[dask]'"
        ) from None


@contextlib.contextmanager
def _connect(distributed: Any, settings: Dask) -> Iterator[Any]:
    """Open a client of the scheduler, and close it with whatever was started for it."""
    with contextlib.ExitStack() as stack:
        if settings.address is None:
            scheduler = stack.enter_context(_start_workers(distributed, settings.workers))
        else:
            scheduler = _check_address(distributed, settings.address)
        client = stack.enter_context(distributed.Client(scheduler, set_as_default=False))
        try:
            client.wait_for_workers(1, timeout=_PATIENCE_SECONDS)
        except TimeoutError as fault:
            raise UsageError(
                f"the Dask scheduler at {settings.address!r} has no workers: start some with "
                f"`dask worker {settings.address}`"
            ) from fault
        yield client


def _check_address(distributed: Any, address: str) -> str:
    """Return an address at which something listens; a client would take long to find out."""
    try:
        host, port = distributed.comm.get_address_host_port(address)
        socket.create_connection((host, port), timeout=_PATIENCE_SECONDS).close()
    except (OSError, ValueError) as fault:
        raise UsageError(
            f"no Dask scheduler answers at {address!r}: correct the address, such as "
            "tcp://10.0.0.5:8786, or start one with `dask scheduler`"
        ) from fault
    if address.startswith("tls://"):
        _check_certificates(distributed, address)
    return address


def _check_certificates(distributed: Any, address: str) -> None:
    """Refuse ``tls://`` without certificates; a client would end in a fault of its own."""
    try:
        known = distributed.Security().get_connection_args("client").get("ssl_context")
    except (OSError, TypeError) as fault:
        raise UsageError(f"{address}: {_CERTIFICATES}; they cannot be read") from fault
    if known is None:
        raise UsageError(f"{address}: {_CERTIFICATES}; none is named")


@contextlib.contextmanager
def _start_workers(distributed: Any, workers: int) -> Iterator[Any]:
    """Start processes on this machine: new interpreters, since a fork would copy held locks."""
    config = importlib.import_module("dask.config")
    with contextlib.ExitStack() as stack:
        with storage_errors(tempfile.gettempdir()):
            scratch = tempfile.TemporaryDirectory(prefix="proteomr-", ignore_cleanup_errors=True)
        folder = stack.enter_context(scratch)
        settings = {
            "distributed.worker.multiprocessing-method": "spawn",
            "temporary-directory": folder,
        }
        stack.enter_context(config.set(settings))
        stack.enter_context(_silence())
        with _ignore_interrupts():
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host=_LOOPBACK,
                dashboard_address=f"{_LOOPBACK}:0",
                scheduler_kwargs={"dashboard": False},
                memory_limit=None,
                silence_logs=logging.CRITICAL,
                env={"POLARS_MAX_THREADS": "1"},
            )
        yield stack.enter_context(cluster)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    log = logging.getLogger("distributed")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


@contextlib.contextmanager
def _ignore_interrupts() -> Iterator[None]:
    """Let processes that start inside ignore Ctrl-C, which is for the one that started them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _run_block(block: Block, *, work: Callable[[Block], Result]) -> Result:
    with _ONE_AT_A_TIME:
        _hold_blas()
    return work(block)


@functools.cache
def _hold_blas() -> contextlib.ExitStack:
    """Hold BLAS to one thread as long as this process lives, which is how Dask starts its workers.

    It cannot be restored block by block: OpenBLAS obeys the thread that set the limit, and another
    thread of the worker may still be at a block when that one has finished.
    """
    held = contextlib.ExitStack()
    held.enter_context(one_blas_thread())
    return held
