"""Instruments in linkage with variants that alter a protein, and estimates without them.

An altered protein may bind the laboratory's antibody or aptamer otherwise: what looks like an
effect on its level is then one on the measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.gwas.match import add_keys, is_listed
from proteomr.gwas.panel import locate_in_panel
from proteomr.io.genetics.genotypes import LdSource
from proteomr.mr.estimate import estimate
from proteomr.mr.methods.method import Method
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["Flagged", "describe_altering", "estimate_without", "flag_altering", "list_flagged"]

# From this r2 on two variants stand for each other (Zheng and others 2020,
# doi:10.1038/s41588-020-0682-6, who look for epitope artefacts among proxies of r2 > 0.8).
_PROXY_R2: Final = 0.8

Flagged = frozenset[tuple[str, str]]
"""Exposures and names of instruments."""


def flag_altering(
    instruments: pl.DataFrame, altering: Sequence[str], *, ld: LdSource | None, width_bp: float
) -> pl.DataFrame:
    """Return instruments with the protein-altering variant that each may stand for.

    Parameters
    ----------
    instruments : the schema ``instruments``; ``rsid`` where known.
    altering : names or rsids of protein-altering variants.
    ld : panel in which both are looked for; None for the same variants alone.
    width_bp : distance up to which they are looked for.

    Returns
    -------
    flagged : the same rows and ``altering`` (null where nothing tells: the instrument is none of
        the list, and it or all of these are in no panel), ``altering_variant`` and
        ``altering_r2``, the strongest.

    Examples
    --------
    >>> from proteomr.io.genetics.ld_matrices import LdMatrix
    >>> rows = pl.DataFrame({"variant_id": ["rs1", "rs2"], "exposure": ["x", "x"]})
    >>> panel = LdMatrix(pl.DataFrame({"variant_id": ["rs1", "rs2", "rs3"]}),
    ...     np.array([[1.0, 0.1, 0.95], [0.1, 1.0, 0.2], [0.95, 0.2, 1.0]]))
    >>> flag_altering(rows, ["rs3"], ld=panel, width_bp=1e6)["altering"].to_list()
    [True, False]
    """
    same = is_listed(instruments, altering)
    keys = _name_altering(instruments, altering)
    told = [True if own else None for own in same]
    named = [name if own else None for own, name in zip(same, keys, strict=True)]
    r2: list[float | None] = [1.0 if own else None for own in same]
    if ld is not None:
        rows = locate_in_panel(instruments, ld.variants)["panel_row"].to_list()
        listed = pl.DataFrame({c.VARIANT_ID: list(altering)}, schema={c.VARIANT_ID: pl.String})
        places = locate_in_panel(listed, ld.variants)["panel_row"]
        names = listed[c.VARIANT_ID].filter(places.is_not_null()).to_list()
        there: I64 = places.drop_nulls().to_numpy().astype(np.int64)
        for i, row in enumerate(rows):
            if row is None or told[i] or not there.size:
                continue
            near = _find_near(ld.variants, row, there, width_bp=width_bp)
            squares = np.nan_to_num(ld.correlate(row, there[near]) ** 2)
            best = int(np.argmax(squares)) if squares.size else -1
            told[i] = best >= 0 and bool(squares[best] >= _PROXY_R2)
            if told[i]:
                named[i], r2[i] = names[int(near[best])], float(min(1.0, squares[best]))
    return instruments.with_columns(
        pl.Series("altering", told, dtype=pl.Boolean),
        pl.Series("altering_variant", named, dtype=pl.String),
        pl.Series("altering_r2", r2, dtype=pl.Float64),
    )


def list_flagged(instruments: pl.DataFrame) -> Flagged:
    """Return the instruments that are flagged.

    Examples
    --------
    >>> rows = pl.DataFrame({"exposure": ["x"], "variant_id": ["rs1"], "altering": [True]})
    >>> list_flagged(rows)
    frozenset({('x', 'rs1')})
    """
    rows = instruments.filter(pl.col("altering").fill_null(value=False))
    return frozenset(rows.select(c.EXPOSURE, c.VARIANT_ID).iter_rows())


def describe_altering(
    instruments: pl.DataFrame, altering: Sequence[str], *, ld: LdSource | None
) -> str:
    """Return how many instruments are flagged, and what is not known, in one sentence.

    Parameters
    ----------
    instruments : as `flag_altering` returns them.
    altering, ld : as it takes them.

    Examples
    --------
    >>> flags = pl.DataFrame({"altering": [True, None]})
    >>> describe_altering(flags, ["rs1"], ld=None)
    '1 of 2 instruments may stand for protein-altering variants; of 1 nothing tells: add --ld'
    """
    flags = instruments["altering"]
    text = (
        f"{int(flags.sum())} of {flags.len()} instruments may stand for protein-altering variants"
    )
    unknown = flags.null_count()
    if ld is None:
        return f"{text}; of {unknown} nothing tells: add --ld" if unknown else text
    listed = pl.DataFrame({c.VARIANT_ID: list(altering)}, schema={c.VARIANT_ID: pl.String})
    absent = locate_in_panel(listed, ld.variants)["panel_row"].null_count()
    if absent:
        text = f"{text}; {absent:,} of {listed.height:,} of these are not in the panel"
    return f"{text}; of {unknown} instruments nothing tells" if unknown else text


def estimate_without(
    pairs: Sequence[Harmonised], flagged: Flagged, methods: Sequence[Method], *, seed: int
) -> pl.DataFrame:
    """Return the estimates of those pairs that have flagged variants, without these.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    flagged : exposures and names of the variants that leave.
    methods, seed : see `proteomr.mr.estimate.estimate`.

    Returns
    -------
    table : the schema ``without_altering``.
    """
    kept, gone = list[Harmonised](), list[int]()
    for pair in pairs:
        names = pair.variants[c.VARIANT_ID].cast(pl.String).to_list()
        stays = np.array([(pair.exposures[0], name) not in flagged for name in names], dtype=bool)
        if not stays.all():
            kept.append(pair.select(np.flatnonzero(stays).astype(np.int64)))
            gone.append(int((~stays).sum()))
    declared = load_schema("without_altering")
    methods = [method for method in methods if not method.needs_genome]  # they use no instrument
    if not kept or not methods:
        return declared.empty()
    counts = pl.DataFrame(
        {
            c.EXPOSURE: [pair.exposures[0] for pair in kept],
            c.OUTCOME: [pair.outcome for pair in kept],
            c.DIRECTION: [pair.direction for pair in kept],
            "n_altering": gone,
        }
    )
    found = estimate(kept, methods, seed=seed).join(
        counts, on=[c.EXPOSURE, c.OUTCOME, c.DIRECTION], how="left", maintain_order="left"
    )
    return declared.validate(found.select(declared.empty().columns))


def _name_altering(instruments: pl.DataFrame, altering: Sequence[str]) -> list[str | None]:
    """Return the name in the list of each instrument that is in it."""
    listed = add_keys(
        pl.DataFrame({c.VARIANT_ID: list(altering)}, schema={c.VARIANT_ID: pl.String})
    )
    names = dict(listed.select("_name", c.VARIANT_ID).drop_nulls().iter_rows())
    rsids = dict(listed.select("_rsid", c.VARIANT_ID).drop_nulls().iter_rows())
    keyed = add_keys(instruments)
    return [
        names.get(name) or rsids.get(rsid)
        for name, rsid in keyed.select("_name", "_rsid").iter_rows()
    ]


def _find_near(variants: pl.DataFrame, row: int, others: I64, *, width_bp: float) -> I64:
    """Return which of the others lie on a variant's chromosome and near it, or have no place."""
    own = variants.row(row, named=True)
    there = variants[others]
    chromosomes = there["chromosome"].eq_missing(own["chromosome"]).to_numpy()
    if own["position_bp"] is None:
        return np.flatnonzero(chromosomes).astype(np.int64)
    positions: F64 = there["position_bp"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    far = np.abs(positions - own["position_bp"]) > width_bp
    near: I64 = np.flatnonzero(chromosomes & ~far).astype(np.int64)
    return near
