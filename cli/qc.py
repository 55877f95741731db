"""`proteomr qc`: quality control of a store, and a second store of what is left."""

import logging
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared
from .console import print_rows, report_note, say
from .ingest import refuse_used_folder
from .journal import keep_journal, open_journal
from .running import hold_threads

if TYPE_CHECKING:
    import polars as pl

    from proteomr.qc import Assessment, Cleaned, Correction, Imputation, Policy
    from proteomr.tables import Measurements

__all__ = ["qc"]

Correct = Literal["none", "median", "regression"]
Group = Literal["plate", "batch"]
Impute = Literal["none", "knn"]

EXCLUSIONS, VALUES = "Exclusions", "Values"
_NEIGHBOURS = 10
_WORST = 5
_COMPONENTS_SHOWN = 3


def qc(
    context: typer.Context,
    store: Annotated[
        Path,
        typer.Argument(
            metavar="STORE",
            help="Folder written by ingest, or by qc itself.",
            show_default=False,
        ),
    ],
    *,
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE.toml",
            rich_help_panel=EXCLUSIONS,
            help="What makes an assay or a sample leave. default: control and non-human assays, "
            "assays with more than half of the values missing, samples without a value. shen2025: "
            "only the missing values. strict: as default, and failed and outlying samples, and "
            "assays mostly below their limit of detection. Or a file with thresholds of your own.",
        ),
    ] = "default",
    max_missing: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE|off",
            rich_help_panel=EXCLUSIONS,
            help="Assays with more missing than this share leave, instead of the policy's rule.",
        ),
    ] = None,
    max_missing_sample: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE|off",
            rich_help_panel=EXCLUSIONS,
            help="Samples that lack more than this share of the kept assays leave.",
        ),
    ] = None,
    max_below_lod: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE|off",
            rich_help_panel=EXCLUSIONS,
            help="Assays with a larger share of values below their limit of detection leave.",
        ),
    ] = None,
    withdrawn: shared.Withdrawn = None,
    correct: Annotated[
        Correct,
        typer.Option(
            metavar="none|median|regression",
            rich_help_panel=VALUES,
            help="Take out differences between plates or batches, assay by assay. median: their "
            "medians become equal. regression: residuals on plates, plus the mean.",
        ),
    ] = "none",
    by: Annotated[
        Group | None,
        typer.Option(
            metavar="plate|batch",
            rich_help_panel=VALUES,
            help="What --correct takes out. Without: plate.",
            show_default=False,
        ),
    ] = None,
    impute: Annotated[
        Impute,
        typer.Option(
            metavar="none|knn",
            rich_help_panel=VALUES,
            help="Fill missing values. knn: means over the proteins nearest to the protein; as R's "
            "impute.knn up to 1,500 proteins, above which R searches in clusters and this in all.",
        ),
    ] = "none",
    neighbours: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="K",
            rich_help_panel=VALUES,
            help=f"Proteins that --impute averages over. Without: {_NEIGHBOURS}.",
            show_default=False,
        ),
    ] = None,
    components: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="K",
            rich_help_panel=VALUES,
            help="Write the first K principal components of the proteins: scores of each sample "
            "(principal_components.parquet) and loadings.parquet.",
            show_default=False,
        ),
    ] = None,
    _config: shared.Config = None,
    print_config: shared.PrintConfig = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            rich_help_panel=shared.COMPUTING,
            help="Say what would leave and why, and write nothing.",
        ),
    ] = False,
    overwrite: shared.Overwrite = False,
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="STORE2",
            rich_help_panel=shared.RESULTS,
            help="Folder of the store of what is left; another one than STORE.",
        ),
    ],
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    log_json: shared.LogJson = False,
) -> None:
    """Check a store and leave out what a policy excludes.

    Beside the tables of a store it writes qc_assays (missing, below detection, spread, plates,
    variation of controls), qc_samples and qc_panels (missing, flags, medians, components),
    qc_plates (components by plate and batch), qc_controls and exclusions, each row with its
    reason. Values are changed only by --correct and --impute.
    """
    settings = shared.resolve_settings(context, tables={})
    if print_config:
        say(shared.write_configuration(settings))
        return
    _refuse_idle_options(correct, by, impute, neighbours)
    if out.resolve() == store.resolve():
        raise UsageError(f"{out}: is the store that is read; choose another folder for -o")
    log = open_journal(quiet=quiet, verbose=verbose, as_json=log_json)
    threads = hold_threads(None)
    from proteomr.io import read_store, remove_withdrawn_samples, write_store
    from proteomr.provenance import utc_now
    from proteomr.qc import assess, load_policy

    started = utc_now()
    rules = _override(
        load_policy(policy),
        max_missing_per_assay=("--max-missing", max_missing),
        max_missing_per_sample=("--max-missing-sample", max_missing_sample),
        max_below_lod_per_assay=("--max-below-lod", max_below_lod),
    )
    log.info("reading %s", store)
    measured = read_store(store)
    if withdrawn is not None:
        measured = remove_withdrawn_samples(measured, withdrawn)
    if dry_run:
        _describe(measured, assess(measured, policy=rules))
        say(f"nothing is written; without --dry-run: {out}")
        return
    from proteomr.provenance import InputFile, Manifest
    from proteomr.qc import clean
    from proteomr.runs import hold_folder

    with hold_folder(out):
        refuse_used_folder(out, overwrite=overwrite)
        cleaned = clean(
            measured,
            policy=rules,
            correction=_choose_correction(correct, by),
            imputation=_choose_imputation(impute, neighbours),
            components=components,
        )
        keep_journal(out / "log.txt", again=False)
        _log(cleaned, len(measured.notes), log)
        given = (store, *((withdrawn,) if withdrawn is not None else ()))
        manifest = Manifest(
            command="qc",
            arguments=tuple(sys.argv[1:]),
            configuration={**settings, "resolved_policy": rules.settings()},
            inputs=tuple(InputFile.read(path) for path in given),
            threads=threads,
            started=started,
        )
        write_store(cleaned.measured, out, manifest=manifest, extra=cleaned.tables)
    if not quiet:
        _describe(measured, cleaned.assessment)
        for note in cleaned.measured.notes[len(measured.notes) :]:
            report_note(f"note: {note}")
    say(str(out))


