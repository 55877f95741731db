"""A design matrix on some of its rows, where that is what they would make by themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from proteomr._typing import I64
from proteomr.design.build import Design
from proteomr.design.formula import Formula

__all__ = ["is_row_by_row", "narrow"]

_ELEMENTWISE: Final = frozenset(("log", "log2", "power"))


def is_row_by_row(formula: Formula) -> bool:
    """Whether every column of a formula is made of each row by itself, once levels are known.

    Splines, polynomials and standardised columns look at all rows, and so does the coding of an
    interaction, whose levels are not told apart.

    Examples
    --------
    >>> from proteomr.design import parse
    >>> is_row_by_row(parse("log(age) + C(site)")), is_row_by_row(parse("ns(age, 3)"))
    (True, False)
    """
    return all(
        len(term.parts) == 1 and all(step.function in _ELEMENTWISE for step in term.parts[0].steps)
        for term in formula.terms
    )


def narrow(design: Design, rows: I64) -> Design | None:
    """Return a design on some rows, bit for bit what `build` makes of them; None where it is not.

    It is not where a factor loses a level: its columns, and perhaps the reference, are then others.

    Parameters
    ----------
    design : of a formula that is made row by row.
    rows : positions of rows, in the order wanted.

    Examples
    --------
    >>> import polars as pl
    >>> from proteomr.design import build, parse
    >>> design = build(parse("age + sex"), pl.DataFrame({"age": [50, 60, 70], "sex": list("FMF")}))
    >>> narrow(design, np.array([2, 1])).matrix.tolist(), narrow(design, np.array([0, 2]))
    ([[1.0, 70.0, 0.0], [1.0, 60.0, 1.0]], None)
    """
    factors = []
    for factor in design.factors:
        codes = factor.codes[rows]
        if not np.all(np.bincount(codes, minlength=len(factor.levels))):
            return None
        factors.append(replace(factor, codes=codes))
    if design.notes:
        return None  # a level or a term that is told to be absent
    return replace(design, matrix=design.matrix[rows], factors=tuple(factors))
