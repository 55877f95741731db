"""What a stage, a finding or a figure takes of the results of stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from proteomr.errors import UsageError, nearest

__all__ = ["From", "parse_from", "parse_texts", "refuse_unknown"]

_KEYS: Final = ("from", "table", "where", "column", "union")


@dataclass(frozen=True, slots=True)
class From:
    """What a stage takes of an earlier one.

    Attributes
    ----------
    stage : the earlier stage.
    table : one of its tables; its results as a whole without, its main table where rows are chosen.
    where : conditions on the rows, all of which hold; see `proteomr.design.parse_condition`. A word
        that is no column of the table is text.
    column : whose values are taken, each once; where neither is given, the results are taken as
        files.
    union : further names, or what is taken of further stages.
    """

    stage: str
    table: str | None = None
    where: tuple[str, ...] = ()
    column: str | None = None
    union: tuple[str | From, ...] = ()

    @property
    def chooses(self) -> bool:
        """Whether names are chosen, and not files taken."""
        return bool(self.where or self.union) or self.column is not None

    @property
    def needs(self) -> tuple[str, ...]:
        """The stages that it reads."""
        further = (one.needs for one in self.union if isinstance(one, From))
        return tuple(dict.fromkeys([self.stage, *(name for names in further for name in names)]))

    @property
    def rule(self) -> str:
        """What is chosen, in words."""
        table = "" if self.table is None else f".{self.table}"
        rows = " and ".join(self.where) if self.where else "all rows"
        said = f"{self.column or 'protein'} of {self.stage}{table} where {rows}"
        more = [one.rule if isinstance(one, From) else one for one in self.union]
        return said if not more else f"{said}; and {', '.join(more)}"


def parse_from(value: Mapping[str, Any], where: str) -> From:
    """Return what a table of TOML takes of a stage.

    Raises
    ------
    UsageError
        A key is unknown or of another type; the message begins with where it is.

    Examples
    --------
    >>> parse_from({"from": "scan", "where": "q_bh < 0.05"}, "[stages.x] proteins").rule
    'protein of scan where q_bh < 0.05'
    """
    refuse_unknown(value, _KEYS, where=where)
    for key in ("from", "table", "column"):
        if not isinstance(value.get(key, ""), str):
            raise UsageError(f"{where}: {key} is text")
    union = value.get("union", [])
    if not isinstance(union, list):
        raise UsageError(f"{where}: union is a list")
    return From(
        value["from"],
        value.get("table"),
        parse_texts(value.get("where", []), f"{where} where"),
        value.get("column"),
        tuple(_parse_further(one, where) for one in union),
    )


def _parse_further(one: object, where: str) -> str | From:
    if isinstance(one, dict) and "from" in one:
        return parse_from(one, where)
    if not isinstance(one, str):
        raise UsageError(f'{where}: union has names, and tables such as {{from = "STAGE"}}')
    return one


def parse_texts(value: object, where: str) -> tuple[str, ...]:
    """Return a text, or a list of texts, as texts.

    Raises
    ------
    UsageError
        It is neither.

    Examples
    --------
    >>> parse_texts("qc", "after")
    ('qc',)
    """
    several = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in several):
        raise UsageError(f"{where}: text, or a list of texts, is needed")
    return tuple(several)


def refuse_unknown(facts: Mapping[str, object], known: Sequence[str], *, where: str) -> None:
    """Refuse keys that a table of TOML has not.

    Raises
    ------
    UsageError
        One is not known.

    Examples
    --------
    >>> refuse_unknown({"from": "qc"}, ["from"], where="[stages.x]")
    """
    for key in facts:
        if key not in known:
            there = ", ".join(known)
            raise UsageError(f"{where} has no key {key!r}{nearest(key, known)}: {there}")
