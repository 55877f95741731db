"""Colocalisation where the truth is known: how often PP4 says what is so.

Regions of haplotypes that are mosaics of a few founders, two studies of other people of the same
founders, traits of variance 1 with none, one or two causal variants drawn at random, whose effects
have the standard deviation 0.15 that the Bayes factors take for granted. Each region is
compared with one causal variant a trait (abf) and by credible sets (susie, with the correlations
of the first study's people). A third table has credible sets with correlations of others: of 300
people of the same founders, and of a second study of another ancestry, whose founders carry other
alleles at half of the variants, with its own correlations or with the first study's. Effects there
have a standard deviation of 0.3, so that there are sets to compare.

``python -m benchmarks.coloc_truth [--regions N]`` prints the tables of docs/colocalisation.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from proteomr._typing import F64
from proteomr.stats.colocalisation import sum_evidence, weigh_hypotheses
from proteomr.stats.generators import random_of
from proteomr.stats.ld_mismatch import decompose, estimate_mismatch
from proteomr.stats.susie import SusieOptions, fit_susie
from proteomr.stats.wakefield import log_bayes_factors, prior_variance_of

__all__ = ["main"]

PEOPLE, VARIANTS, FOUNDERS, OTHERS = 2000, 150, 10, 300
SWITCH, ODD = 0.01, 0.005
PRIOR_SD = 0.15  # of effects, as the Bayes factors have it
STRONG_SD = 0.3  # of effects of which credible sets are found, in the third table
P1, P12 = 1e-4, {"abf": 1e-5, "susie": 5e-6}
SCENARIOS = ("none", "first alone", "one shared", "one each", "one shared, one more")
CUTS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)


@dataclass(frozen=True)
class Region:
    """Copies of alleles in two studies of other people, and the founders of both."""

    first: F64
    second: F64
    founders: F64


def draw_region(rng: np.random.Generator) -> Region:
    """Draw both studies as mosaics of the same founders."""
    founders = draw_founders(rng)
    return Region(draw_people(founders, PEOPLE, rng), draw_people(founders, PEOPLE, rng), founders)


def draw_founders(rng: np.random.Generator) -> F64:
    """Draw the alleles that a few founders carry."""
    copies = rng.integers(2, FOUNDERS - 1, VARIANTS)
    carried = rng.random((FOUNDERS, VARIANTS)).argsort(axis=0) < copies
    return np.asarray(carried.astype(np.float64))


def draw_people(founders: F64, people: int, rng: np.random.Generator) -> F64:
    """Draw copies of alleles in people who are mosaics of founders."""
    switch = rng.random((2 * people, VARIANTS)) < SWITCH
    switch[:, 0] = True
    last = np.maximum.accumulate(np.where(switch, np.arange(VARIANTS), 0), axis=1)
    who = np.take_along_axis(rng.integers(0, FOUNDERS, switch.shape), last, axis=1)
    strand = founders[who, np.arange(VARIANTS)]
    strand = np.where(rng.random(strand.shape) < ODD, 1.0 - strand, strand)
    return np.asarray(strand[:people] + strand[people:])


def place_causes(scenario: str, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Draw the causal variants of both traits."""
    a, b = (int(v) for v in rng.choice(VARIANTS, 2, replace=False))
    return {
        "none": ([], []),
        "first alone": ([a], []),
        "one shared": ([a], [a]),
        "one each": ([a], [b]),
        "one shared, one more": ([a], [a, b]),
    }[scenario]


def measure(
    copies: F64, causes: list[int], rng: np.random.Generator, *, spread: float = PRIOR_SD
) -> tuple[F64, F64]:
    """Return effects and their variances of a trait of variance 1."""
    x = copies - copies.mean(axis=0)
    effects = sum((rng.normal(0.0, spread) * x[:, cause] for cause in causes), np.zeros(len(x)))
    y = effects + rng.normal(0.0, np.sqrt(max(0.1, 1.0 - effects.var())), x.shape[0])
    y = y - y.mean()
    sxx = (x * x).sum(axis=0)
    beta = x.T @ y / sxx
    return beta, ((y @ y) - beta**2 * sxx) / (x.shape[0] - 2) / sxx


