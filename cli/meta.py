"""`proteomr meta`: effects of several studies pooled."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import options as shared
from .bundles import Figures, Running, takes_bundles
from .console import print_rows, say, show_limits
from .dose_options import Doses
from .jobs import Task, choose_formats, run_command
from .pooling_options import Dependencies, Ratios

if TYPE_CHECKING:
    from proteomr.meta import MetaJob
    from proteomr.runs import Results

__all__ = ["meta"]

_KEYS = ("protein", "exposure", "outcome", "adjustment", "stratum", "term", "contrast")
_SHOWN = 12


@takes_bundles
def meta(
    context: typer.Context,
    tables: Annotated[
        list[Path],
        typer.Argument(
            metavar="TABLE...",
            help="Tables with estimate and se, one of each study: parquet, csv or tsv; or run "
            "folders of associate. With --study one table may hold several.",
            show_default=False,
        ),
    ],
    *,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            rich_help_panel=shared.INPUT,
            help="Columns that say what an effect is of. Without: protein, exposure, adjustment "
            "and term, as far as the tables have them.",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column that names the studies. Without: each table is one, by its file's name.",
            show_default=False,
        ),
    ] = None,
    where_rows: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            rich_help_panel=shared.INPUT,
            help="Rows of every table that count, such as adjustment=full, or a condition; repeat "
            "for several, which must all hold.",
            show_default=False,
        ),
    ] = None,
    duplicates: Annotated[
        Literal["refuse", "drop"],
        typer.Option(
            metavar="refuse|drop",
            rich_help_panel=shared.INPUT,
            help="What is done where a study stands twice with the same numbers, as where two "
            "reviews share it.",
        ),
    ] = "refuse",
    tau2: Annotated[
        Literal["FE", "DL", "REML", "PM", "EB", "SJ", "HE", "HS", "ML"],
        typer.Option(
            metavar="FE|DL|REML|PM|EB|SJ|HE|HS|ML",
            rich_help_panel=shared.MODELS,
            help="Variance between studies: none (FE), DerSimonian-Laird, restricted maximum "
            "likelihood, Paule-Mandel, empirical Bayes, Sidik-Jonkman, Hedges, Hunter-Schmidt, "
            "maximum likelihood.",
        ),
    ] = "REML",
    hksj: Annotated[
        Literal["plain", "truncated"] | None,
        typer.Option(
            metavar="[plain|truncated]",
            rich_help_panel=shared.MODELS,
            help="Knapp and Hartung's errors with Student's t. plain, or alone: as they are; "
            "truncated: their factor is not below 1.",
            show_default=False,
        ),
    ] = None,
    moderator: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column, C(NAME) for a factor, or product A:B of a meta-regression; repeat for "
            "several in one model.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=0.9999,
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Coverage of the intervals.",
        ),
    ] = 0.95,
    pooled_only: Annotated[
        bool,
        typer.Option(
            "--pooled-only",
            rich_help_panel=shared.MODELS,
            help="Neither what each study does to the effect nor tests of bias.",
        ),
    ] = False,
    stouffer_weights: Annotated[
        Literal["equal", "n"],
        typer.Option(
            metavar="equal|n",
            rich_help_panel=shared.MODELS,
            help="How studies count in Stouffer's sum of z: alike, or by the root of their column "
            "n, as METAL has it.",
        ),
    ] = "equal",
    dependencies: Dependencies,
    ratios: Ratios,
    doses: Doses,
    out: shared.Out,
    format: shared.Format = "parquet",
    figures: Figures,
    running: Running,
) -> None:
    """Pool the effects of several studies, protein by protein.

    Writes meta.parquet (a row for each effect: mean, heterogeneity, prediction interval, tests
    that need no common effect), meta_influence (what each study does to it), meta_bias (funnels)
    and, where asked, meta_moderators, meta_dose and meta_dose_curve.
    """

    def make_job() -> "MetaJob":
        from proteomr.meta import MetaJob, MetaRequest

        request = MetaRequest.of(
            tables,
            overlap=dependencies.overlap,
            by=tuple(name.strip() for name in (by or "").split(",") if name.strip()),
            tau2=tau2,
            hartung=hksj or "none",
            level=level,
            moderators=tuple(moderator or ()),
            study=study,
            rows=tuple(where_rows or ()),
            cluster=dependencies.cluster,
            dependence=dependencies.dependence,
            duplicates=duplicates,
            measure=ratios.measure,
            to=ratios.to,
            baseline_risk=ratios.baseline_risk,
            dose=doses.choose(),
            pooled_only=pooled_only,
            stouffer_weights=stouffer_weights,
        )
        return MetaJob(request)

    run_command(
        context,
        running,
        Task(make_job, out, _show, formats=choose_formats(format), figures=figures),
    )


def _show(results: "Results") -> None:
    table = results.table()
    keys = [n for n in _KEYS if n in table.columns and table[n].n_unique() > 1]
    header = [*keys, "k", "estimate", "interval", "p", "tau2", "I2|%", "Q's p", "new study"]
    shown = table.sort("p_value", nulls_last=True, maintain_order=True).head(_SHOWN)
    rows = [
        [
            *(str(row[name] or "") for name in keys),
            f"{row['k']:,}",
            _number(row["estimate"]),
            show_limits(row["conf_low"], row["conf_high"]),
            _number(row["p_value"], 2),
            _number(row["tau2"], 3),
            "" if row["i2"] is None else f"{row['i2']:.0f}",
            _number(row["q_p"], 2),
            show_limits(row["pi_low"], row["pi_high"]),
        ]
        for row in shown.iter_rows(named=True)
    ]
    print_rows(header, rows, left=len(keys))
    if table.height > _SHOWN:
        say(f"... of {table.height:,} effects, {int((table['q_bh'] < 0.05).sum()):,} at q < 0.05")
    if "meta_moderators" in results.names:
        _show_moderators(results)
    if "meta_dose" in results.names:
        _show_doses(results)


def _show_moderators(results: "Results") -> None:
    table = results.table("meta_moderators")
    first = table.sort("qm_p", nulls_last=True, maintain_order=True).head(_SHOWN)
    keys = [n for n in _KEYS if n in table.columns and table[n].n_unique() > 1]
    rows = [
        [
            *(str(row[name] or "") for name in keys),
            row["moderator"],
            _number(row["estimate"]),
            show_limits(row["conf_low"], row["conf_high"]),
            _number(row["p_value"], 2) if row["status"] == "ok" else row["status"],
            _number(row["qm_p"], 2),
            "" if row["r2"] is None else f"{row['r2']:.0f}",
        ]
        for row in first.iter_rows(named=True)
    ]
    header = [*keys, "moderator", "estimate", "interval", "p", "all's p", "R2|%"]
    print_rows(header, rows, left=len(keys) + 1)


def _show_doses(results: "Results") -> None:
    table = results.table("meta_dose").head(_SHOWN)
    keys = [n for n in _KEYS if n in table.columns and table[n].n_unique() > 1]
    rows = [
        [
            *(str(row[name] or "") for name in keys),
            row["coefficient"],
            _number(row["estimate"]),
            show_limits(row["conf_low"], row["conf_high"]),
            _number(row["p_value"], 2) if row["status"] == "ok" else row["status"],
        ]
        for row in table.iter_rows(named=True)
    ]
    print_rows([*keys, "coefficient", "estimate", "interval", "p"], rows, left=len(keys) + 1)


def _number(value: float | None, digits: int = 4) -> str:
    return "" if value is None else f"{value:.{digits}g}"
