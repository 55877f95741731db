"""What was measured on: processor, caches, BLAS and versions, without the machine's name."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rscript import describe_r
from proteomr.execute import available_threads
from proteomr.provenance import blas_in_use, tool_versions

__all__ = ["Machine", "describe_machine"]

_PROCESSORS = Path("/proc/cpuinfo")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor model and number, caches, BLAS libraries, versions of the tools."""

    processor: str
    processors: int
    caches: str
    blas: str
    versions: str

    @property
    def hardware(self) -> tuple[str, ...]:
        """What its speed depends on, without the versions of tools."""
        kernels = sorted({library.rpartition(" ")[2] for library in self.blas.split("; ")})
        return self.processor, self.caches, *kernels


def describe_machine() -> Machine:
    """Describe this machine."""
    versions = {**tool_versions(), **describe_r()}
    return Machine(
        processor=_processor(),
        processors=available_threads(),
        caches=_caches(),
        blas="; ".join(
            f"{library.name} {library.version} {library.architecture}" for library in blas_in_use()
        ),
        versions="; ".join(f"{tool} {version}" for tool, version in versions.items()),
    )


def _processor() -> str:
    try:
        lines = _PROCESSORS.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _caches() -> str:
    found = []
    for index in sorted(_CACHES.glob("index*")):
        try:
            level, kind, size = (
                (index / name).read_text(encoding="ascii").strip()
                for name in ("level", "type", "size")
            )
        except OSError:
            continue
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found) or "unknown"
