"""`proteomr ingest`: the files of any platform to one store."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import options as shared
from .bundles import Running, takes_bundles
from .console import one_line, print_rows, say
from .jobs import Task, choose_formats, run_command

if TYPE_CHECKING:
    import polars as pl

    from proteomr.io import IngestJob
    from proteomr.runs import Results

__all__ = ["ingest"]

Platforms = Literal["auto", "olink", "somascan", "nulisa", "ukb", "massspec", "table"]
Orientations = Literal["auto", "rows", "columns"]
Replicate = Literal["refuse", "first", "mean"]

_KINDS = {"protein": "human proteins", "non_human": "non-human", "control": "controls"}
_FLAGS = {
    "sample_qc": "a sample on a panel that did not pass the laboratory's quality control",
    "assay_qc": "an assay that did not pass the laboratory's quality control",
    "assay_warning": "an assay that did not pass the laboratory's quality control",
    "row_check": "a sample outside SomaLogic's limits: RowCheck",
    "col_check": "an assay outside SomaLogic's limits: ColCheck",
    "deprecated": "an assay that SomaLogic has withdrawn from use",
    "contaminant": "a protein group that may come from the laboratory",
    "decoy": "a group of proteins that do not exist, by which errors are counted",
    "only_by_site": "a group known by modified peptides alone",
}


@takes_bundles
def ingest(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="What the laboratory or the biobank delivered; several files, a quoted glob, or a "
            "zip archive of tables. Content decides what a file is, not its name.",
            show_default=False,
        ),
    ],
    *,
    platform: Annotated[
        Platforms,
        typer.Option(
            metavar="auto|olink|somascan|nulisa|ukb|massspec|table",
            rich_help_panel=shared.INPUT,
            help="olink: NPX or pg/mL, long or wide. somascan: ADAT. nulisa: NPQ or AQ. ukb: "
            "protein tables of UK Biobank with coding143, helper tables and participant tables. "
            "massspec: MaxQuant, DIA-NN, FragPipe, Spectronaut, AlphaPept. table: any wide or long "
            "table. auto: told by the content. A name forces its reader.",
        ),
    ] = "auto",
    id_column: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column that names the samples. Without: SampleID of Olink, SampleId of SomaScan, "
            "SampleName of NULISA, eid of UK Biobank; in a plain table the first of sample_id, "
            "eid, IID, ID, SampleID.",
            show_default=False,
        ),
    ] = None,
    assay: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of the assays in a long table; one of no known format needs --value too.",
        ),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of the values in a long table; of Olink and NULISA, another quantity than "
            "NPX or NPQ, such as 'Conc (pg/mL)'; of mass spectrometry a quantity by its name, such "
            "as lfq or ibaq; of AnnData a layer.",
        ),
    ] = None,
    sample_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of numbers in a wide table of no known format that is no assay but a fact "
            "about the samples, such as age; repeat for several.",
        ),
    ] = None,
    proteins_in: Annotated[
        Orientations,
        typer.Option(
            metavar="auto|rows|columns",
            rich_help_panel=shared.INPUT,
            help="Where the proteins of a wide table of no known format stand. auto: where names "
            "of genes or accessions are found, which is said; refused where both may be.",
        ),
    ] = "auto",
    instance: Annotated[
        int,
        typer.Option(
            min=0,
            max=9,
            metavar="I",
            rich_help_panel=shared.INPUT,
            help="Visit of UK Biobank whose proteins are taken.",
        ),
    ] = 0,
    log2: Annotated[
        bool,
        typer.Option(
            "--log2",
            rich_help_panel=shared.INPUT,
            help="Store the base-2 logarithm of values that come on a linear scale: RFU of "
            "SomaScan, concentrations. NPX and NPQ are logarithms already.",
        ),
    ] = False,
    replicates: Annotated[
        Replicate,
        typer.Option(
            metavar="refuse|first|mean",
            rich_help_panel=shared.INPUT,
            help="Where a sample has an assay measured more than once. refuse: an error. mean: of "
            "what is known. first: by plate and well; in a plain table only where all are equal.",
        ),
    ] = "refuse",
    withdrawn: shared.Withdrawn = None,
    format: shared.Format = "parquet",
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="STORE",
            rich_help_panel=shared.RESULTS,
            help="Folder of the store; made if absent.",
        ),
    ],
    running: Running,
) -> None:
    """Read what a laboratory or a biobank delivered into a store.

    A store is a folder of parquet files: samples, proteins (one column per assay), assays,
    warnings of the laboratory (qc_flags), and what else the source tells: plates, limits of
    detection, controls, time from blood draw to measurement. Nothing is removed for its quality:
    that is for qc, which takes a store. A store also stands for SAMPLES and PROTEINS of associate.
    """

    def make_job() -> "IngestJob":
        from proteomr.io import IngestJob, IngestOptions, IngestRequest

        columns = tuple(sample_column or ())
        options = IngestOptions(
            id_column, assay, value, instance, log2, replicates, columns, proteins_in
        )
        request = IngestRequest.of(files, platform=platform, options=options, withdrawn=withdrawn)
        return IngestJob(request)

    task = Task(make_job, out, _describe_store, formats=choose_formats(format), prints_folder=True)
    run_command(context, running, task)


def _describe_store(results: "Results") -> None:
    """Print what was read: counts by panel and kind, and what was left out."""
    import polars as pl

    from proteomr.io import count_missing_values, read_store
    from proteomr.io.long_form.beyond import FLAGS

    measured = read_store(results.where)
    assays = measured.assays
    units = [*assays["unit"].drop_nulls().unique().sort()] if "unit" in assays.columns else []
    missing = count_missing_values(results.where) / (measured.n * assays.height)
    facts = [
        f"{measured.platform}: {_count(measured.n, 'sample')}",
        f"{_count(assays.height, 'assay')}{_name_kinds(assays)}",
        *([f"in {', '.join(map(str, units))}"] if units else []),
        _word_missing(missing),
    ]
    say(one_line(", ".join(facts)))
    if "panel" in assays.columns and assays["panel"].null_count() < assays.height:
        panels = assays.group_by("panel").agg(pl.len()).sort("panel").rows()
        shown = [[one_line(name or "(no panel)"), f"{n:,}"] for name, n in panels]
        print_rows(["panel", "assays"], shown, left=1)
    for drop in measured.drops:
        say(one_line(f"left out: {drop.n:,} {drop.reason}"))
    for kind, count in measured.flags["flag"].value_counts().sort("flag").rows():
        if kind in FLAGS:
            say(f"missing, with a flag: {count:,} {kind} (a value {FLAGS[kind]})")
            continue
        meaning = f" ({_FLAGS[kind]})" if kind in _FLAGS else ""
        say(f"flagged, not removed: {count:,} {kind}{meaning}")


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _name_kinds(assays: "pl.DataFrame") -> str:
    """Say what the assays measure, unless all measure human proteins."""
    kinds = dict(assays["kind"].value_counts().rows()) if "kind" in assays.columns else {}
    if set(kinds) <= {"protein"}:
        return ""
    named = [f"{kinds[kind]:,} {words}" for kind, words in _KINDS.items() if kind in kinds]
    return f" ({', '.join(named)})"


def _word_missing(share: float) -> str:
    if not share:
        return "no value missing"
    return f"{share:.1%} of the values missing" if share >= 5e-4 else "<0.1% of the values missing"
