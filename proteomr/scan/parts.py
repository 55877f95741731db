"""Parts: what the fits of a block are as rows, before statistics and multiple testing."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from proteomr._typing import F64, I64, Bool
from proteomr.models import Details, FitBlock, Permutations
from proteomr.scan.groups import Group
from proteomr.scan.plan import Plan, RowKey
from proteomr.status import Status
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = [
    "DETAILS",
    "GIVEN_P",
    "JOINT_TESTS",
    "MODEL_KEYS",
    "PART_ORDER",
    "PERMUTED_DRAWS",
    "PERMUTED_EXCEEDING",
    "PERMUTED_MAXIMA",
    "PERMUTED_SCORE",
    "RATIO_OF",
    "TERM_POSITION",
    "tabulate",
]

TERM_POSITION = "term_position"
JOINT_TESTS = "joint_tests"
DETAILS = "details of "
"""Before the name of a further table: the column with its rows, in that of a model's first fit."""
GIVEN_P = "given_neg_log10_p"
RATIO_OF = "ratio_of"
"""What the exponential of the estimate of a row is; null where it is nothing."""
PERMUTED_SCORE, PERMUTED_EXCEEDING = "permuted_score", "permuted_exceeding"
PERMUTED_MAXIMA, PERMUTED_DRAWS = "permuted_maxima", "permuted_draws"
_JOINT = pl.List(
    pl.Struct(
        {
            c.TEST: pl.String,
            c.STATISTIC: pl.Float64,
            c.DF: pl.Float64,
            c.NEG_LOG10_P: pl.Float64,
        }
    )
)
MODEL_KEYS = (c.PROTEIN, c.GENE, c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT, c.STRATUM)
_STATUSES = {int(status): status.name for status in Status}
PART_ORDER = (
    "protein_position",
    "target_position",
    "adjustment_position",
    "stratum_position",
    "contrast_position",
    TERM_POSITION,
)


def tabulate(plan: Plan, proteins: I64, group: Group, fits: FitBlock) -> pl.DataFrame:
    """Return a row for each protein and coefficient of a group, in the order of the proteins.

    Parameters
    ----------
    proteins : positions of the b proteins.
    group : whose fits they are.
    fits : ``(b, c)``.
    """
    keys = plan.coefficients(group)
    names = plan.cohort.proteins.names
    b, t = fits.n.shape

    def each_protein(values: list[Any], dtype: type[pl.DataType]) -> pl.Series:
        return pl.Series(values * b, dtype=dtype)

    targets = [plan.targets[key.target] for key in keys]
    positions = {
        PART_ORDER[0]: pl.Series(np.repeat(proteins, t), dtype=pl.Int32),
        PART_ORDER[1]: each_protein([key.target for key in keys], pl.Int32),
        PART_ORDER[2]: each_protein([key.adjustment for key in keys], pl.Int32),
        PART_ORDER[3]: each_protein([key.stratum for key in keys], pl.Int32),
        PART_ORDER[4]: each_protein([key.contrast for key in keys], pl.Int32),
        PART_ORDER[5]: each_protein([key.term for key in keys], pl.Int32),
    }
    labels = plan.reading.labels
    strata = plan.strata
    roles = {
        role: [target.name if target.role == role else None for target in targets]
        for role in ("exposure", "outcome")
    }
    named = [_name_term(plan, key, names[protein]) for protein in proteins for key in keys]
    described = {
        c.PROTEIN: pl.Series([names[p] for p in proteins for _ in range(t)], dtype=pl.String),
        c.GENE: pl.Series([g for g in _genes(plan, proteins) for _ in range(t)], dtype=pl.String),
        c.EXPOSURE: each_protein(roles["exposure"], pl.String),
        c.OUTCOME: each_protein(roles["outcome"], pl.String),
        c.ADJUSTMENT: each_protein([labels[key.adjustment] for key in keys], pl.String),
        c.FAMILY: each_protein([plan.family.name] * t, pl.String),
        c.DIRECTION: each_protein(
            [plan.family.direction(each.role) for each in targets], pl.String
        ),
        RATIO_OF: each_protein([plan.family.ratio_of(each) for each in targets], pl.String),
        c.TERM: pl.Series([term for term, _ in named], dtype=pl.String),
        c.CONTRAST: pl.Series([contrast for _, contrast in named], dtype=pl.String),
        c.STRATUM: each_protein([strata[key.stratum].label for key in keys], pl.String),
    }
    leading = [(k.contrast, k.term) == (0, 0) for k in keys]
    joint = {JOINT_TESTS: _list_joint_tests(fits, leading)}
    details = {
        f"{DETAILS}{name}": _list_details(name, fits.details.get(name), b, leading)
        for name in plan.family.tables
    }
    permuted = _list_permuted(fits, leading, plan.family.options.permutations)
    return pl.DataFrame(
        {**positions, **described, **_measure(fits), **joint, **details, **permuted}
    )


