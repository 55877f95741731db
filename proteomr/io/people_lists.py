"""Lists of people, one identifier a line: read strictly, and met with those of a table.

A list decides who is analysed, and a line that is read wrongly decides it for the wrong person,
without a sign. So nothing in it is guessed: a line holds one identifier or is refused, and so is
an identifier that would be one of the table's if it were spelt in its way. Messages name lines.
"""

from __future__ import annotations

import gzip
import io
import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, cast

import polars as pl

from proteomr.border import reads
from proteomr.errors import FormatError, IdentifierError
from proteomr.io.identifiers import ID_COLUMNS, find_respelt, normalise_ids
from proteomr.io.quoting import stray_quote
from proteomr.io.sources import damaged_gzip, inspect_file
from proteomr.io.streams import describe_cut
from proteomr.io.tables import read_table
from proteomr.io.text_layout import MISSING
from proteomr.runs.notes import add_note

__all__ = ["PeopleList", "locate_listed", "read_people_list"]

_LONGEST_LINE: Final = 4096
_MOST_LINES: Final = 5_000_000  # ten times the largest biobank; a gigabyte of lines stops here
_LONGEST: Final = 64
_LINES_NAMED: Final = 5
_QUOTED: Final = re.compile(r'"[^"]*[^"\s][^"]*"')
_IDENTIFIER: Final = re.compile(r"[+-]?\w[\w.:/#@+ -]*")  # blanks where it is quoted
_DATE: Final = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?")
_ABSENT: Final = frozenset(word.casefold() for word in (*MISSING, "#N/A", "#NUM!", "#VALUE!", "-"))
_ONE_A_LINE: Final = "one identifier a line is needed, or a header that names its column (eid, IID)"


@dataclass(frozen=True, slots=True, eq=False)
class PeopleList:
    """Identifiers of people, each once, and where each stands first.

    Parameters
    ----------
    path : the file.
    ids : the identifiers as text, none repeated, in the order of the file.
    lines : the line of each (its row, where the file is parquet).
    """

    path: Path
    ids: pl.Series
    lines: tuple[int, ...]

    def __len__(self) -> int:
        """Return how many people are listed."""
        return len(self.lines)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    cells: tuple[str, ...]


@reads
def read_people_list(path: str | Path, *, id_column: str | None = None) -> PeopleList:
    r"""Return the people of a list, one identifier a line.

    A header is passed over: a word without a digit, or the names of columns, of which one is the
    identifier's. Without a header a line may hold besides the identifier its repetition (as PLINK
    writes FID and IID) or a date.

    Parameters
    ----------
    path : text, also gz; or parquet with a column of identifiers.
    id_column : name of the identifier in the header, where it is not one of the usual names.

    Raises
    ------
    InputError
        The file is absent, unreadable or empty.
    FormatError
        A line holds no identifier or several, a quotation mark is not closed, or the last line is
        cut off; with the line and never with what it holds.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"eid\n1000001\n1000002\n1000001\n")
    ...     file.flush()
    ...     people = read_people_list(file.name)
    >>> len(people), people.lines
    (2, (2, 3))
    """
    path = Path(path)
    kind, compressed = inspect_file(path)
    if kind == "parquet":
        return _read_parquet(path, id_column=id_column)
    lines, is_ended = _split_lines(path, compressed=compressed)
    listed = _choose_column(lines, path, id_column=id_column)
    for line in listed:
        _check_identifier(line.cells[0], path, line.number)
    _check_words(listed, path)
    if not is_ended:
        _check_last(listed, path)
        add_note(describe_cut(path.name))
    if not listed:
        message = "holds no identifier; leave the option out where nobody is to be listed"
        raise FormatError(message, path=path)
    first = {line.cells[0]: line.number for line in reversed(listed)}
    ids = list(dict.fromkeys(line.cells[0] for line in listed))
    return PeopleList(
        path, pl.Series("id", ids, dtype=pl.String), tuple(first[name] for name in ids)
    )


def locate_listed(ids: pl.Series, people: PeopleList, *, among: str) -> pl.Series:
    """Return which rows of a table belong to listed people (booleans, one for each row).

    Parameters
    ----------
    ids : normalised identifiers of the table.
    people : the list.
    among : what the rows are, for the message.

    Raises
    ------
    IdentifierError
        An entry of the list is not among them as it is spelt, and would be in another spelling;
        with its line.

    Examples
    --------
    >>> people = PeopleList(Path("list.txt"), pl.Series(["7", "9"]), (1, 2))
    >>> locate_listed(pl.Series(["7", "8"]), people, among="samples").to_list()
    [True, False]
    """
    unknown = people.ids.filter(~people.ids.is_in(ids.implode()))
    respelt = find_respelt(unknown, among=ids)
    if respelt is not None:
        what, remedy, entries = respelt
        at = [people.lines[row] for row in people.ids.is_in(entries.implode()).arg_true()]
        raise IdentifierError(
            f"{people.path}, {_name_lines(at)}: among the {among} but for {what}; {remedy}"
        )
    return ids.is_in(people.ids.implode())


def _read_parquet(path: Path, *, id_column: str | None) -> PeopleList:
    frame = read_table(path)
    wanted = (id_column,) if id_column is not None else ID_COLUMNS
    name = next((name for name in wanted if name in frame.columns), None)
    if name is None and frame.width > 1:
        raise FormatError("no column of identifiers; name it with --id", path=path)
    column = frame[name or frame.columns[0]]
    ids = normalise_ids(column.unique(maintain_order=True))
    for row, text in enumerate(ids.to_list(), start=1):
        _check_identifier(text, path, row)
    return PeopleList(path, ids.alias("id"), tuple(range(1, ids.len() + 1)))


