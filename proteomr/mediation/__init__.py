"""How much of an effect of an exposure on an outcome goes through each protein."""

from proteomr.mediation.calling import follow_outcomes, make_request, mediate
from proteomr.mediation.job import MediateJob
from proteomr.mediation.outputs import merge_shards
from proteomr.mediation.request import MediateRequest
from proteomr.mediation.specification import MediationSpec

__all__ = [
    "MediateJob",
    "MediateRequest",
    "MediationSpec",
    "follow_outcomes",
    "make_request",
    "mediate",
    "merge_shards",
]
