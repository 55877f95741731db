"""What is printed of a scan: the summary, the effective tests, the fits that failed."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .console import print_rows, report_note, say
from .jobs import Task

if TYPE_CHECKING:
    import polars as pl

    from proteomr.execute import Shard
    from proteomr.runs import Job, Results

_PEOPLE_SHOWN = 12
_ROWS_SHOWN = 40
_CORRECTIONS = ("bonferroni", "bh")

__all__ = ["describe_failures", "scan_task", "show_associations"]


def show_associations(results: "Results", *, shard: "Shard | None" = None) -> None:
    """Print the summary of a scan, or of a shard what is to be done when all are there."""
    if shard is not None:
        report_note(f"shard {shard} is done; when all are: proteomr merge {results.folder}")
        return
    _print_people(results.table("attrition"))
    _print_summary(results.summary())
    if "effective_tests" in results.names:
        _print_effective(results.table("effective_tests"))


def scan_task(
    make_job: "Callable[[], Job]",
    out: Path,
    *,
    shard: "Shard | None",
    columns: str,
) -> Task:
    """Return the task of a command that scans proteins: what it prints, and how it is told.

    Parameters
    ----------
    columns : names of the columns of the associations.
    """

    def report(results: "Results") -> None:
        show_associations(results, shard=shard)

    form = {"columns": columns}
    return Task(make_job, out, report, describe_failures, shard=shard, form=form, doing="fitting")


def describe_failures(results: "Results") -> str:
    """Say how many fits have no ordinary estimate, by status."""
    statuses = results.table("associations")["status"].value_counts(sort=True).rows()
    kinds = ", ".join(f"{status} {n:,}" for status, n in statuses if status != "ok")
    return (
        f"{results.failed:,} of {results.units:,} fits have no ordinary estimate: {kinds}; the "
        "columns status and message say more"
    )


def _print_people(attrition: "pl.DataFrame") -> None:
    from proteomr.association.attrition import describe_people

    lines = describe_people(attrition)
    for line in lines[:_PEOPLE_SHOWN]:
        say(line)
    if len(lines) > _PEOPLE_SHOWN:
        say(f"... and {len(lines) - _PEOPLE_SHOWN:,} more in attrition.tsv")


def _print_effective(effective: "pl.DataFrame") -> None:
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
    failed = int(summary["failed"].sum()) > 0
    headings = [*keys, "fitted", *(["failed"] if failed else []), "lambda"]
    headings += ["p_bonf<0.05|up/down", "q_bh<0.05|up/down", "top|-log10p", "protein"]
    rows = []
    for row in summary.iter_rows(named=True):
        top = row["top_protein"]
        factor = row["lambda"]
        rows.append(
            [
                *("" if row[key] is None else str(row[key]) for key in keys),
                f"{row['fitted']:,}",
                *([f"{row['failed']:,}"] if failed else []),
                "" if factor is None else f"{factor:.2f}",
                *(
                    f"{row[f'{name}_up']:,}/{row[f'{name}_down']:,}"
                    for name in ("bonferroni", "bh")
                ),
                "" if top is None else f"{row['top_neg_log10_p']:.1f}",
                "" if top is None else _label(top, row["top_gene"]),
            ]
        )
    print_rows(headings, rows[:_ROWS_SHOWN], left=len(keys))
    if len(rows) > _ROWS_SHOWN:
        say(f"... and {len(rows) - _ROWS_SHOWN:,} more in summary.tsv")
