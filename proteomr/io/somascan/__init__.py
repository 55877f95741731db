"""SomaScan: ADAT files to measurements."""

from proteomr.io.somascan.adat import Adat, read_adat
from proteomr.io.somascan.reader import SomaScan

__all__ = ["Adat", "SomaScan", "read_adat"]