def _list_permuted(
    fits: FitBlock, leading: list[bool], asked: Permutations
) -> dict[str, pl.Series]:
    """Return what permutations say, each model's in the row of its first coefficient.

    The maxima of a block stand in the rows of its first protein.
    """
    if not asked.draws:
        return {}
    (b, t), first, found = fits.n.shape, np.flatnonzero(leading), fits.permuted
    observed, exceeding = np.full((b, t), np.nan), np.zeros((b, t), dtype=np.int64)
    maxima: list[F64 | None] = [None] * (b * t)
    draws: list[F64 | None] = [None] * (b * t)
    if found is not None:
        observed[:, first], exceeding[:, first] = found.observed, found.exceeding
        for m, at in enumerate(first.tolist()):
            maxima[at] = found.maxima[m]
            for j in range(b if found.draws is not None else 0):
                draws[j * t + at] = None if found.draws is None else found.draws[j, m]
    columns = {
        PERMUTED_SCORE: _number(observed),
        PERMUTED_EXCEEDING: pl.Series(exceeding.ravel(), dtype=pl.Int64),
        PERMUTED_MAXIMA: _list_numbers(maxima),
    }
    if asked.step_down:
        columns[PERMUTED_DRAWS] = _list_numbers(draws)
    return columns


def _list_numbers(rows: list[F64 | None]) -> pl.Series:
    lists = [None if row is None else pl.Series(row, dtype=pl.Float64) for row in rows]
    return pl.Series(lists, dtype=pl.List(pl.Float64))


def _list_details(name: str, details: Details | None, b: int, leading: list[bool]) -> pl.Series:
    """Return the rows of a further table, each model's in the row of its first coefficient."""
    columns = [k for k in load_schema(name).columns if k.name not in (*MODEL_KEYS, c.LAG)]
    kind = pl.List(pl.Struct({column.name: column.stored for column in columns}))
    fits = b * len(leading)
    if details is None or not details.protein.size:
        return pl.Series([None] * fits, dtype=kind)
    first = np.flatnonzero(leading)
    fit = details.protein * len(leading) + first[details.model]
    # columns of a few rows each: arrow lays them out in a tenth of the time of a frame's queries
    given = [pa.array(details.columns[column.name], from_pandas=True) for column in columns]
    rows = pa.StructArray.from_arrays(given, names=[column.name for column in columns])
    if np.any(np.diff(fit) < 0):
        rows = rows.take(pa.array(np.argsort(fit, kind="stable")))
    return _part_rows(rows, np.bincount(fit, minlength=fits)).cast(kind)


