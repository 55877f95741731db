"""Run folders: what was asked, the parts done so far, and the results, safe against a kill."""

from __future__ import annotations

from proteomr.runs.folder import RunFolder, TableFormat
from proteomr.runs.lock import hold_folder
from proteomr.runs.state import read_request

__all__ = ["RunFolder", "TableFormat", "hold_folder", "read_request"]
