"""Regression families on arrays: what they fit, block by block."""

from proteomr.models.base import (
    Adjustment,
    Block,
    Factor,
    Family,
    FitBlock,
    Problem,
    Status,
    Test,
)
from proteomr.models.cells import order_rows
from proteomr.models.exact import Exact
from proteomr.models.linear import Linear
from proteomr.models.logistic import Logistic

FAMILIES = (Linear, Logistic)

__all__ = [
    "FAMILIES",
    "Adjustment",
    "Block",
    "Exact",
    "Factor",
    "Family",
    "FitBlock",
    "Linear",
    "Logistic",
    "Problem",
    "Status",
    "Test",
    "order_rows",
]
