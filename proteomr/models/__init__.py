"""Regression families on arrays: what they are, and how they are fitted block by block."""

from proteomr.models.base import (
    Adjustment,
    Block,
    Coefficient,
    Factor,
    Fit,
    FitBlock,
    JointTests,
    Layout,
    Model,
    Problem,
    Refusal,
)
from proteomr.models.cells import find_aliased, order_rows
from proteomr.models.details import Details
from proteomr.models.family import AnyFamily, Distribution, Family, FitOptions, Scans, Support
from proteomr.models.linear import Linear
from proteomr.models.logistic import Logistic
from proteomr.models.multinomial import Multinomial
from proteomr.models.registry import FAMILIES, Asked, find_family, refuse_unsupported
from proteomr.models.targets import NUMBERS, TWO_LEVELS, Role, Target, TargetColumn, TargetKind
from proteomr.status import Status

__all__ = [
    "FAMILIES",
    "NUMBERS",
    "TWO_LEVELS",
    "Adjustment",
    "AnyFamily",
    "Asked",
    "Block",
    "Coefficient",
    "Details",
    "Distribution",
    "Factor",
    "Family",
    "Fit",
    "FitBlock",
    "FitOptions",
    "JointTests",
    "Layout",
    "Linear",
    "Logistic",
    "Model",
    "Multinomial",
    "Problem",
    "Refusal",
    "Role",
    "Scans",
    "Status",
    "Support",
    "Target",
    "TargetColumn",
    "TargetKind",
    "find_aliased",
    "find_family",
    "order_rows",
    "refuse_unsupported",
]
