"""`survive` as a job: hazards of outcomes by protein, from files or frames to tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from proteomr.association import AssociateRequest, ScanJob
from proteomr.survival.request import SurviveRequest

__all__ = ["SurviveJob"]


@dataclass(frozen=True, slots=True)
class SurviveJob(ScanJob[SurviveRequest]):
    """A scan of outcomes that happen at a time, once for each lag.

    Parameters
    ----------
    request : what is asked.
    columns : names of the columns, proteomr's own or those of the R package broom.
    shard : the share of the blocks that a plan is of.
    """

    people: ClassVar[tuple[str, ...]] = ()

    @property
    def scans(self) -> Sequence[AssociateRequest]:
        """The scan with each lag."""
        return self.request.scans
