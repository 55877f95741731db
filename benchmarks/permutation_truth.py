"""Family-wise error of ``associate --permutations`` where the truth is known.

``python -m benchmarks.permutation_truth`` draws cohorts again and again (half an hour of one
processor) and writes a table of docs/type-one-error.md; ``--trials N`` draws fewer, ``--print``
shows the table alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.random import Generator

from benchmarks.association_truth_report import DOCUMENT
from benchmarks.follow_up_truth import fill_page
from proteomr._typing import F64
from proteomr.association import ModelSpec, plan_scan
from proteomr.association.permuted import compare_with_permutations
from proteomr.execute import Serial, one_blas_thread
from proteomr.models import Permutations
from proteomr.scan import fit_blocks
from proteomr.scan.parts import PART_ORDER
from proteomr.tables import ArrayProteins, Cohort

__all__ = ["DESIGNS", "TRIALS", "Errors", "PermutedDesign", "main", "measure"]

# 4,000 trials of a chance of 5 % have a standard error of 0.34 %: 0.7 % is twice that.
TRIALS = 4000
LEVEL = 0.05
_DRAWS = 99  # of people a trial: 5 of 100 ranks are 5 % exactly
_COMMON = 0.6  # what of a protein's variance all proteins share
_MISSING = 0.2
_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class PermutedDesign:
    """Cohorts of one kind.

    Attributes
    ----------
    says : in words.
    n, proteins : of each cohort.
    exposed : share of the people; they are older by half a standard deviation.
    planted : proteins that go with the exposure; all others do not.
    effect : of the planted ones, in standard deviations.
    together : whether the same people lack half of the proteins, in place of anybody any.
    heavy : whether values have the tails of t with 3 degrees of freedom, and are left as they are.
    """

    says: str
    family: str
    n: int = 80
    proteins: int = 12
    exposed: float = 0.4
    planted: int = 0
    effect: float = 1.0
    together: bool = False
    heavy: bool = False


@dataclass(frozen=True, slots=True)
class Errors:
    """Trials with a false hit, and the planted effects found: in one step, and step-down."""

    trials: int
    single: int
    down: int
    planted: int
    found_single: int
    found_down: int


_KINDS = (
    PermutedDesign("nothing to find", "linear"),
    PermutedDesign("a quarter go with the exposure", "linear", planted=3),
    PermutedDesign("nothing, the same people lack half of them", "linear", together=True),
    PermutedDesign("nothing, 15 % exposed", "linear", exposed=0.15),
    PermutedDesign("nothing, heavy tails, untransformed", "linear", heavy=True),
)
DESIGNS = tuple(
    PermutedDesign(
        says=kind.says,
        family=family,
        exposed=kind.exposed,
        planted=kind.planted,
        together=kind.together,
        heavy=kind.heavy,
    )
    for family in ("linear", "logistic")
    for kind in _KINDS
)


def draw_cohort(design: PermutedDesign, g: Generator) -> Cohort:
    """Return people whose age goes with exposure and proteins, and proteins that go together.

    Examples
    --------
    >>> cohort = draw_cohort(DESIGNS[0], np.random.default_rng(1))
    >>> cohort.n, len(cohort.proteins.names)
    (80, 12)
    """
    n, p = design.n, design.proteins
    exposed = (np.arange(n) < round(design.exposed * n)).astype(np.float64)
    age = g.standard_normal(n) + 0.5 * exposed
    common, own = _draw_noise(design, g, (n, 1)), _draw_noise(design, g, (n, p))
    values = np.sqrt(_COMMON) * common + np.sqrt(1.0 - _COMMON) * own + 0.5 * age[:, None]
    values[:, : design.planted] += design.effect * exposed[:, None]
    if design.together:
        lacking = np.zeros((n, p), dtype=np.bool_)
        lacking[g.random(n) < 2.0 * _MISSING, : p // 2] = True
    else:
        lacking = g.random((n, p)) < _MISSING
    values[lacking] = np.nan
    names = tuple(f"P{i:02d}" for i in range(p))
    ids = [f"{i:04d}" for i in range(n)]
    samples = pl.DataFrame({"id": ids, "exposed": exposed, "age": age})
    return Cohort(samples, "id", ArrayProteins(names, values), pl.DataFrame({"protein": names}))


def _draw_noise(design: PermutedDesign, g: Generator, shape: tuple[int, int]) -> F64:
    return g.standard_t(3.0, shape) if design.heavy else g.standard_normal(shape)


def measure(design: PermutedDesign, *, trials: int, seed: int = 1) -> Errors:
    """Count the trials in which a protein without an effect has a family-wise p of at most 5 %.

    Examples
    --------
    >>> measure(DESIGNS[0], trials=2).trials
    2
    """
    single = down = found_single = found_down = 0
    for trial in range(trials):
        cohort = draw_cohort(design, np.random.default_rng([seed, trial]))
        asked = Permutations(_DRAWS, seed=trial)
        step_down = Permutations(_DRAWS, step_down=True, seed=trial)
        plan = plan_scan(cohort, _specify(design, step_down), block_size=design.proteins)
        parts = pl.concat(fit_blocks(plan, executor=Serial())).sort(PART_ORDER)
        one, other = (
            compare_with_permutations(parts, _specify(design, each))[1].fill_null(1.0).to_numpy()
            <= LEVEL
            for each in (asked, step_down)
        )
        single += bool(one[design.planted :].any())
        down += bool(other[design.planted :].any())
        found_single += int(one[: design.planted].sum())
        found_down += int(other[: design.planted].sum())
    return Errors(trials, single, down, trials * design.planted, found_single, found_down)


def _specify(design: PermutedDesign, asked: Permutations) -> ModelSpec:
    return ModelSpec(
        design.family,
        ("exposed",),
        {"aged": "age"},
        transform="none" if design.heavy else "rint",
        permutations=asked,
    )


def tell(trials: int) -> list[str]:
    """Return the table."""
    lines = [
        (
            "| family | situation | family-wise error, one step (95 % Monte Carlo interval) "
            "| `--step-down` | planted effects found, one step / step-down |"
        ),
        "| --- | --- | --- | --- | --- |",
    ]
    with one_blas_thread():
        for design in DESIGNS:
            found = measure(design, trials=trials)
            both = " / ".join(
                f"{100 * hits / found.planted:.1f} %" if found.planted else "–"
                for hits in (found.found_single, found.found_down)
            )
            errors = " | ".join(_share(hits, trials) for hits in (found.single, found.down))
            lines.append(f"| {design.family} | {design.says} | {errors} | {both} |")
            print(lines[-1], flush=True)
    return lines


def _share(hits: int, trials: int) -> str:
    """Return a share in per cent, with Wilson's (1927) interval."""
    share, z2 = hits / trials, _Z95**2 / trials
    middle = (share + z2 / 2.0) / (1.0 + z2)
    half = np.sqrt(z2 * (share * (1.0 - share) + z2 / 4.0)) / (1.0 + z2)
    return f"{100 * share:.2f} % ({100 * (middle - half):.2f}-{100 * (middle + half):.2f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.permutation_truth")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--print", action="store_true", dest="shows")
    given = parser.parse_args(arguments)
    lines = tell(given.trials)
    if not given.shows:
        text = fill_page(DOCUMENT.read_text(encoding="utf-8"), {"permuted": lines})
        DOCUMENT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
