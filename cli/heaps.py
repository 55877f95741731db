"""How glibc keeps the memory of a command; other systems' libraries have rules of their own."""

import os
import sys

__all__ = ["give_back", "share_heap"]

_M_ARENA_MAX = -8  # of glibc's malloc.h
_M_MMAP_THRESHOLD = -3  # likewise
_LARGE = 1_048_576  # bytes: arrays of fewer are let go in moments


def share_heap() -> None:
    """Have glibc keep one heap for all threads; other systems' libraries have none apart.

    Of a command that works through blocks of one size: what its plan and bases leave free then
    holds the blocks, a tenth of its memory. Where threads hold matrices of their own, for some time
    each, what one leaves free lies below what others hold, and a heap for each is the smaller.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        _set_heap(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Have glibc give each large array back to the system as soon as it is let go.

    Of a command whose threads hold matrices for some time each: blocks that come and go beneath
    them would leave heaps that are mostly holes. By itself glibc takes all below 32 MB from heaps
    once one such array was let go.
    """
    if "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        _set_heap(_M_MMAP_THRESHOLD, _LARGE)


def _set_heap(parameter: int, value: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    choose = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if choose is not None:
        choose(parameter, value)
