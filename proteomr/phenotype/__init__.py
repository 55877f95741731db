"""Phenotypes of participants: definitions, the rules they hold, and what is derived by them."""

from proteomr.phenotype.as_is import find_definition
from proteomr.phenotype.choosing import DeriveOptions, wanted_columns, wanted_fields
from proteomr.phenotype.definitions.definition import Definition, definition_names, load_definition
from proteomr.phenotype.engine import Phenotypes, derive_phenotypes
from proteomr.phenotype.imputing import ImputeOptions
from proteomr.phenotype.job import PhenotypeJob, derive, make_phenotype_job
from proteomr.phenotype.request import PhenotypeRequest

__all__ = [
    "Definition",
    "DeriveOptions",
    "ImputeOptions",
    "PhenotypeJob",
    "PhenotypeRequest",
    "Phenotypes",
    "definition_names",
    "derive",
    "derive_phenotypes",
    "find_definition",
    "load_definition",
    "make_phenotype_job",
    "wanted_columns",
    "wanted_fields",
]
