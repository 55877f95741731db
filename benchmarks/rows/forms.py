"""The forms of a regression beside the classical one: each a row, its options, and R's program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.interfaces import Family
from benchmarks.problems import CLUSTER, WEIGHT
from benchmarks.rows.row import Row

__all__ = ["FACTOR", "FORMS", "Form"]

FACTOR = "sex"
_CLASSICAL = "the classical fit"
_CALLS: Mapping[Family, str] = {
    "linear": "lm(model, data = d",
    "logistic": "glm(model, binomial, d",
}
_SIDES: Mapping[Family, tuple[str, str]] = {
    "linear": ('"protein"', "exposure_names[e]"),
    "logistic": ("exposure_names[e]", '"protein"'),
}
_PROGRAM = """
fit <- function(j, e, s) {
  d <- samples
  d$timegap <- gap
  d$protein <- scores[, j]
  d <- d[!is.na(d$protein), ]
  response <- %s; first <- %s
  right <- paste(c(first, terms[[s]], %s), collapse = " + ")
  model <- as.formula(paste(response, "~", right))
  found <- %s)
  c(coef(found)[first], sqrt(diag(%s)[first]))
}
"""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a regression.

    Attributes
    ----------
    row : of the table.
    settings : of :class:`proteomr.association.ModelSpec`.
    tool, program : R's own; the package that it needs beside R, if any.
    """

    row: Row
    family: Family
    settings: Mapping[str, Any] = field(default_factory=dict)
    tool: str = ""
    program: str = ""
    package: str | None = None


def _robust(family: Family, errors: str, *, must: float, aim: float) -> Form:
    clustered = errors.startswith("CR")
    adjust = str(errors == "CR1").upper()
    covariance = (
        f'sandwich::vcovCL(found, cluster = d${CLUSTER}, type = "HC0", cadjust = {adjust})'
        if clustered
        else f'sandwich::vcovHC(found, type = "{errors}")'
    )
    return Form(
        row=_row(family, errors.lower(), errors, must=must, aim=aim),
        family=family,
        settings={"errors": errors, **({"cluster": CLUSTER} if clustered else {})},
        tool=f"R {_name(family)}, sandwich {'vcovCL' if clustered else 'vcovHC'}",
        program=_write(family, covariance=covariance),
        package="sandwich",
    )


def _weighted(family: Family, *, must: float, aim: float) -> Form:
    return Form(
        row=_row(family, "weights", "weights", must=must, aim=aim),
        family=family,
        settings={"weights": WEIGHT},
        tool=f"R {_name(family)}, weights",
        program=_write(family, weights=True),
    )


def _interaction(family: Family, *, must: float, aim: float) -> Form:
    title = f"interaction with {FACTOR}, both errors, joint test"
    return Form(
        row=_row(family, "interaction", title, must=must, aim=aim),
        family=family,
        settings={"interaction": FACTOR},
        tool=f"R {_name(family)}, interaction",
        program=_write(family, product=True),
    )


def _row(family: Family, key: str, title: str, *, must: float, aim: float) -> Row:
    return Row(f"{family}-{key}", f"{family}, {title}", _CLASSICAL, gain=False, must=must, aim=aim)


def _name(family: Family) -> str:
    return "lm" if family == "linear" else "glm"


def _write(
    family: Family,
    *,
    covariance: str = "vcov(found)",
    weights: bool = False,
    product: bool = False,
) -> str:
    """Return R's program of a form."""
    response, first = _SIDES[family]
    call = _CALLS[family] + (f", weights = {WEIGHT}" if weights else "")
    if weights and family == "logistic":
        call = call.replace("binomial", "quasibinomial")  # binomial warns of weights
        covariance = "summary(found, dispersion = 1)$cov.scaled"
    extra = f'paste0(first, ":{FACTOR}")' if product else "NULL"
    return _PROGRAM % (response, first, extra, call, covariance)


FORMS: tuple[Form, ...] = (
    *(_robust("linear", f"HC{kind}", must=3.0, aim=1.7) for kind in range(4)),
    *(_robust("linear", f"CR{kind}", must=3.0, aim=1.7) for kind in range(2)),
    _weighted("linear", must=3.0, aim=1.7),
    _interaction("linear", must=2.0, aim=1.6),
    *(_robust("logistic", f"HC{kind}", must=1.5, aim=1.5) for kind in range(2)),
    *(_robust("logistic", f"HC{kind}", must=3.0, aim=3.0) for kind in range(2, 4)),
    _weighted("logistic", must=1.2, aim=1.2),
    _interaction("logistic", must=2.0, aim=1.6),
)
