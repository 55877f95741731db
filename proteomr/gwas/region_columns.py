"""Coloc's own columns (snp, position, beta, varbeta, MAF, pvalue) as canonical rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.border import reads
from proteomr.errors import FormatError, UsageError
from proteomr.gwas.agreement import AgreementSample
from proteomr.io.sumstats.books import ColumnRule, FormatBook
from proteomr.io.sumstats.canonical import Facts, canonicalise
from proteomr.io.sumstats.delimited import RawTable
from proteomr.io.sumstats.header import Layout, assign_columns
from proteomr.io.sumstats.selection import Selection
from proteomr.io.sumstats.source import ReadOptions, name_trait
from proteomr.tables.names import refuse_names

__all__ = ["TraitForm", "is_of_coloc", "read_of_coloc"]

TraitForm: TypeAlias = Literal["effects", "p_values"]
"""Effects with their errors; or P with allele frequencies and no effects."""

_RULES: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "variant_id": (("snp",), "text"),
    "chromosome": (("chromosome", "chr", "chrom"), "chromosome"),
    "position_bp": (("position", "pos", "position_bp"), "whole"),
    "effect_allele": (("effect_allele",), "allele"),
    "other_allele": (("other_allele",), "allele"),
    "eaf": (("MAF", "eaf"), "number"),
    "beta": (("beta",), "number"),
    "se": (("varbeta",), "variance"),
    "neg_log10_p": (("pvalue", "pvalues"), "p_text"),
    "n": (("N",), "number"),
}
_BOOK: Final = FormatBook(
    "coloc",
    "lists of the R package coloc",
    ("snp",),
    tuple(ColumnRule(to, names, by) for to, (names, by) in _RULES.items()),  # type: ignore[arg-type]
    written=False,
)


def is_of_coloc(names: Sequence[str]) -> bool:
    """Tell whether a header is that of coloc's lists: effects and variances, or P and MAF.

    Examples
    --------
    >>> is_of_coloc(["snp", "position", "beta", "varbeta"]), is_of_coloc(["snp", "beta", "se"])
    (True, False)
    """
    folded = {name.casefold() for name in names}
    if "snp" not in folded:
        return False
    by_p = bool({"pvalue", "pvalues"} & folded) and "maf" in folded
    per_allele = "se" in folded or {"beta", "effect_allele"} <= folded
    return "varbeta" in folded or (by_p and not per_allele)


@reads
def read_of_coloc(
    table: RawTable, options: ReadOptions
) -> tuple[pl.DataFrame, TraitForm, tuple[str, ...]]:
    """Return the canonical rows of a file with coloc's columns, what they tell, and notes.

    Parameters
    ----------
    table : the file.
    options : how it is read.

    Raises
    ------
    InputError
        Effects, variances and P contradict each other: a standard error given for a variance.
    FormatError
        There are effects without variances, or neither effects nor P and MAF.
    UsageError
        A region is asked for of a file without chromosomes.
    """
    path = table.path
    layout = assign_columns(table.names, _BOOK, mapping=options.columns, path=path, whole=False)
    _check(layout, options, path)
    sources = [name for name in table.names if any(e.source == name for e in layout.assignments)]
    sample = AgreementSample(layout, path=path)
    facts = Facts(
        build=options.build,
        trait=options.trait or name_trait(path),
        n=options.n,
        n_case=options.n_case,
    )
    parts: list[pl.DataFrame] = []
    for raw in table.read(sources):
        chunk = canonicalise(raw, layout, facts=facts, selection=options.selection)
        sample.add(chunk.sample)
        parts.append(chunk.frame)
    rows = pl.concat(parts)
    if layout.get("beta") is not None and rows.height and rows["beta"].is_null().all():
        raise FormatError("column 'beta' holds no number", path=path)
    refuse_names(rows["trait"].drop_nulls().unique(), what="a trait", path=path)
    form: TraitForm = "p_values" if layout.get("beta") is None else "effects"
    return rows, form, sample.check(refuse=options.scales == "refuse")


def _check(layout: Layout, options: ReadOptions, path: Path) -> None:
    """Refuse what can be neither effects with variances nor P with frequencies."""
    has = {to: layout.get(to) is not None for to in _RULES}
    if not has["variant_id"]:
        raise FormatError("no column 'snp' with the names of variants", path=path, line=1)
    if has["beta"] and not has["se"]:
        message = "column 'beta' without 'varbeta'; give the variances, or P, MAF and N alone"
        raise FormatError(message, path=path, line=1)
    if not has["beta"] and not (has["neg_log10_p"] and has["eaf"]):
        message = "neither 'beta' and 'varbeta' nor 'pvalue' and 'MAF'; one pair is needed"
        raise FormatError(message, path=path, line=1)
    if options.selection != Selection() and not (has["chromosome"] and has["position_bp"]):
        raise UsageError(
            f"{path}: has no chromosomes: its rows are one region, of which none can be chosen; "
            "add columns 'chromosome' and 'position', or leave the region out"
        )
