"""`proteomr gwas cojo`: variants that count beside each other, and all others given these."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .console import print_rows, say
from .jobs import Task, run_command
from .study_options import LINKAGE, Ld, LdValuesName, Reading, Study, option

if TYPE_CHECKING:
    from proteomr.gwas import CojoJob
    from proteomr.runs import Results

__all__ = ["cojo"]

CHOICE = "Choice"
_WITH_NUMBERS = ("ok", "mismatched")
_SHOWN = 12
_CONDITION = (
    "Names of variants, one a line: no variant is chosen, these are conditioned on, in their order."
)
_COLLINEAR = (
    "Largest share of a variant's variance that the chosen ones may tell; 0.9 usually. Beyond it a "
    "variant is neither chosen nor has an effect given them."
)
_SIZES = (
    "Which sizes count. reported: those of the study, exact for one regression of the same people; "
    "effective: what errors and frequencies amount to, as GCTA has it."
)
_DIFF = (
    "Variants whose frequency in the panel differs by more leave; 0.2 usually. For genotypes alone."
)


@takes_bundles
def cojo(
    context: typer.Context,
    file: Study,
    *,
    ld: Ld,
    ld_values: LdValuesName = "auto",
    window_kb: Annotated[
        float,
        option(LINKAGE, "K", "Variants further apart are independent, in 1,000 bp; 10000 usually."),
    ] = 10_000.0,
    diff_freq: Annotated[float, option(LINKAGE, "D", _DIFF)] = 0.2,
    condition: Annotated[Path | None, option(CHOICE, "FILE", _CONDITION)] = None,
    p: Annotated[
        float,
        option(CHOICE, "P", "Largest p value of a variant given all others chosen.", "--p"),
    ] = 5e-8,
    collinear: Annotated[float, option(CHOICE, "R2", _COLLINEAR)] = 0.9,
    sizes: Annotated[
        Literal["reported", "effective"], option(CHOICE, "reported|effective", _SIZES)
    ] = "reported",
    n: Annotated[
        float | None,
        option(shared.INPUT, "N", "People, for a file without a column of them.", "--n"),
    ] = None,
    reading: Reading,
    out: shared.Out,
    figures: Figures,
    running: Running,
) -> None:
    """Choose variants that count beside each other, and condition all others on them.

    GCTA-COJO's analysis: regressions on several variants, from the effects of each by itself and
    their correlations. Writes cojo.parquet (joint effects), cojo_conditional.parquet (every variant
    within the window of a chosen one, given the chosen), drops.tsv and manifest.json.
    """
    columns = reading.columns

    def make_job() -> "CojoJob":
        from proteomr.gwas import CojoJob, CojoOptions, CojoRequest
        from proteomr.io.sumstats import ReadOptions

        options = CojoOptions(p, collinear, window_kb, sizes, diff_freq)
        read = ReadOptions(reading.format, columns, n=n, scales=reading.scales)
        request = CojoRequest.of(
            file, ld, condition=condition, options=options, read=read, ld_values=ld_values
        )
        return CojoJob(request)

    task = Task(
        make_job,
        out,
        _describe,
        tables={"map": columns},
        doing="conditioning",
        unit="chromosomes",
        figures=figures,
    )
    run_command(context, running, task)


def _describe(results: "Results") -> None:
    """Print the joint effects, and what no effect is of."""
    table, others = results.table(), results.table("cojo_conditional")
    fitted = table.filter(table["status"].is_in(_WITH_NUMBERS))
    traits = fitted["trait"].n_unique()
    of = f" of {traits:,} traits" if traits > 1 else ""
    chosen = "1 variant" if fitted.height == 1 else f"{fitted.height:,} variants"
    say(f"{chosen}{of}; {others.height:,} within the windows, given these")
    shown = fitted.sort("neg_log10_pJ", descending=True, maintain_order=True)[:_SHOWN]
    columns = ("variant_id", "chromosome", "position_bp", "neg_log10_p", "bJ", "bJ_se")
    cells = [
        [
            str(name),
            f"{chromosome or ''}:{position or ''}".strip(":"),
            f"{alone:.1f}",
            f"{joint:.4g}",
            f"{error:.3g}",
            f"{together:.1f}",
        ]
        for name, chromosome, position, alone, joint, error, together in shown.select(
            *columns, "neg_log10_pJ"
        ).iter_rows()
    ]
    print_rows(["variant", "place", "-log10p", "bJ", "se", "-log10pJ"], cells, left=2)
    if fitted.height > _SHOWN:
        say(f"{fitted.height - _SHOWN:,} more in the table")
    for trait, name, status, message in (
        table.filter(~table["status"].is_in(_WITH_NUMBERS))
        .select("trait", "variant_id", "status", "message")[:_SHOWN]
        .iter_rows()
    ):
        say(f"{status}: {name or trait}" + (f" ({message})" if message else ""))
