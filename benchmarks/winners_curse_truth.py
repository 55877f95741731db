"""What is left of the winner's curse: mean bias of chosen effects, over designs that are known.

``python -m benchmarks.winners_curse_truth`` prints the table of docs/replicate.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.distributions import quantile_normal
from proteomr.stats.winners_curse import (
    correct_by_density,
    correct_by_fdr,
    correct_conditionally,
    weigh_conditionally,
)

__all__ = ["DESIGNS", "Design", "main", "measure_bias"]


@dataclass(frozen=True, slots=True)
class Design:
    """Effects over their errors: a share of them normal with this spread, the others 0."""

    share: float
    spread: float
    tests: int = 2920


DESIGNS = (Design(0.2, 3), Design(0.5, 3), Design(0.2, 6), Design(0.5, 8), Design(0.1, 4))


def measure_bias(design: Design, *, draws: int, seed: int = 1) -> dict[str, float]:
    """Return the hits of a draw, and the mean bias of each estimate of theirs, in per cent."""
    threshold = float(quantile_normal(1.0 - 0.025 / design.tests))
    totals: dict[str, float] = {}
    hits = 0
    for draw in range(draws):
        random = np.random.default_rng([seed, draw])
        there = random.random(design.tests) < design.share
        mu = np.where(there, random.normal(0, design.spread, design.tests), 0.0)
        z = mu + random.normal(size=design.tests)
        hit = np.abs(z) > threshold
        conditional = correct_conditionally(z[hit], threshold=threshold)
        found: dict[str, F64] = {
            "truth": mu[hit],
            "uncorrected": z[hit],
            "fiqt": correct_by_fdr(z)[hit],
            "conditional": conditional,
            "weighted": weigh_conditionally(z[hit], conditional),
            "bayes": correct_by_density(z)[hit],
        }
        hits += int(hit.sum())
        for name, values in found.items():
            totals[name] = totals.get(name, 0.0) + float(np.sum(values * np.sign(z[hit])))
    truth = totals.pop("truth")
    return {
        "hits": hits / draws,
        **{name: 100.0 * (total / truth - 1.0) for name, total in totals.items()},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.winners_curse_truth")
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args(arguments)
    rows = [(design, measure_bias(design, draws=options.draws)) for design in DESIGNS]
    names = list(rows[0][1])
    print("| true effects, in errors | " + " | ".join(names) + " |")
    print("| --- |" + " --- |" * len(names))
    for design, bias in rows:
        shown = [f"{bias['hits']:.0f}", *(f"{bias[name]:+.1f}" for name in names[1:])]
        what = f"{design.share:.0%} normal, spread {design.spread:g}"
        print(f"| {what} | " + " | ".join(shown) + " |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
