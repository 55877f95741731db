"""What is printed of a mediation analysis."""

from typing import TYPE_CHECKING

from .console import print_rows, report_note, say, show_limits

if TYPE_CHECKING:
    import polars as pl

    from proteomr.execute import Shard
    from proteomr.runs import Results

_PEOPLE_SHOWN = 12
_ROWS_SHOWN = 20

__all__ = ["describe_failed_pairs", "show_mediation"]


def show_mediation(results: "Results", *, shard: "Shard | None" = None) -> None:
    """Print the effects through the proteins that come first, or what a shard leaves to do."""
    if shard is not None:
        report_note(f"shard {shard} is done; when all are: proteomr merge {results.folder}")
        return
    from proteomr.association.attrition import describe_people

    lines = describe_people(results.table("attrition"))
    for line in lines[:_PEOPLE_SHOWN]:
        say(line)
    if len(lines) > _PEOPLE_SHOWN:
        say(f"... and {len(lines) - _PEOPLE_SHOWN:,} more in attrition.tsv")
    _print_effects(results.table())


def describe_failed_pairs(results: "Results") -> str:
    """Say how many analyses have no estimate, by status."""
    table = results.table()
    failed = table.filter(table["status"] != "ok").unique(
        ["protein", "exposure", "outcome", "adjustment"], maintain_order=True
    )
    kinds = ", ".join(f"{s} {n:,}" for s, n in failed["status"].value_counts(sort=True).rows())
    return (
        f"{results.failed:,} of {results.units:,} analyses have no estimate: {kinds}; the columns "
        "status and message say more"
    )


def _print_effects(table: "pl.DataFrame") -> None:
    """Print the effect through each protein, those with the smallest p_max first."""
    main = table.filter(table["q_composite"].is_not_null()).sort("p_max", maintain_order=True)
    headings = ["protein", "exposure", "outcome", "adjustment", "effect"]
    headings += ["estimate", "limits", "p_max", "q"]
    rows = [
        [
            *(str(row[key]) for key in headings[:4]),
            str(row["quantity"]),
            f"{row['estimate']:.4g}",
            show_limits(row["conf_low"], row["conf_high"]),
            f"{row['p_max']:.2g}",
            f"{row['q_composite']:.2g}",
        ]
        for row in main.head(_ROWS_SHOWN).iter_rows(named=True)
    ]
    print_rows(headings, rows, left=5)
    if main.height > _ROWS_SHOWN:
        say(f"... and {main.height - _ROWS_SHOWN:,} more in mediation.parquet")
