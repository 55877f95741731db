"""What may leave a protected platform: a verdict on the tables of runs, and their clean copy."""

from __future__ import annotations

from proteomr.egress.judging import Release, judge_release
from proteomr.egress.policies import Policy, policy_names, read_policy
from proteomr.egress.writing import write_release

__all__ = [
    "Policy",
    "Release",
    "judge_release",
    "policy_names",
    "read_policy",
    "write_release",
]
