"""`proteomr phenotype`: exposures, covariates and outcomes from the fields of UK Biobank."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proteomr.errors import UsageError

from . import options as shared
from .bundles import Running, takes_bundles
from .console import print_rows, say
from .imputation_options import ImputationOptions
from .jobs import Task, run_command
from .people_options import People
from .resources import hold_threads

if TYPE_CHECKING:
    import polars as pl

    from proteomr.phenotype import Definition, PhenotypeJob
    from proteomr.phenotype.definitions.rule import Rule
    from proteomr.runs import Results

__all__ = ["phenotype"]

_SHOWN_LEVELS = 8
_LINE = 68


@takes_bundles
def phenotype(
    context: typer.Context,
    samples: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SAMPLES...",
            help="Export of participants, one file, several, or a quoted glob: parquet, csv or "
            "tsv, also gz; any style of column names, codes or labels.",
            show_default=False,
        ),
    ] = None,
    *,
    definition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE",
            rich_help_panel=shared.MODELS,
            help="Definition that is shipped (shen2025, shen2025-code, shen2025-monthly, day2018), "
            "or a TOML file of your own; repeat it to put several together, the later over the "
            "earlier. as-is: columns that are ready, such as those to impute. Without: shen2025.",
        ),
    ] = None,
    alternative: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE=NAME",
            rich_help_panel=shared.MODELS,
            help="Use a named alternative of a rule, such as isolation=monthly; repeatable.",
        ),
    ] = None,
    allow_partial: Annotated[
        bool,
        typer.Option(
            "--allow-partial",
            rich_help_panel=shared.MODELS,
            help="Fill in a column of 0 and 1 where an item is missing but the others leave no "
            "doubt. Scores stay missing, and nothing is imputed.",
        ),
    ] = False,
    instance: Annotated[
        int,
        typer.Option(
            min=0,
            max=9,
            metavar="I",
            rich_help_panel=shared.MODELS,
            help="Visit whose answers are taken, of fields that are asked at several.",
        ),
    ] = 0,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            rich_help_panel=shared.MODELS,
            help="Make these columns alone; what they need is read and counted too.",
        ),
    ] = None,
    id_column: shared.IdColumn = None,
    withdrawn: shared.Withdrawn = None,
    people: People,
    imputation: ImputationOptions,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete",
            rich_help_panel=shared.RESULTS,
            help="Write only people who have every exposure and every covariate.",
        ),
    ] = False,
    print_definition: Annotated[
        bool,
        typer.Option(
            "--print-definition",
            rich_help_panel=shared.MODELS,
            help="Print the definition as it is in force, as TOML, and do nothing else.",
        ),
    ] = False,
    format: Annotated[
        shared.TableFormat | None,
        typer.Option(
            "--format",
            metavar="parquet|csv|tsv",
            rich_help_panel=shared.RESULTS,
            help="Write the table in this format too, beside FILE.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            rich_help_panel=shared.RESULTS,
            help="Table to write, in the format that its name ends in: .parquet, .csv or .tsv; "
            "counts, flow, drops and manifest stand beside it.",
        ),
    ] = None,
    running: Running,
) -> None:
    """Derive exposures, covariates and outcomes, one row per person.

    Every rule stands in the definition with what it rests on. Beside cohort.parquet are written
    cohort.counts.tsv (people per value, and why others have none), cohort.flow.tsv (who is left at
    each step), cohort.drops.tsv and cohort.manifest.json. A share far from the published one is
    noted.
    """
    hold_threads(running.threads)
    from proteomr.phenotype import DeriveOptions, find_definition, make_phenotype_job
    from proteomr.phenotype.job import list_sources
    from proteomr.runs import choose_file_formats

    chosen = shared.parse_pairs(alternative, option="--alternative", example="isolation=monthly")
    rules = find_definition(
        definition or ["shen2025"],
        list_sources(samples or []),
        alternatives=chosen,
        id_column=id_column,
    )
    if print_definition:
        say(rules.to_toml())
        return
    if (not samples or out is None) and not running.print_config:
        raise UsageError(
            "a file of participants and -o FILE are needed (see proteomr phenotype --help)"
        )
    columns = () if only is None else tuple(filter(None, map(str.strip, only.split(","))))

    def make_job() -> "PhenotypeJob":
        return make_phenotype_job(
            samples or [],
            rules,
            options=DeriveOptions(instance, allow_partial, columns),
            id_column=id_column,
            withdrawn=withdrawn,
            complete=complete,
            people=people.choose(),
            impute=imputation.read(running.seed),
        )

    task = Task(
        make_job,
        out or Path(),
        lambda results: _report(results, rules),
        tables={"alternative": chosen},
        formats=choose_file_formats(out, also=format),
        doing="imputing",
        unit="imputations",
    )
    run_command(context, running, task)


def _report(results: "Results", definition: "Definition") -> None:
    """Print who has what: exposures and outcomes in full, covariates in a line each; the flow."""
    counts = _read_text(results.table("counts"), "value", "label", "note")
    applied = [rule for rule in definition.rules.values() if rule.name in set(counts["rule"])]
    brief = [rule for rule in applied if rule.role in {"covariate", "additional"}]
    names = {rule.name for rule in brief}
    short = [rule for rule in brief if rule.keep]
    long = [row for row in counts.iter_rows(named=True) if row["rule"] not in names]
    if long:
        headings = ["", "value", "n", "%", "published|%", "meaning, or why missing"]
        print_rows(headings, _count_lines(long), left=2)
        say("")
    if short:
        headings = ["covariate", "n", "missing", "% (published)"]
        print_rows(headings, _covariate_lines(counts, short), left=1)
        say("")
    flow = [
        [step, reason or "", f"{out:,}" if out else "", f"{remaining:,}"]
        for step, reason, out, remaining in results.table("flow").rows()
    ]
    print_rows(["people", "left out", "left", "why"], [_turn(row) for row in flow], left=1)
    if "imputation" in results.names:
        _report_imputation(results.table("imputation"))
    if "comparison" in results.names:
        _report_comparison(results.table("comparison"))


def _read_text(frame: "pl.DataFrame", *columns: str) -> "pl.DataFrame":
    """Return a table that was read from text, with columns as text whose cells are numbers."""
    import polars as pl

    return frame.cast(dict.fromkeys(columns, pl.String()))


def _turn(row: list[str]) -> list[str]:
    step, reason, out, remaining = row
    return [step, out, remaining, reason]


def _count_lines(rows: list[dict[str, Any]]) -> Iterator[list[str]]:
    """Yield the lines of count tables, the name of the rule on the first of its lines."""
    before = ""
    for row in rows:
        yield [
            row["rule"] if row["rule"] != before else "",
            row["value"],
            f"{row['n']:,}",
            _percent(row["share"]),
            _percent(row["published"]),
            row["label"] or row["note"] or "",
        ]
        before = row["rule"]


def _covariate_lines(table: "pl.DataFrame", rules: "list[Rule]") -> Iterator[list[str]]:
    """Yield a line per covariate; the components of one rule share a line."""
    counts: dict[str, list[dict[str, Any]]] = {}
    for row in table.iter_rows(named=True):
        counts.setdefault(row["rule"], []).append(row)
    families: dict[str, list[str]] = {}
    for rule in rules:
        components = rule.formula.kind == "component"
        family = rule.name.rstrip("0123456789") if components else rule.name
        families.setdefault(family, []).append(rule.name)
    for names in families.values():
        rows = [row for row in counts[names[0]] if row["value"] != "missing"]
        lost = sum(row["n"] for row in counts[names[0]] if row["value"] == "missing")
        shown = names[0] if len(names) == 1 else f"{names[0]}..{names[-1]}"
        n = sum(row["n"] for row in rows if row["share"] is not None or row["value"] == "mean")
        text = f"{len(names)} components" if len(names) > 1 else _summary(rows)
        first, *further = textwrap.wrap(text, _LINE) or [""]
        yield [shown, f"{n:,}", f"{lost:,}" if lost else "", first]
        yield from (["", "", "", more] for more in further)


def _summary(rows: list[dict[str, Any]]) -> str:
    if rows and rows[0]["value"] == "mean":
        published = rows[0]["published"]
        note = rows[0]["note"] or ""
        return note if published is None else f"{note} (mean {published:g})"
    levels = [row for row in rows if row["share"] is not None]
    if len(levels) > _SHOWN_LEVELS:
        return f"{len(levels)} values"
    if [row["value"] for row in levels] == ["0", "1"] and levels[1]["label"]:
        return f"{levels[1]['label']}: {_shares(levels[1])}"
    return ", ".join(f"{row['value']}: {_shares(row)}" for row in levels)


def _shares(row: dict[str, Any]) -> str:
    published = "" if row["published"] is None else f" ({_percent(row['published'])})"
    return f"{_percent(row['share'])}{published}"


def _report_imputation(trace: "pl.DataFrame") -> None:
    """Print how many values of each column were filled in, and what came of them."""
    import polars as pl

    last = trace.filter(pl.col("iteration") == pl.col("iteration").max())
    means = last.group_by("rule", "level", "n", maintain_order=True).agg(pl.col("mean").mean())
    say("")
    headings = ["imputed", "level", "n", "mean or %"]
    print_rows(headings, (_imputed_line(*row) for row in means.rows()), left=2)


def _imputed_line(rule: str, level: object, n: int, mean: float) -> list[str]:
    told = f"{mean:.4g}" if level is None else _percent(mean)
    return [rule, "" if level is None else str(level), f"{n:,}", told]


def _report_comparison(comparison: "pl.DataFrame") -> None:
    rows = [row for row in comparison.iter_rows(named=True) if row["difference"]]
    if not rows:
        return
    say("")
    say("outcomes, as followed here and as the study's code has them, where they differ")
    numbers = ("careful", "code", "difference")
    print_rows(
        ["outcome", "quantity", *numbers, ""],
        (
            [row["outcome"], row["quantity"], *(_number(row[name]) for name in numbers), ""]
            for row in rows
        ),
        left=2,
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"
