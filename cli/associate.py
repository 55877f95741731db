"""`proteomr associate`: all proteins against exposures under several adjustment sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError
from proteomr.families import FAMILY_NAMES, LISTED_FAMILIES

from . import options as shared
from .bundles import Blocks, Running, takes_bundles
from .further_options import FurtherOptions
from .iv_options import Instruments
from .jobs import Task, choose_formats, read_shard, run_command
from .mixed_options import Mixed
from .outcome_options import Outcomes
from .people_options import People
from .permutation_options import PermutationOptions
from .protein_options import ChosenProteins
from .remedies import refuse_stray_words
from .show_associations import describe_failures, show_associations

if TYPE_CHECKING:
    from proteomr.association import AssociateJob
    from proteomr.runs import Results

    Family = str
else:
    Family = Literal[FAMILY_NAMES]

__all__ = ["associate"]

Transform = Literal["rint", "log2", "zscore", "none"]
Tests = Literal["joint", "exposure"]
Errors = Literal["classical", "HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "CR2"]


@takes_bundles
def associate(
    context: typer.Context,
    samples: Annotated[
        Path,
        typer.Argument(
            metavar="SAMPLES",
            help="One row per person: parquet, csv or tsv, also .gz. Or a store, the folder that "
            "ingest or qc wrote, for SAMPLES and PROTEINS together.",
            show_default=False,
        ),
    ],
    proteins: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PROTEINS",
            help="One column per protein, of the same people in any order; several files or a "
            "quoted glob are joined on the identifier. Or a store, whose plate, batch and other "
            "columns of samples then join those of SAMPLES.",
            show_default=False,
        ),
    ] = None,
    *,
    family: Annotated[
        Family,
        typer.Option(
            metavar="|".join(FAMILY_NAMES),
            rich_help_panel=shared.MODELS,
            help=" ".join(f"{name}: {of.formula}." for name, of in LISTED_FAMILIES.items()),
        ),
    ],
    exposure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples; repeat for several.",
            show_default=False,
        ),
    ] = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Instead of exposures: column of the samples that is the response in any family, "
            "NAME ~ protein; repeat for several.",
            show_default=False,
        ),
    ] = None,
    phenome: Outcomes,
    adjust: Annotated[
        list[str] | None,
        typer.Option(
            metavar='LABEL="TERMS"',
            rich_help_panel=shared.MODELS,
            help='Adjustment set, such as simple="age + sex + C(site) + PC1..PC20"; repeat for '
            "several, where a label stands for its terms in later ones. Without: unadjusted.",
            show_default=False,
        ),
    ] = None,
    transform: Annotated[
        Transform,
        typer.Option(
            metavar="rint|log2|zscore|none",
            rich_help_panel=shared.MODELS,
            help="Of each protein, within the complete cases of each fit; rint: rank-based "
            "inverse normal.",
        ),
    ] = "rint",
    interaction: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Covariate whose product with the exposure (linear) or the protein (logistic) is "
            "in every model and gets rows of its own.",
        ),
    ] = None,
    strata: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|EXPR",
            rich_help_panel=shared.MODELS,
            help="Column whose levels are analysed one by one; or a condition as of --where, such "
            'as "age >= 60", which makes two strata, false and true. joint_tests.parquet tells '
            "whether the strata differ.",
        ),
    ] = None,
    reference_level: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Level of an exposure or outcome of two that the other is held against, such as "
            "Control. Without: the lower, or the first in the alphabet.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples with the weight of each person; 0 leaves a person out.",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples with the cluster of each person, for --se CR0, CR1, CR2.",
        ),
    ] = None,
    errors: Annotated[
        Errors,
        typer.Option(
            "--se",
            metavar="KIND",
            rich_help_panel=shared.MODELS,
            help="Standard errors: classical; HC0, HC1, HC2, HC3 as R's sandwich; CR0, CR1, CR2 "
            "clustered, as clubSandwich.",
        ),
    ] = "classical",
    instruments: Instruments,
    firth: Annotated[
        Literal["separated", "always"] | None,
        typer.Option(
            metavar="[separated|always]",
            rich_help_panel=shared.MODELS,
            help="Firth's estimate with its profile interval and the p value of its penalised "
            "likelihood ratio, in logistic fits that are separated (--firth alone), or in all.",
            show_default=False,
        ),
    ] = None,
    tests: Annotated[
        Tests,
        typer.Option(
            metavar="joint|exposure",
            rich_help_panel=shared.MODELS,
            help="What multiple testing spans in each adjustment set: all exposures jointly, or "
            "each by itself.",
        ),
    ] = "joint",
    effective_tests: Annotated[
        bool,
        typer.Option(
            "--effective-tests",
            rich_help_panel=shared.MODELS,
            help="Count the independent tests that the proteins amount to (Nyholt, Li-Ji, Galwey, "
            "Gao), and print the threshold of each.",
        ),
    ] = False,
    coefficients: Annotated[
        bool,
        typer.Option(
            "--coefficients",
            rich_help_panel=shared.MODELS,
            help="Write coefficients.parquet too: every coefficient of every model.",
        ),
    ] = False,
    level: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=0.9999,
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Coverage of the confidence intervals.",
        ),
    ] = 0.95,
    further: FurtherOptions,
    permuting: PermutationOptions,
    protein_covariate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            rich_help_panel=shared.INPUT,
            help="A covariate with a column for each protein or each panel, such as "
            "timegap=STORE/time_gap.parquet, to be used as NAME in --adjust; repeat for several.",
            show_default=False,
        ),
    ] = None,
    assays: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Table of the assays: protein, panel where a covariate is per panel, gene for the "
            "results. Without: that of the store.",
        ),
    ] = None,
    id_column: shared.IdColumn = None,
    sample_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of PROTEINS that is no protein but a fact about the samples, such as "
            "plate; repeat for several. Columns that SAMPLES has as well are left out without it.",
        ),
    ] = None,
    withdrawn: shared.Withdrawn = None,
    people: People,
    chosen: ChosenProteins,
    mixed: Mixed,
    blocks: Blocks,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            rich_help_panel=shared.COMPUTING,
            help="Fit this share of the blocks alone, such as 1/8; `proteomr merge DIR` joins "
            "the shares.",
        ),
    ] = None,
    out: shared.Out,
    format: shared.Format = "parquet",
    columns: shared.Columns = "native",
    running: Running,
) -> None:
    """Associate every protein with exposures, in one pass.

    Each protein has its own complete cases, in which it is transformed and then fitted. The run
    folder gets associations.parquet, summary.tsv, attrition.tsv (people left and lost in each
    model), drops.tsv, manifest.json and log.txt; people, summary and the path of the table are
    printed.
    """
    sets = shared.parse_sets(adjust)
    files = shared.parse_pairs(protein_covariate, option="--protein-covariate", example="NAME=FILE")
    share = read_shard(shard)
    refuse_stray_words(
        [samples, *(proteins or ())],
        remedy="repeat an option for each name (--exposure A --exposure B), and quote what has "
        'blanks (--adjust full="age + sex")',
    )
    if effective_tests and share is not None:
        raise UsageError(
            "--effective-tests counts over all proteins: use it on a run without --shard"
        )

    def make_job() -> "AssociateJob":
        from proteomr.association import AssociateJob, ModelSpec, make_request
        from proteomr.models import MixedOptions

        spec = ModelSpec(
            family,
            tuple(exposure or ()),
            sets or {"unadjusted": "1"},
            transform=transform,
            strata=strata,
            firth=firth or False,
            test_family=tests,
            interaction=interaction,
            errors=errors,
            cluster=cluster,
            weights=weights,
            level=level,
            outcomes=tuple(outcome or ()),
            reference_level=reference_level,
            outcome_options=phenome.choose(),
            iv=instruments.read(),
            coefficients=coefficients,
            mixed=MixedOptions(tuple(mixed.random or ()), mixed.ddf, mixed.kinship is not None),
            further=further.read(),
            permutations=permuting.read(running.seed),
        )
        request = make_request(
            spec,
            samples,
            list(proteins or ()),
            protein_covariates={name: Path(path) for name, path in files.items()},
            assays=assays,
            withdrawn=withdrawn,
            id_column=id_column,
            effective_tests=effective_tests,
            sample_columns=tuple(sample_column or ()),
            people=people.choose(),
            chosen_proteins=chosen.choose(),
            outcome_files=phenome.label(),
            instruments=instruments.instrument_by_protein,
            genotypes=instruments.genotypes,
            kinship=mixed.kinship,
        )
        return AssociateJob(request, columns, share)

    def report(results: "Results") -> None:
        show_associations(results, shard=share)

    task = Task(
        make_job,
        out,
        report,
        describe_failures,
        tables={"adjust": sets, "protein-covariate": files},
        formats=choose_formats(format),
        blocks=blocks,
        shard=share,
        form={"columns": columns},
        doing="fitting",
    )
    run_command(context, running, task)
