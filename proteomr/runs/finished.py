"""What a finished run left: its tables by name, and how many of its units failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from proteomr.runs.encoding import TABLE_FORMATS
from proteomr.runs.layout import Layout, read_json

__all__ = ["count_units", "list_staged", "list_tables", "read_configuration"]

_RANKED = list(TABLE_FORMATS.values())


def list_staged(layout: Layout, names: Iterable[str], *, main: str) -> dict[str, Path]:
    """Return the tables among results that are written and not in their places yet.

    Parameters
    ----------
    layout : of the run; its results wait aside.
    names : of the results, with their endings, as they will stand.
    main : name of the main table, which comes first.

    Examples
    --------
    >>> waiting = ["drops.tsv", "b.parquet", "a.parquet"]
    >>> list(list_staged(Layout(Path("run")), waiting, main="a"))
    ['a', 'b', 'drops']
    >>> list(list_staged(Layout(Path(), "all.csv"), ["all.csv", "all.drops.tsv"], main="adjusted"))
    ['adjusted', 'drops']
    """
    return _name_tables(layout, names, layout.staged, main=main)


def list_tables(layout: Layout, *, main: str) -> dict[str, Path]:
    """Return the tables of a finished run, the main one first; parquet where there is one.

    Those in a subfolder bear its name: ``gwas/exposure``.

    Parameters
    ----------
    layout : of the run.
    main : name of the main table.

    Examples
    --------
    >>> list_tables(Layout(Path("nowhere")), main="hits")
    {}
    """
    record = layout.read_record()
    outputs: Iterable[str] = () if record is None else record.outputs
    return _name_tables(layout, outputs, layout.folder, main=main)


def _name_tables(
    layout: Layout, names: Iterable[str], folder: Path, *, main: str
) -> dict[str, Path]:
    """Return the tables among results that lie in a folder; of several formats the first."""
    tables: dict[str, Path] = {}
    for placed in sorted(names, key=_rank_format):
        if _ending(placed) in _RANKED:
            tables.setdefault(_name_table(layout, placed, main), folder / placed)
    return dict(sorted(tables.items(), key=lambda entry: entry[0] != main))


def count_units(layout: Layout) -> tuple[int, int]:
    """Return how many units a finished run estimated, and how many of them failed.

    Examples
    --------
    >>> count_units(Layout(Path("nowhere")))
    (0, 0)
    """
    facts = read_json(layout.manifest)
    known = facts if isinstance(facts, dict) else {}
    return int(known.get("units", 0)), int(known.get("failed", 0))


def read_configuration(layout: Layout) -> Mapping[str, Any]:
    """Return the options of a finished run, as its manifest records them.

    Examples
    --------
    >>> read_configuration(Layout(Path("nowhere")))
    {}
    """
    facts = read_json(layout.manifest)
    recorded = facts.get("configuration") if isinstance(facts, dict) else None
    return recorded if isinstance(recorded, dict) else {}


def _name_table(layout: Layout, placed: str, main: str) -> str:
    if layout.file is None:
        return placed.rpartition(".")[0]
    rest = placed.removeprefix(f"{layout.stem}.")
    return main if placed == layout.file or "." not in rest else rest.rpartition(".")[0]


def _rank_format(name: str) -> tuple[int, str]:
    ending = _ending(name)
    return (_RANKED.index(ending) if ending in _RANKED else len(_RANKED), name)


def _ending(name: str) -> str:
    return name.rpartition(".")[2]
