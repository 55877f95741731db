"""What became of the people in the fits, and which covariates left the models."""

from __future__ import annotations

from typing import Any

import polars as pl

from proteomr.models import find_aliased
from proteomr.tables import Associations
from proteomr.tables import columns as c

__all__ = ["describe_people", "measure_attrition", "name_aliased"]

_KEYS = (c.ADJUSTMENT, c.EXPOSURE, c.OUTCOME, c.STRATUM)
# Contrasts of which everybody knows that the second level are the cases.
_PLAIN = {"1 vs 0", "2 vs 1", "true vs false", "yes vs no", "case vs control", "y vs n"}
_LOSSES = {
    "withdrawn": "withdrawn",
    "not_chosen": "not asked for",
    "without_proteins": "without proteins",
    "target_missing": "without a value of it",
    "covariate_missing": "with a missing covariate",
    "weight_or_cluster_missing": "without weight, cluster or instrument",
    "panel_covariate_missing": "without a panel's covariate",
}
_TEXT = (*_KEYS, c.CONTRAST)


def measure_attrition(counted: pl.DataFrame, associations: Associations) -> pl.DataFrame:
    """Return counts of people with those in the fits, and the covariates that left.

    Parameters
    ----------
    counted : of :func:`proteomr.scan.count_people`.
    associations : of the same scan.
    """
    texts = counted.with_columns(
        pl.col(_TEXT).cast(pl.String),
        pl.col(c.N_CASE).cast(pl.Int64),
        pl.col("n_effective").cast(pl.Float64),
    )
    fitted = associations.frame.group_by(_KEYS, maintain_order=True).agg(
        pl.col(c.N).filter(pl.col(c.ESTIMATE).is_not_null()).min().alias("fit_least"),
        pl.col(c.N).filter(pl.col(c.ESTIMATE).is_not_null()).max().alias("fit_most"),
        pl.col(c.MESSAGE).drop_nulls().unique(maintain_order=True).alias("messages"),
    )
    joined = texts.join(fitted, on=_KEYS, how="left", nulls_equal=True, maintain_order="left")
    aliased = [
        ", ".join(dict.fromkeys(name for said in messages or () for name in find_aliased(said)))
        for messages in joined["messages"].to_list()
    ]
    named = pl.Series("aliased", [names or None for names in aliased], dtype=pl.String)
    return joined.drop("messages").with_columns(named)


def name_aliased(attrition: pl.DataFrame) -> tuple[str, ...]:
    """Say which covariates left the models of a set, since others determine them.

    Parameters
    ----------
    attrition : of :func:`measure_attrition`.

    Examples
    --------
    >>> name_aliased(pl.DataFrame({"adjustment": ["full"], "aliased": ["months"]}))[0]
    "set 'full': months left the models, since the other covariates determine it; ..."
    """
    sets: dict[tuple[str, str], None] = {}
    for label, names in attrition.select(c.ADJUSTMENT, "aliased").rows():
        if names is not None:
            sets[label, names] = None
    return tuple(
        f"set {label!r}: {names} left the models, since the other covariates determine "
        f"{'them' if ', ' in names else 'it'}; the column message says in which fits"
        for label, names in sets
    )


def describe_people(attrition: pl.DataFrame) -> list[str]:
    """Say for each target, adjustment set and stratum who is left, who is lost and why.

    Parameters
    ----------
    attrition : of :func:`measure_attrition`, or of :func:`proteomr.scan.count_people`.

    Examples
    --------
    >>> print(*describe_people(pl.DataFrame({
    ...     "adjustment": ["full"], "exposure": ["lonely"], "outcome": [None], "stratum": [None],
    ...     "people": [3000], "withdrawn": [0], "not_chosen": [0], "without_proteins": [250],
    ...     "target_missing": [0], "covariate_missing": [319], "weight_or_cluster_missing": [0],
    ...     "panel_covariate_missing": [0], "complete": [2431], "complete_least": [2431],
    ...     "n_case": [213], "contrast": ["1 vs 0"]})))
    lonely, full: 2,431 of 3,000 people (250 without proteins, ...), 213 cases
    """
    return [_describe_row(row) for row in attrition.iter_rows(named=True)]


def _describe_row(row: dict[str, Any]) -> str:
    keys = (row[c.EXPOSURE] or row[c.OUTCOME], row[c.ADJUSTMENT], row[c.STRATUM])
    where = ", ".join(str(key) for key in keys if key is not None)
    most, least = row["complete"], row["complete_least"]
    span = f"{most:,}" if most == least else f"{least:,} to {most:,} (by panel)"
    lost = [f"{row[name]:,} {why}" for name, why in _LOSSES.items() if row[name]]
    said = [f"{span} of {row['people']:,} people{_in_brackets(lost)}"]
    if row[c.N_CASE] is not None:
        said.append(_describe_cases(row[c.N_CASE], str(row[c.CONTRAST])))
    if row.get("n_effective") is not None:
        said.append(f"effective number {row['n_effective']:,.0f} by their weights")
    few, many = row.get("fit_least"), row.get("fit_most")
    if many is not None and (few, many) != (most, most):
        fits = f"{many:,}" if few == many else f"{few:,} to {many:,}"
        said.append(f"{fits} in a fit")
    return f"{where}: {', '.join(said)}"


def _in_brackets(words: list[str]) -> str:
    return f" ({', '.join(words)})" if words else ""


def _describe_cases(n: int, contrast: str) -> str:
    level = "" if contrast.casefold() in _PLAIN else f" ({contrast})"
    return f"{n:,} case{'' if n == 1 else 's'}{level}"
