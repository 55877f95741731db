"""How fast mediation is at the size of the model study, and how far limits by influences are right.

Run: ``python benchmarks/mediation.py agreement`` (50 pairs, limits by influences against refits of
the same samples), ``... influence`` (pairs of 42,062 people with 1,000 draws) or ``... refit`` (the
study's 25 pairs), each with ``--pairs N`` and ``--draws B`` to do less of it; prints seconds, also
as they follow for all pairs and draws.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from proteomr._typing import F64
from proteomr.execute import one_blas_thread
from proteomr.stats.mediation import Analysis, Trio
from proteomr.stats.mediation_bench import Bench
from proteomr.stats.mediation_draws import draw_by_influence, draw_by_refit, find_limits
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_hazards import analyse_percentage
from proteomr.stats.mediation_product import ProductOptions, analyse_product
from proteomr.stats.mediation_weighting import analyse_counterfactual
from proteomr.stats.resampling import Resamples

PEOPLE, COVARIATES, MISSING, TOGETHER = 42_062, 30, 0.05, 16
UNIT = Contrast(0.0, 1.0)
METHODS: dict[str, Callable[[Trio], Analysis]] = {
    "lines": lambda trio: analyse_product(trio, UNIT, ProductOptions()),
    "logit": lambda trio: analyse_product(trio, UNIT, ProductOptions("logit")),
    "perm": lambda trio: analyse_percentage(trio, UNIT),
    "aalen": lambda trio: analyse_counterfactual(trio, UNIT, hazard="aalen"),
    "cox": lambda trio: analyse_counterfactual(trio, UNIT, hazard="cox"),
}


def draw_bench(generator: np.random.Generator, n: int, k: int, outcome: str) -> tuple[Bench, F64]:
    """Return exposure, outcome and covariates of n people, and what the outcome follows."""
    C = np.column_stack([np.ones(n), generator.normal(size=(n, k))])
    a = (generator.random(n) < 0.2).astype(np.float64)
    latent = 0.3 * a + generator.normal(size=n)
    drive = 0.3 * a + 0.3 * latent + 0.1 * C[:, 1]
    if outcome == "lines":
        y = drive + generator.normal(size=n)
    elif outcome == "logit":
        y = (drive + generator.logistic(size=n) > 2.0).astype(np.float64)
    else:
        end = np.ceil(generator.exponential(100.0 / np.exp(drive)) * 365.25) / 365.25
        gone = np.ceil(generator.uniform(10.0, 15.0, n) * 365.25) / 365.25
        y = np.column_stack([np.full(n, -np.inf), np.minimum(end, gone), end <= gone])
    return Bench(a, y, C, C), latent


def draw_trio(generator: np.random.Generator, bench: Bench, latent: F64, missing: float) -> Trio:
    """Return a protein of its own, with values missing in its own places."""
    protein = generator.uniform(0.0, 0.8) * latent + generator.normal(size=latent.size)
    there = generator.random(latent.size) >= missing
    return Trio(protein[there], bench, there) if missing else Trio(protein, bench)


def measure_agreement(pairs: int, draws: int) -> None:
    """Print how far limits by influences lie from those by refits, in standard errors."""
    for name, analyse in METHODS.items():
        generator = np.random.default_rng(7)
        away = []
        for _ in range(pairs // len(METHODS)):
            bench, latent = draw_bench(generator, 2_000, 3, name)
            trio = draw_trio(generator, bench, latent, MISSING)
            found = analyse(trio)
            there = np.ones(latent.size, dtype=bool) if trio.there is None else trio.there
            samples = Resamples(latent.size, draws, seed=1)
            limits = [
                find_limits(drawn[0], level=0.95)
                for drawn in (
                    draw_by_influence([found], [there], samples),
                    draw_by_refit([found], [there], samples),
                )
            ]
            at = [found.effects.names.index(q) for q in ("total", "direct", "indirect")]
            se = found.standard_errors()[at]
            for end in ("low", "high"):
                first, second = (getattr(one, end)[at] for one in limits)
                away.append(np.abs(first - second) / se)
        apart = np.concatenate(away)
        middle, most = np.median(apart), apart.max()
        print(f"{name:6} median {middle:.3f}, largest {most:.3f} errors apart", flush=True)


def measure_time(name: str, how: str, pairs: int, draws: int, whole: tuple[int, int]) -> None:
    """Print the seconds by the clock, two threads, and those of all pairs and draws."""
    generator = np.random.default_rng(3)
    bench, latent = draw_bench(generator, PEOPLE, COVARIATES, name)
    trios = [draw_trio(generator, bench, latent, MISSING) for _ in range(pairs)]
    begun = time.perf_counter(), time.process_time()
    samples = Resamples(PEOPLE, draws, seed=1)

    def work(some: list[Trio]) -> int:
        found = [METHODS[name](trio) for trio in some]
        rows = [np.ones(PEOPLE, bool) if t.there is None else t.there for t in some]
        draw = draw_by_influence if how == "influence" else draw_by_refit
        return len([find_limits(drawn, level=0.95) for drawn in draw(found, rows, samples)])

    size = TOGETHER if how == "influence" else 1
    blocks = [trios[start : start + size] for start in range(0, pairs, size)]
    with one_blas_thread(), ThreadPoolExecutor(2) as pool:
        done = sum(pool.map(work, blocks))
    clock, processor = (time.perf_counter() - begun[0], time.process_time() - begun[1])
    share = whole[0] / pairs * (1.0 if how == "influence" else whole[1] / draws)
    print(
        f"{name} by {how}: {done} pairs x {draws} draws in {clock:.1f} s ({processor:.1f} s of "
        f"processors); {whole[0]} x {whole[1]}: {share * clock:.0f} s ({share * processor:.0f} s)"
    )


def main() -> None:
    """Measure what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["agreement", "influence", "refit"])
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--draws", type=int)
    asked = parser.parse_args()
    if asked.what == "agreement":
        measure_agreement(asked.pairs or 50, asked.draws or 1_000)
    elif asked.what == "influence":
        for name in ("perm", "aalen"):
            whole = 1_098, 1_000
            measure_time(name, "influence", asked.pairs or whole[0], asked.draws or 1_000, whole)
    else:
        for name in ("perm", "aalen"):
            whole = 25, 1_000
            measure_time(name, "refit", asked.pairs or whole[0], asked.draws or 1_000, whole)


if __name__ == "__main__":
    main()
