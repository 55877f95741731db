"""How Olink's files spell their columns and controls."""

from __future__ import annotations

import re
from typing import Final

from proteomr.io.long_form.vocabulary import (
    ASSAY,
    ASSAY_ID,
    ASSAY_QC,
    ASSAY_TYPE,
    BLOCK,
    COUNT,
    MISSING_FREQ,
    NORMALIZATION,
    SAMPLE_QC,
    Quantity,
    Vocabulary,
)
from proteomr.tables import columns as c

__all__ = ["LIMITS_OF_QUANTITY", "OLINK", "is_control_assay", "is_own_control_name"]

_CONTROL_ASSAY: Final = re.compile(
    r"(ext|extension|inc|incubation|amp|amplification|det|detection)[ _-]?(control|ctrl)(?![a-z])",
    re.IGNORECASE,
)
LIMITS_OF_QUANTITY: Final = {
    c.LOD: ("lod", "platelod", "maxlod", "lodnpx"),
    c.LLOQ: ("lloq",),
    c.ULOQ: ("uloq",),
    c.LQL: ("platelql", "lql", "lowestquantifiablelevel"),
}


def is_own_control_name(name: str) -> bool:
    """Tell whether a sample has the name that Olink's software gives controls.

    Examples
    --------
    >>> is_own_control_name("CONTROL_SAMPLE_AS 1"), is_own_control_name("Control 12")
    (True, False)
    """
    return name.startswith("CONTROL_")


def is_control_assay(name: str) -> bool:
    """Tell from its name alone whether an assay is a control of the method.

    Examples
    --------
    >>> is_control_assay("Extension control 1"), is_control_assay("INCA1")
    (True, False)
    """
    return _CONTROL_ASSAY.match(name) is not None


OLINK: Final = Vocabulary(
    platform="olink",
    maker="Olink",
    spellings={
        c.SAMPLE_ID: ("sampleid", "sampleidentifier", "samplename"),
        c.SAMPLE_TYPE: ("sampletype",),
        c.PLATE: ("plateid", "platename", "plate"),
        c.WELL: ("wellid", "well", "wellposition"),
        c.BATCH: ("batch", "batchid"),
        ASSAY_ID: ("olinkid", "oid"),
        c.UNIPROT: ("uniprot", "uniprotid", "uniprotaccession"),
        ASSAY: ("assay", "assayname", "protein", "target"),
        c.GENE: ("geneid", "gene", "genesymbol", "genename", "hgncsymbol"),
        c.PANEL: ("panel", "panelname"),
        ASSAY_TYPE: ("assaytype",),
        BLOCK: ("block",),
        c.UNIT: ("unit", "quantifiedunit"),
        NORMALIZATION: ("normalization", "normalisation"),
        SAMPLE_QC: ("qcwarning", "sampleqc", "samplewarning", "sampleqcwarning"),
        ASSAY_QC: ("assayqc", "assaywarning", "assayqcwarning"),
        MISSING_FREQ: ("missingfreq", "missingdatafreq", "missingfrequency"),
        COUNT: ("count",),
        "panel_version": ("panelversion",),
        "panel_lot": ("panellotnr", "panellotnumber", "panellot", "lotnr"),
        "software_version": ("exploreversion", "softwareversion", "olinknpxsignatureversion"),
    },
    quantities=(
        Quantity(("npx",), "NPX", LIMITS_OF_QUANTITY),
        Quantity(("quantifiedvalue", "quantvalue", "concentration"), None, LIMITS_OF_QUANTITY),
        Quantity(("pcnormalizednpx",), "NPX", {c.LOD: ("pcnormalizedlod",)}, offered=False),
    ),
    asked=("SampleID", "OlinkID", "NPX"),
    hints=("sampleid", "olinkid", "uniprot", "assay", "panel", "plateid", "npx"),
    decisive=("olinkid", "npx", "quantifiedvalue"),
    describing=(MISSING_FREQ, "panel_version", "panel_lot", "software_version"),
    passed_over=frozenset(("index", "extnpx", "ct", "ctvalue", "lodmethod")),
    own_name=is_own_control_name,
    control_assay=is_control_assay,
    logarithmic=("NPX",),
    id_name="OlinkID",
)
"""What Olink calls things."""
