"""What runs on a cohort say to the items of a checklist."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import polars as pl

from proteomr.plot.flow_chart import STEPS
from proteomr.report.reading import Reported, ReportedRun, Said, say_each
from proteomr.tables import columns as c

__all__ = ["COHORT_FACTS"]

_SCANS: Final = ("associate", "survive", "replicate", "mediate")
_COHORT: Final = (*_SCANS, "score", "network", "ctra", "describe")
_BARE: Final = ("", "1")  # terms of a set that adjusts for nothing
_LEVEL: Final = 0.95  # of intervals, where a request has no other
_TOLD_UNDER: Final = {
    "replicate": "Replication",
    "e-values": "Sensitivity",
    "compare": "Sensitivity",
    "adjust": "Sensitivity",
}
_DESIGNS: Final = {
    "associate": "associations of proteins with exposures or outcomes",
    "survive": "outcomes over follow-up",
    "mediate": "mediation through proteins",
    "mr": "two-sample Mendelian randomisation",
    "score": "prediction by protein scores",
}


def _asked(run: ReportedRun, *keys: str) -> str:
    return f"{run.name}/manifest.json, {'.'.join(('request', *keys))}"


def _tell_design(reported: Reported) -> Said:
    said = [text for command, text in _DESIGNS.items() if reported.of(command)]
    return ("; ".join(said), "commands of the runs") if said else None


def _tell_people(run: ReportedRun) -> Said:
    rules = [f"{key}: {value}" for key, value in run.people.items() if value]
    return ("; ".join(rules), _asked(run, "people")) if rules else None


def _list_sets(run: ReportedRun) -> list[str]:
    return [
        f"{label} = {terms}"
        for label, terms in run.specification.get("adjust", [])
        if terms not in _BARE
    ]


def _tell_variables(run: ReportedRun) -> Said:
    if not run.targets:
        return None
    return "; ".join([", ".join(run.targets), *_list_sets(run)]), _asked(run, "specification")


def _tell_adjustment(run: ReportedRun) -> Said:
    sets = _list_sets(run)
    return (
        (f"adjusted for {'; '.join(sets)}", _asked(run, "specification.adjust")) if sets else None
    )


def _tell_inputs(reported: Reported) -> Said:
    """Tell the files that no run of the report has made."""
    made = {run.name for run in reported.runs}
    names = {
        entry["name"].rpartition("/")[2]
        for run in reported.runs
        for entry in run.facts.get("inputs", [])
    }
    names = {name for name in names if name.partition(".")[0] not in made}
    return (", ".join(sorted(names)), "manifest.json of each run, inputs") if names else None


def _tell_quantitative(run: ReportedRun) -> Said:
    transform = run.specification.get("transform")
    if not transform:
        return None
    return f"proteins {transform}", _asked(run, "specification.transform")


def _tell_methods(reported: Reported) -> Said:
    runs = reported.of("associate", "survive", "mediate", "mr", "score")
    return ("see Methods", ", ".join(run.name for run in runs)) if runs else None


def _tell_subgroups(run: ReportedRun) -> Said:
    spec = run.specification
    asked = [f"{key} {spec[key]}" for key in ("interaction", "strata") if spec.get(key)]
    return ("; ".join(asked), _asked(run, "specification")) if asked else None


def _tell_missing(run: ReportedRun) -> Said:
    frame = _results(run)
    if frame is not None and "m" in frame.columns and frame["m"].null_count() < frame.height:
        count = int(frame["m"].drop_nulls().to_numpy().max())
        return f"{count:,} imputations, pooled by Rubin's rules", run.source(run.finished.main, "m")
    if not run.specification:
        return None
    text = "each fit has the complete cases of its own protein, exposure or outcome, and covariates"
    return text, run.source("attrition")


def _results(run: ReportedRun) -> pl.DataFrame | None:
    return None if run.holds_people(run.finished.main) else run.table(run.finished.main)


def _list_times(run: ReportedRun) -> list[dict[str, object]]:
    timed = run.specification.get("follow_up") or run.asked("follow_up") or {}
    found = timed.get("outcomes", [timed] if timed.get("event") else [])
    return [one for one in found if isinstance(one, dict)]


def _tell_follow_up(run: ReportedRun) -> Said:
    said = [f"{one['event']} censored at {one['time']}" for one in _list_times(run)]
    return ("; ".join(said), _asked(run, "follow_up")) if said else None


def _tell_sensitivity(reported: Reported) -> Said:
    runs = reported.of(*_TOLD_UNDER)
    places = dict.fromkeys(_TOLD_UNDER[run.command] for run in runs)
    names = ", ".join(run.name for run in runs)
    return (f"see {' and '.join(places)}", names) if runs else None


def _tell_further(reported: Reported) -> Said:
    subgroups = [run for run in reported.of(*_SCANS) if _tell_subgroups(run) is not None]
    sensitivity = _tell_sensitivity(reported)
    said = [text for text, _ in [sensitivity] if text] if sensitivity else []
    names = [sensitivity[1]] if sensitivity else []
    if subgroups:
        said.append("subgroups or interactions under their runs")
        names.append(", ".join(run.name for run in subgroups))
    return ("; ".join(said), ", ".join(names)) if said else None


def _tell_flow(run: ReportedRun) -> Said:
    frame = run.rows("attrition", "people", "complete")
    if frame is None:
        return None
    row = frame.row(0, named=True)
    text = f"{row['people']:,} people, {row['complete']:,} complete in the first model"
    return text, run.source("attrition", "row 1; all rows under Flow")


def _tell_flow_figure(reported: Reported) -> Said:
    """Tell where people are charted, which the section Flow does of every run that counts them."""
    runs = [run for run in reported.of(*_SCANS) if _tell_flow(run) is not None]
    return ("see Flow", ", ".join(run.source("attrition") for run in runs)) if runs else None


def _tell_reasons(run: ReportedRun) -> Said:
    frame = run.rows("attrition", "people", "complete")
    if frame is None:
        return None
    row = frame.row(0, named=True)
    said = [f"{row[name]:,} {words}" for name, words in STEPS.items() if row.get(name)]
    text = ", ".join(said) or "nobody left out of the first model"
    return text, run.source("attrition", "row 1; all rows under Flow")


def _tell_description(run: ReportedRun) -> Said:
    frame = run.rows("description", "variable")
    if frame is None:
        return None
    count = frame["variable"].n_unique()
    variables = "1 variable" if count == 1 else f"{count:,} variables"
    return f"{variables}, under People", run.source("description")


def _tell_absent_values(run: ReportedRun) -> Said:
    frame = run.rows("description", "variable", "group", "missing")
    if frame is None:
        return None
    everybody = frame.filter(pl.col("group").is_null()).unique("variable", keep="first")
    lacking = everybody.filter(pl.col("missing") > 0).height
    text = (
        f"{lacking:,} of {everybody.height:,} variables have missing values, counted under People"
    )
    return text, run.source("description", "missing")


def _tell_person_years(run: ReportedRun) -> Said:
    frame = run.rows("rates", "outcome", "person_years")
    if frame is None:
        return None
    rows = frame.drop_nulls("person_years")
    whole = rows.filter(pl.all_horizontal(pl.col("^by$", "^group$", "^protein$").is_null()))
    if not whole.height:
        return None
    told = whole.unique("outcome", keep="first", maintain_order=True)
    said = [
        f"{outcome}: {years:,.0f} person-years"
        for outcome, years in told.select("outcome", "person_years").iter_rows()
    ]
    return "; ".join(said), run.source("rates", "person_years")


def _tell_events(run: ReportedRun) -> Said:
    """Tell events of outcomes: cases of an exposure are none."""
    frame = run.rows("associations", "n_case", c.OUTCOME)
    if frame is None:
        return None
    counts = (
        frame.filter(pl.col(c.OUTCOME).is_not_null())
        .drop_nulls("n_case")
        .group_by(c.OUTCOME, maintain_order=True)
        .agg(pl.col("n_case").max())
    )
    said = [f"{outcome}: up to {count:,} events in a fit" for outcome, count in counts.iter_rows()]
    return ("; ".join(said), run.source("associations", "largest n_case")) if said else None


def _tell_estimates(run: ReportedRun) -> Said:
    frame = _results(run)
    if frame is None or c.ESTIMATE not in frame.columns or not run.specification:
        return None
    level = float(run.specification.get("level") or _LEVEL)
    sets = _list_sets(run)
    bare = [label for label, terms in run.specification.get("adjust", []) if terms in _BARE]
    without = "; without adjustment too" if sets and bare else ""
    what = f"adjusted for {'; '.join(sets)}" if sets else "without adjustment"
    return f"{100 * level:g} % limits, {what}{without}", run.source(run.finished.main)


def _tell_absolute(run: ReportedRun) -> Said:
    tables = ("rmst", "curves", "cumulative_incidence")
    found: Iterator[str] = (name for name in tables if name in run.finished.tables)
    name = next(found, None)
    if name is None:
        return None
    words = {"rmst": "restricted mean times", "curves": "survival by group"}
    return words.get(name, "cumulative incidence by group"), run.source(name)


COHORT_FACTS: Final[dict[str, Callable[[Reported], Said]]] = {
    "design": _tell_design,
    "people": say_each(_COHORT, _tell_people),
    "variables": say_each(_SCANS, _tell_variables),
    "inputs": _tell_inputs,
    "adjustment": say_each(_SCANS, _tell_adjustment),
    "quantitative": say_each(_SCANS, _tell_quantitative),
    "methods": _tell_methods,
    "subgroups": say_each(_SCANS, _tell_subgroups),
    "missing": say_each(_SCANS, _tell_missing),
    "follow_up": say_each(("survive", "mediate", "score"), _tell_follow_up),
    "sensitivity": _tell_sensitivity,
    "flow": say_each(_SCANS, _tell_flow),
    "flow_figure": _tell_flow_figure,
    "reasons": say_each(_SCANS, _tell_reasons),
    "description": say_each(("describe",), _tell_description),
    "absent_values": say_each(("describe",), _tell_absent_values),
    "person_years": say_each(("describe", "survive"), _tell_person_years),
    "events": say_each(("survive", "associate"), _tell_events),
    "estimates": say_each(_SCANS, _tell_estimates),
    "absolute": say_each(("survive",), _tell_absolute),
    "further": _tell_further,
}
"""By the names that ``data/schemas/checklists`` asks by."""
