"""From the parts of a replication to what it leaves in its run folder, here or after all shards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from proteomr.association import ModelSpec
from proteomr.association.imputed import count_parameters, pool_scan
from proteomr.association.moderation import moderate_parts
from proteomr.replicate.agreement import summarise_splits
from proteomr.replicate.discovery import compare_cohorts
from proteomr.replicate.halves import collect_halves, describe_halves
from proteomr.replicate.laying_out import LaidOut
from proteomr.replicate.leaving_out import compare_left_out, find_influence, test_heterogeneity
from proteomr.replicate.request import ReplicateRequest
from proteomr.replicate.schemes import Against, LeaveOut
from proteomr.runs import Account, Ledger, Outcome, Output, Results, finish_shards
from proteomr.tables import Drop

__all__ = ["collect_run", "describe_run", "merge_shards"]


def describe_run(request: ReplicateRequest, laid: LaidOut) -> dict[str, object]:
    """Return what the end of a run needs and only its beginning knows, as JSON values."""
    scheme, several = request.scheme, laid.imputations > 1
    halves = None if laid.division is None else describe_halves(laid.plan, laid.division)
    discovery = None
    if laid.discovery is not None and isinstance(scheme, Against):
        columns = laid.discovery.to_dict(as_series=False)
        discovery = {"name": scheme.associations.name, "columns": columns}
    return {
        "specification": laid.plan.spec.to_dict(),
        "blocks": len(laid.plan.blocks),
        "imputations": laid.imputations,
        "parameters": count_parameters(laid.plan) if several else [],
        "halves": halves,
        "discovery": discovery,
        "left_out": isinstance(scheme, LeaveOut),
        "keep_fits": request.keep_fits,
        "drops": [
            asdict(drop) for drop in (*laid.plan.cohort.drops, *laid.plan.drops, *laid.drops)
        ],
    }


def collect_run(ledger: Ledger) -> Outcome:
    """Join the parts of a run, whichever processes computed them, and write its tables.

    Parameters
    ----------
    ledger : held for the whole run.

    Raises
    ------
    RunFolderError
        Parts are absent or damaged; the message counts them.
    """
    facts = ledger.parts.facts()
    spec = ModelSpec.from_dict(facts["specification"])
    ledger.count_drops([Drop(**drop) for drop in facts["drops"]])
    if facts["halves"] is not None:
        return _compare_halves(ledger, spec, facts)
    return _compare_cohorts(ledger, spec, facts)


def merge_shards(
    output: Output,
    *,
    account: Account,
    opened: Callable[[Ledger], object] | None = None,
) -> Results:
    """Join the shards of one replication into its results.

    Parameters
    ----------
    output : the folder that the shards wrote to, and the formats of the results.
    account : how the merge was called.
    opened : called with the ledger once it is held.

    Raises
    ------
    RunFolderError
        The folder holds no replication, or parts are absent or damaged.
    """
    return finish_shards(
        output,
        of=(ReplicateRequest.command,),
        main="replication",
        people=(),
        collect=collect_run,
        called=account,
        opened=opened,
    )


def _compare_halves(ledger: Ledger, spec: ModelSpec, facts: Mapping[str, Any]) -> Outcome:
    """Measure the agreement of halves, and write it."""
    left_out, keep_fits = facts["left_out"], facts["keep_fits"]
    load = _loader(ledger, spec, facts)
    found = collect_halves(facts["halves"], spec, load, keep_fits=keep_fits or left_out)
    ledger.write_table("replication", found.replication)
    ledger.write_table("summary", summarise_splits(found.replication), formats=("tsv",))
    if left_out and found.fits is not None:
        without = compare_left_out(found.fits)
        ledger.write_table("leave_out", without)
        ledger.write_table("influence", find_influence(found.fits, without))
        parts = moderate_parts(load(range(facts["blocks"])), spec)
        ledger.write_table("joint_tests", test_heterogeneity(parts))
    if keep_fits and found.fits is not None:
        ledger.write_table("replication_fits", found.fits)
    joint = spec.test_family == "joint"
    return Outcome(
        units=found.units,
        failed=found.failed,
        family_of_tests="Bonferroni over the tests of each half, "
        + ("all targets jointly" if joint else "each target"),
        configuration={"specification": spec.to_dict()},
        notes=_tell_pooling(facts),
    )


def _compare_cohorts(ledger: Ledger, spec: ModelSpec, facts: Mapping[str, Any]) -> Outcome:
    """Hold everybody here against another cohort, and write it."""
    name, columns = facts["discovery"]["name"], facts["discovery"]["columns"]
    discovery = pl.DataFrame(columns, schema_overrides=_kinds(columns))
    parts = _loader(ledger, spec, facts)(range(facts["blocks"]))
    compared = compare_cohorts(spec, parts, discovery, name=name)
    ledger.write_table("replication", compared.replication)
    ledger.write_table("against", compared.against)
    ledger.write_table("associations", compared.associations)
    return Outcome(
        units=compared.units,
        failed=compared.failed,
        family_of_tests=compared.family_of_tests,
        configuration={"specification": spec.to_dict()},
        notes=(*_tell_pooling(facts), *compared.notes),
    )


def _kinds(columns: Mapping[str, Sequence[object]]) -> dict[str, type[pl.DataType]]:
    """Return the types of a table of another cohort, which JSON has not kept of empty columns."""
    numbers = {"estimate": pl.Float64, "se": pl.Float64, "n": pl.Int64}
    return {name: numbers.get(name, pl.String) for name in columns}


def _loader(
    ledger: Ledger, spec: ModelSpec, facts: Mapping[str, Any]
) -> Callable[[Sequence[int]], list[pl.DataFrame]]:
    """Return what loads parts of blocks by their index, pooled over the imputations."""
    m, each = int(facts["imputations"]), int(facts["blocks"])

    def load(blocks: Sequence[int]) -> list[pl.DataFrame]:
        imputed = [
            [part["fits"] for part in ledger.parts.load_some([i * each + b for b in blocks])]
            for i in range(m)
        ]
        return pool_scan(imputed, spec, parameters=facts["parameters"])

    return load


def _tell_pooling(facts: Mapping[str, Any]) -> tuple[str, ...]:
    m = facts["imputations"]
    return (f"fits of {m} imputations pooled by Rubin's rules in each half",) if m > 1 else ()
