"""Studies that come with the package: to run as they are, or to start one's own from."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Final

from proteomr.errors import UsageError, nearest

__all__ = ["list_studies", "names_shipped", "read_shipped_study"]

_FOLDER: Final = "studies"


def list_studies() -> tuple[str, ...]:
    """Return the names of the studies that come with the package.

    Examples
    --------
    >>> list_studies()
    ('cis-mr', 'olink-lab', 'shen2025')
    """
    folder = importlib.resources.files("proteomr.schemas") / _FOLDER
    files = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def names_shipped(source: str | Path) -> bool:
    """Say whether a word names a study of the package: no dot or slash in it, and no such file.

    Examples
    --------
    >>> names_shipped("shen2025"), names_shipped("shen2025.toml"), names_shipped("a/b")
    (True, False, False)
    """
    path = Path(source)
    return path.name == str(source) and not path.suffix and not path.exists()


def read_shipped_study(name: str) -> str:
    """Return the text of a study file that comes with the package.

    Raises
    ------
    UsageError
        There is none of that name.

    Examples
    --------
    >>> read_shipped_study("shen2025").splitlines()[2]
    'title = "Social isolation, loneliness and the plasma proteome"'
    """
    names = list_studies()
    if name not in names:
        hint = nearest(name, names)
        raise UsageError(
            f"no study {name!r}{hint}; known: {', '.join(names)}, or a file that ends in .toml"
        )
    file = importlib.resources.files("proteomr.schemas") / _FOLDER / f"{name}.toml"
    return file.read_text(encoding="utf-8")
