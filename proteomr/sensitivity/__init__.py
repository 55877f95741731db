"""How far results depend on what was not measured."""

from proteomr.sensitivity.job import EValueJob, EValueRequest, Scale, e_values

__all__ = ["EValueJob", "EValueRequest", "Scale", "e_values"]
