"""All that determines the numbers of an enrichment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, Self, TypeAlias, get_args

from proteomr.errors import UsageError, nearest
from proteomr.io.result_rows import check_rows
from proteomr.runs import Data, Request, Source
from proteomr.stats.multilevel import CLIMBERS
from proteomr.stats.running_sum import ScoreType
from proteomr.tables import load_schema
from proteomr.tables.gene_ontology import Evidence, Relations

__all__ = [
    "SHIPPED",
    "Correction",
    "Direction",
    "EnrichOptions",
    "EnrichRequest",
    "HubOptions",
    "Method",
    "Reduction",
    "Universe",
]

Method: TypeAlias = Literal["ora", "gsea"]
Universe: TypeAlias = Literal["tested", "annotated"]
Correction: TypeAlias = Literal["bh", "bonferroni"]
Span: TypeAlias = Literal["source", "all"]
Direction: TypeAlias = Literal["any", "up", "down", "both"]
Reduction: TypeAlias = Literal["none", "jaccard", "lin"]
Centrality: TypeAlias = Literal["degree", "strength", "betweenness"]

SHIPPED: Final = ("go-bp", "go-cc", "go-mf")
_ENRICH_VERSION: Final = 1  # of the methods: raised when a file gives other numbers


@dataclass(frozen=True, slots=True)
class EnrichOptions:
    """How sets are tested.

    Attributes
    ----------
    method : hits against a background (``ora``), or a ranked list (``gsea``).
    universe : whether the background is all that was tested, or what of it is in any set.
    correction : by which a set counts as significant.
    tests : what a correction spans: each source of sets, or all together.
    min_size, max_size : members in the background that a set must have.
    alpha : of a significant set, after the correction.
    direction : which hits count, by the sign of their estimate; ``both``: up and down, each apart.
    exponent : of the ranks' weights, 0 for the classic sum.
    score_type : which end of the list counts.
    permutations : random sets of each size.
    evidence : which annotations of the Gene Ontology count.
    relations : which relations of its terms they follow upwards.
    reduction, similarity : significant sets that are as similar as this to a better one are said
        to be represented by it.
    seed : of the random sets.
    """

    method: Method = "ora"
    universe: Universe = "tested"
    correction: Correction = "bh"
    tests: Span = "source"
    min_size: int = 5
    max_size: int = 500
    alpha: float = 0.05
    direction: Direction = "any"
    exponent: float = 1.0
    score_type: ScoreType = "std"
    permutations: int = 10_000
    evidence: Evidence = "all"
    relations: Relations = "part-of"
    reduction: Reduction = "none"
    similarity: float = 0.5
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.min_size <= self.max_size:
            raise UsageError(
                f"sets of {self.min_size} to {self.max_size} members: the least must be 1 or more, "
                "and no more than the most"
            )
        for name in ("alpha", "similarity"):
            if not 0.0 < getattr(self, name) < 1.0:
                value = getattr(self, name)
                raise UsageError(f"{name} is {value:g}, and must be between 0 and 1")
        if not 0.0 <= self.exponent <= 8.0:
            raise UsageError(f"the exponent is {self.exponent:g}, and must be from 0 to 8")
        if self.permutations < CLIMBERS:
            raise UsageError(f"{self.permutations} random sets; {CLIMBERS} or more are needed")
        self._refuse_unused()

    def _refuse_unused(self) -> None:
        """Refuse options of the other method: they would do nothing."""
        plain: dict[str, object] = {"direction": "any", "universe": "tested"}
        word = "ora"
        if self.method == "ora":
            plain = {"exponent": 1.0, "score_type": "std", "permutations": 10_000}
            word = "gsea"
        for name, value in plain.items():
            if getattr(self, name) != value:
                option = name.replace("_", "-")
                raise UsageError(f"--{option} is of --method {word}, and this is {self.method}")


@dataclass(frozen=True, slots=True)
class HubOptions:
    """Which proteins of a network are hubs.

    Attributes
    ----------
    by : the centrality that ranks them.
    count : how many are hubs.
    score : column of the edges' strength; None where a file of two columns has none.
    min_score : edges below it are left out.
    """

    by: Centrality = "degree"
    count: int = 10
    score: str | None = None
    min_score: float | None = None

    def __post_init__(self) -> None:
        if self.by not in get_args(Centrality):
            raise UsageError(f"hubs by {self.by!r}; there are {', '.join(get_args(Centrality))}")
        if self.count < 1:
            raise UsageError(f"{self.count} hubs; 1 or more can be asked for")


@dataclass(frozen=True, slots=True)
class EnrichRequest(Request):
    """What is to be enriched in which sets, and how.

    Attributes
    ----------
    hits : a list of names, a table of results, or the run folder of `associate`.
    sets : GMT files.
    shipped : ontologies, of :data:`SHIPPED`.
    background : what was tested; None for all of the table.
    rows : rows of the table that are hits, or that are ranked.
    names : column of the names; None for the gene, else the protein.
    rank : column of the ranks of ``gsea``.
    options : how sets are tested.
    edges : pairs of proteins that interact; None for no network.
    hubs : which proteins of it are hubs.
    """

    command: ClassVar[str] = "enrich"

    hits: Source
    sets: tuple[Source, ...] = ()
    shipped: tuple[str, ...] = ()
    background: Source | None = None
    rows: tuple[str, ...] = ()
    names: str | None = None
    rank: str | None = None
    options: EnrichOptions = EnrichOptions()
    edges: Source | None = None
    hubs: HubOptions = HubOptions()

    def __post_init__(self) -> None:
        if not self.sets and not self.shipped:
            raise UsageError(f"no sets are named: --sets FILE.gmt, or {', '.join(SHIPPED)}")
        named = [*(source.name for source in self.sets), *self.shipped]
        if twice := [name for name in named if named.count(name) > 1]:
            raise UsageError(f"the sets {twice[0]} are named twice")
        if self.options.reduction == "lin" and self.sets:
            raise UsageError(
                f"--reduce lin needs the terms of an ontology, and {self.sets[0].name} has none: "
                "choose jaccard"
            )
        plain = {"evidence": "all", "relations": "part-of"}
        unused = [name for name, value in plain.items() if getattr(self.options, name) != value]
        if unused and not self.shipped:
            raise UsageError(
                f"--{unused[0]} is of the Gene Ontology as it is shipped: --sets "
                f"{', '.join(SHIPPED)}"
            )
        if self.rank is not None and self.options.method == "ora":
            raise UsageError("--rank is of --method gsea, and this is ora")
        if self.background is not None and self.options.method == "gsea":
            raise UsageError("--background is of --method ora: gsea ranks all that was tested")
        if self.edges is None and self.hubs != HubOptions():
            raise UsageError("hubs are of a network: name its edges (--edges FILE)")
        check_rows(self.rows)

    @classmethod
    def of(
        cls,
        hits: Data,
        *,
        sets: Data | Sequence[Data],
        background: Data | None = None,
        rows: str | Sequence[str] = (),
        edges: Data | None = None,
        options: EnrichOptions | None = None,
        hubs: HubOptions | None = None,
        **asked: str | None,
    ) -> Self:
        """Take paths, frames, and names of what is shipped.

        Examples
        --------
        >>> EnrichRequest.of("hits.txt", sets=["go-bp", "mine.gmt"]).shipped
        ('go-bp',)
        """
        several = [sets] if isinstance(sets, str | Path) else list(sets)
        own = [one for one in several if str(one) not in SHIPPED]
        for one in own:
            _refuse_unknown(one)
        return cls(
            Source.of(hits, name="hits"),
            tuple(Source.of(one, name=f"sets{i + 1}") for i, one in enumerate(own)),
            tuple(str(one) for one in several if str(one) in SHIPPED),
            None if background is None else Source.of(background, name="background"),
            (rows,) if isinstance(rows, str) else tuple(rows),
            options=EnrichOptions() if options is None else options,
            edges=None if edges is None else Source.of(edges, name="edges"),
            hubs=HubOptions() if hubs is None else hubs,
            **asked,
        )

    def formulas(self) -> dict[str, int]:
        """Return the versions of the methods and tables."""
        tables = ("enrichment", "sets_left_out", "interaction_hubs", "interaction_edges")
        return {"enrich": _ENRICH_VERSION, **{name: load_schema(name).version for name in tables}}


def _refuse_unknown(sets: Data) -> None:
    """Refuse a word that is no file and none of the ontologies."""
    if isinstance(sets, str) and not Path(sets).suffix and not Path(sets).exists():
        known = ", ".join(SHIPPED)
        raise UsageError(
            f"no sets {sets!r}{nearest(sets, SHIPPED)}; name a GMT file, or one of {known}"
        )
