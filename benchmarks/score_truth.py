"""What scores, their measures and their intervals do where the truth is known.

``python -m benchmarks.score_truth`` draws people again and again (four minutes of one processor)
and writes the tables of docs/score-truth.md; ``--draws N`` draws fewer, ``--print`` shows them
alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.follow_up_truth import fill_page
from benchmarks.score_draws import (
    INTERVALS,
    LEARNT,
    NESTED,
    measure_intervals,
    measure_learnt,
    measure_nested,
)

__all__ = ["PAGE", "main"]

PAGE = Path(__file__).parents[1] / "docs" / "score-truth.md"
DRAWS = 1_000
_LEARN, _NEST = 50, 25  # times as many draws of fixed scores as of learnt and of nested ones


def _tell_intervals(draws: int) -> Iterator[str]:
    yield (
        "| measure | situation | n | mean, truth | mean error, spread of the estimates "
        "| 95 % interval holds the truth | that of the difference |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for design in INTERVALS:
        own = measure_intervals(design, draws=draws)
        apart = f"{own['of the difference']:.3f}"
        yield (
            f"| {design.metric} | {design.what} | {design.n:,} | {own['mean']:.3f}, "
            f"{own['truth']:.3f} | {own['error']:.4f}, {own['spread']:.4f} | "
            f"{own['coverage']:.3f} | {apart} |"
        )


def _tell_learnt(draws: int) -> Iterator[str]:
    yield (
        "| family | situation | n x p | measure: mean (its Monte Carlo error) | of the true sum "
        "| correlation with it | calibration slope |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for design in (one for one in LEARNT if one.effect > 0.0):
        own = measure_learnt(design, draws=draws)
        slope = "" if np.isnan(own["slope"]) else f"{own['slope']:.2f}"
        yield (
            f"| {design.family} | {design.what} | {design.n} x {design.p} | {design.metric}: "
            f"{own['mean']:.3f} ({own['error of the mean']:.3f}) | {own['truth']:.3f} | "
            f"{own['correlation']:.2f} | {slope} |"
        )


def _tell_shuffled(draws: int) -> Iterator[str]:
    yield (
        "| family | situation | n x p | measure: mean (its Monte Carlo error) | nothing is "
        "| 95 % interval holds that |"
    )
    yield "| --- | --- | --- | --- | --- | --- |"
    for design in (one for one in LEARNT if one.effect == 0.0):
        own = measure_learnt(design, draws=draws)
        nothing = "0 or less" if design.metric == "r2" else "0.5"
        inside = "" if design.metric == "r2" else f"{own['inside']:.3f}"
        yield (
            f"| {design.family} | {design.what} | {design.n} x {design.p} | {design.metric}: "
            f"{own['mean']:.3f} ({own['error of the mean']:.3f}) | {nothing} | {inside} |"
        )


def _tell_nested(draws: int) -> Iterator[str]:
    yield "| family | situation | n | mean over folds, truth | 95 % interval holds it |"
    yield "| --- | --- | --- | --- | --- |"
    for design in NESTED:
        own = measure_nested(design, draws=draws)
        yield (
            f"| {design.family} | {design.what} | {design.n} | {design.metric}: {own['mean']:.3f}, "
            f"{own['truth']:.3f} | {own['coverage']:.3f} |"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.score_truth")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of fixed scores")
    parser.add_argument("--print", action="store_true", dest="shows")
    given = parser.parse_args(arguments)
    few = max(2, given.draws // _LEARN)
    tables = {
        "learnt": list(_tell_learnt(few)),
        "shuffled": list(_tell_shuffled(few)),
        "intervals": list(_tell_intervals(given.draws)),
        "nested": list(_tell_nested(max(2, given.draws // _NEST))),
    }
    if given.shows:
        print("\n\n".join("\n".join(lines) for lines in tables.values()))
    else:
        PAGE.write_text(fill_page(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
