"""Bias, coverage and type I error of the causal estimators: ``python -m benchmarks.mr_truth``.

Effects of known truth are drawn again and again, with and without a causal effect, under four kinds
of pleiotropy, with strong and weak instruments, few and many of them. The numbers are kept as CSV,
and `benchmarks.mr_truth_report` writes the tables of the documentation from them. ``--quick`` takes
50 replicates and keeps nothing; ``--report`` draws nothing and writes the tables again.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from benchmarks.mr_truth_report import DOCUMENT, fill_document
from benchmarks.records import write_records
from proteomr.execute import one_blas_thread
from proteomr.mr.estimate import build_methods, estimate
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.provenance import utc_now
from proteomr.simulate.study import random_stream
from proteomr.simulate.summary_effects import Pleiotropy, SummaryTruth, draw_summary_effects
from proteomr.tables import Harmonised

__all__ = [
    "FULL",
    "QUICK",
    "SCENARIOS",
    "Line",
    "Size",
    "draw_pairs",
    "latest_file",
    "main",
    "read_lines",
    "run",
    "summarise",
]

RESULTS = Path(__file__).parent / "results"
SEED = 2026
Tier: TypeAlias = Literal["closed", "iterative", "bootstrap"]
_ITERATIVE = ("raps", "lasso", "cml", "mrmix")
_NO_SIZE = ("sign",)
_PLEIOTROPIES: tuple[Pleiotropy, ...] = ("none", "balanced", "directional", "correlated")

SCENARIOS = tuple(
    SummaryTruth(effect=effect, pleiotropy=pleiotropy, strength=strength, instruments=m)
    for strength, m, pleiotropy, effect in itertools.product(
        (60.0, 12.0), (30, 100), _PLEIOTROPIES, (0.0, 0.2)
    )
)


@dataclass(frozen=True, slots=True)
class Size:
    """Replicates of each scenario by the cost of a method, and draws of a bootstrap."""

    name: str
    closed: int
    iterative: int
    bootstrap: int
    draws: int

    def replicates(self, tier: Tier, /) -> int:
        """Return the replicates of methods of a tier."""
        return {
            "closed": self.closed,
            "iterative": self.iterative,
            "bootstrap": self.bootstrap,
        }[tier]


FULL = Size("full", closed=1000, iterative=100, bootstrap=100, draws=100)
QUICK = Size("quick", closed=50, iterative=10, bootstrap=10, draws=50)


@dataclass(frozen=True, slots=True)
class Line:
    """How a method did in a scenario; None where the method gives no such thing.

    Attributes
    ----------
    replicates, failed : drawn, and those of them without an estimate, which count nowhere else.
    bias : mean of the estimates less the truth; `bias_error` its Monte Carlo standard error.
    empirical_se, mean_se : standard deviation of the estimates; mean of their standard errors.
    coverage : share of 95 % intervals that hold the truth.
    rejection : share of p values below 0.05: type I error without an effect, power with one.
    """

    size: str
    date: str
    effect: float
    pleiotropy: str
    strength: float
    variants: int
    method: str
    replicates: int
    failed: int
    draws: int | None
    bias: float | None
    bias_error: float | None
    empirical_se: float | None
    empirical_se_error: float | None
    mean_se: float | None
    coverage: float | None
    coverage_error: float | None
    rejection: float | None
    rejection_error: float | None


def keys_of(tier: Tier, /) -> list[str]:
    """Return the methods of a tier, but those for few or correlated variants or whole genomes."""
    kinds = [
        kind
        for kind in METHOD_CLASSES
        if kind.max_variants is None and not (kind.needs_correlations or kind.needs_genome)
    ]
    if tier == "bootstrap":
        return [kind.key for kind in kinds if kind.stochastic]
    slow = tier == "iterative"
    return [k.key for k in kinds if not k.stochastic and (k.key in _ITERATIVE) == slow]


def draw_pairs(truth: SummaryTruth, /, *, replicates: int, seed: int) -> Iterator[Harmonised]:
    """Yield replicates of a scenario; the r-th is the same however many are asked for.

    Examples
    --------
    >>> pairs = draw_pairs(SummaryTruth(), replicates=2, seed=1)
    >>> [pair.m for pair in pairs]
    [30, 30]
    """
    words = hashlib.sha256(repr(truth).encode()).digest()[:8]
    scenario = tuple(np.frombuffer(words, dtype="<u4").tolist())
    names = pl.DataFrame({"variant_id": [f"v{j}" for j in range(truth.instruments)]})
    for replicate in range(replicates):
        random = random_stream(seed, *scenario, replicate)
        drawn = draw_summary_effects(truth, random=random)
        yield Harmonised(
            exposures=("exposure",),
            outcome=f"replicate {replicate}",
            variants=names,
            beta_x=drawn.beta_x[:, None],
            se_x=drawn.se_x[:, None],
            beta_y=drawn.beta_y,
            se_y=drawn.se_y,
            n_x=np.array([float(truth.people_exposure)]),
            n_y=float(truth.people_outcome),
        )


def run(
    scenarios: Sequence[SummaryTruth], size: Size, *, processes: int = 1, seed: int = SEED
) -> list[Line]:
    """Return a line for each scenario and method, in their order."""
    date = utc_now()[:10]
    work = [(truth, size, seed, date) for truth in scenarios]
    if processes == 1:
        parts = [_run_scenario(unit) for unit in work]
    else:
        with ProcessPoolExecutor(processes) as pool:
            parts = list(pool.map(_run_scenario, work))
    return [line for part in parts for line in part]


def _run_scenario(unit: tuple[SummaryTruth, Size, int, str]) -> list[Line]:
    truth, size, seed, date = unit
    started = time.process_time()
    lines: list[Line] = []
    tiers: tuple[Tier, ...] = ("closed", "iterative", "bootstrap")
    with one_blas_thread():
        for tier in tiers:
            methods = build_methods(keys_of(tier), draws=size.draws)
            pairs = draw_pairs(truth, replicates=size.replicates(tier), seed=seed)
            frame = estimate(pairs, methods, seed=seed)
            draws = size.draws if tier == "bootstrap" else None
            lines += [
                summarise(
                    frame.filter(pl.col("method") == method.key),
                    truth,
                    size=size.name,
                    date=date,
                    draws=draws,
                )
                for method in methods
            ]
    print(
        f"{truth.pleiotropy:12} effect {truth.effect:g} F {truth.strength:g}"
        f" m {truth.instruments}: {time.process_time() - started:.1f} s CPU",
        file=sys.stderr,
        flush=True,
    )
    return lines


def summarise(
    frame: pl.DataFrame, truth: SummaryTruth, /, *, size: str, date: str, draws: int | None
) -> Line:
    """Return what the estimates of one method in one scenario come to."""
    method = str(frame["method"][0])
    done = frame.filter(pl.col("status") == "ok")
    sized = method not in _NO_SIZE
    found = done["estimate"].to_numpy() if sized else np.empty(0)
    spread = float(np.std(found, ddof=1)) if len(found) > 1 else None
    many = len(found)
    se = done["se"].drop_nulls()
    low, high, p = done["conf_low"], done["conf_high"], done["neg_log10_p"].drop_nulls()
    coverage = _share(((low <= truth.effect) & (truth.effect <= high)).drop_nulls())
    rejection = _share(p > -np.log10(0.05))
    return Line(
        size=size,
        date=date,
        effect=truth.effect,
        pleiotropy=truth.pleiotropy,
        strength=truth.strength,
        variants=truth.instruments,
        method=method,
        replicates=frame.height,
        failed=frame.height - done.height,
        draws=draws,
        bias=float(found.mean() - truth.effect) if many else None,
        bias_error=None if spread is None else spread / many**0.5,
        empirical_se=spread,
        empirical_se_error=None if spread is None else spread / (2 * (many - 1)) ** 0.5,
        mean_se=float(se.to_numpy().mean()) if len(se) else None,
        coverage=coverage[0],
        coverage_error=coverage[1],
        rejection=rejection[0],
        rejection_error=rejection[1],
    )


def _share(hits: pl.Series) -> tuple[float | None, float | None]:
    """Return a share and its standard error, never below that of a single hit."""
    n = len(hits)
    if not n:
        return None, None
    share = int(hits.sum()) / n
    inside = min(max(share, 1 / n), 1 - 1 / n)
    return share, (inside * (1 - inside) / n) ** 0.5


def read_lines(path: Path) -> pl.DataFrame:
    """Read what was kept, a column for each field of `Line`.

    Raises
    ------
    ValueError
        The file has other columns.
    """
    whole = {"variants", "replicates", "failed", "draws"}
    text = {"size", "date", "pleiotropy", "method"}
    names = [field.name for field in fields(Line)]
    with path.open(encoding="utf-8") as file:
        if file.readline().rstrip("\n").split(",") != names:
            raise ValueError(f"{path}: no results of the estimators: other columns")
    types: dict[str, type[pl.DataType]] = {
        name: pl.Int64 if name in whole else pl.String if name in text else pl.Float64
        for name in names
    }
    return pl.read_csv(path, schema=types)


def latest_file(folder: Path) -> Path:
    """Return the newest kept results.

    Raises
    ------
    FileNotFoundError
        There are none.
    """
    files = sorted(folder.glob("mr-truth-*.csv"))
    if not files:
        raise FileNotFoundError(f"{folder}: no results of the estimators; run the script first")
    return files[-1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, summarise, keep, and write the tables of the documentation."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mr_truth", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50 replicates, printed and not kept")
    parser.add_argument("--report", action="store_true", help="only write the tables again")
    parser.add_argument("--processes", type=int, default=1, help="scenarios at once")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="file with the marks")
    options = parser.parse_args(arguments)
    if options.quick:
        lines = run(SCENARIOS, QUICK, processes=options.processes)
        print(pl.DataFrame(lines).drop("size", "date").write_csv(float_precision=4))
        return 0
    if not options.report:
        lines = run(SCENARIOS, FULL, processes=options.processes)
        path = options.results / f"mr-truth-{lines[0].date}.csv"
        write_records(path, lines)
        print(path)
    try:
        kept = latest_file(options.results)
        fill_document(options.document, read_lines(kept), source=kept.name)
    except (FileNotFoundError, ValueError) as fault:
        print(fault, file=sys.stderr)
        return 1
    print(options.document)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
