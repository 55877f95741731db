"""People who have withdrawn since: what still holds them, and its rewriting without them."""

from __future__ import annotations

from proteomr.withdrawal.purging import Holding, purge

__all__ = ["Holding", "purge"]
