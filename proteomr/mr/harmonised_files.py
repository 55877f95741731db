"""Harmonised variants in a file: proteomr's own table, TwoSampleMR's, or a plain one."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr.border import reads
from proteomr.errors import (
    ColumnError,
    FormatError,
    InputError,
    NothingToDo,
    ProteomrError,
    UsageError,
    nearest,
)
from proteomr.gwas.parting import choose_parting_column
from proteomr.gwas.repeats import REPEATED_DIFFERENTLY
from proteomr.io.sources import inspect_file
from proteomr.io.sumstats.cells import parse_names, parse_rsids
from proteomr.io.sumstats.delimited import open_delimited
from proteomr.io.tables import read_table
from proteomr.io.text import find_layout, locate_line
from proteomr.mr.alleles import agree_on_alleles
from proteomr.mr.repeated import mark_repeated_pairs
from proteomr.runs import Data
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.tables import Harmonised
from proteomr.tables import columns as c
from proteomr.tables.names import refuse_names
from proteomr.tables.texts import fill_text

__all__ = [
    "drop_significant",
    "gather_pairs",
    "judge_harmonised",
    "name_variants",
    "read_harmonised",
    "refuse_harmonised",
]

_NEEDED: Final = ("beta_exposure", "se_exposure", "beta_outcome", "se_outcome")
_NAMES: Final = ("variant_id", "SNP", "snp", "rsid", "rsID")
_PLACES: Final = {
    "chromosome": ("chromosome", "chr", "chr_exposure", "chr_outcome"),
    "position_bp": ("position_bp", "pos", "pos_exposure", "pos_outcome"),
}
_TRUE: Final = ("true", "t", "1", "yes")
_SIZES: Final = {"samplesize": "n", "ncase": "n_case", "ncontrol": "n_control"}


@reads
def judge_harmonised(path: str | Path) -> pl.DataFrame:
    r"""Return the rows of a file of harmonised variants, with the reason against those not used.

    A column may be named as ``beta_exposure`` or, as in TwoSampleMR, ``beta.exposure``; the
    variants stand under ``variant_id`` or ``SNP``; ``exposure`` and ``outcome`` name the pair where
    they are there. Rows whose ``mr_keep`` is not true, or of which an effect or standard error is
    missing or not usable, are dropped with a reason; so are rows that repeat a variant of their
    pair, see `proteomr.mr.repeated.keep_once`. A variant without a name is called by its row.

    Parameters
    ----------
    path : parquet, csv or tsv, also gz.

    Returns
    -------
    rows : by exposure and outcome, in alphabetical order, those of a pair in the order of the file;
        ``reason`` is null where a row is used.

    Raises
    ------
    ColumnError
        A column is absent, or holds text where numbers are needed.
    FormatError
        The file is damaged.
    NothingToDo
        No row can be used.
    InputError
        A pair has several effects of a variant, and a column that names neither exposure nor
        outcome parts them; or the alleles of exposure and outcome differ, with the line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     size = file.write("SNP,beta.exposure,se.exposure,beta.outcome,se.outcome,mr_keep\n")
    ...     size = file.write("rs1,0.1,0.01,0.05,0.02,TRUE\nrs2,0.2,0.01,0.1,0.02,FALSE\n")
    ...     file.flush()
    ...     judge_harmonised(file.name)["reason"].to_list()
    [None, 'mr_keep is not true']
    """
    frame = _rename(read_table(path)).with_row_index("_row")
    _check(frame, Path(path))
    names = next(name for name in _NAMES if name in frame.columns)
    words = parse_names(frame[names].cast(pl.String))
    named = frame.with_columns(
        words.alias(c.VARIANT_ID),
        *(_name_side(frame, name).alias(name) for name in (c.EXPOSURE, c.OUTCOME)),
    )
    for side in (c.EXPOSURE, c.OUTCOME):
        refuse_names(named[side].drop_nulls().unique(), what=f"an {side}", path=path)
    judged = _drop_repeated(named.with_columns(_judge(named)), names, Path(path))
    if not judged["reason"].is_null().any():
        first = judged["reason"].value_counts(sort=True)["reason"][0]
        raise NothingToDo(f"{path}: none of {frame.height} variants can be used: {first}")
    _refuse_other_alleles(judged, Path(path))
    named = judged.with_columns(
        name_variants(judged[names]).alias(c.VARIANT_ID), _tell_rsids(judged, names).alias("rsid")
    )
    return named.drop("_row").sort(c.EXPOSURE, c.OUTCOME, maintain_order=True)


def _tell_rsids(judged: pl.DataFrame, names: str) -> pl.Series:
    """Return the rs numbers that a column of them, or the names, tell."""
    columns = dict.fromkeys([*(n for n in ("rsid", "rsID") if n in judged.columns), names])
    return pl.select(pl.coalesce(parse_rsids(judged[name])[0] for name in columns)).to_series()


def name_variants(names: pl.Series) -> pl.Series:
    """Return names of variants, those without one called by their rows.

    Examples
    --------
    >>> name_variants(pl.Series(["rs1", ".", None])).to_list()
    ['rs1', 'row 2', 'row 3']
    """
    rows = pl.select(fill_text("row {}", pl.int_range(1, names.len() + 1))).to_series()
    words = parse_names(names.cast(pl.String))
    return words.zip_with(words.is_not_null(), rows)


def gather_pairs(judged: pl.DataFrame) -> list[Harmonised]:
    """Return the analyses that rows hold, one per exposure and outcome.

    Parameters
    ----------
    judged : rows of whole pairs, as `judge_harmonised` gives them.
    """
    parts = judged.partition_by(c.EXPOSURE, c.OUTCOME, maintain_order=True, as_dict=True)
    return [
        _gather(rows, exposure=exposure, outcome=outcome)
        for (exposure, outcome), rows in parts.items()
    ]


def read_harmonised(path: str | Path) -> list[Harmonised]:
    r"""Return the analyses that a file of harmonised variants holds, see `judge_harmonised`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     size = file.write("SNP,beta.exposure,se.exposure,beta.outcome,se.outcome,mr_keep\n")
    ...     size = file.write("rs1,0.1,0.01,0.05,0.02,TRUE\nrs2,0.2,0.01,0.1,0.02,FALSE\n")
    ...     file.flush()
    ...     pair = read_harmonised(file.name)[0]
    >>> pair.m, pair.dropped.rows()
    (1, [('rs2', 'mr_keep is not true')])
    """
    return gather_pairs(judge_harmonised(path))


def drop_significant(pair: Harmonised, *, p: float) -> Harmonised:
    """Return a pair without the variants whose p value for the outcome is below a threshold.

    Such variants may act on the outcome by other ways than the exposure; dropping them also drops
    the strongest evidence, so that it is never done unasked.

    Examples
    --------
    >>> pair = Harmonised(
    ...     exposures=("x",),
    ...     outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["rs1", "rs2"]}),
    ...     beta_x=np.array([[0.1], [0.2]]),
    ...     se_x=np.array([[0.01], [0.01]]),
    ...     beta_y=np.array([0.02, 0.3]),
    ...     se_y=np.array([0.01, 0.01]),
    ... )
    >>> drop_significant(pair, p=5e-8).dropped.rows()
    [('rs2', 'significant for the outcome')]
    """
    hit = neg_log10_p_normal(pair.beta_y / pair.se_y) > -math.log10(p)
    gone = pair.variants.filter(pl.Series(hit)).select(
        pl.col(c.VARIANT_ID).cast(pl.String), pl.lit("significant for the outcome").alias("reason")
    )
    remaining = pair.select(np.flatnonzero(~hit).astype(np.int64))
    return replace(remaining, dropped=pl.concat([pair.dropped, gone]))


def refuse_harmonised(study: Data) -> None:
    r"""Refuse a table of harmonised variants in the place of summary statistics.

    Parameters
    ----------
    study : a path or a frame; only the names of its columns are looked at.

    Raises
    ------
    UsageError
        It has effects on both an exposure and an outcome.

    Examples
    --------
    >>> refuse_harmonised(pl.DataFrame({"SNP": ["rs1"], "beta": [0.1]}))
    """
    names = {name.replace(".", "_") for name in _list_columns(study)}
    if {"beta_exposure", "beta_outcome"} <= names:
        shown = study if isinstance(study, str | Path) else "the frame"
        raise UsageError(
            f"{shown}: holds harmonised variants, with effects on exposure and outcome; give it "
            "alone, as --harmonised FILE"
        )


def _list_columns(study: Data) -> list[str]:
    """Return the names of a study's columns; none where it is no table that can be read."""
    if not isinstance(study, str | Path):
        return [str(name) for name in getattr(study, "columns", ())]
    path = Path(study)
    try:
        if inspect_file(path)[0] == "parquet":
            return list(pl.read_parquet_schema(path))
        return list(open_delimited(path).names)
    except (ProteomrError, OSError, pl.exceptions.PolarsError):
        return []  # the reader proper says what is wrong


