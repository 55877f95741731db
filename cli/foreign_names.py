"""What other programs call things, and what is written here instead: commands, options, choices.

A name joins by a line. Names are compared without letter case, dashes, underscores and dots, and
with z for s as Americans spell; a test fails for a name that has become one of ours.
"""

from .elsewhere import Elsewhere

__all__ = ["CHOICES", "COMMANDS_ELSEWHERE", "NOT_HERE", "OPTIONS_ELSEWHERE"]


_FILES = (
    "the two files stand first and without a flag: proteomr associate SAMPLES PROTEINS --family ..."
)
_ADJUST = 'covariates are named by --adjust LABEL="age + sex + C(site)", columns of SAMPLES'
_EXPOSURE = "columns are named by --exposure NAME, or by --outcome NAME where the trait responds"
_STUDIES = "the files stand first and without a flag: proteomr mr EXPOSURE OUTCOME..."
_COLUMNS = "columns are found from the header; name one by --map CANONICAL=COLUMN, such as beta=B"
_MUNGE_FIRST = (
    "columns are found from the header; for others first proteomr gwas munge FILE --map "
    "beta=COLUMN -o NAME.parquet"
)

COMMANDS_ELSEWHERE: tuple[Elsewhere, ...] = (
    Elsewhere(
        "assoc association associations scan analyse analysis fit regress regression lm glm ols "
        "limma linear logistic pwas ewas proteome proteomics dea de",
        "proteomr associate SAMPLES PROTEINS fits every protein",
    ),
    Elsewhere(
        "phewas phenome",
        "proteomr associate SAMPLES PROTEINS --outcome NAME takes any number of outcomes",
    ),
    Elsewhere(
        "twosamplemr twosample 2smr mrbase mendelian mendelianrandomization mrpresso cause ivw "
        "mvmr causal tsmr",
        "proteomr mr EXPOSURE OUTCOME... estimates causal effects",
    ),
    Elsewhere(
        "regenie saige bolt fastgwa gcta plink plink2 step1 step2",
        "proteomr runs no other program: associate scans proteins, and gwas munge reads the "
        "summary statistics that such programs write",
    ),
    Elsewhere("clump clumping ld", "proteomr gwas clump FILE --ld BFILE -o OUT.parquet"),
    Elsewhere(
        "munge mungesumstats sumstats format liftover", "proteomr gwas munge FILE -o OUT.parquet"
    ),
    Elsewhere("cojo gcta-cojo conditional", "proteomr gwas cojo FILE --ld BFILE -o DIR"),
    Elsewhere("leads lead top tophits", "proteomr gwas leads FILE -o OUT.parquet"),
    Elsewhere(
        "olink somascan adat npx read import load convert soma ukb",
        "proteomr ingest FILE... -o STORE reads what a laboratory delivered, whatever the platform",
    ),
    Elsewhere("quality clean filter impute normalise qualitycontrol", "proteomr qc STORE -o CLEAN"),
    Elsewhere(
        "pheno phenotypes derive cohort extract covariates",
        "proteomr phenotype PARTICIPANTS -o cohort.parquet",
    ),
    Elsewhere("harmonisation align", "proteomr harmonise EXPOSURE OUTCOME -o DIR"),
    Elsewhere(
        "colocalisation colocalise colocalize colocalization smr heidi hyprcoloc moloc",
        "proteomr coloc TRAIT1 TRAIT2... -o DIR",
    ),
    Elsewhere("gene annotate annotation", "proteomr genes NAME... says which gene a name means"),
    Elsewhere("wgcna netboost modules", "proteomr network PROTEINS... -o DIR finds modules"),
    Elsewhere("enrichment ora gsea pathway pathways", "proteomr enrich TABLE --sets go-bp -o DIR"),
    Elsewhere(
        "susie susie-rss runsusie finemapping fine-map polyfun caviar dap-g",
        "proteomr finemap TRAIT --ld FILE -o DIR",
    ),
    Elsewhere("figure figures volcano manhattan", "proteomr plot KIND TABLE -o FILE.svg"),
    Elsewhere("study pipeline workflow", "proteomr run STUDY.toml -o DIR runs its stages"),
    Elsewhere(
        "metafor rma metaanalysis meta-analysis metagen pool pooling metal",
        "proteomr meta TABLE... pools effects of several studies",
    ),
    Elsewhere(
        "mediation mediator indirect acme baron-kenny",
        "proteomr mediate SAMPLES PROTEINS --exposure NAME --outcome NAME --method product -o DIR",
    ),
    Elsewhere(
        "cox coxph surv survival kaplan km finegray hazard",
        "proteomr survive SAMPLES PROTEINS --outcome NAME -o DIR",
    ),
    Elsewhere("list commands usage man info", "proteomr --help lists the commands"),
    Elsewhere("config configuration", "--print-config of a command writes one, --config reads"),
    Elsewhere("join combine collect", "proteomr merge DIR joins the shards of a run"),
    Elsewhere(
        "tables columns dictionary", "proteomr schema lists tables, schema NAME their columns"
    ),
    Elsewhere("test selftest install", "proteomr doctor tries a computation on this machine"),
    Elsewhere("example tutorial quickstart start", "proteomr demo shows a small study"),
)

