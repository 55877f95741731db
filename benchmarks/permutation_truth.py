"""Family-wise error of ``associate --permutations`` where the truth is known.

``python -m benchmarks.permutation_truth`` draws cohorts again and again (ten minutes of one
processor) and writes a table of docs/type-one-error.md; ``--trials N`` draws fewer, ``--print``
shows the table alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import polars as pl
from numpy.random import Generator

from benchmarks.association_truth_report import DOCUMENT
from benchmarks.follow_up_truth import fill_page
from proteomr._typing import I64
from proteomr.association import ModelSpec, plan_scan
from proteomr.association.permuted import compare_with_permutations
from proteomr.execute import Serial, one_blas_thread
from proteomr.models import Permutations
from proteomr.scan import fit_blocks
from proteomr.scan.parts import PART_ORDER
from proteomr.tables import ArrayProteins, Cohort
from proteomr.tables import columns as c

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
    exposed : share of the people, the older ones rather.
    exposures : of a cohort, each a trial.
    planted : proteins that go with the exposure; all others do not.
    effect : of the planted ones, in standard deviations.
    together : whether the same people lack half of the proteins, in place of anybody any.
    covariates : beside age, that go with nothing and are adjusted for.
    """

    says: str
    family: str
    n: int = 80
    proteins: int = 12
    exposed: float = 0.4
    planted: int = 0
    effect: float = 1.0
    together: bool = False
    exposures: int = 5
    covariates: int = 0


@dataclass(frozen=True, slots=True)
class Errors:
    """Trials with a false hit, and the planted effects found: in one step, and step-down.

    ``spread`` is the variance of errors between cohorts over that of independent trials.
    """

    trials: int
    single: int
    down: int
    planted: int
    found_single: int
    found_down: int
    spread: float


_KINDS = (
    PermutedDesign("nothing to find", "linear"),
    PermutedDesign("a quarter go with the exposure", "linear", planted=3, exposures=1),
    PermutedDesign("nothing, 12 covariates", "linear", covariates=12),
    PermutedDesign("nothing, the same people lack half of them", "linear", together=True),
)
DESIGNS = tuple(
    replace(kind, family=family) for kind in _KINDS for family in ("linear", "logistic")
)


def draw_cohort(design: PermutedDesign, g: Generator) -> Cohort:
    """Return people whose age goes with exposures and proteins, and proteins that go together.

    Examples
    --------
    >>> cohort = draw_cohort(DESIGNS[0], np.random.default_rng(1))
    >>> cohort.n, len(cohort.proteins.names)
    (80, 12)
    """
    n, p = design.n, design.proteins
    age, most = g.standard_normal(n), round(design.exposed * n)
    exposed = np.zeros((design.exposures, n))
    for one in exposed:
        one[np.argsort(-0.5 * age - g.standard_normal(n))[:most]] = 1.0
    common, own = g.standard_normal((n, 1)), g.standard_normal((n, p))
    values = np.sqrt(_COMMON) * common + np.sqrt(1.0 - _COMMON) * own + 0.5 * age[:, None]
    values[:, : design.planted] += design.effect * exposed[0][:, None]
    if design.together:
        lacking = np.zeros((n, p), dtype=np.bool_)
        lacking[g.random(n) < 2.0 * _MISSING, : p // 2] = True
    else:
        lacking = g.random((n, p)) < _MISSING
    values[lacking] = np.nan
    names = tuple(f"P{i:02d}" for i in range(p))
    ids = [f"{i:04d}" for i in range(n)]
    idle = {f"c{i}": g.standard_normal(n) for i in range(design.covariates)}
    of_people = {f"x{i}": one for i, one in enumerate(exposed)} | {"age": age, **idle}
    samples = pl.DataFrame({"id": ids, **of_people})
    return Cohort(samples, "id", ArrayProteins(names, values), pl.DataFrame({"protein": names}))


def measure(design: PermutedDesign, *, trials: int, seed: int = 1) -> Errors:
    """Count the trials in which a protein without an effect has a family-wise p of at most 5 %.

    Examples
    --------
    >>> measure(DESIGNS[0], trials=10).trials
    10
    """
    cohorts = trials // design.exposures
    false = np.zeros((2, cohorts), dtype=np.int64)
    found = np.zeros(2, dtype=np.int64)
    for r in range(cohorts):
        words = [seed, crc32(design.says.encode()), r]
        cohort = draw_cohort(design, np.random.default_rng(words))
        plan = plan_scan(cohort, _specify(design, r), block_size=design.proteins)
        parts = pl.concat(fit_blocks(plan, executor=Serial())).sort(PART_ORDER)
        for way, step_down in enumerate((False, True)):
            p = compare_with_permutations(parts, _specify(design, r, step_down=step_down))[1]
            told = parts.select(c.PROTEIN, c.EXPOSURE, hit=p.fill_null(1.0) <= LEVEL)
            planted = pl.col(c.PROTEIN) < f"P{design.planted:02d}"
            hits = told.filter("hit")
            false[way, r] = hits.filter(~planted)[c.EXPOSURE].n_unique()
            found[way] += hits.filter(planted).height
    return Errors(
        trials=cohorts * design.exposures,
        single=int(false[0].sum()),
        down=int(false[1].sum()),
        planted=cohorts * design.planted,
        found_single=int(found[0]),
        found_down=int(found[1]),
        spread=_spread(false[0], design.exposures),
    )


def _spread(errors: I64, each: int) -> float:
    """Return the variance of errors between cohorts over that of independent trials, at least 1."""
    share = errors.mean() / each
    expected = each * share * (1.0 - share)
    return max(1.0, float(errors.var(ddof=1) / expected)) if expected > 0.0 else 1.0


def _specify(design: PermutedDesign, seed: int, *, step_down: bool = True) -> ModelSpec:
    return ModelSpec(
        design.family,
        tuple(f"x{i}" for i in range(design.exposures)),
        {"aged": " + ".join(["age", *(f"c{i}" for i in range(design.covariates))])},
        test_family="exposure",
        permutations=Permutations(_DRAWS, step_down=step_down, seed=seed),
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
            errors = " | ".join(_share(hits, found) for hits in (found.single, found.down))
            lines.append(f"| {design.family} | {design.says} | {errors} | {both} |")
            print(lines[-1], flush=True)
    return lines


def _share(hits: int, found: Errors) -> str:
    """Return a share in per cent, with Wilson's (1927) interval, widened by the spread."""
    share, z2 = hits / found.trials, _Z95**2 * found.spread / found.trials
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
