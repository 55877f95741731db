"""Files to tables and back: samples, protein matrices, and the cohorts they make."""

from proteomr.io.blocks import ParquetProteins
from proteomr.io.cohort import read_assays, read_cohort, read_samples
from proteomr.io.export import export_store
from proteomr.io.formats import IngestOptions
from proteomr.io.identifiers import find_id_column, match_ids, normalise_ids
from proteomr.io.imputations import split_imputations
from proteomr.io.ingest import PLATFORMS, read_measurements, remove_withdrawn_samples
from proteomr.io.ingest_job import IngestJob, IngestRequest
from proteomr.io.kinship import read_kinship
from proteomr.io.outcome_files import OutcomeTable, add_covariates, read_outcomes
from proteomr.io.people_choice import (
    PeopleChoice,
    choose_participants,
    choose_people,
    choose_samples,
)
from proteomr.io.people_lists import PeopleList, locate_listed, read_people_list
from proteomr.io.protein_choice import ProteinChoice, choose_proteins
from proteomr.io.protein_covariates import read_protein_covariate
from proteomr.io.protein_instruments import read_protein_instruments
from proteomr.io.proteins import ProteinFiles, list_proteins, open_proteins
from proteomr.io.sources import find_files
from proteomr.io.spells import Spells, read_spells
from proteomr.io.store import count_missing_values, is_store, name_store, read_store
from proteomr.io.store_writing import write_store
from proteomr.io.tables import TableFormat, read_table, write_table
from proteomr.io.wide_or_long import write_anndata

__all__ = [
    "PLATFORMS",
    "IngestJob",
    "IngestOptions",
    "IngestRequest",
    "OutcomeTable",
    "ParquetProteins",
    "PeopleChoice",
    "PeopleList",
    "ProteinChoice",
    "ProteinFiles",
    "Spells",
    "TableFormat",
    "add_covariates",
    "choose_participants",
    "choose_people",
    "choose_proteins",
    "choose_samples",
    "count_missing_values",
    "export_store",
    "find_files",
    "find_id_column",
    "is_store",
    "list_proteins",
    "locate_listed",
    "match_ids",
    "name_store",
    "normalise_ids",
    "open_proteins",
    "read_assays",
    "read_cohort",
    "read_kinship",
    "read_measurements",
    "read_outcomes",
    "read_people_list",
    "read_protein_covariate",
    "read_protein_instruments",
    "read_samples",
    "read_spells",
    "read_store",
    "read_table",
    "remove_withdrawn_samples",
    "split_imputations",
    "write_anndata",
    "write_store",
    "write_table",
]
