"""A report as one page of HTML that needs nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from proteomr.report.blocks import Block, FigureBlock, Section, Sentence, TableBlock
from proteomr.report.numbers import write_cell

__all__ = ["render_page"]

# Up to so many rows stand in the page as they are; of more the script draws those in view.
_STATIC_ROWS: Final = 200
_MOST_PLACES: Final = 1 << 16  # of two bytes


def render_page(title: str, sections: Sequence[Section]) -> str:
    """Return a page of HTML; whatever comes from data is escaped.

    Its policy (Content-Security-Policy) allows the one style and the one script by their digests,
    and nothing else from anywhere.

    Parameters
    ----------
    title : of the report.
    sections : in order.

    Examples
    --------
    >>> page = render_page("A <b> title", [Section("Data", (Sentence("3 people"),))])
    >>> "A &lt;b&gt; title" in page, "<h2" in page
    (True, True)
    """
    style, script = _read_shipped("page.css"), _read_shipped("page.js")
    policy = (
        f"default-src 'none'; style-src {_allow(style)}; "
        f"script-src {_allow(script)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    named = [(f"s{number}", section) for number, section in enumerate(sections, start=1)]
    links = "".join(f'<li><a href="#{key}">{_text(part.title)}</a></li>' for key, part in named)
    body = "".join(_render_section(key, section) for key, section in named)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{style}</style></head><body>"
        '<a class="skip" href="#content">Skip to the content</a>'
        f"<header><h1>{_text(title)}</h1></header>"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>'
        f'<main id="content">{body}</main><script>{script}</script></body></html>\n'
    )


@cache
def _read_shipped(name: str) -> str:
    """Return the style, or the script that sorts, filters and copies tables."""
    return (resources.files("proteomr.report") / name).read_text("utf-8")


def _allow(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _text(value: str) -> str:
    return html.escape(value, quote=True)


def _render_section(key: str, section: Section) -> str:
    blocks = "".join(
        _render_block(block, f"{key}-{number}") for number, block in enumerate(section.blocks)
    )
    heading = f'<h2 id="{key}">{_text(section.title)}</h2>'
    return f'<section aria-labelledby="{key}">{heading}{blocks}</section>'


def _render_block(block: Block, key: str) -> str:
    source = f'<p class="from">{_text(block.source)}</p>' if block.source else ""
    if isinstance(block, Sentence):
        return f"<p>{_text(block.text)}</p>{source}"
    if isinstance(block, FigureBlock):
        label = _text(block.caption)
        if block.png:
            held = base64.b64encode(block.png).decode()
            return (
                f'<figure><div><img alt="{label}" src="data:image/png;base64,{held}"></div>'
                f"<figcaption>{label}</figcaption></figure>{source}"
            )
        drawn = _make_plain(block.svg, key)
        return (
            f'<figure><div role="img" aria-label="{label}">{drawn}</div>'
            f"<figcaption>{label}</figcaption></figure>{source}"
        )
    return _render_table(block) + source


def _make_plain(svg: str, key: str) -> str:
    """Return a drawing as a part of the page: no prologue, no style of its own, names of its own.

    Looks of matplotlib are in attributes ``style``, which a policy without inline styles forbids;
    they become attributes of their own.
    """
    inner = svg[svg.index("<svg") :]
    inner = re.sub(r"<metadata>.*?</metadata>", "", inner, flags=re.DOTALL)
    inner = re.sub(r"<style[^>]*>.*?</style>", "", inner, flags=re.DOTALL)
    inner = re.sub(r' style="([^"]*)"', _spread_style, inner)
    inner = re.sub(r'(\bid=")', rf"\g<1>{key}-", inner)
    return re.sub(r"((?:xlink:)?href=\"#|url\(#)", rf"\g<1>{key}-", inner)


def _spread_style(found: re.Match[str]) -> str:
    pairs = (part.split(":", 1) for part in found[1].split(";") if ":" in part)
    return "".join(
        f' {name.strip()}="{value.strip()}"' for name, value in pairs if name.strip() != "font"
    )


def _render_table(block: TableBlock) -> str:
    frame = block.frame
    numeric = [kind.is_numeric() for kind in frame.dtypes]
    heads = "".join(
        f'<th scope="col"{_number_class(is_number=is_number)} aria-sort="none">'
        f'<button type="button">{_text(name)}</button></th>'
        for name, is_number in zip(frame.columns, numeric, strict=True)
    )
    label = _text(block.caption)
    tools = (
        '<div class="tools" hidden><label>Filter <input type="search"></label>'
        '<button type="button" class="copy">Copy</button><output></output></div>'
    )
    if frame.height <= _STATIC_ROWS:
        rows, data = "".join(_render_row(row, numeric) for row in frame.iter_rows()), ""
    else:
        rows, data = "", f'<script type="application/json">{_encode(frame)}</script>'
    return (
        f'<div class="sheet">{tools}<div class="scroll" tabindex="0" role="region" '
        f'aria-label="{label}"><table><caption>{label}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{data}</div>"
    )


def _number_class(*, is_number: bool) -> str:
    return ' class="n"' if is_number else ""


def _render_row(row: tuple[Any, ...], numeric: Sequence[bool]) -> str:
    cells = []
    for place, (value, is_number) in enumerate(zip(row, numeric, strict=True)):
        tag = "td" if place else 'th scope="row"'
        exact = f' data-v="{_plain(value)}"' if is_number else ""
        shown = _text(write_cell(value))
        cells.append(
            f"<{tag}{_number_class(is_number=is_number)}{exact}>{shown}</{tag.split(maxsplit=1)[0]}>"
        )
    return f"<tr>{''.join(cells)}</tr>"


def _plain(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value)


def _encode(frame: pl.DataFrame) -> str:
    """Return columns as JSON that cannot end the element it stands in, see ``page.js``."""
    columns = [_encode_column(frame[name]) for name in frame.columns]
    text = json.dumps(columns, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _encode_column(column: pl.Series) -> dict[str, Any]:
    """Return numbers once, as they are (``f``, ``n``); texts by their places among the levels.

    Of many digits eight bytes each (``F``) take half as much as text, and of places two (``I``).
    """
    values = column.to_list()
    if column.dtype.is_float():
        written = [_encode_float(value) for value in values]
        packed = _pack(column.cast(pl.Float64).fill_null(math.nan).to_numpy(), "<f8")
        return {"F": packed} if len(packed) < _count_letters(written) else {"f": written}
    if column.dtype.is_integer():
        return {"n": values}
    texts = [write_cell(value) for value in values]
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    at = [places[text] for text in texts]
    if len(places) > _MOST_PLACES:
        return {"t": list(places), "i": at}
    packed = _pack(np.array(at), "<u2")
    return {"t": list(places), **({"I": packed} if len(packed) < _count_letters(at) else {"i": at})}


def _pack(values: NDArray[Any], kind: str) -> str:
    """Return numbers as bytes of a kind, in letters that HTML and JSON leave alone."""
    return base64.b64encode(values.astype(kind).tobytes()).decode()


def _count_letters(values: Sequence[Any]) -> int:
    return len(json.dumps(values, separators=(",", ":")))


def _encode_float(value: float | None) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)  # which JSON has no numbers for
