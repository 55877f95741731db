"""The verdict on a folder of runs: what may leave under a policy, proved against its sums."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.border import reading
from proteomr.egress.curves import is_curve, take_round_times
from proteomr.egress.policies import Policy, read_policy
from proteomr.egress.protecting import protect
from proteomr.egress.reading import GivenTable, Runs, read_runs
from proteomr.egress.relations import (
    Cells,
    CountTable,
    Number,
    find_relations,
    join_releases,
)
from proteomr.egress.releasing import (
    ColumnVerdict,
    TableVerdict,
    copy_tests,
    count_table,
    judge_table,
)
from proteomr.errors import InputError
from proteomr.tables import load_schema

__all__ = ["ACCOUNT", "Release", "judge_release", "judge_tables"]

ACCOUNT: Final = "release.json"


@dataclass(frozen=True, slots=True)
class Release:
    """What may leave of a folder.

    Attributes
    ----------
    folder : that was judged.
    policy : that holds.
    runs : what lies there.
    tables : what becomes of each table.
    sums : how many sums of counts were found and held against what leaves.
    """

    folder: Path
    policy: Policy
    runs: Runs
    tables: tuple[TableVerdict, ...]
    sums: int

    @property
    def leaving(self) -> tuple[TableVerdict, ...]:
        """The tables of which something leaves."""
        return tuple(table for table in self.tables if table.leaving is not None)

    def verdict(self) -> pl.DataFrame:
        """Return what becomes of every column and file: the table ``egress``."""
        told = [one for table in self.tables for one in table.columns]
        told += [_tell_file(name) for name in self.runs.other]
        if self.runs.foreign:
            reason = f"{self.runs.foreign} further files belong to no finished run"
            told.append(ColumnVerdict("", "", "", "withheld", None, reason))
        rows = [
            (
                *(text or None for text in (one.file, one.column, one.disclosure)),
                *(one.action, one.cells, one.reason),
            )
            for one in told
        ]
        schema = load_schema("egress")
        kinds = {column.name: column.stored for column in schema.columns}
        return schema.validate(pl.DataFrame(rows, schema=kinds, orient="row"))


def judge_release(
    folder: str | Path, *, policy: str | Path = "ukb", earlier: Sequence[str | Path] = ()
) -> Release:
    """Return what may leave of the runs below a folder.

    Every count is rounded down to a multiple of k, and is empty below k. All that depends on how
    many people there are leaves as a function of these, or not at all. So of two counts, of one
    table, of two, or of two releases by the same k, it stays open by how much they differ where
    that is less than k. Sums of more counts are found and solved for (`proteomr.egress.protect`).

    Parameters
    ----------
    folder : of a run, of a study, or with run folders in it.
    policy : its name, or a TOML file.
    earlier : what left before, the first first. Of a clean copy the k is held against the
        policy's; of the runs that it was made from, with their exact counts, sums with counts of
        this release are found and solved for too.

    Raises
    ------
    UsageError, InputError
        There is no such policy or run, or an earlier release has another k.
    """
    rule = read_policy(policy)
    before = []
    for one in map(Path, earlier):
        if (one / ACCOUNT).is_file():
            _refuse_other_base(one, rule)
        else:
            before.append(_read_earlier(one).tables)
    runs = read_runs(folder)
    tables, sums = judge_tables(runs.tables, rule, earlier=before)
    return Release(Path(folder), rule, runs, tables, sums)


def judge_tables(
    tables: Sequence[GivenTable],
    policy: Policy,
    *,
    earlier: Sequence[Sequence[GivenTable]] = (),
) -> tuple[tuple[TableVerdict, ...], int]:
    """Return what leaves of tables that leave together, and how many sums were solved for.

    Parameters
    ----------
    tables : of one release.
    policy : that holds, and held for those before.
    earlier : tables of releases before, the first first. What they let out cannot be taken back, so
        that sums with it are kept open by counts of this one; what they withheld stays withheld.
    """
    shown, hidden = frozenset[Number](), frozenset[Number]()
    known: list[list[CountTable]] = []
    sums = 0
    for release in (*earlier, tables):
        leveled = [_at_round_times(given, policy) for given in release]
        known.append([count_table(given) for given in leveled])
        cells = Cells(policy.k)
        relations = find_relations(join_releases(known), cells)
        found = protect(cells, relations, left=cells.find_all(shown), kept=cells.find_all(hidden))
        large = {one for one, n in enumerate(cells.values) if n >= policy.k} - cells.unseen
        hidden |= {cells.name(one) for one in found & large}
        shown = frozenset(map(cells.name, large)) - hidden
        sums = len(relations)
    asked = [_at_round_times(given, policy) for given in tables]
    copies = copy_tests(asked, policy, withheld=hidden)
    judged = (judge_table(given, policy, withheld=hidden, copies=copies) for given in asked)
    return tuple(judged), sums


def _at_round_times(given: GivenTable, policy: Policy) -> GivenTable:
    return take_round_times(given, k=policy.k) if is_curve(given) else given


def _read_earlier(folder: Path) -> Runs:
    try:
        return read_runs(folder)
    except InputError as fault:
        raise InputError(
            f"{fault}; name what `proteomr egress --out` wrote, or the runs that it was made from"
        ) from None


def _refuse_other_base(folder: Path, policy: Policy) -> None:
    file = folder / ACCOUNT
    with reading(file):
        k = int(json.loads(file.read_text("utf-8"))["policy"]["k"])
    if k != policy.k:
        raise InputError(
            f"{folder}: left with counts rounded to {k}, and policy {policy.name!r} rounds to "
            f"{policy.k}: both together may tell a difference; use a policy of k = {k}"
        )


def _tell_file(name: str) -> ColumnVerdict:
    ending = Path(name).suffix
    reason = {
        ".json": f"a manifest names files, hosts and digests; {ACCOUNT} stands for it",
        ".txt": "a log names files, hosts and users",
    }.get(ending, "figures and pages leave only as drawn anew from the tables that leave")
    if ending in {".parquet", ".csv", ".tsv"}:
        reason = "the same table in another format"
    return ColumnVerdict(name, "", "", "withheld", None, reason)
