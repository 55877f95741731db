"""The tables of all blocks joined, tested together and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import polars as pl

from proteomr.mr.analysis import add_q
from proteomr.mr.blocks import FILTERED, LINKED, JointWork
from proteomr.mr.controls import check_controls
from proteomr.mr.further import SHARED, name_schema
from proteomr.mr.linkage import account_for_linkage
from proteomr.mr.opening import Opened
from proteomr.mr.outputs import ColumnStyle, name_like_twosamplemr
from proteomr.mr.verdict import word_verdicts
from proteomr.runs import Ledger, Outcome, unpack_tables
from proteomr.runs.encoding import write_encoded
from proteomr.status import Status
from proteomr.tables import Drop, load_schema
from proteomr.tables import columns as c

__all__ = ["BLOCK", "collect_blocks", "write_tables"]

BLOCK = "block"
"""Name of the part that a block is stored as."""


def collect_blocks(opened: Opened, ledger: Ledger) -> tuple[dict[str, pl.DataFrame], Outcome]:
    """Return the tables of all blocks joined, q values and controls added, and their account.

    The blocks follow each other in one order whoever worked through them and when.

    Parameters
    ----------
    opened : the analysis.
    ledger : that keeps the blocks.
    """
    parts = [unpack_tables(part[BLOCK]) for part in ledger.parts.load_all(len(opened.blocks))]
    drops, notes = _account(opened, parts)
    filtered = sum(int(part[FILTERED].item()) for part in parts if FILTERED in part)
    steiger = Drop("steiger", "explains more of the outcome than of the exposure", filtered)
    uncorrelated, said = account_for_linkage([part[LINKED] for part in parts if LINKED in part])
    notes = (*notes, *said)
    ledger.count_drops([*drops, steiger, *uncorrelated])
    names = [name for name in parts[0] if name not in {FILTERED, LINKED}]
    tables = {name: _join([part.pop(name) for part in parts]) for name in names}
    joint = isinstance(opened.work, JointWork)
    if not joint:
        tables["estimates"] = add_q(tables["estimates"])
        tables["verdict"] = word_verdicts(tables["verdict"])
    tables |= opened.tables
    if opened.controls is not None:
        tables["controls_checked"] = check_controls(tables["estimates"], opened.controls)
    outcome = Outcome(
        units=opened.pairs,
        failed=_count_failed(tables),
        family_of_tests=""
        if joint
        else "all pairs of each method (q_bh); main estimates (verdict)",
        notes=notes,
    )
    return tables, outcome


def write_tables(
    tables: Mapping[str, pl.DataFrame], ledger: Ledger, *, columns: ColumnStyle, own: bool
) -> None:
    """Write the tables of an analysis.

    Parameters
    ----------
    tables : by name.
    ledger : that they are written into.
    columns : twosamplemr gives the estimates, and only these, the names of that R package.
    own : whether the variants keep the columns of the user's own file.
    """
    for name, table in tables.items():
        if name == "harmonised" and own:
            for format in ledger.formats:
                write = partial(write_encoded, table, format=format, stamp=ledger.stamp(""))
                ledger.write_file(f"{name}.{format}", write)
        elif name in SHARED:
            checked = load_schema(name_schema(name)).validate(table)
            for format in ledger.formats:
                stamp = ledger.stamp(name_schema(name))
                write = partial(write_encoded, checked, format=format, stamp=stamp)
                ledger.write_file(f"{name}.{format}", write)
        elif name == "estimates" and columns == "twosamplemr":
            ledger.write_table(name, table, style=name_like_twosamplemr)
        else:
            ledger.write_table(name, table)


def _account(
    opened: Opened, parts: Sequence[Mapping[str, pl.DataFrame]]
) -> tuple[list[Drop], tuple[str, ...]]:
    """Return what was left out, direction by direction, and notes, each once."""
    drops: list[Drop] = []
    notes: dict[str, None] = dict.fromkeys(opened.notes)
    for direction in dict.fromkeys(block.direction for block in opened.blocks):
        variants = [
            part["harmonised"]
            for part, block in zip(parts, opened.blocks, strict=True)
            if block.direction == direction
        ]
        left_out, messages = opened.work.account(direction, _join(variants))
        drops += left_out
        notes |= dict.fromkeys(messages)
    return drops, tuple(notes)


def _join(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return rows behind each other; a part without rows tells no column."""
    filled = [part for part in parts if part.height] or list(parts[:1])
    return pl.concat(filled, how="diagonal_relaxed")


def _count_failed(tables: Mapping[str, pl.DataFrame]) -> int:
    """Return how many pairs have no estimate by any method asked for.

    Of several exposures at once, which share their outcomes, how many of the exposures.
    """
    unit = (c.EXPOSURE, c.OUTCOME, c.DIRECTION) if "verdict" in tables else (c.EXPOSURE,)
    known = (pl.col(c.STATUS) == Status.ok.name).any()
    each = tables["estimates"].group_by(unit).agg(known.alias("known"))
    return int((~each["known"]).sum())
