"""Numbers of a report as people read them."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["write_cell"]


def write_cell(value: Any) -> str:
    """Return a value of a table as text: four digits of a number, nothing where there is none.

    Examples
    --------
    >>> [write_cell(value) for value in (None, 0.123456, 1234567, 3e-9, True, "ADM")]
    ['', '0.1235', '1,234,567', '3e-09', 'yes', 'ADM']
    """
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case int():
            text = f"{value:,}"
        case float():
            whole = 1e4 <= abs(value) < 1e15
            text = "" if math.isnan(value) else f"{value:,.0f}" if whole else f"{value:.4g}"
        case list() | tuple():
            text = ", ".join(write_cell(one) for one in value)
        case _:
            text = str(value)
    return text
