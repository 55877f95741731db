"""Whether an analysis rests on whole studies, and whether it has what that needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from proteomr.errors import UsageError

if TYPE_CHECKING:
    from proteomr.mr.request import MrRequest

Asked = TypeVar("Asked", bound="MrRequest")
__all__ = ["count_drawn", "refuse_no_genome"]


def count_drawn(request: MrRequest) -> int | None:
    """Return how many variants of the whole genome the methods rest on; None where none can be had.

    Parameters
    ----------
    request : of studies; None too where nothing tells which of their variants are independent.
    """
    from proteomr.mr.methods.cause import Cause

    asked = [method.variants for method in request.build() if isinstance(method, Cause)]
    return max(asked) if asked and _prunes(request) else None


def refuse_no_genome(request: Asked) -> Asked:
    """Return a request whose methods can be given the genome they rest on, or refuse it.

    Parameters
    ----------
    request : what is asked.

    Raises
    ------
    UsageError
        It is to be for both directions, or nothing tells which variants are independent.
    """
    needing = [method.key for method in request.build() if method.needs_genome]
    if not needing or request.harmonised is not None:
        return request
    if request.reverse:
        raise UsageError(
            f"{needing[0]} is for one direction: exchange the files instead of --reverse"
        )
    if not _prunes(request):
        raise UsageError(
            f"{needing[0]} prunes its variants by their correlations: add --ld (or --unproven flag "
            "where all variants of the files are independent)"
        )
    return request


def _prunes(request: MrRequest) -> bool:
    return request.ld is not None or request.rule.unproven == "flag"
