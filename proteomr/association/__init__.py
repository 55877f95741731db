"""Associations of all proteins with exposures and outcomes: specification, scan and table."""

from proteomr.association.collect import collect, describe_family_of_tests, summarise
from proteomr.association.effective import count_effective_tests, set_thresholds
from proteomr.association.joint import collect_joint_tests
from proteomr.association.plan import Plan, plan_scan
from proteomr.association.run import associate, describe_request, finish_run, merge_parts
from proteomr.association.specification import ModelSpec

__all__ = [
    "ModelSpec",
    "Plan",
    "associate",
    "collect",
    "collect_joint_tests",
    "count_effective_tests",
    "describe_family_of_tests",
    "describe_request",
    "finish_run",
    "merge_parts",
    "plan_scan",
    "set_thresholds",
    "summarise",
]
