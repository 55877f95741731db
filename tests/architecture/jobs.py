"""Every job of the library: its command, its function, and calls that ask both for the same.

A job joins the tests by a case here, and a test fails where one has none.
"""

from __future__ import annotations

import functools
import math
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

import proteomr
import proteomr.gwas
import proteomr.study
from proteomr import colocalisation
from proteomr.association import ModelSpec
from proteomr.colocalisation.choices import SusieRule, TraitChoice
from proteomr.colocalisation.rules import PairRule
from proteomr.colocalisation.stretches import WindowRule
from proteomr.enrichment import EnrichOptions, HubOptions
from proteomr.finemapping import Windows
from proteomr.gwas.clumping import Clumping
from proteomr.gwas.conditional_units import CojoOptions
from proteomr.gwas.gene_regions import find_cis_region
from proteomr.gwas.policy import VariantPolicy
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.io import IngestOptions, PeopleChoice, ProteinChoice, read_measurements, write_store
from proteomr.io.sumstats import ReadOptions
from proteomr.models import SurvivalOptions
from proteomr.mr.analysis import TraitSize
from proteomr.mr.inputs import InstrumentRule
from proteomr.network import NetworkOptions
from proteomr.phenotype import DeriveOptions, ImputeOptions
from proteomr.qc import Correction, Imputation
from proteomr.replicate import Folds
from proteomr.runs import Results
from proteomr.scan import FollowUp, FollowUpOptions
from proteomr.score import ScoreOptions
from proteomr.stats.susie import SusieOptions
from proteomr.stats.trait_clusters import ClusterRule
from proteomr.survival import CurveOptions, compare_survival

BOOK = """name = "mine"
title = "mine"
required = []
[[columns]]
to = "rsid"
from = ["SNP"]
"""


@dataclass(frozen=True, slots=True)
class Call:
    """The same wish in two tongues.

    Parameters
    ----------
    shell : arguments of the command, without ``-o``.
    python : call of the function in the folder of the inputs, which may be the current one.
    """

    shell: str
    python: Callable[[], Results]


@dataclass(frozen=True, slots=True)
class Case:
    """A job and how it is asked.

    Parameters
    ----------
    job : name of its class.
    command : as typed.
    function : where users of Python find it.
    plain, chosen : a call with what is needed alone, and one with options of every kind.
    out : name of the output.
    """

    job: str
    command: str
    function: str
    plain: Call
    chosen: Call
    out: str = "results"


def write_inputs(folder: Path) -> None:
    """Write the files that the calls name: copies of those that are made once."""
    shutil.copytree(_make_inputs().name, folder, dirs_exist_ok=True)


@functools.cache
def _make_inputs() -> tempfile.TemporaryDirectory[str]:
    made = tempfile.TemporaryDirectory()
    _write_inputs(Path(made.name))
    return made


def _write_inputs(folder: Path) -> None:
    (folder / "npx.csv").write_text(
        "SampleID;OlinkID;Assay;Panel;NPX\nA1;OID1;ADM;CVD;1\nA2;OID1;ADM;CVD;2\n"
    )
    (folder / "gone.csv").write_text("A1\n")
    (folder / "keep.csv").write_text("A1\nA2\n")
    (folder / "people.csv").write_text("eid,31-0.0,54-0.0\n1000001,1,11010\n1000002,0,11010\n")
    (folder / "samples.csv").write_text(
        "eid,iso,age,sex,death,death_years,begun\n"
        "1,0,40,F,1,2.5,0\n2,1,50,M,0,9,1\n3,0,60,F,1,4,0.5\n"
    )
    (folder / "proteins.csv").write_text("eid,ADM\n1,0.5\n2,1.5\n3,2.5\n")
    (folder / "gap.csv").write_text("eid,ADM\n1,1\n2,2\n3,3\n")
    _write_many(folder)
    effects = "protein,exposure,estimate,se\nADM,iso,0.5,0.1\n"
    (folder / "effects.csv").write_text(effects)
    head = "SNP chr pos effect_allele other_allele eaf beta se pval samplesize\n"
    for name in ("exposure", "outcome"):
        text = head + "rs1 1 10 A G 0.3 0.1 0.01 1e-23 900\n"
        (folder / f"{name}.txt").write_text(text)
    (folder / "ld.csv").write_text("rs1\n1\n")
    (folder / "names.txt").write_text("rs1\n")
    _write_region(folder)
    (folder / "weighted.csv").write_text("snp,weight\nrs1,2\n")
    (folder / "controls.csv").write_text("exposure,outcome,expected\nexposure,outcome,up\n")
    (folder / "mine.toml").write_text(BOOK)
    pl.DataFrame(
        {
            "SNP": ["rs1"],
            **{f"beta_{side}": [0.1] for side in ("exposure", "outcome")},
            **{f"se_{side}": [0.01] for side in ("exposure", "outcome")},
        }
    ).write_csv(folder / "harmonised.csv")
    write_store(read_measurements(folder / "npx.csv", scratch=folder), folder / "store")


