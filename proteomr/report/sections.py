"""The sections of a report: of which commands each is, and how it tells of their runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import polars as pl

from proteomr.report.blocks import Block, Section, Sentence, TableBlock
from proteomr.report.checklists import fill_checklists
from proteomr.report.figures import draw_assay_quality, draw_figures
from proteomr.report.methods import describe_methods
from proteomr.report.reading import Reported, ReportedRun
from proteomr.tables import columns as c

__all__ = ["SECTIONS", "Told", "tell_sections"]

Tell: TypeAlias = Callable[[Reported], list[Block]]
"""What tells a section of the runs of a report."""

_HITS: Final = (
    c.PROTEIN, c.GENE, c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT, c.TERM, c.CONTRAST, c.STRATUM, c.N,
    c.ESTIMATE, c.SE, c.CONF_LOW, c.CONF_HIGH, c.RATIO, c.NEG_LOG10_P, c.Q_BH, c.P_BONFERRONI,
    c.STATUS,
)  # fmt: skip
_DIGEST: Final = 12
_EXTRACT: Final = 100  # rows of a table that no section of its own tells of


@dataclass(frozen=True, slots=True)
class Told:
    """A section: its heading, and what tells it; nothing where no run is of it.

    Attributes
    ----------
    title : heading.
    commands : whose runs it tells of; empty for a section of the whole report.
    tell : makes its blocks.
    """

    title: str
    commands: tuple[str, ...]
    tell: Tell


def tell_sections(reported: Reported) -> tuple[Section, ...]:
    """Return the sections of a report that have something to tell, in their order.

    Runs of commands without a section of their own are told by their main tables.
    """
    told = [(entry.title, entry.tell(reported)) for entry in SECTIONS]
    known = {command for entry in SECTIONS for command in entry.commands}
    for run in reported.runs:
        if run.command not in known:
            told.insert(-_CLOSING, (f"{run.name}: {run.command}", _tell_main(run)))
    return tuple(Section(title, tuple(blocks)) for title, blocks in told if blocks)


def _tell_data(reported: Reported) -> list[Block]:
    rows = [
        {
            "run": run.name,
            "command": run.command,
            "input": entry["name"].rpartition("/")[2],
            "bytes": entry["size_bytes"],
            "sha256": (entry["sha256"] or "")[:_DIGEST],
        }
        for run in reported.runs
        for entry in run.facts.get("inputs", [])
    ]
    units = [
        {
            "run": run.name,
            "command": run.command,
            "main table": run.finished.main,
            "units": run.finished.units,
            "without estimate": run.finished.failed,
            "request": run.finished.digest[:_DIGEST],
        }
        for run in reported.runs
    ]
    blocks: list[Block] = [
        TableBlock("Runs", pl.DataFrame(units), "manifest.json of each run"),
        TableBlock(
            "Inputs, with the first letters of their digests",
            pl.DataFrame(rows, infer_schema_length=None),
            "manifest.json of each run, inputs",
        ),
    ]
    return blocks if rows else blocks[:1]


def _tell_missing(reported: Reported) -> list[Block]:
    return [
        Sentence(f"{name} has no results: {why}.", "stages.parquet")
        for name, why in reported.missing
    ]


def _tell_flow(reported: Reported) -> list[Block]:
    blocks: list[Block] = []
    for run in reported.runs:
        drops = run.table("drops")
        if drops is not None and drops.height:
            blocks.append(TableBlock(f"{run.name}: left out", drops, run.source("drops")))
        attrition = run.table("attrition")
        if attrition is not None and attrition.height:
            there = [
                name
                for name in attrition.columns
                if attrition[name].null_count() < attrition.height
            ]
            if {"people", "complete"} <= set(attrition.columns):
                blocks += draw_figures(run, "attrition", ("flow",))
            blocks.append(
                TableBlock(f"{run.name}: people", attrition.select(there), run.source("attrition"))
            )
    return blocks


def _drop_empty(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table without the columns that hold nothing, or counts of nobody alone."""
    return frame.select(
        name
        for name in frame.columns
        if frame[name].null_count() < frame.height
        and not (frame[name].dtype.is_integer() and (frame[name] == 0).all())
    )


def _tell_choices(reported: Reported) -> list[Block]:
    if reported.choices is None or not reported.choices.height:
        return []
    counted = reported.choices.group_by("stage", "rule", maintain_order=True).agg(
        pl.col("value").count().alias("chosen")
    )
    return [TableBlock("What stages took of earlier ones", counted, "choices.parquet")]