def _name_side(frame: pl.DataFrame, side: str) -> pl.Expr:
    """Return the names of exposures or outcomes; where none stands, what they are."""
    if side not in frame.columns:
        return pl.lit(side)
    return pl.col(side).cast(pl.String).fill_null(side)


def _rename(frame: pl.DataFrame) -> pl.DataFrame:
    """Give TwoSampleMR's columns the names that they have here."""
    renamed: dict[str, str] = {}
    for name in frame.columns:
        stem, dot, side = name.rpartition(".")
        if dot and side in {"exposure", "outcome"}:
            own = f"{_SIZES.get(stem, stem)}_{side}"
            if own not in frame.columns:
                renamed[name] = own
    return frame.rename(renamed)


def _check(frame: pl.DataFrame, path: Path) -> None:
    for name in _NEEDED:
        if name not in frame.columns:
            hint = nearest(name, frame.columns)
            other = name.replace("_", ".")
            raise ColumnError(f"{path}: no column {name!r} (or {other!r}){hint}")
        if not (frame[name].dtype.is_numeric() or frame[name].dtype == pl.Null):
            raise FormatError("text where numbers are needed", path=path, column=name)
    if not any(name in frame.columns for name in _NAMES):
        hint = nearest("variant_id", frame.columns)
        raise ColumnError(f"{path}: no column of variants ({', '.join(_NAMES[:2])}){hint}")


