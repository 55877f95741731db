"""The column of a file that parts rows of one variant: several traits that were taken for one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import Bool
from proteomr.errors import InputError
from proteomr.io.sumstats.header import fold_trait
from proteomr.io.sumstats.source import SumStatsFile

__all__ = [
    "PartedError",
    "choose_parting_column",
    "find_parting_column",
    "is_name_of_trait",
    "refuse_parted",
]

_ROWS: Final = 2_000_000  # enough to see the traits of any file, and a bound for memory
# Traits in one table share more variants than this; a few repeats in a genome are parted by chance
# by any column, such as the directions of a meta-analysis.
_PARTED: Final = 0.01
_SHARE: Final = 0.5  # a trait has two variants or more, on average
_NAMES: Final = ("variant_id", "rsid", "chromosome", "position_bp", "trait")
_ALLELES: Final = ("effect_allele", "other_allele")
_KNOWN: Final = frozenset(
    (
        *("trait", "traitname", "traitid", "phenotype", "phenotypename", "phenotypeid", "pheno"),
        *("phenocode", "disease", "exposure", "outcome", "moleculartraitid", "metabolite"),
        *("protein", "proteinname", "proteinid", "uniprot", "uniprotid", "assay", "assayid"),
        *("olinkid", "seqid", "somaid", "somamer", "aptamer", "target", "analyte", "probe"),
        *("probeid", "gene", "genename", "genesymbol", "geneid", "symbol", "hgnc", "hgncsymbol"),
        *("hgncid", "ensembl", "ensemblid", "ensemblgeneid", "ensg", "entrez", "entrezid"),
    )
)
_NUMBERS: Final = ("id", "code", "number", "nr", "key")  # ends of names whose numbers are names
_WHOLE: Final = r"^[0-9]+$"


class PartedError(Exception):
    """A column of a file turns out to hold its traits, so that the file is to be read by it."""

    def __init__(self, path: Path, column: str) -> None:
        super().__init__(f"{path}: {column}")
        self.path = path
        self.column = column


def refuse_parted(
    files: Sequence[SumStatsFile],
    ends: Sequence[int],
    contradicting: Bool,
    variants: pl.Series,
    *,
    option: str,
) -> None:
    """Refuse files in which traits were taken for one: parted by a column, or by the files.

    Parameters
    ----------
    files : those read, one after another.
    ends : number of rows until the end of each.
    contradicting : (r,) rows of variants that have several effects.
    variants : which variant each of the contradicting rows is of.
    option : option that maps columns.

    Raises
    ------
    PartedError
        A column whose name is that of traits parts the rows.
    InputError
        Another column does, or each file has its own effect of a variant.
    """
    starts = [0, *ends[:-1]]
    for opened, start, end in zip(files, starts, ends, strict=True):
        n = int(contradicting[start:end].sum())
        many = n >= max(1.0, _PARTED * (end - start))
        column = find_parting_column(opened) if many else None
        if column is None:
            continue
        if is_name_of_trait(column) and opened.layout.get("trait") is None:
            raise PartedError(opened.path, column)
        raise InputError(
            f"{opened.path}: {n:,} rows give a variant several effects, and column {column!r} "
            f"parts them: name it as the trait ({option} trait={shlex.quote(column)}), or keep "
            "the rows of one of its values"
        )
    _refuse_apart(files, ends, contradicting, variants)


def _refuse_apart(
    files: Sequence[SumStatsFile], ends: Sequence[int], contradicting: Bool, variants: pl.Series
) -> None:
    """Refuse files that are given as parts of one study, and are several."""
    sizes = np.diff([0, *ends])
    owner = np.searchsorted(ends, np.flatnonzero(contradicting), side="right")
    rows = pl.DataFrame([variants, pl.Series("file", owner)])
    shared = rows.group_by("variant").agg(pl.col("file").unique().sort())
    shared = shared.filter(pl.col("file").list.len() > 1)
    if not shared.height or shared.height < _PARTED * int(sizes.min()):
        return
    first, second = (files[i].path for i in shared["file"].sort()[0][:2])
    raise InputError(
        f"{first} and {second} give {shared.height:,} variants different effects under one name of "
        "the trait: they are different studies, not parts of one; give them as files of their own"
    )


def is_name_of_trait(column: str) -> bool:
    """Tell whether columns of this name hold traits, where they part the rows of a variant.

    Examples
    --------
    >>> is_name_of_trait("Gene_Name"), is_name_of_trait("tissue")
    (True, False)
    """
    return fold_trait(column) in _KNOWN


def find_parting_column(opened: SumStatsFile) -> str | None:
    r"""Return the column, not read so far, by which no variant stands twice any more.

    Of several such columns one whose name is that of traits goes before others, words go before
    numbers that are names (``id``, ``gene_id``), and fewer before more; a column with more values
    than half of the rows names rows and no trait, unless its name is known.

    Parameters
    ----------
    opened : a file in which variants stand several times.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.sumstats import open_sumstats
    >>> with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
    ...     size = file.write("gene snp ea oa beta se\nA rs1 A G 1 1\nB rs1 A G 2 1\n")
    ...     size = file.write("A rs2 A G 1 1\nB rs3 A G 1 1\n")
    ...     file.flush()
    ...     find_parting_column(open_sumstats(file.name))
    'gene'
    """
    names, alleles = (_sources(opened, wanted) for wanted in (_NAMES, _ALLELES))
    others = [name for name in opened.names if name not in opened.columns_read()]
    if opened.layout.traits or not others:
        return None
    parts, rows = list[pl.DataFrame](), 0
    for batch in opened.raw([*names, *alleles, *others]):
        parts.append(batch.cast(pl.String))
        rows += batch.height
        if rows >= _ROWS:
            break
    frame = pl.concat(parts)
    pair = [pl.col(name).str.to_uppercase() for name in alleles]
    frame = (
        frame.with_columns(
            pl.min_horizontal(pair).alias("\0low"), pl.max_horizontal(pair).alias("\0high")
        )
        if len(pair) == len(_ALLELES)
        else frame
    )
    identity = [*names, *(name for name in ("\0low", "\0high") if name in frame.columns)]
    return choose_parting_column(frame, identity=identity, candidates=others)


def _sources(opened: SumStatsFile, wanted: Sequence[str]) -> list[str]:
    """Return the columns of a file that some canonical ones are, each once."""
    found = [entry.source for to in wanted if (entry := opened.layout.get(to)) is not None]
    return list(dict.fromkeys(found))


def choose_parting_column(
    frame: pl.DataFrame, *, identity: Sequence[str], candidates: Sequence[str]
) -> str | None:
    """Return the column by which no row repeats another's identity any more.

    Parameters
    ----------
    frame : the rows.
    identity : columns that say which variant a row is of.
    candidates : columns to choose from.

    Examples
    --------
    >>> columns = {"snp": ["rs1", "rs1", "rs2", "rs3"], "lipid": ["ldl", "hdl", "ldl", "hdl"]}
    >>> frame = pl.DataFrame(columns)
    >>> choose_parting_column(frame, identity=["snp"], candidates=["lipid"])
    'lipid'
    """
    several = frame.filter(pl.struct(identity).is_duplicated())
    fitting: list[tuple[bool, bool, int, str]] = []
    for name in candidates if several.height else ():
        known, values = is_name_of_trait(name), frame[name].n_unique()
        numbers = not _is_text(frame[name])
        if numbers and not (known or _are_names(name, frame[name])):
            continue
        if values > _SHARE * frame.height and (numbers or not known):
            continue
        if not several.select(pl.struct(*identity, name).is_duplicated().any()).item():
            fitting.append((not known, numbers, values, name))
    return min(fitting)[3] if fitting else None


def _is_text(cells: pl.Series) -> bool:
    """Tell whether most cells that hold something hold no number."""
    held = cells.drop_nulls()
    if held.dtype != pl.String or not held.len():
        return False
    return held.cast(pl.Float64, strict=False).null_count() > held.len() / 2


def _are_names(name: str, cells: pl.Series) -> bool:
    """Tell whether a column of whole numbers holds names, by its own name."""
    held = cells.drop_nulls().cast(pl.String)
    return fold_trait(name).endswith(_NUMBERS) and bool(held.str.contains(_WHOLE).all())
