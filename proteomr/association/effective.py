"""The effective number of tests of a cohort, from the eigenvalues of its proteins' correlation."""

from __future__ import annotations

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.execute import one_blas_thread
from proteomr.stats.effective import EFFECTIVE_METHODS, effective_tests
from proteomr.stats.transforms import Transform, transform_block
from proteomr.tables import Cohort

__all__ = ["count_effective_tests", "set_thresholds"]

_BLOCK = 512
_ALPHA = 0.05


def count_effective_tests(cohort: Cohort, *, transform: Transform = "rint") -> pl.DataFrame:
    """Count the independent tests that a cohort's proteins amount to, by four methods.

    Each protein is transformed over the people who have it, and scaled; missing values count as the
    mean. Proteins without variation are left out. The correlation matrix is built from pairs of
    blocks of proteins, so that two blocks of scores are held at once.

    Parameters
    ----------
    cohort : n people and p proteins.
    transform : of the proteins.

    Returns
    -------
    One row for each method (``nyholt``, ``li_ji``, ``galwey``, ``gao``): ``method``, ``proteins``,
    ``effective_tests``.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> values = np.random.default_rng(1).normal(size=(60, 3))
    >>> cohort = Cohort(pl.DataFrame({"id": [f"{i:02d}" for i in range(60)]}), "id",
    ...     ArrayProteins(("A", "B", "C"), values), pl.DataFrame({"protein": ["A", "B", "C"]}))
    >>> count_effective_tests(cohort)["proteins"].to_list()
    [3, 3, 3, 3]
    """
    p = len(cohort.proteins.names)
    blocks = [slice(start, min(start + _BLOCK, p)) for start in range(0, p, _BLOCK)]
    correlate = _correlate_people if cohort.n < p else _correlate_proteins
    with one_blas_thread():
        gram, count = correlate(cohort, blocks, transform)
        spectrum = np.maximum(np.linalg.eigvalsh(gram)[::-1], 0.0)
    if count == 0:
        raise InputError("no protein varies, so there is nothing to count tests of")
    eigenvalues = np.zeros(count)
    # Centred scores of n people span n - 1 dimensions.
    rank = min(count, cohort.n - 1)
    eigenvalues[:rank] = spectrum[:rank]
    rows = [
        {
            "method": method,
            "proteins": count,
            "effective_tests": effective_tests(eigenvalues, method=method),
        }
        for method in EFFECTIVE_METHODS
    ]
    return pl.DataFrame(rows)


def set_thresholds(effective: pl.DataFrame, *, exposures: int = 1) -> pl.DataFrame:
    """Add to a count of effective tests the p value that keeps the family-wise error at 0.05.

    ``threshold = 0.05 / (effective_tests * exposures)``, Bonferroni's rule on independent tests.

    Parameters
    ----------
    effective : of :func:`count_effective_tests`.
    exposures : how many exposures one family of tests spans.

    Examples
    --------
    >>> counts = pl.DataFrame({"method": ["gao"], "proteins": [40], "effective_tests": [25.0]})
    >>> set_thresholds(counts, exposures=2)["threshold"].to_list()
    [0.001]
    """
    tests = pl.col("effective_tests") * exposures
    return effective.with_columns(
        pl.lit(exposures, dtype=pl.Int64).alias("exposures"), (_ALPHA / tests).alias("threshold")
    )


def _correlate_people(cohort: Cohort, blocks: list[slice], transform: Transform) -> tuple[F64, int]:
    """Return the cross-products of the people over all proteins ``(n, n)``."""
    gram = np.zeros((cohort.n, cohort.n))
    count = 0
    for at in blocks:
        scores = _score(cohort, at, transform)
        gram += scores.T @ scores
        count += scores.shape[0]
    return gram, count


def _correlate_proteins(
    cohort: Cohort, blocks: list[slice], transform: Transform
) -> tuple[F64, int]:
    """Return the correlation matrix of the proteins that vary."""
    rows: list[list[F64]] = []
    for i, at in enumerate(blocks):
        scores = _score(cohort, at, transform)
        before = [scores @ _score(cohort, other, transform).T for other in blocks[:i]]
        rows.append([*before, scores @ scores.T])
    sizes = [row[-1].shape[0] for row in rows]
    gram = np.zeros((sum(sizes), sum(sizes)))
    ends = np.cumsum([0, *sizes])
    for i, row in enumerate(rows):
        for j, part in enumerate(row):
            gram[ends[i] : ends[i + 1], ends[j] : ends[j + 1]] = part
            gram[ends[j] : ends[j + 1], ends[i] : ends[i + 1]] = part.T
    return gram, sum(sizes)


def _score(cohort: Cohort, at: slice, transform: Transform) -> F64:
    """Return the scores of the proteins that vary, centred, of unit length, 0 where missing ``(b,
    n)``.
    """
    values = np.ascontiguousarray(cohort.proteins.read(at).T)
    values[np.isinf(values)] = np.nan
    scores = np.empty_like(values)
    able = transform_block(values, scores, transform=transform)
    observed = ~np.isnan(values)
    counts = np.maximum(observed.sum(axis=1), 1)
    scores -= (scores.sum(axis=1) / counts)[:, None]
    scores *= observed
    lengths = np.linalg.norm(scores, axis=1)
    varies = able & (lengths > 1e-10 * np.sqrt(counts))
    return np.asarray(scores[varies] / lengths[varies, None])
