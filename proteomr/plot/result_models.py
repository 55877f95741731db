"""Rows of a table of results as models: the tests of each, and how it is called in a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, NothingToDo, nearest
from proteomr.io.result_rows import minus_log_p
from proteomr.stats.multiple import adjust
from proteomr.tables import columns as c

__all__ = ["ModelRows", "drop_repeated", "name_models", "split_models"]

# What tells models of one table apart, in the order in which a figure names it.
_KEYS: Final = (
    c.EXPOSURE,
    c.OUTCOME,
    c.ADJUSTMENT,
    c.TERM,
    c.CONTRAST,
    c.STRATUM,
    "lag",
    "method",
    "quantity",
    "table",
    "effect",
    "coefficient",
    "measure",
    "moderator",
    "period",
    "split",
    "half",
    "group",
)
_NUMBERED: Final = ("period", "half")  # are told by their name, too
_NAMES: Final = (c.PROTEIN, "gene", "set", "name", "snp")
_NUMBERS: Final = (c.ESTIMATE, c.SE, c.CONF_LOW, c.CONF_HIGH)
_RATIOS: Final = {"logistic": "OR", "ordinal": "OR", "multinomial": "OR", "cox": "HR"}


@dataclass(frozen=True, slots=True, eq=False)
class ModelRows:
    """The tests of one model over r proteins, those that have an estimate and a p value.

    Parameters
    ----------
    label : what it is among the others of its table; empty where it is the only one.
    names : of the proteins, their genes where these are known.
    estimate, se, low, high : NaN where the table has none.
    neg_log10_p : infinite where p is 0.
    q : false discovery rates of the table (``q_bh``), else by Benjamini and Hochberg over the rows.
    ratio : what the exponential of an estimate is, such as HR; None where it is nothing.
    keys : its protein, exposure and so on, as the table has them.
    absent : rows that have no estimate.
    """

    label: str
    names: tuple[str, ...]
    estimate: F64
    se: F64
    low: F64
    high: F64
    neg_log10_p: F64
    q: F64
    ratio: str | None
    keys: pl.DataFrame
    absent: int

    @property
    def threshold(self) -> float:
        """The -log10 p from which on q is below 0.05; NaN where no test is."""
        hits = self.neg_log10_p[self.q < 0.05]
        return float(hits.min()) if hits.size else float("nan")

    @property
    def bonferroni(self) -> float:
        """The -log10 p of 0.05 over the number of tests."""
        return float(np.log10(len(self.names) / 0.05))


def split_models(frame: pl.DataFrame) -> tuple[ModelRows, ...]:
    """Return the models of a table of results in the order of their first rows.

    Parameters
    ----------
    frame : with ``protein`` (or gene, set, name, snp), estimate, and p_value or neg_log10_p.

    Raises
    ------
    ColumnError
        A column is absent.
    NothingToDo
        No row has an estimate and a p value.

    Examples
    --------
    >>> frame = pl.DataFrame({
    ...     "protein": ["ADM", "REN", "ADM"], "adjustment": ["full", "full", "simple"],
    ...     "estimate": [0.1, 0.2, 0.3], "p_value": [0.01, 0.5, 1e-4]})
    >>> [(model.label, model.names) for model in split_models(frame)]
    [('full', ('ADM', 'REN')), ('simple', ('ADM',))]
    """
    frame = _complete(frame)
    keys = [name for name in _KEYS if name in frame.columns]
    telling = drop_repeated(
        frame, [name for name in keys if frame[name].drop_nulls().n_unique() > 1]
    )
    parts = frame.partition_by(keys, maintain_order=True) if keys else [frame]
    models = tuple(_read_model(part, telling) for part in parts)
    found = tuple(model for model in models if model.names)
    if not found:
        raise NothingToDo("no row of the table has an estimate and a p value")
    return found


def drop_repeated(frame: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """Return the columns that say what no earlier one says, as a term that is the exposure does.

    Examples
    --------
    >>> frame = pl.DataFrame({"exposure": ["x", "y"], "term": ["x", "y"], "adjustment": ["a", "b"]})
    >>> drop_repeated(frame, ["exposure", "term", "adjustment"])
    ['exposure', 'adjustment']
    """
    kept: list[str] = []
    for name in names:
        texts = frame[name].cast(pl.String)
        if not any(texts.eq_missing(frame[one].cast(pl.String)).all() for one in kept):
            kept.append(name)
    return kept


def name_models(models: Sequence[ModelRows]) -> str:
    """Return the models of a table in words, for messages.

    Examples
    --------
    >>> name_models([])
    ''
    """
    return ", ".join(model.label or "one model" for model in models)


def _complete(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table with a column of names and with -log10 p."""
    naming = next((name for name in _NAMES if name in frame.columns), None)
    if naming is None:
        raise ColumnError(
            f"no column {c.PROTEIN!r} in the table{nearest(c.PROTEIN, frame.columns)}"
        )
    if c.ESTIMATE not in frame.columns:
        raise ColumnError(f"no column 'estimate'{nearest(c.ESTIMATE, frame.columns)}")
    stated = minus_log_p(frame, place="")
    if stated is None:
        raise ColumnError(f"no column 'p_value'{nearest(c.P_VALUE, frame.columns)}")
    frame = frame.with_columns(stated)
    absent = [pl.lit(None, pl.Float64).alias(n) for n in _NUMBERS if n not in frame.columns]
    known = pl.coalesce(*(n for n in ("gene", naming) if n in frame.columns)).cast(pl.String)
    frame = frame.with_columns(*absent, known.alias("_name"))
    if c.TERM not in frame.columns or c.PROTEIN not in frame.columns:
        return frame
    # Where the protein is the predictor its coefficient bears its name, and products of it do.
    terms = [
        None if term is None else term.replace(protein, "protein")
        for term, protein in frame.select(c.TERM, c.PROTEIN).iter_rows()
    ]
    return frame.with_columns(pl.Series(c.TERM, terms, dtype=pl.String))


def _read_model(part: pl.DataFrame, telling: Sequence[str]) -> ModelRows:
    there = part.filter(
        pl.col(c.ESTIMATE).is_finite() & pl.col(c.NEG_LOG10_P).is_not_nan()
    ).drop_nulls([c.ESTIMATE, c.NEG_LOG10_P])
    numbers = {
        name: there[name].cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)
        for name in (*_NUMBERS, c.NEG_LOG10_P)
    }
    minus_log = numbers[c.NEG_LOG10_P]
    said = [
        f"{name} {part[name][0]}" if name in _NUMBERED else str(part[name][0])
        for name in telling
        if part[name][0] is not None
    ]
    return ModelRows(
        label=", ".join(said),
        names=tuple(there["_name"].to_list()),
        estimate=numbers[c.ESTIMATE],
        se=numbers[c.SE],
        low=numbers[c.CONF_LOW],
        high=numbers[c.CONF_HIGH],
        neg_log10_p=minus_log,
        q=_read_q(there, minus_log),
        ratio=_ratio_of(part),
        keys=there.drop("_name"),
        absent=part.height - there.height,
    )


def _read_q(there: pl.DataFrame, minus_log: F64) -> F64:
    if c.Q_BH in there.columns:
        return there[c.Q_BH].cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)
    return adjust(minus_log, method="bh")


def _ratio_of(part: pl.DataFrame) -> str | None:
    if "ratio" not in part.columns or part["ratio"].null_count() == part.height:
        return None
    family = str(part["family"][0]) if "family" in part.columns else ""
    return _RATIOS.get(family, "Ratio")
