"""The work: one panel of the model study's scan, on disk for proteomr and as arrays for the others.

Shen et al. 2025 (doi:10.1038/s41562-024-02078-1) fit two exposures under two adjustment sets to
2,920 proteins in 42,062 people. :func:`proteomr.simulate.simulate` makes people and proteins in
that shape; the proteins of one of the eight panels share their time gap, and are what single fits
are timed and checked on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import ndtri

from proteomr._typing import F64, I64
from proteomr.simulate import ADJUSTMENTS, simulate

__all__ = [
    "CLUSTER",
    "FULL",
    "GAP",
    "QUICK",
    "WEIGHT",
    "Problem",
    "Size",
    "build_problem",
    "rank_normalise",
]

GAP = "timegap"
WEIGHT, CLUSTER = "weight", "household"
_EXPOSURES = ("isolation", "loneliness")
_COMPONENTS = tuple(f"PC{number}" for number in range(1, 21))
_TERMS = {
    "simple": (GAP, "age", "sex", "site", "batch", *_COMPONENTS),
    "full": ("ethnicity", "education", "income", "smoking", "alcohol", "bmi"),
}
_FACTORS = frozenset({"site", "batch", "ethnicity", "education"})
_BLOM = 0.375
_SEED = 20_250_203


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is.

    Attributes
    ----------
    people, proteins : of the simulated cohort.
    chosen : proteins that every competitor fits.
    rounds : alternating rounds of all competitors.
    pairs : alternating rounds of proteomr against itself, two workers or other loops.
    """

    name: str
    people: int
    proteins: int
    chosen: int
    rounds: int
    pairs: int

    @property
    def label(self) -> str:
        """People by proteins, as read by people."""
        return f"{self.people:,} x {self.proteins:,}"


QUICK = Size("quick", people=16_000, proteins=512, chosen=2, rounds=2, pairs=1)
FULL = Size("full", people=42_062, proteins=2_920, chosen=3, rounds=3, pairs=2)


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One panel of a scan.

    Attributes
    ----------
    cohort : folder of the whole cohort.
    people : parquet file of the samples, a weight and a household beside what the cohort has.
    panel : parquet file with the proteins of the panel alone.
    names : its proteins.
    chosen : those of them that competitors fit, b in number.
    samples : the people, in the order of all arrays.
    gap : ``(n,)``, the time gap of the panel.
    raw : ``(b, n)``, the chosen proteins as measured, NaN where missing.
    scores : ``(b, n)``, the same rank-normalised within what is observed.
    covariates : ``(n, k)``; the intercept, the time gap, then the rest.
    columns : those of each adjustment set.
    terms : variables of each adjustment set.
    exposures : ``(n, e)``, 0 or 1.
    tests : exposure and adjustment set of each of the t fits of a protein.
    """

    cohort: Path
    people: Path
    panel: Path
    names: tuple[str, ...]
    chosen: tuple[str, ...]
    samples: pl.DataFrame
    gap: F64
    raw: F64
    scores: F64
    covariates: F64
    columns: dict[str, I64]
    terms: dict[str, tuple[str, ...]]
    exposures: F64
    exposure_names: tuple[str, ...]
    tests: tuple[tuple[int, str], ...]

    @property
    def factors(self) -> tuple[str, ...]:
        """Variables that enter as one column per level less the first."""
        return tuple(name for terms in _TERMS.values() for name in terms if name in _FACTORS)

    def design(self, protein: int, adjustment: str) -> tuple[F64, F64, I64]:
        """Return scores, covariates and positions of the people in the fit of a chosen protein."""
        rows = np.flatnonzero(~np.isnan(self.scores[protein]))
        covariates = self.covariates[np.ix_(rows, self.columns[adjustment])]
        return self.scores[protein, rows], covariates, rows


def build_problem(size: Size, folder: Path) -> Problem:
    """Simulate a cohort and lay out the panel that has most of the study's named proteins."""
    cohort = folder / "cohort"
    simulate(cohort, people=size.people, proteins=size.proteins, seed=_SEED)
    assays = pl.read_parquet(cohort / "assays.parquet")
    panel_name = str(assays["panel"][0])
    names = tuple(assays.filter(pl.col("panel") == panel_name)["protein"].to_list())
    people = folder / "people.parquet"
    samples = _add_columns(pl.read_parquet(cohort / "samples.parquet"))
    samples.write_parquet(people)
    proteins = pl.read_parquet(cohort / "proteins.parquet", columns=["sample_id", *names])
    panel = folder / "panel.parquet"
    proteins.write_parquet(panel, compression="lz4")
    chosen = names[: size.chosen]
    raw = proteins.select(pl.col(chosen).cast(pl.Float64).fill_null(np.nan)).to_numpy().T
    gap = pl.read_parquet(cohort / "timegap.parquet")[panel_name].to_numpy().astype(np.float64)
    covariates, columns = _expand(samples, gap)
    return Problem(
        cohort=cohort,
        people=people,
        panel=panel,
        names=names,
        chosen=chosen,
        samples=samples,
        gap=gap,
        raw=np.ascontiguousarray(raw),
        scores=np.stack([rank_normalise(values) for values in raw]),
        covariates=covariates,
        columns=columns,
        terms=_all_terms(),
        exposures=samples.select(_EXPOSURES).to_numpy().astype(np.float64),
        exposure_names=_EXPOSURES,
        tests=tuple((e, label) for e in range(len(_EXPOSURES)) for label in ADJUSTMENTS),
    )


def _add_columns(samples: pl.DataFrame) -> pl.DataFrame:
    """Give everybody a weight, and a household of about two."""
    rng = np.random.default_rng(_SEED)
    return samples.with_columns(
        pl.Series(WEIGHT, rng.uniform(0.5, 2.0, samples.height).round(4)),
        pl.Series(CLUSTER, rng.integers(0, samples.height // 2, samples.height)),
    )


def rank_normalise(values: F64) -> F64:
    """Return ``ndtri((rank - 3/8) / (n + 1/4))`` (Blom 1958), ties averaged, NaN left alone.

    Examples
    --------
    >>> rank_normalise(np.array([3.0, np.nan, 1.0, 2.0])).round(4).tolist()
    [0.8694, nan, -0.8694, 0.0]
    """
    observed = np.flatnonzero(~np.isnan(values))
    distinct, place, counts = np.unique(values[observed], return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = last - (counts - 1) / 2.0
    table = ndtri((ranks - _BLOM) / (observed.size + 1.0 - 2.0 * _BLOM))
    out = np.full(values.size, np.nan)
    out[observed] = table[place] if distinct.size else np.nan
    return out


def _all_terms() -> dict[str, tuple[str, ...]]:
    return {"simple": _TERMS["simple"], "full": (*_TERMS["simple"], *_TERMS["full"])}


def _expand(samples: pl.DataFrame, gap: F64) -> tuple[F64, dict[str, I64]]:
    """Return the covariates as columns, intercept first, and which of them each set has."""
    blocks: list[F64] = [np.ones((samples.height, 1))]
    ends = {}
    for label, names in _TERMS.items():
        blocks += [gap[:, None] if name == GAP else _column(samples[name]) for name in names]
        ends[label] = sum(block.shape[1] for block in blocks)
    return np.hstack(blocks), {label: np.arange(end) for label, end in ends.items()}


def _column(variable: pl.Series) -> F64:
    if variable.name not in _FACTORS:
        return variable.to_numpy().astype(np.float64)[:, None]
    levels: Sequence[object] = variable.unique().sort().to_list()
    return np.column_stack([(variable == level).to_numpy() for level in levels[1:]]).astype(float)
