"""What happens to people over years: hazards of outcomes by protein."""

from proteomr.survival.calling import survive
from proteomr.survival.job import SurviveJob
from proteomr.survival.request import SurviveRequest

__all__ = ["SurviveJob", "SurviveRequest", "survive"]
