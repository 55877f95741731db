"""`proteomr qc`: quality control of a store, and a second store of what is left."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from proteomr.errors import UsageError, nearest

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .jobs import Task, choose_formats, run_command
from .people_options import People
from .show_quality import describe_quality

if TYPE_CHECKING:
    from proteomr.qc import Policy, QcJob

__all__ = ["qc"]

Correct = Literal["none", "median", "regression"]
Group = Literal["plate", "batch"]
Impute = Literal["none", "knn"]
Mask = Literal["none", "failed", "flagged"]

EXCLUSIONS, VALUES, PROJECTS = "Exclusions", "Values", "Projects"
_NEIGHBOURS = 10


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
    people: People,
    bridge: Annotated[
        Path | None,
        typer.Option(
            metavar="STORE",
            rich_help_panel=PROJECTS,
            help="Bring STORE of the argument to the scale of this one by the samples that both "
            "measured, and pool them. Within a product: medians of paired differences. Between "
            "products, by Olink's criteria: median centring, quantile smoothing, or not at all.",
            show_default=False,
        ),
    ] = None,
    bridge_samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=PROJECTS,
            help="Samples that both measured, one a line. Without: all names that they share.",
            show_default=False,
        ),
    ] = None,
    lod: Annotated[
        str,
        typer.Option(
            metavar="store|controls|FILE",
            rich_help_panel=VALUES,
            help="Limits of detection: those of the store; from its negative controls (Olink: "
            "median + max(0.2, 3 SD) of 10 or more; SomaScan: of buffer wells, median + 3.3 "
            "robust SD); or a file with an assay and a LOD a row.",
        ),
    ] = "store",
    mask: Annotated[
        Mask,
        typer.Option(
            metavar="none|failed|flagged",
            rich_help_panel=VALUES,
            help="Set values missing that the laboratory's checks are about, instead of losing the "
            "whole sample. failed: checks that failed. flagged: warnings too. What it took is in "
            "masked.",
        ),
    ] = "none",
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
    figures: Figures,
    running: Running,
) -> None:
    """Check a store and leave out what a policy excludes.

    Beside the tables of a store it writes qc_assays (missing, below detection, spread, plates,
    variation of controls), qc_samples and qc_panels (missing, flags, medians, components),
    qc_plates (components by plate and batch), qc_controls and exclusions, each row with its
    reason. Values are changed only by --bridge, --mask, --correct and --impute, in this order.
    """
    pairs = shared.parse_pairs(threshold, option="--threshold", example="max_failed_panels=1")
    _refuse_idle_options(correct, by, impute, neighbours)

    def make_job() -> "QcJob":
        from proteomr.qc import Correction, Imputation, Masking, QcJob, QcRequest, load_policy

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
            reference=bridge,
            bridges=bridge_samples,
            limits=None if lod == "store" else lod,
            masking=None if mask == "none" else Masking(mask),
            people=people.choose(),
        )
        return QcJob(request)

    task = Task(
        make_job,
        out,
        describe_quality,
        tables={"threshold": pairs},
        formats=choose_formats(format),
        figures=figures,
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
