"""What a scan of outcomes over time is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from proteomr.association import AssociateRequest
from proteomr.errors import UsageError
from proteomr.runs import Request

__all__ = ["SurviveRequest"]

_VERSION = 3  # of how follow-up is read; 3: times tie by their mean size alone


@dataclass(frozen=True, slots=True)
class SurviveRequest(Request):
    """All that determines the numbers of a scan of outcomes that happen at a time.

    Attributes
    ----------
    scan : the models, and the people and proteins.
    lags : times from the beginning in which events do not count, each a scan; 0 for none.

    Raises
    ------
    UsageError
        The family is not of times, a lag is given twice, or something is asked that such scans have
        not.
    """

    command: ClassVar[str] = "survive"

    scan: AssociateRequest
    lags: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        spec = self.scan.specification
        if not spec.is_of_times:
            raise UsageError(f"the family {spec.family} is not of times: associate has it")
        if not spec.follow_up.outcomes:
            raise UsageError(
                "no outcome given: --outcome NAME (with a column NAME_years), or --time and --event"
            )
        if not self.lags or len(set(self.lags)) < len(self.lags):
            raise UsageError(f"lags {', '.join(f'{lag:g}' for lag in self.lags)}: each once")

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the scan and of how follow-up is read."""
        return {**self.scan.formulas(), "survive": _VERSION}

    @property
    def scans(self) -> tuple[AssociateRequest, ...]:
        """The scan with each lag."""
        spec = self.scan.specification
        return tuple(
            replace(
                self.scan,
                specification=replace(spec, follow_up=replace(spec.follow_up, lag=lag)),
            )
            for lag in self.lags
        )
