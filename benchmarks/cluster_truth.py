"""Clusters of variants where the truth is planted: found, split where they are one, missed.

Ratios of variants of F 50 to 400 with first-order errors: a share without effect on the outcome,
outliers of their own, and one, two or three slopes.

``python -m benchmarks.cluster_truth [--sets N]`` prints the table of
docs/mendelian-randomisation.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.generators import random_of
from proteomr.stats.slope_clusters import cluster_slopes

__all__ = ["PLANTED", "Planted", "Recovered", "main", "recover"]

OUTLYING = 1.5  # standard deviation of the ratios of outliers, in units of the largest slope


@dataclass(frozen=True)
class Planted:
    """A set of variants.

    Parameters
    ----------
    name : in the table.
    slopes, counts : of each cluster.
    none, outliers : variants without effect, and with a ratio of their own.
    """

    name: str
    slopes: tuple[float, ...]
    counts: tuple[int, ...]
    none: int = 0
    outliers: int = 0


PLANTED = (
    Planted("no effect, 30 variants", (), (), none=30),
    Planted("one slope, 30", (0.4,), (30,)),
    Planted("one slope, 200", (0.4,), (200,)),
    Planted("one slope, 27, and 3 outliers", (0.4,), (27,), outliers=3),
    Planted("slopes 0.4 and 0, 20 and 10", (0.4,), (20,), none=10),
    Planted("slopes 0.4 and -0.2, 15 each", (0.4, -0.2), (15, 15)),
    Planted("slopes 0.4 and 0.2, 15 each", (0.4, 0.2), (15, 15)),
    Planted("the same, 100 each", (0.4, 0.2), (100, 100)),
    Planted("slopes 0.4, -0.3, 20 each, 10 without, 5 outliers", (0.4, -0.3), (20, 20), 10, 5),
    Planted("slopes 0.5, 0.1, -0.4, 20 each", (0.5, 0.1, -0.4), (20, 20, 20)),
)


@dataclass(frozen=True)
class Recovered:
    """What was found of a set.

    Parameters
    ----------
    clusters : how many.
    right : share of variants in the cluster whose slope is nearest to theirs.
    held : (clusters,) whether a cluster's limits hold the nearest slope, where as many were found
        as planted; else empty.
    """

    clusters: int
    right: float
    held: tuple[bool, ...]


def draw(planted: Planted, rng: np.random.Generator) -> tuple[F64, F64, F64]:
    """Return ratios, their errors and true slopes (NaN of outliers)."""
    true = np.concatenate(
        [
            *(np.full(n, s) for s, n in zip(planted.slopes, planted.counts, strict=True)),
            np.zeros(planted.none),
            np.full(planted.outliers, np.nan),
        ]
    )
    strength = np.sqrt(rng.uniform(50.0, 400.0, true.size))
    errors = 1.0 / strength  # as of an outcome of the same precision
    reach = max((abs(s) for s in planted.slopes), default=1.0)
    own = np.where(np.isnan(true), rng.normal(0.0, OUTLYING * reach, true.size), true)
    return rng.normal(own, errors), errors, true


def recover(planted: Planted, number: int) -> Recovered:
    """Part a set drawn with its own number into clusters."""
    ratios, errors, true = draw(
        planted, random_of(1, "planted clusters", planted.name, str(number))
    )
    found = cluster_slopes(ratios, errors)
    slopes = np.array(planted.slopes)
    named = np.concatenate([[0.0, np.nan], found.means])[found.probabilities.argmax(axis=1)]
    choices = np.append(slopes, 0.0)
    nearest = choices[np.abs(np.nan_to_num(named)[:, None] - choices).argmin(axis=1)]
    same = np.where(np.isnan(true), np.isnan(named), nearest == true) & (
        np.isnan(true) | ~np.isnan(named)
    )
    held: tuple[bool, ...] = ()
    if found.means.size == slopes.size:
        apart = np.abs(np.sort(found.means) - np.sort(slopes))
        held = tuple((apart < 1.96 * found.errors[np.argsort(found.means)]).tolist())
    return Recovered(int(found.means.size), float(same.mean()), held)


def main() -> None:
    """Print how often planted clusters are found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=500, help="of each kind")
    sets = parser.parse_args().sets
    print("| planted | as many found | fewer | more | variants right | limits hold |")
    print("|---|---|---|---|---|---|")
    for planted in PLANTED:
        rows = [recover(planted, number) for number in range(sets)]
        counts = np.array([row.clusters for row in rows])
        wanted = len(planted.slopes)
        held = [one for row in rows for one in row.held]
        inside = f"{np.mean(held):.0%}" if held else ""
        print(
            f"| {planted.name} | {np.mean(counts == wanted):.1%} | {np.mean(counts < wanted):.1%} "
            f"| {np.mean(counts > wanted):.1%} | {np.mean([row.right for row in rows]):.0%} "
            f"| {inside} |"
        )


if __name__ == "__main__":
    main()
