"""Exports of UK Biobank: answers of participants, and their proteins."""

from proteomr.io.ukbiobank.names import FieldName, parse_name, read_names
from proteomr.io.ukbiobank.participants import read_fields, survey_fields
from proteomr.io.ukbiobank.reader import UkBiobank

__all__ = ["FieldName", "UkBiobank", "parse_name", "read_fields", "read_names", "survey_fields"]
