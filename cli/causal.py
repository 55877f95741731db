"""What `mr` prints and draws of an analysis."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .console import print_rows, report_note, say

if TYPE_CHECKING:
    import polars as pl

    from proteomr.mr.run import CausalAnalysis
    from proteomr.plot import Drawing
    from proteomr.tables import Harmonised

__all__ = ["draw_figures", "report_pairs"]

_SHOWN_PAIRS, _SHOWN_ROWS, _IN_A_BOOK = 6, 12, 40


def draw_figures(found: "CausalAnalysis", folder: Path) -> int:
    """Draw the pairs, or of many the strongest that have q below 0.05 as one book; count them."""
    import polars as pl

    from proteomr.files import storage_errors
    from proteomr.plot import draw_pair, save_book, save_drawing

    estimates = found.tables["estimates"]
    chosen = [pair for pair in found.pairs if pair.m]
    many = len(chosen) > _SHOWN_PAIRS
    if many:
        main = estimates.filter(pl.col("method").is_in(["ivw", "wald"]) & (pl.col("q_bh") < 0.05))
        top = main.sort("neg_log10_p", descending=True).head(_IN_A_BOOK)
        wanted = set(top.select("exposure", "outcome").iter_rows())
        chosen = [pair for pair in chosen if (pair.exposures[0], pair.outcome) in wanted]
    if not chosen:
        return 0
    with storage_errors(folder):
        folder.mkdir(exist_ok=True)

    def draw(pair: "Harmonised") -> "Iterator[Drawing]":
        same = (pl.col("exposure") == pair.exposures[0]) & (pl.col("outcome") == pair.outcome)
        return draw_pair(
            pair,
            estimates=estimates.filter(same),
            singlesnp=found.tables["singlesnp"].filter(same),
            leaveoneout=found.tables["leaveoneout"].filter(same),
        )

    if many:
        save_book((drawing for pair in chosen for drawing in draw(pair)), folder / "hits")
        return len(chosen)
    for place, pair in enumerate(chosen, start=1):
        for drawing in draw(pair):
            save_drawing(drawing, folder / f"{place:02}-{drawing.kind}")
    return len(chosen)


def report_pairs(found: "CausalAnalysis", *, quiet: bool) -> int:
    """Print what was found, and return the number of pairs without an estimate."""
    estimates = found.tables["estimates"]
    verdict = found.tables.get("verdict")
    failed = 0 if verdict is None else verdict.filter(verdict["main_method"].is_null()).height
    if quiet:
        return failed
    for drop in found.drops:
        if drop.n:
            say(f"left out: {drop.n:,} {drop.reason} ({drop.step})")
    if verdict is None or verdict.height <= _SHOWN_PAIRS:
        _print_estimates(estimates)
        for row in [] if verdict is None else verdict.iter_rows(named=True):
            say(f"{row['exposure']} on {row['outcome']}: {row['verdict']}")
        _print_strength(found.tables.get("conditional_strength"))
    else:
        _print_hits(estimates)
    checked = found.tables.get("controls_checked")
    for row in [] if checked is None else checked.iter_rows(named=True):
        say(f"control {row['exposure']} on {row['outcome']}: {row['message']}")
    for note in found.notes:
        report_note(f"note: {note}")
    if failed and verdict is not None:
        report_note(f"{failed} of {verdict.height} pairs have no estimate; see status")
    return failed


def _print_strength(strength: "pl.DataFrame | None") -> None:
    for row in [] if strength is None else strength.iter_rows(named=True):
        value = row["conditional_f"]
        shown = "not known" if value is None else f"{value:.1f}"
        say(f"conditional F of {row['exposure']}: {shown}")


def _print_estimates(estimates: "pl.DataFrame") -> None:
    headings = ["exposure", "outcome", "method", "variants", "estimate", "95 %|low", "|high"]
    rows = [_row(row) for row in estimates.iter_rows(named=True)]
    print_rows([*headings, "-log10p", "status"], rows, left=3)


def _print_hits(estimates: "pl.DataFrame") -> None:
    import polars as pl

    main = estimates.filter(pl.col("method").is_in(["ivw", "wald"]) & (pl.col("status") == "ok"))
    top = main.sort("neg_log10_p", descending=True).head(_SHOWN_ROWS)
    hits = main.filter(pl.col("q_bh") < 0.05).height
    say(f"{main.height:,} pairs with an estimate, {hits:,} with q < 0.05; the strongest:")
    headings = ["exposure", "outcome", "method", "variants", "estimate", "95 %|low", "|high"]
    rows = [_row(row) for row in top.iter_rows(named=True)]
    print_rows([*headings, "-log10p", "status"], rows, left=3)


def _row(row: Mapping[str, object]) -> list[str]:
    numbers = [row[name] for name in ("estimate", "conf_low", "conf_high")]
    minus_log = row["neg_log10_p"]
    return [
        *[str(row[name]) for name in ("exposure", "outcome", "method")],
        str(row["nsnp"]),
        *(f"{value:.4g}" if isinstance(value, float) else "" for value in numbers),
        f"{minus_log:.1f}" if isinstance(minus_log, float) else "",
        str(row["status"]),
    ]
