"""How a network of proteins is made, and how modules are cut from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from proteomr.errors import UsageError, nearest
from proteomr.stats.hybrid_cut import DEEPEST, SecondStage
from proteomr.stats.pair_correlations import CORRELATIONS, Correlation
from proteomr.stats.soft_threshold import NETWORK_TYPES, NetworkType

__all__ = ["METHODS", "Impute", "Method", "NetworkOptions", "NetworkTransform"]

Method: TypeAlias = Literal["wgcna", "netboost"]
Impute: TypeAlias = Literal["none", "knn"]
NetworkTransform: TypeAlias = Literal["none", "rint", "log2"]

METHODS: Final[tuple[Method, ...]] = ("wgcna", "netboost")
_LARGEST_POWER: Final = 100  # a correlation of 0.9 is then an edge of 3e-5
_FEWEST_PERMUTATIONS: Final = 100  # fewer do not tell the spread of a statistic


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """How modules are found; what is None follows the method.

    Parameters
    ----------
    method : wgcna: a tree of all proteins, cut by its shape and its dissimilarities. netboost: only
        edges whose correlation is told from none, a tree for what they connect, cut by its heights.
    correlation : pearson, spearman or bicor; wgcna: pearson, netboost: spearman.
    type : of the network: unsigned, signed or signed-hybrid.
    power : of the soft threshold; None for the first whose signed r2 reaches `scale_free`.
    scale_free : signed r2 that an automatic power has.
    min_size : fewest proteins of a module.
    merge_height : distance of eigenproteins up to which modules are merged.
    deep_split : 0 to 4, of wgcna's cut; 2.
    second_stage : free, tree or none, of wgcna's cut; free.
    edge_p : p value below which netboost keeps an edge; 0.05.
    impute : knn fills missing values from the nearest ten proteins first; none: correlations are
        over the people who have both.
    transform : of the values, before all else.
    hubs, edges : how many of each module are listed.
    permutations : of the preservation in another cohort.
    seed : of the permutations.

    Raises
    ------
    UsageError
        An option is outside its range, or of the other method.
    """

    method: Method = "wgcna"
    correlation: Correlation | None = None
    type: NetworkType = "unsigned"
    power: int | None = None
    scale_free: float = 0.85
    min_size: int = 20
    merge_height: float = 0.25
    deep_split: int | None = None
    second_stage: SecondStage | None = None
    edge_p: float | None = None
    impute: Impute = "none"
    transform: NetworkTransform = "none"
    hubs: int = 10
    edges: int = 200
    permutations: int = 200
    seed: int = 1

    def __post_init__(self) -> None:
        self._refuse_names()
        self._refuse_other_method()
        ranges = (
            ("--power", self.power, 1, _LARGEST_POWER),
            ("--scale-free", self.scale_free, 0.0, 1.0),
            ("--min-size", self.min_size, 2, None),
            ("--merge-height", self.merge_height, 0.0, 2.0),
            ("--deep-split", self.deep_split, 0, DEEPEST),
            ("--edge-p", self.edge_p, 0.0, 1.0),
            ("--hubs", self.hubs, 1, None),
            ("--edges", self.edges, 0, None),
            ("--permutations", self.permutations, _FEWEST_PERMUTATIONS, None),
        )
        for option, value, low, high in ranges:
            if value is not None and not (low <= value and (high is None or value <= high)):
                needed = f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
                raise UsageError(f"{option} {value:g}: {needed} is needed")

    def _refuse_names(self) -> None:
        for option, value, known in (
            ("--method", self.method, METHODS),
            ("--correlation", self.correlation, CORRELATIONS),
            ("--type", self.type, NETWORK_TYPES),
            ("--second-stage", self.second_stage, ("free", "tree", "none")),
            ("--impute", self.impute, ("none", "knn")),
            ("--transform", self.transform, ("none", "rint", "log2")),
        ):
            if value is not None and value not in known:
                raise UsageError(
                    f"{option} {value}{nearest(value, known)}; known: {', '.join(known)}"
                )

    def _refuse_other_method(self) -> None:
        others = (
            (("--edge-p", self.edge_p),)
            if self.method == "wgcna"
            else (("--deep-split", self.deep_split), ("--second-stage", self.second_stage))
        )
        for option, value in others:
            if value is not None:
                of = "netboost" if self.method == "wgcna" else "wgcna"
                raise UsageError(f"{option} is of --method {of}, and {self.method} is asked for")

    @property
    def kind(self) -> Correlation:
        """The correlation, resolved."""
        usual: Correlation = "pearson" if self.method == "wgcna" else "spearman"
        return self.correlation or usual
