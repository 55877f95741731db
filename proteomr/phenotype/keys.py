"""A table of a definition, taken key by key, so that what nobody asked for is found."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from proteomr.errors import FormatError, nearest

__all__ = ["Code", "Keys"]

Code: TypeAlias = int | str

_KINDS: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "a whole number": (int,),
    "a number": (int, float),
    "true or false": (bool,),
    "a table": (dict,),
    "a list": (list,),
}


class Keys:
    """The keys of one table; `finish` refuses those that were never asked for.

    Parameters
    ----------
    facts : the table as read from TOML.
    file : name of the file, for messages.
    where : which table it is, such as ``rule 'bmi'``; empty for the file itself.

    Examples
    --------
    >>> keys = Keys({"name": "bmi", "tittle": "BMI"}, file="mine.toml", where="rule 'bmi'")
    >>> keys.text("name"), keys.text("title", "")
    ('bmi', '')
    >>> keys.finish()
    Traceback (most recent call last):
    ...
    proteomr.errors.FormatError: mine.toml: rule 'bmi': there is no key 'tittle' (did you mean ...
    """

    def __init__(self, facts: Mapping[str, Any], *, file: str, where: str = "") -> None:
        self.facts = facts
        self.file = file
        self.where = where
        self._asked: dict[str, None] = {}

    def fault(self, message: str, *, key: str | None = None) -> FormatError:
        """Return an error that names the file, the table and the key."""
        place = [self.where] if self.where else []
        if key is not None:
            place.append(f"key {key!r}")
        return FormatError(f"{', '.join(place)}: {message}" if place else message, path=self.file)

    def has(self, key: str) -> bool:
        """Tell whether a key is there."""
        self._asked[key] = None
        return key in self.facts

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        return str(self._take(key, "text", default))

    def whole(self, key: str, default: int | None = None) -> int:
        """Return a whole number."""
        return int(self._take(key, "a whole number", default))

    def number(self, key: str, default: float | None = None) -> float:
        """Return a number."""
        return float(self._take(key, "a number", default))

    def maybe_number(self, key: str) -> float | None:
        """Return a number, None where the key is not there."""
        return self.number(key) if self.has(key) else None

    def yes(self, key: str) -> bool:
        """Return whether a key is true; false where it is not there."""
        return self.has(key) and bool(self._take(key, "true or false", None))

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        """Return a text that is one of a few."""
        value = self.text(key, default)
        if value not in allowed:
            hint = nearest(value, allowed)
            raise self.fault(f"there is no {value!r}{hint}; one of {', '.join(allowed)}", key=key)
        return value

    def table(self, key: str) -> dict[str, Any]:
        """Return a table, empty where the key is not there."""
        return dict(self._take(key, "a table", {}))

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a list of numbers, empty where the key is not there."""
        return tuple(float(self._check(value, "a number", key)) for value in self._list(key))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a text or a list of texts, empty where the key is not there."""
        return tuple(str(self._check(value, "text", key)) for value in self._list(key))

    def wholes(self, key: str) -> tuple[int, ...]:
        """Return a whole number or a list of them, empty where the key is not there."""
        return tuple(int(self._check(value, "a whole number", key)) for value in self._list(key))

    def codes(self, key: str) -> tuple[Code, ...]:
        """Return a list of codes, whole numbers or texts, empty where the key is not there."""
        return self.as_codes(self._list(key), key=key)

    def as_codes(self, values: object, *, key: str) -> tuple[Code, ...]:
        """Return a value of this table as codes: whole numbers or texts, all of one kind."""
        listed = values if isinstance(values, list) else [values]
        kinds = {type(value) for value in listed}
        if kinds - {int, str} or len(kinds) > 1:
            raise self.fault("codes are whole numbers, or texts, not a mixture", key=key)
        return tuple(listed)

    def levels(self, key: str) -> dict[str, tuple[Code, ...]]:
        """Return a table of lists of codes by the name of the level, in the order written."""
        return {
            name: self.as_codes(codes, key=f"{key}.{name}")
            for name, codes in self.table(key).items()
        }

    def weights(self, key: str) -> dict[str, float]:
        """Return a table of numbers by name."""
        return {
            name: float(self._check(value, "a number", f"{key}.{name}"))
            for name, value in self.table(key).items()
        }

    def finish(self) -> None:
        """Refuse keys that nobody has asked for.

        Raises
        ------
        FormatError
            There is such a key; with the nearest that is known.
        """
        for key in self.facts:
            if key not in self._asked:
                allowed = ", ".join(sorted(self._asked))
                hint = nearest(key, self._asked) or f"; here may stand {allowed}"
                raise self.fault(f"there is no key {key!r}{hint}")

    def _list(self, key: str) -> list[Any]:
        if not self.has(key):
            return []
        value = self.facts[key]
        return value if isinstance(value, list) else [value]

    def _take(self, key: str, kind: str, default: object) -> Any:
        if not self.has(key):
            if default is None:
                unread = {name.casefold(): name for name in self.facts if name not in self._asked}
                close = difflib.get_close_matches(key, unread, n=1)
                hint = f"; is {unread[close[0]]!r} meant for it?" if close else ""
                raise self.fault(f"the key {key!r} ({kind}) is missing{hint}")
            return default
        return self._check(self.facts[key], kind, key)

    def _check(self, value: object, kind: str, key: str) -> Any:
        is_switch = isinstance(value, bool)
        if not isinstance(value, _KINDS[kind]) or (is_switch and kind != "true or false"):
            raise self.fault(f"{kind} is needed, {_describe(value)} was found", key=key)
        return value


def _describe(value: object) -> str:
    kinds = {bool: "true or false", str: "a text", dict: "a table", list: "a list"}
    return kinds.get(type(value), f"{value!r}")
