"""How well planted modules of proteins are found, and how often noise gives any.

Prints the table of docs/network.md: ``python -m benchmarks.network_truth [DRAWS]``.
"""

from __future__ import annotations

import sys

import numpy as np
import polars as pl

from proteomr.network import NetworkOptions, network
from proteomr.network.options import METHODS
from tests.stats.networks import plant, rand_index

SIZES = (60, 40, 30)
LOOSE = 120
# people, and the correlation of two proteins of a module, by the weight of what they share
SETTINGS = (*((n, r) for r in (0.1, 0.2, 0.4) for n in (100, 500, 2000)), (500, 0.0))


def draw(n: int, r: float, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """Return people of planted modules, and the truth."""
    weight = float(np.sqrt(r / (1.0 - r)))
    x, truth = plant(SIZES, n=n, loose=LOOSE, weight=weight, seed=seed)
    names = [f"P{j:03d}" for j in range(len(x))]
    ids = [f"S{i:05d}" for i in range(n)]
    return pl.DataFrame({"ID": ids, **dict(zip(names, x, strict=True))}), truth


def measure(n: int, r: float, draws: int) -> str:
    """Return a row of the table."""
    cells = [f"{n:,}", f"{r:g}"]
    for method in METHODS:
        agreed, counts, strays = [], [], []
        for seed in range(draws):
            frame, truth = draw(n, r, seed)
            asked = NetworkOptions(method=method, power=2)
            if method == "wgcna":
                asked = NetworkOptions(power=6, second_stage="none")
            labels = network(frame, options=asked).table()["module"].to_numpy()
            planted = truth > 0
            agreed.append(rand_index(labels[planted], truth[planted]))
            counts.append(int(labels.max()))
            strays.append(float((labels[~planted] > 0).mean()))
        index = "" if r == 0.0 else f"{np.mean(agreed):.2f}"
        cells += [index, f"{np.mean(counts):.1f}", f"{np.mean(strays):.0%}"]
    return f"| {' | '.join(cells)} |"


def main(draws: int) -> None:
    """Print the table."""
    for n, r in SETTINGS:
        print(measure(n, r, draws), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
