"""Frames with a contract: a table is checked once against the columns declared for it."""

from __future__ import annotations

import importlib.resources
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias, get_args

import polars as pl

from proteomr import figures
from proteomr.errors import ColumnError, InputError, UsageError, nearest
from proteomr.families import FAMILY_NAMES, SURVIVAL_NAMES
from proteomr.tables.showing import show_table, show_text

if TYPE_CHECKING:
    import pandas as pd

    from proteomr.plot.drawing import Drawing

__all__ = [
    "DISCLOSURES",
    "ColumnSchema",
    "Disclosure",
    "Schema",
    "Table",
    "load_schema",
    "schema_names",
    "schema_text",
]

DType: TypeAlias = Literal["text", "integer", "float", "boolean"]
Disclosure: TypeAlias = Literal["none", "count", "share", "statistic", "test", "extreme", "person"]
"""What a column tells of people: nothing; how many they are (text: words that may hold a count);
a share of them; an estimate; the p value of a test whose degrees of freedom, which are not written,
may count them; the value of one among them; rows of persons."""

DISCLOSURES: Final[tuple[Disclosure, ...]] = get_args(Disclosure)

_FOLDER: Final = "tables"
# A table that has the columns of another after its own.
_COLUMNS_OF: Final = re.compile(r'^columns_of = "(\w+)"\n', re.MULTILINE)
_REGISTRIES: Final[Mapping[str, tuple[str, ...]]] = {"families": (*FAMILY_NAMES, *SURVIVAL_NAMES)}
_STORED: Final[dict[str, pl.DataType]] = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "float": pl.Float64(),
    "boolean": pl.Boolean(),
}


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """What one column of a table may hold.

    Parameters
    ----------
    name : name of the column.
    dtype : kind of content, stored as String, Int64, Float64 or Boolean.
    description : what the column says.
    unit : unit of the numbers, empty where they have none.
    null : whether a cell may be empty.
    minimum, maximum : range of the numbers, ends included; None where open.
    values : the only values allowed; empty for any.
    optional : whether a table may be without it.
    disclosure : what it tells of people; None for what was never judged, which does not leave.
    counts_where : the column of the table that tells where a statistic determines counts of people,
        and so has the class of counts: where that is true, empty, or not in the table.

    Raises
    ------
    InputError
        The class of disclosure is none of `DISCLOSURES`.

    Examples
    --------
    >>> ColumnSchema("se", "float", "standard error", null=True, minimum=0.0).minimum
    0.0
    """

    name: str
    dtype: DType
    description: str
    unit: str = ""
    null: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    optional: bool = False
    disclosure: Disclosure | None = None
    counts_where: str = ""

    def __post_init__(self) -> None:
        if self.disclosure is not None and self.disclosure not in DISCLOSURES:
            hint = nearest(self.disclosure, DISCLOSURES)
            raise InputError(f"column {self.name!r}: no disclosure {self.disclosure!r}{hint}")

    @property
    def stored(self) -> pl.DataType:
        """The type that it is stored in."""
        return _STORED[self.dtype]

    def convert(self, column: pl.Series) -> pl.Series:
        """Return a column in its declared type, or say why it cannot be held in it.

        Raises
        ------
        ColumnError
            Another kind of content, empty cells, NaN, or values outside the range.

        Examples
        --------
        >>> import polars as pl
        >>> ColumnSchema("n", "integer", "people").convert(pl.Series([1], dtype=pl.Int8)).dtype
        Int64
        """
        if not self._fits(column.dtype):
            raise self._fault(f"holds {column.dtype}, {self.dtype} is needed")
        stored = column.cast(self.stored)
        if not self.null and stored.null_count():
            raise self._fault(f"{stored.null_count()} empty cells; none may be empty")
        # A sum with NaN is NaN (so is one of both infinities), and a sum of a short column costs a
        # hundredth of what a question to each cell does.
        unclear = self.dtype == "float" and math.isnan(stored.sum())
        if unclear and (missing := int(stored.is_nan().sum())):
            raise self._fault(f"{missing} cells are NaN; an empty cell stands for no number")
        self._check_range(stored)
        self._check_values(stored)
        return stored

    def _fits(self, dtype: pl.DataType) -> bool:
        if dtype == pl.Null:
            return True
        if self.dtype == "text":
            return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
        if self.dtype == "boolean":
            return dtype == pl.Boolean
        if self.dtype == "float":
            return dtype.is_numeric()
        return dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128)

    def _check_range(self, column: pl.Series) -> None:
        for bound, outside, word in (
            (self.minimum, column.lt, "below"),
            (self.maximum, column.gt, "above"),
        ):
            if bound is not None and (count := int(outside(bound).sum())):
                raise self._fault(f"{count} values {word} {bound:g}")

    def _check_values(self, column: pl.Series) -> None:
        if not self.values:
            return
        unknown = set(column.unique().to_list()) - {None, *self.values}
        if unknown:
            value, allowed = min(unknown), ", ".join(self.values)
            raise self._fault(f"holds {value!r}{nearest(value, self.values)}; allowed: {allowed}")

    def _fault(self, message: str) -> ColumnError:
        return ColumnError(f"column {self.name!r}: {message}")


