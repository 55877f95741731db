"""Fine mapping: which variants of a region are likely causal."""

from __future__ import annotations

from proteomr.finemapping.job import FinemapJob, finemap
from proteomr.finemapping.request import FinemapRequest, Windows

__all__ = ["FinemapJob", "FinemapRequest", "Windows", "finemap"]
