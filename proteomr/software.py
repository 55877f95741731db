"""What the numbers are computed with: versions, libraries of linear algebra, the kind of machine.

Nothing here identifies a machine: it is not named.
"""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import sys
from dataclasses import dataclass

__all__ = ["BlasLibrary", "blas_in_use", "host_platform", "tool_versions"]

_TOOLS = (
    "proteomr",
    "numpy",
    "scipy",
    "polars",
    "pyarrow",
    "statsmodels",
    "linearmodels",
    "threadpoolctl",
    "typer",
)


@dataclass(frozen=True, slots=True)
class BlasLibrary:
    """One linear-algebra library loaded in the process."""

    name: str
    version: str
    architecture: str
    threads: int


def tool_versions() -> dict[str, str]:
    """Return the versions of proteomr, Python and the libraries that its numbers pass through.

    Examples
    --------
    >>> sorted(tool_versions())[:3]
    ['linearmodels', 'numpy', 'polars']
    """
    return dict(_find_versions())


@functools.cache  # a table's stamp asks for it, and the search takes longer than the table
def _find_versions() -> tuple[tuple[str, str], ...]:
    versions = [("python", platform.python_version())]
    for tool in _TOOLS:
        try:
            versions.append((tool, importlib.metadata.version(tool)))
        except importlib.metadata.PackageNotFoundError:
            versions.append((tool, "not installed"))
    return tuple(versions)


def blas_in_use() -> tuple[BlasLibrary, ...]:
    """Describe the BLAS libraries loaded so far: numpy's and scipy's copies each count.

    Examples
    --------
    >>> import numpy as np
    >>> all(library.threads >= 1 for library in blas_in_use())
    True
    """
    from threadpoolctl import threadpool_info

    libraries = (
        BlasLibrary(
            name=str(found["internal_api"]),
            version=str(found["version"]),
            architecture=str(found.get("architecture", "unknown")),
            threads=int(found["num_threads"]),
        )
        for found in threadpool_info()
        if found["user_api"] == "blas"
    )
    return tuple(sorted(libraries, key=lambda library: (library.name, library.version)))


def host_platform() -> dict[str, str]:
    """Describe the kind of machine, without its name.

    Examples
    --------
    >>> sorted(host_platform())
    ['machine', 'python_implementation', 'release', 'system']
    """
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "python_implementation": sys.implementation.name,
    }
