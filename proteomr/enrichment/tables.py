"""From the tests of sets to a table: p values, corrections, order, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.enrichment.request import EnrichOptions
from proteomr.enrichment.sets import CutSets
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.multiple import adjust
from proteomr.status import Status
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = [
    "JOIN",
    "as_members",
    "certified",
    "collect_tests",
    "judge",
    "list_left_out",
    "tabulate",
]

JOIN: Final = ";"
"""Parts the members of a set in a cell."""


def as_members(places: I64, labels: Sequence[str]) -> str:
    """Return genes as one text, in the order of their places.

    Examples
    --------
    >>> as_members(np.array([0, 2]), ["ADM", "REN", "IL6"])
    'ADM;IL6'
    """
    return JOIN.join(labels[place] for place in places)


def tabulate(
    cut: CutSets, kept: I64, *, members: Sequence[I64], labels: Sequence[str]
) -> pl.DataFrame:
    """Return what says which set a row is of, with the members that matter."""
    sets = [cut.source.sets[i] for i in kept]
    texts = {
        "source": [cut.source.name] * len(sets),
        "set": [one.name for one in sets],
        "description": [one.description or None for one in sets],
        "members": [as_members(places, labels) or None for places in members],
    }
    return pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String))


def judge(minus_log: F64, status: Sequence[Status], messages: Sequence[str]) -> list[pl.Series]:
    """Return p values, status and message of rows; one that is not ok has no p value.

    Parameters
    ----------
    minus_log : (s,) -log10 p.
    status : of each.
    messages : of each; empty for none.
    """
    sound = np.array([one is Status.ok for one in status], dtype=np.bool_)
    held = np.where(sound, minus_log, np.nan)
    return [
        pl.Series(c.NEG_LOG10_P, held).fill_nan(None),
        pl.Series(c.P_VALUE, p_from_neg_log10(held)).fill_nan(None),
        pl.Series(c.STATUS, [one.name for one in status], dtype=pl.String),
        pl.Series(c.MESSAGE, [text or None for text in messages], dtype=pl.String),
    ]


def certified(sound: Bool, fault: str) -> tuple[list[Status], list[str]]:
    """Return status and message of rows by whether each has its certificate."""
    status = [Status.ok if one else Status.not_converged for one in sound]
    return status, ["" if one else fault for one in sound]


def collect_tests(parts: Sequence[pl.DataFrame], *, options: EnrichOptions) -> pl.DataFrame:
    """Return all tests with their corrections, the smallest p value of a source first.

    Parameters
    ----------
    parts : rows of the sources, in the order in which these are named.
    options : what a correction spans, and by which a set is significant.
    """
    frame = pl.concat(parts)
    if options.tests == "source":
        groups = frame["source"].rank("dense").to_numpy()
    else:
        groups = np.ones(frame.height)
    minus_log = frame[c.NEG_LOG10_P].cast(pl.Float64).fill_null(np.nan).to_numpy()
    adjusted = {
        c.Q_BH: np.full(frame.height, np.nan),
        c.P_BONFERRONI: np.full(frame.height, np.nan),
    }
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        adjusted[c.Q_BH][rows] = adjust(minus_log[rows], method="bh")
        adjusted[c.P_BONFERRONI][rows] = adjust(minus_log[rows], method="bonferroni")
    chosen = adjusted[c.Q_BH if options.correction == "bh" else c.P_BONFERRONI]
    order = {name: i for i, name in enumerate(frame["source"].unique(maintain_order=True))}
    place = pl.col("source").replace_strict(order, return_dtype=pl.Int64)
    described = frame.with_columns(
        *(pl.Series(name, values).fill_nan(None) for name, values in adjusted.items()),
        pl.Series("significant", chosen < options.alpha),
    ).sort(place, pl.col(c.NEG_LOG10_P).neg(), "set", "direction", nulls_last=True)
    declared = [column.name for column in load_schema("enrichment").columns]
    return described.select(name for name in declared if name in described.columns)


def list_left_out(cuts: Sequence[CutSets], *, options: EnrichOptions) -> pl.DataFrame:
    """Return the sets that were not tested, with their sizes and the reason."""
    rows = [
        (cut.source.name, one.name, one.description or None, len(one.members), places.size, reason)
        for cut in cuts
        for one, places in zip(cut.source.sets, cut.places, strict=True)
        if (reason := _reason(places.size, options))
    ]
    kinds = {
        "source": pl.String,
        "set": pl.String,
        "description": pl.String,
        "n_given": pl.Int64,
        "n_set": pl.Int64,
        c.REASON: pl.String,
    }
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _reason(size: int, options: EnrichOptions) -> str:
    if size == 0:
        return "no member in the background"
    if size < options.min_size:
        return f"fewer than {options.min_size} members in the background"
    return f"more than {options.max_size} members" if size > options.max_size else ""
