"""Cohorts of known truth in the shape of a published study."""

from __future__ import annotations

from proteomr.simulate.cohort import count_cells
from proteomr.simulate.covariates import ADJUSTMENTS
from proteomr.simulate.job import ExportForm, SimulateJob, SimulateRequest, simulate
from proteomr.simulate.study import STUDIES, Study

__all__ = [
    "ADJUSTMENTS",
    "STUDIES",
    "ExportForm",
    "SimulateJob",
    "SimulateRequest",
    "Study",
    "count_cells",
    "simulate",
]