def _write_region(folder: Path) -> None:
    """Write a region of three variants, their correlations and prior weights."""
    (folder / "region.csv").write_text(
        "snp,position,beta,varbeta,MAF\ns1,10,0.4,0.004,0.3\ns2,20,-0.1,0.004,0.3\n"
        "s3,30,0.05,0.004,0.4\n"
    )
    (folder / "region_ld.csv").write_text(
        "snp,s1,s2,s3\ns1,1,-0.3,0.1\ns2,-0.3,1,0.2\ns3,0.1,0.2,1\n"
    )
    (folder / "weights_of.csv").write_text("snp,weight\ns1,1\ns2,1\ns3,2\n")


def _write_many(folder: Path) -> None:
    """Write people enough to learn from, their proteins, and weights of a score."""
    draws = [(math.sin(3.7 * i), math.cos(1.9 * i * i), math.sin(0.7 * i * i)) for i in range(120)]
    people = [f"{i:03d},{50 + 3 * x + z},{int(z > 0.2)}" for i, (x, _, z) in enumerate(draws)]
    levels = [f"{i:03d},{x},{y}" for i, (x, y, _) in enumerate(draws)]
    (folder / "many.csv").write_text("\n".join(["eid,age,iso", *people, ""]))
    (folder / "levels.csv").write_text("\n".join(["eid,ADM,REN", *levels, ""]))
    genes = [f"{i:03d},{5 + x},{7 + y},{6 + z}" for i, (x, y, z) in enumerate(draws)]
    (folder / "genes.csv").write_text("\n".join(["eid,IL8,MX1,IGJ", *genes, ""]))
    mine = "gene_published,gene_current,group,weight\nIL8,CXCL8,up,1\nMX1,MX1,down,-1\n"
    (folder / "mygenes.csv").write_text(mine)
    weights = (
        "set,protein,weight,centre,scale,transform,fill,intercept,outcome,family,n,status\n"
        "all,ADM,2.5,0,0.7,none,0,50,age,linear,120,ok\n"
        "all,REN,0.5,0,0.7,none,0,50,age,linear,120,ok\n"
    )
    (folder / "weights.csv").write_text(weights)
    (folder / "tested.csv").write_text(
        "gene,estimate,statistic,q_bh\nADM,1,3,0.01\nREN,-1,-2,0.5\nIL6,1,4,0.02\nTNF,-1,-1,0.6\n"
    )
    (folder / "mine.gmt").write_text("one\t\tADM\tIL6\ntwo\t\tREN\tTNF\tIL6\n")
    (folder / "edges.csv").write_text("a,b,score\nADM,IL6,900\n")


