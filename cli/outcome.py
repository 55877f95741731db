"""What is printed of a finished run: the summary, the effective tests, the fits that failed."""

from typing import TYPE_CHECKING

import typer

from .console import print_rows, report_note, say
from .running import FAILED_UNITS, Outcome, RunOptions

if TYPE_CHECKING:
    import polars as pl

__all__ = ["report_outcome"]


def report_outcome(outcome: Outcome | None, *, options: RunOptions, quiet: bool) -> None:
    """Print the summary and the path of the table, and leave with code 4 where fits have failed."""
    if outcome is None:
        if not quiet:
            report_note(
                f"shard {options.shard} is done; when all are: proteomr merge {options.out}"
            )
        say(str(options.out))
        return
    if not quiet:
        _print_summary(outcome.summary)
        _print_effective(outcome.effective)
    if outcome.failed and not (quiet and options.allow_failures):
        failed = {status: n for status, n in outcome.statuses.items() if status != "ok"}
        kinds = ", ".join(f"{status} {n:,}" for status, n in failed.items())
        total = sum(outcome.statuses.values())
        report_note(
            f"{outcome.failed:,} of {total:,} fits have no ordinary estimate: {kinds}; the columns "
            "status and message say more"
        )
    say(str(outcome.table))
    if outcome.failed and not options.allow_failures:
        raise typer.Exit(FAILED_UNITS)


def _print_effective(effective: "pl.DataFrame | None") -> None:
    if effective is None:
        return
    for row in effective.iter_rows(named=True):
        say(
            f"{row['method']:<10}  {row['effective_tests']:,.1f} effective tests of "
            f"{row['proteins']:,} proteins, threshold p < {row['threshold']:.3g}"
        )


def _label(protein: str, gene: str | None) -> str:
    return protein if gene in (None, "", protein) else f"{gene} ({protein})"


def _print_summary(summary: "pl.DataFrame") -> None:
    used = {name for name in summary.columns if summary[name].null_count() < summary.height}
    keys = ["adjustment"]
    keys += [name for name in ("exposure", "outcome", "stratum", "effect") if name in used]
    headings = [*keys, "fitted", "failed", "lambda", "p_bonf|up", "<0.05|down", "q_bh|up"]
    headings += ["<0.05|down", "top|-log10p", "protein"]
    counts = ("bonferroni_up", "bonferroni_down", "bh_up", "bh_down")
    rows = []
    for row in summary.iter_rows(named=True):
        top = row["top_protein"]
        factor = row["lambda"]
        rows.append(
            [
                *("" if row[key] is None else str(row[key]) for key in keys),
                f"{row['fitted']:,}",
                f"{row['failed']:,}",
                "" if factor is None else f"{factor:.2f}",
                *(f"{row[name]:,}" for name in counts),
                "" if top is None else f"{row['top_neg_log10_p']:.1f}",
                "" if top is None else _label(top, row["top_gene"]),
            ]
        )
    print_rows(headings, rows, left=len(keys))
