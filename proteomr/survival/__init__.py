"""What happens to people over years: hazards of outcomes by protein, and curves of groups."""

from proteomr.survival.calling import survive
from proteomr.survival.curve_calling import compare_survival, make_curves_request
from proteomr.survival.curve_job import CurvesJob
from proteomr.survival.curve_outputs import merge_curves
from proteomr.survival.curve_request import CurveOptions, CurvesRequest
from proteomr.survival.job import SurviveJob
from proteomr.survival.request import SurviveRequest

__all__ = [
    "CurveOptions",
    "CurvesJob",
    "CurvesRequest",
    "SurviveJob",
    "SurviveRequest",
    "compare_survival",
    "make_curves_request",
    "merge_curves",
    "survive",
]
