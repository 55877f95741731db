"""Names of columns in exports of UK Biobank: which field, visit and answer each stands for."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proteomr.errors import FormatError
from proteomr.io.column_names import find_proteins, names_protein, sounds_like_sample
from proteomr.tables.dictionary import load_dictionary
from proteomr.tables.fields import NameStyle

__all__ = [
    "ID_SPELLINGS",
    "SHORT",
    "FieldName",
    "Names",
    "find_fields",
    "is_of_participants",
    "parse_name",
    "read_names",
]

ID_SPELLINGS: Final = (
    *("eid", "participant.eid", "participant_eid", "f.eid", "f_eid", "n_eid", "x_eid", "xeid"),
    *("userId", "Participant ID", "Encoded anonymised participant ID"),
)
"""Names of the identifier in exports, in the order in which they are looked for."""

_STYLES: Final[dict[NameStyle, re.Pattern[str]]] = {
    "rap": re.compile(r"(?:participant[._])?p(\d{1,6})(?:_i(\d{1,3}))?(?:_a(\d{1,4}))?"),
    "ukb": re.compile(r"(\d{1,6})-(\d{1,3})\.(\d{1,4})"),
    "r": re.compile(r"f\.(\d{1,6})\.(\d{1,3})\.(\d{1,4})"),
    "r_underscored": re.compile(r"f_(\d{1,6})_(\d{1,3})_(\d{1,4})"),
    "phesant": re.compile(r"x(\d{1,6})_(\d{1,3})_(\d{1,4})"),
    "mangled": re.compile(r"X(\d{1,6})[._](\d{1,3})[._](\d{1,4})"),
    "stata": re.compile(r"(?:n|s|ts)_(\d{1,6})_(\d{1,3})_(\d{1,4})"),
}
_NEARLY: Final[dict[NameStyle, tuple[re.Pattern[str], str]]] = {
    "rap": (re.compile(r"(?:participant[._])?p_?\d+[_.-][ia]?\d.*"), "p2020_i0"),
    "ukb": (re.compile(r"\d+[-_.]\d.*"), "2020-0.0"),
    "r": (re.compile(r"f[._]\d.*"), "f.2020.0.0"),
    "r_underscored": (re.compile(r"f[._]\d.*"), "f_2020_0_0"),
    "phesant": (re.compile(r"x\d+[._].*"), "x2020_0_0"),
    "mangled": (re.compile(r"X\d+[._].*"), "X2020.0.0"),
    "stata": (re.compile(r"(?:n|s|ts)_\d.*"), "n_2020_0_0"),
}
_OTHER_ENTITY: Final = re.compile(r"olink_instance_\d+[._].*")
_OTHER_TITLE: Final = re.compile(r".*\| ?(?:Instance|Array) \d+")
_PART: Final = re.compile(r"(Instance|Array) (\d{1,4})")
_PERSON: Final = re.compile(r"\d{7}")  # an identifier: a line break is lost behind the header
SHORT: Final = re.compile(r"p\d{1,2}")
"""A name that may be a field or anything else, such as a protein's (p53)."""
_BARE: Final = re.compile(r"p(\d{1,6})")
_FIRST_FIELD: Final = 3  # the showcase counts from here
_REMEMBERED: Final = 1 << 15  # names of a table of proteins are asked about several times


@dataclass(frozen=True, slots=True)
class FieldName:
    """What the name of a column says.

    Parameters
    ----------
    field : number of the field.
    instance : the visit; 0 where the name tells none.
    array : which of several answers; None where the name tells none.

    Examples
    --------
    >>> FieldName(2020).instance
    0
    """

    field: int
    instance: int = 0
    array: int | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """The columns of a file.

    Parameters
    ----------
    style : how its fields are named; None where it holds none.
    fields : columns that are fields, and what they stand for, in the order of the file.
    others : columns of no field, in the order of the file.
    passed_over : titles of fields that are not in the dictionary, which are not read.
    proteins : proteins of the platform (``olink_instance_0.adm``), which are read elsewhere.
    """

    style: NameStyle | None
    fields: dict[str, FieldName]
    others: tuple[str, ...]
    passed_over: tuple[str, ...] = ()
    proteins: tuple[str, ...] = ()


