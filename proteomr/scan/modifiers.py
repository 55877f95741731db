"""What modifies the models of a scan, read from the samples: products, weights, clusters, random
effects and instruments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.design import Formula, build, parse, union
from proteomr.errors import ColumnError, FormulaError
from proteomr.models.random_effects import RandomEffects
from proteomr.scan.columns import Columns
from proteomr.scan.random_effects import read_random_effects
from proteomr.stats.relatedness import Relatedness

__all__ = ["Modifiers", "read_modifiers"]

# Of weights: to the sixteen digits of a sum that has the largest, less is nothing.
_LEAST_SHARE = 1e-15
_ONE_COVARIATE = "one covariate is needed, such as sex or C(site)"


@dataclass(frozen=True, slots=True, eq=False)
class Modifiers:
    """Columns over all people of a cohort, NaN or -1 where missing.

    Attributes
    ----------
    formula : main effect of the interaction covariate; None without an interaction.
    interaction : ``(n, i)``; i is 0 without an interaction.
    terms : names of the interaction columns' covariate and the contrast of each, ``(name, contrast
        or None)``.
    weights : ``(n,)``, NaN where a person has none or 0; or None.
    clusters : ``(n,)``, -1 where missing, or None.
    instruments : ``(n, q)``, or None.
    instrument_names : of its columns.
    instrument_variables : columns of the samples that they are made of.
    genotyped : ``(n,)``, who is in the file of the instruments of each protein; or None.
    random : random effects, or None.
    blocks : ``(n,)``, block of each person, -1 where missing, or None.
    absorbed : ``(n, a)``, levels of the effects that are absorbed, -1 where missing, or None.
    baseline : ``(n,)``, stratum of the baseline hazard, -1 where missing, or None.
    persons : ``(n,)``, whose row each is, where a person may have several, or None.
    """

    formula: Formula | None
    interaction: F64
    terms: tuple[tuple[str, str | None], ...]
    weights: F64 | None
    clusters: I64 | None
    instruments: F64 | None = None
    instrument_names: tuple[str, ...] = ()
    instrument_variables: tuple[str, ...] = ()
    genotyped: Bool | None = None
    random: RandomEffects | None = None
    absorbed: I64 | None = None
    blocks: I64 | None = None
    baseline: I64 | None = None
    persons: I64 | None = None

    @property
    def complete(self) -> Bool:
        """Where none of them is missing ``(n,)``."""
        complete: Bool = np.asarray(~np.isnan(self.interaction).any(axis=1))
        if self.weights is not None:
            complete &= ~np.isnan(self.weights)
        if self.clusters is not None:
            complete &= self.clusters >= 0
        if self.instruments is not None:
            complete &= ~np.isnan(self.instruments).any(axis=1)
        if self.genotyped is not None:
            complete &= self.genotyped
        if self.random is not None:
            complete &= self.random.complete
        if self.absorbed is not None:
            complete &= np.all(self.absorbed >= 0, axis=1)
        if self.blocks is not None:
            complete &= self.blocks >= 0
        if self.baseline is not None:
            complete &= self.baseline >= 0
        return complete


def read_modifiers(
    columns: Columns,
    samples: pl.DataFrame,
    *,
    interaction: str | None,
    weights: str | None,
    cluster: str | None,
    instruments: Sequence[str] = (),
    random: Sequence[str] = (),
    kinship: Relatedness | None = None,
    absorb: Sequence[str] = (),
    block: str | None = None,
    baseline: str | None = None,
    person: str | None = None,
) -> Modifiers:
    """Read interaction, weights, clusters, instruments and random effects from the samples.

    Raises
    ------
    ColumnError
        A column is absent, or weights are below 0, infinite, or above 0 for nobody.
    FormulaError
        The interaction is not one covariate, such as ``sex``, ``age`` or ``C(education)``, or an
        instrument is no term of columns.
    """
    formula: Formula | None = None
    products: F64 = np.empty((samples.height, 0))
    terms: tuple[tuple[str, str | None], ...] = ()
    if interaction is not None:
        formula, products, terms = _read_interaction(columns, samples, interaction)
    return Modifiers(
        formula,
        products,
        terms,
        None if weights is None else _read_weights(columns[weights]),
        None if cluster is None else _read_clusters(columns, cluster),
        *_read_instruments(columns, samples, instruments),
        random=read_random_effects(columns, samples, random, kinship=kinship),
        absorbed=np.column_stack([_read_levels(columns, name) for name in absorb])
        if absorb
        else None,
        blocks=None if block is None else _read_levels(columns, block),
        baseline=None if baseline is None else _read_levels(columns, baseline),
        persons=None if person is None else _read_levels(columns, person),
    )


def _read_interaction(
    columns: Columns, samples: pl.DataFrame, text: str
) -> tuple[Formula, F64, tuple[tuple[str, str | None], ...]]:
    if text not in columns and {",", ";"} & set(text.partition("(")[0]):
        raise FormulaError(f"interaction {text!r}: {_ONE_COVARIATE}; give others a run each")
    formula = parse(text).resolve(list(columns.names))
    if len(formula.terms) != 1 or len(formula.terms[0].parts) != 1:
        raise FormulaError(f"interaction {text!r}: {_ONE_COVARIATE}")
    name = formula.terms[0].parts[0].column
    present = ~columns.missing(name)
    design = build(formula, samples.filter(pl.Series(present)))
    products = np.full((samples.height, design.matrix.shape[1] - 1), np.nan)
    products[present] = design.matrix[:, 1:]
    if products.shape[1] == 0:
        raise ColumnError(f"interaction {text!r}: the column has one value")
    if design.factors:
        levels = design.factors[0].levels
        return formula, products, tuple((name, f"{level} vs {levels[0]}") for level in levels[1:])
    if products.shape[1] == 1:
        return formula, products, ((str(formula), None),)
    return formula, products, tuple((name_of, None) for name_of in design.names[1:])


def _read_instruments(
    columns: Columns, samples: pl.DataFrame, texts: Sequence[str]
) -> tuple[F64 | None, tuple[str, ...], tuple[str, ...]]:
    """Return instruments, their names, and the columns that they are made of.

    A text is the name of a column, or terms as in an adjustment set, such as ``C(quarter)``.
    """
    if not texts:
        return None, (), ()
    formula = union([_parse_instrument(columns, text) for text in texts])
    present = np.logical_and.reduce([~columns.missing(name) for name in formula.variables])
    if not np.any(present):
        raise ColumnError(f"instruments {', '.join(texts)}: nobody has all of them")
    for name in formula.variables:
        columns.note_codes(name)
    design = build(formula, samples.filter(pl.Series(present)))
    values = np.full((samples.height, design.matrix.shape[1] - 1), np.nan)
    values[present] = design.matrix[:, 1:]
    if values.shape[1] == 0 or np.all(np.ptp(design.matrix[:, 1:], axis=0) == 0.0):
        raise ColumnError(f"instruments {', '.join(texts)}: one value among all people")
    return values, design.names[1:], formula.variables


def _parse_instrument(columns: Columns, text: str) -> Formula:
    """Return the terms of one instrument, or say of the instrument what is wrong with it."""
    try:
        formula = parse(text)
        for name in formula.variables:
            if name not in columns.names:
                columns[name]  # says what may have been meant
        return formula.resolve(list(columns.names))
    except (FormulaError, ColumnError) as fault:
        raise type(fault)(f"instrument {text!r}: {fault}") from None


def _read_weights(column: pl.Series) -> F64:
    name = column.name
    if not column.dtype.is_numeric():
        raise ColumnError(f"weights {name!r} are {column.dtype}, and must be numbers")
    values = np.array(column.cast(pl.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)
    wrong = int(np.sum(values < 0) + np.sum(np.isposinf(values)))
    if wrong:
        raise ColumnError(
            f"weights {name!r} are below 0 or infinite for {wrong} people; 0, or an empty cell, "
            "leaves a person out"
        )
    if not np.any(values > 0.0):
        raise ColumnError(f"weights {name!r} are 0 or empty for all people: nobody would be left")
    told = values[values > 0.0]
    low, high = float(told.min()), float(told.max())
    if not low > high * _LEAST_SHARE:
        raise ColumnError(
            f"weights {name!r} go from {low:g} to {high:g}: nothing is left of the smallest beside "
            "the largest; 0, or an empty cell, leaves a person out"
        )
    values[values == 0.0] = np.nan  # a person of weight 0 informs nothing, as in R's lm and glm
    return values


def _read_levels(columns: Columns, name: str) -> I64:
    """Return the level of each person ``(n,)``, -1 where it is missing."""
    absent = columns.missing(name)
    codes = np.array(columns[name].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()) - 1
    codes[absent] = -1
    return codes


def _read_clusters(columns: Columns, name: str) -> I64:
    codes = _read_levels(columns, name)
    if np.unique(codes[codes >= 0]).size < 2:
        raise ColumnError(f"clusters {name!r}: at least two are needed")
    return codes
