"""Scores of people by weights that were learnt from others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.errors import InputError
from proteomr.execute import Executor
from proteomr.io.proteins import open_proteins
from proteomr.io.withdrawals import find_withdrawn
from proteomr.runs import Forecast, Ledger, Outcome, open_scratch
from proteomr.runs.notes import add_note
from proteomr.score.preparing import ColumnRule, read_blocks
from proteomr.score.request import ApplyScoreRequest
from proteomr.score.weights_file import read_ranks, read_weights
from proteomr.stats.normal_score_table import NormalScores
from proteomr.status import Status
from proteomr.tables import Drop, Proteins

__all__ = ["ApplyScoreJob"]

_NAMED = 5
_FAR = 2.5  # standard deviations of most people: 0.7 are usual
_MOST_FAR = 0.5  # of the absolute weights
_ENTERS = pl.col("weight").is_not_null() & (pl.col("weight") != 0.0)


@dataclass(frozen=True, slots=True)
class ApplyScoreJob:
    """Scores by given weights.

    Parameters
    ----------
    request : what is asked.
    """

    main: ClassVar[str] = "scores"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ("scores",)

    request: ApplyScoreRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        return ("absent.parquet",)

    def plan(self, *, threads: int) -> Forecast:
        """Read the weights and the proteins' names."""
        del threads
        with open_scratch() as scratch:
            weights, absent, proteins, ids, _ = _read(self.request, scratch)
            lacking = f"{absent.height} proteins, {absent['share'].sum():.1%} of the weights"
            return Forecast(
                units={
                    "people": ids.len(),
                    "weights": weights.filter(_ENTERS).height - absent.height,
                },
                lines=(("absent", lacking), ("proteins", f"{len(proteins.names)}")),
            )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Score the people, and say which proteins are absent."""
        del executor
        with open_scratch() as scratch:
            weights, absent, proteins, ids, drops = _read(self.request, scratch)
            entering = weights.filter(_ENTERS)
            ranked = bool((entering["transform"] == "rint").any())
            ranks = read_ranks(self.request, scratch) if ranked else {}
            frames = [
                pl.DataFrame({"id": ids, "set": [str(key[0])] * ids.len(), "score": eta})
                for key, own in weights.group_by("set", maintain_order=True)
                for eta in [_score(own, ranks, proteins)]
            ]
        table = pl.concat(frames).sort("set", "id")
        ledger.write_table("scores", table.select("id", "set", "score"))
        ledger.write_table("absent", absent)
        ledger.count_drops(drops)
        return Outcome(units=table.height)


_Read = tuple[pl.DataFrame, pl.DataFrame, Proteins, pl.Series, tuple[Drop, ...]]


def _read(request: ApplyScoreRequest, scratch: Path) -> _Read:
    """Return the weights, those of absent proteins, the proteins, their people, and who left."""
    frame = read_weights(request, scratch)
    if "corrected_for" in frame.columns:
        for name in frame["corrected_for"].drop_nulls().unique(maintain_order=True):
            add_note(
                f"the weights were learnt from values corrected for {name!r}: these count as "
                "corrected for their own (`proteomr qc --correct regression` does so)"
            )
    for key, own in frame.group_by("set", maintain_order=True):
        if not own.filter(_ENTERS).height:
            add_note(f"score {key[0]!r}: no protein has a weight, and everybody the same score")
    files = [source.on_disk(scratch) for source in request.proteins]
    found = [file / "proteins.parquet" if file.is_dir() else file for file in files]
    opened = open_proteins(
        found, scratch=scratch, id_column=request.id_column, exclude=request.sample_columns
    )
    ids, proteins = opened.ids, opened.proteins
    drops: tuple[Drop, ...] = ()
    if request.withdrawn is not None:
        gone = find_withdrawn(
            ids,
            request.withdrawn.on_disk(scratch),
            id_column=request.id_column,
            among="proteins",
        )
        stay = np.flatnonzero(~gone.gone.to_numpy())
        ids, proteins = ids[stay], proteins.select_rows(stay)
        drops = (Drop("load", "withdrawn", gone.removed),)
    absent = _find_absent(frame.filter(_ENTERS), _find_measured(frame, proteins), request)
    return frame, absent, proteins, ids, drops


def _find_measured(weights: pl.DataFrame, proteins: Proteins) -> set[str]:
    """Return the proteins with a weight that anybody has a value of; infinite ones are told."""
    place = {name: j for j, name in enumerate(proteins.names)}
    entering = weights.filter(_ENTERS)["protein"].unique(maintain_order=True)
    names = [name for name in entering.to_list() if name in place]
    measured, endless = set(), 0
    for start, block in read_blocks(proteins, [place[name] for name in names]):
        seen = np.isfinite(block).any(axis=0)
        measured |= {names[start + j] for j in np.flatnonzero(seen).tolist()}
        endless += int(np.isinf(block).sum())
    if endless:
        values = "value is" if endless == 1 else "values are"
        add_note(f"{endless:,} {values} infinite, and counted as missing")
    return measured


def _find_absent(
    weights: pl.DataFrame, measured: set[str], request: ApplyScoreRequest
) -> pl.DataFrame:
    """Return the proteins without a value, with their share of the weights of their set."""
    shares = weights.with_columns(
        (pl.col("weight").abs() / pl.col("weight").abs().sum().over("set")).alias("share")
    )
    absent = shares.filter(~pl.col("protein").is_in(list(measured)))
    table = absent.select("set", "protein", "weight", "share")
    totals = absent.group_by("set", maintain_order=True).agg(
        pl.col("share").sum(), pl.col("protein")
    )
    for name, share, lacking in totals.iter_rows():
        shown = ", ".join(lacking[:_NAMED]) + (", ..." if len(lacking) > _NAMED else "")
        count = f"{len(lacking)} protein{'s' * (len(lacking) != 1)}"
        told = f"{count} with {share:.1%} of the absolute weights ({shown})"
        if share > request.max_absent:
            raise InputError(
                f"score {name!r}: the files lack {told}, more than --max-absent "
                f"{request.max_absent:g}"
            )
        add_note(f"score {name!r}: the files lack {told}; everybody counts as the training median")
    return table


def _score(weights: pl.DataFrame, ranks: dict[str, NormalScores], proteins: Proteins) -> F64:
    """Return the score of everybody by the weights of one set."""
    known = set(proteins.names)
    eta = np.full(proteins.n, float(weights["intercept"][0]))
    weights = weights.filter(_ENTERS)
    here = weights.filter(pl.col("protein").is_in(list(known)))
    rules = [_rule_of(row, ranks) for row in here.iter_rows(named=True)]
    absent = weights.filter(~pl.col("protein").is_in(list(known)))
    for row in absent.iter_rows(named=True):
        eta += row["weight"] * (row["fill"] - row["centre"]) / row["scale"]
    place = {name: j for j, name in enumerate(proteins.names)}
    names = here["protein"].to_list()
    sizes = np.array(here["weight"].to_list(), dtype=np.float64)
    far, empty = np.zeros(sizes.size, dtype=np.bool_), np.ones(proteins.n, dtype=np.bool_)
    for start, block in read_blocks(proteins, [place[name] for name in names]):
        for j in range(block.shape[1]):
            own = rules[start + j].apply(block[:, j])
            empty &= ~np.isfinite(block[:, j])
            far[start + j] = np.median(np.abs(own)) > _FAR
            eta += sizes[start + j] * own
    _refuse_other_scale(names, far, np.abs(sizes))
    if names and empty.any():
        add_note(
            f"score {weights['set'][0]!r}: {int(empty.sum())} people have no value of any of its "
            "proteins, and the score of the training medians"
        )
    return eta


def _refuse_other_scale(names: Sequence[str], far: Bool, sizes: F64) -> None:
    """Refuse values that are nowhere near those that the weights were learnt from."""
    share = float(sizes[far].sum() / max(float(sizes.sum()), 1e-300))
    if share > _MOST_FAR:
        first = names[int(np.flatnonzero(far)[0])]
        raise InputError(
            f"proteins with {share:.0%} of the absolute weights ({int(far.sum())}, such as "
            f"{first!r}) lie beyond {_FAR:g} standard deviations of those the weights were learnt "
            "from for most people: they are on another scale; bring them to the same unit"
        )


def _rule_of(row: dict[str, object], ranks: dict[str, NormalScores]) -> ColumnRule:
    name, transform = str(row["protein"]), str(row["transform"])
    if transform == "rint" and name not in ranks:
        raise InputError(
            f"protein {name!r} is ranked, and its ranks are not there: weights_ranks.parquet of "
            "the same run must stand beside the weights (or --ranks FILE)"
        )
    centre, scale, fill = (float(str(row[key])) for key in ("centre", "scale", "fill"))
    table = ranks[name] if transform == "rint" else None
    return ColumnRule(Status.ok, transform, table, centre, scale, fill)  # type: ignore[arg-type]
