"""Tables of no known format, wide or long, to measurements."""

from proteomr.io.wide_or_long.annotated import write_anndata
from proteomr.io.wide_or_long.reader import PlainTable

__all__ = ["PlainTable", "write_anndata"]
