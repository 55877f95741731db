"""Regression families on arrays: what they are, and how they are fitted block by block."""

from proteomr.models.absorbed import Absorbed
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
    OwnInstruments,
    Problem,
    Refusal,
)
from proteomr.models.cells import find_aliased, order_rows
from proteomr.models.details import OWN_NAME, Details
from proteomr.models.family import (
    AnyFamily,
    Distribution,
    Family,
    FirthUse,
    FitOptions,
    Scans,
    Support,
)
from proteomr.models.further import Further, JointTest
from proteomr.models.iv import Iv
from proteomr.models.iv_options import IvEstimator, IvOptions
from proteomr.models.linear import Linear
from proteomr.models.logistic import Logistic
from proteomr.models.mixed import Mixed
from proteomr.models.mixed_options import Ddf, MixedOptions
from proteomr.models.moderation_options import MODERATIONS, ModerationKind, ModerationOptions
from proteomr.models.multinomial import Multinomial
from proteomr.models.ordinal import Ordinal
from proteomr.models.ordinal_options import OrdinalOptions
from proteomr.models.permutations import Permutations
from proteomr.models.registry import FAMILIES, Asked, find_family, refuse_unsupported
from proteomr.models.targets import (
    NUMBERS,
    ORDERED_LEVELS,
    OUTCOME_TRANSFORMS,
    TWO_LEVELS,
    OutcomeTransform,
    Role,
    Target,
    TargetColumn,
    TargetKind,
)
from proteomr.models.weighting import WEIGHT_KINDS, WeightKind
from proteomr.status import Status

__all__ = [
    "FAMILIES",
    "MODERATIONS",
    "NUMBERS",
    "ORDERED_LEVELS",
    "OUTCOME_TRANSFORMS",
    "OWN_NAME",
    "TWO_LEVELS",
    "WEIGHT_KINDS",
    "Absorbed",
    "Adjustment",
    "AnyFamily",
    "Asked",
    "Block",
    "Coefficient",
    "Ddf",
    "Details",
    "Distribution",
    "Factor",
    "Family",
    "FirthUse",
    "Fit",
    "FitBlock",
    "FitOptions",
    "Further",
    "Iv",
    "IvEstimator",
    "IvOptions",
    "JointTest",
    "JointTests",
    "Layout",
    "Linear",
    "Logistic",
    "Mixed",
    "MixedOptions",
    "Model",
    "ModerationKind",
    "ModerationOptions",
    "Multinomial",
    "Ordinal",
    "OrdinalOptions",
    "OutcomeTransform",
    "OwnInstruments",
    "Permutations",
    "Problem",
    "Refusal",
    "Role",
    "Scans",
    "Status",
    "Support",
    "Target",
    "TargetColumn",
    "TargetKind",
    "WeightKind",
    "find_aliased",
    "find_family",
    "order_rows",
    "refuse_unsupported",
]
