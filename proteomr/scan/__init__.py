"""A family of regressions over all proteins: reading, targets, plan, blocks, parts.

::

    reading = read_formulas(cohort, formulas)
    targets = [read_target(reading, name, role="exposure", family=family)]
    plan = plan_blocks(reading, family, targets=targets)
    parts = fit_blocks(plan, executor=Serial())
"""

from proteomr.scan.attrition import count_people, people_asked
from proteomr.scan.cost import Cost, estimate_cost
from proteomr.scan.fitting import Scan
from proteomr.scan.follow_up import FollowUp, FollowUpOptions, LagRule, ReadTimes, read_times
from proteomr.scan.groups import ModelKey
from proteomr.scan.parts import (
    DETAILS,
    GIVEN_P,
    JOINT_TESTS,
    MODEL_KEYS,
    PART_ORDER,
    PERMUTED_DRAWS,
    PERMUTED_EXCEEDING,
    PERMUTED_MAXIMA,
    PERMUTED_SCORE,
    RATIO_OF,
    TERM_POSITION,
)
from proteomr.scan.plan import Plan, ProteinBlock
from proteomr.scan.planning import BLOCK_SIZE, plan_blocks
from proteomr.scan.reading import Beside, Reading, read_formulas
from proteomr.scan.row_sets import RowSets
from proteomr.scan.run import PartsDone, fit_blocks, in_turn, run_parts
from proteomr.scan.strata import Stratum, read_strata
from proteomr.scan.targets import (
    describe_reference,
    quote_level,
    read_ordered_target,
    read_outcome,
    read_target,
)

__all__ = [
    "BLOCK_SIZE",
    "DETAILS",
    "GIVEN_P",
    "JOINT_TESTS",
    "MODEL_KEYS",
    "PART_ORDER",
    "PERMUTED_DRAWS",
    "PERMUTED_EXCEEDING",
    "PERMUTED_MAXIMA",
    "PERMUTED_SCORE",
    "RATIO_OF",
    "TERM_POSITION",
    "Beside",
    "Cost",
    "FollowUp",
    "FollowUpOptions",
    "LagRule",
    "ModelKey",
    "PartsDone",
    "Plan",
    "ProteinBlock",
    "ReadTimes",
    "Reading",
    "RowSets",
    "Scan",
    "Stratum",
    "count_people",
    "describe_reference",
    "estimate_cost",
    "fit_blocks",
    "in_turn",
    "people_asked",
    "plan_blocks",
    "quote_level",
    "read_formulas",
    "read_ordered_target",
    "read_outcome",
    "read_strata",
    "read_target",
    "read_times",
    "run_parts",
]
