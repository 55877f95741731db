"""Rows of further tables that fits give beside their estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = ["OWN_NAME", "Details"]

OWN_NAME = "{protein}"
"""Stands in a column of text for the name of the row's protein, which a fit does not know."""


@dataclass(frozen=True, slots=True)
class Details:
    """Rows of a further table of a block's fits, such as components of variance.

    Attributes
    ----------
    protein, model : positions ``(r,)`` of the protein in the block, of the model in the problem.
    columns : what each row says, ``(r,)`` by the name of its column in the table's schema; NaN
        stands for no number.
    """

    protein: I64
    model: I64
    columns: Mapping[str, Sequence[object] | F64 | I64 | Bool]

    @classmethod
    def of_rows(cls, rows: Sequence[tuple[int, int, Mapping[str, object]]]) -> Details:
        """Return the rows given one by one, as (protein, model, columns).

        Examples
        --------
        >>> Details.of_rows([(0, 0, {"group": "subject", "variance": 1.5})]).columns["variance"]
        [1.5]
        """
        protein, model, named = zip(*rows, strict=True) if rows else ((), (), ())
        columns = {name: [row[name] for row in named] for name in (named[0] if named else ())}
        return cls(np.array(protein, dtype=np.int64), np.array(model, dtype=np.int64), columns)
