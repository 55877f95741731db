"""Files of Olink: long tables as text or parquet, and the wide sheets of the Target panels."""

from proteomr.io.olink.reader import Olink

__all__ = ["Olink"]