def _refuse_idle_options(
    correct: Correct, by: Group | None, impute: Impute, neighbours: int | None
) -> None:
    if by is not None and correct == "none":
        raise UsageError("--by says what --correct takes out: add --correct median or regression")
    if neighbours is not None and impute == "none":
        raise UsageError("--neighbours is for the imputation: add --impute knn")


def _override(rules: "Policy", **given: tuple[str, str | None]) -> "Policy":
    changed: dict[str, Any] = {}
    for name, (option, text) in given.items():
        if text is not None:
            changed[name] = _read_share(text, option=option)
    return replace(rules, name=f"{rules.name}, changed", **changed) if changed else rules


def _read_share(text: str, *, option: str) -> float | None:
    if text == "off":
        return None
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"{option} {text!r} is neither a share from 0 to 1 nor off")
    return share


def _choose_correction(correct: Correct, by: Group | None) -> "Correction | None":
    from proteomr.qc import Correction

    return None if correct == "none" else Correction(correct, by or "plate")


def _choose_imputation(impute: Impute, neighbours: int | None) -> "Imputation | None":
    from proteomr.qc import Imputation

    return None if impute == "none" else Imputation(neighbours or _NEIGHBOURS)


def _log(cleaned: "Cleaned", before: int, log: logging.Logger) -> None:
    measured = cleaned.measured
    log.info("%s samples and %s assays stay", measured.n, measured.assays.height)
    for drop in measured.drops:
        log.info("left out: %s %s (%s)", drop.n, drop.reason, drop.step)
    for note in measured.notes[before:]:
        log.info("note: %s", note)


def _describe(measured: "Measurements", found: "Assessment") -> None:
    """Print who stays and who leaves, the worst assays, and what plates and batches explain."""
    from proteomr.qc import count_exclusions

    gone = dict(found.exclusions["kind"].value_counts().rows())
    samples, assays = measured.n, measured.assays.height
    say(
        f"policy {found.policy.name}: {samples - gone.get('sample', 0):,} of {samples:,} samples "
        f"and {assays - gone.get('assay', 0):,} of {assays:,} assays stay"
    )
    for drop in count_exclusions(found.exclusions):
        say(f"left out: {drop.n:,} {drop.reason}")
    _describe_outliers(found)
    _print_assays(found.assays)
    _print_plates(found.plates)


def _describe_outliers(found: "Assessment") -> None:
    samples = found.samples
    for column, what in (
        ("panels_outlying_median_iqr", "median or IQR"),
        ("panels_outlying_components", "principal components"),
        ("n_failed_panels", "failed checks of the laboratory"),
    ):
        count = int((samples[column] > 0).sum())
        if count:
            left = int(samples.filter(samples[column] > 0)["excluded"].sum())
            say(f"outlying: {count:,} samples by {what}, {left:,} of them left out")


def _print_assays(assays: "pl.DataFrame") -> None:
    import polars as pl

    worst = assays.filter(pl.col("n_missing") > 0).sort(
        "share_missing", "protein", descending=[True, False]
    )
    rows = [
        [
            row["protein"],
            row["gene"] or "",
            row["panel"] or "",
            f"{row['share_missing']:.1%}",
            _percent(row["share_below_lod"], scale=100),
            _percent(row["plate_share"], scale=100),
            _percent(row["cv_intra_percent"]),
            _percent(row["cv_inter_percent"]),
            row["reason"] or "",
        ]
        for row in worst.head(_WORST).iter_rows(named=True)
    ]
    headings = ["assay", "gene", "panel", "missing", "below|LOD", "by|plate", "CV|within"]
    headings += ["CV|between", "left out for"]
    used = [0, *(j for j in range(1, len(headings)) if any(row[j] for row in rows))]
    if rows:
        left = sum(j < 3 for j in used)
        print_rows([headings[j] for j in used], [[row[j] for j in used] for row in rows], left=left)


def _percent(value: float | None, *, scale: float = 1.0) -> str:
    return "" if value is None else f"{scale * value:.1f}%"


def _print_plates(plates: "pl.DataFrame") -> None:
    import polars as pl

    several = plates["panel"].drop_nulls().n_unique() > 1
    shown = plates.filter(pl.col("component") <= _COMPONENTS_SHOWN)
    if several:
        shown = shown.filter(pl.col("panel") == "all")
    if shown.height:
        headings = ["components of", "by", "groups", "PC", "variance", "R2", "-log10p"]
        print_rows(headings, _plate_rows(shown), left=2)


def _plate_rows(shown: "pl.DataFrame") -> Iterable[list[str]]:
    for row in shown.iter_rows(named=True):
        strength = row["neg_log10_p"]
        yield [
            row["panel"] or "all assays",
            row["factor"],
            f"{row['groups']:,}",
            str(row["component"]),
            f"{row['variance_share']:.1%}",
            f"{row['r2']:.3f}",
            "inf" if strength is None else f"{strength:.1f}",
        ]