def _split_lines(path: Path, *, compressed: bool) -> tuple[list[_Line], bool]:
    """Return the cells of each line that is not blank, and whether the last line has an end."""
    lines: list[_Line] = []
    text, number = "\n", 0
    try:
        with gzip.open(path) if compressed else path.open("rb") as file:
            reader = io.TextIOWrapper(cast("BinaryIO", file), "utf-8-sig", errors="replace")
            while following := reader.readline(_LONGEST_LINE):
                text, number = following, number + 1
                if number > _MOST_LINES:
                    _refuse(path, number, f"more than {_MOST_LINES:,} lines, no list of people")
                if len(text) == _LONGEST_LINE:
                    _refuse(path, number, f"more than {_LONGEST_LINE:,} characters")
                if cells := _split_cells(text.strip(), path, number):
                    lines.append(_Line(number, cells))
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise damaged_gzip(path) from fault
    return lines, text.endswith("\n")


def _split_cells(text: str, path: Path, line: int) -> tuple[str, ...]:
    if _QUOTED.fullmatch(text):
        return (text[1:-1].strip(),)
    parts = re.split(r"[,;\t]" if re.search(r"[,;\t]", text) else r"[ \xa0]+", text)
    cells = [part.strip() for part in parts]
    while cells and not cells[-1]:
        cells.pop()
    plain = []
    for cell in cells:
        bare = cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
        if '"' in bare:
            raise stray_quote(path, line)
        plain.append(bare.strip())
    return tuple(plain) if any(plain) else ()


def _choose_column(lines: Sequence[_Line], path: Path, *, id_column: str | None) -> list[_Line]:
    """Return the identifier alone on each line, the header left out."""
    if not lines:
        return []
    names, wanted = lines[0].cells, (id_column,) if id_column is not None else ID_COLUMNS
    bare = [name.removeprefix("#") for name in names]
    position = next((bare.index(name) for name in wanted if name in bare), None)
    if position is not None:
        return _pick(lines[1:], position, width=len(names), path=path)
    if _is_header(lines):
        if id_column is not None:
            raise FormatError(f"no column {id_column!r} in the header", path=path, line=1)
        named = [name for name in names if name]
        if all(len(line.cells) == 1 for line in lines[1:]):
            return list(lines[1:])  # a header of several words
        if len(named) == 1:
            return _pick(lines[1:], names.index(named[0]), width=len(names), path=path)
        _refuse(path, lines[0].number, f"{len(names)} columns and none that is known as identifier")
    return _pick_unnamed(lines, path)


def _is_header(lines: Sequence[_Line]) -> bool:
    """Tell whether the first line is words, and those below hold numbers."""
    has_digit = [any(map(str.isdigit, "".join(line.cells))) for line in lines[:50]]
    return not has_digit[0] and (len(lines) == 1 or any(has_digit[1:]))


def _pick(lines: Sequence[_Line], position: int, *, width: int, path: Path) -> list[_Line]:
    """Return one column; a line may have a field more: the name of its row, before the others."""
    extra = {len(line.cells) - width for line in lines} == {1}
    place = position + extra
    for line in lines:
        if len(line.cells) > width + extra:
            found = f"{len(line.cells)} fields where the header has {width}"
            _refuse(path, line.number, found)
        if len(line.cells) <= place:
            _refuse(path, line.number, "no identifier in its column")
    return [_Line(line.number, (line.cells[place],)) for line in lines]


def _pick_unnamed(lines: Sequence[_Line], path: Path) -> list[_Line]:
    for line in lines:
        first, *others = line.cells
        if any(other != first and _DATE.fullmatch(other) is None for other in others):
            numbered = [line.cells[0] for line in lines] == [str(i + 1) for i in range(len(lines))]
            what = f"{len(line.cells)} fields and no header"
            if numbered:
                what += " (numbers of the rows? leave them out)"
            _refuse(path, line.number, what)
    return [_Line(line.number, line.cells[:1]) for line in lines]


def _check_identifier(text: str, path: Path, line: int) -> None:
    if not text or text.casefold() in _ABSENT:
        _refuse(path, line, "no identifier")
    if len(text) > _LONGEST or _IDENTIFIER.fullmatch(text) is None:
        _refuse(path, line, "no identifier of a person")
    if unicodedata.normalize("NFKC", text) != text:
        _refuse(path, line, "an identifier in letters of another width or form")


def _check_words(listed: Sequence[_Line], path: Path) -> None:
    """Refuse a word among identifiers that have digits."""
    words = [line for line in listed if not any(map(str.isdigit, line.cells[0]))]
    if words and 2 * len(words) < len(listed):
        _refuse(path, words[0].number, "a word among identifiers that have digits")


def _check_last(listed: Sequence[_Line], path: Path) -> None:
    lengths = {len(line.cells[0]) for line in listed[:-1]}
    if len(lengths) == 1 and len(listed) > 2 and len(listed[-1].cells[0]) < min(lengths):
        message = "is cut off: it has no end and is shorter than all before; write the list again"
        raise FormatError(message, path=path, line=listed[-1].number)


def _name_lines(lines: Sequence[int]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    shown = ", ".join(map(str, lines[:_LINES_NAMED]))
    return f"lines {shown}" + (", ..." if len(lines) > _LINES_NAMED else "")


def _refuse(path: Path, line: int, found: str) -> NoReturn:
    raise FormatError(f"{found}; {_ONE_A_LINE}", path=path, line=line)
