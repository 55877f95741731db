"""Associations of all proteins with exposures and outcomes: specification, scan and table."""

from proteomr.association.calling import associate, make_request
from proteomr.association.collect import (
    collect,
    describe_family_of_tests,
    name_effect,
    summarise,
)
from proteomr.association.effective import count_effective_tests, set_thresholds
from proteomr.association.in_memory import scan_cohort
from proteomr.association.job import AssociateJob, ScanJob
from proteomr.association.joint import collect_joint_tests
from proteomr.association.outputs import merge_shards
from proteomr.association.plan import Plan, plan_scan
from proteomr.association.request import AssociateRequest
from proteomr.association.specification import ModelSpec

__all__ = [
    "AssociateJob",
    "AssociateRequest",
    "ModelSpec",
    "Plan",
    "ScanJob",
    "associate",
    "collect",
    "collect_joint_tests",
    "count_effective_tests",
    "describe_family_of_tests",
    "make_request",
    "merge_shards",
    "name_effect",
    "plan_scan",
    "scan_cohort",
    "set_thresholds",
    "summarise",
]
