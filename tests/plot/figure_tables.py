"""Tables of every kind that has a figure, of any length."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from proteomr.stats.multiple import adjust
from proteomr.tables.genes import load_genes

GENES = (
    load_genes()
    .frame.filter(pl.col("gene_type") == "protein-coding", pl.col("start").is_not_null())["symbol"]
    .sort()
    .to_list()
)
LONG = "a name of more than forty letters, which no panel has room for at all"


def make_table(m: int, *, models: int = 1, seed: int = 1, ratio: bool = False) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    names = [GENES[i] for i in rng.choice(len(GENES), m, replace=False)]
    parts = []
    for model in range(models):
        se = rng.uniform(0.02, 0.05, m)
        estimate = rng.normal(0, 0.03, m) + np.where(rng.random(m) < 0.2, rng.normal(0, 0.3, m), 0)
        z = np.abs(estimate / se)
        height = z**2 / 4.6 + 0.2
        parts.append(
            pl.DataFrame(
                {
                    "protein": names,
                    "adjustment": f"set{model}",
                    "family": "logistic" if ratio else "linear",
                    "term": names if ratio else "lonely",
                    "estimate": estimate,
                    "se": se,
                    "conf_low": estimate - 1.96 * se,
                    "conf_high": estimate + 1.96 * se,
                    "neg_log10_p": height,
                    "p_value": 10.0**-height,
                    "ratio": np.exp(estimate) if ratio else [None] * m,
                }
            )
        )
    return pl.concat(parts, how="diagonal_relaxed")


def make_curves(groups: int = 4, proteins: int = 2) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for protein in range(proteins):
        for group in range(groups):
            left, survival = 900, 1.0
            for time in np.sort(rng.uniform(0, 14, 30)):
                survival *= 1 - 1 / left
                rows.append((f"P{protein}", "death", f"Q{group + 1}", time, left, 1, 4, survival))
                left -= 5
    names = ["protein", "outcome", "group", "time", "at_risk", "events", "censored", "survival"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    spread = pl.col("survival") * 0.02
    return frame.with_columns(
        conf_low=pl.col("survival") - spread, conf_high=pl.col("survival") + spread
    )


def make_splits(splits: int = 20) -> pl.DataFrame:
    rng = np.random.default_rng(4)
    return pl.DataFrame(
        {
            "split": [str(i) for i in range(splits)] * 2,
            "exposure": ["lonely"] * splits + ["isolated"] * splits,
            "r_effects": rng.uniform(0.3, 0.8, 2 * splits),
            "sign_agreement": rng.uniform(0.5, 0.9, 2 * splits),
            "hits_both": rng.integers(0, 9, 2 * splits),
        }
    )


def make_mediation(m: int = 12) -> pl.DataFrame:
    table = make_table(m)
    return table.drop("term", "ratio", "family").with_columns(quantity=pl.lit("proportion"))


def make_region() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two traits that share a variant in a region: other priors, and the variants."""
    keys = {"trait1": "ADM", "trait2": "stroke", "region": "11:1-9", "set1": None, "set2": None}
    p12 = 10 ** np.linspace(-8, -4, 9)
    h4 = p12 / (p12 + 1e-6)
    priors = pl.DataFrame({"p12": p12, "pp_h4": h4, "pp_h3": 0.9 * (1 - h4), "pp_h0": 0.0 * h4})
    priors = priors.with_columns(pp_h1=0.1 * (1 - pl.col("pp_h4")), pp_h2=pl.lit(0.0))
    rng = np.random.default_rng(4)
    peak = np.exp(-0.01 * (np.arange(120) - 60.0) ** 2)
    variants = pl.DataFrame(
        {
            "snp": [f"rs{i}" for i in range(120)],
            "position_bp": np.arange(120) * 5000 + 10_000_000,
            "neg_log10_p1": 30 * peak + rng.exponential(0.5, 120),
            "neg_log10_p2": 12 * peak + rng.exponential(0.5, 120),
            "pp_h4": peak / peak.sum(),
            "credible": peak > 0.6,
        }
    )
    both = (
        frame.with_columns(**{k: pl.lit(v) for k, v in keys.items()})
        for frame in (priors, variants)
    )
    first, second = both
    return first, second


