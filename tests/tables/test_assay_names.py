"""Genes of assays by whatever a platform calls them."""

from __future__ import annotations

import polars as pl
import pytest

from proteomr.tables.assay_names import find_assay_genes
from proteomr.tables.genes import load_genes

_ASSAYS = pl.DataFrame(
    {
        "protein": ["seq.2597.8", "seq.10000.28", "seq.3042.7"],
        "seq_id": ["2597-8", "10000-28", "3042-7"],
        "target": ["VEGFA", "CRBB2", "Hyb"],
        "gene": ["VEGFA|IL6", "CRYBB2", None],
    }
)


@pytest.mark.parametrize(
    ("name", "gene"),
    [
        ("10000-28", "CRYBB2"),
        ("10000-28_3", "CRYBB2"),
        ("seq.10000.28", "CRYBB2"),
        ("crbb2", "CRYBB2"),
        ("2597-8", "VEGFA;IL6"),
    ],
)
def test_an_assay_is_found_by_each_of_its_names(name: str, gene: str) -> None:
    assert find_assay_genes(_ASSAYS, [name]) == {name: gene}


def test_names_of_no_assay_or_without_a_gene_are_not_found() -> None:
    assert find_assay_genes(_ASSAYS, ["1-1", "Hyb", ""]) == {}


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        *(("LAP TGF-beta-1", "TGFB1"), ("STAMPB", "STAMBP"), ("Gal-9", "LGALS9")),
        *(("BLM hydrolase", "BLMH"), ("IL-1RT1", "IL1R1"), ("PDGF subunit B", "PDGFB")),
        *(("pTau-217", "MAPT"), ("Aβ42", "APP"), ("Abeta40", "APP"), ("Oligo-SNCA", "SNCA")),
    ],
)
def test_names_that_laboratories_give_assays_are_known(name: str, symbol: str) -> None:
    assert load_genes().resolve([name])["symbol"].to_list() == [symbol]
