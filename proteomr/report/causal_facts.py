"""What runs of Mendelian randomisation say to the items of a checklist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from proteomr.report.reading import (
    Reported,
    ReportedRun,
    Said,
    join_versions,
    largest,
    say_each,
)

__all__ = ["CAUSAL_FACTS"]

_Of = Callable[[ReportedRun], Said]


def _tell_inputs(run: ReportedRun) -> Said:
    names = {entry["name"].rpartition("/")[2] for entry in run.facts.get("inputs", [])}
    return (", ".join(sorted(names)), f"{run.name}/manifest.json, inputs") if names else None


def _tell_people(run: ReportedRun) -> Said:
    frame = run.rows("harmonised", "n_exposure", "n_outcome")
    if frame is None:
        return None
    said = []
    for side in ("exposure", "outcome"):
        size = largest(frame, f"n_{side}")
        if size is not None:
            said.append(f"{side}: up to {size:,.0f} people")
    return ("; ".join(said), run.source("harmonised", "largest n of a variant")) if said else None


def _tell_selection(run: ReportedRun) -> Said:
    rule = run.causes.get("rule")
    if not isinstance(rule, Mapping):
        return None
    said = [f"p below {rule['p']:g} for the exposure"]
    clumping = rule.get("clumping")
    if isinstance(clumping, Mapping) and run.causes.get("ld") is not None:
        said.append(f"clumped at r2 {clumping['r2']:g} within {clumping['kb']:,} kb")
    if rule.get("region"):
        said.append(f"from {rule['region']} alone")
    if rule.get("outcome_p") is not None:
        said.append(f"none with p below {rule['outcome_p']:g} for the outcome")
    return "; ".join(said), f"{run.name}/manifest.json, request.causes.rule"


def _tell_units(run: ReportedRun) -> Said:
    frame = run.rows("estimates", "exposure_unit", "outcome_unit")
    if frame is None:
        return None
    units = frame.select("exposure_unit", "outcome_unit").drop_nulls().unique(maintain_order=True)
    said = [f"{outcome} of the outcome per {exposure}" for exposure, outcome in units.iter_rows()]
    where = run.source("estimates", "exposure_unit and outcome_unit")
    return ("; ".join(said), where) if said else None


def _tell_methods(run: ReportedRun) -> Said:
    methods = run.causes.get("methods")
    return ("; ".join(methods), f"{run.name}/manifest.json, request.methods") if methods else None


def _tell_others(run: ReportedRun) -> Said:
    """Tell the methods beside the first, and the tables of further analyses."""
    methods = [str(name).partition("(")[0] for name in (run.causes.get("methods") or [])[1:]]
    further = _tell_further(run)
    said = [*([", ".join(methods)] if methods else []), *([further[0]] if further else [])]
    where = f"{run.name}/manifest.json, request.methods; tables of {run.name}"
    return ("; ".join(said), where) if said else None


def _tell_missing(run: ReportedRun) -> Said:
    frame = run.rows("harmonised", "reason")
    if frame is None:
        return None
    absent = frame.filter(pl.col("reason") == "absent_from_outcome").height
    text = "a variant without effect or error in either study leaves"
    return f"{text}; {absent:,} were absent from an outcome", run.source("harmonised", "reason")


def _tell_multiple(run: ReportedRun) -> Said:
    frame = run.rows("estimates", "exposure", "outcome", "q_bh")
    if frame is None:
        return None
    pairs = frame.select("exposure", "outcome").unique().height
    text = f"Benjamini-Hochberg, {pairs:,} pairs of exposure and outcome"
    return text, run.source("estimates", "q_bh")


def _tell_flow(run: ReportedRun) -> Said:
    frame = run.rows("harmonised", "mr_keep", "reason")
    if frame is None:
        return None
    kept = frame.filter(pl.col("mr_keep"))
    reasons = frame.filter(~pl.col("mr_keep"))["reason"].drop_nulls().value_counts(sort=True)
    said = [f"{count:,} {reason}" for reason, count in reasons.iter_rows()]
    left = f"; left out: {', '.join(said)}" if said else ""
    text = f"{kept.height:,} of {frame.height:,} pairs of variant and outcome are used{left}"
    return text, run.source("harmonised", "mr_keep and reason")


def _tell_overlap(run: ReportedRun) -> Said:
    frame = run.rows("reach", "overlap")
    if frame is None:
        return None
    shares = frame["overlap"].drop_nulls().unique().sort().to_list()
    if not shares:
        return None
    text = f"overlap of the studies {', '.join(f'{share:g}' for share in shares)}, as told"
    return text, run.source("reach", "overlap and relative_bias")


def _tell_strength(run: ReportedRun) -> Said:
    frame = run.rows("reach", "mean_f", "n_weak")
    found = [] if frame is None else frame["mean_f"].drop_nulls().to_list()
    if frame is None or not found:
        return None
    weak = largest(frame, "n_weak") or 0
    low, high = f"{min(found):.1f}", f"{max(found):.1f}"
    text = f"mean F {low}" if low == high else f"mean F from {low} to {high}"
    counted = f"up to {weak:,.0f} weak variants in a pair" if weak else "no weak variant"
    return f"{text}; {counted}", run.source("reach", "mean_f and n_weak")


def _tell_heterogeneity(run: ReportedRun) -> Said:
    frame = run.rows("heterogeneity")
    return None if frame is None else ("Q and I2 of each pair", run.source("heterogeneity"))


def _tell_diagnostics(run: ReportedRun) -> Said:
    words = {
        "reach": "strength of the instruments",
        "heterogeneity": "heterogeneity",
        "pleiotropy": "Egger's intercept",
        "steiger": "Steiger's test of direction",
        "outliers": "outliers",
        "leaveoneout": "leaving variants out",
    }
    said = [text for name, text in words.items() if run.rows(name) is not None]
    return ("; ".join(said), f"tables of {run.name}") if said else None


def _tell_verdicts(run: ReportedRun) -> Said:
    frame = run.rows("verdict", "heterogeneous", "pleiotropic")
    if frame is None:
        return None
    against = frame.filter(
        pl.any_horizontal(pl.col("heterogeneous", "pleiotropic").fill_null(value=False))
    ).height
    text = f"{against:,} of {frame.height:,} pairs have heterogeneity or a pleiotropic intercept"
    return text, run.source("verdict", "methods_agreeing and caveats of each pair")


def _tell_further(run: ReportedRun) -> Said:
    words = {"leaveoneout": "leave-one-out", "rucker": "Rucker's choice", "coloc_gate": "coloc"}
    said = [text for name, text in words.items() if run.rows(name) is not None]
    return ("; ".join(said), f"tables of {run.name}") if said else None


def _tell_direction(run: ReportedRun) -> Said:
    frame = run.rows("steiger", "exposure_first")
    if frame is None:
        return None
    tested = frame["exposure_first"].drop_nulls()
    reverse = "; both directions estimated" if run.causes.get("reverse") else ""
    text = f"exposure first in {int(tested.sum()):,} of {tested.len():,} pairs{reverse}"
    return text, run.source("steiger", "exposure_first")


def _tell_software(reported: Reported) -> Said:
    runs = reported.of("mr")
    told = join_versions(runs)
    return (told, "manifest.json of each run, versions") if told else None


def _tell_of(name: str, text: str) -> _Of:
    def tell(run: ReportedRun) -> Said:
        return None if run.rows(name) is None else (text, run.source(name))

    return tell


def _tell_figures(run: ReportedRun) -> Said:
    drawn = run.facts.get("configuration", {}).get("figures")
    return (f"figures of {run.name}", f"{run.name}/manifest.json") if drawn else None


CAUSAL_FACTS: Final[dict[str, Callable[[Reported], Said]]] = {
    "mr_inputs": say_each(("mr",), _tell_inputs),
    "mr_people": say_each(("mr",), _tell_people),
    "mr_selection": say_each(("mr",), _tell_selection),
    "mr_units": say_each(("mr",), _tell_units),
    "mr_methods": say_each(("mr",), _tell_methods),
    "mr_others": say_each(("mr",), _tell_others),
    "mr_missing": say_each(("mr",), _tell_missing),
    "mr_multiple": say_each(("mr",), _tell_multiple),
    "mr_diagnostics": say_each(("mr",), _tell_diagnostics),
    "mr_software": _tell_software,
    "mr_flow": say_each(("mr",), _tell_flow),
    "mr_overlap": say_each(("mr",), _tell_overlap),
    "mr_variants": say_each(("mr",), _tell_of("harmonised", "every variant, used or not")),
    "mr_estimates": say_each(("mr",), _tell_of("estimates", "estimates and limits of each method")),
    "mr_figures": say_each(("mr",), _tell_figures),
    "mr_strength": say_each(("mr",), _tell_strength),
    "mr_heterogeneity": say_each(("mr",), _tell_heterogeneity),
    "mr_verdicts": say_each(("mr",), _tell_verdicts),
    "mr_further": say_each(("mr",), _tell_further),
    "mr_direction": say_each(("mr",), _tell_direction),
}
"""By the names that ``data/schemas/checklists`` asks by."""
