"""From the parts of curves to what they leave in their run folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np
import polars as pl

from proteomr.runs import Account, Ledger, Outcome, Output, Results, finish_shards
from proteomr.stats.multiple import adjust
from proteomr.status import Status
from proteomr.survival.curve_errors import Errors
from proteomr.survival.curve_request import CurvesRequest
from proteomr.tables import Drop, load_schema
from proteomr.tables import columns as c

__all__ = ["collect_curves", "describe_curves", "merge_curves"]


def describe_curves(
    request: CurvesRequest,
    blocks: int,
    errors: Errors,
    drops: Sequence[Drop],
    *,
    imputations: int = 1,
) -> dict[str, object]:
    """Return what the end of a run needs and only its beginning knows, as JSON values."""
    return {
        "blocks": blocks,
        "tables": list(request.tables),
        "tests": request.curves.tests,
        "notes": list(_note(errors, competing=request.competing, imputations=imputations)),
        "drops": [asdict(drop) for drop in drops],
    }


def collect_curves(ledger: Ledger) -> Outcome:
    """Join the parts, table by table, with what is learned from all tests together.

    Raises
    ------
    RunFolderError
        Parts are absent or damaged; the message counts them.
    """
    facts = ledger.parts.facts()
    outcome = Outcome()
    parts = ledger.parts.load_all(facts["blocks"])
    for name in facts["tables"]:
        frame = pl.concat([part.pop(name) for part in parts], how="diagonal_relaxed")
        if name == "logrank":
            frame = _correct(frame, tests=facts["tests"])
            failed = int((frame[c.STATUS] != Status.ok.name).sum())
            outcome = Outcome(frame.height, failed, notes=tuple(facts["notes"]))
        ledger.write_table(name, load_schema(name).validate(frame))
    ledger.count_drops([Drop(**drop) for drop in facts["drops"]])
    return outcome


def merge_curves(
    output: Output,
    *,
    account: Account,
    opened: Callable[[Ledger], object] | None = None,
) -> Results:
    """Join the shards of one run into its results.

    Parameters
    ----------
    output : the folder that the shards wrote to, and the formats of the results.
    account : how the merge was called.
    opened : called with the ledger once it is held.

    Raises
    ------
    RunFolderError
        The folder holds no run of curves, or parts are absent or damaged.
    """
    return finish_shards(
        output,
        of=(CurvesRequest.command,),
        main="curves",
        people=(),
        collect=collect_curves,
        called=account,
        opened=opened,
    )


def _note(errors: Errors, *, competing: bool, imputations: int) -> tuple[str, ...]:
    notes = []
    if imputations > 1:
        notes.append(
            f"samples hold {imputations} imputations: each has groups and curves of its own, which "
            "are pooled on the scale of log(-log), means and rates by Rubin's rules, tests by D2; "
            "numbers of people and events are those of the imputation with the fewest"
        )
    if errors.tests and not errors.curves:
        notes.append(
            "weights are whole numbers, which curves take for so many people, as survfit: "
            "--se robust where they are not"
        )
    if errors.tests and competing:
        notes.append("Gray's test has no robust form: none with weights or clusters")
    return tuple(notes)


def _correct(frame: pl.DataFrame, *, tests: str) -> pl.DataFrame:
    """Return log-rank tests with the corrections over all of them, or those of each outcome.

    Those of each lag are by themselves, as the models' are.
    """
    p = frame[c.NEG_LOG10_P].cast(pl.Float64).to_numpy()
    keys = [name for name in (c.LAG,) if name in frame.columns]
    keys += [c.OUTCOME] if tests == "exposure" else []
    families = [np.arange(p.size)]
    if keys:
        placed = frame.select(keys).with_row_index("_place")
        families = [
            part["_place"].to_numpy() for part in placed.partition_by(keys, maintain_order=True)
        ]
    corrected = {c.P_BONFERRONI: np.full(p.size, np.nan), c.Q_BH: np.full(p.size, np.nan)}
    for family in families:
        corrected[c.P_BONFERRONI][family] = adjust(p[family], method="bonferroni")
        corrected[c.Q_BH][family] = adjust(p[family], method="bh")
    columns = [pl.Series(name, values).fill_nan(None) for name, values in corrected.items()]
    return frame.with_columns(columns)
