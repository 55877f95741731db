"""Frames with a contract: cohorts, protein matrices and result tables."""

from proteomr.tables.associations import Associations, SignificanceColumn
from proteomr.tables.cohort import (
    CHOSEN_PEOPLE,
    WITHDRAWN,
    WITHOUT_PROTEINS,
    Cohort,
    Drop,
    ProteinCovariate,
    tabulate_drops,
)
from proteomr.tables.fields import Fields, name_field
from proteomr.tables.harmonised import Direction, Harmonised
from proteomr.tables.joint_tests import JointTests
from proteomr.tables.measurements import Measurements, Platform, Precision
from proteomr.tables.protein_instruments import ProteinInstruments
from proteomr.tables.proteins import (
    ArrayProteins,
    Proteins,
    average_repeats,
    find_columns,
    proteins_from_frame,
)
from proteomr.tables.table import ColumnSchema, Schema, Table, load_schema, schema_names

__all__ = [
    "CHOSEN_PEOPLE",
    "WITHDRAWN",
    "WITHOUT_PROTEINS",
    "ArrayProteins",
    "Associations",
    "Cohort",
    "ColumnSchema",
    "Direction",
    "Drop",
    "Fields",
    "Harmonised",
    "JointTests",
    "Measurements",
    "Platform",
    "Precision",
    "ProteinCovariate",
    "ProteinInstruments",
    "Proteins",
    "Schema",
    "SignificanceColumn",
    "Table",
    "average_repeats",
    "find_columns",
    "load_schema",
    "name_field",
    "proteins_from_frame",
    "schema_names",
    "tabulate_drops",
]
