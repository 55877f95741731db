"""Phenotypes of participants: definitions, the rules they hold, and what is derived by them."""

from proteomr.phenotype.definition import Definition, definition_names, load_definition
from proteomr.phenotype.engine import (
    DeriveOptions,
    Phenotypes,
    derive,
    wanted_columns,
    wanted_fields,
)

__all__ = [
    "Definition",
    "DeriveOptions",
    "Phenotypes",
    "definition_names",
    "derive",
    "load_definition",
    "wanted_columns",
    "wanted_fields",
]
