"""Which assays and samples leave under a policy, each with its reason, value and threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import polars as pl

from proteomr.qc.policy import Policy
from proteomr.tables import Drop, load_schema
from proteomr.tables import columns as c
from proteomr.tables.texts import fill_text

__all__ = [
    "STEP",
    "count_exclusions",
    "exclude_assays",
    "exclude_empty",
    "exclude_samples",
    "list_idle_rules",
    "list_rules",
]

STEP = "qc"
Subject: TypeAlias = Literal["assay", "sample"]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A column that may not be above a threshold of the policy."""

    column: str
    threshold: str
    reason: str


_ASSAY_RULES = (
    _Rule(c.SHARE_MISSING, "max_missing_per_assay", "missing"),
    _Rule(c.SHARE_BELOW_LOD, "max_below_lod_per_assay", "below the limit of detection"),
    _Rule(c.N_FLAGS, "max_flags_per_assay", "warnings of the laboratory"),
    _Rule(c.CV_INTRA, "max_cv_intra_percent", "CV of controls within plates, percent"),
    _Rule(c.CV_INTER, "max_cv_inter_percent", "CV of controls between plates, percent"),
)
_SAMPLE_RULES = (
    _Rule(c.SHARE_MISSING, "max_missing_per_sample", "missing"),
    _Rule(c.N_FAILED_PANELS, "max_failed_panels", "panels failed in the laboratory"),
    _Rule(
        c.PANELS_OUTLYING_MEDIAN_IQR,
        "max_panels_outlying_median_iqr",
        "panels on which median or IQR lies apart",
    ),
    _Rule(
        c.PANELS_OUTLYING_COMPONENTS,
        "max_panels_outlying_components",
        "panels on which principal components lie apart",
    ),
)
_EMPTY = "no value of any assay"


def exclude_assays(assays: pl.DataFrame, *, policy: Policy) -> pl.DataFrame:
    """Return the assays that leave, as rows of the schema ``exclusions``.

    The first rule that an assay breaks is its reason: its kind, then missing values, limits of
    detection, warnings, and variation of controls. What is not known breaks no rule.

    Parameters
    ----------
    assays : columns of ``qc_assays`` up to the decision.
    policy : the thresholds.

    Examples
    --------
    >>> row = {"protein": ["A"], "kind": ["protein"], "share_missing": [0.6]}
    >>> rest = {name: [None] for name in ("share_below_lod", "n_flags", "cv_intra_percent",
    ...                                   "cv_inter_percent")}
    >>> policy = Policy(max_missing_per_assay=0.5)
    >>> exclude_assays(pl.DataFrame({**row, **rest}), policy=policy)["reason"].to_list()
    ['missing']
    """
    by_kind = assays.filter(pl.col(c.KIND).is_in(list(policy.remove_kinds))).select(
        pl.lit("assay").alias(c.KIND + "_"),
        pl.col(c.PROTEIN).alias(c.NAME),
        fill_text("kind {}", c.KIND).alias(c.REASON),
        pl.lit(None, pl.Float64).alias(c.VALUE),
        pl.lit(None, pl.Float64).alias(c.THRESHOLD),
    )
    excluded = by_kind.rename({c.KIND + "_": c.KIND})
    return _break_rules(assays, c.PROTEIN, "assay", _ASSAY_RULES, policy=policy, before=excluded)


def exclude_samples(samples: pl.DataFrame, *, policy: Policy) -> pl.DataFrame:
    """Return the samples that leave, as rows of the schema ``exclusions``.

    The first rule that a sample breaks is its reason: missing values, failed checks, median and
    IQR, principal components.

    Parameters
    ----------
    samples : columns of ``qc_samples`` up to the decision.
    policy : the thresholds.

    Examples
    --------
    >>> names = ("share_missing", "n_failed_panels", "panels_outlying_median_iqr",
    ...          "panels_outlying_components")
    >>> row = pl.DataFrame({"sample_id": ["S1"], **{name: [1] for name in names}})
    >>> exclude_samples(row, policy=Policy(max_failed_panels=0))["reason"].to_list()
    ['panels failed in the laboratory']
    """
    nothing = load_schema("exclusions").empty()
    return _break_rules(
        samples, c.SAMPLE_ID, "sample", _SAMPLE_RULES, policy=policy, before=nothing
    )


