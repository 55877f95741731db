"""What the gap of a clock goes with, at equal age."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.design import build, parse
from proteomr.design.tokens import quote
from proteomr.score.fitting import Laid
from proteomr.stats.distributions import neg_log10_p_t
from proteomr.tables import load_schema

__all__ = ["associate_gaps"]

_UNADJUSTED = "unadjusted"


def associate_gaps(
    scores: pl.DataFrame, laid: Laid, samples: pl.DataFrame, *, exposures: Sequence[str]
) -> pl.DataFrame:
    r"""Return the association of exposures with the gap of each person, HC3 errors.

    .. math:: \mathrm{gap} = b x + c\,\mathrm{age} + d_{\mathrm{fold}} + Z e + \varepsilon

    Age is in every model: what the line of training people leaves of it would else be taken for an
    effect of whatever goes with age (Smith et al. 2019, doi:10.1016/j.neuroimage.2019.06.017). So
    are the folds, whose scores come from different models. With sampling weights it is the weighted
    regression, and its errors are robust over people still.

    Parameters
    ----------
    scores : of the people, in the order of the samples within each set.
    laid : ages, folds and covariates.
    samples : columns of the people.
    exposures : names of columns.
    """
    n = laid.fold.size
    age, fold = laid.predicted.values, laid.fold
    root = np.sqrt(laid.predicted.counts)
    base = np.column_stack(
        [np.ones(n), age - age.mean(), *(fold == k for k in range(1, fold.max() + 1))]
    )
    sets = laid.designs or ((_UNADJUSTED, np.empty((n, 0))),)
    rows: list[dict[str, object]] = []
    for name, own in scores.group_by("set", maintain_order=True):
        gap = own["gap"].to_numpy()
        for exposure in exposures:
            design = build(parse(quote(exposure)), samples)
            terms = design.names[1:]
            for label, Z in sets:
                X = np.column_stack([design.matrix[:, 1:], base, Z])
                found = _fit(X * root[:, None], gap * root, len(terms))
                keys = {"set": name[0], "exposure": exposure, "adjustment": label, "n": n}
                rows += [{**keys, "term": t, **f} for t, f in zip(terms, found, strict=True)]
    schema = load_schema("gap_associations")
    kinds = dict.fromkeys(("estimate", "se", "statistic", "df", "p_value"), pl.Float64)
    return schema.validate(
        pl.DataFrame(rows, schema_overrides=kinds, infer_schema_length=None).select(schema.names)
    )


def _fit(X: F64, y: F64, wanted: int) -> list[dict[str, object]]:
    """Return the first coefficients of least squares with HC3 errors."""
    unit = np.sqrt((X**2).sum(axis=0))
    safe = np.where(unit > 0.0, unit, 1.0)
    Q, R, pivots = _decompose(X / safe, wanted)
    df = float(y.size - pivots.size)
    empty: dict[str, object] = {
        "estimate": None, "se": None, "statistic": None, "df": None, "p_value": None,
        "status": "collinear",
    }  # fmt: skip
    inverse = np.linalg.inv(R)
    leverage = np.minimum((Q**2).sum(axis=1), 1.0 - 1e-12)
    b = inverse @ (Q.T @ y)
    errors = (y - Q @ (Q.T @ y)) / (1.0 - leverage)
    spread = inverse @ (Q * errors[:, None]).T
    se = np.sqrt((spread**2).sum(axis=1))
    out: list[dict[str, object]] = []
    for term in range(wanted):
        place = np.flatnonzero(pivots == term)
        if not place.size or df <= 0.0:
            out.append(empty)
            continue
        k = int(place[0])
        t = float(b[k] / se[k])
        p = float(10.0 ** -neg_log10_p_t(np.array([t]), df)[0])
        scale = float(safe[term])
        out.append(
            {
                "estimate": float(b[k]) / scale,
                "se": float(se[k]) / scale,
                "statistic": t,
                "df": df,
                "p_value": p,
                "status": "ok",
            }
        )
    return out


def _decompose(X: F64, wanted: int) -> tuple[F64, F64, I64]:
    """Return a basis of columns that those before do not determine, covariates first."""
    order = [*range(wanted, X.shape[1]), *range(wanted)]
    kept: list[int] = []
    for j in order:
        trial = X[:, [*kept, j]]
        if np.linalg.matrix_rank(trial, tol=1e-9 * np.sqrt(len(X))) == len(kept) + 1:
            kept.append(j)
    Q, R = np.linalg.qr(X[:, kept])
    return Q, R, np.array(kept)
