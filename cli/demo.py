"""`proteomr demo`: a small study from end to end, its hits beside the truth that was planted."""

import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proteomr.errors import RunFolderError

from . import options as shared
from .console import print_rows, report_note, say
from .jobs import Tracked, attach_log
from .journal import open_journal
from .progress import watch
from .resources import hold_threads
from .simulate import describe_cohort

if TYPE_CHECKING:
    import polars as pl

__all__ = ["demo"]

SMALL, FULL = (4_000, 200), (42_062, 2_920)
ALPHA = 0.05
_SHOWN, _SHOWN_FALSE = 12, 4
_MR_METHODS = ("ivw", "egger", "weighted_median", "weighted_mode")
_MR_DRAWS = 300  # enough for two digits, in a second


def demo(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="DIR", help="Keep all files here. Without: they are removed."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="The model study's size: 42,062 people, 2,920 proteins.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="Of all random numbers.")] = 1,
    threads: shared.Threads = None,
    overwrite: shared.Overwrite = False,
    no_progress: shared.NoProgress = False,
) -> None:
    """Scan and estimate causes on simulated data of known truth.

    Both exposures, a simple and a full adjustment, logistic; then Mendelian randomisation of
    loneliness on outcomes of known truth. Needs no network and takes well under a minute.
    """
    if out is not None:
        _run(out, full=full, seed=seed, threads=threads, overwrite=overwrite, show=not no_progress)
        return
    from proteomr.runs import open_scratch

    with open_scratch() as scratch:
        try:
            _run(
                scratch / "demo",
                full=full,
                seed=seed,
                threads=threads,
                overwrite=False,
                show=not no_progress,
                named="demo",
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt("the temporary folder is removed") from None
    report_note("the temporary folder is removed; -o DIR keeps the cohort and the results")


def _run(
    folder: Path,
    *,
    full: bool,
    seed: int,
    threads: int | None,
    overwrite: bool,
    show: bool,
    named: str | None = None,
) -> None:
    cohort, results = folder / "cohort", folder / "associations"
    if not overwrite and (cohort / "manifest.json").exists():
        raise RunFolderError(
            f"{folder}: already holds a demo; choose another folder, or replace it with --overwrite"
        )
    count = hold_threads(threads)
    open_journal()
    from proteomr.association import AssociateJob, ModelSpec, make_request
    from proteomr.execute import Threads
    from proteomr.runs import Account, Output, run_job
    from proteomr.runs.progress import watched_by
    from proteomr.simulate import ADJUSTMENTS, simulate
    from proteomr.simulate.study import EXPOSURES

    people, proteins = FULL if full else SMALL
    began = time.monotonic()
    with watch(show=show) as watcher, watched_by(watcher):
        simulated = simulate(
            cohort,
            people=people,
            proteins=proteins,
            seed=seed,
            summary_statistics=True,
            overwrite=overwrite,
        )
    say(f"simulated  {describe_cohort(simulated)}, {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    settings = {"people": people, "proteins": proteins, "seed": seed}
    spec = ModelSpec("logistic", EXPOSURES, ADJUSTMENTS)
    request = make_request(spec, cohort, protein_covariates={"timegap": cohort / "timegap.parquet"})
    with watch(show=show) as watcher, watched_by(watcher):
        scanned = run_job(
            AssociateJob(request),
            Output(results, overwrite=overwrite),
            executor=Tracked(Threads(count), watcher, doing="fitting", unit="blocks"),
            account=Account(configuration=settings, threads=count, seed=seed),
            opened=attach_log,
        )
    say(f"scanned    {scanned.units:,} logistic fits, {time.monotonic() - began:.1f} s\n")
    compared = _compare(results / "associations.parquet", cohort / "truth.parquet")
    for exposure in EXPOSURES:
        _print_hits(compared.filter(exposure=exposure), exposure)
    _print_counts(compared)
    _estimate_causes(folder, seed=seed, threads=count, overwrite=overwrite)
    _print_commands(str(folder) if named is None else named, settings)


def _estimate_causes(folder: Path, *, seed: int, threads: int, overwrite: bool) -> None:
    """Estimate effects on outcomes whose causal truth is planted, and print both."""
    from proteomr.execute import Threads
    from proteomr.mr.job import MrJob
    from proteomr.mr.request import MrRequest
    from proteomr.runs import Account, Output, run_job

    began = time.monotonic()
    simulated = folder / "cohort" / "gwas"
    request = MrRequest.of(
        simulated / "exposure.parquet",
        simulated / "outcomes.parquet",
        methods=_MR_METHODS,
        bootstraps=_MR_DRAWS,
        seed=seed,
    )
    results = run_job(
        MrJob(request),
        Output(folder / "mr", overwrite=overwrite),
        executor=Threads(threads),
        account=Account(threads=threads, seed=seed),
        opened=attach_log,
    )
    say(
        f"\ncauses     {results.table('instruments').height} instruments of loneliness, "
        f"{results.units} outcomes, {time.monotonic() - began:.1f} s\n"
    )
    _print_causes(results.table(), simulated / "truth.parquet")


def _print_causes(estimates: "pl.DataFrame", truth: Path) -> None:
    import polars as pl

    facts = {
        row["outcome"]: row for row in pl.read_parquet(truth, glob=False).iter_rows(named=True)
    }
    wide = {(row["outcome"], row["method"]): row for row in estimates.iter_rows(named=True)}
    rows = []
    for outcome, fact in facts.items():
        cells = [f"{fact['causal_effect']:.2f}", str(fact["pleiotropy"])]
        for method in _MR_METHODS:
            row = wide.get((outcome, method))
            if row is None or row["estimate"] is None:
                cells.append("")
                continue
            covers = row["conf_low"] <= fact["causal_effect"] <= row["conf_high"]
            cells.append(f"{row['estimate']:.2f}{'' if covers else ' *'}")
        rows.append([outcome, *cells])
    headings = [
        "outcome",
        "true|effect",
        "pleiotropy",
        *(name.replace("_", "|") for name in _MR_METHODS),
    ]
    print_rows(headings, rows, left=1)
    say("* the 95 % interval misses the truth")


def _compare(table: Path, truth: Path) -> "pl.DataFrame":
    """Return the truth, one row for each protein and exposure, with what each set has found."""
    import polars as pl

    compared = pl.read_parquet(truth, glob=False)
    wanted = ["ratio", "conf_low", "conf_high", "neg_log10_p", "p_bonferroni"]
    associations = pl.read_parquet(table, glob=False).select(
        "protein", "exposure", "adjustment", *wanted
    )
    for (label,), part in associations.group_by("adjustment", maintain_order=True):
        columns = part.select(
            "protein",
            "exposure",
            pl.col("ratio").alias(f"{label}_ratio"),
            pl.col("conf_low").exp().alias(f"{label}_low"),
            pl.col("conf_high").exp().alias(f"{label}_high"),
            pl.col("neg_log10_p").alias(f"{label}_strength"),
            (pl.col("p_bonferroni") < ALPHA).fill_null(value=False).alias(f"{label}_found"),
        )
        compared = compared.join(columns, on=["protein", "exposure"], how="left")
    return compared


def _print_hits(compared: "pl.DataFrame", exposure: str) -> None:
    """Print what was planted or found with the full set, and the strongest confounded hits."""
    ranked = compared.sort("full_strength", descending=True, nulls_last=True)
    planted = ranked.filter((ranked["role"] == "planted") | ranked["full_found"])
    misled = compared.filter((compared["role"] != "planted") & compared["simple_found"])
    misled = misled.filter(~misled["full_found"]).sort("simple_strength", descending=True)
    rows = [
        *planted.head(_SHOWN).iter_rows(named=True),
        *misled.head(_SHOWN_FALSE).iter_rows(named=True),
    ]
    say(exposure)
    headings = ["protein", "truth", "OR planted"]
    for label in ("simple", "full"):
        headings += [f"{label}: OR (95% CI)", "found"]
    print_rows(
        headings,
        [
            [
                row["protein"],
                row["role"],
                f"{row['odds_ratio']:.2f}",
                *(cell for label in ("simple", "full") for cell in _show_estimate(row, label)),
            ]
            for row in rows
        ],
        left=2,
    )
    left_out = [
        f"{max(planted.height - _SHOWN, 0)} more planted",
        f"{max(misled.height - _SHOWN_FALSE, 0)} more that the simple set alone takes for hits",
    ]
    say(f"and {', '.join(left_out)}\n")


def _show_estimate(row: Mapping[str, Any], label: str) -> tuple[str, str]:
    ratio, low, high = (row[f"{label}_{name}"] for name in ("ratio", "low", "high"))
    if ratio is None:
        return "", "no"
    return f"{ratio:.2f} ({low:.2f}-{high:.2f})", "yes" if row[f"{label}_found"] else "no"


def _print_counts(compared: "pl.DataFrame") -> None:
    planted = compared.filter(role="planted")
    rows = []
    for label in ("simple", "full"):
        hits = compared.filter(compared[f"{label}_found"])
        by_role = dict(hits["role"].value_counts().rows())
        rows.append(
            [
                label,
                f"{by_role.get('planted', 0)} of {planted.height}",
                str(by_role.get("confounded-only", 0)),
                str(by_role.get("null", 0)),
                "",
            ]
        )
    print_rows(
        ["adjustment", "|true positives", "false positives|confounded", "|null", ""], rows, left=1
    )
    say(
        f"found: Bonferroni below {ALPHA} over both exposures; with the full set this cohort was "
        f"expected\nto show {planted['power'].sum():.1f} of the planted effects.\n"
    )


def _print_commands(folder: str, settings: Mapping[str, int]) -> None:
    from proteomr.simulate import ADJUSTMENTS
    from proteomr.simulate.study import EXPOSURES

    place = shlex.quote(folder)
    seed = settings["seed"]
    size = " ".join(f"--{name} {value}" for name, value in settings.items())
    exposures = " ".join(f"--exposure {name}" for name in EXPOSURES)
    lines = [
        f"proteomr simulate {size} --summary-statistics -o {place}/cohort",
        f"proteomr associate {place}/cohort --family logistic {exposures} \\",
        *(f'    --adjust {label}="{terms}" \\' for label, terms in ADJUSTMENTS.items()),
        f"    --protein-covariate timegap={place}/cohort/timegap.parquet -o {place}/associations",
        f"proteomr mr {place}/cohort/gwas/exposure.parquet {place}/cohort/gwas/outcomes.parquet \\",
        f"    --methods {','.join(_MR_METHODS)} --bootstraps {_MR_DRAWS} --seed {seed} \\",
        f"    -o {place}/mr",
    ]
    say("the same by hand:\n" + "\n".join(lines))
