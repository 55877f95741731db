"""Which proteins are analysed: those named, and those of a list or of a table of results."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import polars as pl

from proteomr.border import reads
from proteomr.errors import ColumnError, FormatError, InputError, UsageError, nearest
from proteomr.io.bounds import read_whole
from proteomr.io.result_rows import check_rows, choose_rows
from proteomr.io.sources import inspect_file, read_head
from proteomr.io.tables import read_table
from proteomr.runs import Source
from proteomr.runs.notes import add_note
from proteomr.runs.request import Data
from proteomr.tables import Cohort, Drop
from proteomr.tables import columns as c

__all__ = ["ProteinChoice", "choose_proteins", "read_protein_list"]

_MOST_MEGABYTES: Final = 64
_SHOWN: Final = 3
_DELIMITERS: Final = re.compile(r"[,;\t]")


@dataclass(frozen=True, slots=True)
class ProteinChoice:
    """The proteins that are analysed, in whatever order they are named.

    Attributes
    ----------
    names : of proteins.
    listed : a list of names, one a line, or a table with the column ``protein``; they join the
        names.
    rows : which rows of the table count, each ``COLUMN=VALUE`` or a condition such as
        ``q_bh < 0.05``; all of them must hold.

    Raises
    ------
    UsageError
        Rows are chosen of no table, or what chooses them is neither.
    """

    names: tuple[str, ...] = ()
    listed: Source | None = None
    rows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rows and self.listed is None:
            raise UsageError(
                f"{self.rows[0]!r} chooses rows of a table: name the table (--proteins-from FILE)"
            )
        check_rows(self.rows)

    @classmethod
    def of(
        cls,
        names: str | Sequence[str] = (),
        *,
        listed: Data | None = None,
        rows: str | Sequence[str] = (),
    ) -> Self | None:
        """Take names, and a list as a path or a frame; None where nothing is chosen.

        Examples
        --------
        >>> ProteinChoice.of("ADM").names, ProteinChoice.of()
        (('ADM',), None)
        """
        one = (names,) if isinstance(names, str) else tuple(names)
        filters = (rows,) if isinstance(rows, str) else tuple(rows)
        if not one and listed is None and not filters:
            return None
        source = None if listed is None else Source.of(listed, name="proteins_from")
        return cls(one, source, filters)


def choose_proteins(cohort: Cohort, choice: ProteinChoice, *, scratch: Path) -> Cohort:
    """Return a cohort with the proteins chosen alone, in the order in which it had them.

    Raises
    ------
    ColumnError
        A name is that of no protein; with the nearest.
    InputError
        The list cannot be read, or names none.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> cohort = Cohort(pl.DataFrame({"id": ["1"]}), "id",
    ...     ArrayProteins(("ADM", "REN", "IL6"), np.ones((1, 3))),
    ...     pl.DataFrame({"protein": ["ADM", "REN", "IL6"]}))
    >>> choose_proteins(cohort, ProteinChoice(("IL6", "ADM")), scratch=Path()).proteins.names
    ('ADM', 'IL6')
    """
    known = cohort.proteins.names
    named = list(choice.names)
    if choice.listed is not None:
        path = choice.listed.on_disk(scratch)
        named += read_protein_list(path, rows=choice.rows, known=known)
    asked = dict.fromkeys(named)
    unknown = [name for name in asked if name not in set(known)]
    if unknown:
        raise ColumnError(_tell_unknown(unknown, cohort))
    chosen = [name for name in known if name in asked]
    more = f", {len(named) - len(asked):,} of them repeated" if len(named) > len(asked) else ""
    add_note(f"proteins: {len(named):,} named{more}; {len(chosen):,} of {len(known):,} are fitted")
    drop = Drop("load", "proteins that were not asked for", len(known) - len(chosen))
    return replace(
        cohort,
        proteins=cohort.proteins.select_columns(chosen),
        assays=cohort.assays.filter(pl.col(c.PROTEIN).is_in(chosen)),
        drops=(*cohort.drops, drop),
    )


@reads
def read_protein_list(
    path: str | Path, *, rows: Sequence[str] = (), known: Collection[str] = ()
) -> tuple[str, ...]:
    r"""Return the proteins of a list, one a line, or of the column ``protein`` of a table.

    Parameters
    ----------
    rows : which rows of a table count, as in :class:`ProteinChoice`.
    known : names of proteins, by which a list whose first line has a comma is told from a table.

    Raises
    ------
    InputError
        It names no protein.
    FormatError, ColumnError
        It is no text and no table, or the table lacks a column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"protein,adjustment,q_bh\nADM,full,0.01\nREN,full,0.2\n")
    ...     file.flush()
    ...     read_protein_list(file.name, rows=["adjustment=full", "q_bh < 0.05"])
    ('ADM',)
    """
    path = Path(path)
    kind, compressed = inspect_file(path)
    if kind != "parquet" and not _has_header(path, known, compressed=compressed):
        if rows:
            raise FormatError(f"a list, of which no rows are chosen ({rows[0]})", path=path)
        content = read_whole(path, compressed=compressed, megabytes=_MOST_MEGABYTES)
        lines = map(_take_quotes_off, content.decode("utf-8-sig", "replace").splitlines())
        names = tuple(name for name in lines if name)
        return names or _refuse_none(path)
    frame = read_table(path)
    if c.PROTEIN not in frame.columns:
        hint = nearest(c.PROTEIN, frame.columns)
        raise ColumnError(f"{path}: no column {c.PROTEIN!r}{hint}; it names the proteins")
    frame = choose_rows(frame, rows, path=path)
    proteins = frame[c.PROTEIN].cast(pl.String).drop_nulls().to_list()
    return tuple(proteins) or _refuse_none(path)


def _refuse_none(path: Path) -> tuple[str, ...]:
    raise InputError(f"{path}: names no protein")


def _has_header(path: Path, known: Collection[str], *, compressed: bool) -> bool:
    """Whether the first line of a text is a header: it names the column, or several columns."""
    head = read_head(path, compressed=compressed, size=1 << 16)
    lines = head.decode("utf-8-sig", "replace").splitlines()
    first = lines[0] if lines else ""
    cells = [_take_quotes_off(cell) for cell in _DELIMITERS.split(first)]
    return c.PROTEIN in cells or (len(cells) > 1 and _take_quotes_off(first) not in known)


def _take_quotes_off(text: str) -> str:
    bare = text.strip()
    quoted = len(bare) > 1 and bare[0] == bare[-1] == '"'
    return bare[1:-1].strip() if quoted else bare


def _tell_unknown(unknown: Sequence[str], cohort: Cohort) -> str:
    known = cohort.proteins.names
    first = unknown[0]
    genes: list[str] = []
    if c.GENE in cohort.assays.columns:
        genes = cohort.assays.filter(pl.col(c.GENE) == first)[c.PROTEIN].to_list()
    hint = nearest(first, known)
    if genes:
        hint = f": it is the gene of {' and '.join(map(repr, genes[:_SHOWN]))}"
    more = f", nor {len(unknown) - 1:,} others of those named" if len(unknown) > 1 else ""
    return f"no protein {first!r}{hint}{more}; {len(known):,} are there, such as {known[0]!r}"
