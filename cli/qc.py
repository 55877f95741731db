"""`proteomr qc`: quality control of a store, and a second store of what is left."""

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from proteomr.errors import UsageError, nearest

from . import options as shared
from .bundles import Running, takes_bundles
from .console import print_rows, say
from .jobs import Task, choose_formats, run_command

if TYPE_CHECKING:
    import polars as pl

    from proteomr.qc import Assessment, Policy, QcJob
    from proteomr.runs import Results

__all__ = ["qc"]

Correct = Literal["none", "median", "regression"]
Group = Literal["plate", "batch"]
Impute = Literal["none", "knn"]

EXCLUSIONS, VALUES = "Exclusions", "Values"
_NEIGHBOURS, _WORST, _COMPONENTS_SHOWN = 10, 5, 3
_SHARES = ("share_below_lod", "plate_share")
_PERCENTAGES = ("cv_intra_percent", "cv_inter_percent")


@takes_bundles
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
            "assays more than half missing, samples without a value. shen2025: missing values "
            "alone. strict: as default, and failed and outlying samples, and assays mostly below "
            "detection. Or a file with thresholds of your own.",
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
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            rich_help_panel=EXCLUSIONS,
            help="Any setting of a policy by its name, over the policy's: max_failed_panels=1, "
            "sd_components=4, max_cv_inter_percent=30; off switches a rule off. Repeatable.",
            show_default=False,
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
    format: shared.Format = "parquet",
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
    running: Running,
) -> None:
    """Check a store and leave out what a policy excludes.

    Beside the tables of a store it writes qc_assays (missing, below detection, spread, plates,
    variation of controls), qc_samples and qc_panels (missing, flags, medians, components),
    qc_plates (components by plate and batch), qc_controls and exclusions, each row with its
    reason. Values are changed only by --correct and --impute.
    """
    pairs = shared.parse_pairs(threshold, option="--threshold", example="max_failed_panels=1")
    _refuse_idle_options(correct, by, impute, neighbours)

    def make_job() -> "QcJob":
        from proteomr.qc import Correction, Imputation, QcJob, QcRequest, load_policy

        rules = _override(
            load_policy(policy),
            pairs,
            max_missing_per_assay=("--max-missing", max_missing),
            max_missing_per_sample=("--max-missing-sample", max_missing_sample),
            max_below_lod_per_assay=("--max-below-lod", max_below_lod),
        )
        request = QcRequest.of(
            store,
            policy=rules,
            correction=None if correct == "none" else Correction(correct, by or "plate"),
            imputation=None if impute == "none" else Imputation(neighbours or _NEIGHBOURS),
            components=components,
            withdrawn=withdrawn,
        )
        return QcJob(request)

    task = Task(
        make_job,
        out,
        _describe,
        tables={"threshold": pairs},
        formats=choose_formats(format),
        prints_folder=True,
    )
    run_command(context, running, task)


def _refuse_idle_options(
    correct: Correct, by: Group | None, impute: Impute, neighbours: int | None
) -> None:
    if by is not None and correct == "none":
        raise UsageError("--by says what --correct takes out: add --correct median or regression")
    if neighbours is not None and impute == "none":
        raise UsageError("--neighbours is for the imputation: add --impute knn")


def _override(
    rules: "Policy", pairs: dict[str, str], **options: tuple[str, str | None]
) -> "Policy":
    """Return a policy with other thresholds: pairs by name, and options of their own."""
    changed: dict[str, Any] = {}
    names = [name for name, value in rules.settings().items() if not isinstance(value, str | list)]
    for name, setting in pairs.items():
        if name not in names:
            raise UsageError(f"--threshold: no setting {name!r}{nearest(name, names)}")
        changed[name] = _read_setting(setting)
    for name, (option, text) in options.items():
        if text is None:
            continue
        if name in changed:
            raise UsageError(f"{option} and --threshold {name}= say the same; give one of them")
        changed[name] = _read_share(text, option=option)
    return replace(rules, name=f"{rules.name}, changed", **changed) if changed else rules


def _read_setting(text: str) -> object:
    """Read a number, true, false or off; what is none of them the policy refuses itself."""
    words = {"off": None, "true": True, "false": False}
    if text in words:
        return words[text]
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def _read_share(text: str, *, option: str) -> float | None:
    if text == "off":
        return None
    try:
        share = float(text.removesuffix("%"))
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1 or text.endswith("%"):
        hint = f"; for {share:g} % write {share / 100:g}" if 0 <= share <= 100 else ""
        raise UsageError(f"{option} {text!r} is neither a share from 0 to 1 nor off{hint}")
    return share


