"""What is asked of linear fits in the way of R's limma: moderation, blocks, contrasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from proteomr.errors import UsageError, nearest

__all__ = ["MODERATIONS", "ModerationKind", "ModerationOptions"]

ModerationKind: TypeAlias = Literal["plain", "trend", "robust", "trend-robust"]
MODERATIONS: tuple[ModerationKind, ...] = get_args(ModerationKind)


@dataclass(frozen=True, slots=True)
class ModerationOptions:
    """How statistics of all proteins inform each other.

    Attributes
    ----------
    kind : of empirical Bayes over the residual variances of the run's proteins: ``plain``, with a
        prior that follows the proteins' averages (``trend``), with one that outlying variances do
        not move (``robust``), or both; None for ordinary statistics.
    block : column of the samples within whose levels residuals are correlated, by one correlation
        for all proteins.
    contrasts : of the levels of an exposure, such as ``Current - Never``.

    Raises
    ------
    UsageError
        There is no moderation of that kind.

    Examples
    --------
    >>> ModerationOptions("trend").follows_averages
    True
    """

    kind: ModerationKind | None = None
    block: str | None = None
    contrasts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in MODERATIONS:
            hint = nearest(self.kind, MODERATIONS) or f": one of {', '.join(MODERATIONS)}"
            raise UsageError(f"there is no moderation {self.kind!r}{hint}")

    @property
    def follows_averages(self) -> bool:
        """Whether the prior is a function of the proteins' averages."""
        return self.kind is not None and self.kind.startswith("trend")

    @property
    def is_robust(self) -> bool:
        """Whether outlying variances are kept from moving the prior."""
        return self.kind is not None and self.kind.endswith("robust")
