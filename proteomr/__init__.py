"""Association of plasma proteins with exposures and outcomes, at the scale of a biobank.

The names below are imported when they are first used, so that starting the command line, or asking
for one of them, does not load the rest.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from proteomr import figures as _figures

if TYPE_CHECKING:
    from proteomr.association import ModelSpec, associate
    from proteomr.colocalisation import colocalise
    from proteomr.comparison import adjust, compare
    from proteomr.ctra import ctra
    from proteomr.description import describe
    from proteomr.enrichment import enrich
    from proteomr.finemapping import finemap
    from proteomr.gwas import munge
    from proteomr.io import IngestOptions, read_cohort, read_measurements, read_store, write_store
    from proteomr.io.ingest_job import ingest
    from proteomr.io.ukbiobank import read_fields
    from proteomr.mediation import mediate
    from proteomr.meta import meta
    from proteomr.mr.harmonise_job import harmonise
    from proteomr.mr.job import run_mr
    from proteomr.network import NetworkOptions, network
    from proteomr.phenotype import derive, load_definition
    from proteomr.provenance import Manifest
    from proteomr.qc import clean, load_policy, qc
    from proteomr.replicate import replicate
    from proteomr.score import apply_score, score
    from proteomr.sensitivity import e_values
    from proteomr.simulate import simulate
    from proteomr.survival import survive
    from proteomr.tables import Associations, Cohort, Fields, Measurements
    from proteomr.tables.genes import load_genes

    __version__: str

__all__ = [
    "Associations",
    "Cohort",
    "Fields",
    "IngestOptions",
    "Manifest",
    "Measurements",
    "ModelSpec",
    "NetworkOptions",
    "__version__",
    "adjust",
    "apply_score",
    "associate",
    "clean",
    "colocalise",
    "compare",
    "ctra",
    "derive",
    "describe",
    "e_values",
    "enrich",
    "finemap",
    "harmonise",
    "ingest",
    "load_definition",
    "load_genes",
    "load_policy",
    "mediate",
    "meta",
    "munge",
    "network",
    "qc",
    "read_cohort",
    "read_fields",
    "read_measurements",
    "read_store",
    "replicate",
    "run_mr",
    "score",
    "simulate",
    "survive",
    "write_store",
]

_HOMES = {
    "Associations": "proteomr.tables",
    "Cohort": "proteomr.tables",
    "Fields": "proteomr.tables",
    "IngestOptions": "proteomr.io",
    "Manifest": "proteomr.provenance",
    "Measurements": "proteomr.tables",
    "ModelSpec": "proteomr.association",
    "NetworkOptions": "proteomr.network",
    "adjust": "proteomr.comparison",
    "apply_score": "proteomr.score",
    "associate": "proteomr.association",
    "clean": "proteomr.qc",
    "colocalise": "proteomr.colocalisation",
    "compare": "proteomr.comparison",
    "ctra": "proteomr.ctra",
    "derive": "proteomr.phenotype",
    "describe": "proteomr.description",
    "e_values": "proteomr.sensitivity",
    "finemap": "proteomr.finemapping",
    "enrich": "proteomr.enrichment",
    "harmonise": "proteomr.mr.harmonise_job",
    "ingest": "proteomr.io.ingest_job",
    "load_definition": "proteomr.phenotype",
    "load_genes": "proteomr.tables.genes",
    "load_policy": "proteomr.qc",
    "mediate": "proteomr.mediation",
    "meta": "proteomr.meta",
    "munge": "proteomr.gwas",
    "network": "proteomr.network",
    "qc": "proteomr.qc",
    "read_cohort": "proteomr.io",
    "read_fields": "proteomr.io.ukbiobank",
    "read_measurements": "proteomr.io",
    "read_store": "proteomr.io",
    "replicate": "proteomr.replicate",
    "run_mr": "proteomr.mr.job",
    "score": "proteomr.score",
    "simulate": "proteomr.simulate",
    "survive": "proteomr.survival",
    "write_store": "proteomr.io",
}


_figures.name_drawer(lambda: importlib.import_module("proteomr.plot.of_tables").draw_result)


def __getattr__(name: str) -> object:
    if name == "__version__":
        return importlib.metadata.version("proteomr")
    if name not in _HOMES:
        raise AttributeError(f"module 'proteomr' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])


class _Package(ModuleType):
    def __setattr__(self, name: str, value: object) -> None:
        # importing the subpackage `proteomr.qc` would bind its module to the name that stands for
        # the function of a job; the public name must not depend on the order of imports
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
