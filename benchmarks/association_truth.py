"""Type I error and coverage of the families of ``associate``.

People and proteins of known truth are drawn again and again (`benchmarks.association_designs`),
with and without an effect, and fitted by the families themselves. A line of CSV for each test in
each design is kept as soon as it is done; `benchmarks.association_truth_report` writes the page of
the documentation from them.

``python -m benchmarks.association_truth`` takes an hour. ``--quick`` takes a few tests of each and
keeps nothing; ``--only`` measures some designs again, beside the lines that are kept, ``--missing``
those of which none are; ``--report`` draws nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.association_designs import DESIGNS
from benchmarks.association_draws import Asked, Design, draw_batch
from benchmarks.association_lines import NOMINAL, Line
from benchmarks.association_truth_report import DOCUMENT, fill_document
from benchmarks.records import read_records, write_records
from proteomr._typing import F64, Bool
from proteomr.execute import one_blas_thread
from proteomr.models import Block, FitBlock, Problem, find_family
from proteomr.provenance import utc_now
from proteomr.stats.distributions import quantile_t

__all__ = ["LEVELS", "QUICK", "RESULTS", "latest_file", "main", "measure"]

RESULTS = Path(__file__).parent / "results"
LEVELS = (0.05, *NOMINAL)
QUICK = 4  # tests of each kind in a quick run

_DIAGNOSTICS = "iv_diagnostics"
_LEAST_DRAWS = 20  # fewer say nothing about their spread


@dataclass(slots=True)
class Tally:
    """What is counted of a test, draw by draw."""

    rejected: list[list[int]] = field(default_factory=list)
    tests: list[int] = field(default_factory=list)
    covered: list[int] = field(default_factory=list)
    failed: int = 0

    def add(self, minus_log_p: F64, /) -> None:
        """Count the p values of a draw, NaN for none."""
        found = minus_log_p[np.isfinite(minus_log_p)]
        self.failed += minus_log_p.size - found.size
        self.tests.append(found.size)
        self.rejected.append([int(np.sum(found >= -np.log10(level))) for level in LEVELS])

    def add_estimates(self, fits: FitBlock, truths: F64, /) -> None:
        """Count the tests of the estimates themselves, and the intervals that hold the truth."""
        has = np.isfinite(fits.estimate) & np.isfinite(fits.se)
        df = np.where(np.isnan(fits.df), np.inf, fits.df)
        with np.errstate(invalid="ignore"):
            size = np.abs(fits.estimate) / fits.se
        beyond = _exceed(size, df, fits.neg_log10_p)
        self.failed += int(np.sum(~has))
        self.tests.append(int(np.sum(has)))
        self.rejected.append([int(np.sum(each & has)) for each in beyond])
        half = _quantiles(df, 0.05) * fits.se
        low = np.where(np.isnan(fits.conf_low), fits.estimate - half, fits.conf_low)
        high = np.where(np.isnan(fits.conf_high), fits.estimate + half, fits.conf_high)
        self.covered.append(int(np.sum(has & (low <= truths) & (truths <= high))))

    @property
    def spread(self) -> float:
        """Variance between draws over that of independent tests."""
        tests = np.array(self.tests, dtype=np.float64)
        if tests.size < _LEAST_DRAWS or tests.sum() == 0:
            return 1.0
        hits = np.array(self.covered or [first for first, *_ in self.rejected], dtype=np.float64)
        share = hits.sum() / tests.sum()
        expected = float(np.sum(tests * share * (1.0 - share)))
        if expected == 0.0:
            return 1.0
        return max(1.0, float(np.sum((hits - tests * share) ** 2)) / expected)


def _quantiles(df: F64, level: float) -> F64:
    """Return two-sided quantiles of t, computed once where all degrees of freedom are the same."""
    first = df.flat[0]
    if np.all(df == first):
        return np.full(df.shape, quantile_t(1.0 - level / 2.0, first))
    return quantile_t(np.full(df.shape, 1.0 - level / 2.0), df)


def _exceed(size: F64, df: F64, given: F64 | None) -> list[Bool]:
    """Return whether each p value is at most a level, by level."""
    found = []
    for level in LEVELS:
        beyond = size >= _quantiles(df, level)
        if given is not None:
            beyond = np.where(np.isnan(given), beyond, given >= -np.log10(level))
        found.append(beyond)
    return found


def measure(
    design: Design, *, effect: float, least: int | None = None, size: str = "full"
) -> Iterator[Line]:
    """Yield the lines of a design; with `least`, of so many proteins at most."""
    tallies: dict[str, Tally] = {}
    wanted = {asked.test + "/".join(asked.beside): _count(asked, effect) for asked in design.asked}
    batch = design.batch if least is None else min(design.batch, least)
    most = max(wanted.values()) if least is None else min(least, max(wanted.values()))
    with one_blas_thread():
        for r in range(-(-most // batch)):
            problem, block = draw_batch(design, r, effect=effect)
            block = block.take(np.arange(batch))
            for asked in design.asked:
                if r * batch < wanted[asked.test + "/".join(asked.beside)]:
                    _fit(design, asked, problem, block, effect, tallies)
    for test, tally in tallies.items():
        yield _summarise(design, test, tally, effect=effect, size=size)


def _count(asked: Asked, effect: float) -> int:
    return asked.effect if effect else asked.null


def _fit(
    design: Design,
    asked: Asked,
    problem: Problem,
    block: Block,
    effect: float,
    tallies: dict[str, Tally],
) -> None:
    """Fit a batch as it is asked, and count what comes of it."""
    family = find_family(design.family)(asked.options)
    fits = family.fit(family.prepare(problem), block)
    if asked.test:
        coefficients = np.arange(1, fits.estimate.shape[1] + 1)
        tallies.setdefault(asked.test, Tally()).add_estimates(fits, effect * coefficients)
    for name in asked.beside:
        minus_log = _read_beside(fits, name)
        tallies.setdefault(name, Tally()).add(minus_log)


def _read_beside(fits: FitBlock, name: str) -> F64:
    """Return the -log10 p values of a joint test, or of one of the diagnostics of instruments."""
    if name in fits.joint:
        return fits.joint[name].neg_log10_p.ravel()
    columns = fits.details[_DIAGNOSTICS].columns
    minus_log = np.array(columns["neg_log10_p"], dtype=np.float64)
    found: F64 = minus_log[np.array(columns["test"]) == name]
    return found


def _summarise(design: Design, test: str, tally: Tally, *, effect: float, size: str) -> Line:
    rejected = np.array(tally.rejected).sum(axis=0).tolist()
    return Line(
        size=size,
        date=utc_now()[:10],
        family=design.family,
        design=design.key,
        people=design.n,
        test=test,
        effect=effect,
        draws=len(tally.tests),
        tests=sum(tally.tests),
        failed=tally.failed,
        rejected_05=rejected[0],
        rejected_2=rejected[1],
        rejected_3=rejected[2],
        rejected_4=rejected[3],
        rejected_5=rejected[4],
        intervals=sum(tally.tests) if tally.covered else 0,
        covered=sum(tally.covered),
        spread=tally.spread,
    )


def latest_file(folder: Path) -> Path:
    """Return the newest kept results.

    Raises
    ------
    FileNotFoundError
        There are none.
    """
    files = sorted(folder.glob("association-truth-*.csv"))
    if not files:
        raise FileNotFoundError(f"{folder}: no results of the families; run the script first")
    return files[-1]


def _read_kept(folder: Path) -> list[Line]:
    """Return the lines of the newest kept results; none where there are no results."""
    try:
        return read_records(latest_file(folder), Line)
    except FileNotFoundError:
        return []


def _keep(folder: Path, designs: Sequence[Design]) -> Path:
    """Measure designs and keep their lines, beside those of others that are kept."""
    path = folder / f"association-truth-{utc_now()[:10]}.csv"
    kept = _read_kept(folder)
    order = {design.key: place for place, design in enumerate(DESIGNS)}
    for design in designs:
        for effect in (0.0, design.effect):
            kept = [line for line in kept if (line.design, line.effect) != (design.key, effect)]
            kept += measure(design, effect=effect)
            kept.sort(key=lambda line: (order[line.design], line.effect))
            write_records(path, kept)
        print(design.key, flush=True)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, fit, count, keep, and write the page of the documentation."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.association_truth")
    parser.add_argument("--quick", action="store_true", help="a few tests of each, not kept")
    parser.add_argument("--report", action="store_true", help="only write the page again")
    parser.add_argument("--only", action="append", help="begin of the keys of designs, repeatable")
    parser.add_argument("--missing", action="store_true", help="only designs without kept results")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="file with the marks")
    options = parser.parse_args(arguments)
    chosen = tuple(options.only or ("",))
    designs = [design for design in DESIGNS if design.key.startswith(chosen)]
    if options.missing:
        done = {line.design for line in _read_kept(options.results)}
        designs = [design for design in designs if design.key not in done]
    if options.quick:
        for design in designs:
            for effect in (0.0, design.effect):
                for line in measure(design, effect=effect, least=QUICK, size="quick"):
                    print(line.design, line.test, line.effect, line.tests, line.failed)
        return 0
    if not options.report:
        print(_keep(options.results, designs))
    try:
        kept = latest_file(options.results)
        fill_document(options.document, read_records(kept, Line), source=kept.name)
    except (FileNotFoundError, ValueError) as fault:
        print(fault, file=sys.stderr)
        return 1
    print(options.document)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
