"""Which models a scan fits, and on which files: options of every command that scans proteins."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from proteomr.families import FAMILY_NAMES, LISTED_FAMILIES

from . import options as shared
from .iv_options import Instruments
from .mixed_options import Mixed
from .moderation_options import Moderation
from .ordinal_options import OrderedLevels
from .outcome_options import Outcomes
from .people_options import People
from .protein_options import ChosenProteins
from .remedies import refuse_stray_words
from .weight_options import Rows

if TYPE_CHECKING:
    from proteomr.association import AssociateRequest, ModelSpec

    Family = str
else:
    Family = Literal[FAMILY_NAMES]

__all__ = ["ProteinFiles", "Samples", "ScanOptions", "TransformChoice", "refuse_strays"]

Transform = Literal["rint", "log2", "zscore", "none"]
Tests = Literal["joint", "exposure"]
Errors = Literal["classical", "HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "CR2", "linearised"]
TransformChoice: TypeAlias = Annotated[
    Transform,
    typer.Option(
        metavar="rint|log2|zscore|none",
        rich_help_panel=shared.MODELS,
        help="Of each protein, within the complete cases of each fit; rint: rank-based "
        "inverse normal.",
    ),
]
"""Of each protein, within the complete cases of each fit."""
Firth = Annotated[
    Literal["separated", "always"] | None,
    typer.Option(
        metavar="[separated|always]",
        rich_help_panel=shared.MODELS,
        help="Firth's estimate (logistic, cox) with its profile interval and the p value of its "
        "penalised likelihood ratio, in fits that are separated (--firth alone), or in all.",
        show_default=False,
    ),
]

Samples = Annotated[
    Path,
    typer.Argument(
        metavar="SAMPLES",
        help="One row per person: parquet, csv or tsv, also .gz. Or a store, the folder that "
        "ingest or qc wrote, for SAMPLES and PROTEINS together.",
        show_default=False,
    ),
]
ProteinFiles = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PROTEINS",
        help="One column per protein, of the same people in any order; several files or a "
        "quoted glob are joined on the identifier. Or a store, whose plate, batch and other "
        "columns of samples then join those of SAMPLES.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Models:
    """What is fitted."""

    family: Annotated[
        Family,
        typer.Option(
            metavar="|".join(FAMILY_NAMES),
            rich_help_panel=shared.MODELS,
            help=" ".join(f"{name}: {of.formula}." for name, of in LISTED_FAMILIES.items()),
        ),
    ]
    exposure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples; repeat for several. C(NAME) compares the levels of a "
            "column of numbers, as those of text are.",
            show_default=False,
        ),
    ] = None
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Instead of exposures: column of the samples that is the response in any family, "
            "NAME ~ protein; repeat for several.",
            show_default=False,
        ),
    ] = None
    adjust: Annotated[
        list[str] | None,
        typer.Option(
            metavar='LABEL="TERMS"',
            rich_help_panel=shared.MODELS,
            help='Adjustment set, such as simple="age + sex + C(site) + PC1..PC20"; repeat for '
            "several, where a label stands for its terms in later ones. Without: unadjusted.",
            show_default=False,
        ),
    ] = None
    transform: TransformChoice = "rint"
    interaction: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Covariate whose product with the exposure (linear) or the protein (logistic) is "
            "in every model and gets rows of its own.",
        ),
    ] = None
    reference_level: Annotated[
        str | None,
        typer.Option(
            "--reference-level",
            "--reference",
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Level of an exposure or outcome that its other levels are held against, such as "
            "Control. Without: the lower, or the first in the alphabet.",
        ),
    ] = None
    ordered: Annotated[
        bool,
        typer.Option(
            "--ordered",
            rich_help_panel=shared.MODELS,
            help="The levels of the exposures are steps of a scale: rows for the trend over them "
            "(0, 1, 2, ...) and for each level against the one before it.",
        ),
    ] = False
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples with the weight of each person; 0 leaves a person out.",
        ),
    ] = None
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples with the cluster of each person, for --se CR0, CR1, CR2.",
        ),
    ] = None
    errors: Annotated[
        Errors | None,
        typer.Option(
            "--se",
            metavar="KIND",
            rich_help_panel=shared.MODELS,
            help="Standard errors: classical; HC0, HC1, HC2, HC3 as R's sandwich; CR0, CR1, CR2 "
            "clustered, as clubSandwich; linearised as survey::svyglm. Without: classical, or with "
            "sampling weights linearised, or CR1 if there is a --cluster.",
            show_default=False,
        ),
    ] = None
    firth: Firth = None
    tests: Annotated[
        Tests,
        typer.Option(
            metavar="joint|exposure",
            rich_help_panel=shared.MODELS,
            help="What multiple testing spans in each adjustment set: all exposures jointly, or "
            "each by itself.",
        ),
    ] = "joint"
    level: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=0.9999,
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Coverage of the confidence intervals.",
        ),
    ] = 0.95

    @property
    def sets(self) -> dict[str, str]:
        """The adjustment sets by label."""
        return shared.parse_sets(self.adjust)

    def specify(self, **more: Any) -> "ModelSpec":
        """Return the specification of the scan, with what other bundles say of it."""
        from proteomr.association import ModelSpec

        return ModelSpec(
            self.family,
            tuple(self.exposure or ()),
            self.sets or {"unadjusted": "1"},
            transform=self.transform,
            firth=self.firth or False,
            test_family=self.tests,
            interaction=self.interaction,
            errors=self.errors,
            cluster=self.cluster,
            weights=self.weights,
            level=self.level,
            outcomes=tuple(self.outcome or ()),
            reference_level=self.reference_level,
            ordered=self.ordered,
            **more,
        )


@dataclass(frozen=True, slots=True)
class ScanFiles:
    """What is read beside people and proteins, and how."""

    protein_covariate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            rich_help_panel=shared.INPUT,
            help="A covariate with a column for each protein or each panel, such as "
            "timegap=STORE/time_gap.parquet, to be used as NAME in --adjust; repeat for several.",
            show_default=False,
        ),
    ] = None
    assays: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Table of the assays: protein, panel where a covariate is per panel, gene for the "
            "results. Without: that of the store.",
        ),
    ] = None
    id_column: shared.IdColumn = None
    sample_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of PROTEINS that is no protein but a fact about the samples, such as "
            "plate; repeat for several. Columns that SAMPLES has as well are left out without it.",
        ),
    ] = None
    withdrawn: shared.Withdrawn = None

    @property
    def covariates(self) -> dict[str, str]:
        """The files of the covariates that have a column for each protein, by name."""
        return shared.parse_pairs(
            self.protein_covariate, option="--protein-covariate", example="NAME=FILE"
        )

    def list_inputs(self, people: People, chosen: ChosenProteins) -> dict[str, Any]:
        """Return what a request is told of files, people and proteins, by its arguments."""
        covariates = {name: Path(path) for name, path in self.covariates.items()}
        return {
            "protein_covariates": covariates,
            "assays": self.assays,
            "withdrawn": self.withdrawn,
            "id_column": self.id_column,
            "sample_columns": tuple(self.sample_column or ()),
            "people": people.choose(),
            "chosen_proteins": chosen.choose(),
        }


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """All that a scan is asked, whoever asks: a bundle of bundles."""

    models: Models
    phenome: Outcomes
    rows: Rows
    instruments: Instruments
    mixed: Mixed
    moderation: Moderation
    ordinal: OrderedLevels
    files: ScanFiles
    people: People
    chosen: ChosenProteins

    @property
    def tables(self) -> dict[str, dict[str, str]]:
        """The options of the form NAME=VALUE, read."""
        return {
            "adjust": self.models.sets,
            "protein-covariate": self.files.covariates,
            "levels": self.ordinal.named(),
        }

    def request(
        self,
        samples: Path,
        proteins: Sequence[Path],
        *,
        effective_tests: bool = False,
        **more: Any,
    ) -> "AssociateRequest":
        """Return the request of a scan, with what else its specification is told."""
        from proteomr.association import make_request
        from proteomr.models import MixedOptions, OrdinalOptions

        mixed, files = self.mixed, self.files
        spec = self.models.specify(
            outcome_options=self.phenome.choose(),
            iv=self.instruments.read(),
            weight_kind=self.rows.weight_kind,
            absorb=tuple(self.rows.absorb or ()),
            moderation=self.moderation.read(),
            ordinal=OrdinalOptions(
                self.ordinal.link, self.ordinal.named(), brant=self.ordinal.brant
            ),
            mixed=MixedOptions(tuple(mixed.random or ()), mixed.ddf, mixed.kinship is not None),
            **more,
        )
        return make_request(
            spec,
            samples,
            list(proteins),
            **files.list_inputs(self.people, self.chosen),
            effective_tests=effective_tests,
            outcome_files=self.phenome.label(),
            instruments=self.instruments.instrument_by_protein,
            genotypes=self.instruments.genotypes,
            kinship=mixed.kinship,
        )


def refuse_strays(samples: Path, proteins: Sequence[Path] | None) -> None:
    """Refuse words that stand as files and belong to an option."""
    refuse_stray_words(
        [samples, *(proteins or ())],
        remedy="repeat an option for each name (--exposure A --exposure B), and quote what has "
        'blanks (--adjust full="age + sex")',
    )