def _tell_notes(reported: Reported) -> list[Block]:
    return [
        Sentence(f"{run.name}: {note}.", f"{run.name}/manifest.json, notes")
        for run in reported.runs
        for note in run.facts.get("notes", [])
    ]


def _tell_hits(reported: Reported) -> list[Block]:
    blocks: list[Block] = []
    for run in reported.of("associate"):
        blocks += _tell_associations(run, ("volcano", "qq", "forest"))
    return blocks


def _tell_survival(reported: Reported) -> list[Block]:
    blocks: list[Block] = []
    for run in reported.of("survive"):
        if run.finished.main == "curves":
            blocks += draw_figures(run, "curves", ("km",))
            blocks += _tell_tables(run, ("logrank", "medians", "rmst"))
        else:
            blocks += _tell_associations(run, ("volcano", "forest"))
            blocks += _tell_tables(run, ("proportional_hazards",))
    return blocks


def _tell_associations(run: ReportedRun, kinds: tuple[str, ...]) -> list[Block]:
    frame = run.table("associations")
    if frame is None:
        return []
    blocks: list[Block] = []
    family = run.facts.get("family_of_tests")
    if family:
        source = f"{run.name}/manifest.json, family_of_tests"
        blocks.append(Sentence(f"{run.name}: multiple testing spans {family}.", source))
    summary = run.table("summary")
    if summary is not None:
        source = run.source("summary")
        blocks.append(TableBlock(f"{run.name}: hits of each model", summary, source))
    told = _drop_empty(frame).columns
    shown = [name for name in _HITS if name in told]
    if c.Q_BH in frame.columns:
        hits = frame.filter(pl.col(c.Q_BH) < 0.05).sort(c.NEG_LOG10_P, descending=True)
        source = run.source("associations", f"{hits.height:,} rows with {c.Q_BH} < 0.05")
        blocks.append(TableBlock(f"{run.name}: hits", hits.select(shown), source))
    blocks += draw_figures(run, "associations", kinds)
    ordered = frame.sort(c.NEG_LOG10_P, descending=True, nulls_last=True)
    blocks.append(
        TableBlock(f"{run.name}: every fit", ordered.select(shown), run.source("associations"))
    )
    return blocks


def _tell_tables(run: ReportedRun, names: tuple[str, ...]) -> list[Block]:
    blocks: list[Block] = []
    for name in names:
        frame = run.table(name)
        if frame is not None and frame.height:
            words = name.replace("_", " ")
            if run.holds_people(name):
                blocks.append(_leave_people(run, name, frame))
                continue
            blocks.append(TableBlock(f"{run.name}: {words}", frame, run.source(name)))
    return blocks


def _leave_people(run: ReportedRun, name: str, frame: pl.DataFrame) -> Sentence:
    """Return what stands in the place of a table whose rows are people."""
    words = name.replace("_", " ")
    rows = f"{frame.height:,} row{'' if frame.height == 1 else 's'}"
    return Sentence(
        f"{run.name}: {words} has {rows} of people, which no report shows.", run.source(name)
    )


def _tell_main(run: ReportedRun, *, by: tuple[str, ...] = ()) -> list[Block]:
    """Tell a run by the head of its main table, and how its rows ended.

    A table of summary statistics has millions of rows: the file has them all.

    Parameters
    ----------
    by : columns whose largest values stand first; without, the table's own order.
    """
    frame = run.table(run.finished.main)
    if frame is None:
        return [Sentence(f"{run.name} has no table that is told.", run.source(run.finished.main))]
    if run.holds_people(run.finished.main):
        return [_leave_people(run, run.finished.main, frame)]
    blocks: list[Block] = []
    if c.STATUS in frame.columns:
        ended = frame[c.STATUS].value_counts().sort(c.STATUS)
        blocks.append(
            TableBlock(f"{run.name}: how rows ended", ended, run.source(run.finished.main))
        )
    words = run.finished.main.replace("_", " ")
    there = [name for name in by if name in frame.columns]
    if there:
        frame = frame.sort(there, descending=True, nulls_last=True, maintain_order=True)
    shown = frame.head(_EXTRACT)
    rows = ""
    if shown.height < frame.height:
        first = f"largest {there[0]}" if there else "the first"
        rows = f"{first}, {shown.height:,} of {frame.height:,} rows"
    caption = f"{run.name}: {words}{f', {rows}' if rows else ''}"
    blocks.append(TableBlock(caption, shown, run.source(run.finished.main, rows)))
    return blocks


