"""`proteomr doctor`: what this machine offers, and whether a run would get off the ground."""

import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from proteomr.errors import StorageError

from .console import say

__all__ = ["doctor"]

GIGABYTE = 1e9


def doctor(
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder whose disk is looked at.")
    ] = Path(),
) -> None:
    """Print what this machine offers, and try a computation.

    Versions, processors, BLAS, memory and free space; a least-squares problem of known solution.
    """
    for label, text in (*_versions(), *_processors(), *_memory(), *_disk(out), *_computation()):
        say(f"{label:<22} {text}")


def _versions() -> list[tuple[str, str]]:
    from proteomr.provenance import tool_versions

    return list(tool_versions().items())


def _processors() -> list[tuple[str, str]]:
    from proteomr.execute import available_threads

    return [
        ("platform", f"{platform.system()} {platform.machine()}"),
        ("processors", f"{os.cpu_count()} in the machine, {available_threads()} for proteomr"),
    ]


def _memory() -> list[tuple[str, str]]:
    names = ("SC_PHYS_PAGES", "SC_PAGE_SIZE")
    if not set(names) <= os.sysconf_names.keys():
        return []
    pages, page_bytes = (os.sysconf(name) for name in names)
    return [("memory", f"{pages * page_bytes / GIGABYTE:.1f} GB in the machine")]


def _disk(out: Path) -> list[tuple[str, str]]:
    folder = next(place for place in (out.absolute(), *out.absolute().parents) if place.is_dir())
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"proteomr")
    except OSError as fault:
        raise StorageError(
            f"{folder}: cannot be written ({fault.strerror}); choose another folder with --out"
        ) from fault
    free = shutil.disk_usage(folder).free
    return [("free disk space", f"{free / GIGABYTE:.1f} GB in {folder}, writable")]


def _computation() -> list[tuple[str, str]]:
    """Solve a least-squares problem of known solution through scipy, and say which BLAS did so."""
    import numpy as np
    import scipy.linalg

    from proteomr.provenance import blas_in_use

    design = np.vander(np.linspace(-1.0, 1.0, 200), 6)
    truth = np.arange(1.0, 7.0)
    solved = scipy.linalg.lstsq(design, design @ truth)[0]
    error = float(np.max(np.abs(solved / truth - 1)))
    libraries = [
        (
            "BLAS",
            f"{library.name} {library.version}, {library.architecture}, {library.threads} threads",
        )
        for library in blas_in_use()
    ]
    verdict = "ok" if error < 1e-12 else "WRONG: do not trust results of this machine"
    return [*libraries, ("least squares", f"{verdict} (relative error {error:.0e})")]