def compare(scenario: str, number: int) -> Iterator[tuple[str, float, float, bool, bool]]:
    """Yield method, PP3, PP4, whether they share a variant, and whether it is in the set."""
    rng = random_of(1, "coloc truth", scenario, str(number))
    region = draw_region(rng)
    causes = place_causes(scenario, rng)
    shared = set(causes[0]) & set(causes[1])
    studies = [
        measure(copies, own, rng)
        for copies, own in zip((region.first, region.second), causes, strict=True)
    ]
    prior = prior_variance_of("quant")
    logs = [log_bayes_factors(beta / np.sqrt(v), v, prior_variance=prior) for beta, v in studies]
    yield _judge("abf", (logs[0], logs[1]), shared)
    r = np.atleast_2d(np.corrcoef(region.first.T))
    fits = [
        fit_susie(beta / np.sqrt(v), r, n=float(PEOPLE), options=SusieOptions())
        for beta, v in studies
    ]
    sets = [[fit.lbf_variable[one.effect] for one in fit.sets] for fit in fits]
    pairs = [_judge("susie", both, shared) for both in product(*sets)]
    if pairs:
        yield max(pairs, key=lambda found: found[2])


@dataclass(frozen=True)
class PanelRow:
    """A region by credible sets with some correlations.

    Parameters
    ----------
    panel : whose they are.
    pp4 : of the likeliest pair of sets; None without a pair.
    inside : whether a causal variant that both traits have is in that pair's set.
    mismatched : whether statistics and correlations of either trait differ by s above 0.2.
    """

    panel: str
    pp4: float | None
    inside: bool
    mismatched: bool


def compare_panels(scenario: str, number: int) -> Iterator[PanelRow]:
    """Yield what credible sets say with correlations of the study's people and of others."""
    rng = random_of(1, "coloc panels", scenario, str(number))
    region = draw_region(rng)
    causes = place_causes(scenario, rng)
    founders = region.founders.copy()
    other = rng.random(VARIANTS) < 0.5
    founders[:, other] = draw_founders(rng)[:, other]
    abroad = draw_people(founders, PEOPLE, rng)
    few = draw_people(region.founders, OTHERS, rng)
    home = [
        measure(copies, own, rng, spread=STRONG_SD)
        for copies, own in zip((region.first, region.second), causes, strict=True)
    ]
    away = [home[0], measure(abroad, causes[1], rng, spread=STRONG_SD)]
    own, near, far = (_correlate(copies) for copies in (region.first, few, abroad))
    shared = set(causes[0]) & set(causes[1])
    for panel, studies, ld in (
        ("the first study", home, (own, own)),
        (f"{OTHERS} others", home, (near, near)),
        ("each its own, two ancestries", away, (own, far)),
        ("the first study, two ancestries", away, (own, own)),
    ):
        yield _judge_panel(panel, studies, ld, shared)


def _correlate(copies: F64) -> F64:
    """Correlations; those of a variant that all carry alike are none."""
    with np.errstate(invalid="ignore"):
        r = np.nan_to_num(np.atleast_2d(np.corrcoef(copies.T)))
    np.fill_diagonal(r, 1.0)
    return r


def _judge_panel(
    panel: str, studies: list[tuple[F64, F64]], ld: tuple[F64, F64], shared: set[int]
) -> PanelRow:
    sets, mismatched = [], False
    for (beta, v), r in zip(studies, ld, strict=True):
        z = np.nan_to_num(beta / np.sqrt(v))
        mismatched |= estimate_mismatch(z, decompose(r), n=float(PEOPLE)) > 0.2
        fit = fit_susie(z, r, n=float(PEOPLE), options=SusieOptions())
        sets.append([fit.lbf_variable[one.effect] for one in fit.sets])
    pairs = [_judge("susie", both, shared) for both in product(*sets)]
    if not pairs:
        return PanelRow(panel, None, inside=False, mismatched=mismatched)
    best = max(pairs, key=lambda found: found[2])
    return PanelRow(panel, best[2], inside=best[4], mismatched=mismatched)