OPTIONS_ELSEWHERE: tuple[Elsewhere, ...] = (
    Elsewhere(
        "phenoFile covarFile samples pheno covar-file data input in file -i -f -s -p -d "
        "sample-file protein-file npx infile",
        _FILES,
        "associate",
    ),
    Elsewhere(
        "covariates covariate covar covars covar-name covarcol covarColList catCovarList qcovar "
        "cov "
        "covs confounders confounder adjustment adjust-for formula control-for -c z",
        _ADJUST,
        "associate",
    ),
    Elsewhere(
        "phenoCol phenoColList pheno-name mpheno trait traits phenotype phenotypes predictor "
        "treatment x y response dependent variable target var exposures -e",
        f"{_EXPOSURE}; repeat it for several",
        "associate",
    ),
    Elsewhere(
        "bed bgen pgen bfile pfile step bsize pred vcf lowmem ref-first spa",
        "no genotypes are taken: associate scans proteins, one row a person; REGENIE's summary "
        "statistics are read by proteomr gwas munge",
        "associate",
    ),
    Elsewhere(
        "qt bt linear logistic glm lm ols model method -m regression binary quantitative type "
        "firth-approx trait-type",
        "the regression is named by --family: linear is protein ~ exposure, logistic is "
        "exposure ~ protein",
        "associate",
    ),
    Elsewhere(
        "weight case-weights sampling-weights",
        "the column with the sampling weight of each person is named by --weights NAME",
        "mediate",
    ),
    Elsewhere(
        "clusters se robust", "errors are robust over the clusters of --cluster NAME", "mediate"
    ),
    Elsewhere(
        "apply-rint rint int log2 log scale normalise norm standardise zscore invnorm "
        "force-qt inverse-normal",
        "the protein is transformed by --transform rint|log2|zscore|none; rint is the default",
        "associate",
    ),
    Elsewhere(
        "robust vcov sandwich hc hc3 cov-type covtype std-errors huber",
        "standard errors are chosen by --se, such as --se HC3; clustered ones by --cluster NAME "
        "--se CR2",
        "associate",
    ),
    Elsewhere(
        "fdr padjust p-adjust correction bonferroni bh multiple-testing alpha pThresh p-threshold "
        "pval padj adjust-p q-value",
        "every row has p_bonferroni, q_bh, p_holm, q_by and q_storey; --tests says what they span",
        "associate",
    ),
    Elsewhere(
        "ci conf-level confidence", "intervals are set by --level, such as 0.95", "associate"
    ),
    Elsewhere(
        "stratify by group split-by subgroup sex-specific stratum",
        "--strata NAME analyses the levels of a column one by one",
        "associate",
    ),
    Elsewhere("moderator modifier interact interact-with", "--interaction NAME", "associate"),
    Elsewhere("random-effects re mixed lmm", '--family mixed --random "1|NAME"', "associate"),
    Elsewhere(
        "subset query filter exclude include extract if samples-keep keep-fam remove-fam",
        'people are chosen by --where "age >= 60", --keep FILE and --remove FILE',
        "associate,qc,phenotype,export",
    ),
    Elsewhere(
        "protein analyte assay feature gene genes markers protein-list only",
        "proteins are chosen by --proteins NAME,NAME or --proteins-from FILE",
        "associate",
    ),
    Elsewhere(
        "time event duration status survival",
        "outcomes that happen at a time are asked by proteomr survive SAMPLES PROTEINS --outcome "
        "NAME, or --time NAME --event NAME",
        "associate",
    ),
    Elsewhere("ref baseline control reflevel", "--reference-level LEVEL", "associate"),
    Elsewhere(
        "na na-values missing missing-value nan na-rep",
        "missing values are empty cells, NA, NaN or '.': write other codes, such as -9, so",
        "associate,ingest",
    ),
    Elsewhere(
        "impute imputation imputer knn neighbours n-neighbors missing fill median",
        "the median of the training people stands for a missing value; neighbours are found in "
        "everybody, folds or not, so proteomr qc STORE --impute knn -o CLEAN fills in before",
        "score",
    ),
    Elsewhere(
        "impute imputation imputer knn neighbours n-neighbors fill",
        "each protein has its own complete cases; proteomr qc STORE --impute knn -o CLEAN fills "
        "in before, and imputed covariates come in long form, with columns .imp and .id",
        "associate,survive,mediate,replicate",
    ),
    Elsewhere(
        "sep delimiter delim header skip decimal encoding",
        "separator and header are found from the file: csv, tsv or parquet",
    ),
    # Mendelian randomisation
    Elsewhere(
        "exposure outcome exposure-file outcome-file exposure-data outcome-data exp out-file -e "
        "exposures outcomes file input -f -i",
        _STUDIES,
        "mr",
    ),
    Elsewhere(
        "exposure outcome exposure-file outcome-file -e -f -i",
        "the files stand first and without a flag: proteomr harmonise EXPOSURE OUTCOME -o DIR",
        "harmonise",
    ),
    Elsewhere(
        "pval p1 pvalue p-value p-threshold pthresh p threshold p-thresh clump-p clump-p1 "
        "pval-thresh",
        "--instruments-p P is the largest p value of an instrument",
        "mr",
    ),
    Elsewhere(
        "clump r2 clump-r kb window bfile ref-panel reference plink-bin pop bim",
        "instruments are clumped by genotypes in --ld BFILE, with --clump-r2 and --clump-kb",
        "mr",
    ),
    Elsewhere(
        "snp-col beta-col se-col pval-col eaf-col effect-allele-col other-allele-col "
        "samplesize-col "
        "phenotype-col sep map snp beta a1 a2 id.exposure id.outcome units-col ncase-col n",
        _MUNGE_FIRST,
        "mr,harmonise",
    ),
    Elsewhere("method method-list -m", "--methods ivw,egger; --list prints all of them", "mr"),
    Elsewhere(
        "presso mrpresso cause radial raps mode median egger ivw mvmr",
        "methods are named by --methods, and printed by --list; those of several exposures "
        "(mv_...) "
        "need --harmonised",
        "mr",
    ),
    Elsewhere("nboot boot bootstrap nsim iterations -b", "--bootstraps B", "mr"),
    Elsewhere(
        "steiger directionality",
        "--steiger-filter drops by it; the table steiger is always there",
        "mr",
    ),
    Elsewhere(
        "harmonise harmonised-file dat data", "harmonised variants come by --harmonised FILE", "mr"
    ),
    Elsewhere("plot plots figure draw scatter forest", "--figures", "mr"),
    Elsewhere("snps variants rsid rsids snp-list", "--instruments FILE, a name a line", "mr"),
    Elsewhere(
        "palindromic strand", "--action 1|2|3 says what becomes of palindromes", "mr,harmonise"
    ),
    # summary statistics
    Elsewhere(
        "snp a1 a2 beta se pval n N eaf frq or chr-col pos signed-sumstats N-col snp-col "
        "beta-col "
        "se-col pval-col info ncas ncon bp effect-allele",
        _COLUMNS,
        "gwas munge,gwas clump,gwas leads",
    ),
    Elsewhere("snp a1 a2 beta se N eaf frq chr-col pos bp effect-allele", _COLUMNS, "gwas cojo"),
    Elsewhere(
        "sumstats input file in -i -f summary",
        "the file stands first and without a flag, such as proteomr gwas munge FILE -o OUT.parquet",
        "gwas munge,gwas clump,gwas leads,gwas cojo",
    ),
    Elsewhere("maf maf-min min-freq", "--min-maf F", "gwas munge"),
    Elsewhere("info-min imp rsq r2", "--min-info R", "gwas munge"),
    Elsewhere(
        "chr chrom chromosome from-bp to-bp from to",
        "a region is named by --region CHR:FROM-TO",
        "gwas munge",
    ),
    Elsewhere("merge-alleles snplist extract keep", "--variants FILE, a name a line", "gwas munge"),
    Elsewhere("chunksize chunk", "the file is read in pieces by itself", "gwas munge"),
    Elsewhere("bfile pfile ref reference-panel panel bed", "--ld BFILE", "gwas clump"),
    Elsewhere("clump-r2 clump-r", "--r2 R", "gwas clump"),
    Elsewhere("clump-p1 clump-p p pval clump-field", "--p1 P", "gwas clump"),
    Elsewhere("clump-p2", "--p2 P", "gwas clump"),
    Elsewhere("clump-kb window distance", "--kb K", "gwas clump"),
    Elsewhere("window kb distance locus-window", "--distance-kb K", "gwas leads"),
    Elsewhere("bfile pfile ref reference-panel panel bed", "--ld BFILE", "gwas cojo"),
    Elsewhere("cojo-file", "the file stands first and without a flag", "gwas cojo"),
    Elsewhere("cojo-p pvalue pval p-value", "--p P", "gwas cojo"),
    Elsewhere("cojo-wind window wind kb", "--window-kb K", "gwas cojo"),
    Elsewhere("cojo-collinear r2", "--collinear R2", "gwas cojo"),
    Elsewhere("cojo-cond cojo-joint extract", "--condition FILE, a name a line", "gwas cojo"),
    Elsewhere("cojo-slct", "without --condition variants are chosen", "gwas cojo"),
    Elsewhere("pvalue pval p-value sig threshold", "--p P", "gwas leads"),
    # laboratories and biobanks
    Elsewhere(
        "type kind source-format assay-platform",
        "--platform auto|olink|somascan|nulisa|ukb|massspec|table",
        "ingest",
    ),
    Elsewhere(
        "file input -i -f in npx",
        "files stand without a flag: proteomr ingest FILE... -o STORE",
        "ingest",
    ),
    Elsewhere("store input in -i -f file", "proteomr qc STORE -o CLEAN", "qc"),
    Elsewhere(
        "missing max-missingness missingness outlier sd iqr call-rate",
        "thresholds are set by --threshold NAME=VALUE, or by a policy in TOML; --help of qc "
        "names them",
        "qc",
    ),
    Elsewhere("n samples size people-number sample-size", "--people N", "simulate"),
    Elsewhere("p features assays number-of-proteins", "--proteins P", "simulate"),
    Elsewhere(
        "input file -i -f samples participants",
        "proteomr phenotype SAMPLES... -o FILE",
        "phenotype",
    ),
    # of all
    Elsewhere("output outdir out-dir output-dir output-folder prefix dir folder save to", "-o DIR"),
    Elsewhere(
        "id-column id-col iid fid sample-id idcol key eid-col join-on on",
        "--id NAME names the column",
    ),
    Elsewhere(
        "n-jobs jobs -j -t cores cpus ncores workers num-threads nthreads nproc parallel "
        "processes n-workers",
        "--threads K",
    ),
    Elsewhere("force -y yes -f clobber replace rewrite", "--overwrite replaces what is there"),
    Elsewhere("restart continue", "--resume goes on with an interrupted run"),
    Elsewhere("debug log loglevel log-level", "-v puts the log on stderr; log.txt keeps it"),
    Elsewhere("silent no-output mute", "-q prints the path and errors alone"),
    Elsewhere("preview plan estimate simulate-only", "--dry-run says what would run"),
    Elsewhere("random-seed rng set-seed random-state", "--seed S"),
    Elsewhere("settings yaml params options", "--config FILE takes options in TOML"),
    Elsewhere("csv tsv xlsx excel out-format", "--format csv|tsv writes tables beside the parquet"),
)