def _of(command: str, tables: tuple[str, ...], **figures: str) -> Callable[[Reported], list[Block]]:
    """Return what tells of a command by its tables, with figures before them.

    Parameters
    ----------
    command : whose runs.
    tables : names of them.
    figures : kinds by the names of the tables that they are drawn from.
    """

    def tell(reported: Reported) -> list[Block]:
        blocks: list[Block] = []
        for run in reported.of(command):
            for table, kind in figures.items():
                blocks += draw_figures(run, table, (kind,))
            blocks += _tell_tables(run, tables)
        return blocks

    return tell


def _tell_quality(reported: Reported) -> list[Block]:
    blocks: list[Block] = []
    for run in reported.of("ingest", "qc"):
        blocks += draw_assay_quality(run)
        blocks += _tell_tables(run, ("qc_assays", "qc_plates", "qc_panels", "exclusions"))
    return blocks


def _tell_checks(reported: Reported) -> list[Block]:
    blocks: list[Block] = []
    for run in reported.of("compare"):
        blocks += draw_figures(run, "compared", ("agreement",))
        blocks += _tell_tables(run, ("agreement",))
    for run in reported.of("e-values"):
        blocks += draw_figures(run, run.finished.main, ("e-values",))
        blocks += _tell_main(run, by=("e_value_limit", "e_value"))
    for run in reported.of("adjust"):
        blocks += _tell_main(run, by=(c.NEG_LOG10_P,))
    return blocks


def _tell_people(reported: Reported) -> list[Block]:
    blocks: list[Block] = []
    for run in reported.of("describe"):
        frame = run.rows("description", "smd")
        if frame is not None and frame["smd"].null_count() < frame.height:
            blocks += draw_figures(run, "description", ("balance",))
        blocks += _tell_tables(run, ("description", "cross_tables", "rates"))
    return blocks


SECTIONS: Final[tuple[Told, ...]] = (
    Told("What is missing", (), _tell_missing),
    Told("Data", (), _tell_data),
    Told("Flow", (), _tell_flow),
    Told("Choices", (), _tell_choices),
    Told("Quality control", ("ingest", "qc"), _tell_quality),
    Told("People", ("describe", "phenotype", "simulate"), _tell_people),
    Told("Associations", ("associate",), _tell_hits),
    Told("Sensitivity", ("compare", "e-values", "adjust"), _tell_checks),
    Told(
        "Replication",
        ("replicate",),
        _of("replicate", ("replication", "replication_summary"), replication="replication"),
    ),
    Told("Survival", ("survive",), _tell_survival),
    Told(
        "Mediation",
        ("mediate",),
        _of("mediate", ("mediation", "composite_null"), mediation="mediation"),
    ),
    Told(
        "Modules",
        ("network",),
        _of("network", ("modules", "module_summary", "preservation"), modules="network"),
    ),
    Told("Enrichment", ("enrich",), _of("enrich", ("enrichment",), enrichment="enrichment")),
    Told(
        "Pooled studies", ("meta",), _of("meta", ("meta",), meta="forest", meta_influence="studies")
    ),
    Told("Gene contrast", ("ctra",), _of("ctra", ("ctra", "ctra_genes"), ctra="contrast")),
    Told(
        "Scores",
        ("score",),
        _of(
            "score",
            ("score_performance", "weights"),
            calibration="calibration",
            decision_curve="decision",
        ),
    ),
    Told(
        "Mendelian randomisation",
        ("mr",),
        _of(
            "mr",
            ("verdict", "coloc_gate", "estimates", "heterogeneity", "pleiotropy", "steiger"),
            estimates="causes",
        ),
    ),
    Told(
        "Colocalisation",
        ("coloc",),
        _of("coloc", ("coloc", "coloc_clusters", "credible_sets", "smr")),
    ),
    Told(
        "Fine mapping", ("finemap",), _of("finemap", ("finemap", "credible_sets"), pips="fine-map")
    ),
    Told("Notes and limits", (), _tell_notes),
    Told("Methods", (), describe_methods),
    Told("Checklists", (), fill_checklists),
)
"""In the order of a paper."""

_CLOSING: Final = 3  # notes, methods and checklists stand behind all else
