"""Pages of the Python interface, which Sphinx fills from the docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
from itertools import zip_longest
from typing import Final

import proteomr
from docs.reference.words import code, escape, table
from proteomr.tables import Table

__all__ = ["ROOMS", "list_names", "spell_parameters", "write_python"]

ROOMS: Final = ("proteomr.association", "proteomr.tables", "proteomr.runs", "proteomr.plot")
"""Beside the front of the package: whose public names have a page, too."""
_SECTIONS: Final = {"Parameters", "Attributes", "Returns", "Raises", "Yields"}
_CONTINUED: Final = re.compile(r"^\w[\w, ]*,$")
_ENTRY: Final = re.compile(r"^(?P<names>[*\w][\w.*, ]*) : (?P<text>\S.*)$")


def list_names() -> dict[str, tuple[str, ...]]:
    """Return the public names of each module that has a page.

    Examples
    --------
    >>> "associate" in list_names()["proteomr"]
    True
    """
    found = {"proteomr": tuple(name for name in proteomr.__all__ if name != "__version__")}
    for room in ROOMS:
        module = importlib.import_module(room)
        names = [name for name in module.__all__ if name not in found["proteomr"]]
        found[room] = tuple(name for name in names if _is_described(getattr(module, name)))
    return found


def _is_described(value: object) -> bool:
    return inspect.isclass(value) or inspect.isfunction(value)


def write_python() -> dict[str, str]:
    """Return a page for each module, by file name, and one that lists them."""
    pages = {}
    rows = []
    for module, names in list_names().items():
        members = "\n\n".join(_write_member(module, name) for name in names)
        pages[f"{module}.md"] = f"# {code(module)}\n\n{members}\n"
        rows.append([f"[{code(module)}]({module}.md)", ", ".join(map(code, names))])
    head = "# Python\n\nEvery command is a function; these are the public names.\n\n"
    return {"index.md": f"{head}{table(['module', 'names'], rows)}\n", **pages}


def _write_member(module: str, name: str) -> str:
    value = getattr(importlib.import_module(module), name)
    kind = "autoclass" if inspect.isclass(value) else "autofunction"
    members = "\n   :members:" if kind == "autoclass" else ""
    if inspect.isclass(value) and issubclass(value, Table):
        members += "\n   :inherited-members:"
    return f"## {escape(name)}\n\n```{{eval-rst}}\n.. {kind}:: {module}.{name}{members}\n```"


def spell_parameters(lines: list[str]) -> list[str]:
    """Return a docstring of the house as numpydoc has it: what a name means stands below it.

    Ours says ``name : meaning`` on one line, where numpydoc expects a type, which annotations tell.

    Examples
    --------
    >>> spell_parameters(["Parameters", "----------", "rows,", "n : how many", "    are shown."])
    ['Parameters', '----------', 'rows, n', '    how many', '    are shown.']
    """
    spelt: list[str] = []
    section, begun = "", ""
    for line, following in zip_longest(lines, lines[1:], fillvalue=""):
        if following and set(following.strip()) == {"-"}:
            section = line.strip()
        if section in _SECTIONS and _CONTINUED.match(line):
            begun += f"{line} "
            continue
        entry = _ENTRY.match(begun + line) if section in _SECTIONS else None
        begun = ""
        if entry is None:
            spelt.append(line)
        else:
            # a name in Returns would be taken for a type, and looked for
            names = f"``{entry['names']}``" if section == "Returns" else entry["names"]
            spelt += [names, f"    {entry['text']}"]
    return spelt
