"""Options of `network`: how the network is made, how it is cut, and where modules are sought."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared
from .people_options import People
from .protein_options import ChosenProteins

if TYPE_CHECKING:
    from proteomr.network import NetworkOptions, NetworkRequest

__all__ = ["NetworkAsked"]

_NETWORK = "Network"
_MODULES = "Modules"
_PRESERVATION = "Preservation"


@dataclass(frozen=True, slots=True)
class _Making:
    """How the network is made."""

    method: Annotated[
        Literal["wgcna", "netboost"],
        typer.Option(
            metavar="wgcna|netboost",
            rich_help_panel=_NETWORK,
            help="wgcna: one tree of all proteins, cut by its shape and its dissimilarities. "
            "netboost: only edges whose correlation is told from none, a tree for each part that "
            "they connect, cut by its heights; eigenproteins of ranks.",
        ),
    ] = "wgcna"
    correlation: Annotated[
        Literal["pearson", "spearman", "bicor"] | None,
        typer.Option(
            metavar="pearson|spearman|bicor",
            rich_help_panel=_NETWORK,
            help="Of the proteins. Without: pearson, of netboost spearman.",
            show_default=False,
        ),
    ] = None
    type: Annotated[
        Literal["unsigned", "signed", "signed-hybrid"],
        typer.Option(
            metavar="unsigned|signed|signed-hybrid",
            rich_help_panel=_NETWORK,
            help="Which correlations are edges: |r|, (1 + r) / 2, or r where it is positive.",
        ),
    ] = "unsigned"
    power: Annotated[
        str,
        typer.Option(
            metavar="K|auto",
            rich_help_panel=_NETWORK,
            help="That they are raised to; auto: the first of 1 to 10, 12 to 20 by two, whose "
            "signed scale-free r2 reaches --scale-free.",
        ),
    ] = "auto"
    scale_free: Annotated[
        float,
        typer.Option(metavar="R2", rich_help_panel=_NETWORK, help="For --power auto."),
    ] = 0.85
    edge_p: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            rich_help_panel=_NETWORK,
            help="netboost: p value below which an edge is kept. Without: 0.05.",
            show_default=False,
        ),
    ] = None
    transform: Annotated[
        Literal["none", "rint", "log2"],
        typer.Option(
            metavar="none|rint|log2", rich_help_panel=_NETWORK, help="Of the values, before all."
        ),
    ] = "none"
    impute: Annotated[
        Literal["none", "knn"],
        typer.Option(
            metavar="none|knn",
            rich_help_panel=_NETWORK,
            help="Missing values. none: each correlation is over the people who have both "
            "proteins. knn: they are filled first, from the nearest ten proteins.",
        ),
    ] = "none"


@dataclass(frozen=True, slots=True)
class _Cutting:
    """How modules are cut."""

    min_size: Annotated[
        int,
        typer.Option(metavar="N", rich_help_panel=_MODULES, help="Fewest proteins of a module."),
    ] = 20
    merge_height: Annotated[
        float,
        typer.Option(
            metavar="DISTANCE",
            rich_help_panel=_MODULES,
            help="Modules are merged whose eigenproteins are as near as this: 1 - r, of netboost "
            "1 - |Spearman's r|.",
        ),
    ] = 0.25
    deep_split: Annotated[
        int | None,
        typer.Option(
            metavar="0-4",
            rich_help_panel=_MODULES,
            help="wgcna: the higher, the more and smaller modules. Without: 2.",
            show_default=False,
        ),
    ] = None
    second_stage: Annotated[
        Literal["free", "tree", "none"] | None,
        typer.Option(
            metavar="free|tree|none",
            rich_help_panel=_MODULES,
            help="wgcna: proteins outside of the modules that the tree shows go to the nearest of "
            "all, the nearest of their branch, or to none. Without: free.",
            show_default=False,
        ),
    ] = None
    hubs: Annotated[
        int,
        typer.Option(metavar="N", rich_help_panel=_MODULES, help="Listed of each module."),
    ] = 10
    edges: Annotated[
        int,
        typer.Option(
            metavar="N",
            rich_help_panel=_MODULES,
            help="Pairs listed of each module, those that overlap most.",
        ),
    ] = 200


@dataclass(frozen=True, slots=True)
class _Preserving:
    """Where modules are sought again."""

    preserve_in: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PROTEINS",
            rich_help_panel=_PRESERVATION,
            help="Proteins of another cohort, or its store, in which the modules are sought: z "
            "statistics against random proteins. --where, --keep and --remove are of the first "
            "cohort alone. Repeat for several files.",
            show_default=False,
        ),
    ] = None
    permutations: Annotated[
        int,
        typer.Option(
            metavar="B",
            rich_help_panel=_PRESERVATION,
            help="How often random proteins are drawn for each module, from --seed; 100 or more.",
        ),
    ] = 200


@dataclass(frozen=True, slots=True)
class _Files:
    """What is read, and how."""

    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Table of the people, whose columns --where may name; only people in it are "
            "taken. Without: that of the store.",
            show_default=False,
        ),
    ] = None
    id_column: shared.IdColumn = None
    sample_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of PROTEINS that is no protein; repeat for several.",
            show_default=False,
        ),
    ] = None
    withdrawn: shared.Withdrawn = None


@dataclass(frozen=True, slots=True)
class NetworkAsked:
    """All that a network is asked: a bundle of bundles."""

    making: _Making
    cutting: _Cutting
    preserving: _Preserving
    files: _Files
    people: People
    chosen: ChosenProteins

    def options(self, *, seed: int) -> "NetworkOptions":
        """Return how modules are found."""
        from proteomr.network import NetworkOptions

        making, cutting = self.making, self.cutting
        return NetworkOptions(
            method=making.method,
            correlation=making.correlation,
            type=making.type,
            power=_read_power(making.power),
            scale_free=making.scale_free,
            min_size=cutting.min_size,
            merge_height=cutting.merge_height,
            deep_split=cutting.deep_split,
            second_stage=cutting.second_stage,
            edge_p=making.edge_p,
            impute=making.impute,
            transform=making.transform,
            hubs=cutting.hubs,
            edges=cutting.edges,
            permutations=self.preserving.permutations,
            seed=seed,
        )

    def request(self, proteins: Sequence[Path], *, seed: int) -> "NetworkRequest":
        """Return the request of a network."""
        from proteomr.network import NetworkRequest

        return NetworkRequest.of(
            list(proteins),
            options=self.options(seed=seed),
            samples=self.files.samples,
            preserve_in=list(self.preserving.preserve_in or ()),
            people=self.people.choose(),
            chosen_proteins=self.chosen.choose(),
            withdrawn=self.files.withdrawn,
            sample_columns=tuple(self.files.sample_column or ()),
            id_column=self.files.id_column,
        )


def _read_power(text: str) -> int | None:
    """Read a power; None for one that is chosen."""
    if text == "auto":
        return None
    if not text.isdecimal():
        raise UsageError(f"--power {text}: a whole number, such as 6, or auto is needed")
    return int(text)
