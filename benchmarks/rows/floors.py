"""What no scan can do without: a product of its design, and its proteins off the disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from benchmarks.records import Reading
from benchmarks.rows.ranks import make_columns
from benchmarks.rows.row import Row, Scope, SizeName, median_ms
from proteomr._typing import F64
from proteomr.execute import one_blas_thread

__all__ = ["PRODUCT", "READING", "Floors"]

PRODUCT = Row("floor-product", "one weighted cross-product of 64 columns")
READING = Row("floor-reading", "polars reads a protein's column")
_WIDTH = 64


class Floors:
    """Measured in the same run as the rows, so that the account of what limits them can use it."""

    rows = (PRODUCT, READING)
    _columns: ClassVar[dict[SizeName, int]] = {"full": 64, "quick": 16, "tiny": 2}

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield milliseconds of a product, and of a column."""
        values = make_columns(self._columns[scope.size])
        people = values.shape[1]
        design = np.random.default_rng(5).standard_normal((people, _WIDTH))
        path = scope.folder / "columns.parquet"
        frame = pl.DataFrame({f"P{k}": row.astype(np.float32) for k, row in enumerate(values)})
        frame.fill_nan(None).write_parquet(path)
        ways: dict[str, tuple[str, float, Callable[[], object]]] = {
            PRODUCT.key: ("product", 1.0, lambda: _multiply(design)),
            READING.key: ("protein", float(len(values)), lambda: _read(path)),
        }
        for row in rows:
            unit, count, work = ways[row.key]
            work()
            seconds = []
            with one_blas_thread():
                for _ in range(2 * scope.rounds + 1):
                    began = time.process_time()
                    work()
                    seconds.append((time.process_time() - began) / count)
            yield scope.read(
                row, tool="floor", work=f"{people:,} people", unit=unit, ms=median_ms(seconds)
            )


def _multiply(design: F64) -> F64:
    product: F64 = design.T @ (design * design[:, :1])
    return product


def _read(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path)
