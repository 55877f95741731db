"""What is printed of curves: numbers at risk, survival, medians, tests and differences."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import print_rows, report_note, say
from .curve_options import CurveChoice
from .jobs import Task
from .survival_options import SurvivalScan

if TYPE_CHECKING:
    import polars as pl

    from proteomr.execute import Shard
    from proteomr.runs import Results

__all__ = ["curves_task", "show_curves"]

_SHOWN = 3  # pairs of protein and outcome with a table each
_OF_A_PAIR = ("groups", "curve_times", "medians", "rmst")
_LISTED = 12  # tests in the list
_TIMES = 4  # as many as 80 columns have room for


def curves_task(
    groups: CurveChoice,
    scan: SurvivalScan,
    samples: Path,
    proteins: list[Path],
    out: Path,
    *,
    shard: "Shard | None",
) -> Task:
    """Return what the command does for curves."""

    def make_job() -> Any:
        from proteomr.survival import CurvesJob

        return CurvesJob(groups.request(scan, samples, proteins), shard)

    def report(results: "Results") -> None:
        show_curves(results, shard=shard)

    return Task(make_job, out, report, describe_untested, shard=shard, doing="comparing")


def describe_untested(results: "Results") -> str:
    """Say how many tests there are not."""
    return f"{results.failed:,} of {results.units:,} have no test; logrank.parquet says why"


def show_curves(results: "Results", *, shard: "Shard | None" = None) -> None:
    """Print the groups of the strongest pairs of protein and outcome, and a list of the tests; or
    what a shard leaves to do.
    """
    if shard is not None:
        report_note(f"shard {shard} is done; when all are: proteomr merge {results.folder}")
        return
    import polars as pl

    tests, competing = results.table("logrank"), ("gray",) if "gray" in results.names else ()
    strongest = tests.sort("neg_log10_p", descending=True, nulls_last=True, maintain_order=True)
    for row in strongest.head(_SHOWN).iter_rows(named=True):
        chosen = pl.col("outcome").eq(row["outcome"])
        if row["protein"] is not None:
            chosen &= pl.col("protein").eq(row["protein"])
        if "lag" in row:
            chosen &= pl.col("lag").eq(row["lag"])
        parts = {name: results.table(name).filter(chosen) for name in _OF_A_PAIR + competing}
        _show_pair(row, parts)
    if tests.height > _SHOWN:
        _list_tests(strongest)


def _show_pair(test: dict[str, Any], parts: "dict[str, pl.DataFrame]") -> None:
    said = _describe_test(test)
    say(f"{_name(test)} and {_outcome(test)}: {said}")
    if not parts["groups"].height:
        return
    _show_survival(parts)
    _show_ties(parts["groups"])
    _show_means(parts["rmst"])
    if "gray" in parts:
        _show_incidence(parts["gray"])
    say("")


def _show_survival(parts: "dict[str, pl.DataFrame]") -> None:
    times = parts["curve_times"]
    at = times["time"].drop_nulls().unique().sort().to_list()
    at = [time for time in at if time > 0] or at
    at = at[:: -max(1, -(-len(at) // _TIMES))][::-1]
    cells = {(row["group"], row["time"]): row for row in times.iter_rows(named=True)}
    halves = parts["medians"].filter(survival=0.5)
    medians = {row["group"]: row for row in halves.iter_rows(named=True)}
    lines = []
    for group in parts["groups"].iter_rows(named=True):
        label = group["group"]
        read = [cells.get((label, time)) for time in at]
        lines.append(
            [
                label,
                _borders(group),
                f"{group['people']:,}",
                f"{group['events']:,}",
                *(_survival(row) for row in read),
                _median(medians.get(label)),
            ]
        )
    heads = [f"{time:g}" for time in at]
    print_rows(["", "values", "people", "events", *heads, "median"], lines, left=2)


def _show_means(means: "pl.DataFrame") -> None:
    for row in means.iter_rows(named=True):
        if row["quantity"] != "difference":
            continue
        of = f"mean to {row['tau']:.4g}, {row['group']} less {row['reference']}: "
        if row["estimate"] is None:
            say(of + f"{row['status']}, {row['message']}")
            continue
        p = "" if row["p_value"] is None else f", p {row['p_value']:.2g}"
        limits = f"{row['conf_low']:.3g} to {row['conf_high']:.3g}"
        say(f"{of}{row['estimate']:.3g} ({limits}{p})")


def _show_ties(groups: "pl.DataFrame") -> None:
    """Say where a border parts people of nearly one value, and what ties did to the groups."""
    for message in groups["message"].drop_nulls().unique().to_list():
        say(message)
    for row in groups.head(groups.height - 1).iter_rows(named=True):
        if row["at_high"] > 1 and row["low"] != row["high"]:
            say(f"{row['at_high']:,} people of {row['group']} are at its border, {row['high']:.4g}")


def _show_incidence(tests: "pl.DataFrame") -> None:
    for row in tests.iter_rows(named=True):
        said = f"event {row['cause']} ({row['n_case']:,}), cumulative incidence: "
        if row["statistic"] is None:
            say(said + f"{row['status']}, {row['message']}")
        else:
            p = f"p {row['p_value']:.2g}"
            df = f"{row['df']:g} df" if row.get("m") is None else _describe_df(row)
            say(said + f"Gray's test {row['statistic']:.2f}, {df}, {p}")


def _list_tests(tests: "pl.DataFrame") -> None:
    lines = [
        [
            _name(row),
            _outcome(row),
            f"{row['n']:,}",
            f"{row['n_case']:,}",
            "" if row["statistic"] is None else f"{row['statistic']:.2f}",
            row["status"] if row["p_value"] is None else f"{row['p_value']:.2g}",
            "" if row["q_bh"] is None else f"{row['q_bh']:.2g}",
        ]
        for row in tests.head(_LISTED).iter_rows(named=True)
    ]
    print_rows(["", "", "people", "events", "chi2", "p", "q"], lines, left=2)
    if tests.height > _LISTED:
        say(f"{tests.height - _LISTED:,} more in logrank.parquet")


def _describe_test(test: dict[str, Any]) -> str:
    if test["statistic"] is None:
        return ": ".join(part for part in (test["status"], test["message"]) if part)
    kind = "log-rank" if test["rho"] == 0 else f"G-rho {test['rho']:g}"
    within = f" within {test['baseline']}" if test["baseline"] else ""
    df = f"{test['df']:g} df"
    if test.get("m") is not None:
        kind, df = f"{kind} of {test['m']} imputations, F", _describe_df(test)
    said = f"{kind}{within} {test['statistic']:.2f}, {df}, p {test['p_value']:.2g}"
    trend = test["trend_p_value"]
    return said if trend is None or test["df"] < 2 else f"{said}; trend p {trend:.2g}"


def _describe_df(test: dict[str, Any]) -> str:
    """Say the degrees of freedom of a test that was pooled over imputations, an F."""
    denominator = test["df_denominator"]
    return f"{test['df']:g} and {'endless' if denominator is None else f'{denominator:.4g}'} df"


def _name(row: dict[str, Any]) -> str:
    return str(row["by"] if row["protein"] is None else row["protein"])


def _outcome(row: dict[str, Any]) -> str:
    return f"{row['outcome']} after {row['lag']:g}" if row.get("lag") else str(row["outcome"])


def _borders(group: dict[str, Any]) -> str:
    if group["low"] is None or group["low"] == group["high"]:
        return ""
    return f"{group['low']:.3g} to {group['high']:.3g}"


def _survival(row: dict[str, Any] | None) -> str:
    if row is None or row["survival"] is None:
        return ""
    return f"{row['survival']:.3f} ({row['at_risk']:,.0f})"


def _median(row: dict[str, Any] | None) -> str:
    return "" if row is None or row["median"] is None else f"{row['median']:.4g}"
