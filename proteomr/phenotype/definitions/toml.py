"""A definition written as TOML that can be read back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

__all__ = ["write_toml"]

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def write_toml(facts: Mapping[str, Any]) -> str:
    """Return plain values as TOML: tables of two levels on lines of their own, deeper ones inline.

    Parameters
    ----------
    facts : text, numbers, switches, dates, lists and tables of these.

    Examples
    --------
    >>> print(write_toml({"title": "Mine", "rule": {"age": {"field": 21003}}}))
    title = "Mine"
    <BLANKLINE>
    [rule.age]
    field = 21003
    """
    return "\n".join(_lines(facts, ()))


def _lines(facts: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Yield the plain values of a table first, then its tables, each under a heading."""
    later = {key: value for key, value in facts.items() if _has_heading(value, len(path))}
    for key, value in facts.items():
        if key not in later:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in later.items():
        inner = (*path, key)
        heading = ".".join(_key(part) for part in inner)
        if isinstance(value, list):
            for entry in value:
                yield from ("", f"[[{heading}]]")
                yield from _lines(entry, (*inner, ""))
        else:
            if not value or not all(_has_heading(item, len(inner)) for item in value.values()):
                yield from ("", f"[{heading}]")
            yield from _lines(value, inner)


def _has_heading(value: object, depth: int) -> bool:
    if isinstance(value, Mapping):
        return depth < 2
    if depth or not isinstance(value, list) or not value:
        return False
    return all(isinstance(entry, Mapping) for entry in value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {_value(entry)}" for key, entry in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, date):
        return value.isoformat()
    return repr(value) if isinstance(value, int | float) else _text(str(value))


def _text(text: str) -> str:
    """Return a quoted text; TOML wants the one control character escaped that JSON does not."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
