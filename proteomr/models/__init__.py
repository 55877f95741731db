"""Regression families on arrays: what they are, and how they are fitted block by block."""

import importlib
from typing import TYPE_CHECKING

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
from proteomr.models.event_times import (
    CENSORED,
    COMPETING,
    EVENT,
    TIMES,
    EventTimes,
    count_events,
    count_persons,
    make_times,
)
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
from proteomr.models.iv_options import IvEstimator, IvOptions
from proteomr.models.mixed_options import Ddf, MixedOptions
from proteomr.models.moderation_options import MODERATIONS, ModerationKind, ModerationOptions
from proteomr.models.ordinal_options import OrdinalOptions
from proteomr.models.permutations import Permutations
from proteomr.models.registry import Asked, find_family, list_families, refuse_unsupported
from proteomr.models.survival_options import SurvivalOptions
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

if TYPE_CHECKING:
    from proteomr.models.absorbed import Absorbed
    from proteomr.models.iv import Iv
    from proteomr.models.linear import Linear
    from proteomr.models.logistic import Logistic
    from proteomr.models.mixed import Mixed
    from proteomr.models.multinomial import Multinomial
    from proteomr.models.ordinal import Ordinal

__all__ = [
    "CENSORED",
    "COMPETING",
    "EVENT",
    "MODERATIONS",
    "NUMBERS",
    "ORDERED_LEVELS",
    "OUTCOME_TRANSFORMS",
    "OWN_NAME",
    "TIMES",
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
    "EventTimes",
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
    "SurvivalOptions",
    "Target",
    "TargetColumn",
    "TargetKind",
    "WeightKind",
    "count_events",
    "count_persons",
    "find_aliased",
    "find_family",
    "list_families",
    "make_times",
    "order_rows",
    "refuse_unsupported",
]

_HOMES = {
    "Absorbed": "absorbed",
    "Iv": "iv",
    "Linear": "linear",
    "Logistic": "logistic",
    "Mixed": "mixed",
    "Multinomial": "multinomial",
    "Ordinal": "ordinal",
}
"""Models that are imported when first asked for: a scan needs one, and all take a second."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
