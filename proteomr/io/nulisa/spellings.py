"""How NULISA's files spell their columns, and what they hold."""

from __future__ import annotations

import re
from typing import Final

from proteomr.io.long_form.vocabulary import (
    ASSAY,
    ASSAY_QC,
    SAMPLE_QC,
    Quantity,
    Vocabulary,
)
from proteomr.tables import columns as c

__all__ = ["NULISA"]

_CONTROL_ASSAY: Final = re.compile(r"m-?cherry|internal[ _-]?control|IC\d?", re.IGNORECASE)
_CONTROL_NAME: Final = re.compile(
    r"(AQSC|IPC|Calibrator|Bridge)[ _-]\d+[ _-]Plate\w*", re.IGNORECASE
)


def _amounts(unit: str) -> Quantity:
    word = unit.replace("/", "").casefold()
    limits = {role: (f"{role}{word}",) for role in (c.LOD, c.LLOQ, c.ULOQ)}
    return Quantity((f"conc{word}", f"concentration{word}"), unit, limits)


NULISA: Final = Vocabulary(
    platform="nulisa",
    maker="NULISA",
    spellings={
        c.SAMPLE_ID: ("samplename", "sampleid", "sample"),
        c.SAMPLE_TYPE: ("sampletype",),
        c.PLATE: ("plateid", "platename", "plate"),
        c.WELL: ("wellposition", "wellid", "well"),
        ASSAY: ("target", "targetname"),
        c.UNIPROT: ("uniprotid", "uniprot", "uniprotaccession"),
        c.GENE: ("gene", "genesymbol", "genename"),
        c.PANEL: ("panel", "panelname"),
        SAMPLE_QC: ("sampleqc", "sampleqcstatus"),
        ASSAY_QC: ("targetqc", "targetqcstatus"),
        "target_id": ("alamartargetid", "targetid"),
        "target_full_name": ("proteinname",),
        "panel_lot": ("panellotnumber", "panellot"),
    },
    quantities=(
        Quantity(("npq",), "NPQ", {c.LOD: ("lod", "lodnpq")}),
        _amounts("pg/mL"),
        _amounts("aM"),
        Quantity(("npqintensitynorm",), "NPQ", {c.LOD: ("lodintensitynorm",)}, offered=False),
    ),
    asked=("SampleName", "Target", "NPQ"),
    hints=("samplename", "sampletype", "target", "alamartargetid", "plateid", "uniprotid", "npq"),
    decisive=("npq", "alamartargetid", "concpgml", "concam"),
    describing=("target_id", "target_full_name", "panel_lot"),
    passed_over=frozenset(("unnormalizedcount", "rawcount", "normalizedcount", "count")),
    own_name=lambda name: _CONTROL_NAME.fullmatch(name) is not None,
    control_assay=lambda name: _CONTROL_ASSAY.fullmatch(name) is not None,
    logarithmic=("NPQ",),
    labels_genes=True,
)
"""What NULISA calls things: NPQ is a base-2 logarithm, AQ comes in pg/mL and in aM."""
