"""A contrast of genes, such as the conserved transcriptional response to adversity."""

from proteomr.ctra.job import CtraJob, ctra
from proteomr.ctra.specification import CtraRequest, Interaction

__all__ = ["CtraJob", "CtraRequest", "Interaction", "ctra"]
