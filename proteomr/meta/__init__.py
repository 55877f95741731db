"""Effects of several studies pooled: means, heterogeneity, influence, bias, moderators, doses."""

from proteomr.meta.job import MetaJob, meta
from proteomr.meta.specification import DoseOptions, MetaRequest

__all__ = ["DoseOptions", "MetaJob", "MetaRequest", "meta"]
