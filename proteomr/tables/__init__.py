"""Frames with a contract: cohorts, protein matrices and result tables."""

from proteomr.tables.associations import Associations, SignificanceColumn
from proteomr.tables.cohort import Cohort, Drop, ProteinCovariate
from proteomr.tables.proteins import ArrayProteins, Proteins, find_columns, proteins_from_frame
from proteomr.tables.table import ColumnSchema, Schema, Table, load_schema, schema_names

__all__ = [
    "ArrayProteins",
    "Associations",
    "Cohort",
    "ColumnSchema",
    "Drop",
    "ProteinCovariate",
    "Proteins",
    "Schema",
    "SignificanceColumn",
    "Table",
    "find_columns",
    "load_schema",
    "proteins_from_frame",
    "schema_names",
]
