"""The list of fields to ask UK Biobank for, in the forms that its tools take."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from proteomr.errors import UsageError
from proteomr.phenotype.outcomes.specification import FIRST_OCCURRENCES
from proteomr.tables.dictionary import load_dictionary

__all__ = ["RequestStyle", "RequestedField", "request_fields", "write_request"]

RequestStyle: TypeAlias = Literal[
    "rap", "extract-dataset", "table-exporter", "ukb-format", "titles"
]

_ENTITY = "participant"
_ID = "eid"

# fields whose instances are records and not visits: all of them are wanted
_RECORDS: Mapping[int, tuple[int, ...]] = {40000: (0, 1)}

# fields with arrays that the platform holds in a column each; other fields with several answers
# are one column there
_ARRAYS: Mapping[int, range] = {20002: range(34), 22009: range(1, 21)}


@dataclass(frozen=True, slots=True)
class RequestedField:
    """A field to ask for.

    Parameters
    ----------
    field : its number.
    title : its name in the Showcase.
    instances : those wanted; none where the field has no instances.
    arrays : places of the array that are columns of their own; none where it is one column.
    needed_by : names of the rules that read it.
    """

    field: int
    title: str
    instances: tuple[int, ...] = ()
    arrays: tuple[int, ...] = ()
    needed_by: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns on the Research Analysis Platform.

        Examples
        --------
        >>> RequestedField(22009, "Genetic principal components", arrays=(1, 2)).names
        ('p22009_a1', 'p22009_a2')
        """
        stems = [f"p{self.field}_i{instance}" for instance in self.instances]
        stems = stems or [f"p{self.field}"]
        if not self.arrays:
            return tuple(stems)
        return tuple(f"{stem}_a{place}" for stem in stems for place in self.arrays)


def request_fields(
    needs: Mapping[int, Sequence[str]], *, instance: int = 0
) -> tuple[RequestedField, ...]:
    """Return the fields to ask for, in ascending order.

    With each date of a first occurrence comes the field above it, which says where it was recorded
    (hospital, death register, primary care, self-report): no rule reads it, but it tells which
    cases rest on a self-report alone.

    Parameters
    ----------
    needs : names of the rules that read each field.
    instance : the visit, for fields that are asked at several.

    Raises
    ------
    UsageError
        The instance is negative.
    ColumnError
        A field is not in the dictionary.

    Examples
    --------
    >>> asked = request_fields({31: ["sex"], 2020: ["often_lonely"], 131296: ["cvd"]})
    >>> [name for field in asked for name in field.names]
    ['p31', 'p2020_i0', 'p131296', 'p131297']
    """
    if instance < 0:
        raise UsageError(f"instance {instance}; the first visit is 0")
    wanted = {number: tuple(names) for number, names in needs.items()}
    for number in needs:
        if number in FIRST_OCCURRENCES and number % 2 == 0:
            wanted.setdefault(number + 1, (f"source of {number}",))
    dictionary = load_dictionary()
    requested = []
    for number, names in sorted(wanted.items()):
        info = dictionary.field(number)
        instances = _RECORDS.get(number, (instance,)) if info.instances else ()
        arrays = tuple(_ARRAYS.get(number, ()))
        requested.append(RequestedField(number, info.title, instances, arrays, names))
    return tuple(requested)


def write_request(requested: Sequence[RequestedField], *, style: RequestStyle) -> str:
    """Return a list of fields as text.

    Parameters
    ----------
    requested : from `request_fields`.
    style : ``rap``: a name per line, the file that the table exporter takes as
        ``field_names_file_txt``. ``extract-dataset``: what ``dx extract_dataset`` takes after
        ``--fields``. ``table-exporter``: a whole ``dx run table-exporter`` with the names in it;
        the dataset stands as ``$DATASET``. ``ukb-format``: numbers of fields, one per line, as
        ukbconv takes them. ``titles``: a table for people to read.

    Examples
    --------
    >>> asked = request_fields({31: ["sex"], 2020: ["often_lonely"]})
    >>> write_request(asked, style="extract-dataset")
    'participant.eid,participant.p31,participant.p2020_i0'
    """
    names = [_ID, *(name for field in requested for name in field.names)]
    if style == "rap":
        return "\n".join(names)
    if style == "extract-dataset":
        return ",".join(f"{_ENTITY}.{name}" for name in names)
    if style == "table-exporter":
        return _write_export(names)
    if style == "ukb-format":
        return "\n".join(str(field.field) for field in requested)
    return _write_titles(requested)


def _write_export(names: Sequence[str]) -> str:
    options = [
        '-idataset_or_cohort_or_dashboard="$DATASET"',
        f"-ientity={_ENTITY}",
        "-ioutput=participants",
        "-ioutput_format=CSV",
        "-iheader_style=FIELD-NAME",
        "-icoding_option=RAW",
        *(f"-ifield_names={shlex.quote(name)}" for name in names),
    ]
    return " \\\n    ".join(["dx run table-exporter", *options])


def _write_titles(requested: Sequence[RequestedField]) -> str:
    rows = [("field", "title", "needed by")]
    rows += [(str(f.field), f.title, ", ".join(f.needed_by)) for f in requested]
    number, title, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(f"{a:>{number}}  {b:<{title}}  {c}".rstrip() for a, b, c in rows)
