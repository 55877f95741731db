"""Rank-based inverse normal scores of long columns with ties."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from unittest import mock

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from benchmarks.interfaces import PROTEOMR
from benchmarks.records import Reading
from benchmarks.rows.row import Row, Scope, SizeName, median_ms, median_ratio
from proteomr._typing import F64
from proteomr.stats import transforms
from proteomr.stats.transforms import BLOM, rank_normalise_block

__all__ = ["RANKS", "Ranks", "make_columns"]

RANKS = Row("ranks", "rank-normal scores, ties", "numpy's sort, column by column", must=3.0)
_PEOPLE = 42_062
_COLUMNS: dict[SizeName, int] = {"full": 40, "quick": 8, "tiny": 2}
_NUMPY, _SCIPY = "numpy sort", "scipy rankdata and ndtri"


class Ranks:
    """proteomr's scores beside those of sorting with numpy, and of scipy, all with equal bits."""

    rows = (RANKS,)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield proteomr and scipy; the bits of the scores are compared in each round."""
        values = make_columns(_COLUMNS[scope.size])
        ways: dict[str, Callable[[F64], F64]] = {
            PROTEOMR: _score,
            _NUMPY: _score_with_numpy,
            _SCIPY: _score_with_scipy,
        }
        _score(values[:1])  # loads what is compiled
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        differing = 0
        for _ in range(scope.rounds):
            scores = []
            for name, score in ways.items():
                began = time.process_time()
                scores.append(score(values).view(np.int64))
                seconds[name].append((time.process_time() - began) / len(values))
            differing += sum(int((other != scores[0]).sum()) for other in scores[1:])
        work = f"{len(values)} columns of {_PEOPLE:,} people, 9 % missing, ties"
        for row in rows:
            for tool in (PROTEOMR, _SCIPY):
                slower = _NUMPY if tool == PROTEOMR else tool
                yield scope.read(
                    row,
                    tool=tool,
                    work=work,
                    unit="column",
                    ms=median_ms(seconds[tool]),
                    ratio=median_ratio(seconds, slower, PROTEOMR),
                    error=float(differing),
                    bound=0.0,
                )


def make_columns(count: int) -> F64:
    """Return protein values as they lie in single precision, four decimals, NaN where missing."""
    rng = np.random.default_rng(7)
    values = np.round(rng.standard_normal((count, _PEOPLE)), 4).astype(np.float32)
    values[rng.random(values.shape) < 0.09] = np.nan
    return values.astype(np.float64)


def _score(values: F64) -> F64:
    out = np.empty_like(values)
    rank_normalise_block(values, out)
    return out


def _score_with_numpy(values: F64) -> F64:
    """Score as short columns are scored: by numpy, whatever their length."""
    with mock.patch.object(transforms, "COMPILED_FROM", values.shape[1] + 1):
        return _score(values)


def _score_with_scipy(values: F64) -> F64:
    out = np.zeros_like(values)
    for row, scores in zip(values, out, strict=True):
        observed = ~np.isnan(row)
        seen = row[observed]
        scores[observed] = ndtri((rankdata(seen) - BLOM) / (seen.size - 2.0 * BLOM + 1.0))
    return out
