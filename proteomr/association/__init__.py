"""Associations of all proteins with exposures: specification, plan, scan and table."""

from proteomr.association.collect import collect, describe_family_of_tests, summarise
from proteomr.association.effective import count_effective_tests, set_thresholds
from proteomr.association.plan import BLOCK_SIZE, Plan, plan_scan
from proteomr.association.run import (
    associate,
    describe_request,
    estimate_cost,
    finish_run,
    merge_parts,
    run_parts,
)
from proteomr.association.scan import Scan
from proteomr.association.specification import FAMILY_NAMES, ModelSpec

__all__ = [
    "BLOCK_SIZE",
    "FAMILY_NAMES",
    "ModelSpec",
    "Plan",
    "Scan",
    "associate",
    "collect",
    "count_effective_tests",
    "describe_family_of_tests",
    "describe_request",
    "estimate_cost",
    "finish_run",
    "merge_parts",
    "plan_scan",
    "run_parts",
    "set_thresholds",
    "summarise",
]
