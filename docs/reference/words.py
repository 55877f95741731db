"""Words of the program as Markdown that shows them as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["code", "escape", "table"]

_QUOTED = re.compile(r"`([^`]+)`")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|$~^&!:@])")


def escape(text: str) -> str:
    r"""Return a text in which no character is markup, but for what stands between backticks.

    Examples
    --------
    >>> escape("a_b | *c* `x_y` <d>")
    'a\\_b \\| \\*c\\* `x_y` \\<d\\>'
    """
    parts = _QUOTED.split(text)
    return "".join(
        code(part) if place % 2 else _SPECIAL.sub(r"\\\1", part) for place, part in enumerate(parts)
    )


def code(text: str) -> str:
    r"""Return a text set as code, also within a table.

    Examples
    --------
    >>> code("--family linear|mixed")
    '`--family linear\\|mixed`'
    """
    fence = "``" if "`" in text else "`"
    pad = " " if fence == "``" else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", r"\|")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already.

    Examples
    --------
    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [head, *rows]
    drawn = [f"| {' | '.join(' '.join(cell.split()) for cell in line)} |" for line in lines]
    return "\n".join([drawn[0], f"|{'---|' * len(head)}", *drawn[1:]])
