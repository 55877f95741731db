"""What `proteomr qc` prints: who stays, what each rule took, and what the values show."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .console import print_rows, say

if TYPE_CHECKING:
    import polars as pl

    from proteomr.qc import Assessment
    from proteomr.runs import Results

__all__ = ["describe_quality"]

_WORST, _COMPONENTS_SHOWN = 5, 3
_SHARES = ("share_below_lod", "plate_share")
_PERCENTAGES = ("cv_intra_percent", "cv_inter_percent")


def describe_quality(results: "Results") -> None:
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
    _describe_pooling(results)
    _describe_outliers(assessment)
    _describe_controls(assessment.assays)
    _print_assays(assessment.assays)
    _describe_plates(assessment)
    say(f"more in {', '.join(assessment.tables)} (proteomr schema NAME)")


def _describe_pooling(results: "Results") -> None:
    """Print how many assays were brought over how, and how many values were masked."""
    if "bridging" in results.names:
        counted = results.table("bridging").group_by("recommendation", "pooled").len()
        for recommendation, pooled, n in counted.sort("len", descending=True).iter_rows():
            words = recommendation.replace("_", " ")
            say(f"bridging: {n:,} assays {pooled.replace('_', ' ')} ({words})")
    if "masked" in results.names:
        masked = results.table("masked")
        say(f"masked: {masked['n_values'].sum():,} values of {masked.height:,} flags")


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
