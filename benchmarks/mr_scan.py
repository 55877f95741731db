"""Measure Mendelian randomisation of many outcomes: ``python -m benchmarks.mr_scan [--quick]``.

One exposure, as many outcomes as the model study has proteins, 30 to 80 variants each. CPU seconds
of one thread, table and all: of the two regressions alone, and of the five default methods with
1,000 bootstraps. The regressions are held against one pair at a time in the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from proteomr.execute import one_blas_thread
from proteomr.mr.estimate import DEFAULT_METHODS, build_methods, estimate
from proteomr.provenance import utc_now
from proteomr.tables import Harmonised

__all__ = ["main", "make_pairs", "run"]

FULL, QUICK = 2_920, 100
RESULTS = Path(__file__).parent / "results"
_WORKLOADS = {"regressions": ("ivw", "egger"), "defaults": DEFAULT_METHODS}


def make_pairs(count: int, *, seed: int = 1) -> list[Harmonised]:
    """Return pairs of one exposure and many outcomes, on which half of them it acts."""
    rng = np.random.default_rng(seed)
    pairs = []
    for k in range(count):
        m = int(rng.integers(30, 81))
        x = rng.normal(0.1, 0.03, m)
        pairs.append(
            Harmonised(
                exposures=("loneliness",),
                outcome=f"P{k:04}",
                variants=pl.DataFrame({"variant_id": [f"rs{i}" for i in range(m)]}),
                beta_x=x[:, None],
                se_x=np.full((m, 1), 0.01),
                beta_y=0.2 * (k % 2) * x + rng.normal(0.0, 0.025, m),
                se_y=np.full(m, 0.02),
            )
        )
    return pairs


def run(count: int) -> Iterator[dict[str, object]]:
    """Yield one record for each workload."""
    pairs = make_pairs(count)
    for name, keys in _WORKLOADS.items():
        methods = build_methods(keys, draws=1000)
        estimate(pairs[:2], methods)
        with one_blas_thread():
            began = time.process_time()
            found = estimate(pairs, methods)
            seconds = time.process_time() - began
        yield {
            "date": utc_now()[:10],
            "workload": name,
            "pairs": count,
            "rows": found.height,
            "cpu_seconds": round(seconds, 2),
            "ms_per_pair": round(1e3 * seconds / count, 3),
            "largest_difference": _compare(pairs[:20], found),
        }


def _compare(pairs: Sequence[Harmonised], found: pl.DataFrame) -> float:
    """Return the largest relative difference of the regressions from one pair at a time."""
    random = np.random.default_rng(1)
    worst = 0.0
    for method in build_methods(["ivw", "egger"]):
        rows = found.filter(method=method.key)
        known = dict(
            zip(rows["outcome"], zip(rows["estimate"], rows["se"], strict=True), strict=True)
        )
        for pair in pairs:
            alone = method.estimate(pair, random=random)
            value, se = known[pair.outcome]
            worst = max(worst, abs(value / alone.estimate - 1), abs(se / alone.se - 1))
    return worst


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mr_scan", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 outcomes, a few seconds")
    options = parser.parse_args(arguments)
    records = []
    for record in run(QUICK if options.quick else FULL):
        print(
            f"{record['workload']:12}{record['pairs']:6} pairs {record['cpu_seconds']:8} s CPU "
            f"{record['ms_per_pair']:9} ms a pair, off by {record['largest_difference']:.0e}",
            flush=True,
        )
        records.append(record)
    if not options.quick:
        path = RESULTS / f"mr-scan-{records[0]['date']}.csv"
        pl.DataFrame(records).write_csv(path)
        print(path)
    return int(any(float(str(record["largest_difference"])) > 1e-12 for record in records))


if __name__ == "__main__":
    raise SystemExit(main())
