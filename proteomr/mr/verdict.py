"""A verdict on each pair, in words that claim no more than its numbers do."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["is_main_estimate", "judge_pairs"]

_MAIN: Final = ("ivw", "wald")
_SENSITIVITY: Final = ("weighted_median", "weighted_mode", "egger")
_ALPHA: Final = 0.05  # the field's level, per pair: verdicts are read one by one
_AGAINST: Final = {
    "variants disagree": ("heterogeneous", True),
    "directional pleiotropy": ("pleiotropic", True),
    "variants explain more of the outcome": ("exposure_first", False),
}


def is_main_estimate() -> pl.Expr:
    """Whether a row of estimates is of the inverse-variance weighted kind, or a Wald ratio.

    With whatever parameters: ``ivw(robust=true)`` is one.

    Examples
    --------
    >>> methods = pl.DataFrame({"method": ["ivw", "ivw(robust=true)", "ivw_fe", "egger"]})
    >>> methods.filter(is_main_estimate())["method"].to_list()
    ['ivw', 'ivw(robust=true)']
    """
    return pl.col(c.METHOD).str.replace(r"\(.*", "").is_in(_MAIN)


def judge_pairs(
    estimates: pl.DataFrame,
    *,
    heterogeneity: pl.DataFrame,
    pleiotropy: pl.DataFrame,
    steiger: pl.DataFrame,
    alpha: float = _ALPHA,
) -> pl.DataFrame:
    """Return for each pair what the methods agree on, and what speaks against it.

    The main estimate is the inverse-variance weighted one, or the Wald ratio of a single variant;
    one with parameters, such as ``ivw(robust=true)``, where the plain one is absent. Without either
    there is no verdict, whatever other methods say.
    Agreement is of the signs of weighted median, weighted mode and Egger slope with the main one.
    Heterogeneity is by Q, pleiotropy by Egger's intercept, direction by Steiger's test, each at
    level alpha and not corrected for the number of pairs.

    Returns
    -------
    table : the schema ``verdict``.

    Examples
    --------
    >>> empty = [load_schema(name).empty() for name in ("heterogeneity", "pleiotropy", "steiger")]
    >>> judge_pairs(
    ...     load_schema("estimates").empty(),
    ...     heterogeneity=empty[0],
    ...     pleiotropy=empty[1],
    ...     steiger=empty[2],
    ... ).height
    0
    """
    declared = load_schema("verdict")
    q = _by_pair(heterogeneity.filter(pl.col(c.METHOD) == "ivw"))
    intercept, direction = _by_pair(pleiotropy), _by_pair(steiger)
    rows = []
    for (exposure, outcome), part in estimates.group_by(c.EXPOSURE, c.OUTCOME, maintain_order=True):
        key = (str(exposure), str(outcome))
        by_method = {row[c.METHOD]: row for row in part.iter_rows(named=True)}
        for name, row in list(by_method.items()):
            by_method.setdefault(name.partition("(")[0], row)
        rows.append(
            _judge(
                key,
                by_method,
                q=q.get(key),
                intercept=intercept.get(key),
                direction=direction.get(key),
                alpha=alpha,
            )
        )
    return declared.validate(
        pl.DataFrame(rows, infer_schema_length=None) if rows else declared.empty()
    )


def _by_pair(table: pl.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row[c.EXPOSURE], row[c.OUTCOME]): row for row in table.iter_rows(named=True)}


def _judge(
    key: tuple[str, str],
    by_method: dict[str, dict[str, Any]],
    *,
    q: dict[str, Any] | None,
    intercept: dict[str, Any] | None,
    direction: dict[str, Any] | None,
    alpha: float,
) -> dict[str, object]:
    main = next((by_method[name] for name in _MAIN if _has(by_method.get(name))), None)
    others = [by_method[name] for name in _SENSITIVITY if _has(by_method.get(name))]
    agree = None
    if main is not None and others:
        agree = sum(row[c.ESTIMATE] * main[c.ESTIMATE] > 0 for row in others)
    evidence: dict[str, bool | None] = {
        "heterogeneous": None if q is None else q[c.P_VALUE] < alpha,
        "pleiotropic": None if intercept is None else intercept[c.P_VALUE] < alpha,
        "exposure_first": None if direction is None else direction["exposure_first"],
    }
    return {
        c.EXPOSURE: key[0],
        c.OUTCOME: key[1],
        "main_method": None if main is None else main[c.METHOD],
        c.NSNP: max((row[c.NSNP] for row in by_method.values()), default=0),
        c.ESTIMATE: None if main is None else main[c.ESTIMATE],
        c.NEG_LOG10_P: None if main is None else main[c.NEG_LOG10_P],
        "methods_agreeing": agree,
        "methods_compared": len(others),
        **evidence,
        "verdict": _word_absence(by_method)
        if main is None
        else _word(main, agree, len(others), evidence, alpha=alpha),
    }


def _has(row: dict[str, Any] | None) -> bool:
    return row is not None and row[c.ESTIMATE] is not None and row[c.NEG_LOG10_P] is not None


def _word_absence(by_method: dict[str, dict[str, Any]]) -> str:
    if any(row[c.ESTIMATE] is not None for row in by_method.values()):
        return "no verdict: neither ivw nor wald has an estimate to judge by"
    return "no estimate"


def _word(
    main: dict[str, Any],
    agree: int | None,
    compared: int,
    evidence: dict[str, bool | None],
    *,
    alpha: float,
) -> str:
    if main[c.P_VALUE] >= alpha:
        return "no effect shown; that is not evidence of none"
    sign = "higher" if main[c.ESTIMATE] > 0 else "lower"
    words = [f"the exposure goes with {sign} values of the outcome (p {main[c.P_VALUE]:.2g})"]
    if main[c.METHOD] == "wald":
        words.append("one variant: no method can tell pleiotropy")
    elif agree is not None:
        words.append(f"{agree} of {compared} other methods have its sign")
    against = [text for text, (name, bad) in _AGAINST.items() if evidence[name] is bad]
    words.append("against it: " + ", ".join(against) if against else "nothing tested is against it")
    unknown = [] if evidence["exposure_first"] is not None else ["direction not tested"]
    return "; ".join([*words, *unknown])
