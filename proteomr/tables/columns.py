"""The vocabulary: every column name that proteomr writes, once."""

from __future__ import annotations

from typing import Final

# associations
PROTEIN: Final[str] = "protein"
EXPOSURE: Final[str] = "exposure"
OUTCOME: Final[str] = "outcome"
ADJUSTMENT: Final[str] = "adjustment"
FAMILY: Final[str] = "family"
DIRECTION: Final[str] = "direction"
TERM: Final[str] = "term"
CONTRAST: Final[str] = "contrast"
STRATUM: Final[str] = "stratum"
LAG: Final[str] = "lag"
N: Final[str] = "n"
N_CASE: Final[str] = "n_case"
ESTIMATE: Final[str] = "estimate"
SE: Final[str] = "se"
STATISTIC: Final[str] = "statistic"
DF: Final[str] = "df"
NEG_LOG10_P: Final[str] = "neg_log10_p"
P_VALUE: Final[str] = "p_value"
CONF_LOW: Final[str] = "conf_low"
CONF_HIGH: Final[str] = "conf_high"
RATIO: Final[str] = "ratio"
P_BONFERRONI: Final[str] = "p_bonferroni"
Q_BH: Final[str] = "q_bh"
P_HOLM: Final[str] = "p_holm"
Q_BY: Final[str] = "q_by"
Q_STOREY: Final[str] = "q_storey"
TEST: Final[str] = "test"
STATUS: Final[str] = "status"
MESSAGE: Final[str] = "message"

# replication
SPLIT: Final[str] = "split"
HALF: Final[str] = "half"
N1: Final[str] = "n1"
N2: Final[str] = "n2"
PROTEINS: Final[str] = "proteins"
R_EFFECTS: Final[str] = "r_effects"
R_ALLOWED: Final[str] = "r_allowed"
R_CORRECTED: Final[str] = "r_corrected"
HITS1: Final[str] = "hits1"
HITS2: Final[str] = "hits2"
HITS_BOTH: Final[str] = "hits_both"
SIGN_AGREEMENT: Final[str] = "sign_agreement"
LEFT_OUT: Final[str] = "left_out"
CHANGE: Final[str] = "change"
CHANGE_SE: Final[str] = "change_se"

# mediation
QUANTITY: Final[str] = "quantity"
PATH: Final[str] = "path"
P_MAX: Final[str] = "p_max"
Q_COMPOSITE: Final[str] = "q_composite"
E_VALUE: Final[str] = "e_value"
E_VALUE_LIMIT: Final[str] = "e_value_limit"

# drops
STEP: Final[str] = "step"
REASON: Final[str] = "reason"

# assays
ASSAY: Final[str] = "assay"
GENE: Final[str] = "gene"
UNIPROT: Final[str] = "uniprot"
PANEL: Final[str] = "panel"
PLATFORM: Final[str] = "platform"
UNIT: Final[str] = "unit"
LOD: Final[str] = "lod"
MEDIAN_COUNT: Final[str] = "median_count"
LLOQ: Final[str] = "lloq"
ULOQ: Final[str] = "uloq"
LQL: Final[str] = "lql"
KIND: Final[str] = "kind"

# genes
SYMBOL: Final[str] = "symbol"
MATCH: Final[str] = "match"
CANDIDATES: Final[str] = "candidates"

# measurements
SAMPLE_ID: Final[str] = "sample_id"
SAMPLE_TYPE: Final[str] = "sample_type"
PLATE: Final[str] = "plate"
BLOCK: Final[str] = "block"
WELL: Final[str] = "well"
BATCH: Final[str] = "batch"
FLAG: Final[str] = "flag"
VALUE: Final[str] = "value"

