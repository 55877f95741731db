"""A report as Markdown: the same words, the first rows of long tables, no figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from proteomr.report.blocks import FigureBlock, Section, Sentence, TableBlock
from proteomr.report.numbers import write_cell

__all__ = ["render_markdown"]

_ROWS: Final = 50
_MARKS: Final = re.compile(r"([\\`*_{}\[\]<>#|])")


def render_markdown(title: str, sections: Sequence[Section]) -> str:
    """Return a report as Markdown; marks in names are escaped.

    Parameters
    ----------
    title : of the report.
    sections : in order.

    Examples
    --------
    >>> print(render_markdown("Study", [Section("Data", (Sentence("3 people"),))]).strip())
    # Study
    <BLANKLINE>
    ## Data
    <BLANKLINE>
    3 people
    """
    parts = [f"# {_escape(title)}"]
    for section in sections:
        parts.append(f"## {_escape(section.title)}")
        for block in section.blocks:
            if isinstance(block, Sentence):
                parts.append(_escape(block.text))
            elif isinstance(block, FigureBlock):
                parts.append(f"Figure: {_escape(block.caption)} (see the page)")
            else:
                parts.append(_render_table(block))
            if block.source:
                parts.append(f"From: {_escape(block.source)}")
    return "\n\n".join(parts) + "\n"


def _render_table(block: TableBlock) -> str:
    frame = block.frame.head(_ROWS)
    lines = [
        f"**{_escape(block.caption)}**",
        "",
        "| " + " | ".join(_escape(name) for name in frame.columns) + " |",
        "|" + "---|" * frame.width,
    ]
    lines += [
        "| " + " | ".join(_escape(write_cell(value)) for value in row) + " |"
        for row in frame.iter_rows()
    ]
    if block.frame.height > _ROWS:
        lines += ["", f"{_ROWS} of {block.frame.height:,} rows"]
    return "\n".join(lines)


def _escape(text: str) -> str:
    return _MARKS.sub(r"\\\1", text.replace("\n", " "))