def parse_name(name: str) -> FieldName | None:
    """Return the field that a column stands for; None for a column of no field.

    All styles of exports are understood: those of the Research Analysis Platform (``p31``,
    ``participant.p2020_i0``, ``p22009_a1``, ``Able to confide | Instance 0``), of ukbconv
    (``53-0.0``, ``f.53.0.0``, ``n_53_0_0``), what R makes of them (``X53.0.0``, ``f_53_0_0``) and
    those of PHESANT (``x53_0_0``).

    Parameters
    ----------
    name : name of the column.

    Examples
    --------
    >>> parse_name("p22009_a1")
    FieldName(field=22009, instance=0, array=1)
    >>> parse_name("Leisure/social activities | Instance 2")
    FieldName(field=6160, instance=2, array=None)
    >>> parse_name("my_score")
    """
    parsed = _parse(name)
    return None if parsed is None else parsed[1]


def find_fields(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a table, be it of proteins, that are fields of participants.

    A name that may be something else is a field where the table has a certain one beside it, or
    an identifier of UK Biobank: a title without a visit (``Albumin``), one or two digits behind a
    letter (``p53``, ``p21``), and what R makes of SomaScan's names (``X10000.28.3``). No field has
    a number below 3 or a zero in front: a table with such a name (``p1``, ``p001``) counts its
    columns itself, and others of this form (``p31``) are no fields either; those beyond the
    unbroken count are, where a field with its visit (``p21003_i0``) stands beside them.

    Parameters
    ----------
    columns : names of the columns, with the identifier.

    Examples
    --------
    >>> find_fields(["ID", "p21003_i0", "p31", "gdf15"])
    ('p21003_i0', 'p31')
    >>> find_fields(["ID", "p53", "p21", "gdf15"])
    ()
    >>> find_fields(["eid", "p1", "p2", "p31", "p2020"])
    ()
    """
    counted = _find_counted(columns)
    styles: dict[str, NameStyle] = {}
    for name in columns:
        if name in counted:
            continue
        if (pair := _parse(name)) is not None:
            styles[name] = pair[0]
        elif _OTHER_TITLE.fullmatch(name):  # of a field that is not in the dictionary
            styles[name] = "title"
    certain = any(not _is_doubtful(name, style) for name, style in styles.items())
    if not certain and not set(ID_SPELLINGS).intersection(columns):
        return ()
    return tuple(styles)


def is_of_participants(columns: Sequence[str]) -> bool:
    """Tell whether a table holds fields of participants, no protein, and few unknown names.

    Parameters
    ----------
    columns : names of the columns, with the identifier.

    Examples
    --------
    >>> is_of_participants(["eid", "p31", "p21003_i0", "my_score"])
    True
    >>> is_of_participants(["eid", "p31", "p21003_i0", "gdf15"])
    False
    """
    fields = find_fields(columns)
    others = [name for name in columns if name not in fields and name not in ID_SPELLINGS]
    unknown = [name for name in others if not sounds_like_sample(name)]
    return bool(fields) and not find_proteins(others) and len(unknown) <= len(fields)


def _find_counted(columns: Sequence[str]) -> frozenset[str]:
    """Return the columns that a table counts itself, which are spelt as fields without a visit."""
    bare = {name: match[1] for name in columns if (match := _BARE.fullmatch(name))}
    own = {name for name, number in bare.items() if number[0] == "0" or int(number) < _FIRST_FIELD}
    if not own:
        return frozenset()
    if not any(_parse(name) is not None and name not in bare for name in columns):
        return frozenset(bare)
    reached = max(int(bare[name]) for name in own)
    numbers = {int(number) for number in bare.values()}
    while reached + 1 in numbers:
        reached += 1
    return frozenset(name for name, number in bare.items() if int(number) <= reached)


def _is_doubtful(name: str, style: NameStyle) -> bool:
    plain_title = style == "title" and "|" not in name
    return plain_title or SHORT.fullmatch(name) is not None or names_protein(name)


def read_names(columns: Sequence[str], *, path: str | Path) -> Names:
    """Return which columns of a file stand for which field.

    A title without a visit (``Sex``) is a field only in a file without another style; elsewhere
    it is a column of the user's own.

    Parameters
    ----------
    columns : names of the columns, without the identifier.
    path : the file, for messages.

    Raises
    ------
    FormatError
        Two styles are mixed, two columns stand for the same answer, or a name is nearly one of
        its style.

    Examples
    --------
    >>> read_names(["p31", "p2020_i0", "batch"], path="answers.csv").others
    ('batch',)
    """
    parsed = {name: pair for name in columns if (pair := _parse(name)) is not None}
    if any(style != "title" for style, _ in parsed.values()):
        parsed = {name: pair for name, pair in parsed.items() if pair[0] != "title" or "|" in name}
    style = _single_style(parsed, path)
    fields = {name: field for name, (_, field) in parsed.items()}
    unread = [name for name in columns if name not in fields]
    proteins = tuple(name for name in unread if _OTHER_ENTITY.fullmatch(name))
    passed_over = tuple(name for name in unread if _OTHER_TITLE.fullmatch(name))
    names_used = {*fields, *proteins, *passed_over}
    others = tuple(name for name in columns if name not in names_used)
    _refuse_same_answer(fields, path)
    _refuse_nearly(others, style, path)
    return Names(style, fields, others, passed_over, proteins)


@functools.lru_cache(maxsize=_REMEMBERED)
def _parse(name: str) -> tuple[NameStyle, FieldName] | None:
    for style, pattern in _STYLES.items():
        if match := pattern.fullmatch(name):
            field, instance, array = match.groups()
            number = None if array is None else int(array)
            return style, FieldName(int(field), int(instance or 0), number)
    title = _parse_title(name)
    return None if title is None else ("title", title)


def _parse_title(name: str) -> FieldName | None:
    title, *parts = (part.strip() for part in name.split("|"))
    field = load_dictionary().find_title(title)
    if field is None:
        return None
    numbers: dict[str, int] = {}
    for part in parts:
        match = _PART.fullmatch(part)
        if match is None or match[1] in numbers:
            return None
        numbers[match[1]] = int(match[2])
    return FieldName(field, numbers.get("Instance", 0), numbers.get("Array"))


def _single_style(
    parsed: dict[str, tuple[NameStyle, FieldName]], path: str | Path
) -> NameStyle | None:
    example: dict[NameStyle, str] = {}
    for name, (style, _) in parsed.items():
        example.setdefault(style, name)
    if len(example) > 1:
        first, second = list(example.values())[:2]
        raise FormatError(
            f"names of fields in two styles, such as {first!r} and {second!r}; export the file "
            "in one",
            path=path,
        )
    return next(iter(example), None)


def _refuse_same_answer(fields: dict[str, FieldName], path: str | Path) -> None:
    owner: dict[tuple[int, int, int], str] = {}
    joined: dict[tuple[int, int], str] = {}
    for name, field in fields.items():
        place = (field.field, field.instance)
        answer = (*place, field.array or 0)
        other = owner.setdefault(answer, name)
        if field.array is None:
            joined[place] = name
        if other != name:
            _refuse_pair(other, name, field, path)
    for name, field in fields.items():
        whole = joined.get((field.field, field.instance), name)
        if whole != name:
            _refuse_pair(whole, name, field, path)


def _refuse_pair(first: str, second: str, field: FieldName, path: str | Path) -> None:
    raise FormatError(
        f"columns {first!r} and {second!r} both stand for field {field.field}, instance "
        f"{field.instance}; keep one",
        path=path,
    )


def _refuse_nearly(others: Iterable[str], style: NameStyle | None, path: str | Path) -> None:
    if style is None or style not in _NEARLY:
        return
    pattern, example = _NEARLY[style]
    for name in others:
        if pattern.fullmatch(name):
            raise FormatError(
                f"looks like a field of UK Biobank and is none; fields are named as {example!r} "
                "here; rename or remove it",
                path=path,
                column=None if _PERSON.search(name) else name,
            )
