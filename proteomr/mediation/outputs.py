"""From the parts of a mediation analysis to what it leaves in its run folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from proteomr.errors import InputError
from proteomr.mediation.collect import Collected, collect_tables
from proteomr.mediation.plan import Plan
from proteomr.mediation.rows import list_quantities, main_quantity
from proteomr.mediation.specification import MediationSpec
from proteomr.provenance import RowFilter
from proteomr.runs import Account, Ledger, Outcome, Output, Results, finish_shards
from proteomr.scan import count_people
from proteomr.tables import Drop
from proteomr.tables import columns as c

__all__ = ["collect_run", "count_pairs", "describe_run", "merge_shards"]

_SET = (c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT)


def describe_run(plans: Sequence[Plan]) -> dict[str, object]:
    """Return what the end of a run needs and only its beginning knows, as JSON values.

    Parameters
    ----------
    plans : one for each imputation of the samples.

    Raises
    ------
    InputError
        An imputation has other proteins than the first.
    """
    plan = plans[0]
    if any(other.cohort.proteins.names != plan.cohort.proteins.names for other in plans):
        raise InputError("imputations of the samples have other proteins than the first")
    return {
        "imputations": len(plans),
        "specification": plan.spec.to_dict(),
        "pairs": [[pair.exposure, pair.outcome] for pair in plan.pairs],
        "people": plan.cohort.n,
        "blocks": len(plan.blocks),
        "drops": [asdict(drop) for drop in (*plan.cohort.drops, *plan.drops)],
        "attrition": count_pairs(plan).to_dicts(),
        "withdrawals": plan.cohort.provenance.get("withdrawn", {}),
    }


def count_pairs(plan: Plan) -> pl.DataFrame:
    """Return a row for each pair and adjustment set: people asked, lost and complete."""
    counted = count_people(plan)
    named = {f"{pair.exposure} to {pair.outcome}": pair for pair in plan.pairs}
    pairs = [named[str(name)] for name in counted[c.OUTCOME].to_list()]
    return counted.with_columns(
        pl.Series(c.EXPOSURE, [pair.exposure for pair in pairs], dtype=pl.String),
        pl.Series(c.OUTCOME, [pair.outcome for pair in pairs], dtype=pl.String),
    )


def collect_run(ledger: Ledger) -> Outcome:
    """Join the parts of a run, whichever processes computed them, and write its tables.

    Raises
    ------
    RunFolderError
        Parts are absent or damaged; the message counts them.
    """
    facts = ledger.parts.facts()
    spec = MediationSpec.from_dict(facts["specification"])
    each, m = int(facts["blocks"]), int(facts["imputations"])
    parts = [part["fits"] for part in ledger.parts.load_all(m * each)]
    tables = collect_tables(
        [parts[i * each : (i + 1) * each] for i in range(m)],
        spec,
        pairs=[(exposure, outcome) for exposure, outcome in facts["pairs"]],
        quantities=list_quantities(spec),
    )
    main = tables.mediation.filter(pl.col(c.QUANTITY) == main_quantity(spec.method))
    ledger.write_table("mediation", tables.mediation)
    ledger.write_table("paths", tables.paths)
    ledger.write_table("composite_null", tables.composite_null)
    ledger.write_table("attrition", _measure_attrition(facts, main), formats=("tsv",))
    ledger.count_drops([Drop(**drop) for drop in facts["drops"]])
    return Outcome(
        units=main.height,
        failed=main.filter(pl.col(c.ESTIMATE).is_null()).height,
        filters=_count_rows(main, people=facts["people"]),
        family_of_tests=_describe_tests(tables),
        configuration={"specification": spec.to_dict(), "withdrawals": facts["withdrawals"]},
        notes=tables.notes,
    )


def merge_shards(
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
        The folder holds no run of mediate, or parts are absent or damaged.
    """
    return finish_shards(
        output,
        of=("mediate",),
        main="mediation",
        people=(),
        collect=collect_run,
        called=account,
        opened=opened,
    )


def _measure_attrition(facts: Mapping[str, Any], main: pl.DataFrame) -> pl.DataFrame:
    """Return counts of people with those in the fits."""
    counted = pl.DataFrame(facts["attrition"], infer_schema_length=None).with_columns(
        pl.col(*_SET, "stratum", c.CONTRAST).cast(pl.String),
        pl.col(c.N_CASE).cast(pl.Int64),
        pl.col("n_effective").cast(pl.Float64),
    )
    there = pl.col(c.N).filter(pl.col(c.ESTIMATE).is_not_null())
    fitted = main.group_by(_SET, maintain_order=True).agg(
        there.min().alias("fit_least"), there.max().alias("fit_most")
    )
    joined = counted.join(fitted, on=[*_SET], how="left", maintain_order="left")
    return joined.with_columns(pl.lit(None, dtype=pl.String).alias("aliased"))


def _count_rows(main: pl.DataFrame, *, people: int) -> tuple[RowFilter, ...]:
    most = main.group_by(_SET, maintain_order=True).agg(pl.col(c.N).max())
    return tuple(
        RowFilter(" ".join(str(row[key]) for key in _SET), people, int(row[c.N]))
        for row in most.iter_rows(named=True)
    )


def _describe_tests(tables: Collected) -> str:
    kinds: Sequence[str] = tables.composite_null[c.TEST].unique().sort().to_list()
    return (
        "all proteins within each exposure, outcome and adjustment set, the false discovery rate "
        f"of a composite null by {' and '.join(kinds) or 'no test'}"
    )
