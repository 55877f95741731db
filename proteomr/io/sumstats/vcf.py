"""GWAS-VCF: statistics packed in the sample columns of a VCF, one for each trait."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from proteomr.errors import FormatError
from proteomr.io.sumstats.canonical import Facts
from proteomr.io.sumstats.delimited import RawTable
from proteomr.tables.sumstats import name_build

__all__ = ["read_meta", "unpack"]

_FIXED: Final = ("#CHROM", "POS", "ID", "REF", "ALT")
_FIELDS: Final = ("ES", "SE", "LP", "AF", "SS", "NS", "NC", "SI")
_BUILD: Final = "grch37|grch38|hg19|hg38|b37|b38"


def unpack(table: RawTable) -> RawTable:
    """Return a GWAS-VCF as a table with the columns ES, SE, LP, AF, SS, NS, NC, SI and TRAIT.

    The effect is that of the alternative allele (Lyon et al. 2021,
    doi:10.1186/s13059-020-02248-0). A row with several alternative alleles becomes one for each.

    Raises
    ------
    FormatError
        It has no column FORMAT followed by one column for each trait.
    """
    if "FORMAT" not in table.names or table.names[-1] == "FORMAT":
        raise FormatError("a VCF without a column for a trait", path=table.path)
    traits = table.names[table.names.index("FORMAT") + 1 :]
    names = (*_FIXED, *_FIELDS, "TRAIT")
    needed = [*_FIXED, "FILTER", "INFO", "FORMAT", *traits]

    def read(wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        for batch in table.read([name for name in needed if name in table.names]):
            for trait in traits:
                yield _unpack_trait(batch, trait).select(wanted)

    sample = pl.concat(_unpack_trait(table.sample, trait) for trait in traits)
    return RawTable(table.path, names, sample, read, table.meta)


def read_meta(meta: Sequence[str], facts: Facts) -> Facts:
    """Return facts completed from the lines before the header: build, people, cases.

    Examples
    --------
    >>> read_meta(["##contig=<ID=1,length=249250621,assembly=GRCh37.p13>"], Facts()).build
    'GRCh37'
    """
    text = "\n".join(line for line in meta if line.startswith(("##contig", "##reference")))
    named = re.search(_BUILD, text, re.IGNORECASE)
    if facts.build is None and named:
        facts = replace(facts, build=name_build(named[0]))
    studies = [line for line in meta if line.startswith(("##SAMPLE", "##trait"))]
    if facts.n is not None or len(studies) != 1:
        return facts
    cases, controls, total = (
        _number(studies[0], name) for name in ("TotalCases", "TotalControls", "TotalSamples")
    )
    if controls is not None:
        total = controls + (cases or 0.0)
    return replace(facts, n=total, n_case=facts.n_case if facts.n_case is not None else cases)


def _number(line: str, name: str) -> float | None:
    match = re.search(rf'{name}="?([0-9.]+)', line)
    return float(match[1]) if match else None


def _unpack_trait(batch: pl.DataFrame, trait: str) -> pl.DataFrame:
    parts = [
        _unpack_layout(rows, str(key[0]), trait)
        for key, rows in batch.with_row_index("_row").group_by(["FORMAT"], maintain_order=True)
    ]
    frame = pl.concat(parts).sort("_row") if len(parts) > 1 else parts[0]
    return _split_alleles(frame).drop("_row").with_columns(TRAIT=pl.lit(trait))


def _unpack_layout(rows: pl.DataFrame, layout: str, trait: str) -> pl.DataFrame:
    """Unpack rows whose column FORMAT names the same fields."""
    keys = layout.split(":")
    cells = rows[trait].str.split_exact(":", len(keys) - 1).struct.rename_fields(keys)
    fields = [
        cells.struct.field(name).alias(name)
        if name in keys
        else pl.repeat(None, rows.height, dtype=pl.String, eager=True).alias(name)
        for name in _FIELDS
    ]
    names = [rows["ID"]]
    if "ID" in keys:
        names.append(cells.struct.field("ID"))
    if "INFO" in rows.columns:
        names.append(rows["INFO"].cast(pl.String).str.extract(r"(?:^|;)RSID=([^;]+)"))
    candidates = [
        name.cast(pl.String).set(name.cast(pl.String).is_in([".", ""]), None).alias(f"{i}")
        for i, name in enumerate(names)
    ]
    ids = pl.DataFrame(candidates).select(pl.coalesce(pl.all())).to_series().alias("ID")
    fixed = [rows["_row"], *(rows[name] for name in _FIXED if name != "ID")]
    return pl.DataFrame([*fixed, ids, *fields])


def _split_alleles(frame: pl.DataFrame) -> pl.DataFrame:
    several = frame["ALT"].str.contains(",", literal=True).fill_null(value=False)
    if not several.any():
        return frame
    packed = frame.filter(several)
    width = packed["ALT"].str.count_matches(",") + 1
    per_allele = [
        name
        for name in _FIELDS
        if bool((packed[name].str.count_matches(",") + 1 == width).fill_null(value=False).any())
    ]
    lists = packed.with_columns(pl.col("ALT", *per_allele).str.split(","))
    return pl.concat([frame.filter(~several), lists.explode("ALT", *per_allele)]).sort("_row")
