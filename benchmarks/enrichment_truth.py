"""How often `enrich` finds sets where there is nothing, and where there is something.

``python -m benchmarks.enrichment_truth`` draws 2,920 independent statistics and a set of 30 of
them, many times over, and prints the table of docs/enrichment.md. The null has no effect at all;
beyond it the members are shifted by so many standard deviations. Hits are the 150 largest.
"""

from __future__ import annotations

import argparse

import numpy as np

from proteomr._typing import F64
from proteomr.stats.hypergeometric import neg_log10_p_hypergeometric
from proteomr.stats.running_sum import score_gene_sets, weigh_ranks
from proteomr.stats.running_sum_null import NullOptions, judge_size

GENES, MEMBERS, HITS = 2_920, 30, 150
LEVELS = (0.05, 0.01, 0.001)
SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def draw(shift: float, seed: int) -> dict[str, F64]:
    """Return -log10 p of one set by each method, its members shifted upwards."""
    rng = np.random.default_rng([seed, int(100 * shift)])
    statistic = rng.standard_normal(GENES)
    members = rng.choice(GENES, size=MEMBERS, replace=False)
    statistic[members] += shift
    order = np.argsort(-statistic)
    places = np.flatnonzero(np.isin(order, members))
    overlap = np.array([int(np.sum(places < HITS))])
    found = {
        "ora": neg_log10_p_hypergeometric(
            overlap, np.array([MEMBERS]), n_hits=HITS, n_background=GENES
        )
    }
    for name, exponent in (("gsea", 1.0), ("gsea, exponent 0", 0.0)):
        weights = weigh_ranks(statistic[order], exponent=exponent)
        es = score_gene_sets([places], weights).es
        found[name] = judge_size(es, MEMBERS, weights, options=NullOptions(seed=seed)).neg_log10_p
    return found


def main() -> None:
    """Draw, and print the shares of draws below each level."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2_000)
    given = parser.parse_args()
    print("| method | shift | " + " | ".join(f"p < {level:g}" for level in LEVELS) + " |")
    print("|---|---|" + "---|" * len(LEVELS))
    for shift in SHIFTS:
        draws = given.draws if shift == 0.0 else given.draws // 5
        found = [draw(shift, seed) for seed in range(draws)]
        for name in found[0]:
            p = np.array([10.0 ** -one[name][0] for one in found])
            shares = " | ".join(f"{np.mean(p < level):.4f}" for level in LEVELS)
            print(f"| {name} | {shift:g} | {shares} |")


if __name__ == "__main__":
    main()
