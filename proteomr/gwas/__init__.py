"""Summary statistics of genome-wide studies: read, checked, clumped."""

from __future__ import annotations

from proteomr.gwas.munge_job import MungeJob, MungeRequest, munge
from proteomr.gwas.thinning import ClumpJob, LeadsJob, clump, leads
from proteomr.gwas.thinning_requests import ClumpRequest, LeadsRequest

__all__ = [
    "ClumpJob",
    "ClumpRequest",
    "LeadsJob",
    "LeadsRequest",
    "MungeJob",
    "MungeRequest",
    "clump",
    "leads",
    "munge",
]
