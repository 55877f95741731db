"""The kinds of figures that tables of results are drawn as, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl

from proteomr.plot.coloc_figures import draw_coloc, draw_region
from proteomr.plot.drawing import Drawing
from proteomr.plot.effects import draw_effects
from proteomr.plot.enrichment_dots import draw_enrichment
from proteomr.plot.flow_chart import draw_flow
from proteomr.plot.heatmap import draw_heatmap
from proteomr.plot.hits_forest import draw_hits_forest
from proteomr.plot.manhattan import draw_manhattan, draw_miami
from proteomr.plot.mediation_bars import draw_mediation
from proteomr.plot.module_tree import draw_network
from proteomr.plot.qq import draw_qq
from proteomr.plot.replication_strips import draw_replication
from proteomr.plot.sample_quality import draw_quality
from proteomr.plot.style import PlotStyle
from proteomr.plot.survival_curves import draw_curves
from proteomr.plot.volcano import draw_volcano

__all__ = ["KINDS", "DrawTable", "Kind"]


class DrawTable(Protocol):
    """What draws a table of results."""

    def __call__(self, table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
        """Return the figure of a table."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of figure.

    Attributes
    ----------
    draw : takes a table and a style.
    table : which table of a run folder it is drawn from; None for the main one.
    about : what it shows, in a few words.
    """

    draw: DrawTable
    table: str | None
    about: str


KINDS: Final[dict[str, Kind]] = {
    "volcano": Kind(draw_volcano, None, "effects against p values"),
    "miami": Kind(draw_miami, None, "p values by gene position, by sign"),
    "manhattan": Kind(draw_manhattan, None, "p values by gene position"),
    "qq": Kind(draw_qq, None, "p values against those of no effect"),
    "forest": Kind(draw_hits_forest, None, "hits with their intervals, by model"),
    "effects": Kind(draw_effects, None, "effects of one model against another's"),
    "heatmap": Kind(draw_heatmap, None, "hits by model, clustered"),
    "replication": Kind(draw_replication, "replication", "what splits agree in"),
    "km": Kind(draw_curves, "curves", "survival of groups, with numbers at risk"),
    "mediation": Kind(draw_mediation, "mediation", "shares that go through proteins"),
    "network": Kind(draw_network, "modules", "modules of proteins by connectivity"),
    "enrichment": Kind(draw_enrichment, "enrichment", "sets that hits gather in"),
    "coloc": Kind(draw_coloc, "coloc_sensitivity", "posteriors by the prior of a shared variant"),
    "region": Kind(draw_region, "coloc_snps", "both traits of a colocalisation by position"),
    "flow": Kind(draw_flow, "attrition", "who is left after each step"),
    "qc": Kind(draw_quality, "qc_panels", "samples of each panel by median, spread, components"),
}
"""In the order in which the command names them."""
