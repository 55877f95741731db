"""A verdict on each pair, in words that claim no more than its numbers do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl

from proteomr.stats.multiple import adjust
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["PairKey", "is_main_estimate", "judge_pairs", "word_verdicts"]

PairKey: TypeAlias = tuple[str, str, str]
"""Exposure, outcome and direction: what a pair is known by in every table."""

_CORRELATED: Final = "ivw_correlated"
_MAIN: Final = (_CORRELATED, "ivw", "wald")
_SENSITIVITY: Final = ("weighted_median", "weighted_mode", "egger")
_ALPHA: Final = 0.05  # the field's level, of q over the pairs, and of each diagnostic
_NOT_NONE: Final = "that is not evidence of none"
_ABSENCE: Final = "absence"  # why there is no main estimate, until it is said in words
_AGAINST: Final = {
    "variants disagree": ("heterogeneous", True),
    "directional pleiotropy": ("pleiotropic", True),
    "variants explain more of the outcome": ("exposure_first", False),
}


def is_main_estimate() -> pl.Expr:
    """Whether a row of estimates is of the inverse-variance weighted kind, or a Wald ratio.

    Of correlated variants or not, with whatever parameters: ``ivw(robust=true)`` is one.

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
    caveats: Mapping[PairKey, tuple[str, ...]] | None = None,
    alpha: float = _ALPHA,
) -> pl.DataFrame:
    """Return for each pair what the methods agree on, and what speaks against it.

    The main estimate is the inverse-variance weighted one, that of correlated variants before that
    of independent ones, or the Wald ratio of a single variant;
    one with parameters, such as ``ivw(robust=true)``, where the plain one is absent. Without either
    there is no verdict, whatever other methods say.
    Agreement is of the signs of weighted median, weighted mode and Egger slope with the main one.
    Heterogeneity is by Q, pleiotropy by Egger's intercept, direction by Steiger's test, each at
    level alpha and not corrected for the number of pairs: more of them speak against an effect.

    Parameters
    ----------
    estimates, heterogeneity, pleiotropy, steiger : of the same pairs.
    caveats : what else speaks against the numbers of a pair.
    alpha : level of the diagnostics.

    Returns
    -------
    evidence : what `word_verdicts` takes, which adds the words once all pairs are known.

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
    tests = {
        linked: (
            _by_pair(heterogeneity.filter(pl.col(c.METHOD) == f"ivw{ending}")),
            _by_pair(pleiotropy.filter(pl.col(c.METHOD) == f"egger{ending}")),
        )
        for linked, ending in ((True, "_correlated"), (False, ""))
    }
    direction = _by_pair(steiger)
    rows = []
    for key, part in estimates.group_by(_KEYS, maintain_order=True):
        pair = (str(key[0]), str(key[1]), str(key[2]))
        by_method = {row[c.METHOD]: row for row in part.iter_rows(named=True)}
        for name, row in list(by_method.items()):
            by_method.setdefault(name.partition("(")[0], row)
        main = _gather(pair, by_method)
        linked = str(main["main_method"]).startswith(_CORRELATED)
        q, intercept = tests[linked]
        spoken = () if linked else (caveats or {}).get(pair, ())
        evidence = {
            "heterogeneous": _is_below(q.get(pair), alpha),
            "pleiotropic": _is_below(intercept.get(pair), alpha),
            "exposure_first": direction.get(pair, {}).get("exposure_first"),
            "caveats": "; ".join(spoken) or None,
        }
        rows.append(main | evidence)
    return pl.DataFrame(rows, schema=_evidence_schema())


def word_verdicts(evidence: pl.DataFrame, *, alpha: float = _ALPHA) -> pl.DataFrame:
    """Return the verdicts of all pairs of an analysis, with q values and in words.

    The q values (Benjamini-Hochberg) are those of the main estimates of all pairs together, in
    both directions. An effect is shown where q is below alpha. Of a pair that was analysed both
    ways each row says what the other way shows.

    Parameters
    ----------
    evidence : as `judge_pairs` gives it, of all pairs.
    alpha : level of q.

    Returns
    -------
    table : the schema ``verdict``.

    Examples
    --------
    >>> word_verdicts(pl.DataFrame(schema=_evidence_schema())).height
    0
    """
    minus_log = evidence[c.NEG_LOG10_P].to_numpy().astype(np.float64)
    q = np.full(evidence.height, np.nan)
    if np.isfinite(minus_log).any():
        q = adjust(minus_log, method="bh")
    with_q = evidence.with_columns(pl.Series(c.Q_BH, q, dtype=pl.Float64).fill_nan(None))
    tested = int(np.isfinite(minus_log).sum())
    rows = list(with_q.iter_rows(named=True))
    shown = {
        (row[c.EXPOSURE], row[c.OUTCOME], row[c.DIRECTION]): _is_shown(row, alpha) for row in rows
    }
    words = [_word(row, tested=tested, alpha=alpha, other=_turn(row, shown)) for row in rows]
    named = with_q.with_columns(pl.Series("verdict", words, dtype=pl.String)).drop(_ABSENCE)
    return load_schema("verdict").validate(named)


_KEYS: Final = (c.EXPOSURE, c.OUTCOME, c.DIRECTION)
_OTHER: Final = {"forward": "reverse", "reverse": "forward"}


def _evidence_schema() -> dict[str, pl.DataType]:
    declared = load_schema("verdict").empty().schema
    kept = {name: kind for name, kind in declared.items() if name not in {c.Q_BH, "verdict"}}
    return {**kept, _ABSENCE: pl.String()}


def _by_pair(table: pl.DataFrame) -> dict[PairKey, dict[str, Any]]:
    return {tuple(row[name] for name in _KEYS): row for row in table.iter_rows(named=True)}


def _is_below(row: dict[str, Any] | None, alpha: float) -> bool | None:
    return None if row is None else bool(row[c.P_VALUE] < alpha)


def _gather(pair: PairKey, by_method: dict[str, dict[str, Any]]) -> dict[str, object]:
    main = next((by_method[name] for name in _MAIN if _has(by_method.get(name))), None)
    others = [by_method[name] for name in _SENSITIVITY if _has(by_method.get(name))]
    agree = None
    if main is not None and others:
        agree = sum(row[c.ESTIMATE] * main[c.ESTIMATE] > 0 for row in others)
    estimated = any(row[c.ESTIMATE] is not None for row in by_method.values())
    return {
        **dict(zip(_KEYS, pair, strict=True)),
        "main_method": None if main is None else main[c.METHOD],
        c.NSNP: max((row[c.NSNP] for row in by_method.values()), default=0),
        c.ESTIMATE: None if main is None else main[c.ESTIMATE],
        c.NEG_LOG10_P: None if main is None else main[c.NEG_LOG10_P],
        "methods_agreeing": agree,
        "methods_compared": len(others),
        _ABSENCE: "no verdict: neither ivw nor wald has an estimate to judge by"
        if estimated
        else "no estimate",
    }


def _has(row: dict[str, Any] | None) -> bool:
    return row is not None and row[c.ESTIMATE] is not None and row[c.NEG_LOG10_P] is not None


def _is_shown(row: dict[str, Any], alpha: float) -> bool | None:
    """Whether an effect is shown; None where there is no main estimate."""
    return None if row["main_method"] is None else bool(row[c.Q_BH] < alpha)


def _turn(row: dict[str, Any], shown: Mapping[PairKey, bool | None]) -> bool | None:
    """Whether the other direction of a pair shows an effect; None where it was not analysed."""
    return shown.get((row[c.OUTCOME], row[c.EXPOSURE], _OTHER[row[c.DIRECTION]]))


def _word(row: dict[str, Any], *, tested: int, alpha: float, other: bool | None) -> str:
    if row["main_method"] is None:
        return str(row[_ABSENCE])
    minus_log, q = row[c.NEG_LOG10_P], row[c.Q_BH]
    numbers = f"p {_write_p(minus_log)}"
    if tested > 1:
        numbers += f", q {_write_p(-math.log10(q) if q > 0 else minus_log)}"
    if not _is_shown(row, alpha):
        raised = minus_log > -math.log10(alpha)
        among = f" among {tested} pairs ({numbers})" if raised else ""
        words = [f"no effect shown{among}; {_NOT_NONE}"]
        return "; ".join([*words, *([f"and {row['caveats']}"] if row["caveats"] else [])])
    sign = "higher" if row[c.ESTIMATE] > 0 else "lower"
    words = [f"the exposure goes with {sign} values of the outcome ({numbers})"]
    if other:
        words.append("so does the reverse: one pair that goes both ways")
    elif other is not None:
        words.append("the reverse shows no effect")
    return "; ".join([*words, *_word_evidence(row)])


def _word_evidence(row: dict[str, Any]) -> list[str]:
    words = []
    if row["main_method"].partition("(")[0] == "wald":
        words.append("one variant: no method can tell pleiotropy")
    elif row["methods_agreeing"] is not None:
        agree, compared = row["methods_agreeing"], row["methods_compared"]
        words.append(f"{agree} of {compared} other methods have its sign")
    against = [text for text, (name, bad) in _AGAINST.items() if row[name] is bad]
    against += [row["caveats"]] if row["caveats"] else []
    words.append("against it: " + ", ".join(against) if against else "nothing tested is against it")
    unknown = [] if row["exposure_first"] is not None else ["direction not tested"]
    return [*words, *unknown]


def _write_p(neg_log10_p: float) -> str:
    """Return a p value in two digits, however small it is."""
    if neg_log10_p < 300:  # the smallest number is some 1e-308
        return f"{10.0**-neg_log10_p:.2g}"
    exponent = math.ceil(neg_log10_p)
    return f"{10.0 ** (exponent - neg_log10_p):.2g}e-{exponent}"