# quality control
N_MISSING: Final[str] = "n_missing"
SHARE_MISSING: Final[str] = "share_missing"
N_COMPARED: Final[str] = "n_compared_with_lod"
N_BELOW_LOD: Final[str] = "n_below_lod"
SHARE_BELOW_LOD: Final[str] = "share_below_lod"
N_FLAGS: Final[str] = "n_flags"
N_FAILED_PANELS: Final[str] = "n_failed_panels"
MEAN: Final[str] = "mean"
SD: Final[str] = "sd"
MEDIAN: Final[str] = "median"
IQR: Final[str] = "iqr"
PLATE_SHARE: Final[str] = "plate_share"
CV_SCALE: Final[str] = "cv_scale"
CV_CONTROL: Final[str] = "cv_control"
CV_INTRA: Final[str] = "cv_intra_percent"
CV_INTER: Final[str] = "cv_inter_percent"
PLATES_MEASURED: Final[str] = "plates"
EXCLUDED: Final[str] = "excluded"
PC1: Final[str] = "pc1"
PC2: Final[str] = "pc2"
OUTLIER_MEDIAN_IQR: Final[str] = "outlier_median_iqr"
OUTLIER_COMPONENTS: Final[str] = "outlier_components"
PANELS_OUTLYING_MEDIAN_IQR: Final[str] = "panels_outlying_median_iqr"
PANELS_OUTLYING_COMPONENTS: Final[str] = "panels_outlying_components"
FACTOR: Final[str] = "factor"
COMPONENT: Final[str] = "component"
VARIANCE_SHARE: Final[str] = "variance_share"
GROUPS: Final[str] = "groups"
R2: Final[str] = "r2"
N_VALUES: Final[str] = "n_values"
NAME: Final[str] = "name"
THRESHOLD: Final[str] = "threshold"

# Mendelian randomisation
METHOD: Final[str] = "method"
NSNP: Final[str] = "nsnp"
VARIANT_ID: Final[str] = "variant_id"

# truth of a simulated cohort
EFFECT: Final[str] = "effect"
ODDS_RATIO: Final[str] = "odds_ratio"
ROLE: Final[str] = "role"

M: Final[str] = "m"
FMI: Final[str] = "fmi"
P_PERMUTATION: Final[str] = "p_permutation"
P_FAMILY_WISE: Final[str] = "p_family_wise"
PERMUTED: Final[tuple[str, ...]] = (P_PERMUTATION, P_FAMILY_WISE)
"""Columns of associations that were held against permutations of people."""
POOLED: Final[tuple[str, ...]] = (M, FMI)
"""Columns of associations that were pooled over imputations."""

ASSOCIATIONS: Final[tuple[str, ...]] = (
    PROTEIN,
    GENE,
    EXPOSURE,
    OUTCOME,
    ADJUSTMENT,
    FAMILY,
    DIRECTION,
    TERM,
    CONTRAST,
    STRATUM,
    N,
    N_CASE,
    ESTIMATE,
    SE,
    STATISTIC,
    DF,
    NEG_LOG10_P,
    P_VALUE,
    CONF_LOW,
    CONF_HIGH,
    RATIO,
    P_BONFERRONI,
    Q_BH,
    P_HOLM,
    Q_BY,
    Q_STOREY,
    STATUS,
    MESSAGE,
)
JOINT_TESTS: Final[tuple[str, ...]] = (
    PROTEIN,
    GENE,
    EXPOSURE,
    OUTCOME,
    ADJUSTMENT,
    STRATUM,
    TEST,
    STATISTIC,
    DF,
    NEG_LOG10_P,
    P_VALUE,
    CONTRAST,
)
DROPS: Final[tuple[str, ...]] = (STEP, REASON, N)
ASSAYS: Final[tuple[str, ...]] = (PROTEIN, GENE, UNIPROT, PANEL, PLATFORM, UNIT, LOD)
FLAGS: Final[tuple[str, ...]] = (SAMPLE_ID, PROTEIN, PANEL, PLATE, FLAG, VALUE)
PLATES: Final[tuple[str, ...]] = (SAMPLE_ID, PANEL, PLATE, WELL, BATCH)
LIMITS: Final[tuple[str, ...]] = (PROTEIN, PLATE, LOD)
CONTROLS: Final[tuple[str, ...]] = (SAMPLE_ID, SAMPLE_TYPE, PLATE, PROTEIN, KIND, VALUE)
TRUTH: Final[tuple[str, ...]] = (PROTEIN, EXPOSURE, EFFECT, ODDS_RATIO, DIRECTION, ROLE)