def exclude_empty(names: pl.Series) -> pl.DataFrame:
    """Return samples without any value as rows of the schema ``exclusions``.

    Examples
    --------
    >>> exclude_empty(pl.Series(["S1"])).height
    1
    """
    schema = load_schema("exclusions")
    frame = pl.DataFrame({c.NAME: names.cast(pl.String)}).with_columns(
        pl.lit("sample").alias(c.KIND),
        pl.lit(_EMPTY).alias(c.REASON),
        pl.lit(None, pl.Float64).alias(c.VALUE),
        pl.lit(None, pl.Float64).alias(c.THRESHOLD),
    )
    return schema.validate(frame.select(schema.names))


def list_rules(policy: Policy) -> tuple[str, ...]:
    """Return the rules that a policy switches on, in the words of `count_exclusions`.

    Examples
    --------
    >>> list_rules(Policy(max_missing_per_assay=0.5, remove_empty_samples=True))
    ('samples: no value of any assay', 'assays: missing above 0.5')
    """
    rules = [_describe("sample", _EMPTY, None)] if policy.remove_empty_samples else []
    rules += [_describe("assay", f"kind {kind}", None) for kind in policy.remove_kinds]
    for subject, group in (("assay", _ASSAY_RULES), ("sample", _SAMPLE_RULES)):
        rules += [
            _describe(subject, rule.reason, getattr(policy, rule.threshold))
            for rule in group
            if getattr(policy, rule.threshold) is not None
        ]
    return tuple(rules)


def list_idle_rules(assays: pl.DataFrame, *, policy: Policy) -> tuple[str, ...]:
    """Return the rules for assays that could judge none, as nothing is known to judge by.

    Parameters
    ----------
    assays : schema ``qc_assays``.
    policy : the thresholds.

    Examples
    --------
    >>> assays = pl.DataFrame({"share_below_lod": [None], "share_missing": [0.1]})
    >>> list_idle_rules(assays, policy=Policy(max_below_lod_per_assay=0.5))
    ('assays: below the limit of detection above 0.5',)
    """
    return tuple(
        _describe("assay", rule.reason, getattr(policy, rule.threshold))
        for rule in _ASSAY_RULES
        if getattr(policy, rule.threshold) is not None
        and assays[rule.column].null_count() == assays.height
    )


def count_exclusions(exclusions: pl.DataFrame) -> tuple[Drop, ...]:
    """Return how many assays and samples left for each reason; names nobody.

    Examples
    --------
    >>> count_exclusions(exclude_empty(pl.Series(["S1", "S2"])))
    (Drop(step='qc', reason='samples: no value of any assay', n=2),)
    """
    counted = exclusions.group_by(c.KIND, c.REASON, c.THRESHOLD, maintain_order=True).agg(pl.len())
    return tuple(
        Drop(STEP, _describe(kind, reason, threshold), n)
        for kind, reason, threshold, n in counted.rows()
    )


def _describe(kind: str, reason: str, threshold: float | None) -> str:
    above = "" if threshold is None else f" above {threshold:g}"
    return f"{kind}s: {reason}{above}"


def _break_rules(
    table: pl.DataFrame,
    key: str,
    subject: Subject,
    rules: Sequence[_Rule],
    *,
    policy: Policy,
    before: pl.DataFrame,
) -> pl.DataFrame:
    schema = load_schema("exclusions")
    parts = [schema.validate(before)]
    remaining = table.filter(~pl.col(key).is_in(before[c.NAME].implode()))
    for rule in rules:
        threshold = getattr(policy, rule.threshold)
        if threshold is None:
            continue
        value = pl.col(rule.column).cast(pl.Float64)
        over = value.gt(threshold).fill_null(value=False)
        broken = remaining.filter(over).select(
            pl.lit(subject).alias(c.KIND),
            pl.col(key).alias(c.NAME),
            pl.lit(rule.reason).alias(c.REASON),
            value.alias(c.VALUE),
            pl.lit(float(threshold)).alias(c.THRESHOLD),
        )
        parts.append(schema.validate(broken))
        remaining = remaining.filter(~over)
    return pl.concat(parts)
