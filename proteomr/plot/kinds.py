"""The kinds of figures that tables of results are drawn as, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

import polars as pl

from proteomr.plot.balance import draw_balance
from proteomr.plot.causal_estimates import draw_estimates, draw_harmonised
from proteomr.plot.coloc_figures import draw_coloc, draw_region
from proteomr.plot.compared_effects import draw_compared
from proteomr.plot.confounding import draw_e_values
from proteomr.plot.drawing import Drawing
from proteomr.plot.effects import draw_effects
from proteomr.plot.enrichment_dots import draw_enrichment
from proteomr.plot.fine_map import draw_fine_map
from proteomr.plot.flow_chart import draw_flow
from proteomr.plot.gene_contrast import draw_gene_contrast
from proteomr.plot.heatmap import draw_heatmap
from proteomr.plot.hits_forest import draw_hits_forest
from proteomr.plot.interactions import draw_interactions
from proteomr.plot.joint_signals import draw_joint_signals
from proteomr.plot.manhattan import draw_manhattan, draw_miami
from proteomr.plot.mediation_bars import draw_mediation
from proteomr.plot.module_tree import draw_network
from proteomr.plot.mr_forest import draw_forest
from proteomr.plot.mr_funnel import draw_funnel
from proteomr.plot.mr_leave_one_out import draw_leave_one_out
from proteomr.plot.qq import draw_qq
from proteomr.plot.replication_strips import draw_replication
from proteomr.plot.sample_quality import draw_quality
from proteomr.plot.score_curves import draw_calibration, draw_decision
from proteomr.plot.studies_forest import draw_studies
from proteomr.plot.style import PlotStyle
from proteomr.plot.survival_curves import draw_curves
from proteomr.plot.volcano import draw_volcano

__all__ = ["KINDS", "RESULT_TABLES", "DrawBoth", "DrawTable", "Kind"]

Panels: TypeAlias = Literal["none", "models", "pairs", "scores", "keys", "regions", "always"]


class DrawTable(Protocol):
    """What draws a table of results."""

    def __call__(self, table: pl.DataFrame, /, *, style: PlotStyle | None = None) -> Drawing:
        """Return the figure of a table."""
        ...


class DrawBoth(Protocol):
    """What draws a table of results with one that lies beside it, where that is there."""

    def __call__(
        self, table: pl.DataFrame, beside: pl.DataFrame | None, /, *, style: PlotStyle | None = None
    ) -> Drawing:
        """Return the figure of both."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of figure.

    Attributes
    ----------
    draw : takes a table and a style.
    tables : names of the tables that it is the figure of, or one of the figures; of several kinds
        the first is drawn where none is named.
    about : what it shows, in a few words.
    panels : what has a panel each, side by side where there is more than one.
    of : a main table of runs that has no figure, where this one shows what the run found.
    beside : a table of the same run whose numbers are drawn with it, and what draws both.
    """

    draw: DrawTable
    tables: tuple[str, ...]
    about: str
    panels: Panels = "none"
    of: str | None = None
    beside: tuple[str, DrawBoth] | None = None

    @property
    def table(self) -> str | None:
        """Which table of a run folder it is drawn from; None for the main one."""
        return None if self.tables is RESULT_TABLES else self.tables[0]


RESULT_TABLES: Final = (
    "associations",
    "adjusted",
    "meta",
    "meta_dose",
    "meta_moderators",
    "additive_interaction",
    "coefficients",
    "covariate_changes",
    "periods",
    "replication_fits",
    "rmst",
    "smr",
)
"""Tables with an estimate and a test of each protein (or gene, set, variant) in every model."""

KINDS: Final[dict[str, Kind]] = {
    "volcano": Kind(draw_volcano, RESULT_TABLES, "effects against p values", "models"),
    "miami": Kind(draw_miami, RESULT_TABLES, "p values by gene position, by sign"),
    "manhattan": Kind(draw_manhattan, RESULT_TABLES, "p values by gene position"),
    "qq": Kind(draw_qq, RESULT_TABLES, "p values against those of no effect", "models"),
    "forest": Kind(draw_hits_forest, RESULT_TABLES, "hits with their intervals, by model"),
    "effects": Kind(draw_effects, RESULT_TABLES, "effects of a model against another's", "models"),
    "heatmap": Kind(draw_heatmap, RESULT_TABLES, "hits by model, clustered"),
    "agreement": Kind(
        draw_compared,
        ("compared",),
        "effects of one table against another's, with their agreement",
        "keys",
        of="agreement",
        beside=("agreement", draw_compared),
    ),
    "e-values": Kind(draw_e_values, ("e_values",), "confounding that would explain results away"),
    "balance": Kind(draw_balance, ("description",), "standardised differences of groups"),
    "contrast": Kind(draw_gene_contrast, ("ctra",), "a contrast of genes, by model"),
    "replication": Kind(draw_replication, ("replication",), "what splits agree in", "always"),
    "km": Kind(
        draw_curves,
        ("curves",),
        "survival of groups, with numbers at risk",
        "always",
        beside=("curve_times", draw_curves),
    ),
    "mediation": Kind(draw_mediation, ("mediation",), "shares that go through proteins"),
    "network": Kind(
        draw_network,
        ("modules",),
        "the tree of proteins with their modules",
        beside=("tree", draw_network),
    ),
    "studies": Kind(
        draw_studies,
        ("meta_influence",),
        "studies of a pooled effect with their weights",
        beside=("meta", draw_studies),
    ),
    "calibration": Kind(
        draw_calibration,
        ("calibration",),
        "observed against predicted risk",
        "scores",
        of="score_performance",
    ),
    "decision": Kind(draw_decision, ("decision_curve",), "net benefit by threshold", "scores"),
    "enrichment": Kind(draw_enrichment, ("enrichment",), "sets that hits gather in"),
    "interactions": Kind(
        draw_interactions,
        ("interaction_edges",),
        "genes that interact, hubs coloured",
        beside=("interaction_hubs", draw_interactions),
    ),
    "coloc": Kind(
        draw_coloc,
        ("coloc_sensitivity",),
        "posteriors by the prior of a shared variant",
        "pairs",
        of="coloc",
    ),
    "region": Kind(draw_region, ("coloc_snps",), "both traits of a colocalisation by position"),
    "fine-map": Kind(
        draw_fine_map,
        ("pips",),
        "probabilities of variants by position, with credible sets",
        "regions",
        of="finemap",
    ),
    "signals": Kind(draw_joint_signals, ("cojo",), "effects of chosen variants, alone and joint"),
    "flow": Kind(draw_flow, ("attrition",), "who is left after each step"),
    "qc": Kind(
        draw_quality,
        ("qc_panels",),
        "samples of each panel by median, spread, components; assays by panel",
        "always",
        of="qc_assays",
        beside=("qc_assays", draw_quality),
    ),
    "causes": Kind(draw_estimates, ("estimates",), "causal estimates by method and pair"),
    "scatter": Kind(
        draw_harmonised,
        ("harmonised",),
        "variants by both effects, a line for each method",
        beside=("estimates", draw_harmonised),
    ),
    "variants": Kind(
        draw_forest,
        ("singlesnp",),
        "the ratio of each variant, the methods below",
        beside=("estimates", draw_forest),
    ),
    "funnel": Kind(
        draw_funnel,
        ("singlesnp",),
        "precision of each variant by its ratio",
        beside=("estimates", draw_funnel),
    ),
    "leave-one-out": Kind(
        draw_leave_one_out, ("leaveoneout",), "the estimate without each variant"
    ),
}
"""In the order in which the command names them."""
