"""What is printed of a colocalisation."""

from typing import TYPE_CHECKING

from .console import print_rows, say

if TYPE_CHECKING:
    import polars as pl

    from proteomr.runs import Results

__all__ = ["describe_failures", "show_coloc"]

_SHOWN = 20
_LIKELY = 0.8  # of PP4, as the field takes for evidence
_WITH_NUMBERS = ("ok", "mismatched")


def show_coloc(results: "Results") -> None:
    """Print the rows that say most, by method."""
    table = results.table()
    show = {
        "coloc": _show_pairs,
        "smr": _show_smr,
        "coloc_clusters": _show_clusters,
        "coloc_configurations": _show_configurations,
    }
    show[results.main](table)


def describe_failures(results: "Results") -> str:
    """Say how many rows have no posteriors, by status."""
    table = results.table()
    failed = table.filter(~table["status"].is_in(_WITH_NUMBERS))
    kinds = ", ".join(f"{s} {n:,}" for s, n in failed["status"].value_counts(sort=True).rows())
    return f"{results.failed:,} of {results.units:,} rows have no numbers: {kinds}; see message"


def _show_pairs(table: "pl.DataFrame") -> None:
    """Print the pairs with most evidence of a shared variant."""
    good = table.filter(table["status"].is_in(_WITH_NUMBERS)).sort(
        "pp_h4", descending=True, maintain_order=True
    )
    pairs = table.select("trait1", "trait2").n_unique()
    likely = good.filter(good["pp_h4"] >= _LIKELY).select("trait1", "trait2").n_unique()
    say(f"{likely:,} of {pairs:,} pairs of traits have PP4 of {_LIKELY:g} or more")
    headings = ["trait1", "trait2", "region", "hit1", "hit2", "variants", "PP3", "PP4"]
    rows = [
        [
            *(str(row[key]) for key in ("trait1", "trait2", "region", "hit1", "hit2")),
            f"{row['nsnps']:,}",
            f"{row['pp_h3']:.3f}",
            f"{row['pp_h4']:.3f}",
        ]
        for row in good.head(_SHOWN).iter_rows(named=True)
    ]
    _print(headings, rows, left=5, more=good.height - len(rows), table="coloc")


def _show_smr(table: "pl.DataFrame") -> None:
    """Print the estimates with the smallest p values."""
    good = table.filter(table["status"].is_in(_WITH_NUMBERS)).sort(
        "neg_log10_p", descending=True, maintain_order=True
    )
    headings = ["trait1", "trait2", "region", "snp", "estimate", "se", "p", "p HEIDI", "variants"]
    rows = [
        [
            *(str(row[key]) for key in headings[:4]),
            f"{row['estimate']:.4g}",
            f"{row['se']:.3g}",
            f"{row['p_value']:.2g}",
            "" if row["p_heidi"] is None else f"{row['p_heidi']:.2g}",
            f"{row['nsnp_heidi']}",
        ]
        for row in good.head(_SHOWN).iter_rows(named=True)
    ]
    _print(headings, rows, left=4, more=good.height - len(rows), table="smr")


def _show_clusters(table: "pl.DataFrame") -> None:
    """Print the clusters."""
    found = table.filter(table["cluster"].is_not_null())
    regions = table["region"].n_unique()
    say(f"{found.height:,} clusters in {regions:,} region{'' if regions == 1 else 's'}")
    headings = ["region", "cluster", "traits", "variant", "posterior", "regional", "alignment"]
    rows = [
        [
            row["region"],
            str(row["cluster"]),
            row["traits"],
            row["snp"],
            f"{row['posterior']:.3f}",
            f"{row['p_regional']:.3f}",
            f"{row['p_alignment']:.3f}",
        ]
        for row in found.head(_SHOWN).iter_rows(named=True)
    ]
    _print(headings, rows, left=4, more=found.height - len(rows), table="coloc_clusters")


def _show_configurations(table: "pl.DataFrame") -> None:
    """Print the likeliest configurations."""
    good = table.filter(table["status"] == "ok").sort(
        "posterior", descending=True, maintain_order=True
    )
    headings = ["region", "configuration", "variant", "posterior"]
    rows = [
        [row["region"], row["configuration"], row["snp"] or "", f"{row['posterior']:.3f}"]
        for row in good.head(_SHOWN).iter_rows(named=True)
    ]
    _print(headings, rows, left=3, more=good.height - len(rows), table="coloc_configurations")


def _print(headings: list[str], rows: list[list[str]], *, left: int, more: int, table: str) -> None:
    print_rows(headings, rows, left=left)
    if more > 0:
        say(f"... and {more:,} more in {table}.parquet")
