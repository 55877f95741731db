"""`e-values` as a job: how strong an unmeasured confounder would have to be, for each result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, cast

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, InputError, UsageError, nearest
from proteomr.execute import Executor
from proteomr.io import read_table
from proteomr.io.result_rows import check_rows, choose_rows
from proteomr.runs import (
    Data,
    Forecast,
    Ledger,
    Outcome,
    Request,
    Results,
    Source,
    call_job,
    open_scratch,
)
from proteomr.stats.distributions import quantile_normal
from proteomr.stats.e_values import Measure, e_values_of
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["EValueJob", "EValueRequest", "Scale", "e_values"]

Scale: TypeAlias = Literal["auto", "RR", "OR", "HR", "difference"]
Frequency: TypeAlias = Literal["auto", "rare", "common"]

# Share of cases from which the odds ratio is no longer the risk ratio (VanderWeele and Ding 2017).
_COMMON = 0.15
_KEPT = (
    c.PROTEIN,
    c.GENE,
    c.EXPOSURE,
    c.OUTCOME,
    c.ADJUSTMENT,
    c.STRATUM,
    c.TERM,
    c.CONTRAST,
)
_SCALES: dict[str, Scale] = {"logistic": "OR", "linear": "difference", "cox": "HR"}


@dataclass(frozen=True, slots=True)
class EValueRequest(Request):
    """All that determines E-values.

    Attributes
    ----------
    table : of results, or the run folder of `associate`.
    scale : of the estimates; auto: as the column ``family`` says.
    outcome : whether it is rare or common; auto: by cases among people, above 15 % common.
    sd : standard deviation of the response of a linear model; 1 for rank-normal or z scores.
    delta : units of the exposure that are compared.
    rows : which rows count.
    level : coverage of intervals that the table does not hold.
    """

    command: ClassVar[str] = "e-values"

    table: Source
    scale: Scale = "auto"
    outcome: Frequency = "auto"
    sd: float = 1.0
    delta: float = 1.0
    rows: tuple[str, ...] = ()
    level: float = 0.95

    def __post_init__(self) -> None:
        for name, value in (("sd", self.sd), ("delta", self.delta)):
            if not (np.isfinite(value) and value > 0.0):
                raise UsageError(f"{name} is {value:g}, and must be above 0")
        if not 0.5 <= self.level < 1.0:
            raise UsageError(f"the level of the intervals is {self.level}, and must be in [0.5, 1)")
        check_rows(self.rows)

    def formulas(self) -> dict[str, int]:
        """Return the versions of the formulas and their table."""
        return {"e-values": 1, "e_values": load_schema("e_values").version}


@dataclass(frozen=True, slots=True)
class EValueJob:
    """E-values of estimates and of the limits nearer to no association."""

    main: ClassVar[str] = "e_values"
    as_file: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ()

    request: EValueRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of what stands beside the table."""
        return ()

    def plan(self, *, threads: int) -> Forecast:
        """Read the table, and say how many estimates it has."""
        del threads
        started = time.perf_counter()
        units = {"estimates": self._measure().height}
        return Forecast(units=units, seconds=time.perf_counter() - started, parallel=False)

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Compute the E-values, and write them."""
        del executor
        table = self._measure()
        ledger.write_table(self.main, table)
        return Outcome(units=table.height)

    def _measure(self) -> pl.DataFrame:
        asked = self.request
        with open_scratch() as scratch:
            path = asked.table.on_disk(scratch)
            frame = read_table(path / "associations.parquet" if path.is_dir() else path)
        frame = choose_rows(frame, asked.rows, path=path)
        for name in (c.ESTIMATE, c.SE):
            if name not in frame.columns:
                raise ColumnError(f"{path}: no column {name!r}{nearest(name, frame.columns)}")
        frame = frame.filter(pl.col(c.ESTIMATE).is_not_null() & pl.col(c.SE).is_not_null())
        if not frame.height:
            raise InputError(f"{path}: no row has an estimate with a standard error")
        measured = frame.with_columns(self._name_measures(frame, path))
        parts = measured.partition_by("measure", maintain_order=True)
        joined = pl.concat([self._of_measure(part) for part in parts])
        kept = [name for name in _KEPT if name in joined.columns]
        return joined.sort("row").select(
            *kept, "measure", c.ESTIMATE, "risk_ratio", "e_value", "e_value_limit"
        )

    def _name_measures(self, frame: pl.DataFrame, path: Path) -> list[pl.Series]:
        scales = self._name_scales(frame, path)
        common = self._is_common(frame)
        names = [
            f"{scale}, common" if scale in {"OR", "HR"} and often else scale
            for scale, often in zip(scales, common, strict=True)
        ]
        return [pl.Series("measure", names), pl.Series("row", range(frame.height))]

    def _name_scales(self, frame: pl.DataFrame, path: Path) -> list[str]:
        if self.request.scale != "auto":
            return [self.request.scale] * frame.height
        if c.FAMILY not in frame.columns:
            raise UsageError(
                f"{path}: has no column 'family'; say what the estimates are (--scale)"
            )
        families = frame[c.FAMILY].to_list()
        unknown = sorted({str(family) for family in families} - set(_SCALES))
        if unknown:
            raise UsageError(
                f"{path}: estimates of the {unknown[0]} family; say what they are (--scale), or "
                "choose other rows (--where-rows)"
            )
        return [_SCALES[family] for family in families]

    def _is_common(self, frame: pl.DataFrame) -> list[bool]:
        if self.request.outcome != "auto":
            return [self.request.outcome == "common"] * frame.height
        if c.N not in frame.columns or c.N_CASE not in frame.columns:
            return [False] * frame.height
        share = frame[c.N_CASE].cast(pl.Float64) / frame[c.N].cast(pl.Float64)
        return [bool(value) for value in (share > _COMMON).fill_null(value=False).to_list()]

    def _of_measure(self, part: pl.DataFrame) -> pl.DataFrame:
        asked = self.request
        measure = cast("Measure", part["measure"][0])
        unit = asked.delta / (asked.sd if measure == "difference" else 1.0)
        estimate, se = (
            part[name].cast(pl.Float64).to_numpy() * unit for name in (c.ESTIMATE, c.SE)
        )
        reach = float(quantile_normal([0.5 + asked.level / 2.0])[0]) * se
        low, high = estimate - reach, estimate + reach
        if {c.CONF_LOW, c.CONF_HIGH} <= set(part.columns):
            low, high = (_limits(part, name) * unit for name in (c.CONF_LOW, c.CONF_HIGH))
        ratio, value, limit = e_values_of(estimate, se, low, high, measure)
        return part.with_columns(
            pl.Series("risk_ratio", ratio),
            pl.Series("e_value", value),
            pl.Series("e_value_limit", limit).fill_nan(None),
        )


def e_values(
    table: Data,
    *,
    scale: Scale = "auto",
    outcome: Frequency = "auto",
    sd: float = 1.0,
    delta: float = 1.0,
    rows: Sequence[str] = (),
    level: float = 0.95,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Compute the E-values of a table of results.

    An E-value is the least risk ratio that an unmeasured confounder must have with both sides of an
    association, beyond the covariates, to explain it away (VanderWeele and Ding 2017,
    doi:10.7326/M16-2607); ``e_value_limit`` the same for the limit nearer to no association, 1
    where the interval holds it.

    Parameters
    ----------
    table : path or frame with ``estimate`` and ``se``, logarithms of ratios or slopes; or the run
        folder of `associate`.
    scale : what the estimates are; auto: as the column ``family`` says.
    outcome : rare or common; auto: by cases among people, above 15 % common.
    sd : standard deviation of the response of a linear model; 1 for rank-normal or z scores.
    delta : units of the exposure, or the protein, that are compared.
    rows : rows that count, each ``COLUMN=VALUE`` or a condition.
    level : coverage of intervals that the table does not hold.
    out : file of the table; None keeps it in memory.
    resume, overwrite : go on with, or replace, what an earlier run left.

    Returns
    -------
    Results with the table ``e_values``.

    Raises
    ------
    UsageError, ColumnError, InputError
        What the estimates are is not known, or there are none.

    Examples
    --------
    >>> one = pl.DataFrame({"protein": ["ADM"], "estimate": [0.405], "se": [0.1]})
    >>> e_values(one, scale="OR").table().select(
    ...     pl.col("e_value", "e_value_limit").round(2)).row(0)
    (2.36, 1.77)
    """
    request = EValueRequest(
        Source.of(table, name="table"), scale, outcome, sd, delta, tuple(rows), level
    )
    return call_job(EValueJob(request), out=out, resume=resume, overwrite=overwrite)


def _limits(part: pl.DataFrame, name: str) -> F64:
    return part[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
