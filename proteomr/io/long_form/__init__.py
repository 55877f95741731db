"""Long form, one row for each sample and assay: what the files of several laboratories become."""

from proteomr.io.long_form.assembly import assemble
from proteomr.io.long_form.long_sheet import read_long_sheet
from proteomr.io.long_form.long_table import read_long_parquet, read_long_text
from proteomr.io.long_form.parts import Part, check_part
from proteomr.io.long_form.vocabulary import Quantity, Vocabulary

__all__ = [
    "Part",
    "Quantity",
    "Vocabulary",
    "assemble",
    "check_part",
    "read_long_parquet",
    "read_long_sheet",
    "read_long_text",
]
