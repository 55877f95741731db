"""From the parts of a scan to what it leaves in its run folder, here or after all shards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

import polars as pl

from proteomr.association.attrition import measure_attrition, name_aliased
from proteomr.association.collect import collect, describe_family_of_tests, summarise
from proteomr.association.details import collect_details
from proteomr.association.imputed import count_parameters, pool_scan
from proteomr.association.imputed_details import POOLED_TABLES
from proteomr.association.joint import collect_joint_tests
from proteomr.association.moderation import moderate_parts
from proteomr.association.plan import Plan
from proteomr.association.specification import ModelSpec
from proteomr.errors import InputError
from proteomr.provenance import RowFilter
from proteomr.runs import Account, Ledger, Outcome, Output, Results, finish_shards
from proteomr.scan import count_people
from proteomr.tables import Associations, Drop
from proteomr.tables import columns as c

__all__ = ["ColumnStyle", "collect_run", "describe_run", "merge_shards", "name_like_broom"]

ColumnStyle: TypeAlias = Literal["native", "broom"]

_TEXTS: Final = ("attrition", "summary")
"""Tables that are written as text."""
_SHARDED: Final = ("associate", "survive")
"""Commands whose runs may be of shards."""
_BROOM: Final[Mapping[str, str]] = {
    c.SE: "std.error",
    c.P_VALUE: "p.value",
    c.CONF_LOW: "conf.low",
    c.CONF_HIGH: "conf.high",
}


def describe_run(plans: Sequence[Plan], *, scans: int = 1) -> dict[str, object]:
    """Return what the end of a scan needs and only its beginning knows, as JSON values.

    Parameters
    ----------
    plans : one for each imputation of the samples, of one scan after the other.
    scans : how many scans they are of.
    """
    m = len(plans) // scans
    each = [plans[s * m : (s + 1) * m] for s in range(scans)]
    cohort = plans[0].cohort
    if any(len({len(plan.blocks) for plan in of_scan}) > 1 for of_scan in each):
        raise InputError("imputations of the samples have other proteins than the first")
    return {
        "people": cohort.n,
        "imputations": m,
        "scans": [
            {
                "specification": of_scan[0].spec.to_dict(),
                "blocks": sum(len(plan.blocks) for plan in of_scan),
                "parameters": count_parameters(of_scan[0]) if m > 1 else [],
                "attrition": count_people(of_scan[0]).to_dicts(),
            }
            for of_scan in each
        ],
        "drops": [asdict(drop) for drop in _list_drops([of_scan[0] for of_scan in each])],
        "withdrawals": cohort.provenance.get("withdrawn", {}),
    }


def _list_drops(plans: Sequence[Plan]) -> list[Drop]:
    """Return who is left out of a cohort, and of its scans, each reason once."""
    drops = [drop for plan in plans for drop in plan.drops]
    return list(dict.fromkeys((*plans[0].cohort.drops, *drops)))


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
    scans, m = facts["scans"], int(facts["imputations"])
    parts = [part["fits"] for part in ledger.parts.load_all(sum(scan["blocks"] for scan in scans))]
    collected, first = [], 0
    for scan in scans:
        own = parts[first : first + scan["blocks"]]
        collected.append(_collect_scan(own, scan, m=m))
        first += scan["blocks"]
    tables = {name: _stack(collected, name) for name in _names(collected)}
    style = name_like_broom if columns == "broom" else None
    for name, frame in tables.items():
        if name in _TEXTS:
            ledger.write_table(name, frame, formats=("tsv",))
        else:
            ledger.write_table(name, frame, style=style if name == "associations" else None)
    if effective is not None:
        ledger.write_table("effective_tests", effective, formats=("tsv",))
    ledger.count_drops([Drop(**drop) for drop in facts["drops"]])
    frame = tables["associations"]
    spec = collected[0].spec
    return Outcome(
        units=frame.height,
        failed=frame.filter(pl.col(c.STATUS) != "ok").height,
        filters=_count_rows(collected[0].associations, people=facts["people"]),
        family_of_tests=describe_family_of_tests(collected[0].associations, spec),
        effective_tests=() if effective is None else effective.to_dicts(),
        configuration={"specification": spec.to_dict(), "withdrawals": facts["withdrawals"]},
        notes=tuple(dict.fromkeys(note for one in collected for note in one.notes)),
    )


@dataclass(frozen=True, slots=True)
class _Collected:
    """The tables of one scan, by name, and what is said of them."""

    spec: ModelSpec
    associations: Associations
    tables: dict[str, pl.DataFrame]
    notes: tuple[str, ...]


def _collect_scan(parts: list[pl.DataFrame], scan: Mapping[str, Any], *, m: int) -> _Collected:
    """Join the parts of one scan, of m imputations, into its tables."""
    spec = ModelSpec.from_dict(scan["specification"])
    each = len(parts) // m
    imputed = [parts[i * each : (i + 1) * each] for i in range(m)]
    parts = pool_scan(imputed, spec, parameters=scan["parameters"])
    associations = collect(parts, spec)
    attrition = measure_attrition(
        pl.DataFrame(scan["attrition"], infer_schema_length=None), associations
    )
    tables = {
        "associations": associations.frame,
        "attrition": attrition,
        "summary": summarise(associations),
    }
    parts = moderate_parts(parts, spec)
    joint = collect_joint_tests(parts).frame
    if joint.height or spec.interaction is not None or spec.strata is not None:
        tables["joint_tests"] = joint
    further = spec.build_family().tables
    pooled = further if m == 1 else tuple(name for name in further if name in POOLED_TABLES)
    for name in pooled:
        tables[name] = collect_details(parts, name)
    notes = (
        *name_aliased(attrition),
        *_describe_pooling(m, [name for name in further if name not in pooled]),
    )
    return _Collected(spec, associations, tables, notes)


def _names(collected: Sequence[_Collected]) -> tuple[str, ...]:
    """Return the tables that any scan has, in their order."""
    return tuple(dict.fromkeys(name for one in collected for name in one.tables))


def _stack(collected: Sequence[_Collected], name: str) -> pl.DataFrame:
    """Return a table of all scans, with the lag of each row where there are several."""
    if len(collected) == 1:
        return collected[0].tables[name]
    return pl.concat(
        [
            one.tables[name].with_columns(pl.lit(one.spec.follow_up.lag).alias(c.LAG))
            for one in collected
            if name in one.tables
        ]
    )


def merge_shards(
    output: Output,
    *,
    account: Account,
    columns: ColumnStyle = "native",
    opened: Callable[[Ledger], object] | None = None,
) -> Results:
    """Join the shards of one run into its results.

    Parameters
    ----------
    output : the folder that the shards wrote to, and the formats of the results.
    account : how the merge was called.
    columns : names of the columns.
    opened : called with the ledger once it is held.

    Raises
    ------
    RunFolderError
        The folder holds no run, or parts are absent or damaged.
    """
    return finish_shards(
        output,
        of=_SHARDED,
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
