"""Summary statistics of genome-wide studies: formats found, read in batches, written."""

from proteomr.io.sumstats.books import FormatBook, book_names, load_book
from proteomr.io.sumstats.selection import Region, Selection, parse_region
from proteomr.io.sumstats.sidecar import StudyMeta, read_sidecar
from proteomr.io.sumstats.source import ReadOptions, SumStatsFile, open_sumstats
from proteomr.io.sumstats.write import arrange_harmonised, arrange_sumstats, write_sumstats

__all__ = [
    "FormatBook",
    "ReadOptions",
    "Region",
    "Selection",
    "StudyMeta",
    "SumStatsFile",
    "arrange_harmonised",
    "arrange_sumstats",
    "book_names",
    "load_book",
    "open_sumstats",
    "parse_region",
    "read_sidecar",
    "write_sumstats",
]
