"""Published numbers of a study, and where it finds its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from proteomr.errors import UsageError, nearest
from proteomr.study.taking import From, parse_from, refuse_unknown

__all__ = ["Finding", "FindingKind", "parse_findings"]

FindingKind: TypeAlias = Literal["count", "rows", "share", "value", "mean", "least", "largest"]
"""What is made of rows: how many names they have, how many they are, which share of others they
are, the one value that they hold in a column, or the mean or an end of its values.
"""

_KEYS: Final = ("what", "published", "low", "high", "kind", "found", "of", "expected")
_TAKEN: Final = ("found", "of", "expected")
_OF_COLUMNS: Final = ("value", "mean", "least", "largest")


@dataclass(frozen=True, slots=True)
class Finding:
    """A published number, and where a study finds its own.

    Attributes
    ----------
    what : in words.
    published : the number; None where it is not known.
    low, high : limits of its interval; or bounds alone, of a number that is told as more or less.
    found : rows of a stage.
    kind : what is made of them, see `FindingKind`.
    of : of a share: the rows that it is a share of.
    expected : rows of a truth, whose column is what the size of this study lets expect: the sum of
        a count or of rows, the mean of a share, else made as what is found.
    """

    what: str
    published: float | None
    found: From
    kind: FindingKind = "count"
    low: float | None = None
    high: float | None = None
    of: From | None = None
    expected: From | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The stages whose tables it reads."""
        taken = (one for one in (self.found, self.of, self.expected) if one is not None)
        return tuple(dict.fromkeys(name for one in taken for name in one.needs))


def parse_findings(facts: object) -> tuple[Finding, ...]:
    """Return the findings of ``[[published]]``.

    Raises
    ------
    UsageError
        A key is unknown, absent or of another type; the message says of which.

    Examples
    --------
    >>> parse_findings([{"what": "hits", "published": 2, "found": {"from": "scan"}}])[0].kind
    'count'
    """
    if not isinstance(facts, list) or not all(isinstance(one, dict) for one in facts):
        raise UsageError("published is a list of tables: [[published]] what = ..., found = ...")
    return tuple(_parse(one, f"[[published]] {i}") for i, one in enumerate(facts, start=1))


def _parse(facts: Mapping[str, Any], where: str) -> Finding:
    refuse_unknown(facts, _KEYS, where=where)
    taken = {key: facts[key] for key in _TAKEN if key in facts}
    for key, value in taken.items():
        if not isinstance(value, dict) or "from" not in value:
            raise UsageError(f'{where}: {key} is taken of a stage: {{ from = "STAGE", ... }}')
    if "found" not in taken or not isinstance(facts.get("what"), str):
        raise UsageError(f"{where} needs what (text) and found")
    numbers = {key: facts[key] for key in ("published", "low", "high") if key in facts}
    for key, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{where}: {key} is a number, not {value!r}")
    kind = _parse_kind(facts.get("kind", "count"), where)
    if (kind == "share") != ("of" in taken):
        raise UsageError(f'{where}: of (rows) goes with kind = "share", and with that alone')
    parsed = {key: parse_from(value, f"{where} {key}") for key, value in taken.items()}
    needing = ["expected", *(["found"] if kind in _OF_COLUMNS else [])]
    if any(parsed[key].column is None for key in needing if key in parsed):
        raise UsageError(f"{where}: a value, and what is expected, needs a column")
    known = {key: float(value) for key, value in numbers.items()}
    return Finding(
        facts["what"],
        known.get("published"),
        parsed["found"],
        kind,
        known.get("low"),
        known.get("high"),
        parsed.get("of"),
        parsed.get("expected"),
    )


def _parse_kind(value: object, where: str) -> FindingKind:
    kinds: dict[str, FindingKind] = {kind: kind for kind in get_args(FindingKind)}
    if not isinstance(value, str) or value not in kinds:
        hint = nearest(str(value), kinds)
        raise UsageError(f"{where}: kind is {', '.join(kinds)}, not {value!r}{hint}")
    return kinds[value]
