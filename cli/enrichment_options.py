"""How sets of genes are tested, and which hits are hubs: options of `enrich`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .study_options import option

if TYPE_CHECKING:
    from proteomr.enrichment import EnrichOptions, HubOptions

__all__ = ["Hubs", "SetTests"]

_TESTS, _RANKS, _NETWORK = "Tests of sets", "Ranked lists (gsea)", "Network"


@dataclass(frozen=True, slots=True)
class SetTests:
    """How sets are tested, corrected and reduced."""

    method: Annotated[
        Literal["ora", "gsea"],
        typer.Option(
            metavar="ora|gsea",
            rich_help_panel=_TESTS,
            help="ora: hits against a background, one-sided hypergeometric. gsea: the running sum "
            "down a ranked list.",
        ),
    ] = "ora"
    universe: Annotated[
        Literal["tested", "annotated"],
        typer.Option(
            metavar="tested|annotated",
            rich_help_panel=_TESTS,
            help="The background: all that was tested, or what of it is in any set of the source.",
        ),
    ] = "tested"
    direction: Annotated[
        Literal["any", "up", "down", "both"],
        typer.Option(
            metavar="any|up|down|both",
            rich_help_panel=_TESTS,
            help="Which hits count, by the sign of their estimate; both: up and down apart, a row "
            "each.",
        ),
    ] = "any"
    correction: Annotated[
        Literal["bh", "bonferroni"],
        typer.Option(
            metavar="bh|bonferroni",
            rich_help_panel=_TESTS,
            help="By which a set is significant; the table has both.",
        ),
    ] = "bh"
    tests: Annotated[
        Literal["source", "all"],
        typer.Option(
            metavar="source|all",
            rich_help_panel=_TESTS,
            help="What a correction spans: each --sets by itself, or all together.",
        ),
    ] = "source"
    alpha: Annotated[
        float,
        typer.Option(metavar="P", rich_help_panel=_TESTS, help="Of a significant set."),
    ] = 0.05
    min_size: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            rich_help_panel=_TESTS,
            help="Fewest members that a set must have among the genes tested.",
        ),
    ] = 5
    max_size: Annotated[
        int,
        typer.Option(min=1, metavar="N", rich_help_panel=_TESTS, help="Most members."),
    ] = 500
    evidence: Annotated[
        Literal["all", "curated"],
        typer.Option(
            metavar="all|curated",
            rich_help_panel=_TESTS,
            help="Annotations of the Gene Ontology that count: all, or those that a person judged.",
        ),
    ] = "all"
    relations: Annotated[
        Literal["part-of", "regulates"],
        typer.Option(
            metavar="part-of|regulates",
            rich_help_panel=_TESTS,
            help="What annotations of the Gene Ontology follow upwards. part-of: is_a and part_of; "
            "regulates: also what a term regulates, as Bioconductor's GO2ALLEGS, which "
            "clusterProfiler takes.",
        ),
    ] = "part-of"
    reduce: Annotated[
        Literal["none", "jaccard", "lin"],
        typer.Option(
            metavar="none|jaccard|lin",
            rich_help_panel=_TESTS,
            help="Say which significant set stands for others that are like it. jaccard: by shared "
            "members; lin: by the information of shared ancestors, for go-bp, go-cc and go-mf.",
        ),
    ] = "none"
    similarity: Annotated[
        float,
        typer.Option(
            metavar="S", rich_help_panel=_TESTS, help="From which on a set is represented."
        ),
    ] = 0.5
    rank: Annotated[
        str | None,
        option(_RANKS, "COLUMN", "Ranks. Without: statistic."),
    ] = None
    exponent: Annotated[
        float,
        typer.Option(
            metavar="A", rich_help_panel=_RANKS, help="Of the ranks' weights; 0: the classic sum."
        ),
    ] = 1.0
    score_type: Annotated[
        Literal["std", "pos", "neg"],
        typer.Option(
            metavar="std|pos|neg",
            rich_help_panel=_RANKS,
            help="Which end counts: either, as the sum tells; the highest ranks; the lowest.",
        ),
    ] = "std"
    permutations: Annotated[
        int,
        typer.Option(
            metavar="B",
            rich_help_panel=_RANKS,
            help="Random sets of each size; smaller p values come from sets that climb.",
        ),
    ] = 10_000

    def choose(self, seed: int) -> "EnrichOptions":
        """Return what the library takes."""
        from proteomr.enrichment import EnrichOptions

        return EnrichOptions(
            method=self.method,
            universe=self.universe,
            correction=self.correction,
            tests=self.tests,
            min_size=self.min_size,
            max_size=self.max_size,
            alpha=self.alpha,
            direction=self.direction,
            exponent=self.exponent,
            score_type=self.score_type,
            permutations=self.permutations,
            evidence=self.evidence,
            relations=self.relations,
            reduction=self.reduce,
            similarity=self.similarity,
            seed=seed,
        )


@dataclass(frozen=True, slots=True)
class Hubs:
    """The network among hits."""

    edges: Annotated[
        Path | None,
        option(
            _NETWORK,
            "FILE",
            "Pairs of proteins that interact, in the first two columns: writes "
            "interaction_hubs and interaction_edges for the hits, or for the leading edges of "
            "significant sets (drawn by proteomr plot interactions).",
        ),
    ] = None
    hubs_by: Annotated[
        Literal["degree", "strength", "betweenness"],
        typer.Option(
            metavar="degree|strength|betweenness",
            rich_help_panel=_NETWORK,
            help="The centrality that ranks hubs.",
        ),
    ] = "degree"
    hubs: Annotated[
        int, typer.Option(min=1, metavar="N", rich_help_panel=_NETWORK, help="How many are hubs.")
    ] = 10
    edge_score: Annotated[
        str | None,
        option(
            _NETWORK,
            "COLUMN",
            "Strength of an edge. Without: the first column of numbers after the names, else 1.",
        ),
    ] = None
    min_score: Annotated[
        float | None, option(_NETWORK, "S", "Leave weaker edges out, such as 400 of STRING's.")
    ] = None

    def choose(self) -> "HubOptions":
        """Return what the library takes."""
        from proteomr.enrichment import HubOptions

        return HubOptions(self.hubs_by, self.hubs, self.edge_score, self.min_score)
