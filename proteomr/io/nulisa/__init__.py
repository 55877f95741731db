"""Files of NULISA: NPQ and absolute quantities, as text, parquet and workbook."""

from proteomr.io.nulisa.reader import Nulisa

__all__ = ["Nulisa"]