CHOICES: tuple[tuple[str, str], ...] = (
    ("gaussian normal ols lm continuous identity ls qt", "linear"),
    ("binomial logit binary bernoulli bt logreg", "logistic"),
    ("lmm lmer lme mlm randomeffects", "mixed"),
    ("polr clm ologit ordered cumulative proportionalodds proportional-odds", "ordinal"),
    ("multinom polytomous softmax mlogit nnet categorical mnlogit", "multinomial"),
    (
        "int rank rint inversenormal rankinversenormal ranknormal invnorm normal blom rankbased",
        "rint",
    ),
    ("log ln log10", "log2"),
    ("standardise scale z standard", "zscore"),
    ("raw no off identity null", "none"),
    ("robust sandwich white huber hc", "HC3"),
    ("cluster clustered crve", "CR2"),
    ("hg19 37 b37 grch37.p13 build37 ncbi37", "GRCh37"),
    ("hg38 38 b38 build38 grch38.p14", "GRCh38"),
    ("ukbb biobank ukbiobank ppp", "ukb"),
    ("soma adat somalogic", "somascan"),
    ("npx explore target96", "olink"),
    ("wide long csv tsv generic plain custom", "table"),
    ("xlsx excel txt text json feather arrow csv", "csv"),
    ("csv json txt", "tsv"),
    ("threads thread multithreading", "local"),
    ("process multiprocessing", "processes"),
)

NOT_HERE: tuple[tuple[str, str, str], ...] = (
    (
        "cox coxph surv survival aft weibull finegray competingrisks aalen",
        "linear",
        "outcomes over time are of another command: proteomr survive --family cox",
    ),
    (
        "poisson quasipoisson negbin negativebinomial nb zip zinb gamma tweedie counts",
        "linear",
        (
            "there is no model of counts in this version; linear takes any numbers, with --se HC3 "
            "for errors that vary"
        ),
    ),
    (
        "glmm gee saige regenie bolt",
        "linear",
        (
            "random effects are in linear models alone (mixed); --cluster NAME --se CR2 gives "
            "errors that allow for groups in any"
        ),
    ),
    (
        "glm regression auto lasso elasticnet ridge rlm limma",
        "linear",
        "linear is protein ~ exposure, logistic is exposure ~ protein",
    ),
)
"""Choices elsewhere that are none here: their names, a choice of the option meant, the answer."""
