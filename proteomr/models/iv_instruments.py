"""Which instruments a fit has: those not made of others, and a protein's own, imputed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proteomr._typing import F64
from proteomr.models.base import Block, Problem
from proteomr.stats.linalg import find_independent

__all__ = ["describe_dropped", "find_used", "impute_own"]

# As in the exact path.
_ALIASED = 1e-9


def impute_own(block: Block, j: int) -> tuple[F64, str]:
    """Return a protein's own instruments ``(q, n)``, and how many values are not measured ones.

    Missing values take the mean of the people in the fit, 0 stands where there is none.
    """
    values, rows = block.instruments[j].values, block.observed[j]
    absent = np.isnan(values) & rows
    counts = np.sum(rows & ~absent, axis=1)
    known = np.where(absent | ~rows, 0.0, values)
    means = known.sum(axis=1) / np.maximum(counts, 1)
    filled = np.where(absent, means[:, None], known)
    missing = int(np.sum(absent))
    genotypes = "genotype was" if missing == 1 else "genotypes were"
    said = f"{missing} missing {genotypes} given the mean of the variant" if missing else ""
    return filled, said


def describe_dropped(names: Sequence[str]) -> str:
    """Say which instruments left a model since others determine them; empty without any.

    Examples
    --------
    >>> describe_dropped(["tax"])
    'instruments left out as made of others: tax'
    """
    return f"instruments left out as made of others: {', '.join(names)}" if names else ""


def find_used(problem: Problem, adjustment: int, Z: F64) -> tuple[int, ...]:
    """Return the instruments that covariates and those before them do not determine."""
    root = np.ones(problem.n) if problem.weights is None else np.sqrt(problem.weights)
    C = problem.covariates[:, problem.adjustments[adjustment].columns]
    independent = find_independent(np.column_stack([C, Z]) * root[:, None], tolerance=_ALIASED)
    return tuple((independent[independent >= C.shape[1]] - C.shape[1]).tolist())