def _describe(results: "Results") -> None:
    """Print who stays, what each rule took, and what outliers, controls and plates show."""
    from proteomr.qc import describe_rules, read_assessment

    assessment = read_assessment(results)
    kinds = assessment.exclusions["kind"]
    staying = int((~assessment.samples["excluded"]).sum())
    samples, assays = staying + int((kinds == "sample").sum()), assessment.assays.height
    say(
        f"policy {assessment.policy.name}: {staying:,} of {samples:,} samples "
        f"and {assays - int((kinds == 'assay').sum()):,} of {assays:,} assays stay"
    )
    for rule in describe_rules(assessment):
        say(f"left out: {rule}")
    _describe_outliers(assessment)
    _describe_controls(assessment.assays)
    _print_assays(assessment.assays)
    _describe_plates(assessment)
    say(f"more in {', '.join(assessment.tables)} (proteomr schema NAME)")


def _describe_outliers(assessment: "Assessment") -> None:
    samples, policy = assessment.samples, assessment.policy
    for column, what in (
        ("panels_outlying_median_iqr", f"median or IQR, {policy.sd_median_iqr:g} SD from the mean"),
        ("panels_outlying_components", f"PC1 or PC2, {policy.sd_components:g} SD from the mean"),
        ("n_failed_panels", "failed checks of the laboratory"),
    ):
        marked = samples.filter(samples[column] > 0)
        if marked.height:
            dropped = int(marked["excluded"].sum())
            say(
                f"outlying: {marked.height:,} samples by {what}, on any panel; {dropped:,} left out"
            )


def _describe_controls(assays: "pl.DataFrame") -> None:
    for column, where in (("cv_intra_percent", "within"), ("cv_inter_percent", "between")):
        measured = assays.drop_nulls(column)
        if measured.height:
            kinds = ", ".join(measured["cv_control"].unique().sort())
            half = measured[column].quantile(0.5, "linear")
            say(
                f"CV {where} plates: median {half:.1f}% over {measured.height:,} assays, of {kinds}"
            )


def _print_assays(assays: "pl.DataFrame") -> None:
    """Print the assays with most values missing or below their limit."""
    import polars as pl

    worst = pl.max_horizontal("share_missing", "share_below_lod")
    chosen = assays.filter(worst > 0).sort(worst, "protein", descending=[True, False])
    rows = [
        [
            row["protein"],
            row["gene"] or "",
            row["panel"] or "",
            f"{row['share_missing']:.1%}",
            *("" if row[name] is None else f"{row[name]:.1%}" for name in _SHARES),
            *("" if row[name] is None else f"{row[name]:.1f}%" for name in _PERCENTAGES),
            row["reason"] or "",
        ]
        for row in chosen.head(_WORST).iter_rows(named=True)
    ]
    headings = ["worst|assays", "gene", "panel", "missing", "below|LOD", "by|plate", "CV|within"]
    headings += ["CV|between", "left out for"]
    used = [0, *(j for j in range(1, len(headings)) if any(row[j] for row in rows))]
    if rows:
        text_columns = sum(j < 3 for j in used)
        print_rows(
            [headings[j] for j in used], [[row[j] for j in used] for row in rows], left=text_columns
        )


def _describe_plates(assessment: "Assessment") -> None:
    """Print the share of variance between plates and batches, beside that of chance alone."""
    import polars as pl

    plates = assessment.plates
    if not plates.height:
        say("plates and batches: fewer than two are known, so that nothing is compared")
        return
    shown = plates.filter(pl.col("panel") == "all", pl.col("component") <= _COMPONENTS_SHOWN)
    if not shown.height:
        shown = plates.filter(pl.col("component") == 1)
    headings = ["components of", "by", "groups", "PC", "variance", "R2", "by|chance", "-log10p"]
    print_rows(headings, _plate_rows(shown), left=2)
    shares = assessment.assays["plate_share"].drop_nulls()
    if shares.len():
        share = shares.quantile(0.5, "linear")
        say(f"between plates lies a median of {share:.1%} of an assay's variance")


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
            f"{(row['groups'] - 1) / (row['n'] - 1):.3f}",
            "inf" if strength is None else f"{strength:.1f}",
        ]
