"""Two-stage least squares of many proteins, beside linearmodels one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmarks.records import Reading
from benchmarks.rows.row import Row, Scope, SizeName, median_ms, median_ratio
from proteomr._typing import F64
from proteomr.association import ModelSpec, scan_cohort
from proteomr.execute import one_blas_thread
from proteomr.models import IvOptions
from proteomr.tables import ArrayProteins, Cohort

__all__ = ["INSTRUMENTS", "Instruments", "make_study"]

INSTRUMENTS = Row(
    "iv",
    "two-stage least squares, three instruments",
    "linearmodels' IV2SLS, protein by protein",
    must=10.0,
    aim=100.0,
)
_PEER = "linearmodels"
# people, proteins of proteomr, proteins of linearmodels
_SIZES: dict[SizeName, tuple[int, int, int]] = {
    "full": (42_062, 96, 2),
    "quick": (5_000, 48, 3),
    "tiny": (600, 4, 2),
}
_SITES, _NUMERIC = 20, 25
_BOUND = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class _Study:
    """People, proteins, and the arrays that linearmodels takes."""

    cohort: Cohort
    covariates: F64
    instruments: F64
    exposure: F64
    values: F64


class Instruments:
    """Scans of all proteins, and single fits of some of them on ready arrays."""

    rows = (INSTRUMENTS,)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield both; estimates and errors are compared in each round."""
        people, proteins, single = _SIZES[scope.size]
        study = make_study(people, proteins)
        _scan(study)  # loads what is compiled
        seconds: dict[str, list[float]] = {"proteomr": [], _PEER: []}
        worst = 0.0
        for _ in range(scope.rounds):
            began = time.process_time()
            ours = _scan(study)
            seconds["proteomr"].append((time.process_time() - began) / proteins)
            began = time.process_time()
            theirs = _fit_singly(study, single)
            seconds[_PEER].append((time.process_time() - began) / single)
            worst = max(worst, float(np.max(np.abs(ours[:single] / theirs - 1.0))))
        for row in rows:
            for tool, count in (("proteomr", proteins), (_PEER, single)):
                yield scope.read(
                    row,
                    tool=tool,
                    work=f"{people:,} people, {count} proteins, {_SITES + _NUMERIC} covariates",
                    unit="fit",
                    ms=median_ms(seconds[tool]),
                    ratio=median_ratio(seconds, _PEER, "proteomr"),
                    error=worst,
                    bound=_BOUND,
                )


def make_study(people: int, proteins: int) -> _Study:
    """Return people with a hidden cause of exposure and proteins, a tenth of which are missing."""
    rng = np.random.default_rng(11)
    site = rng.integers(0, _SITES, people)
    numeric, Z = rng.normal(size=(people, _NUMERIC)), rng.normal(size=(people, 3))
    hidden = rng.normal(size=people)
    exposure = 0.2 * Z.sum(axis=1) + 0.1 * numeric[:, 0] + hidden + rng.normal(size=people)
    values = 0.3 * exposure[:, None] + hidden[:, None] + rng.normal(size=(people, proteins))
    values[rng.random(values.shape) < 0.1] = np.nan
    names = tuple(f"P{j:04d}" for j in range(proteins))
    samples = pl.DataFrame(
        {
            "id": [f"{i:07d}" for i in range(people)],
            "exposure": exposure,
            "site": site,
            **{f"c{i}": numeric[:, i] for i in range(_NUMERIC)},
            **{f"z{i}": Z[:, i] for i in range(3)},
        }
    )
    dummies = (site[:, None] == np.arange(1, _SITES)).astype(float)
    cohort = Cohort(
        samples, "id", ArrayProteins(names, values), pl.DataFrame({"protein": list(names)})
    )
    covariates = np.column_stack([np.ones(people), dummies, numeric])
    return _Study(cohort, covariates, Z, exposure, values)


def _scan(study: _Study) -> F64:
    """Return estimates and errors ``(b, 2)`` of a scan, with all tests and sets."""
    terms = " + ".join(["C(site)", *(f"c{i}" for i in range(_NUMERIC))])
    spec = ModelSpec(
        "iv", ("exposure",), {"a": terms}, transform="none", iv=IvOptions(("z0", "z1", "z2"))
    )
    with one_blas_thread():
        return scan_cohort(study.cohort, spec).frame.select("estimate", "se").to_numpy()


def _fit_singly(study: _Study, count: int) -> F64:
    from linearmodels.iv import IV2SLS

    found = []
    with one_blas_thread():
        for y in study.values[:, :count].T:
            rows = ~np.isnan(y)
            model = IV2SLS(
                y[rows], study.covariates[rows], study.exposure[rows], study.instruments[rows]
            )
            fit = model.fit(cov_type="unadjusted", debiased=True)
            found.append([fit.params.iloc[-1], fit.std_errors.iloc[-1]])
    return np.array(found)
