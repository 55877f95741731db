"""What the fields of UK Biobank are called, what kind of value they hold, and what codes mean."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from proteomr.errors import ColumnError, FormatError

__all__ = ["Dictionary", "FieldInfo", "FieldKind", "load_dictionary"]

FieldKind: TypeAlias = Literal["integer", "float", "date", "code", "text"]

_FOLDER: Final = "ukbiobank"
_SPECIAL_DATES: Final = 819
_SOURCES: Final = 2171


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field of UK Biobank.

    Parameters
    ----------
    field : its number.
    title : its name in the Showcase.
    kind : what it holds: whole numbers, measurements, dates, codes that are numbers, or text
        (also codes that are text, as those of ICD-10).
    coding : number of the coding that gives codes, or special values, their meaning.
    instances : whether it is asked at several visits.
    array : whether it holds several answers or values.
    complete : whether every code of the coding is in the dictionary.

    Examples
    --------
    >>> FieldInfo(31, "Sex", "code", 9, instances=False, array=False).complete
    True
    """

    field: int
    title: str
    kind: FieldKind
    coding: int | None
    instances: bool
    array: bool
    complete: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """Fields and codings of UK Biobank.

    Parameters
    ----------
    fields : the fields by their number.
    codings : meanings of codes, by the number of the coding.
    titles : numbers of fields by their title; of fields with one title, the highest.

    Examples
    --------
    >>> load_dictionary().field(131296).title
    'Date I20 first reported (angina pectoris)'
    """

    fields: Mapping[int, FieldInfo]
    codings: Mapping[int, Mapping[int | str, str]]
    titles: Mapping[str, int]

    def knows(self, field: int) -> bool:
        """Tell whether a field is in the dictionary.

        Examples
        --------
        >>> load_dictionary().knows(4080)
        False
        """
        return field in self.fields

    def field(self, number: int) -> FieldInfo:
        """Return what is known of a field.

        Raises
        ------
        ColumnError
            It is not in the dictionary.

        Examples
        --------
        >>> load_dictionary().field(709).kind
        'integer'
        """
        if number not in self.fields:
            raise ColumnError(
                f"field {number} is not in the dictionary of UK Biobank fields that is shipped; "
                "give a definition its columns under names of their own"
            )
        return self.fields[number]

    def meanings(self, coding: int) -> Mapping[int | str, str]:
        """Return what the codes of a coding mean; whole numbers are keys of type int.

        Raises
        ------
        ColumnError
            The coding is not in the dictionary.

        Examples
        --------
        >>> load_dictionary().meanings(100328)[-7]
        'None of the above'
        """
        if coding not in self.codings:
            raise ColumnError(f"coding {coding} is not in the dictionary of UK Biobank codings")
        return self.codings[coding]

    def find_title(self, title: str) -> int | None:
        """Return the field that has a title, None where no field has it.

        Examples
        --------
        >>> load_dictionary().find_title("Able to confide")
        2110
        """
        return self.titles.get(" ".join(title.split()))


@functools.cache
def load_dictionary() -> Dictionary:
    """Return the dictionary that is shipped: the fields that known definitions ask for.

    Codes mean the same in every application; numbers, titles and meanings are facts of the UK
    Biobank Showcase (https://biobank.ndph.ox.ac.uk/showcase), gathered from PHESANT (MIT) and
    from public analysis code that prints them.

    Notes
    -----
    Codings 6 (self-reported illness) and 10 (assessment centres) may have codes that are not
    listed. Two codes of coding 6 are called myasthenia gravis (1260, 1437) and two of coding 819
    have one meaning (1909-09-09, 2037-07-07): a label stands for the first. Field 30903 has the
    code 1 for yes; that its coding is number 7 is assumed. Field 189 was replaced by 22189.

    Examples
    --------
    >>> load_dictionary().meanings(100501)[0]
    'Never or almost never'
    """
    listed = [*_listed_fields(), *_first_occurrences()]
    fields = {info.field: info for info in sorted(listed, key=lambda info: info.field)}
    codings: dict[int, dict[int | str, str]] = {}
    for coding, code, meaning in _read("codings.tsv"):
        key = int(code) if code.lstrip("-").isdecimal() else code
        codings.setdefault(int(coding), {})[key] = meaning
    return Dictionary(
        fields=MappingProxyType(fields),
        codings=MappingProxyType({key: MappingProxyType(held) for key, held in codings.items()}),
        titles=MappingProxyType({info.title: info.field for info in fields.values()}),
    )


def _listed_fields() -> Iterator[FieldInfo]:
    kinds: dict[str, FieldKind] = {kind: kind for kind in get_args(FieldKind)}
    for field, title, kind, coding, complete, instances, array in _read("fields.tsv"):
        yield FieldInfo(
            int(field),
            title,
            kinds[kind],
            int(coding) if coding else None,
            instances=instances == "yes",
            array=array == "yes",
            complete=complete == "yes",
        )


def _first_occurrences() -> Iterator[FieldInfo]:
    """Yield the date of each first report, and the source that stands at the next odd number."""
    for field, code, diagnosis in _read("first_occurrence.tsv"):
        date = f"Date {code} first reported ({diagnosis})"
        source = f"Source of report of {code} ({diagnosis})"
        yield FieldInfo(int(field), date, "date", _SPECIAL_DATES, instances=False, array=False)
        yield FieldInfo(int(field) + 1, source, "code", _SOURCES, instances=False, array=False)


def _read(name: str) -> Iterator[list[str]]:
    path = importlib.resources.files("proteomr.schemas") / _FOLDER / name
    header, *rows = path.read_text("utf-8").splitlines()
    width = len(header.split("\t"))
    for line, row in enumerate(rows, start=2):
        cells = row.split("\t")
        if len(cells) != width:
            raise FormatError(f"{len(cells)} fields where {width} are", path=name, line=line)
        yield cells
