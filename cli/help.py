"""Help pages: the options of a command in groups, in the order of their declaration; examples."""

from typing import Any

import typer.core

from .optional_values import fill_values

__all__ = ["EXAMPLES", "SETTINGS", "GroupedCommand"]

# Pages are as wide as the terminal, up to where lines become hard to read.
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 120}

_TWO_SETS = (
    'associate people.parquet store --family logistic --exposure lonely --adjust few="age + sex" '
    '--adjust more="few + C(site) + PC1..PC10" -o results'
)
EXAMPLES: dict[str, tuple[str, ...]] = {
    "ingest": (
        "ingest npx.csv -o store",
        "ingest study.adat --log2 -o store",
        "ingest long.csv --assay protein --value level -o store",
    ),
    "qc": ("qc store -o clean", "qc store --policy strict --correct median -o clean"),
    "phenotype": (
        "phenotype participants.csv -o cohort.parquet",
        "phenotype --print-definition",
    ),
    "fields": ("fields --style table-exporter", "fields --style titles -o fields.tsv"),
    "export": ("export clean -o clean.h5ad", "export clean --genes -o proteins.csv"),
    "check": (
        'check samples.csv npx.parquet --exposure bmi --adjust full="age + sex + C(site)"',
        "check exposure.tsv.gz outcome.tsv.gz",
    ),
    "associate": (
        'associate samples.csv npx.csv --family linear --exposure bmi --adjust m="age" -o results',
        _TWO_SETS,
    ),
    "survive": (
        "survive samples.csv npx.csv --outcome death --adjust a='age + sex' --zph km -o hazards",
        "survive samples.csv npx.csv --outcome death --curves GDF15 --quantiles 4 -o curves",
    ),
    "mediate": (
        "mediate samples.csv npx.csv --method product --exposure lonely --outcome bmi -o through",
        "mediate samples.csv npx.csv --method perm --exposure lonely --outcome death -o shares",
    ),
    "ctra": (
        "ctra expression.csv people.csv --exposure lonely --adjust a='age + sex' -o contrast",
        "ctra genes.csv people.csv --exposure prwo --interaction prwo:ses --slopes -1,1 -o slopes",
    ),
    "score": (
        "score samples.csv npx.csv --outcome death --folds 5 --horizon 5,10 -o scored",
        "score --apply scored/weights.parquet npx2.csv -o elsewhere",
    ),
    "replicate": (
        "replicate samples.csv npx.csv --family logistic --exposure lonely --splits 100 -o halves",
        "replicate samples.csv npx.csv --family linear --exposure bmi --leave-out site -o centres",
    ),
    "plot": (
        "plot volcano results -o volcano.svg",
        "plot effects results --where-rows adjustment=full -o effects.pdf",
    ),
    "report": (
        "report study -o study.html",
        "report results --title 'Proteins and loneliness'",
    ),
    "egress": (
        "egress study --policy genomics-england",
        "egress results --policy sacro --earlier left -o clean",
    ),
    "purge": (
        "purge project --withdrawn withdrawn.csv --dry-run",
        "purge project --withdrawn withdrawn.csv",
    ),
    "network": (
        "network npx.parquet --type signed --power 12 -o modules",
        "network npx.parquet --preserve-in replication.parquet -o modules",
    ),
    "init": ("init .", "init data -o mine.toml --force"),
    "run": (
        "run study.toml -o study",
        "run study.toml -o study --from associate --dry-run",
    ),
    "e-values": (
        "e-values results --where-rows 'q_bh < 0.05' -o e_values.parquet",
        "e-values table.csv --scale HR --outcome common -o e_values.csv",
    ),
    "describe": (
        "describe cohort.parquet --by isolation --by loneliness -o table1",
        "describe samples.csv --by sex --variable age --variable bmi --where 'age >= 50' -o older",
    ),
    "finemap": (
        "finemap region.csv --ld ld.csv --n 35000 -o mapped",
        "finemap pqtl.tsv.gz --cis ADM --ld reference --n 35000 --remove-mismatched -o adm",
        "finemap region.csv --sdy 1 -o alone",
    ),
    "merge": ("merge results",),
    "compare": (
        "compare men women -o sexes",
        "compare results results --where-rows-a exposure=iso --where-rows-b exposure=lo -o both",
    ),
    "meta": (
        "meta ukb finngen aric --by protein,exposure,adjustment -o pooled",
        "meta trials.csv --study trial --moderator ablat --hksj -o pooled",
    ),
    "adjust": ("adjust men women --where-rows adjustment=full -o adjusted.parquet",),
    "enrich": (
        "enrich results --where-rows 'q_bh < 0.05' --sets go-bp -o processes",
        "enrich results --where-rows exposure=lonely --method gsea --sets reactome.gmt -o ranked",
    ),
    "harmonise": ("harmonise exposure.tsv.gz outcome.tsv.gz -o harmonised",),
    "mr": (
        "mr exposure.tsv.gz outcome.tsv.gz --ld reference --methods ivw,egger -o causes",
        "mr --harmonised dat.csv --methods all -o causes",
    ),
    "coloc": (
        "coloc adm.tsv stroke.tsv ckd.tsv --cis ADM --type2 cc -o shared",
        "coloc adm.tsv stroke.tsv --method susie --ld panel -o sets",
        "coloc proteins.tsv --method hyprcoloc --region 11:10000000-11000000 -o clusters",
    ),
    "genes": ("genes TRAIL-R2 KIM1", "genes P01375 --build GRCh38 --format tsv"),
    "simulate": ("simulate --people 3000 --proteins 200 -o cohort",),
    "demo": ("demo", "demo -o small-study"),
    "doctor": ("doctor",),
    "schema": ("schema", "schema associations", "schema --check results/associations.parquet"),
    "gwas munge": (
        "gwas munge study.txt.gz -o study.parquet",
        "gwas munge study.txt --map beta=EFFECT --map eaf=FRQ --build GRCh37 -o study.parquet",
    ),
    "gwas clump": ("gwas clump study.parquet --ld reference --r2 0.01 -o index.parquet",),
    "gwas cojo": (
        "gwas cojo study.parquet --ld panel -o cojo",
        "gwas cojo study.parquet --ld panel --condition known.txt -o given",
    ),
    "gwas leads": ("gwas leads study.parquet --distance-kb 250 -o leads.parquet",),
}


