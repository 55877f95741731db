"""Outputs and the jobs that make them: one ledger for every command, safe against a kill."""

from __future__ import annotations

from proteomr.runs.amending import amend_results, drop_parts, find_begun, is_committed
from proteomr.runs.checking import (
    CheckedTable,
    check_table,
    is_unfinished,
    refuse_altered,
    refuse_newer,
)
from proteomr.runs.encoding import TableFormat, choose_file_formats, read_stamp
from proteomr.runs.forecast import Forecast
from proteomr.runs.job import (
    Account,
    Job,
    Outcome,
    Output,
    call_job,
    finish_shards,
    run_job,
)
from proteomr.runs.layout import EVERYTHING, FIGURES
from proteomr.runs.ledger import Ledger
from proteomr.runs.opening import read_request
from proteomr.runs.packing import pack_tables, read_packed, unpack_tables
from proteomr.runs.parts import Parts
from proteomr.runs.request import Data, Request, Source, describe_request, digest_request
from proteomr.runs.results import Results
from proteomr.runs.scratch import open_scratch
from proteomr.runs.standing import Finished, Standing, find_standing, path_of_run, read_finished

__all__ = [
    "EVERYTHING",
    "FIGURES",
    "Account",
    "CheckedTable",
    "Data",
    "Finished",
    "Forecast",
    "Job",
    "Ledger",
    "Outcome",
    "Output",
    "Parts",
    "Request",
    "Results",
    "Source",
    "Standing",
    "TableFormat",
    "amend_results",
    "call_job",
    "check_table",
    "choose_file_formats",
    "describe_request",
    "digest_request",
    "drop_parts",
    "find_begun",
    "find_standing",
    "finish_shards",
    "is_committed",
    "is_unfinished",
    "open_scratch",
    "pack_tables",
    "path_of_run",
    "read_finished",
    "read_packed",
    "read_request",
    "read_stamp",
    "refuse_altered",
    "refuse_newer",
    "run_job",
    "unpack_tables",
]
