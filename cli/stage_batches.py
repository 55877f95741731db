"""Stages as jobs of SLURM: a script for each, an array where a command can be shared."""

import shlex
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proteomr.errors import UsageError
from proteomr.files import replace_file, shared_mode

__all__ = ["Batch", "cancel_batch"]

_SCRIPT = """\
#!/bin/bash
set -euo pipefail
cd {base}
exec {command}
"""
_SHARE = '--shard "$SLURM_ARRAY_TASK_ID/{shards}"'


@dataclass(frozen=True, slots=True)
class Batch:
    """A stage as one job of SLURM, or as an array of jobs.

    Parameters
    ----------
    words : of the command, from the interpreter on.
    base : folder that it is run in.
    place : of the stage's results; script and logs stand beside it.
    tasks : which of the shards are run, such as ``1-4``; empty for one job of the whole.
    shards : how many there are.
    threads : of each job.
    options : further ones of sbatch.
    """

    words: Sequence[str]
    base: Path
    place: Path
    tasks: str = ""
    shards: int = 1
    threads: int = 1
    options: Sequence[str] = ()
    name: str = field(default_factory=lambda: f"proteomr-{uuid.uuid4().hex[:12]}")

    @property
    def log(self) -> Path:
        """What the jobs print; of an array by their numbers."""
        mark = ".%a" if self.tasks else ""
        return self.place.with_name(f"{self.place.name}.slurm{mark}.log")

    def submit(self) -> "subprocess.Popen[str]":
        """Write the script and submit it; the process ends when all jobs have.

        Raises
        ------
        UsageError
            There is no sbatch on this machine.
        """
        script = self.place.with_name(f"{self.place.name}.sbatch")
        share = f" {_SHARE.format(shards=self.shards)}" if self.tasks else ""
        command = shlex.join(self.words) + share
        text = _SCRIPT.format(base=shlex.quote(str(self.base)), command=command)
        replace_file(script, lambda stream: stream.write(text.encode()), mode=shared_mode())
        for old in self._logs():
            old.unlink(missing_ok=True)
        asked = [
            *("sbatch", "--wait", f"--job-name={self.name}", f"--cpus-per-task={self.threads}"),
            *(f"--output={self.log}", *self.options),
            *((f"--array={self.tasks}",) if self.tasks else ()),
            str(script),
        ]
        try:
            return subprocess.Popen(  # noqa: S603 - the scheduler that the study names
                asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
        except FileNotFoundError:
            raise UsageError(
                'no sbatch on this machine: submit from a login node of SLURM, or take executor = "'
                'local" in [execution]'
            ) from None

    def read_logs(self) -> str:
        """Return what the jobs printed."""
        return "\n".join(file.read_text(errors="replace") for file in self._logs())

    def _logs(self) -> list[Path]:
        pattern = self.log.name.replace("%a", "*")
        return sorted(self.log.parent.glob(pattern)) if self.log.parent.is_dir() else []


def cancel_batch(name: str) -> None:
    """Take jobs of a name out of the queue, and end those that run."""
    try:
        subprocess.run(["scancel", f"--name={name}"], check=False, capture_output=True)  # noqa: S603, S607 - found as sbatch was
    except FileNotFoundError:
        return  # whoever has sbatch has scancel
