"""What several exports share: columns of one field, and columns of the user's own."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Sequence

from proteomr.errors import FormatError
from proteomr.io.ukbiobank.exports import Header
from proteomr.tables.dictionary import load_dictionary

__all__ = ["choose_others", "find_splits"]


def choose_others(headers: Sequence[Header], others: Collection[str] | None) -> frozenset[str]:
    r"""Return the columns of no field to read: those asked for, or the nearest of such a name.

    Parameters
    ----------
    headers : of all files.
    others : names; None for all columns of no field.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from proteomr.io.ukbiobank.exports import open_header
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "answers.csv"
    ...     size = file.write_text("eid,p31,Batch,gdf15\n7,0,3,1.5\n")
    ...     header = open_header(file, wanted=None, id_column=None, scratch=Path(folder))
    >>> sorted(choose_others([header], ["batch", "score"]))
    ['Batch']
    """
    held = Counter(name for header in headers for name in header.names.others)
    if others is None:
        return frozenset(held)
    chosen = held.keys() & set(others)
    alike = {name.casefold(): name for name, files in held.items() if files == 1}
    for name in set(others) - chosen:
        chosen |= {alike[n] for n in difflib.get_close_matches(name.casefold(), alike)}
    return frozenset(chosen)


def find_splits(
    headers: Sequence[Header], others: Collection[str]
) -> dict[tuple[int, int], tuple[int, ...]]:
    r"""Return the fields and instances whose columns are spread over files, with their numbers.

    Parameters
    ----------
    headers : of all files.
    others : columns of no field that are read.

    Raises
    ------
    FormatError
        Two files hold the same answer, or the same column of the user's own.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from proteomr.io.ukbiobank.exports import open_header
    >>> headers = []
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part, names in {"a.csv": "eid,p22009_a1", "b.csv": "eid,p22009_a2"}.items():
    ...         size = (Path(folder) / part).write_text(f"{names}\n7,0.5\n")
    ...         scratch = Path(folder)
    ...         headers.append(
    ...             open_header(scratch / part, wanted=None, id_column=None, scratch=scratch)
    ...         )
    >>> find_splits(headers, ())
    {(22009, 0): (1, 2)}
    """
    held: dict[tuple[int, int], dict[int | None, tuple[Header, str]]] = {}
    files: dict[tuple[int, int], set[int]] = {}
    owner: dict[str, Header] = {}
    for header in headers:
        for name, field in header.asked.items():
            place = (field.field, field.instance)
            held.setdefault(place, {})
            _refuse_shared(held[place], header, name, array=field.array, field=field.field)
            held[place][field.array] = (header, name)
            files.setdefault(place, set()).add(id(header))
        for name in header.names.others:
            if name in others and (other := owner.setdefault(name, header)) is not header:
                message = f"the column stands in {other.path} as well; rename or remove one"
                raise FormatError(message, path=header.path, column=name)
    return {
        place: tuple(sorted(number or 0 for number in columns))
        for place, columns in sorted(held.items())
        if len(files[place]) > 1
    }


def _refuse_shared(
    held: dict[int | None, tuple[Header, str]],
    header: Header,
    name: str,
    *,
    array: int | None,
    field: int,
) -> None:
    """Refuse a column whose answer an earlier file holds as well."""
    elsewhere = {number: (f, n) for number, (f, n) in held.items() if f is not header}
    if not elsewhere:
        return
    dictionary = load_dictionary()
    single = dictionary.knows(field) and not dictionary.field(field).array
    whole = None in elsewhere or array is None
    if single or whole or array in elsewhere:
        other, first = elsewhere.get(array) or next(iter(elsewhere.values()))
        message = f"the field stands in {other.path} as well, as {first!r}; keep one"
        raise FormatError(message, path=header.path, column=name)
