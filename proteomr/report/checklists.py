"""Checklists for readers and editors: what of their items a report can fill, and from where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any, Final

import polars as pl

from proteomr.border import read_toml
from proteomr.report.blocks import Block, TableBlock
from proteomr.report.causal_facts import CAUSAL_FACTS
from proteomr.report.reading import Reported, ReportedRun, Said
from proteomr.report.score_facts import SCORE_FACTS

__all__ = ["fill_checklists", "list_facts"]

_LISTS: Final = ("strobe", "strobe_mr", "tripod")
_ABSENT: Final = "not provided"
_LEVEL: Final = 0.95  # of intervals, where a request has no other


def fill_checklists(reported: Reported) -> list[Block]:
    """Return each checklist as a table: item, what the runs say of it, and from where.

    A checklist of certain commands is there where one of them ran. What no run says is ``not
    provided``.
    """
    facts = list_facts(reported)
    lists = [_read(name) for name in _LISTS]
    return [
        _fill(listed, facts)
        for listed in lists
        if "commands" not in listed or reported.of(*listed["commands"])
    ]


def list_facts(reported: Reported) -> dict[str, tuple[str, str]]:
    """Return what the runs say, by the names that checklists ask by: text, and where it is from."""
    tellers = {**_FACTS, **CAUSAL_FACTS, **SCORE_FACTS}
    found = {name: tell(reported) for name, tell in tellers.items()}
    return {name: said for name, said in found.items() if said is not None}


def _read(name: str) -> dict[str, Any]:
    place = resources.files("proteomr.schemas") / "checklists" / f"{name}.toml"
    with resources.as_file(place) as path:
        return read_toml(path)


def _fill(listed: Mapping[str, Any], facts: Mapping[str, tuple[str, str]]) -> TableBlock:
    rows = []
    for item in listed["items"]:
        text, source = facts.get(item.get("fact", ""), (_ABSENT, ""))
        rows.append(
            {
                "item": item["number"],
                "part": item["part"],
                "asks for": item["asks"],
                "text": text,
                "from": source,
            }
        )
    return TableBlock(str(listed["name"]), pl.DataFrame(rows), str(listed["source"]))


def _scans(reported: Reported) -> tuple[ReportedRun, ...]:
    return reported.of("associate", "survive", "replicate", "mediate")


def _tell_people(reported: Reported) -> Said:
    for run in _scans(reported):
        rules = [f"{key}: {value}" for key, value in run.people.items() if value]
        if rules:
            return "; ".join(rules), f"{run.name}/manifest.json, request.people"
    return None


def _tell_variables(reported: Reported) -> Said:
    said = []
    for run in _scans(reported):
        sets = [f"{label} = {terms}" for label, terms in run.specification.get("adjust", [])]
        if run.targets:
            said.append(f"{run.name}: {', '.join(run.targets)}; {'; '.join(sets)}")
    return (" / ".join(said), "request.specification of each run") if said else None


def _tell_inputs(reported: Reported) -> Said:
    names = {
        entry["name"].rpartition("/")[2]
        for run in reported.runs
        for entry in run.facts.get("inputs", [])
    }
    return (", ".join(sorted(names)), "manifest.json of each run, inputs") if names else None


def _tell_design(reported: Reported) -> Said:
    words = {
        "associate": "associations of proteins with exposures or outcomes",
        "survive": "outcomes over follow-up",
        "mediate": "mediation through proteins",
        "mr": "two-sample Mendelian randomisation",
        "score": "prediction by protein scores",
    }
    said = [text for command, text in words.items() if reported.of(command)]
    return ("; ".join(said), "commands of the runs") if said else None


def _tell_quantitative(reported: Reported) -> Said:
    said = {
        f"{run.name}: proteins {run.specification['transform']}"
        for run in _scans(reported)
        if run.specification.get("transform")
    }
    return ("; ".join(sorted(said)), "request.specification.transform") if said else None


def _tell_missing(reported: Reported) -> Said:
    if not _scans(reported):
        return None
    return (
        "each fit has the complete cases of its own protein, exposure or outcome, and covariates",
        "attrition of each run",
    )


def _tell_flow(reported: Reported) -> Said:
    for run in _scans(reported):
        frame = run.table("attrition")
        if frame is not None and frame.height and {"people", "complete"} <= set(frame.columns):
            row = frame.row(0, named=True)
            text = f"{row['people']:,} people, {row['complete']:,} complete in the first model"
            return text, run.source("attrition", "row 1; all rows under Flow")
    return None


def _tell_events(reported: Reported) -> Said:
    for run in reported.of("survive", "associate"):
        frame = run.table("associations")
        counts = [] if frame is None else frame["n_case"].drop_nulls().to_list()
        if counts:
            text = f"up to {max(counts):,} events or cases in a fit"
            return text, run.source("associations", "largest n_case")
    return None


def _tell_estimates(reported: Reported) -> Said:
    runs = [run for run in _scans(reported) if run.table("associations") is not None]
    if not runs:
        return None
    level = float(runs[0].specification.get("level") or _LEVEL)
    text = f"estimates with {100 * level:g} % limits for each adjustment set"
    return text, runs[0].source("associations")


def _tell_of(text: str, *commands: str) -> Callable[[Reported], Said]:
    def tell(reported: Reported) -> Said:
        runs = reported.of(*commands)
        return (text, ", ".join(run.name for run in runs)) if runs else None

    return tell


def _tell_subgroups(reported: Reported) -> Said:
    for run in _scans(reported):
        spec = run.specification
        asked = [f"{key} {spec[key]}" for key in ("interaction", "strata") if spec.get(key)]
        if asked:
            return "; ".join(asked), f"{run.name}/manifest.json, request.specification"
    return None


def _tell_follow_up(reported: Reported) -> Said:
    runs = reported.of("survive")
    return (
        ("people are censored when their follow-up ends", runs[0].source("associations"))
        if runs
        else None
    )


_FACTS: Final[dict[str, Callable[[Reported], Said]]] = {
    "design": _tell_design,
    "people": _tell_people,
    "variables": _tell_variables,
    "inputs": _tell_inputs,
    "bias": _tell_variables,
    "quantitative": _tell_quantitative,
    "methods": _tell_of("see Methods", "associate", "survive", "mediate", "mr", "score"),
    "subgroups": _tell_subgroups,
    "missing": _tell_missing,
    "follow_up": _tell_follow_up,
    "sensitivity": _tell_of("see Sensitivity", "e-values", "compare", "replicate"),
    "flow": _tell_flow,
    "description": _tell_of("see People", "describe"),
    "events": _tell_events,
    "estimates": _tell_estimates,
    "further": _tell_of("see Replication and Sensitivity", "replicate", "e-values", "compare"),
}
