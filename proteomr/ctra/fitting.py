"""One model of a contrast: people's columns, the genes in it, and its coefficients as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.ctra.genes import Contrast
from proteomr.ctra.specification import CtraRequest, Interaction
from proteomr.design import Formula, build, columns_of, parse
from proteomr.errors import ColumnError, UsageError
from proteomr.runs.notes import add_note
from proteomr.stats.distributions import neg_log10_p_t, p_from_neg_log10, quantile_t
from proteomr.stats.gene_variances import fit_gene_variances
from proteomr.stats.repeated_contrasts import (
    ContrastFit,
    find_complete,
    fit_intercepts,
    fit_means,
    fit_symmetric,
)
from proteomr.status import Status
from proteomr.tables import columns as c

__all__ = ["PeopleModel", "fit_contrast", "lay_out_people", "scale_genes", "tell_rows"]

_FEWEST = 3  # people of a model beyond its coefficients, below which a fit says nothing
_TOO_SMALL = 1.15  # errors of people over the model's; chance moves them by 7 % at 110 people


@dataclass(frozen=True, slots=True)
class PeopleModel:
    """The columns of people of one model.

    Attributes
    ----------
    exposure, adjustment : labels of the rows.
    rows : people who have all columns.
    X : ``(n, p)``, the intercept first, exposures last.
    names : of the columns.
    tested : positions of the columns that have a row.
    interaction : whose slopes are told; None for none.
    """

    exposure: str
    adjustment: str
    rows: I64
    X: F64
    names: tuple[str, ...]
    tested: tuple[int, ...]
    interaction: Interaction | None = None


def lay_out_people(
    samples: pl.DataFrame,
    exposures: tuple[str, ...],
    *,
    adjustment: str,
    covariates: Formula,
    interaction: Interaction | None = None,
) -> PeopleModel:
    """Return the columns of a model, of people who have all of them.

    Raises
    ------
    FormulaError, ColumnError
        A column is not there, or cannot be used.
    """
    told = [_quote(name) for name in exposures]
    if interaction is not None:
        own, other = _quote(interaction.exposure), _quote(interaction.moderator)
        told = [one for one in told if one != other] + [other, f"{own}:{other}"]
    tested = parse(" + ".join(told))
    text = " + ".join([str(covariates), *told]) if covariates.terms else str(tested)
    whole = parse(text).resolve(samples.columns)
    seen = samples.select(
        pl.all_horizontal(pl.col(list(whole.variables)).is_not_null())
    ).to_series()
    rows = np.flatnonzero(seen.to_numpy()).astype(np.int64)
    if not rows.size:
        raise ColumnError(f"nobody has all of {', '.join(whole.variables)}")
    design = build(whole, samples[rows])
    places = columns_of(design, tested)[1:]
    if interaction is not None and interaction.slopes:
        for name in (interaction.exposure, interaction.moderator):
            if not samples[name].dtype.is_numeric():
                raise UsageError(f"--slopes are of numbers, and {name!r} is a factor")
    order = [at for at in range(len(design.names)) if at not in places] + list(places)
    names = tuple(design.names[at] for at in order)
    return PeopleModel(
        " + ".join(exposures),
        adjustment,
        rows,
        design.matrix[:, order],
        names,
        tuple(range(len(order) - len(places), len(order))),
        interaction,
    )


def _quote(name: str) -> str:
    return name if name.isidentifier() else "`" + name.replace("`", "``") + "`"


def scale_genes(values: F64, *, scale: str) -> F64:
    """Return genes over their standard deviations about their means, n - 1; or as they are.

    Examples
    --------
    >>> scale_genes(np.array([[1.0], [2.0], [3.0]]), scale="z")[:, 0].tolist()
    [-1.0, 0.0, 1.0]
    """
    if scale == "log2":
        return values
    there = np.isfinite(values)
    n = there.sum(axis=0)
    mean = np.where(there, values, 0.0).sum(axis=0) / np.maximum(n, 1)
    left = np.where(there, values - mean, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = np.sqrt((left**2).sum(axis=0) / (n - 1))
        return np.asarray((values - mean) / sd)


def fit_contrast(
    contrast: Contrast, model: PeopleModel, asked: CtraRequest
) -> tuple[ContrastFit, int, int]:
    """Fit one model, and return it with the people and the genes that are in it."""
    values = contrast.values[model.rows]
    with np.errstate(invalid="ignore"):
        spread = np.nanmax(values, axis=0, initial=-np.inf) > np.nanmin(
            values, axis=0, initial=np.inf
        )
    used = np.flatnonzero(spread)
    X = model.X
    people = np.flatnonzero(np.isfinite(values[:, used]).any(axis=1))
    complete = find_complete(values[:, used])
    if asked.model == "gls" and complete.size < people.size:
        add_note(
            f"gls takes people who have all genes: {people.size - complete.size:,} of "
            f"{people.size:,} are left out; --model mixed takes them in"
        )
        people = complete
    Y = scale_genes(values[people][:, used], scale=asked.scale)
    X = X[people]
    if not used.size or people.size < X.shape[1] + _FEWEST:
        nothing = np.full(X.shape[1], np.nan)
        empty = np.full((X.shape[1],) * 2, np.nan)
        return ContrastFit(nothing, empty, nothing, int(Status.too_few)), people.size, used.size
    return _fit(Y, X, asked), people.size, used.size


def _fit(Y: F64, X: F64, asked: CtraRequest) -> ContrastFit:
    if asked.model == "composite":
        return fit_means(Y, X)
    if asked.model == "mixed":
        if np.isfinite(Y).all():
            return fit_symmetric(Y, X, covariance="random")
        return fit_intercepts(Y, X)
    people = asked.errors == "people"
    if not asked.gene_variances:
        fit = fit_symmetric(Y, X, covariance="symmetric", ml=asked.ml)
        means = fit_means(Y, X)  # all genes weigh the same
        return replace(fit, covariance=means.covariance, df=means.df) if people else fit
    fit = fit_gene_variances(Y, X, ml=asked.ml, between_people=people)
    if fit.people_differ > _TOO_SMALL and not people:
        add_note(
            f"--gene-variances: people differ {fit.people_differ:.1f} times as much as the model "
            "says, so that its errors are too small; --errors people takes what they differ by"
        )
    return fit


def tell_rows(
    fit: ContrastFit, model: PeopleModel, asked: CtraRequest, more: Mapping[str, object]
) -> Iterator[dict[str, Any]]:
    """Yield a row for each coefficient that is tested, and each slope."""
    p = len(model.names)
    for at in model.tested:
        yield _tell(fit, np.eye(p)[at], model, asked, {"term": model.names[at], "at": None, **more})
    own = model.interaction
    if own is None:
        return
    product = [at for at in model.tested if ":" in model.names[at]]
    for value in own.slopes:
        contrast = np.zeros(p)
        contrast[model.names.index(own.exposure)] = 1.0
        contrast[product[0]] = value
        label = f"slope at {own.moderator} = {value:g}"
        told = {"term": own.exposure, "contrast": label, "at": value, **more}
        yield _tell(fit, contrast, model, asked, told)


def _tell(
    fit: ContrastFit, contrast: F64, model: PeopleModel, asked: CtraRequest, more: Mapping[str, Any]
) -> dict[str, Any]:
    used = np.flatnonzero(contrast)
    status = fit.status
    if status == Status.ok and not np.isfinite(fit.beta[used]).all():
        status = int(Status.collinear)
    row: dict[str, Any] = {
        c.EXPOSURE: model.exposure,
        c.ADJUSTMENT: model.adjustment,
        "model": asked.model,
        c.CONTRAST: None,
        **more,
        c.STATUS: Status(status).name,
    }
    if status != Status.ok:
        return row
    weight = contrast[used]
    estimate = float(weight @ fit.beta[used])
    se = float(np.sqrt(weight @ fit.covariance[np.ix_(used, used)] @ weight))
    df = float(fit.df[used].min())
    minus_log = float(neg_log10_p_t([estimate / se], [df])[0])
    reach = float(quantile_t([0.5 + 0.5 * asked.level], [df])[0]) * se
    return row | {
        c.ESTIMATE: estimate,
        c.SE: se,
        c.STATISTIC: estimate / se,
        c.DF: df,
        c.NEG_LOG10_P: minus_log,
        c.P_VALUE: float(p_from_neg_log10([minus_log])[0]),
        c.CONF_LOW: estimate - reach,
        c.CONF_HIGH: estimate + reach,
        "correlation": fit.correlation if np.isfinite(fit.correlation) else None,
    }
