"""How CAUSE fares on simulated genomes beside estimators that rest on significant variants.

``python -m benchmarks.cause_truth`` writes the table of docs/cause.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.mr_truth_report import fill_between
from proteomr.mr.estimate import build_methods, estimate
from proteomr.mr.genome_wide import grow_from_pair
from proteomr.tables import Harmonised

__all__ = ["CLASSIC", "PAGE", "SCENARIOS", "Genome", "draw_genome", "main", "measure"]

PAGE = Path(__file__).parent.parent / "docs" / "cause.md"
CLASSIC = ("ivw", "egger", "weighted_median")
_SEED = 20261129
_STRONG = 5.45  # z of p = 5e-8
_ERROR = 0.008


@dataclass(frozen=True, slots=True)
class Genome:
    """What a simulated genome is like.

    Parameters
    ----------
    title : in words.
    gamma : causal effect.
    eta : effect of the shared factor.
    q : share of the exposure's variants that act through it.
    rho : correlation of the errors of both studies.
    variants : independent ones, of which 1.5 % act on the exposure, and as many on the outcome.
    """

    title: str
    gamma: float = 0.0
    eta: float = 0.0
    q: float = 0.0
    rho: float = 0.0
    variants: int = 20_000


SCENARIOS = (
    Genome("no effect, independent pleiotropy"),
    Genome("no effect, shared factor of 15 % of the variants", eta=0.6, q=0.15),
    Genome("no effect, shared factor of 30 % of the variants", eta=0.6, q=0.3),
    Genome("effect 0.3, people in both studies", gamma=0.3, rho=0.2),
)


def draw_genome(genome: Genome, *, replicate: int) -> Harmonised:
    """Return all variants of a genome, half of whose effects on the outcome are pleiotropic.

    Effects are normal with a standard deviation of 0.02 and errors have 0.008.
    """
    random = np.random.default_rng([_SEED, replicate])
    n = genome.variants
    beta, theta = (random.normal(0.0, 0.02, n) * (random.random(n) < 0.015) for _ in range(2))
    shared = random.random(n) < genome.q
    one, two = random.standard_normal((2, n))
    x = beta + _ERROR * one
    errors = _ERROR * (genome.rho * one + np.sqrt(1.0 - genome.rho**2) * two)
    y = (genome.gamma + genome.eta * shared) * beta + theta + errors
    return Harmonised(
        exposures=("exposure",),
        outcome=f"replicate {replicate}",
        variants=pl.DataFrame({"variant_id": [f"v{j}" for j in range(n)]}),
        beta_x=x[:, None],
        se_x=np.full((n, 1), _ERROR),
        beta_y=y,
        se_y=np.full(n, _ERROR),
    )


def measure(genome: Genome, *, replicates: int) -> pl.DataFrame:
    """Return of each method the share of p below 0.05, of limits with the truth, and the mean.

    CAUSE has the whole genome, its p is one-sided and of the causal model predicting better; the
    others have the variants of p < 5e-8.
    """
    parts = []
    for replicate in range(replicates):
        whole = draw_genome(genome, replicate=replicate)
        strong = whole.select(np.flatnonzero(np.abs(whole.x / whole.sx) > _STRONG))
        genome_wide = replace(strong, genome=grow_from_pair(whole, seed=_SEED))
        parts.append(estimate([genome_wide], build_methods(["cause", *CLASSIC]), seed=_SEED))
    table = pl.concat(parts).filter(pl.col("status") == "ok")
    inside = pl.col("conf_low").le(genome.gamma) & pl.col("conf_high").ge(genome.gamma)
    return table.group_by("method").agg(
        pl.len().alias("n"),
        (pl.col("p_value") < 0.05).mean().alias("rejected"),
        inside.mean().alias("covered"),
        pl.col("estimate").mean().alias("mean"),
    )


def write_table(found: Sequence[tuple[Genome, pl.DataFrame]]) -> str:
    """Return the scenarios as a table: rejections, coverage in per cent, and mean estimates."""
    methods = ("cause", *CLASSIC)
    head = "| genome | " + " | ".join(f"`{name}`" for name in methods) + " |"
    lines = [head, "| --- |" + " --- |" * len(methods)]
    for genome, table in found:
        rows = {row["method"]: row for row in table.iter_rows(named=True)}
        cells = [
            f"{100 * row['rejected']:.0f}; {100 * row['covered']:.0f}; {row['mean']:+.2f}"
            for row in (rows[name] for name in methods)
        ]
        lines.append(f"| {genome.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, estimate and write the page."""
    parser = argparse.ArgumentParser(description=str(__doc__))
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args(arguments)
    found = []
    for genome in SCENARIOS:
        found.append((genome, measure(genome, replicates=asked.replicates)))
        print(genome.title, found[-1][1].sort("method").rows(), flush=True)
    text = asked.page.read_text("utf-8")
    marks = ("<!-- genomes -->", "<!-- /genomes -->")
    asked.page.write_text(fill_between(text, write_table(found), marks), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
