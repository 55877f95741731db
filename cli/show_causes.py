"""What is printed of an analysis of causes: estimates and verdicts, or the strongest of many."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from .bundles import Figures
from .console import print_rows, say

if TYPE_CHECKING:
    import polars as pl

    from proteomr.mr.job import Draw
    from proteomr.runs import Results

__all__ = ["choose_figures", "describe_failures", "show_causes"]

_SHOWN_PAIRS, _SHOWN_ROWS = 6, 12
_PAIR = ["exposure", "outcome", "direction"]
_NATIVE = {
    "exposure": "exposure",
    "outcome": "outcome",
    "method": "method",
    "variants": "nsnp",
    "F": "mean_f",
    "R2": "r2_exposure",
    "estimate": "estimate",
    "95 %|low": "conf_low",
    "|high": "conf_high",
    "-log10p": "neg_log10_p",
    "status": "status",
}
_TWOSAMPLEMR = {name: name for name in ("exposure", "outcome", "method", "nsnp", "b", "se", "pval")}


def choose_figures(asked: Figures) -> "Draw | None":
    """Return what draws the pairs; None where no figures are asked for."""
    if not asked.figures:
        return None
    from proteomr.plot.mr_figures import FigureOptions, draw_causes

    return partial(draw_causes, options=FigureOptions.of(asked.figure_format))


def describe_failures(results: "Results") -> str:
    """Say how many pairs, or of several exposures at once how many of them, have no estimate."""
    what = "pairs" if "verdict" in results.names else "exposures"
    return f"{results.failed:,} of {results.units:,} {what} have no estimate; see status"


def show_causes(results: "Results") -> None:
    """Print what was left out and the estimates, of many pairs the strongest, and verdicts."""
    for step, reason, n in results.table("drops").rows():
        say(f"left out: {n:,} {reason} ({step})")
    verdict = results.table("verdict") if "verdict" in results.names else None
    estimates = results.table()
    if "reach" in results.names and "estimate" in estimates.columns:
        strength = results.table("reach").select(*_PAIR, "mean_f", "r2_exposure")
        estimates = estimates.join(strength, on=_PAIR, how="left", maintain_order="left")
    if verdict is None:
        _print_estimates(estimates)
    elif verdict.height > _SHOWN_PAIRS:
        _print_hits(estimates, verdict)
        _print_caveats(verdict)
    else:
        _print_estimates(estimates)
        for row in verdict.iter_rows(named=True):
            say(f"{_name_pair(row)}: {row['verdict']}")
    if "conditional_strength" in results.names:
        _print_strength(results.table("conditional_strength"))
    if "controls_checked" in results.names:
        for row in results.table("controls_checked").iter_rows(named=True):
            say(f"control {row['exposure']} on {row['outcome']}: {row['message']}")
    if "coloc_gate" in results.names:
        _print_gate(results.table("coloc_gate"))


def _print_gate(gate: "pl.DataFrame") -> None:
    """Print which hits pass colocalisation and direction, the strongest first."""
    passed = int(gate["passes"].sum())
    say(f"coloc: {passed:,} of {gate.height:,} hits pass")
    strongest = gate.sort("neg_log10_p", descending=True, maintain_order=True).head(_SHOWN_ROWS)
    for row in strongest.iter_rows(named=True):
        shared = "" if row["pp_h4"] is None else f" (PP.H4 {row['pp_h4']:.3f}, {row['region']})"
        say(f"  {row['exposure']} on {row['outcome']}: {row['gate']}{shared}")


def _print_caveats(verdict: "pl.DataFrame") -> None:
    """Print what speaks against the numbers of many pairs, each once."""
    counts = verdict["caveats"].drop_nulls().value_counts(sort=True, name="n")
    for text, n in counts.head(_SHOWN_ROWS).rows():
        say(f"against {n:,} of {verdict.height:,} pairs: {text}")


def _print_strength(strength: "pl.DataFrame") -> None:
    for row in strength.iter_rows(named=True):
        value = row["conditional_f"]
        shown = "not known" if value is None else f"{value:.1f}"
        say(f"conditional F of {row['exposure']}: {shown}")


def _print_estimates(estimates: "pl.DataFrame") -> None:
    """Print rows under the names that the columns of the table have."""
    shown = _NATIVE if "estimate" in estimates.columns else _TWOSAMPLEMR
    shown = {title: name for title, name in shown.items() if name in estimates.columns}
    if "direction" in estimates.columns and (estimates["direction"] == "reverse").any():
        shown = {"": "direction", **shown}
    rows = [_row(row, shown) for row in estimates.iter_rows(named=True)]
    print_rows(list(shown), rows, left=4 if "" in shown else 3)


def _print_hits(estimates: "pl.DataFrame", verdict: "pl.DataFrame") -> None:
    """Print the strongest pairs by their main estimate."""
    import polars as pl

    estimated = verdict.filter(pl.col("main_method").is_not_null())
    top = estimated.sort("neg_log10_p", descending=True, maintain_order=True).head(_SHOWN_ROWS)
    hits = f", {estimated.filter(pl.col('q_bh') < 0.05).height:,} with q < 0.05"
    keys = [*_PAIR, "method"]
    say(f"{estimated.height:,} pairs with an estimate{hits}; the strongest:")
    if "estimate" not in estimates.columns:
        shown = ("exposure", "outcome", "main_method", "nsnp", "estimate", "neg_log10_p", "q_bh")
        rows = [_row(row, {name: name for name in shown}) for row in top.iter_rows(named=True)]
        print_rows(list(shown), rows, left=3)
        return
    wanted = top.select(*_PAIR, method="main_method")
    _print_estimates(wanted.join(estimates, on=keys, how="left", maintain_order="left"))


def _name_pair(row: Mapping[str, object]) -> str:
    way = " (reverse)" if row["direction"] == "reverse" else ""
    return f"{row['exposure']} on {row['outcome']}{way}"


def _row(row: Mapping[str, object], shown: Mapping[str, str]) -> list[str]:
    return [_write(row[name], name) for name in shown.values()]


def _write(value: object, name: str) -> str:
    if isinstance(value, float):
        if name == "mean_f":
            return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
        if name == "r2_exposure":
            return f"{100 * value:.2g}%"
        return f"{value:.1f}" if name == "neg_log10_p" else f"{value:.4g}"
    return "" if value is None else str(value)
