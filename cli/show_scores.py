"""What is printed of a score that was learnt."""

from typing import TYPE_CHECKING

from .console import print_rows, say

if TYPE_CHECKING:
    from proteomr.runs import Results

__all__ = ["show_performance"]

_SHOWN = ("r2", "mae", "auc", "c_harrell", "c_uno", "brier", "calibration_slope")


def show_performance(results: "Results") -> None:
    """Print the means of the measures over the folds."""
    table = results.table()
    mean = table.filter((table["fold"] == "mean") & table["metric"].is_in(_SHOWN))
    several = mean["set"].n_unique() > 1
    rows = []
    for row in mean.iter_rows(named=True):
        value = "" if row["value"] is None else f"{row['value']:.3f}"
        se = "" if row["se"] is None else f"{row['se']:.3f}"
        horizon = "" if row["horizon"] is None else f"{row['horizon']:g}"
        keys = [row["set"]] if several else []
        keys += [row["model"], row["adjustment"] or "", row["metric"], horizon]
        rows.append([*keys, value, se])
    headings = [*(["set"] if several else []), "model", "adjustment", "metric", "horizon"]
    print_rows([*headings, "mean", "se"], rows, left=len(headings))
    weights = results.table("weights")
    chosen = weights.filter(weights["weight"].fill_null(0.0) != 0.0)
    say(f"{chosen.height:,} of {weights.height:,} proteins have a weight")
