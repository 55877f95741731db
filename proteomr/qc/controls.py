"""Coefficients of variation on replicates of control samples."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import polars as pl

from proteomr.qc.placement import assay_column
from proteomr.tables import Measurements, load_schema
from proteomr.tables import columns as c

__all__ = ["Scale", "assess_controls", "choose_control", "scale_of_unit"]

Scale: TypeAlias = Literal["log2", "linear"]

_WITHOUT_PLASMA = ("neg", "buffer", "blank", "empty")


def scale_of_unit(unit: str | None) -> Scale | None:
    """Tell from the unit of an assay on which scale it is; None where the unit does not say.

    Examples
    --------
    >>> scale_of_unit("NPX"), scale_of_unit("log2 RFU"), scale_of_unit("RFU"), scale_of_unit("pg")
    ('log2', 'log2', 'linear', None)
    """
    text = (unit or "").casefold()
    if "npx" in text or text.startswith("log2"):
        return "log2"
    return "linear" if text == "rfu" else None


def assess_controls(measured: Measurements) -> pl.DataFrame:
    r"""Return coefficients of variation by assay and type of control sample.

    On a log2 scale with standard deviation s the value is log-normal, and

    .. math:: CV = 100 \sqrt{\exp((s \ln 2)^2) - 1};

    (Canchola et al. 2017, 10.15406/mojpb.2017.06.00200); on a linear scale it is 100 s / mean, the
    mean of all values. Within plates s is pooled over the plates with two or more replicates, with
    n - 1 of each as weights; between plates it is that of the plates' means, one value of each.
    Olink's reports average the CVs of the plates instead, which differs where plates do. Values
    whose plate is not known count in n alone. Where no scale is known both are empty; without two
    replicates on a plate there is no CV within, without two plates none between.

    Returns
    -------
    frame : schema ``qc_controls``; a type of control that is measured in ordinary samples too (a
        control assay) is left out.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> rows = {"sample_id": ["C", "C"], "sample_type": ["SC"] * 2, "plate": ["P1"] * 2}
    >>> measured = Measurements(
    ...     platform="somascan",
    ...     samples=pl.DataFrame({"sample_id": ["A1"]}),
    ...     proteins=ArrayProteins(("X",), np.array([[1.0]])),
    ...     assays=pl.DataFrame({"protein": ["X"], "unit": ["RFU"]}),
    ...     controls=pl.DataFrame({**rows, "protein": ["X"] * 2, "kind": ["protein"] * 2,
    ...                            "value": [90.0, 110.0]}),
    ... )
    >>> round(assess_controls(measured)["cv_intra_percent"][0], 2)
    14.14
    """
    schema = load_schema("qc_controls")
    rows = measured.controls.filter(
        pl.col(c.PROTEIN).is_in(list(measured.proteins.names)),
        pl.col(c.SAMPLE_TYPE).str.to_lowercase() != "sample",
        pl.col(c.VALUE).is_finite(),
    )
    if not rows.height:
        return schema.empty()
    group = [c.PROTEIN, c.SAMPLE_TYPE]
    ordered = rows.sort(*group, c.PLATE, c.VALUE)  # sums in one order whatever that of the source
    by_plate = ordered.group_by(*group, c.PLATE, maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("k"),
        pl.col(c.VALUE).mean().alias("m"),
        pl.col(c.VALUE).var().fill_null(0.0).alias("v"),
    )
    placed = pl.col(c.PLATE).is_not_null()
    freedom, weight = (pl.col("k") - 1).filter(placed), pl.col("k") * pl.col("m")
    spread = by_plate.group_by(*group, maintain_order=True).agg(
        pl.col("k").sum().alias(c.N),
        placed.sum().cast(pl.Int64).alias(c.PLATES_MEASURED),
        (weight.sum() / pl.col("k").sum()).alias("mean"),
        ((freedom * pl.col("v").filter(placed)).sum() / freedom.sum()).sqrt().alias("within"),
        pl.col("m").filter(placed).std().alias("between"),
    )
    names = pl.DataFrame(
        {
            c.PROTEIN: list(measured.proteins.names),
            c.CV_SCALE: [scale_of_unit(unit) for unit in assay_column(measured, c.UNIT)],
        },
        schema={c.PROTEIN: pl.String, c.CV_SCALE: pl.String},
    )
    table = spread.join(names, on=c.PROTEIN).sort(c.PROTEIN, c.SAMPLE_TYPE)
    variation = table.with_columns(_percent("within", c.CV_INTRA), _percent("between", c.CV_INTER))
    return schema.validate(variation.select(schema.names))


def _percent(spread: str, name: str) -> pl.Expr:
    s = pl.col(spread)
    logarithmic = 100 * (((s * math.log(2)) ** 2).exp() - 1).sqrt()
    linear = pl.when(pl.col("mean") > 0).then(100 * s / pl.col("mean"))
    chosen = (
        pl.when(pl.col(c.CV_SCALE) == "log2")
        .then(logarithmic)
        .when(pl.col(c.CV_SCALE) == "linear")
        .then(linear)
    )
    return pl.when(chosen.is_finite()).then(chosen).alias(name)


def choose_control(controls: pl.DataFrame) -> pl.DataFrame:
    """Return one row per assay: that of the type of control on which it is judged.

    Controls without plasma (their type speaks of negative, buffer, blank or empty) vary for other
    reasons and are passed over; of the rest the type with most values is taken, then the first by
    name.

    Parameters
    ----------
    controls : of `assess_controls`.

    Examples
    --------
    >>> choose_control(load_schema("qc_controls").empty()).columns
    ['protein', 'cv_control', 'cv_scale', 'cv_intra_percent', 'cv_inter_percent']
    """
    kind = pl.col(c.SAMPLE_TYPE).str.to_lowercase()
    with_plasma = controls.filter(~kind.str.contains_any(list(_WITHOUT_PLASMA)))
    values = with_plasma.group_by(c.SAMPLE_TYPE).agg(pl.col(c.N).sum().alias("all"))
    ranked = with_plasma.join(values, on=c.SAMPLE_TYPE).sort(
        c.PROTEIN, "all", c.SAMPLE_TYPE, descending=[False, True, False]
    )
    first = ranked.unique(c.PROTEIN, keep="first", maintain_order=True)
    return first.select(
        c.PROTEIN, pl.col(c.SAMPLE_TYPE).alias(c.CV_CONTROL), c.CV_SCALE, c.CV_INTRA, c.CV_INTER
    )
