"""Mendelian randomisation: the defaults over many outcomes, and robust methods at a pair."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import polars as pl

from benchmarks.interfaces import PROTEOMR
from benchmarks.records import Reading
from benchmarks.rows.mr_loop import REGRESSIONS, fit_defaults, fit_regressions, mode_step
from benchmarks.rows.row import Row, Scope, SizeName, median_ms, median_ratio
from proteomr.execute import one_blas_thread
from proteomr.mr.estimate import DEFAULT_METHODS, build_methods, estimate
from proteomr.tables import Harmonised

__all__ = ["ManyOutcomes", "RobustMethods", "make_pairs"]

_DRAWS = 1_000
_LOOP = "numpy loop"
_AGAINST = "a numpy loop, a pair at a time"
_Fits = dict[str, tuple[float, float]]


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
                n_x=np.array([10_000.0]),
                n_y=2_500.0,
            )
        )
    return pairs


class ManyOutcomes:
    """One exposure and as many outcomes as the model study has proteins."""

    regressions = Row("mr-regressions", "MR, IVW and Egger, many outcomes", _AGAINST)
    defaults = Row("mr-defaults", "MR, five default methods, 1,000 draws", _AGAINST)
    rows = (regressions, defaults)
    _pairs: ClassVar[dict[SizeName, int]] = {"full": 2_920, "quick": 40, "tiny": 3}

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield the milliseconds of a pair; estimates are held against the loop's."""
        pairs = make_pairs(self._pairs[scope.size])
        draws = 50 if scope.size == "tiny" else _DRAWS
        random = np.random.default_rng(1)
        ways: dict[str, tuple[tuple[str, ...], Callable[[Harmonised], _Fits]]] = {
            self.regressions.key: (REGRESSIONS, fit_regressions),
            self.defaults.key: (
                DEFAULT_METHODS,
                lambda pair: fit_defaults(pair, draws=draws, random=random),
            ),
        }
        for row in rows:
            keys, fit_plainly = ways[row.key]
            seconds, error = _alternate(pairs, keys, draws, fit_plainly, scope.rounds)
            yield scope.read(
                row,
                work=f"{len(pairs):,} outcomes, 30 to 80 variants",
                unit="pair",
                ms=median_ms(seconds[PROTEOMR]),
                ratio=median_ratio(seconds, _LOOP, PROTEOMR),
                cpu_seconds=sum(seconds[PROTEOMR]) / scope.rounds * len(pairs),
                error=error,
                bound=1e-9,
            )


def _alternate(
    pairs: Sequence[Harmonised],
    keys: Sequence[str],
    draws: int,
    fit_plainly: Callable[[Harmonised], _Fits],
    rounds: int,
) -> tuple[dict[str, list[float]], float]:
    """Return seconds of a pair by both, a share of the pairs a round, and the largest error."""
    methods = build_methods(keys, draws=draws)
    seconds: dict[str, list[float]] = {PROTEOMR: [], _LOOP: []}
    worst = 0.0
    with one_blas_thread():
        estimate(pairs[:2], methods)  # loads what is compiled
        for start in range(rounds):
            share = pairs[start::rounds]
            began = time.process_time()
            found = estimate(share, methods)
            seconds[PROTEOMR].append((time.process_time() - began) / len(share))
            began = time.process_time()
            known = fit_plainly(share[0])
            seconds[_LOOP].append(time.process_time() - began)
            worst = max(worst, _compare(share[0], found, known))
    return seconds, worst


def _compare(pair: Harmonised, found: pl.DataFrame, known: _Fits) -> float:
    """Return the largest relative error of a pair's estimates.

    Errors that are drawn, and modes, which stand on a grid, are wrong only where they are far off:
    by a half, or by more than a step of the grid.
    """
    mine = found.filter(outcome=pair.outcome)
    names = mine["method"].to_list()
    values = dict(zip(names, zip(mine["estimate"], mine["se"], strict=True), strict=True))
    worst = 0.0
    for name, (value, se) in known.items():
        off, off_se = abs(values[name][0] - value), abs(values[name][1] / se - 1.0)
        if name in REGRESSIONS:
            worst = max(worst, off / abs(se), off_se)
            continue
        step = mode_step(pair.beta_y / pair.beta_x[:, 0]) if name.endswith("mode") else 1e-9 * se
        worst = max(worst, 0.0 if off <= step and off_se < 0.5 else float("inf"))
    return worst


class RobustMethods:
    """Methods without draws that fit each pair by itself."""

    rows = (
        Row("mr-raps", "MR-RAPS at a pair"),
        Row("mr-lasso", "MR-Lasso at a pair"),
        Row("mr-cml", "constrained maximum likelihood at a pair"),
    )
    _pairs: ClassVar[dict[SizeName, int]] = {"full": 200, "quick": 20, "tiny": 2}

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield the milliseconds of a pair; thrice the outcome must give thrice the estimate."""
        pairs = make_pairs(self._pairs[scope.size])
        thrice = [replace(pair, beta_y=3.0 * pair.beta_y, se_y=3.0 * pair.se_y) for pair in pairs]
        for row in rows:
            methods = build_methods([row.key.removeprefix("mr-")])
            estimate(pairs[:1], methods)
            seconds = []
            with one_blas_thread():
                for _ in range(scope.rounds):
                    began = time.process_time()
                    found = estimate(pairs, methods)
                    seconds.append((time.process_time() - began) / len(pairs))
            scaled = estimate(thrice, methods)
            off = found["estimate"].to_numpy() - scaled["estimate"].to_numpy() / 3.0
            yield scope.read(
                row,
                work=f"{len(pairs)} pairs, 30 to 80 variants",
                unit="pair",
                ms=median_ms(seconds),
                error=float(np.max(np.abs(off) / found["se"].to_numpy())),
                bound=1e-6,  # iterations end at 1e-7 standard errors
            )
