"""Reports of runs and studies: one page that tells what was done and found, and from where."""

from __future__ import annotations

from proteomr.report.reading import Reported, ReportedRun, read_reported
from proteomr.report.writing import Report, make_report, write_report

__all__ = ["Report", "Reported", "ReportedRun", "make_report", "read_reported", "write_report"]
