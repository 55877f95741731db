"""Regions of the genome with linkage disequilibrium over megabases, by name."""

from __future__ import annotations

from typing import Final

__all__ = ["name_long_range"]

# Price and others 2008, doi:10.1016/j.ajhg.2008.06.005, on GRCh37, in Mb. On GRCh38 these stretches
# lie up to 1.4 Mb elsewhere, so that one list, widened by that much, serves positions of any build.
_REGIONS: Final = (
    ("1", 48.0, 52.3),
    ("2", 86.0, 101.1),
    ("2", 134.6, 138.2),
    ("2", 183.1, 190.2),
    ("3", 47.5, 50.1),
    ("3", 83.4, 87.0),
    ("3", 88.9, 96.1),
    ("5", 44.4, 50.5),
    ("5", 97.9, 100.5),
    ("5", 128.9, 132.0),
    ("5", 135.4, 138.5),
    ("6", 56.8, 64.0),
    ("6", 139.9, 142.5),
    ("7", 55.2, 66.6),
    ("8", 7.9, 12.0),
    ("8", 42.8, 49.9),
    ("8", 111.9, 115.0),
    ("10", 36.9, 43.7),
    ("11", 46.0, 57.3),
    ("11", 87.8, 90.9),
    ("12", 33.1, 41.8),
    ("12", 111.0, 113.6),
    ("20", 32.5, 35.1),
)
_SHIFT_MB: Final = 1.4
_MHC: Final = ("6", 25.0, 34.0)  # of both builds, with its margins


def name_long_range(chromosome: str, start_bp: int, end_bp: int) -> str | None:
    """Return the stretch of long-range linkage disequilibrium that a region meets; None for none.

    Parameters
    ----------
    chromosome : 1 to 22, X, Y or MT.
    start_bp, end_bp : of the region, on GRCh37 or GRCh38.

    Examples
    --------
    >>> name_long_range("6", 31_000_000, 32_000_000), name_long_range("8", 9_000_000, 9_100_000)
    ('MHC', '8:8-12 Mb')
    >>> name_long_range("17", 41_000_000, 42_000_000) is None
    True
    """
    name, low, high = _MHC
    if chromosome == name and start_bp < high * 1e6 and end_bp > low * 1e6:
        return "MHC"
    for name, low, high in _REGIONS:
        near = start_bp < (high + _SHIFT_MB) * 1e6 and end_bp > (low - _SHIFT_MB) * 1e6
        if chromosome == name and near:
            return f"{name}:{low:.0f}-{high:.0f} Mb"
    return None
