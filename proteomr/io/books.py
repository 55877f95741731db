"""Books of formats: TOML files, shipped or of the user's own, that say how a format is read."""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from proteomr.errors import FormatError, nearest

__all__ = ["ENDING", "BookParser", "list_books", "read_book"]

ENDING: Final = ".toml"


def list_books(folder: str) -> tuple[str, ...]:
    """Return the names of the books in a folder of the schemas, in alphabetical order.

    Examples
    --------
    >>> "maxquant" in list_books("matrices")
    True
    """
    place = importlib.resources.files("proteomr.schemas") / folder
    files = (entry.name for entry in place.iterdir())
    return tuple(sorted(name.removesuffix(ENDING) for name in files if name.endswith(ENDING)))


def read_book(folder: str, name: str) -> dict[str, Any]:
    """Return the keys of a book that is shipped.

    Examples
    --------
    >>> read_book("matrices", "maxquant")["title"]
    'MaxQuant proteinGroups.txt'
    """
    place = importlib.resources.files("proteomr.schemas") / folder / f"{name}{ENDING}"
    return tomllib.loads(place.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class BookParser:
    """Takes values of a book, and refuses by name whatever does not belong there.

    Parameters
    ----------
    path : the book, for messages.
    """

    path: Path

    def refuse(self, message: str) -> FormatError:
        """Return the error for what is wrong with the book."""
        return FormatError(message, path=self.path)

    def take_text(self, key: str, value: object) -> str:
        """Return a text."""
        if not isinstance(value, str):
            raise self.refuse(f"{key} is {value!r}, where text is needed")
        return value

    def take_title(self, key: str, value: object) -> str:
        """Return a text that is not empty."""
        text = self.take_text(key, value)
        if not text.strip():
            raise self.refuse(f"{key} is empty")
        return text

    def take_pattern(self, key: str, value: object) -> str:
        """Return a regular expression."""
        text = self.take_text(key, value)
        try:
            re.compile(text)
        except re.error as fault:
            raise self.refuse(f"{key} is no regular expression ({fault})") from None
        return text

    def take_flag(self, key: str, value: object) -> bool:
        """Return true or false."""
        if not isinstance(value, bool):
            raise self.refuse(f"{key} is {value!r}, where true or false is needed")
        return value

    def take_whole(self, key: str, value: object) -> int:
        """Return a whole number."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.refuse(f"{key} is {value!r}, where a whole number is needed")
        return value

    def take_names(self, key: str, value: object) -> tuple[str, ...]:
        """Return a list of texts."""
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise self.refuse(f"{key} is {value!r}, where a list of texts is needed")
        return tuple(value)

    def take_tables(
        self, key: str, value: object, *, needed: Collection[str], allowed: Collection[str]
    ) -> list[Mapping[str, Any]]:
        """Return tables, each with the keys needed and none that is not allowed."""
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.refuse(f"{key} is no list of tables; write [[{key}]] above each")
        for entry in value:
            self.check_keys(entry, f"[[{key}]]", needed=needed, allowed=allowed)
        return value

    def check_keys(
        self,
        facts: Mapping[str, object],
        where: str,
        *,
        needed: Collection[str],
        allowed: Collection[str],
    ) -> None:
        """Refuse a key that does not exist, and the absence of one that is needed."""
        for key in facts:
            if key not in allowed:
                hint = nearest(key, allowed) or f"; known: {', '.join(allowed)}"
                raise self.refuse(f"{where} has no key {key!r}{hint}")
        if lacking := sorted(set(needed) - facts.keys()):
            raise self.refuse(f"{where} lacks {', '.join(lacking)}")

    def choose(self, key: str, value: object, allowed: Collection[str]) -> str:
        """Return one of the words allowed."""
        text = self.take_text(key, value)
        if text not in allowed:
            raise self.refuse(f"{key} is {text!r}; one of these is needed: {', '.join(allowed)}")
        return text
