"""What is printed of a replication: how far halves, centres or cohorts agree."""

from typing import TYPE_CHECKING

from .console import print_rows, say

if TYPE_CHECKING:
    import polars as pl

    from proteomr.runs import Results

__all__ = ["describe_failed_fits", "show_replication"]

_KEYS = ("adjustment", "exposure", "outcome", "effect", "contrast")
_COUNTS = frozenset({"hits1", "hits2", "hits_both"})


def show_replication(results: "Results") -> None:
    """Print the agreement over the splits, and what stands beside it."""
    if "against" in results.names:
        _print_against(results.table("replication"), results.table("against"))
        return
    _print_summary(results.table("summary"))
    if "influence" in results.names:
        _print_influence(results.table("influence"), results.table("joint_tests"))


def describe_failed_fits(results: "Results") -> str:
    """Say how many fits have no ordinary estimate."""
    return (
        f"{results.failed:,} of {results.units:,} fits have no ordinary estimate and take no part; "
        "with --keep-fits the columns status and message say more"
    )


def _used(frame: "pl.DataFrame") -> list[str]:
    """Return the keys in which the rows differ, and the adjustment."""
    several = [name for name in _KEYS[1:] if frame[name].n_unique() > 1]
    return [_KEYS[0], *(several or [n for n in _KEYS[1:3] if not frame[n].null_count()])]


def _show(value: float | None, *, whole: bool = False) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if whole else f"{value:.3f}"


def _print_summary(summary: "pl.DataFrame") -> None:
    keys = _used(summary)
    rows = []
    for row in summary.iter_rows(named=True):
        whole = row["measure"] in _COUNTS
        rows.append(
            [
                *("" if row[key] is None else str(row[key]) for key in keys),
                row["measure"],
                f"{row['splits']:,}",
                f"{row['mean']:.1f}" if whole and row["mean"] is not None else _show(row["mean"]),
                _show(row["median"], whole=whole),
                "|".join(_show(row[name], whole=whole) for name in ("q2_5", "q97_5")),
            ]
        )
    headings = [*keys, "measure", "splits", "mean", "median", "95 % of splits"]
    print_rows(headings, [[*r[:-1], r[-1].replace("|", " to ")] for r in rows], left=len(keys) + 1)


def _print_influence(influence: "pl.DataFrame", tests: "pl.DataFrame") -> None:
    largest = influence.drop_nulls("change_se").sort(influence["change_se"].abs(), descending=True)
    for row in largest.head(1).iter_rows(named=True):
        say(
            f"largest change: {row['protein']} without {row['left_out']}, "
            f"{row['change_se']:+.2f} standard errors ({row['adjustment']})"
        )
    p = tests["p_value"].drop_nulls()
    if p.len():
        few = int((p < 0.05).sum())
        say(f"heterogeneity between levels: p below 0.05 in {few:,} of {p.len():,}")


def _print_against(replication: "pl.DataFrame", against: "pl.DataFrame") -> None:
    keys = _used(replication)
    rows = []
    for row in replication.iter_rows(named=True):
        of = [against[key].eq_missing(row[key]) for key in _KEYS]
        hits = against.filter(*of).filter("hit")
        there = hits.drop_nulls("estimate")
        power = there["power"].sum()
        rows.append(
            [
                *("" if row[key] is None else str(row[key]) for key in keys),
                _show(row["r_effects"]),
                _show(row["sign_agreement"]),
                f"{hits.height:,}",
                f"{there.height:,}",
                f"{int(there['same_sign'].sum() or 0):,}",
                f"{int(there['replicated'].sum() or 0):,}",
                f"{power:,.1f}",
            ]
        )
    headings = [*keys, "r|effects", "same sign|of all", "hits|there", "of them|here"]
    headings += ["same|sign", "replicated", "expected"]
    print_rows(headings, rows, left=len(keys))
