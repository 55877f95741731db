"""From the parts of a scan to what it leaves in its run folder, here or after all shards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.association.attrition import measure_attrition, name_aliased
from proteomr.association.collect import collect, describe_family_of_tests, summarise
from proteomr.association.details import collect_details
from proteomr.association.imputed import pool_parts
from proteomr.association.joint import collect_joint_tests
from proteomr.association.moderation import moderate_parts
from proteomr.association.plan import Plan
from proteomr.association.specification import ModelSpec
from proteomr.errors import RunFolderError
from proteomr.models import find_family
from proteomr.provenance import RowFilter
from proteomr.runs import Account, Ledger, Outcome, Output, Results, finish_shards, read_request
from proteomr.scan import count_people
from proteomr.tables import Associations, Drop
from proteomr.tables import columns as c

__all__ = ["ColumnStyle", "collect_run", "describe_run", "merge_shards", "name_like_broom"]

ColumnStyle: TypeAlias = Literal["native", "broom"]

_BROOM: Final[Mapping[str, str]] = {
    c.SE: "std.error",
    c.P_VALUE: "p.value",
    c.CONF_LOW: "conf.low",
    c.CONF_HIGH: "conf.high",
}


def describe_run(plans: Sequence[Plan]) -> dict[str, object]:
    """Return what the end of a scan needs and only its beginning knows, as JSON values.

    Parameters
    ----------
    plans : one for each imputation of the samples.
    """
    plan = plans[0]
    return {
        "specification": plan.spec.to_dict(),
        "people": plan.cohort.n,
        "blocks": sum(len(one.blocks) for one in plans),
        "imputations": len(plans),
        "parameters": _count_parameters(plan) if len(plans) > 1 else 0,
        "drops": [asdict(drop) for drop in (*plan.cohort.drops, *plan.drops)],
        "attrition": count_people(plan).to_dicts(),
        "withdrawals": plan.cohort.provenance.get("withdrawn", {}),
    }


def collect_run(
    ledger: Ledger, *, columns: ColumnStyle = "native", effective: pl.DataFrame | None = None
) -> Outcome:
    """Join the parts of a run, whichever processes computed them, and write its tables.

    Parameters
    ----------
    ledger : held for the whole run.
    columns : names of the columns of the associations.
    effective : effective numbers of tests with their thresholds, where they were asked for.

    Raises
    ------
    RunFolderError
        Parts are absent or damaged; the message counts them.
    """
    facts = ledger.parts.facts()
    spec = ModelSpec.from_dict(facts["specification"])
    parts = [part["fits"] for part in ledger.parts.load_all(facts["blocks"])]
    m = int(facts["imputations"])
    if m > 1:
        each = len(parts) // m
        imputed = [parts[i * each : (i + 1) * each] for i in range(m)]
        law = find_family(spec.family).distribution
        parts = [pool_parts(imputed, parameters=facts["parameters"], law=law)]
    associations = collect(parts, spec)
    ledger.write_table(
        "associations", associations.frame, style=name_like_broom if columns == "broom" else None
    )
    attrition = measure_attrition(
        pl.DataFrame(facts["attrition"], infer_schema_length=None), associations
    )
    ledger.write_table("attrition", attrition, formats=("tsv",))
    ledger.write_table("summary", summarise(associations), formats=("tsv",))
    parts = moderate_parts(parts, spec)
    joint = collect_joint_tests(parts).frame
    if joint.height or spec.interaction is not None or spec.strata is not None:
        ledger.write_table("joint_tests", joint)
    further = spec.build_family().tables
    for name in further if m == 1 else ():
        ledger.write_table(name, collect_details(parts, name))
    if effective is not None:
        ledger.write_table("effective_tests", effective, formats=("tsv",))
    ledger.count_drops([Drop(**drop) for drop in facts["drops"]])
    frame = associations.frame
    return Outcome(
        units=frame.height,
        failed=frame.filter(pl.col(c.STATUS) != "ok").height,
        filters=_count_rows(associations, people=facts["people"]),
        family_of_tests=describe_family_of_tests(associations, spec),
        effective_tests=() if effective is None else effective.to_dicts(),
        configuration={"specification": spec.to_dict(), "withdrawals": facts["withdrawals"]},
        notes=(*name_aliased(attrition), *_describe_pooling(m, further)),
    )


def merge_shards(
    folder: str | Path,
    *,
    output: Output,
    account: Account,
    columns: ColumnStyle = "native",
    opened: Callable[[Ledger], object] | None = None,
) -> Results:
    """Join the shards of one run into its results.

    Parameters
    ----------
    folder : that the shards wrote to.
    output : in which form; its path is the folder.
    account : how the merge was called.
    columns : names of the columns.
    opened : called with the ledger once it is held.

    Raises
    ------
    RunFolderError
        The folder holds no run, or parts are absent or damaged.
    """
    command = read_request(folder).get("command", "another kind")
    if command != "associate":
        raise RunFolderError(f"{folder}: is a run of {command}, which has no shards to merge")
    return finish_shards(
        output,
        main="associations",
        people=(),
        collect=lambda ledger: collect_run(ledger, columns=columns),
        called=account,
        opened=opened,
    )


def name_like_broom(associations: pl.DataFrame) -> pl.DataFrame:
    """Return associations under the names of columns of the R package broom.

    Examples
    --------
    >>> name_like_broom(pl.DataFrame({"se": [0.1], "p_value": [0.5]}))[0, "std.error"]
    0.1
    """
    return associations.rename({k: v for k, v in _BROOM.items() if k in associations.columns})


def _describe_pooling(m: int, further: Sequence[str]) -> tuple[str, ...]:
    if m == 1:
        return ()
    single = f"; not written, since it is of single fits: {', '.join(further)}" if further else ""
    return (f"fits of {m} imputations pooled by Rubin's rules{single}",)


def _count_parameters(plan: Plan) -> int:
    """Return the coefficients of the largest model: covariates, protein and products."""
    group = next(group for group in plan.groups if group.rows.size)
    problem = plan.problem(group)
    return max(adjustment.columns.size for adjustment in problem.adjustments) + problem.terms


def _count_rows(associations: Associations, *, people: int) -> tuple[RowFilter, ...]:
    """Return the people at hand and the most that a fit used, by adjustment set and target."""
    keys = [c.ADJUSTMENT, c.EXPOSURE, c.OUTCOME, c.STRATUM]
    most = associations.frame.group_by(keys, maintain_order=True).agg(pl.col(c.N).max())
    return tuple(
        RowFilter(
            " ".join(str(row[key]) for key in keys if row[key] is not None), people, int(row[c.N])
        )
        for row in most.iter_rows(named=True)
    )
