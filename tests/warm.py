"""A process that has read the program and begins commands as copies of itself.

Reading libraries is most of what a command on a small table takes. Where a test is about many
processes and not about how one begins, each is a copy of one that has read them: it has its own
folder, environment, streams, exit code and end. How a process begins is tested by those that do.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["open_door", "serve"]

_CLIENT = """
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.settimeout(600)  # a command that hangs is a test that fails
    door.connect({path!r})
    told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(door, [len(told).to_bytes(8, "big")], [0, 1, 2])
    door.sendall(told)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda told, _: door.sendall(bytes([told])))
    code = int.from_bytes(door.recv(2), "big", signed=True)
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if code != -9 else None
    os.kill(os.getpid(), -code)
sys.exit(code)
"""
_READ = (
    "proteomr.association.job, proteomr.survival.job, proteomr.mediation.job, proteomr.mr.job, "
    "proteomr.simulate.job, proteomr.score.job, proteomr.plot.run_figures, proteomr.replicate.job"
)


@contextmanager
def open_door(folder: Path) -> Iterator[str]:
    """Start the process, and give the program in Python that begins a command with its arguments.

    Parameters
    ----------
    folder : empty, and with a short name: a socket stands there.
    """
    if not hasattr(os, "pidfd_open"):  # no Linux: each begins from nothing
        yield "from proteomr_cli.main import run; run()"
        return
    path = str(folder / "door")
    code = f"import {_READ}; from tests.warm import serve; serve({path!r})"
    root = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"open\n"
            yield _CLIENT.format(path=path)
        finally:
            server.kill()


def serve(path: str) -> None:
    """Begin a command for each that comes to the door, until this process is killed."""
    import gc

    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how those that attend have ended
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen(64)
        os.write(sys.stdout.fileno(), b"open\n")
        while True:
            guest, _ = door.accept()
            with guest:
                if os.fork() == 0:
                    door.close()
                    _attend(guest)


def _attend(guest: socket.socket) -> None:
    """Begin the command of a guest, hand on signals to it, and tell its end; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(guest, 8, 3)
    told = b""
    while len(told) < int.from_bytes(size, "big"):
        told += guest.recv(1 << 16)
    child = os.fork()
    if child == 0:
        guest.close()
        words, folder, environment = json.loads(told)
        _run(words, folder, environment, streams)
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(child)
    while True:
        ready = select.select([guest.fileno(), ended], [], [])[0]
        if ended in ready:
            break
        asked = guest.recv(1)  # nothing where the guest itself was killed
        os.kill(child, asked[0] if asked else signal.SIGKILL)
        if not asked:
            break
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        guest.sendall(code.to_bytes(2, "big", signed=True))
    finally:
        os._exit(0)


def _run(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    """Be the command: leave as it leaves."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["proteomr", *words]
    from proteomr_cli.main import run

    code = 1
    try:
        run()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001 - as Python itself ends
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
