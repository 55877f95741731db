"""Tables of results held against one another: what they have in common, and one correction."""

from proteomr.comparison.adjust_job import AdjustJob, AdjustRequest, adjust
from proteomr.comparison.compare_job import CompareJob, CompareRequest, compare

__all__ = ["AdjustJob", "AdjustRequest", "CompareJob", "CompareRequest", "adjust", "compare"]
