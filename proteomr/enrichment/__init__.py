"""Enrichment: sets of genes that hits are over-represented in, or that gather at an end of ranks."""

from proteomr.enrichment.job import EnrichJob, enrich
from proteomr.enrichment.request import EnrichOptions, EnrichRequest, HubOptions

__all__ = ["EnrichJob", "EnrichOptions", "EnrichRequest", "HubOptions", "enrich"]
