"""Genome builds: told, inferred from positions, and changed through a chain file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from proteomr._typing import Bool
from proteomr.errors import ColumnError, InputError, nearest
from proteomr.io.genetics.chains import Chain
from proteomr.tables.sumstats import CHROMOSOME_LENGTHS, GenomeBuild

__all__ = ["BuildEvidence", "BuildWitness", "lift_rows"]

_BUILDS: Final[tuple[GenomeBuild, ...]] = ("GRCh37", "GRCh38")
_SURE: Final = 0.9
_FEWEST: Final = 5
_COMPLEMENT: Final = str.maketrans("ACGT", "TGCA")


@dataclass(frozen=True, slots=True)
class BuildEvidence:
    """Which build the positions of a file are on.

    Parameters
    ----------
    declared : build that the file, its format or the user tells.
    inferred : build that the positions tell; None where they fit both.
    compared : variants whose position is known.
    agreeing : of these, those at the position of each build.
    beyond : by build, chromosomes with a position beyond their end.
    """

    declared: GenomeBuild | None
    inferred: GenomeBuild | None
    compared: int
    agreeing: dict[GenomeBuild, int]
    beyond: dict[GenomeBuild, tuple[str, ...]]


class BuildWitness:
    """Positions seen so far, compared with known ones and with the ends of chromosomes.

    Parameters
    ----------
    known : ``rsid``, ``position_bp`` and ``build`` of variants whose position is known; None where
        only the ends of chromosomes are to tell.

    Raises
    ------
    ColumnError
        The known positions lack a column.

    Examples
    --------
    >>> witness = BuildWitness()
    >>> far = {"rsid": ["rs1"], "chromosome": ["17"], "position_bp": [83 * 10**6]}
    >>> witness.add(pl.DataFrame(far))
    >>> witness.conclude(None, path="x").inferred
    'GRCh38'
    """

    def __init__(self, known: pl.DataFrame | None = None) -> None:
        for name in () if known is None else ("rsid", "position_bp", "build"):
            if known is not None and name not in known.columns:
                hint = nearest(name, known.columns)
                raise ColumnError(f"known positions: no column {name!r}{hint}")
        self._known = known
        self._furthest: dict[str, int] = {}
        self._compared = 0
        self._agreeing: Counter[GenomeBuild] = Counter()

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows with ``rsid``, ``chromosome`` and ``position_bp`` into account."""
        ends = frame.group_by("chromosome").agg(pl.col("position_bp").max()).drop_nulls()
        for name, end in ends.iter_rows():
            self._furthest[name] = max(end, self._furthest.get(name, 0))
        if self._known is None:
            return
        known = self._known.select("rsid", "build", there=pl.col("position_bp"))
        met = frame.select("rsid", "position_bp").drop_nulls().join(known, on="rsid", how="inner")
        self._compared += met["rsid"].n_unique()
        for build in _BUILDS:
            same = met.filter(
                (pl.col("build") == build) & (pl.col("position_bp") == pl.col("there"))
            )
            self._agreeing[build] += same["rsid"].n_unique()

    def conclude(self, declared: GenomeBuild | None, *, path: object) -> BuildEvidence:
        """Return which build the positions are on.

        Raises
        ------
        InputError
            They are on another build than the declared one, or beyond the ends of both.
        """
        beyond = {
            build: tuple(
                name
                for name, end in sorted(self._furthest.items())
                if end > CHROMOSOME_LENGTHS[build].get(name, end)
            )
            for build in _BUILDS
        }
        possible = [build for build in _BUILDS if not beyond[build]]
        if not possible:
            raise InputError(
                f"{path}: positions beyond the end of chromosome {beyond['GRCh38'][0]} on GRCh37"
                " and GRCh38; check the columns of chromosome and position"
            )
        inferred = possible[0] if len(possible) == 1 else None
        if self._compared >= _FEWEST:
            best = max(_BUILDS, key=lambda build: self._agreeing[build])
            if self._agreeing[best] >= _SURE * self._compared:
                inferred = best
        if declared is not None and inferred is not None and declared != inferred:
            reason = self._reason(declared, inferred, beyond)
            raise InputError(
                f"{path}: declared to be {declared}, but {reason}; give build={inferred!r}, or lift"
                " the positions"
            )
        agreeing = {build: self._agreeing[build] for build in _BUILDS}
        return BuildEvidence(declared, inferred, self._compared, agreeing, beyond)

    def _reason(
        self,
        declared: GenomeBuild,
        inferred: GenomeBuild,
        beyond: dict[GenomeBuild, tuple[str, ...]],
    ) -> str:
        if beyond[declared]:
            return f"positions lie beyond the end of its chromosome {beyond[declared][0]}"
        return f"{self._agreeing[inferred]} of {self._compared} known positions are {inferred}'s"


def lift_rows(
    frame: pl.DataFrame, *, chain: Chain, build: GenomeBuild
) -> tuple[pl.DataFrame, Bool]:
    """Return rows on another build, and which of them have no place there.

    Alleles are complemented where a stretch lies on the other strand.

    Parameters
    ----------
    frame : canonical rows.
    chain : from the build of the rows to the other.
    build : name of the other build.
    """
    lifted = chain.lift(frame["chromosome"], frame["position_bp"])
    failed = lifted["position"].is_null()
    turned = (lifted["strand"] == -1).fill_null(value=False)
    columns = {
        "chromosome": lifted["chromosome"],
        "position_bp": lifted["position"],
        "build": pl.repeat(build, frame.height, eager=True),
    }
    out = frame.with_columns(
        **{name: column.cast(frame.schema[name]) for name, column in columns.items()}
    )
    if turned.any():
        rows = turned.arg_true()
        for name in ("effect_allele", "other_allele"):
            cells = out[name].gather(rows).map_elements(_complement, return_dtype=pl.String)
            out = out.with_columns(out[name].clone().scatter(rows, cells))
    return out, failed.to_numpy()


def _complement(allele: str) -> str:
    return allele.translate(_COMPLEMENT)[::-1]


def describe(path: Path, evidence: BuildEvidence) -> str:
    """Return one sentence on the build of a file.

    Examples
    --------
    >>> made = BuildEvidence("GRCh37", None, 0, {}, {})
    >>> describe(Path("a.tsv"), made)
    'a.tsv: GRCh37 as declared'
    """
    if evidence.declared is not None:
        return f"{path.name}: {evidence.declared} as declared"
    if evidence.inferred is not None:
        return f"{path.name}: {evidence.inferred}, inferred from its positions"
    return f"{path.name}: the build is not known; positions fit GRCh37 and GRCh38"