@dataclass(frozen=True, slots=True)
class Schema:
    """The declared columns of one table.

    Parameters
    ----------
    name : name of the table.
    description : what one row is.
    columns : its columns, in order.
    extra : whether further columns may follow the declared ones.
    version : counts the changes of its columns and of what they mean.

    Examples
    --------
    >>> schema = Schema("drops", "rows left out", (ColumnSchema("n", "integer", "how many"),))
    >>> schema.names
    ('n',)
    """

    name: str
    description: str
    columns: tuple[ColumnSchema, ...]
    extra: bool = False
    version: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the declared columns that every table has, in order."""
        return tuple(column.name for column in self.columns if not column.optional)

    def validate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame with the declared columns in their order and types.

        Raises
        ------
        ColumnError
            A column is absent, undeclared, or holds what it may not hold.

        Examples
        --------
        >>> import polars as pl
        >>> schema = Schema("drops", "rows left out", (ColumnSchema("n", "integer", "how many"),))
        >>> schema.validate(pl.DataFrame({"n": [3]})).schema
        Schema([('n', Int64)])
        """
        absent = [c.name for c in self.columns if not (c.optional or c.name in frame.columns)]
        if absent:
            hint = nearest(absent[0], frame.columns)
            raise ColumnError(f"table {self.name!r}: no column {absent[0]!r}{hint}")
        declared = {column.name for column in self.columns}
        further = [name for name in frame.columns if name not in declared]
        if further and not self.extra:
            hint = nearest(further[0], self.names)
            raise ColumnError(f"table {self.name!r}: undeclared column {further[0]!r}{hint}")
        try:
            stored = [
                column.convert(frame[column.name])
                for column in self.columns
                if column.name in frame.columns
            ]
        except ColumnError as fault:
            raise ColumnError(f"table {self.name!r}: {fault}") from None
        return pl.DataFrame([*stored, *(frame[name] for name in further)])

    def empty(self) -> pl.DataFrame:
        """Return a frame of no rows with the declared columns.

        Examples
        --------
        >>> Schema("drops", "", (ColumnSchema("n", "integer", "how many"),)).empty().shape
        (0, 1)
        """
        return pl.DataFrame(schema={c.name: c.stored for c in self.columns if not c.optional})


@cache
def load_schema(name: str) -> Schema:
    """Return the declared schema of a table.

    Parameters
    ----------
    name : name of the table, as in `schema_names`.

    Raises
    ------
    UsageError
        There is no table of that name.

    Examples
    --------
    >>> load_schema("drops").names
    ('step', 'reason', 'n')
    """
    return _parse_schema(tomllib.loads(schema_text(name)))


def schema_text(name: str) -> str:
    """Return the text of a table's schema, in TOML, with the names of registries listed.

    Raises
    ------
    UsageError
        There is no table of that name.

    Examples
    --------
    >>> 'values = ["linear", "logistic"' in schema_text("associations")
    True
    """
    names = schema_names()
    if name not in names:
        raise UsageError(
            f"there is no table {name!r}{nearest(name, names)}; known: {', '.join(names)}"
        )
    folder = importlib.resources.files("proteomr.schemas") / _FOLDER
    text = (folder / f"{name}.toml").read_text(encoding="utf-8")
    if more := _COLUMNS_OF.search(text):
        other = schema_text(more[1])
        text = f"{text.replace(more[0], '')}\n{other[other.index('[[columns]]') :]}"
    for registry, listed in _REGISTRIES.items():
        text = text.replace(f'values = "{registry}"', f"values = {json.dumps(listed)}")
    return text


@cache
def schema_names() -> tuple[str, ...]:
    """Return the names of the tables that have a declared schema, in alphabetical order.

    Examples
    --------
    >>> "associations" in schema_names()
    True
    """
    folder = importlib.resources.files("proteomr.schemas") / _FOLDER
    files = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def _parse_schema(text: Mapping[str, Any]) -> Schema:
    columns = tuple(
        ColumnSchema(**{**entry, "values": tuple(entry.get("values", ()))})
        for entry in text["columns"]
    )
    return Schema(
        text["name"],
        text["description"],
        columns,
        extra=text.get("extra", False),
        version=text.get("version", 1),
    )


@dataclass(frozen=True, slots=True)
class Table:
    """A frame that keeps its declared schema, and where it comes from.

    Parameters
    ----------
    frame : the rows; checked and put in the declared order and types.
    provenance : what made the table (inputs, parameters, versions); may be empty.

    Raises
    ------
    InputError
        The frame breaks the schema, or the class declares none.
    """

    frame: pl.DataFrame
    provenance: Mapping[str, object] = field(default_factory=dict)

    schema_name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not self.schema_name:
            raise InputError(f"{type(self).__name__} declares no schema; use one of its kinds")
        checked = load_schema(self.schema_name).validate(self.frame)
        object.__setattr__(self, "frame", checked)

    @property
    def schema(self) -> Schema:
        """The declared schema."""
        return load_schema(self.schema_name)

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a frame of pandas."""
        return self.frame.to_pandas()

    def plot(
        self,
        kind: str | None = None,
        *,
        width: Literal["single", "double"] | None = None,
        title: str | None = None,
        labels: int = 12,
    ) -> Drawing:
        """Return the figure of the table, as ``proteomr plot`` draws it.

        Parameters
        ----------
        kind : one of those of ``proteomr plot``; None for the table's own.
        width : "single" or "double", a journal's columns of 89 and 183 mm.
        title : above the figure.
        labels : most proteins that are named in a panel.

        Raises
        ------
        UsageError
            The table has no figure, there is no such kind, or matplotlib is not installed.
        """
        held = {self.schema_name: lambda: self.frame}
        return figures.draw(held, self.schema_name, kind, width=width, title=title, labels=labels)

    def _repr_html_(self) -> str:
        return f"<p><b>{show_text(self.schema_name)}</b></p>\n{show_table(self.frame)}"
