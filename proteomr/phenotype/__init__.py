"""Phenotypes of participants: definitions, the rules they hold, and what is derived by them."""

from proteomr.phenotype.choosing import DeriveOptions, wanted_columns, wanted_fields
from proteomr.phenotype.definitions.definition import Definition, definition_names, load_definition
from proteomr.phenotype.engine import Phenotypes, derive_phenotypes
from proteomr.phenotype.job import PhenotypeJob, PhenotypeRequest, derive, make_phenotype_job

__all__ = [
    "Definition",
    "DeriveOptions",
    "PhenotypeJob",
    "PhenotypeRequest",
    "Phenotypes",
    "definition_names",
    "derive",
    "derive_phenotypes",
    "load_definition",
    "make_phenotype_job",
    "wanted_columns",
    "wanted_fields",
]
