"""How outlier and mixture estimators fare when the truth is known.

``python -m benchmarks.outlier_truth`` writes the tables of docs/outlier-robust-estimators.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import polars as pl
from scipy import special

from benchmarks.mr_truth import draw_pairs
from benchmarks.mr_truth_report import fill_between
from proteomr._typing import F64
from proteomr.mr.estimate import build_methods, estimate
from proteomr.simulate.summary_effects import Pleiotropy, SummaryTruth
from proteomr.tables import Harmonised

__all__ = ["CURSED", "METHODS", "PAGE", "SCENARIOS", "SHARED", "Scenario", "main", "measure"]

PAGE = Path(__file__).parent.parent / "docs" / "outlier-robust-estimators.md"
METHODS = ("ivw", "weighted_median", "presso(simulations=1000)", "mrmix")
ENUMERATED = ("ivw", "hetpen")
CURSED, SHARED = ("ivw", "divw", "rivw"), ("ivw", "divw", "ivw_overlap(psi=0.5)")
_SEED, _EFFECT, _PSI = 20261129, 0.2, 0.5
_FEW = 12  # variants of the estimator whose work doubles with each


Found: TypeAlias = dict[str, tuple[float, float]]
Draw: TypeAlias = Callable[[float], Iterable[Harmonised]]


@dataclass(frozen=True, slots=True)
class Row:
    """What methods find in a scenario, without an effect and with one."""

    title: str
    none: Found
    some: Found


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is drawn: which share of the variants is invalid, in what way, and their strength."""

    pleiotropy: Pleiotropy = "none"
    invalid: float = 0.0
    strength: float = 60.0
    instruments: int = 50

    @property
    def title(self) -> str:
        """The scenario in words."""
        share = "" if self.pleiotropy == "none" else f", {100 * self.invalid:.0f} % invalid"
        weak = "" if self.strength >= 60 else f", F {self.strength:g}"
        return f"{self.pleiotropy}{share}{weak}"


_KINDS: tuple[Pleiotropy, ...] = ("balanced", "directional", "correlated")
SCENARIOS = (
    Scenario(),
    *(Scenario(kind, share) for kind in _KINDS for share in (0.1, 0.3, 1.0)),
    Scenario(strength=12.0),
    Scenario("directional", 0.3, 12.0),
)


def measure(pairs: Sequence[Harmonised], methods: Sequence[str], *, truth: float) -> Found:
    """Return for each method the mean estimate, and the share of tests or limits that miss truth.

    The share is of p below 0.05 where the truth is zero, else of intervals that leave it out; both
    are of the replicates with an estimate.
    """
    frame = estimate(pairs, build_methods(methods), seed=_SEED)
    found = frame.filter(pl.col("estimate").is_not_null())
    inside = (pl.col("conf_low") <= truth) & (pl.col("conf_high") >= truth)
    missed = (pl.col("p_value") < 0.05) if truth == 0.0 else ~inside
    table = found.group_by("method").agg(pl.col("estimate").mean(), missed.mean().alias("missed"))
    return {row[0]: (row[1], row[2]) for row in table.rows()}


def draw_scenario(effect: float, *, scenario: Scenario, replicates: int) -> Iterator[Harmonised]:
    """Yield replicates of a scenario."""
    truth = SummaryTruth(
        effect=effect,
        pleiotropy=scenario.pleiotropy,
        instruments=scenario.instruments,
        strength=scenario.strength,
        invalid_share=scenario.invalid,
    )
    yield from draw_pairs(truth, replicates=replicates, seed=_SEED)


def draw_cursed(effect: float, *, replicates: int, p: float) -> Iterator[Harmonised]:
    """Yield analyses whose variants are chosen by their p value in the data that estimate them."""
    for replicate in range(replicates):
        random = np.random.default_rng([_SEED, replicate])
        m, se = 2000, 0.01
        truth = random.normal(0.0, 0.03, m) * (random.random(m) < 0.15)
        x, y = random.normal(truth, se), random.normal(effect * truth, se)
        kept = 2 * special.ndtr(-np.abs(x / se)) < p
        yield _pair(x[kept], y[kept], se, replicate)


def draw_shared(effect: float, *, replicates: int, psi: float) -> Iterator[Harmonised]:
    """Yield analyses of weak instruments whose errors are correlated, as by people in both."""
    for replicate in range(replicates):
        random = np.random.default_rng([_SEED, replicate, 1])
        truth, se = random.normal(0.0, 0.03, 80), 0.015
        one, two = random.standard_normal((2, 80))
        y = effect * truth + se * (psi * one + np.sqrt(1 - psi**2) * two)
        yield _pair(truth + se * one, y, se, replicate)


def _pair(x: F64, y: F64, se: float, replicate: int) -> Harmonised:
    return Harmonised(
        exposures=("exposure",),
        outcome=f"replicate {replicate}",
        variants=pl.DataFrame({"variant_id": [f"v{j}" for j in range(x.size)]}),
        beta_x=x[:, None],
        se_x=np.full((x.size, 1), se),
        beta_y=y,
        se_y=np.full(x.size, se),
    )


def compare(title: str, draw: Draw, methods: Sequence[str]) -> Row:
    """Return what methods find without an effect and with one."""
    none, some = (measure(list(draw(effect)), methods, truth=effect) for effect in (0.0, _EFFECT))
    return Row(title, none, some)


def write_table(rows: Sequence[Row], methods: Sequence[str]) -> str:
    """Return rows as a table: bias, rejections in per cent, coverage in per cent."""
    head = "| variants | " + " | ".join(f"`{name}`" for name in methods) + " |"
    lines = [head, "| --- |" + " --- |" * len(methods)]
    for row in rows:
        cells = []
        for name in methods:
            if name not in row.none or name not in row.some:
                cells.append("no estimate")
                continue
            bias, (_, level), missed = row.some[name][0] - _EFFECT, row.none[name], row.some[name]
            cells.append(f"{bias:+.3f}; {100 * level:.0f}; {100 - 100 * missed[1]:.0f}")
        lines.append(f"| {row.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, estimate and write the page."""
    parser = argparse.ArgumentParser(description=str(__doc__))
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args(arguments)
    count, many = asked.replicates, 3 * asked.replicates
    rows, few = [], []
    for scenario in SCENARIOS:
        small = replace(scenario, instruments=_FEW)
        draw = partial(draw_scenario, scenario=scenario, replicates=count)
        rows.append(compare(scenario.title, draw, METHODS))
        draw = partial(draw_scenario, scenario=small, replicates=count)
        few.append(compare(scenario.title, draw, ENUMERATED))
        print(scenario.title, flush=True)
    cursed = [
        compare(f"chosen at p < {p:g}", partial(draw_cursed, replicates=many, p=p), CURSED)
        for p in (5e-8, 1e-3)
    ]
    draw = partial(draw_shared, replicates=many, psi=_PSI)
    shared = [compare(f"correlation of errors {_PSI:g}", draw, SHARED)]
    tables = (
        ("many", rows, METHODS),
        ("few", few, ENUMERATED),
        ("cursed", cursed, CURSED),
        ("shared", shared, SHARED),
    )
    text = asked.page.read_text("utf-8")
    for name, told, methods in tables:
        marks = (f"<!-- {name} -->", f"<!-- /{name} -->")
        text = fill_between(text, write_table(told, methods), marks)
    asked.page.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