CASES = (
    Case(
        "CompareJob",
        "compare",
        "proteomr.compare",
        Call("effects.csv effects.csv", lambda: proteomr.compare("effects.csv", "effects.csv")),
        Call(
            "effects.csv effects.csv --by protein --where-rows 'se < 1' --where-rows-a "
            "exposure=iso --where-rows-b 'estimate > -9' --proteins proteins.csv --alpha 0.1 "
            "--level 0.9",
            lambda: proteomr.compare(
                "effects.csv",
                "effects.csv",
                by="protein",
                rows_a=("se < 1", "exposure=iso"),
                rows_b=("se < 1", "estimate > -9"),
                proteins=["proteins.csv"],
                alpha=0.1,
                level=0.9,
            ),
        ),
    ),
    Case(
        "CtraJob",
        "ctra",
        "proteomr.ctra",
        Call(
            "genes.csv many.csv --exposure iso",
            lambda: proteomr.ctra("genes.csv", "many.csv", exposure="iso"),
        ),
        Call(
            "genes.csv many.csv --exposure iso --exposure age --adjust aged='1' --model gls "
            "--genes mygenes.csv --gene-set ctra52 --scale log2 --log2 --joint "
            "--interaction iso:age --slopes 50,60 --gene-variances --ml --errors people "
            "--components --leave-one-out --level 0.9 "
            "--withdrawn gone.csv --id eid --where 'age > 30' --keep keep.csv --remove gone.csv",
            lambda: proteomr.ctra(
                "genes.csv",
                "many.csv",
                exposure=("iso", "age"),
                adjust={"aged": "1"},
                model="gls",
                genes="mygenes.csv",
                gene_set="ctra52",
                scale="log2",
                log2=True,
                joint=True,
                interaction="iso:age",
                slopes=(50, 60),
                gene_variances=True,
                ml=True,
                errors="people",
                components=True,
                leave_one_out=True,
                level=0.9,
                withdrawn="gone.csv",
                id_column="eid",
                where="age > 30",
                keep="keep.csv",
                remove="gone.csv",
            ),
        ),
    ),
    Case(
        "MetaJob",
        "meta",
        "proteomr.meta",
        Call("effects.csv", lambda: proteomr.meta("effects.csv")),
        Call(
            "effects.csv --by protein --tau2 ML --level 0.9 --study exposure --where-rows 'se < 1' "
            "--moderator se --cluster exposure --dependence three-level --duplicates drop "
            "--measure OR --to RR --baseline-risk 0.2 --pooled-only",
            lambda: proteomr.meta(
                "effects.csv",
                by="protein",
                tau2="ML",
                level=0.9,
                study="exposure",
                rows=("se < 1",),
                moderators="se",
                cluster="exposure",
                dependence="three-level",
                duplicates="drop",
                measure="OR",
                to="RR",
                baseline_risk=0.2,
                pooled_only=True,
            ),
        ),
    ),
    Case(
        "EnrichJob",
        "enrich",
        "proteomr.enrich",
        Call(
            "tested.csv --sets mine.gmt --where-rows 'q_bh < 0.05' --min-size 2",
            lambda: proteomr.enrich(
                "tested.csv",
                sets="mine.gmt",
                rows="q_bh < 0.05",
                options=EnrichOptions(min_size=2),
            ),
        ),
        Call(
            "tested.csv --sets mine.gmt --sets go-bp --method gsea --rank estimate --name-column "
            "gene --where-rows 'q_bh < 9' --exponent 0.5 --score-type pos --permutations 500 "
            "--min-size 2 --max-size 3 --alpha 0.99 --correction bonferroni --tests all --evidence "
            "curated --relations regulates --reduce jaccard --similarity 0.6 --seed 7 --edges "
            "edges.csv --hubs 2 --hubs-by strength --edge-score score --min-score 100",
            lambda: proteomr.enrich(
                "tested.csv",
                sets=["mine.gmt", "go-bp"],
                rank="estimate",
                names="gene",
                rows="q_bh < 9",
                options=EnrichOptions(
                    method="gsea",
                    exponent=0.5,
                    score_type="pos",
                    permutations=500,
                    min_size=2,
                    max_size=3,
                    alpha=0.99,
                    correction="bonferroni",
                    tests="all",
                    evidence="curated",
                    relations="regulates",
                    reduction="jaccard",
                    similarity=0.6,
                    seed=7,
                ),
                edges="edges.csv",
                hubs=HubOptions("strength", 2, "score", 100.0),
            ),
        ),
    ),
    Case(
        "AdjustJob",
        "adjust",
        "proteomr.adjust",
        Call("effects.csv", lambda: proteomr.adjust("effects.csv")),
        Call(
            "effects.csv --tests 3 --where-rows exposure=iso",
            lambda: proteomr.adjust("effects.csv", tests=3, rows=("exposure=iso",)),
        ),
        out="adjusted.parquet",
    ),
    Case(
        "IngestJob",
        "ingest",
        "proteomr.ingest",
        Call("npx.csv", lambda: proteomr.ingest("npx.csv")),
        Call(
            "npx.csv --platform olink --withdrawn gone.csv --replicates mean --id SampleID",
            lambda: proteomr.ingest(
                "npx.csv",
                platform="olink",
                withdrawn="gone.csv",
                options=IngestOptions(id_column="SampleID", replicates="mean"),
            ),
        ),
    ),
    Case(
        "QcJob",
        "qc",
        "proteomr.qc",
        Call("store", lambda: proteomr.qc("store")),
        Call(
            "store --policy strict --withdrawn gone.csv --correct median --impute knn "
            "--neighbours 4 --components 2 --where 'plate == 1' --keep keep.csv --remove gone.csv",
            lambda: proteomr.qc(
                "store",
                policy="strict",
                withdrawn="gone.csv",
                correction=Correction("median"),
                imputation=Imputation(4),
                components=2,
                where="plate == 1",
                keep="keep.csv",
                remove="gone.csv",
            ),
        ),
    ),
    Case(
        "PhenotypeJob",
        "phenotype",
        "proteomr.derive",
        Call("people.csv", lambda: proteomr.derive("people.csv")),
        Call(
            "people.csv --definition shen2025 --alternative isolation=monthly "
            "--only isolation,age --instance 1 --allow-partial --withdrawn gone.csv "
            "--where 'age > 40' --keep keep.csv --remove gone.csv --impute 5 "
            "--impute-columns age --impute-with isolation --impute-iterations 3 --seed 4",
            lambda: proteomr.derive(
                "people.csv",
                "shen2025",
                alternatives={"isolation": "monthly"},
                options=DeriveOptions(1, allow_partial=True, only=("isolation", "age")),
                withdrawn="gone.csv",
                where="age > 40",
                keep="keep.csv",
                remove="gone.csv",
                impute=ImputeOptions(5, ("age",), ("isolation",), 3, seed=4),
            ),
        ),
        out="cohort.parquet",
    ),
    Case(
        "EValueJob",
        "e-values",
        "proteomr.e_values",
        Call("effects.csv --scale OR", lambda: proteomr.e_values("effects.csv", scale="OR")),
        Call(
            "effects.csv --scale difference --outcome rare --sd 2 --delta 3 --level 0.9 "
            "--where-rows exposure=iso",
            lambda: proteomr.e_values(
                "effects.csv",
                scale="difference",
                outcome="rare",
                sd=2.0,
                delta=3.0,
                level=0.9,
                rows=("exposure=iso",),
            ),
        ),
        out="e_values.parquet",
    ),
    Case(
        "DescribeJob",
        "describe",
        "proteomr.describe",
        Call("samples.csv", lambda: proteomr.describe("samples.csv")),
        Call(
            "samples.csv --by iso --variable age --level 0.9 --id eid --withdrawn gone.csv "
            "--where 'age > 30' --keep keep.csv --remove gone.csv",
            lambda: proteomr.describe(
                "samples.csv",
                by="iso",
                variables="age",
                level=0.9,
                id_column="eid",
                withdrawn="gone.csv",
                where="age > 30",
                keep="keep.csv",
                remove="gone.csv",
            ),
        ),
    ),
    Case(
        "AssociateJob",
        "associate",
        "proteomr.associate",
        Call(
            "samples.csv proteins.csv --family linear --exposure iso",
            lambda: proteomr.associate(
                "samples.csv", "proteins.csv", family="linear", exposure="iso"
            ),
        ),
        Call(
            "samples.csv proteins.csv --family logistic --exposure iso --adjust aged=age "
            "--transform none --firth --level 0.9 --reference-level 1 --tests exposure "
            "--effective-tests --strata sex --protein-covariate gap=gap.csv --withdrawn gone.csv "
            "--id eid --where 'age > 30' --keep keep.csv --remove gone.csv --proteins ADM "
            "--proteins-from names.txt",
            lambda: proteomr.associate(
                "samples.csv",
                "proteins.csv",
                family="logistic",
                exposure="iso",
                adjust={"aged": "age"},
                transform="none",
                firth=True,
                level=0.9,
                reference_level="1",
                tests="exposure",
                effective_tests=True,
                strata="sex",
                protein_covariates={"gap": "gap.csv"},
                withdrawn="gone.csv",
                id_column="eid",
                where="age > 30",
                keep="keep.csv",
                remove="gone.csv",
                only_proteins="ADM",
                proteins_from="names.txt",
            ),
        ),
    ),
    Case(
        "ReplicateJob",
        "replicate",
        "proteomr.replicate",
        Call(
            "samples.csv proteins.csv --family linear --exposure iso",
            lambda: proteomr.replicate(
                "samples.csv", "proteins.csv", models=ModelSpec("linear", ("iso",))
            ),
        ),
        Call(
            "samples.csv proteins.csv --family logistic --exposure iso --adjust aged=age "
            "--transform none --folds 3 --seed 7 --keep-fits --protein-covariate gap=gap.csv "
            "--withdrawn gone.csv --id eid",
            lambda: proteomr.replicate(
                "samples.csv",
                "proteins.csv",
                models=ModelSpec("logistic", ("iso",), {"aged": "age"}, transform="none"),
                scheme=Folds(3, 7),
                keep_fits=True,
                protein_covariates={"gap": "gap.csv"},
                withdrawn="gone.csv",
                id_column="eid",
            ),
        ),
    ),
    Case(
        "SurviveJob",
        "survive",
        "proteomr.survive",
        Call(
            "samples.csv proteins.csv --outcome death",
            lambda: proteomr.survive(
                "samples.csv", "proteins.csv", models=ModelSpec("cox"), outcomes="death"
            ),
        ),
        Call(
            "samples.csv proteins.csv --time death_years --event death --entry begun "
            "--adjust 'aged=age + gap' --transform none --ties breslow --lag 0.5 "
            "--lag-rule landmark --protein-covariate gap=gap.csv --withdrawn gone.csv --id eid",
            lambda: proteomr.survive(
                "samples.csv",
                "proteins.csv",
                models=ModelSpec(
                    "cox",
                    adjust={"aged": "age + gap"},
                    transform="none",
                    survival=SurvivalOptions(ties="breslow"),
                    follow_up=FollowUpOptions(lag_rule="landmark"),
                ),
                outcomes=[FollowUp("death", "death_years", "begun")],
                lags=0.5,
                protein_covariates={"gap": "gap.csv"},
                withdrawn="gone.csv",
                id_column="eid",
            ),
        ),
    ),
    Case(
        "ScoreJob",
        "score",
        "proteomr.score",
        Call(
            "many.csv levels.csv --outcome age",
            lambda: proteomr.score("many.csv", "levels.csv", outcome="age"),
        ),
        Call(
            "samples.csv proteins.csv --time age --event iso --entry sex --family cox --adjust "
            "aged=age --penalty elastic-net --alpha 0.2,0.9 --rule 1se --folds 3 --inner-folds 4 "
            "--horizon 5,10 --thresholds 0.1,0.2 --transform none --seed 7 --sets names.txt "
            "--withdrawn gone.csv --id eid --proteins ADM",
            lambda: proteomr.score(
                "samples.csv",
                "proteins.csv",
                outcome=FollowUp("iso", "age", "sex"),
                family="cox",
                adjust={"aged": "age"},
                options=ScoreOptions(
                    alphas=(0.2, 0.9),
                    rule="1se",
                    folds=3,
                    inner_folds=4,
                    horizons=(5.0, 10.0),
                    thresholds=(0.1, 0.2),
                    transform="none",
                    seed=7,
                ),
                sets="names.txt",
                withdrawn="gone.csv",
                id_column="eid",
                chosen_proteins=ProteinChoice.of("ADM"),
            ),
        ),
    ),
    Case(
        "ApplyScoreJob",
        "score",
        "proteomr.apply_score",
        Call(
            "--apply weights.csv levels.csv",
            lambda: proteomr.apply_score("weights.csv", "levels.csv"),
        ),
        Call(
            "--apply effects.csv proteins.csv --max-absent 0.5 --withdrawn gone.csv --id eid",
            lambda: proteomr.apply_score(
                "effects.csv",
                "proteins.csv",
                max_absent=0.5,
                withdrawn="gone.csv",
                id_column="eid",
            ),
        ),
    ),
    Case(
        "CurvesJob",
        "survive",
        "proteomr.survival.compare_survival",
        Call(
            "samples.csv proteins.csv --outcome death --curves ADM",
            lambda: compare_survival(
                "samples.csv", "proteins.csv", outcomes="death", curves=CurveOptions(("ADM",))
            ),
        ),
        Call(
            "samples.csv --time death_years --event death --entry begun --by sex --rho 1 --tau 3 "
            "--times 1,2 --conf-type plain --steps all --survival-levels 0.9 --event-code 1 "
            "--weights age --strata-baseline iso --lag 0.5 --lag-rule landmark --se robust "
            "--level 0.9 --withdrawn gone.csv --id eid",
            lambda: compare_survival(
                "samples.csv",
                outcomes=[FollowUp("death", "death_years", "begun")],
                curves=CurveOptions(
                    by="sex",
                    rho=1.0,
                    tau=3.0,
                    times=(1.0, 2.0),
                    conf_type="plain",
                    steps="all",
                    levels=(0.9,),
                    weights="age",
                    strata="iso",
                    errors="robust",
                    level=0.9,
                ),
                follow_up=FollowUpOptions(event_code=1.0, lag=0.5, lag_rule="landmark"),
                withdrawn="gone.csv",
                id_column="eid",
            ),
        ),
    ),
    Case(
        "NetworkJob",
        "network",
        "proteomr.network",
        Call(
            "levels.csv --power 1 --min-size 2",
            lambda: proteomr.network("levels.csv", options=NetworkOptions(power=1, min_size=2)),
        ),
        Call(
            "proteins.csv --method netboost --correlation bicor --type signed --power 3 "
            "--scale-free 0.7 --min-size 5 --merge-height 0.1 --edge-p 0.01 --impute knn "
            "--transform rint --hubs 3 --edges 7 --permutations 150 --seed 7 --samples samples.csv "
            "--preserve-in levels.csv --withdrawn gone.csv --id eid --where 'age > 40' "
            "--keep keep.csv --remove gone.csv --proteins ADM",
            lambda: proteomr.network(
                "proteins.csv",
                options=NetworkOptions(
                    method="netboost",
                    correlation="bicor",
                    type="signed",
                    power=3,
                    scale_free=0.7,
                    min_size=5,
                    merge_height=0.1,
                    edge_p=0.01,
                    impute="knn",
                    transform="rint",
                    hubs=3,
                    edges=7,
                    permutations=150,
                    seed=7,
                ),
                samples="samples.csv",
                preserve_in="levels.csv",
                withdrawn="gone.csv",
                id_column="eid",
                people=PeopleChoice.of(where="age > 40", keep="keep.csv", remove="gone.csv"),
                chosen_proteins=ProteinChoice.of("ADM"),
            ),
        ),
    ),
    Case(
        "MediateJob",
        "mediate",
        "proteomr.mediate",
        Call(
            "many.csv levels.csv --method product --exposure iso --outcome age",
            lambda: proteomr.mediate(
                "many.csv", "levels.csv", method="product", exposure="iso", outcome="age"
            ),
        ),
        Call(
            "samples.csv proteins.csv --method counterfactual --exposure iso --time years "
            "--event died --entry begun --event-code 2 --lag 0.5 --outcome-family cox --adjust "
            "aged=age --adjust-mediator 'aged=aged + gap' --reference-level 1 --transform none "
            "--bootstrap refit --bootstraps 50 --seed 7 --level 0.9 --composite dact "
            "--protein-covariate gap=gap.csv --withdrawn gone.csv --id eid --where 'age > 40' "
            "--keep keep.csv --remove gone.csv --proteins ADM",
            lambda: proteomr.mediate(
                "samples.csv",
                "proteins.csv",
                method="counterfactual",
                exposure="iso",
                time="years",
                event="died",
                entry="begun",
                event_code=2.0,
                lag=0.5,
                outcome_family="cox",
                adjust={"aged": "age"},
                adjust_mediator={"aged": "aged + gap"},
                reference_level="1",
                transform="none",
                bootstrap="refit",
                bootstraps=50,
                seed=7,
                level=0.9,
                composite="dact",
                protein_covariates={"gap": "gap.csv"},
                withdrawn="gone.csv",
                id_column="eid",
                where="age > 40",
                keep="keep.csv",
                remove="gone.csv",
                only_proteins="ADM",
            ),
        ),
    ),
    Case(
        "SimulateJob",
        "simulate",
        "proteomr.simulate",
        Call("", proteomr.simulate),
        Call(
            "--people 200 --proteins 3 --seed 4 --summary-statistics --export ukb",
            lambda: proteomr.simulate(
                people=200, proteins=3, seed=4, summary_statistics=True, export="ukb"
            ),
        ),
    ),
    Case(
        "MrJob",
        "mr",
        "proteomr.run_mr",
        Call(
            "exposure.txt outcome.txt",
            lambda: proteomr.run_mr("exposure.txt", "outcome.txt"),
        ),
        Call(
            "exposure.txt outcome.txt --methods 'mr_ivw,egger( robust = true ),simple_median' "
            "--convention mendelianrandomization --bootstraps 50 --seed 7 --instruments-p 1e-6 "
            "--instruments names.txt --ld ld.csv --ld-values r2 --pair-by name "
            "--clump-r2 0.01 --clump-kb 500 --match rsid --outcome-p 0.001 --unproven flag "
            "--action 3 --reverse --steiger-filter --outcome-cases 10 --outcome-controls 90 "
            "--prevalence 0.2 --overlap 0.5 --controls controls.csv --altering names.txt "
            "--clusters --exposure-map eaf=eaf "
            "--outcome-build hg19 --scales note",
            lambda: proteomr.run_mr(
                "exposure.txt",
                "outcome.txt",
                methods=["ivw", "egger(robust=true)", "simple_median(draws=50)"],
                convention="mendelianrandomization",
                seed=7,
                rule=InstrumentRule(
                    p=1e-6,
                    clumping=Clumping(r2=0.01, kb=500.0),
                    match="rsid",
                    outcome_p=0.001,
                    unproven="flag",
                    action=3,
                ),
                instruments="names.txt",
                ld="ld.csv",
                ld_values="r2",
                pair_by="name",
                reverse=True,
                steiger_filter=True,
                outcome_size=TraitSize(10.0, 90.0, 0.2),
                overlap=0.5,
                controls="controls.csv",
                altering="names.txt",
                clusters=True,
                read_exposure=ReadOptions(columns={"eaf": "eaf"}, scales="note"),
                read_outcome=ReadOptions(build="GRCh37", scales="note"),
            ),
        ),
    ),
    Case(
        "ColocalisedMrJob",
        "mr",
        "proteomr.study.colocalise_hits",
        Call(
            "exposure.txt outcome.txt --coloc",
            lambda: proteomr.study.colocalise_hits("exposure.txt", "outcome.txt"),
        ),
        Call(
            "exposure.txt outcome.txt --coloc --methods wald --seed 7 --instruments-p 1e-6 "
            "--ld ld.csv --ld-values r --unproven flag --outcome-cases 10 --outcome-controls 90 "
            "--exposure-map eaf=eaf --outcome-build hg19 --scales note",
            lambda: proteomr.study.colocalise_hits(
                "exposure.txt",
                "outcome.txt",
                methods=["wald"],
                seed=7,
                rule=InstrumentRule(p=1e-6, unproven="flag"),
                ld="ld.csv",
                ld_values="r",
                outcome_size=TraitSize(10.0, 90.0),
                read_exposure=ReadOptions(columns={"eaf": "eaf"}, scales="note"),
                read_outcome=ReadOptions(build="GRCh37", scales="note"),
            ),
        ),
    ),
    Case(
        "FinemapJob",
        "finemap",
        "proteomr.finemap",
        Call(
            "region.csv --ld region_ld.csv",
            lambda: proteomr.finemap("region.csv", "region_ld.csv"),
        ),
        Call(
            "region.csv --ld region_ld.csv --ld-values r --n 900 --type quant --sdy 2 --l 3 "
            "--coverage 0.9 --min-purity 0.3 --prior-variance 0.1 --prior-rule em --null-weight "
            "0.1 --refine --tolerance 1e-4 --max-iterations 50 --no-prior-check --var-y 4 "
            "--estimate-residual-variance --remove-mismatched --prior-weights weights_of.csv "
            "--map eaf=MAF --scales note --trait ADM --lead-p 1e-6 --window-kb 250",
            lambda: proteomr.finemap(
                "region.csv",
                "region_ld.csv",
                ld_values="r",
                read=ReadOptions(columns={"eaf": "MAF"}, trait="ADM", scales="note"),
                facts=TraitFacts("quant", 900.0, 2.0),
                windows=Windows(1e-6, 250_000),
                susie=SusieOptions(
                    effects=3,
                    coverage=0.9,
                    min_purity=0.3,
                    prior_variance=0.1,
                    rule="em",
                    estimate_residual_variance=True,
                    var_y=4.0,
                    null_weight=0.1,
                    refine=True,
                    tolerance=1e-4,
                    most_rounds=50,
                    check_prior=False,
                ),
                remove_mismatched=True,
                prior_weights="weights_of.csv",
            ),
        ),
    ),
    Case(
        "HarmoniseJob",
        "harmonise",
        "proteomr.harmonise",
        Call(
            "exposure.txt outcome.txt",
            lambda: proteomr.harmonise("exposure.txt", "outcome.txt"),
        ),
        Call(
            "exposure.txt outcome.txt --exposure-format mine.toml --exposure-map eaf=eaf "
            "--outcome-build GRCh37 --outcome-trait CHD --match rsid --action 1 --tolerance 0.1",
            lambda: proteomr.harmonise(
                "exposure.txt",
                "outcome.txt",
                read_exposure=ReadOptions("mine.toml", {"eaf": "eaf"}),
                read_outcome=ReadOptions(build="GRCh37"),
                outcome_trait="CHD",
                match="rsid",
                action=1,
                tolerance=0.1,
            ),
        ),
    ),
    Case(
        "MungeJob",
        "gwas munge",
        "proteomr.munge",
        Call("exposure.txt", lambda: proteomr.munge("exposure.txt")),
        Call(
            "exposure.txt outcome.txt --format mine.toml --map eaf=eaf --build GRCh38 --trait BMI "
            "--ratio-se ratio --variants names.txt --min-maf 0.01 --drop-indels --duplicates all",
            lambda: proteomr.munge(
                ["exposure.txt", "outcome.txt"],
                read=ReadOptions(
                    "mine.toml", {"eaf": "eaf"}, build="GRCh38", trait="BMI", ratio_se="ratio"
                ),
                variants="names.txt",
                policy=VariantPolicy(
                    drop=VariantPolicy().drop | {"indel"}, min_maf=0.01, duplicates="all"
                ),
            ),
        ),
        out="out.parquet",
    ),
    Case(
        "ClumpJob",
        "gwas clump",
        "proteomr.gwas.clump",
        Call(
            "exposure.txt --ld ld.csv",
            lambda: proteomr.gwas.clump("exposure.txt", "ld.csv"),
        ),
        Call(
            "exposure.txt --ld ld.csv --p1 1e-6 --p2 0.01 --r2 0.1 --kb 250 --measure genotype "
            "--ld-values r "
            "--format mine.toml --map eaf=eaf",
            lambda: proteomr.gwas.clump(
                "exposure.txt",
                "ld.csv",
                clumping=Clumping(p1=1e-6, p2=0.01, r2=0.1, kb=250.0),
                measure="genotype",
                read=ReadOptions("mine.toml", {"eaf": "eaf"}),
                ld_values="r",
            ),
        ),
        out="out.parquet",
    ),
    Case(
        "ColocJob",
        "coloc",
        "proteomr.colocalise",
        Call(
            "exposure.txt outcome.txt", lambda: proteomr.colocalise("exposure.txt", "outcome.txt")
        ),
        Call(
            "exposure.txt outcome.txt --method susie --ld1 ld.csv --ld2 ld.csv --ld-values r "
            "--type1 quant --n1 800 --sdy1 1.5 --type2 cc --n2 900 --case-share2 0.2 "
            "--lead-p 1e-6 --window-kb 250 --lead-kb 500 --lead-r2 0.1 "
            "--long-range drop --p1 1e-3 --p2 1e-3 --p12 1e-4 --prior-weights1 weighted.csv "
            "--l 5 --min-purity 0.6 --coverage 0.9 --variants credible --format1 mine.toml "
            "--map1 eaf=eaf --build2 hg38",
            lambda: proteomr.colocalise(
                "exposure.txt",
                ["outcome.txt"],
                method="susie",
                choices=(
                    TraitChoice("quant", n=800, sdy=1.5),
                    TraitChoice("cc", n=900, case_share=0.2),
                ),
                read=(
                    ReadOptions("mine.toml", {"eaf": "eaf"}),
                    ReadOptions(build="GRCh38"),
                ),
                rule=PairRule("susie", 1e-3, 1e-3, 1e-4, 0.9, "credible"),
                windows=WindowRule(None, 1e-6, 250.0, 500.0, 0.1, "drop"),
                ld=("ld.csv", "ld.csv"),
                ld_values="r",
                weights=("weighted.csv", None),
                susie=SusieRule(5, 0.9, 0.6),
            ),
        ),
    ),
    Case(
        "SmrJob",
        "coloc",
        "proteomr.colocalisation.smr",
        Call(
            "exposure.txt outcome.txt --method smr --ld ld.csv",
            lambda: colocalisation.smr("exposure.txt", "outcome.txt", ld="ld.csv"),
        ),
        Call(
            "exposure.txt outcome.txt --method smr --ld ld.csv --cis GDF15 --build hg19",
            lambda: colocalisation.smr(
                "exposure.txt",
                "outcome.txt",
                ld="ld.csv",
                windows=WindowRule(find_cis_region("GDF15", build="GRCh37")),
            ),
        ),
    ),
    Case(
        "ClusterJob",
        "coloc",
        "proteomr.colocalisation.hyprcoloc",
        Call(
            "exposure.txt outcome.txt --method hyprcoloc",
            lambda: colocalisation.hyprcoloc("exposure.txt", "outcome.txt"),
        ),
        Call(
            "exposure.txt outcome.txt --method hyprcoloc --prior 1e-3 --conditional-prior 0.05 "
            "--regional-threshold 0.6 --alignment-threshold 0.7 --selection alignment",
            lambda: colocalisation.hyprcoloc(
                "exposure.txt",
                "outcome.txt",
                clusters=ClusterRule(1e-3, 0.05, 0.6, 0.7, "alignment"),
            ),
        ),
    ),
    Case(
        "ConfigurationJob",
        "coloc",
        "proteomr.colocalisation.moloc",
        Call(
            "exposure.txt outcome.txt --method moloc",
            lambda: colocalisation.moloc("exposure.txt", "outcome.txt"),
        ),
        Call(
            "exposure.txt outcome.txt --method moloc --priors 1e-3,1e-4,1e-5,1e-6",
            lambda: colocalisation.moloc(
                "exposure.txt",
                "outcome.txt",
                priors=(1e-3, 1e-4, 1e-5, 1e-6),
            ),
        ),
    ),
    Case(
        "CojoJob",
        "gwas cojo",
        "proteomr.gwas.cojo",
        Call("exposure.txt --ld ld.csv", lambda: proteomr.gwas.cojo("exposure.txt", "ld.csv")),
        Call(
            "exposure.txt --ld ld.csv --condition names.txt --p 1e-6 --collinear 0.8 "
            "--window-kb 500 --sizes effective --diff-freq 0.1 --n 900 --ld-values r --map eaf=eaf",
            lambda: proteomr.gwas.cojo(
                "exposure.txt",
                "ld.csv",
                condition="names.txt",
                options=CojoOptions(1e-6, 0.8, 500.0, "effective", 0.1),
                read=ReadOptions(columns={"eaf": "eaf"}, n=900.0),
                ld_values="r",
            ),
        ),
    ),
    Case(
        "LeadsJob",
        "gwas leads",
        "proteomr.gwas.leads",
        Call("exposure.txt", lambda: proteomr.gwas.leads("exposure.txt")),
        Call(
            "exposure.txt --p 1e-6 --distance-kb 250 --format mine.toml",
            lambda: proteomr.gwas.leads(
                "exposure.txt",
                p_value=1e-6,
                distance_bp=250_000,
                read=ReadOptions("mine.toml"),
            ),
        ),
        out="out.parquet",
    ),
)
