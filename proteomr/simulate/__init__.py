"""Cohorts of known truth in the shape of a published study."""

from __future__ import annotations

from proteomr.simulate.cohort import Simulation, simulate
from proteomr.simulate.covariates import ADJUSTMENTS
from proteomr.simulate.study import STUDIES, Study

__all__ = ["ADJUSTMENTS", "STUDIES", "Simulation", "Study", "simulate"]