def make_sets(m: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    height = rng.exponential(2.0, m)
    return pl.DataFrame(
        {
            "set": [f"regulation of a process number {i}" for i in range(m)],
            "odds_ratio": rng.lognormal(0, 1, m),
            "overlap": rng.integers(1, 40, m),
            "neg_log10_p": height,
            "q_bh": adjust(height, method="bh"),
        }
    )


def make_modules(m: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(6)
    return pl.DataFrame(
        {
            "protein": [f"P{i}" for i in range(m)],
            "module": rng.choice(6, m, p=[0.2, 0.3, 0.2, 0.15, 0.1, 0.05]),
            "connectivity": rng.gamma(2.0, 3.0, m),
        }
    )


def make_edges(m: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(9)
    ends = [sorted(rng.choice(m, 2, replace=False).tolist()) for _ in range(70)]
    pairs = sorted({(a, b) for a, b in ends} | {(m, m + 1), (m, m + 2)})
    return pl.DataFrame(
        {
            "gene1": [f"GENE{a}" for a, _ in pairs],
            "gene2": [f"GENE{b}" for _, b in pairs],
            "strength": rng.uniform(0.4, 1.0, len(pairs)),
        }
    )


def make_attrition() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "adjustment": ["simple", "full"],
            "exposure": ["isolation", "isolation"],
            "people": [42_062, 42_062],
            "withdrawn": [12, 12],
            "without_proteins": [0, 0],
            "target_missing": [310, 310],
            "covariate_missing": [25, 4_101],
            "complete": [41_715, 37_639],
            "n_case": [3_905, 3_456],
        }
    )


def make_quality(m: int = 60) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    return pl.DataFrame(
        {
            "sample_id": [f"S{i}" for i in range(2 * m)],
            "panel": ["Inflammation"] * m + ["Neurology"] * m,
            "median": rng.normal(size=2 * m),
            "iqr": rng.gamma(4.0, 0.3, 2 * m),
            "outlier_median_iqr": rng.random(2 * m) < 0.05,
            "pc1": rng.normal(size=2 * m),
            "pc2": rng.normal(size=2 * m),
            "outlier_components": rng.random(2 * m) < 0.05,
        }
    )


def make_causes(outcomes: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(8)
    estimate = rng.normal(0.0, 0.2, 2 * outcomes)
    return pl.DataFrame(
        {
            "exposure": "loneliness",
            "outcome": [f"protein {i // 2} of plasma" for i in range(2 * outcomes)],
            "direction": "forward",
            "method": ["ivw", "weighted_median"] * outcomes,
            "estimate": estimate,
            "se": 0.03,
            "neg_log10_p": (estimate / 0.03) ** 2 / 4.6,
            "conf_low": estimate - 0.06,
            "conf_high": estimate + 0.06,
            "status": "ok",
        }
    )


def make_variants(m: int = 30) -> pl.DataFrame:
    rng = np.random.default_rng(9)
    x = rng.uniform(0.05, 0.2, m)
    y = 0.4 * x + rng.normal(0, 0.02, m)
    return pl.DataFrame(
        {
            "exposure": "loneliness",
            "outcome": "ADM",
            "direction": "forward",
            "variant_id": [f"rs{1000 + i}" for i in range(m)],
            "method": "wald",
            "estimate": y / x,
            "se": 0.02 / x,
            "neg_log10_p": (y / 0.02) ** 2 / 4.6,
            "beta_exposure": x,
            "se_exposure": 0.01,
            "beta_outcome": y,
            "se_outcome": 0.02,
        }
    )


def make_risks(groups: int = 10) -> pl.DataFrame:
    rng = np.random.default_rng(10)
    parts = []
    for model, adjustment in (("score", None), ("covariates", "full"), ("both", "full")):
        predicted = np.sort(rng.beta(2, 20, groups))
        parts.append(
            pl.DataFrame(
                {
                    "set": "all",
                    "model": model,
                    "adjustment": pl.Series([adjustment] * groups, dtype=pl.String),
                    "horizon": 10.0,
                    "group": np.arange(groups) + 1,
                    "predicted": predicted,
                    "observed": np.abs(predicted + rng.normal(0, 0.01, groups)),
                    "se": 0.01,
                }
            )
        )
    return pl.concat(parts)


def make_benefits(thresholds: int = 20) -> pl.DataFrame:
    at = np.linspace(0.01, 0.5, thresholds)
    parts = [
        pl.DataFrame({"set": "all", "model": name, "adjustment": None, "horizon": horizon,
                      "threshold": at, "net_benefit": high - slope * at, "se": 0.01})
        for name, high, slope in (("score", 0.06, 0.1), ("both", 0.07, 0.1), ("everybody", 0.05, 9))
        for horizon in (5.0, 10.0)
    ]  # fmt: skip
    return pl.concat(parts)


def make_studies(studies: int = 12, effects: int = 2) -> pl.DataFrame:
    rng = np.random.default_rng(11)
    m = studies * effects
    return pl.DataFrame(
        {
            "protein": [f"P{i // studies}" for i in range(m)],
            "study": [f"Cohort number {i % studies} of many" for i in range(m)],
            "study_estimate": rng.normal(0.1, 0.05, m),
            "study_se": rng.uniform(0.02, 0.1, m),
            "weight": rng.uniform(1, 10, m),
        }
    )


def make_compared(m: int = 120) -> pl.DataFrame:
    rng = np.random.default_rng(12)
    true = rng.normal(0, 0.2, 2 * m)
    return pl.DataFrame(
        {
            "exposure": ["isolation"] * m + ["loneliness"] * m,
            "protein": [f"P{i}" for i in range(m)] * 2,
            "estimate_a": true + rng.normal(0, 0.05, 2 * m),
            "estimate_b": true + rng.normal(0, 0.1, 2 * m),
            "neg_log10_p_a": rng.exponential(2.0, 2 * m),
            "neg_log10_p_b": rng.exponential(2.0, 2 * m),
            "hit_a": rng.random(2 * m) < 0.2,
            "hit_b": rng.random(2 * m) < 0.2,
        }
    )


def make_e_values(m: int = 50) -> pl.DataFrame:
    rng = np.random.default_rng(13)
    limit = 1 + np.where(rng.random(m) < 0.3, 0.0, rng.exponential(0.5, m))
    limit[0] = 60.0
    return pl.DataFrame(
        {
            "protein": [f"P{i // 2}" for i in range(m)],
            "exposure": ["loneliness" if i % 2 else "isolation" for i in range(m)],
            "term": "x",
            "e_value": limit + rng.exponential(0.5, m),
            "e_value_limit": limit,
        }
    )


def make_balance(m: int = 30) -> pl.DataFrame:
    rng = np.random.default_rng(14)
    return pl.DataFrame(
        {
            "by": ["isolation"] * m + ["loneliness"] * m,
            "variable": [f"A variable of several words, number {i}" for i in range(m)] * 2,
            "smd": rng.normal(0, 0.2, 2 * m),
        }
    )


def make_contrasts(m: int = 6) -> pl.DataFrame:
    rng = np.random.default_rng(15)
    rows = [(f"exposure {i}", part) for i in range(m) for part in ("all", "pro", "anti")]
    estimate = rng.normal(0, 0.1, 3 * m)
    return pl.DataFrame(
        {
            "exposure": [name for name, _ in rows],
            "adjustment": "full",
            "model": "composite",
            "term": [name for name, _ in rows],
            "contrast": None,
            "at": pl.Series([None] * (3 * m), dtype=pl.Float64),
            "component": [part for _, part in rows],
            "estimate": estimate,
            "conf_low": estimate - 0.1,
            "conf_high": estimate + 0.1,
            "neg_log10_p": rng.exponential(1.0, 3 * m),
            "status": "ok",
        }
    )


def make_probabilities(m: int = 60) -> pl.DataFrame:
    """Return two regions with sets; that of the second trait has no positions."""
    rng = np.random.default_rng(16)
    parts = []
    for trait in ("ADM", "a trait of a longer name"):
        pip = rng.dirichlet(np.full(m, 0.05))
        pip = np.minimum(1.0, pip * (1 if m == 1 else 2))
        parts.append(
            pl.DataFrame(
                {
                    "trait": trait,
                    "region": "11:10283000-10283900",
                    "snp": [f"11:{10_283_000 + i}:ACGTTGCA:G" for i in range(m)],
                    "pip": pip,
                    "set": [f"L{1 + i % 2}" if p > 0.05 else None for i, p in enumerate(pip)],
                    "position_bp": pl.Series(
                        [None if len(trait) > 3 else 10_283_000 + 7 * i for i in range(m)],
                        dtype=pl.Int64,
                    ),
                },
                schema_overrides={"set": pl.String},
            )
        )
    return pl.concat(parts)


def make_signals(m: int = 20) -> pl.DataFrame:
    rng = np.random.default_rng(17)
    beta = rng.normal(0, 0.1, m)
    joint = beta * rng.uniform(0.5, 1.0, m)
    return pl.DataFrame(
        {
            "trait": "ADM",
            "variant_id": [f"11:{i}:ACGTTGCA:G" for i in range(m)],
            "beta": beta, "se": 0.01, "neg_log10_p": (beta / 0.01) ** 2 / 4.6,
            "bJ": joint, "bJ_se": 0.012, "neg_log10_pJ": (joint / 0.012) ** 2 / 4.6,
        }
    )  # fmt: skip


TABLES: dict[str, Callable[[], pl.DataFrame]] = {
    "causes": make_causes,
    "scatter": make_variants,
    "variants": make_variants,
    "funnel": make_variants,
    "leave-one-out": make_variants,
    "volcano": lambda: make_table(300, models=3, ratio=True),
    "miami": lambda: make_table(300),
    "manhattan": lambda: make_table(300, models=2),
    "qq": lambda: make_table(300, models=3),
    "forest": lambda: make_table(40, models=2, ratio=True),
    "effects": lambda: make_table(200, models=3),
    "heatmap": lambda: make_table(200, models=6),
    "replication": make_splits,
    "km": make_curves,
    "mediation": make_mediation,
    "network": make_modules,
    "interactions": make_edges,
    "enrichment": make_sets,
    "calibration": make_risks,
    "decision": make_benefits,
    "studies": make_studies,
    "flow": make_attrition,
    "qc": make_quality,
    "agreement": make_compared,
    "e-values": make_e_values,
    "balance": make_balance,
    "contrast": make_contrasts,
    "fine-map": make_probabilities,
    "signals": make_signals,
    "coloc": lambda: make_region()[0],
    "region": lambda: make_region()[1],
}
