"""People as a study's first table has them."""

from proteomr.description.job import DescribeJob, DescribeRequest, describe

__all__ = ["DescribeJob", "DescribeRequest", "describe"]