def _judge(frame: pl.DataFrame) -> pl.Expr:
    """Return the reason against each row; null for those that are used."""
    reason = pl.lit(None, pl.String)
    for name in reversed(_NEEDED):
        value = pl.col(name).cast(pl.Float64)
        broken = ~value.is_finite()
        if name.startswith("se"):
            broken |= value <= 0
        text = f"{name} is missing or not usable"
        reason = pl.when(broken.fill_null(value=True)).then(pl.lit(text)).otherwise(reason)
    if "mr_keep" in frame.columns:
        keep = pl.col("mr_keep").cast(pl.String).str.to_lowercase().is_in(list(_TRUE))
        unsaid = ~keep.fill_null(value=False)
        reason = pl.when(unsaid).then(pl.lit("mr_keep is not true")).otherwise(reason)
    return reason.alias("reason")


def _refuse_other_alleles(judged: pl.DataFrame, path: Path) -> None:
    """Refuse variants whose own columns say that they are not harmonised."""
    names = ("effect_allele_exposure", "effect_allele_outcome")
    if not {*names} <= {*judged.columns}:
        return
    rows = judged.filter(pl.col("reason").is_null() & ~agree_on_alleles(judged))
    if rows.height:
        others = [name.replace("effect", "other") for name in names]
        told = [name for name in others if name in rows.columns]
        first = rows.sort("_row").row(0, named=True)
        here, there = (
            "/".join(str(first[n]) for n in pair if n in (*names, *told))
            for pair in zip(names, others, strict=True)
        )
        raise FormatError(
            f"not harmonised, {rows.height:,} of {judged.height:,} variants: effects of "
            f"{first[c.VARIANT_ID]!r} are per {here} on the exposure and per {there} on the "
            "outcome; use proteomr harmonise",
            path=path,
            line=_find_line(path, first["_row"]),
        )


def _find_line(path: Path, row: int) -> int | None:
    """Return the line of a row of text; None in a table that has no lines."""
    kind, compressed = inspect_file(path)
    if kind != "text":
        return None
    return locate_line(find_layout(path, compressed=compressed), row)


def _place(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the places of their variants, whatever the columns are called."""
    found = {
        place: [name for name in names if name in rows.columns] for place, names in _PLACES.items()
    }
    if not all(found.values()):
        return rows.drop(*_PLACES, strict=False)
    return rows.with_columns(
        pl.coalesce(pl.col(name).cast(pl.String, strict=False) for name in names).alias(place)
        for place, names in found.items()
    )


def _drop_repeated(judged: pl.DataFrame, names: str, path: Path) -> pl.DataFrame:
    """Give rows that repeat a variant of their pair a reason, or refuse a file of several pairs."""
    used = judged["reason"].is_null()
    rows = judged.filter(used)
    marks = mark_repeated_pairs(_place(rows))
    differently = int((marks == REPEATED_DIFFERENTLY).sum())
    if differently:
        identity = [c.EXPOSURE, c.OUTCOME, c.VARIANT_ID]
        ours = {*identity, names, "reason", "_row"}
        others = [n for n in rows.columns if n not in ours and "allele" not in n]
        column = choose_parting_column(rows, identity=identity, candidates=others)
        if column is not None:
            raise InputError(
                f"{path}: {differently:,} rows give a variant of a pair another effect, and "
                f"column {column!r} parts them: name it exposure or outcome, or keep the rows of "
                "one of its values"
            )
    reasons = judged["reason"].scatter(used.arg_true(), marks)
    return judged.with_columns(reasons.alias("reason"))


def _gather(rows: pl.DataFrame, *, exposure: str, outcome: str) -> Harmonised:
    used = rows.filter(pl.col("reason").is_null())
    arrays = [used[name].cast(pl.Float64).to_numpy() for name in _NEEDED]
    beta_x, se_x, beta_y, se_y = (np.ascontiguousarray(values) for values in arrays)
    return Harmonised(
        exposures=(exposure,),
        outcome=outcome,
        variants=used.drop("reason", *_NEEDED),
        beta_x=beta_x[:, None],
        se_x=se_x[:, None],
        beta_y=beta_y,
        se_y=se_y,
        dropped=rows.filter(pl.col("reason").is_not_null()).select(c.VARIANT_ID, "reason"),
        n_x=np.array([_size(used, "n_exposure")]),
        n_y=_size(used, "n_outcome"),
    )


def _size(used: pl.DataFrame, name: str) -> float:
    """Return the mean sample size; NaN where a row does not tell it."""
    if name not in used.columns or not used.height or used[name].null_count():
        return float("nan")
    mean = used[name].cast(pl.Float64, strict=False).mean()
    return float(mean) if isinstance(mean, int | float) else float("nan")
