"""What a finished scan leaves in its run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from proteomr.association.collect import describe_family_of_tests, summarise
from proteomr.association.specification import ModelSpec
from proteomr.provenance import InputFile, Manifest, RowFilter, utc_now
from proteomr.runs import RunFolder
from proteomr.runs.folder import TableFormat
from proteomr.tables import Associations, JointTests
from proteomr.tables import columns as c

__all__ = ["BROOM", "ColumnStyle", "RunFacts", "write_results"]

ColumnStyle = Literal["native", "broom"]
BROOM: Mapping[str, str] = {
    c.SE: "std.error",
    c.P_VALUE: "p.value",
    c.CONF_LOW: "conf.low",
    c.CONF_HIGH: "conf.high",
}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a manifest says beside the results: how the run was asked for and on what."""

    command: str
    arguments: tuple[str, ...]
    configuration: Mapping[str, object]
    inputs: tuple[InputFile, ...]
    drops: Sequence[Mapping[str, object]]
    people: int
    threads: int
    seed: int | None
    started: str


def write_results(
    folder: RunFolder,
    associations: Associations,
    spec: ModelSpec,
    *,
    facts: RunFacts,
    format: TableFormat = "parquet",
    columns: ColumnStyle = "native",
    exit_status: int = 0,
    effective: pl.DataFrame | None = None,
    joint: JointTests | None = None,
) -> pl.DataFrame:
    """Write table, ``summary.tsv``, ``drops.tsv`` and ``manifest.json``; return the summary.

    The table of associations is always written as parquet, and in the format asked for beside it.
    A count of effective tests, where there is one, is written as ``effective_tests.tsv``, and joint
    tests as ``joint_tests`` in the formats of the associations.
    """
    frame = associations.frame
    if columns == "broom":
        frame = frame.rename(dict(BROOM))
    written = [folder.write_frame("associations", frame)]
    if format != "parquet":
        written.append(folder.write_frame("associations", frame, format=format))
    if joint is not None:
        written.append(folder.write_frame("joint_tests", joint.frame))
        if format != "parquet":
            written.append(folder.write_frame("joint_tests", joint.frame, format=format))
    summary = summarise(associations)
    written.append(folder.write_frame("summary", summary, format="tsv"))
    kinds = {c.STEP: pl.String, c.REASON: pl.String, c.N: pl.Int64}
    drops = pl.DataFrame([drop for drop in facts.drops if drop[c.N]], schema=kinds)
    written.append(folder.write_frame("drops", drops, format="tsv"))
    if effective is not None:
        written.append(folder.write_frame("effective_tests", effective, format="tsv"))
    manifest = Manifest(
        command=facts.command,
        arguments=facts.arguments,
        configuration={**facts.configuration, "specification": spec.to_dict()},
        inputs=facts.inputs,
        outputs=tuple(InputFile.read(path) for path in written),
        filters=_count_rows(frame, people=facts.people),
        family_of_tests=describe_family_of_tests(associations, spec),
        effective_tests=[] if effective is None else effective.to_dicts(),
        seed=facts.seed,
        threads=facts.threads,
        started=facts.started,
        finished=utc_now(),
        exit_status=exit_status,
    )
    folder.write_text("manifest.json", manifest.to_json())
    return summary


def _count_rows(frame: pl.DataFrame, *, people: int) -> tuple[RowFilter, ...]:
    """Return the people at hand and the most that a fit used, by adjustment set and target."""
    keys = [c.ADJUSTMENT, c.EXPOSURE, c.OUTCOME, c.STRATUM]
    most = frame.group_by(keys, maintain_order=True).agg(pl.col(c.N).max())
    return tuple(
        RowFilter(
            " ".join(str(row[key]) for key in keys if row[key] is not None), people, int(row[c.N])
        )
        for row in most.iter_rows(named=True)
    )