def _judge(
    method: str, logs: tuple[F64, ...], shared: set[int]
) -> tuple[str, float, float, bool, bool]:
    first, second = logs
    evidence = sum_evidence(first, second, starts=np.array([0, first.size]))
    pp = weigh_hypotheses(evidence, p1=P1, p2=P1, p12=P12[method]).probabilities[0]
    weight = np.exp(first + second - (first + second).max())
    order = np.argsort(-weight)
    held = order[: int(np.searchsorted(np.cumsum(weight[order]) / weight.sum(), 0.95)) + 1]
    return method, float(pp[3]), float(pp[4]), bool(shared), bool(shared & set(held.tolist()))


def main() -> None:
    """Print how often each truth is found, and how PP4 is calibrated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=200, help="of each scenario")
    regions = parser.parse_args().regions
    found = {s: [row for i in range(regions) for row in compare(s, i)] for s in SCENARIOS}
    print("| truth | method | compared | mean PP3 | mean PP4 | PP4 >= 0.8 | variant in 95 % set |")
    print("|---|---|---|---|---|---|---|")
    for scenario, rows in found.items():
        for method in ("abf", "susie"):
            own = [row for row in rows if row[0] == method]
            if not own:
                print(f"| {scenario} | {method} | 0 | | | | |")
                continue
            pp3, pp4 = (np.mean([row[k] for row in own]) for k in (1, 2))
            likely = [row for row in own if row[2] >= 0.8]
            inside = f"{np.mean([row[4] for row in likely]):.0%}" if likely and own[0][3] else ""
            print(
                f"| {scenario} | {method} | {len(own)} | {pp3:.2f} | {pp4:.2f} | "
                f"{len(likely) / regions:.1%} | {inside} |"
            )
    _print_calibration(found)
    _print_panels(regions)


def _print_panels(regions: int) -> None:
    """Print what correlations of other people do."""
    print("\n| truth | correlations of | PP4 >= 0.8 | variant in its set | s above 0.2 |")
    print("|---|---|---|---|---|")
    for scenario in ("first alone", "one shared", "one each"):
        rows = [row for i in range(regions) for row in compare_panels(scenario, i)]
        for panel in dict.fromkeys(row.panel for row in rows):
            own = [row for row in rows if row.panel == panel]
            likely = [row for row in own if row.pp4 is not None and row.pp4 >= 0.8]
            share = f"{np.mean([row.inside for row in likely]):.0%}" if likely else ""
            told = share if scenario == "one shared" else ""
            mismatched = np.mean([row.mismatched for row in own])
            print(
                f"| {scenario} | {panel} | {len(likely) / len(own):.1%} | {told} | "
                f"{mismatched:.0%} |"
            )


def _print_calibration(found: dict[str, list[tuple[str, float, float, bool, bool]]]) -> None:
    """Print how often a variant is shared where PP4 / (PP3 + PP4) lies in a range.

    Regions of both truths are drawn as often as each other, and count as their priors have them.
    """
    print("\n| PP4 / (PP3 + PP4) | abf | shared | susie | shared |")
    print("|---|---|---|---|---|")
    for low, high in pairwise(CUTS):
        cells = []
        for method in ("abf", "susie"):
            odds = P12[method] / (P1 * P1 * (VARIANTS - 1))
            held = [
                sum(
                    row[0] == method and low <= row[2] / (row[1] + row[2]) < high + (high == 1.0)
                    for row in found[truth]
                )
                for truth in ("one shared", "one each")
            ]
            total = odds * held[0] + held[1]
            cells += [str(sum(held)), f"{odds * held[0] / total:.0%}" if total else ""]
        print(f"| {low:.1f} to {high:.1f} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
