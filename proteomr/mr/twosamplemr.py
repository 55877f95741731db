"""Column names of the R package TwoSampleMR, written."""

from __future__ import annotations

import polars as pl

from proteomr.gwas.twosamplemr import PARTS
from proteomr.stats.distributions import p_from_neg_log10

__all__ = ["to_twosamplemr"]


def to_twosamplemr(table: pl.DataFrame) -> pl.DataFrame:
    """Return a harmonised table with TwoSampleMR's column names, without absent variants.

    Parameters
    ----------
    table : as `proteomr.mr.harmonise.harmonise_table` gives it.

    Returns
    -------
    theirs : ``SNP``, ``rsid``, ``effect_allele.exposure``, ..., ``pval.outcome``, ``remove``,
        ``palindromic``, ``ambiguous``, ``mr_keep``, ``action``, ``id.exposure``, ``exposure``,
        ``id.outcome``, ``outcome``, ``SNP_index``, and ``reason``.

    Examples
    --------
    >>> from proteomr.mr.harmonise import harmonise_table
    >>> study = pl.DataFrame(
    ...     {"variant_id": ["rs1"], "effect_allele": ["A"], "other_allele": ["G"], "beta": [0.1],
    ...      "se": [0.01]}
    ... )
    >>> to_twosamplemr(harmonise_table(study, study)).select("SNP", "beta.outcome").row(0)
    ('rs1', 0.1)
    """
    present = table.filter(pl.col("reason") != "absent_from_outcome")
    names = {
        f"{ours}_{side}": f"{theirs}.{side}"
        for side in ("exposure", "outcome")
        for theirs, ours in list(PARTS.items())[:6]
    }
    order = pl.int_range(1, pl.len() + 1).over("exposure", "outcome", "variant_id")
    p_values = [
        pl.Series(
            f"pval.{side}", p_from_neg_log10(present[f"neg_log10_p_{side}"].to_numpy())
        ).fill_nan(None)
        for side in ("exposure", "outcome")
    ]
    return present.select(
        pl.col("variant_id").alias("SNP"),
        pl.col("rsid"),
        *(pl.col(ours).alias(theirs) for ours, theirs in names.items()),
        *p_values,
        pl.col("chromosome").alias("chr"),
        pl.col("position_bp").alias("pos"),
        pl.col("remove", "palindromic", "ambiguous", "mr_keep", "action"),
        pl.col("exposure").alias("id.exposure"),
        pl.col("exposure"),
        pl.col("outcome").alias("id.outcome"),
        pl.col("outcome"),
        order.alias("SNP_index"),
        pl.col("reason"),
    )