class GroupedCommand(typer.core.TyperCommand):
    """A command whose help shows each option under the heading that it names, and examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what stands behind the command: the options, and arguments by their names."""
        pieces = ["[OPTIONS]"]
        for entry in self.get_params(ctx):
            if entry.param_type_name != "argument":
                continue
            name = str(entry.metavar or entry.name).strip("[]").removesuffix("...")
            several = "..." if entry.nargs != 1 else ""
            pieces.append(f"{name}{several}" if entry.required else f"[{name}{several}]")
        return pieces

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give options that may stand alone the value that they then mean."""
        known = [flag for entry in self.get_params(ctx) for flag in entry.opts]
        return super().parse_args(ctx, fill_values(args, known))

    def list_sections(self, ctx: Any) -> dict[str, list[tuple[str, str]]]:
        """Return arguments and options with what they mean, under their headings in order."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for entry in self.get_params(ctx):
            record = entry.get_help_record(ctx)
            if record is None:
                continue
            usual = "Options"
            if entry.param_type_name == "argument":
                usual, record = "Arguments", (record[0].partition(" <")[0], record[1])
            heading = getattr(entry, "rich_help_panel", None) or usual
            sections.setdefault(heading, []).append(record)
        return sections

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, a section for each heading."""
        for heading, records in self.list_sections(ctx).items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples of the command."""
        examples = EXAMPLES.get(ctx.command_path.partition(" ")[2], ())
        if examples:
            with formatter.section("Examples"):
                for example in examples:
                    formatter.write_text(f"proteomr {example}")
