"""From the text of a model formula and a table to a design matrix; conditions on the rows."""

from __future__ import annotations

from proteomr.design.build import INTERCEPT, Design, FactorBlock, build, columns_of, read_factors
from proteomr.design.conditions import Condition, parse_condition
from proteomr.design.formula import Formula, Part, Step, Term, union, unique_terms
from proteomr.design.grammar import parse, parse_sets
from proteomr.design.narrowing import is_row_by_row, narrow

__all__ = [
    "INTERCEPT",
    "Condition",
    "Design",
    "FactorBlock",
    "Formula",
    "Part",
    "Step",
    "Term",
    "build",
    "columns_of",
    "is_row_by_row",
    "narrow",
    "parse",
    "parse_condition",
    "parse_sets",
    "read_factors",
    "union",
    "unique_terms",
]
