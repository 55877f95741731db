"""Which counts add up to which: all that an attacker may subtract, found in the exact numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from operator import attrgetter
from typing import Final, TypeAlias

import polars as pl

__all__ = [
    "Cell",
    "Cells",
    "CountTable",
    "Number",
    "Relation",
    "find_relations",
    "join_releases",
    "list_measured",
]

# A column of more names than this is no factor whose levels a reader adds up (proteins, variants).
_MOST_LEVELS: Final = 50
# Sums that agree with a count of another table by chance tie counts together that have nothing to
# do with each other, until none may leave; so many of one sum are kept, of the largest counts.
_MOST_MATCHES: Final = 3
_ATTRITION: Final = (
    *("withdrawn", "not_chosen", "without_proteins", "target_missing", "covariate_missing"),
    *("weight_or_cluster_missing", "panel_covariate_missing", "complete"),
)


_MEASURED: Final = "protein"
"""The key of rows about the people in whom one thing was measured; nobody adds up over it."""

Cell: TypeAlias = tuple[str, int]
"""A column and a row."""

Number: TypeAlias = tuple[str | None, int]
"""A count with the protein whose people are counted; None where no protein is named."""


def list_measured(keys: Mapping[str, Sequence[str | None]], height: int) -> list[str | None]:
    """Return the protein whose people each row counts, None where rows name none."""
    return list(keys.get(_MEASURED, [None] * height))


@dataclass(frozen=True, slots=True)
class CountTable:
    """The counts of one table, with what its rows are named by.

    Attributes
    ----------
    name : of its schema.
    counts : columns of counts of people, None where empty.
    keys : columns of text that name the rows.
    rows : what tells each row from those of other tables, where it stands in several.
    apart : what further tells rows apart, and nobody adds up over: times, thresholds.
    sums : that hold in it, beside those that are looked for: total and parts. Where they are known,
        its counts are not taken for those of the same number elsewhere: of events up to many
        times, each number stands somewhere.
    unseen : columns of counts that do not leave, and are protected from what leaves.
    """

    name: str
    counts: Mapping[str, Sequence[int | None]]
    keys: Mapping[str, Sequence[str | None]]
    rows: Sequence[tuple[int, ...]] = ()
    apart: Mapping[str, Sequence[object]] = field(default_factory=dict[str, Sequence[object]])
    sums: Sequence[tuple[Cell, tuple[Cell, ...]]] = ()
    unseen: Sequence[str] = ()

    @property
    def seen(self) -> list[str]:
        """Columns of counts that leave, in alphabetical order."""
        return sorted(name for name in self.counts if name not in self.unseen)

    @property
    def measured(self) -> list[str | None]:
        """The protein whose people each row counts, None where rows name none."""
        return list_measured(self.keys, self.height)

    @property
    def height(self) -> int:
        """Number of rows."""
        return max((len(column) for column in self.counts.values()), default=0)


_PARTS: Final = (attrgetter("counts"), attrgetter("keys"), attrgetter("apart"))


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """One unknown that is the sum of others; unknowns by their numbers in `Cells`."""

    total: int
    parts: tuple[int, ...]


@dataclass(slots=True)
class Cells:
    """The unknowns of an attacker.

    Counts of the same number, from k on, are one unknown: an attacker who knew which of them are
    the same would find no more than one who is told. Those of two proteins are apart: who lacks
    which protein is known of none, and that two are missing in as many people leaves nowhere. Each
    below k is an unknown by itself.

    Attributes
    ----------
    k : counts below it are protected.
    values : the number behind each unknown.
    measured : the protein whose people it counts, None for counts that are of no protein.
    unseen : those of which nothing leaves, not even that they are small.
    """

    k: int
    values: list[int] = field(default_factory=list[int])
    measured: list[str | None] = field(default_factory=list[str | None])
    unseen: set[int] = field(default_factory=set[int])
    _known: dict[object, int] = field(default_factory=dict[object, int])

    def take(
        self,
        value: int,
        *,
        place: object,
        seen: bool = True,
        shared: bool = True,
        measured: str | None = None,
    ) -> int:
        """Return the unknown of a count, which those of the same number share from k on."""
        shares = seen and shared and value >= self.k
        key: object = ("value", measured, value) if shares else ("place", place)
        if key not in self._known:
            self._known[key] = len(self.values)
            self.values.append(value)
            self.measured.append(measured)
        if not seen:
            self.unseen.add(self._known[key])
        return self._known[key]

    def find(self, value: int, measured: str | None = None) -> int | None:
        """Return the unknown of a number from k on: of the protein, else of no protein."""
        own = self._known.get(("value", measured, value))
        return self._known.get(("value", None, value)) if own is None else own

    def find_all(self, numbers: Iterable[Number]) -> frozenset[int]:
        """Return the unknowns of numbers from k on, of those that some count has."""
        found = (self._known.get(("value", *number)) for number in numbers)
        return frozenset(one for one in found if one is not None)

    def name(self, unknown: int) -> Number:
        """Return the number behind an unknown, with the protein whose people it counts."""
        return self.measured[unknown], self.values[unknown]


def join_releases(releases: Sequence[Sequence[CountTable]]) -> list[CountTable]:
    """Return the tables of releases, and those of one schema read together as one.

    Whoever holds two releases adds levels of one to those of the other. Where both have a row of
    the same name, the number before and the number after are each read with the rest.

    Parameters
    ----------
    releases : the tables of each, the first first.
    """
    marked = [
        [
            replace(table, rows=[(place, number, row) for row in range(table.height)])
            for number, table in enumerate(tables)
        ]
        for place, tables in enumerate(releases)
    ]
    joined = [table for tables in marked for table in tables]
    if len(releases) > 1:
        for name in sorted({table.name for table in joined if table.name and table.counts}):
            together = [table for table in joined if table.name == name]
            if len({table.rows[0][0] for table in together if table.height}) > 1:
                joined += [_stack(together), _stack(together[::-1])]
    return joined


def _stack(tables: Sequence[CountTable]) -> CountTable:
    """Return tables of one schema under each other; of rows of one name the first."""
    counted, named, apart = (
        sorted({name for table in tables for name in part(table)}) for part in _PARTS
    )
    taken: dict[tuple[object, ...], tuple[CountTable, int]] = {}
    for table in tables:
        for row in range(table.height):
            key = tuple(table.keys[n][row] if n in table.keys else None for n in named)
            at = tuple(table.apart[n][row] if n in table.apart else None for n in apart)
            taken.setdefault((*key, *at), (table, row))
    rows = list(taken.values())
    return CountTable(
        tables[0].name,
        {n: [t.counts[n][row] if n in t.counts else None for t, row in rows] for n in counted},
        {n: [t.keys[n][row] if n in t.keys else None for t, row in rows] for n in named},
        rows=[t.rows[row] for t, row in rows],
        apart={n: [t.apart[n][row] if n in t.apart else None for t, row in rows] for n in apart},
        unseen=tables[0].unseen,
    )


def find_relations(tables: Sequence[CountTable], cells: Cells) -> list[Relation]:
    """Return the sums that hold among the counts of a release, each once.

    Looked for are: a column that is the sum of others in every row; a row that is the sum of the
    others of its group (levels, strata), or whose group adds up to a count of any table; rows that
    go on where the row before ended (flows, numbers at risk); drops between two counts.

    Parameters
    ----------
    tables : of the release, with exact counts.
    cells : takes their unknowns.
    """
    grids = [_take_all(number, table, cells) for number, table in enumerate(tables)]
    found: set[Relation] = set()
    for table, grid in zip(tables, grids, strict=True):
        if not table.counts:
            continue
        found.update(_across_columns(table, grid))
        found.update(_over_rows(table, grid, cells))
        found.update(_from_row_to_row(table, grid))
        for (name, row), parts in table.sums:
            found.update(_relate(grid[name][row], (grid[n][r] for n, r in parts)))
        if table.name == "drops":
            found.update(_between(table, grid, cells))
    return [_tell_apart(relation, cells) for relation in sorted(found)]


def _tell_apart(relation: Relation, cells: Cells) -> Relation:
    """Return a sum in which no number stands twice: equal parts are not known to be equal.

    Else its total would be known to be even, and with it what hangs on it.
    """
    parts: list[int] = []
    for part in relation.parts:
        twice = part in parts
        place = (relation, len(parts))
        measured, value = cells.name(part)
        again = cells.take(value, place=place, shared=False, measured=measured) if twice else part
        parts.append(again)
    return Relation(relation.total, tuple(parts))


Grid = Mapping[str, Sequence[int | None]]


def _take_all(number: int, table: CountTable, cells: Cells) -> dict[str, list[int | None]]:
    """Return the unknowns of a table; none in a column of zeros alone.

    Whoever knows what was asked (no list of people, no weights) knows these. As parts of a sum they
    add nothing to it, and would make a relation of every two counts that are the same.
    """
    measured = table.measured
    return {
        name: [
            None
            if value is None or not any(column)
            else cells.take(
                value,
                place=(table.rows[row] if table.rows else (number, row), name),
                seen=name not in table.unseen,
                shared=not table.sums,
                measured=measured[row],
            )
            for row, value in enumerate(column)
        ]
        for name, column in table.counts.items()
    }


def _relate(total: int | None, parts: Iterable[int | None]) -> Iterator[Relation]:
    known = sorted(part for part in parts if part is not None)
    if total is not None and known and known != [total]:
        yield Relation(total, tuple(known))


def _across_columns(table: CountTable, grid: Grid) -> Iterator[Relation]:
    names = table.seen
    wanted: list[tuple[str, tuple[str, ...]]] = [
        (total, pair)
        for total in names
        for pair in combinations([name for name in names if name != total], 2)
    ]
    if table.name == "attrition" and "people" in table.counts:
        present = tuple(name for name in _ATTRITION if name in table.counts)
        wanted.append(("people", present))
    for total, parts in wanted:
        rows = [
            row
            for row in range(table.height)
            if all(table.counts[name][row] is not None for name in (total, *parts))
        ]
        if rows and all(_adds_up(table, total, parts, row) for row in rows):
            for row in rows:
                yield from _relate(grid[total][row], (grid[name][row] for name in parts))


def _adds_up(table: CountTable, total: str, parts: Sequence[str], row: int) -> bool:
    return table.counts[total][row] == sum(table.counts[name][row] or 0 for name in parts)


def _over_rows(table: CountTable, grid: Grid, cells: Cells) -> Iterator[Relation]:
    measured = table.measured
    for key, column in table.keys.items():
        if key == _MEASURED or not 2 <= len(set(column)) <= _MOST_LEVELS:
            continue
        for rows in _groups(table, but=key):
            for name in table.seen:
                counts = table.counts[name]
                held = [row for row in rows if counts[row] is not None]
                yield from _of_group(held, counts, grid[name], cells, measured[rows[0]])


def _groups(table: CountTable, *, but: str) -> Iterator[list[int]]:
    """Yield rows that differ in one key alone; with none named, in what nobody adds up over."""
    by = {name: column for name, column in table.keys.items() if name != but}
    by |= {name: list(map(str, column)) for name, column in table.apart.items() if but}
    frame = pl.DataFrame({"": range(table.height), **{f"_{n}": list(c) for n, c in by.items()}})
    if not by:
        yield list(range(table.height))
        return
    for rows in frame.group_by([f"_{name}" for name in by], maintain_order=True).agg("")[""]:
        yield rows.to_list()


def _of_group(
    rows: Sequence[int],
    counts: Sequence[int | None],
    grid: Sequence[int | None],
    cells: Cells,
    measured: str | None,
) -> Iterator[Relation]:
    if len(rows) < 2:
        return
    numbers = [counts[row] or 0 for row in rows]
    whole = sum(numbers)
    largest = max(range(len(rows)), key=numbers.__getitem__)
    if len(rows) > 2 and 2 * numbers[largest] == whole:
        yield from _relate(
            grid[rows[largest]], (grid[row] for i, row in enumerate(rows) if i != largest)
        )
    elif (elsewhere := cells.find(whole, measured)) is not None:
        yield from _relate(elsewhere, (grid[row] for row in rows))


def _from_row_to_row(table: CountTable, grid: Grid) -> Iterator[Relation]:
    names = table.seen
    groups = [list(range(table.height)), *(rows for rows in _groups(table, but="") if table.keys)]
    for rows in groups:
        steps = list(pairwise(rows))
        for total in names:
            others = [name for name in names if name != total]
            chosen = [*combinations(others, 1), *combinations(others, 2)]
            for lost in chosen:
                for at in (0, 1):
                    yield from _chain(table, grid, steps, total, lost, at)


def _chain(
    table: CountTable,
    grid: Grid,
    steps: Sequence[tuple[int, int]],
    total: str,
    lost: Sequence[str],
    at: int,
) -> Iterator[Relation]:
    """Give what a count loses from row to row, where every row agrees."""
    counts = table.counts
    for step in steps:
        before, after = counts[total][step[0]], counts[total][step[1]]
        gone = [counts[name][step[at]] for name in lost]
        if before is None or after is None or None in gone:
            return
        if before - after != sum(one or 0 for one in gone):
            return
    for step in steps:
        parts = [grid[total][step[1]], *(grid[name][step[at]] for name in lost)]
        yield from _relate(grid[total][step[0]], parts)


def _between(table: CountTable, grid: Grid, cells: Cells) -> Iterator[Relation]:
    """Give what rows of drops take from a count to another, of whatever table."""
    for name, counts in table.counts.items():
        lost = sum(count or 0 for count in counts)
        matched = 0
        of_all = ((v, u) for u, v in enumerate(cells.values) if cells.measured[u] is None)
        for value, number in sorted(of_all, reverse=True):
            left = cells.find(value - lost)
            if left is not None and lost > 0 and matched < _MOST_MATCHES:
                matched += 1
                yield from _relate(number, [left, *grid[name]])
