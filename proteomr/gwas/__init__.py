"""Summary statistics of genome-wide studies: read, checked, clumped, conditioned on."""

from __future__ import annotations

from proteomr.gwas.conditional_job import CojoJob, cojo
from proteomr.gwas.conditional_requests import CojoRequest
from proteomr.gwas.conditional_units import CojoOptions
from proteomr.gwas.munge_job import MungeJob, MungeRequest, munge
from proteomr.gwas.thinning import ClumpJob, LeadsJob, clump, leads
from proteomr.gwas.thinning_requests import ClumpRequest, LeadsRequest

__all__ = [
    "ClumpJob",
    "ClumpRequest",
    "CojoJob",
    "CojoOptions",
    "CojoRequest",
    "LeadsJob",
    "LeadsRequest",
    "MungeJob",
    "MungeRequest",
    "clump",
    "cojo",
    "leads",
    "munge",
]
