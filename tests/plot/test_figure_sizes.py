"""Every kind of figure of one thing, of three, and of hundreds: words apart, all on the paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl
import pytest

from proteomr.plot.kinds import KINDS
from proteomr.plot.style import PlotStyle
from tests.plot import figure_tables as makers
from tests.plot.looking import boxes_of, find_collisions, lies_inside

SHEET_MM: Final = 297.0  # of A4


def make_variants_of_a_region(m: int) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    peak = np.exp(-(((np.arange(m) - m / 2) / (m / 8 + 1)) ** 2))
    r2 = np.where(rng.random(m) < 0.1, np.nan, peak)
    return pl.DataFrame(
        {
            "trait1": "ADM", "trait2": "stroke", "region": "11:9.8-10.8", "set1": None,
            "set2": None, "chromosome": "11", "snp": [f"11:{i}:ACGTTGCA:G" for i in range(m)],
            "position_bp": 9_800_000 + np.arange(m) * (1_000_000 // m),
            "neg_log10_p1": 30 * peak, "neg_log10_p2": 12 * peak, "pp_h4": peak / peak.sum(),
            "credible": peak > 0.8, "r2_lead": r2,
        }
    ).with_columns(pl.col("r2_lead").fill_nan(None))  # fmt: skip


def make_pairs(m: int) -> pl.DataFrame:
    priors = makers.make_region()[0]
    return pl.concat(
        priors.with_columns(trait2=pl.lit(f"trait number {i}")) for i in range(min(m, 12))
    )


def make_flows(m: int) -> pl.DataFrame:
    flow = makers.make_attrition()
    return pl.concat(flow.with_columns(exposure=pl.lit(f"exposure {i}")) for i in range(min(m, 9)))


def make_interactions(m: int) -> pl.DataFrame:
    """Return pairs of m + 1 genes, each with one before it, and a third of them with another."""
    rng = np.random.default_rng(2)
    names = [f"GENE{i}" for i in range(m + 1)]
    first = {(int(rng.integers(0, i)), i) for i in range(1, m + 1)}
    more = {tuple(sorted(rng.choice(m + 1, 2, replace=False).tolist())) for _ in range(m // 3)}
    pairs = sorted(first | more)
    return pl.DataFrame(
        {
            "gene1": [names[a] for a, _ in pairs],
            "gene2": [names[b] for _, b in pairs],
            "strength": rng.uniform(0.4, 1.0, len(pairs)),
        }
    )


MAKERS: dict[str, Callable[[int], pl.DataFrame]] = {
    "causes": makers.make_causes,
    "scatter": makers.make_variants,
    "variants": makers.make_variants,
    "funnel": makers.make_variants,
    "leave-one-out": makers.make_variants,
    "volcano": lambda m: makers.make_table(m, models=2, ratio=True),
    "miami": lambda m: makers.make_table(m, models=2),
    "manhattan": lambda m: makers.make_table(m, models=2),
    "qq": lambda m: makers.make_table(m, models=2),
    "forest": lambda m: makers.make_table(m, models=2, ratio=True),
    "effects": lambda m: makers.make_table(m, models=2),
    "heatmap": lambda m: makers.make_table(m, models=4),
    "replication": makers.make_splits,
    "km": lambda m: makers.make_curves(proteins=min(m, 12)),
    "mediation": makers.make_mediation,
    "network": makers.make_modules,
    "enrichment": makers.make_sets,
    "interactions": make_interactions,
    "calibration": makers.make_risks,
    "decision": makers.make_benefits,
    "studies": lambda m: makers.make_studies(min(m, 90), effects=1 if m > 3 else m),
    "flow": make_flows,
    "qc": makers.make_quality,
    "agreement": makers.make_compared,
    "e-values": makers.make_e_values,
    "balance": makers.make_balance,
    "contrast": makers.make_contrasts,
    "fine-map": makers.make_probabilities,
    "signals": makers.make_signals,
    "coloc": make_pairs,
    "region": make_variants_of_a_region,
}


def test_every_kind_is_here() -> None:
    assert MAKERS.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("m", [1, 3, 30, 300])
def test_words_lie_apart_and_on_the_paper_however_many_things_there_are(kind: str, m: int) -> None:
    style = PlotStyle(width="single" if m != 30 else "double", title=f"{kind} of {m}")
    drawing = KINDS[kind].draw(MAKERS[kind](m), style=style)
    for page in drawing.pages:
        assert find_collisions(page) == []
        assert lies_inside(page)
        assert page.get_figheight() * 25.4 < SHEET_MM


@pytest.mark.parametrize("width", ["single", "double"])
@pytest.mark.parametrize("m", [3, 300])
def test_genes_below_a_region_lie_apart(width: str, m: int) -> None:
    style = PlotStyle(width=width, title="ADM", build="GRCh38")  # type: ignore[arg-type]
    drawing = KINDS["region"].draw(make_variants_of_a_region(m), style=style)
    assert drawing.notes == ()
    words = {text for text, _ in boxes_of(drawing.figure)}
    assert {"ADM →", "Genes (GRCh38)", "credible", "≥ 0.8"} <= words
    assert find_collisions(drawing.figure) == []
    assert lies_inside(drawing.figure)


def test_genes_without_room_are_counted() -> None:
    table = make_variants_of_a_region(50).with_columns(chromosome=pl.lit("19"))
    whole = table.with_columns(position_bp=pl.col("position_bp") * 5 - 48_000_000)
    drawing = KINDS["region"].draw(whole, style=PlotStyle(build="GRCh38"))
    assert "genes of 11:9.8-10.8 have no room" in drawing.notes[0]
    assert find_collisions(drawing.figure) == []


def test_a_region_without_chromosomes_says_why_it_has_no_genes() -> None:
    table = make_variants_of_a_region(5).drop("chromosome")
    drawing = KINDS["region"].draw(table, style=PlotStyle(build="GRCh37"))
    assert "have no chromosome and position" in drawing.notes[0]
