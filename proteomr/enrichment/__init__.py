"""Enrichment: sets of genes that hits, or the ends of a ranked list, gather in."""

from proteomr.enrichment.job import EnrichJob, enrich
from proteomr.enrichment.request import EnrichOptions, EnrichRequest, HubOptions

__all__ = ["EnrichJob", "EnrichOptions", "EnrichRequest", "HubOptions", "enrich"]
