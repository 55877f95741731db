"""`proteomr gwas`: summary statistics made canonical, clumped, and searched for their leads."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from . import options as shared
from .bundles import Running, takes_bundles
from .cojo import cojo
from .console import print_rows, report_note, say
from .help import GroupedCommand
from .jobs import Task, run_command
from .study_options import (
    LINKAGE,
    BuildName,
    Ld,
    LdValuesName,
    OutFile,
    Reading,
    Study,
    Trait,
    option,
)

if TYPE_CHECKING:
    import polars as pl

    from proteomr.gwas import ClumpJob, LeadsJob, MungeJob
    from proteomr.gwas.policy import Finding
    from proteomr.runs import Results

__all__ = ["clump", "gwas", "leads", "munge"]

Scale = Literal["log", "ratio"]
Duplicates = Literal["agreeing", "first", "strongest", "none", "all"]
Measure = Literal["haplotype", "genotype"]

QUALITY, POSITIONS = "Quality", "Positions"
_SHOWN = 12
_REGION = "Rows of this stretch alone, such as 6:25000000-35000000, or 6; repeat for several."
_CHAIN = (
    "Chain file of UCSC, such as hg19ToHg38.over.chain.gz: positions are moved to --to-build, and "
    "what has no place there leaves, counted."
)
_MAF = "Rows of a rarer allele than this leave, such as 0.01; those without a frequency stay."
_INFO = "Rows of a lower imputation quality (INFO, R2) than this leave, such as 0.8."
_STRANDS = "Rows of A/T and C/G leave, whose strand the alleles do not tell."
_INDELS = "Rows of insertions and deletions leave: alleles of one letter stay."
_FINDING = (
    "Rows with this finding, such as p_disagrees, leave too; repeat for several. "
    "The account beside the table (.report.tsv) names the findings."
)
_MEASURE = (
    "r2 between haplotypes by maximum likelihood, as PLINK clumps, or the squared correlation of "
    "genotypes. Without: haplotype for genotypes."
)
MR_KB = 10_000  # the default of mr --clump-kb

Names = Annotated[
    Path | None,
    option(shared.INPUT, "FILE", "Names of the only variants wanted, one a line."),
]
Case = Annotated[
    float | None,
    option(
        shared.INPUT,
        "K",
        "Share of cases, such as 0.05: effects of a linear model on a binary trait become log odds "
        "ratios, divided by K (1 - K).",
    ),
]
Ratio = Annotated[
    Scale,
    option(
        shared.INPUT,
        "log|ratio",
        "What the error beside an odds ratio is of: its logarithm, as most programs write, or the "
        "ratio itself.",
    ),
]
Rsids = Annotated[
    Path | None,
    option(
        POSITIONS,
        "TABLE",
        "Table of rsids or allele frequencies by variant (chromosome, position, alleles), for "
        "files that lack them.",
    ),
]


@takes_bundles
def munge(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Summary statistics: text, also gz; parquet; GWAS-VCF; a tar of one protein.",
        ),
    ],
    *,
    reading: Reading,
    build: BuildName = None,
    trait: Trait = None,
    case_share: Case = None,
    ratio_se: Ratio = "log",
    region: Annotated[list[str] | None, option(shared.INPUT, "CHR:FROM-TO", _REGION)] = None,
    variants: Names = None,
    rsids: Rsids = None,
    liftover: Annotated[Path | None, option(POSITIONS, "CHAIN", _CHAIN)] = None,
    to_build: Annotated[
        str | None, option(POSITIONS, "GRCh37|GRCh38", "Build that the chain leads to.")
    ] = None,
    min_maf: Annotated[float | None, option(QUALITY, "F", _MAF)] = None,
    min_info: Annotated[float | None, option(QUALITY, "R", _INFO)] = None,
    drop_palindromic: Annotated[
        bool, typer.Option("--drop-palindromic", rich_help_panel=QUALITY, help=_STRANDS)
    ] = False,
    drop_indels: Annotated[
        bool, typer.Option("--drop-indels", rich_help_panel=QUALITY, help=_INDELS)
    ] = False,
    drop: Annotated[list[str] | None, option(QUALITY, "FINDING", _FINDING)] = None,
    duplicates: Annotated[
        Duplicates,
        option(
            QUALITY,
            "agreeing|first|strongest|none|all",
            "Which repeated row is kept; agreeing: the first, and none of rows that contradict "
            "each other.",
        ),
    ] = "agreeing",
    zstd: Annotated[
        bool,
        typer.Option(
            "--zstd",
            rich_help_panel=QUALITY,
            help="Make effects and errors anew from z, frequency and people, per standard "
            "deviation of the trait; rows without these leave.",
        ),
    ] = False,
    out: OutFile,
    running: Running,
) -> None:
    """Bring summary statistics of any format to one canonical table.

    What is wrong or remarkable in the rows is counted; what leaves stands in OUT.drops.tsv with
    its reason. Beside it: OUT.report.tsv (formats, builds, findings, notes), OUT.manifest.json.
    """
    columns = reading.columns

    def make_job() -> "MungeJob":
        from proteomr.gwas import MungeJob, MungeRequest
        from proteomr.gwas.munge_job import require_parquet
        from proteomr.gwas.policy import VariantPolicy
        from proteomr.io.sumstats import ReadOptions, Selection, parse_region
        from proteomr.tables.sumstats import name_build

        require_parquet(out)
        dropped = {*(drop or ()), *["palindromic"] * drop_palindromic, *["indel"] * drop_indels}
        policy = VariantPolicy(
            drop=VariantPolicy().drop | cast("frozenset[Finding]", dropped),
            min_maf=min_maf,
            min_info=min_info,
            duplicates=duplicates,
        )
        regions = Selection(tuple(map(parse_region, region or ())))
        read = ReadOptions(
            reading.format,
            columns,
            regions,
            None if build is None else name_build(build),
            trait,
            case_share=case_share,
            ratio_se=ratio_se,
            scales=reading.scales,
        )
        request = MungeRequest.of(
            files,
            read=read,
            policy=policy,
            variants=variants,
            chain=liftover,
            lift_to=None if to_build is None else name_build(to_build),
            annotation=rsids,
            zstd=zstd,
        )
        return MungeJob(request)

    run_command(context, running, Task(make_job, out, _describe_munging, tables={"map": columns}))


@takes_bundles
def clump(
    context: typer.Context,
    file: Study,
    *,
    ld: Ld,
    ld_values: LdValuesName = "auto",
    measure: Annotated[Measure | None, option(LINKAGE, "haplotype|genotype", _MEASURE)] = None,
    p1: Annotated[
        float, option(QUALITY, "P", "Largest p value of an index variant; 5e-8 usually.")
    ] = 5e-8,
    p2: Annotated[
        float, option(QUALITY, "P", "Largest p value of a member of a clump; 1 usually.")
    ] = 1.0,
    r2: Annotated[
        float, option(LINKAGE, "R", "Members have this r2 or more with the index; 0.001 usually.")
    ] = 0.001,
    kb: Annotated[
        float, option(LINKAGE, "K", "Within this distance of it, in 1,000 bp; 10000 usually.")
    ] = 10_000.0,
    reading: Reading,
    out: OutFile,
    running: Running,
) -> None:
    """Keep the most significant variant of each clump of correlated ones, trait by trait.

    OUT.parquet holds the rows of the index variants; OUT.clumps.parquet says of every variant to
    which clump it went, or why to none; OUT.drops.tsv counts them.
    """
    columns = reading.columns

    def make_job() -> "ClumpJob":
        from proteomr.gwas import ClumpJob, ClumpRequest
        from proteomr.gwas.clumping import Clumping
        from proteomr.gwas.munge_job import require_parquet
        from proteomr.io.sumstats import ReadOptions

        require_parquet(out)
        clumping = Clumping(p1=p1, p2=p2, r2=r2, kb=kb)
        read = ReadOptions(reading.format, columns, scales=reading.scales)
        request = ClumpRequest.of(
            file, ld, measure=measure, clumping=clumping, read=read, ld_values=ld_values
        )
        return ClumpJob(request)

    run_command(context, running, Task(make_job, out, _describe_clumps, tables={"map": columns}))


@takes_bundles
def leads(
    context: typer.Context,
    file: Study,
    *,
    p: Annotated[
        float, option(QUALITY, "P", "Largest p value of a lead; 5e-8 usually.", "--p")
    ] = 5e-8,
    distance_kb: Annotated[
        float, option(POSITIONS, "K", "Least distance of two leads, in 1,000 bp; 500 usually.")
    ] = 500.0,
    reading: Reading,
    out: OutFile,
    running: Running,
) -> None:
    """Keep the strongest variant of each stretch; linkage is not looked at.

    Leads less than 10,000 kb apart may be correlated, and are refused as instruments by mr unless
    --ld shows that they are not, or --clump-kb says that the distance is enough.
    """
    columns = reading.columns

    def make_job() -> "LeadsJob":
        from proteomr.gwas import LeadsJob, LeadsRequest
        from proteomr.gwas.munge_job import require_parquet
        from proteomr.io.sumstats import ReadOptions

        require_parquet(out)
        read = ReadOptions(reading.format, columns, scales=reading.scales)
        distance_bp = round(distance_kb * 1000)
        return LeadsJob(LeadsRequest.of(file, p_value=p, distance_bp=distance_bp, read=read))

    def report(results: "Results") -> None:
        say(f"{results.table().height:,} leads")
        if results.table().height > 1 and distance_kb < MR_KB:
            report_note(
                f"note: mr takes variants within {MR_KB:,} kb for correlated: give --distance-kb "
                f"{MR_KB} here, or its --ld or --clump-kb {distance_kb:g}"
            )

    run_command(context, running, Task(make_job, out, report, tables={"map": columns}))


gwas = typer.Typer(name="gwas", rich_markup_mode=None, help="Summary statistics of any format.")
for _command in (munge, clump, leads, cojo):
    gwas.command(cls=GroupedCommand)(_command)


def _describe_clumps(results: "Results") -> None:
    clumps = results.table("clumps")
    counted = clumps["reason"].value_counts(name="n")
    counts = counted.sort("n", "reason", descending=[True, False]).rows()
    say(f"{results.table().height:,} clumps of {clumps.height:,} variants")
    print_rows(["", "variants"], [[reason, f"{n:,}"] for reason, n in counts], left=1)


def _describe_munging(results: "Results") -> None:
    import polars as pl

    report = results.table("report").cast({"value": pl.String})
    formats = ", ".join(dict.fromkeys(report.filter(what="format")["value"]))
    rows = dict(report.filter(what="rows").select("name", "value").rows())
    say(f"{formats}: {int(rows['kept']):,} rows kept of {int(rows['read']):,}")
    for text in _describe_builds(report)[:_SHOWN]:
        say(f"build: {text}")
    counts = {what: _count(report, what) for what in ("passed_over", "dropped", "found")}
    for what, word in (("passed_over", "passed over"), ("dropped", "left out")):
        for reason, n in counts[what].items():
            say(f"{word}: {n:,} {reason}")
    for finding, n in counts["found"].items():
        if (rest := n - counts["dropped"].get(finding, 0)) > 0:
            say(f"found: {rest:,} {finding}")


def _count(report: "pl.DataFrame", what: str) -> dict[str, int]:
    return {name: int(n) for name, n in report.filter(what=what).select("name", "value").rows()}


def _describe_builds(report: "pl.DataFrame") -> list[str]:
    """Say of each file which build its positions are on."""
    from proteomr.gwas.build import BuildEvidence, describe

    columns = ("build_declared", "build_inferred")
    declared, inferred = (report.filter(what=what)["value"] for what in columns)
    names = report.filter(what="build_declared")["name"]
    return [
        describe(Path(name), BuildEvidence(declaration, inference, 0, {}, {}))
        for name, declaration, inference in zip(names, declared, inferred, strict=True)
    ]
