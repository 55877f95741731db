"""Whether what is found in some people is found in others: halves, folds, centres, cohorts."""

from proteomr.replicate.agreement import measure_agreement, summarise_splits
from proteomr.replicate.calling import replicate
from proteomr.replicate.job import ReplicateJob
from proteomr.replicate.outputs import merge_shards
from proteomr.replicate.request import ReplicateRequest
from proteomr.replicate.schemes import (
    Against,
    Folds,
    GivenSplits,
    LeaveOut,
    RandomHalves,
    Scheme,
)

__all__ = [
    "Against",
    "Folds",
    "GivenSplits",
    "LeaveOut",
    "RandomHalves",
    "ReplicateJob",
    "ReplicateRequest",
    "Scheme",
    "measure_agreement",
    "merge_shards",
    "replicate",
    "summarise_splits",
]