def _part_rows(rows: pa.Array, lengths: I64) -> pl.Series:
    """Return lists of so many rows each, in turn; null where there are none.

    Examples
    --------
    >>> _part_rows(pa.array([1.0, 2.0, 3.0]), np.array([2, 0, 1])).to_list()
    [[1.0, 2.0], None, [3.0]]
    """
    ends = np.concatenate([[0], np.cumsum(lengths)])
    absent = np.concatenate([lengths == 0, [False]])
    offsets = pa.array(ends, type=pa.int64(), mask=absent)
    return pl.Series(pl.from_arrow(pa.LargeListArray.from_arrays(offsets, rows)))


def _list_joint_tests(fits: FitBlock, leading: list[bool]) -> pl.Series:
    """Return the joint tests of each model, in the row of its first coefficient."""
    rows: list[list[dict[str, object]] | None] = []
    for j in range(fits.n.shape[0]):
        m = -1
        for leads in leading:
            m += leads
            rows.append(_joint_tests_of(fits, j, m) if leads else None)
    return pl.Series(rows, dtype=_JOINT)


def _joint_tests_of(fits: FitBlock, j: int, m: int) -> list[dict[str, object]] | None:
    """Return the tests that a model has; None without any."""
    found: list[dict[str, object]] = [
        {
            c.TEST: name,
            c.STATISTIC: _finite(tests.statistic[j, m]),
            c.DF: _finite(tests.df[j, m]),
            c.NEG_LOG10_P: _finite(tests.neg_log10_p[j, m]),
        }
        for name, tests in fits.joint.items()
        if tests.models is None or m in tests.models
    ]
    return found or None


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _measure(fits: FitBlock) -> dict[str, pl.Series]:
    """Return counts, estimates and statuses, protein by protein."""
    b, t = fits.n.shape
    statuses = [_STATUSES[code] for code in fits.status.ravel().tolist()]
    messages = [fits.messages.get((j, i)) for j in range(b) for i in range(t)]
    return {
        c.N: pl.Series(fits.n.ravel(), dtype=pl.Int64),
        c.N_CASE: _nullable(fits.n_case.ravel(), fits.n_case.ravel() < 0),
        c.ESTIMATE: _number(fits.estimate),
        c.SE: _number(fits.se),
        c.DF: _number(np.where(np.isfinite(fits.df), fits.df, np.nan)),
        GIVEN_P: _number(_given_p(fits)),
        c.CONF_LOW: _number(fits.conf_low),
        c.CONF_HIGH: _number(fits.conf_high),
        c.STATUS: pl.Series(statuses, dtype=pl.String),
        c.MESSAGE: pl.Series(messages, dtype=pl.String),
    }


def _given_p(fits: FitBlock) -> F64:
    return np.full(fits.n.shape, np.nan) if fits.neg_log10_p is None else fits.neg_log10_p


def _genes(plan: Plan, proteins: I64) -> list[str | None]:
    assays = plan.cohort.assays
    if c.GENE not in assays.columns:
        return [None] * proteins.size
    genes = assays[c.GENE]
    return [None if genes[p] is None else str(genes[p]) for p in proteins.tolist()]


def _name_term(plan: Plan, key: RowKey, protein: str) -> tuple[str, str | None]:
    """Return the term and the contrast that a row is about."""
    target = plan.targets[key.target]
    side = plan.family.side_of_protein(target.role)
    main = target.name if side == "response" else protein
    contrast = target.contrasts[key.contrast]
    if key.term == 0:
        return main, contrast
    name, levels = plan.reading.modifiers.terms[key.term - 1]
    if len(target.contrasts) == 1:
        return f"{main}:{name}", levels
    # a covariate of numbers has no levels to name
    return f"{main}:{name}", ", ".join(part for part in (contrast, levels) if part) or None


def _nullable(values: I64, absent: Bool) -> pl.Series:
    series = pl.Series(values, dtype=pl.Int64)
    return series.set(pl.Series(absent), None) if absent.any() else series


def _number(values: F64) -> pl.Series:
    return pl.Series(np.ascontiguousarray(values).ravel(), dtype=pl.Float64, nan_to_null=True)
