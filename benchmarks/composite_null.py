"""False discovery rate and power of tests of mediation over a proteome, as docs/mediation.md shows.

Run: ``python benchmarks/composite_null.py`` (some minutes); prints the rows of the table.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.special import ndtr

from proteomr.stats.composite_null import (
    adjust_p_max,
    estimate_null_shares,
    false_discovery_rates,
)
from proteomr.stats.divide_aggregate import combine_paths

SPREAD, LEVEL = 4.0, 0.05
RUNS = {200: 500, 1_000: 500, 5_000: 150}  # by the number of proteins
DESIGNS = ((0.6, 0.17), (0.9, 0.03), (0.99, 0.003))


def measure(proteins: int, neither: float, alone: float) -> dict[str, tuple[float, float]]:
    """Return the mean false discovery proportion and power of each test."""
    generator = np.random.default_rng(int(1000 * neither))
    shares = [neither, alone, alone, 1.0 - neither - 2.0 * alone]
    false: dict[str, list[float]] = {"hdmt": [], "published": [], "dact": [], "p_max": []}
    power: dict[str, list[float]] = {name: [] for name in false}
    for _ in range(RUNS[proteins]):
        kind = generator.choice(4, proteins, p=shares)
        p_a, p_b = (
            2.0 * ndtr(-np.abs(generator.normal(size=proteins) + effect))
            for effect in (
                np.isin(kind, has) * generator.normal(0.0, SPREAD, proteins)
                for has in ((2, 3), (1, 3))
            )
        )
        null = estimate_null_shares(p_a, p_b)
        rates = {
            "hdmt": false_discovery_rates(p_a, p_b, null),
            "published": false_discovery_rates(p_a, p_b, null, counted=False),
            "dact": adjust_p_max(combine_paths(p_a, p_b)),
            "p_max": adjust_p_max(np.maximum(p_a, p_b)),
        }
        for name, q in rates.items():
            hits, mediates = q < LEVEL, kind == 3
            false[name].append(float(np.sum(hits & ~mediates) / max(hits.sum(), 1)))
            power[name].append(float(np.sum(hits & mediates) / max(mediates.sum(), 1)))
    return {name: (float(np.mean(false[name])), float(np.mean(power[name]))) for name in false}


def main() -> None:
    """Print a row for each design."""
    for proteins, (neither, alone) in product(RUNS, DESIGNS):
        found = measure(proteins, neither, alone)
        cells = " | ".join(f"{rate:.3f}, {power:.2f}" for rate, power in found.values())
        print(f"| {proteins:,} | {neither} | {alone} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
