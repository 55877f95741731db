"""What a replication is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from proteomr.association import AssociateRequest
from proteomr.errors import UsageError
from proteomr.replicate.schemes import Against, Scheme
from proteomr.runs import Request
from proteomr.tables import load_schema

__all__ = ["ReplicateRequest"]

_VERSION = 2  # of how people are divided, and of what is measured


@dataclass(frozen=True, slots=True)
class ReplicateRequest(Request):
    """All that determines the numbers of a replication.

    Attributes
    ----------
    scan : what is fitted in each half.
    scheme : how people are divided.
    keep_fits : whether the fits of all halves become a table.

    Raises
    ------
    UsageError
        The scan has strata or effective tests, which halves have not; or there are no halves whose
        fits could be kept.
    """

    command: ClassVar[str] = "replicate"

    scan: AssociateRequest
    scheme: Scheme
    keep_fits: bool = False

    def __post_init__(self) -> None:
        if self.scan.specification.strata is not None:
            raise UsageError(
                "strata and splits both divide people: run replicate on the people of one stratum"
            )
        if self.scan.specification.coefficients:
            raise UsageError("coefficients are written by associate: leave them out here")
        if self.scan.effective_tests:
            raise UsageError("effective tests are counted by associate: leave them out here")
        if self.keep_fits and isinstance(self.scheme, Against):
            raise UsageError(
                "--keep-fits keeps the fits of halves; with --against the fits are "
                "associations.parquet"
            )

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the scan, of the divisions and of the tables."""
        tables = ("replication", "replication_fits", "leave_out", "against")
        return {
            **self.scan.formulas(),
            "replicate": _VERSION,
            **{name: load_schema(name).version for name in tables},
        }
