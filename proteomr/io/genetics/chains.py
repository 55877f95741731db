"""Chains between genome builds, and positions lifted through them."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import polars as pl
from numpy.typing import NDArray

from proteomr._typing import I64
from proteomr.border import reads
from proteomr.errors import ColumnError, FormatError, UsageError
from proteomr.io.sources import damaged_gzip, inspect_file

__all__ = ["Chain", "name_chromosome", "read_chain"]

_SPAN: Final = 1 << 40  # one chromosome's share of the axis on which all blocks stand
_CHUNK: Final = 1 << 18
_FIELDS: Final = 12
_WHOLE: Final = frozenset((*map(str, range(1, 23)), "X", "Y", "MT"))


def name_chromosome(name: str) -> str:
    """Return the name of a chromosome without the prefix ``chr``, and MT for the mitochondrion.

    Examples
    --------
    >>> name_chromosome("chr7"), name_chromosome(" X"), name_chromosome("chrM")
    ('7', 'X', 'MT')
    """
    bare = name.strip()
    if bare[:3].casefold() == "chr" and bare[3:4] != "_":  # Ensembl's patches are CHR_HS...
        bare = bare[3:]
    upper = bare.upper()
    return "MT" if upper in {"M", "MT"} else upper if upper in {"X", "Y"} else bare


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Blocks without gaps that carry positions of one genome build to another.

    The blocks of all chromosomes stand on one axis, disjoint and in order. Where chains overlap
    in the source build, the one with the highest score holds the place; among equal scores the
    one to the same chromosome, then to a whole chromosome rather than a patch, then the one that
    aligns more bases, then the one that comes first in the file.

    Parameters
    ----------
    sources : chromosomes of the source build; number i has the stretch from i * 2^40 on.
    targets : chromosomes of the target build.
    starts, ends : (m,), blocks on the axis of the source build, zero-based, end excluded.
    target : (m,), position in `targets` of each block.
    origins : (m,), position in the target of the base at the start of a block, one-based.
    strands : (m,), 1, or -1 where the block lies on the other strand.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    starts: I64
    ends: I64
    target: NDArray[np.int32]
    origins: I64
    strands: NDArray[np.int8]

    def lift(
        self,
        chromosome: pl.Series | Sequence[str] | Sequence[int],
        position: pl.Series | Sequence[int] | I64,
    ) -> pl.DataFrame:
        r"""Return where positions of the source build stand in the target build.

        Parameters
        ----------
        chromosome : n names, with or without ``chr``; whole numbers are taken as their text.
        position : n positions, one-based (bp).

        Returns
        -------
        lifted : n rows in the order given: ``chromosome`` (without ``chr``), ``position``
            (one-based, bp), ``strand`` (1, or -1 where alleles are to be complemented); all
            three null where the target build has no such base.

        Raises
        ------
        UsageError
            There are not as many positions as chromosomes.
        ColumnError
            Positions are not whole numbers.

        Examples
        --------
        >>> import tempfile
        >>> text = "chain 9 1 100 + 10 30 1 90 - 0 20 1\n20\n\n"
        >>> with tempfile.NamedTemporaryFile("w", suffix=".chain") as file:
        ...     size = file.write(text)
        ...     file.flush()
        ...     read_chain(file.name).lift(["chr1", "1"], [11, 10]).row(0)
        ('1', 90, -1)
        """
        codes = self._encode(pl.Series("chromosome", chromosome))
        bases = _whole_numbers(pl.Series("position", position))
        if codes.size != bases.size:
            raise UsageError(f"{bases.size} positions for {codes.size} chromosomes")
        target = np.full(codes.size, -1, dtype=np.int32)
        lifted = np.full(codes.size, -1, dtype=np.int64)
        strand = np.zeros(codes.size, dtype=np.int8)
        for first in range(0, codes.size, _CHUNK):
            part = slice(first, first + _CHUNK)
            block, inside, offset = self._find_blocks(codes[part], bases[part])
            target[part] = np.where(inside, self.target[block], -1)
            lifted[part] = self.origins[block] + self.strands[block] * offset
            strand[part] = self.strands[block]
        names = pl.Series("chromosome", self.targets, dtype=pl.String)
        is_lifted = pl.Series(target) >= 0
        columns = [
            names.gather(pl.Series(target).set(~is_lifted, None)),
            pl.Series("position", lifted).set(~is_lifted, None),
            pl.Series("strand", strand).set(~is_lifted, None),
        ]
        return pl.DataFrame(columns)

    def _encode(self, chromosome: pl.Series) -> I64:
        """Return the number of each chromosome in `sources`, -1 for the others."""
        code_of = {name: code for code, name in enumerate(self.sources)}
        text = chromosome.cast(pl.String)
        spelt = text.drop_nulls().unique()
        codes = [code_of.get(name_chromosome(name), -1) for name in spelt.to_list()]
        encoded = text.replace_strict(spelt, codes, default=-1, return_dtype=pl.Int64)
        return encoded.fill_null(-1).to_numpy()

    def _find_blocks(self, codes: I64, bases: I64) -> tuple[I64, NDArray[np.bool_], I64]:
        """Return the block of each base, whether the base is inside, and how far from its start."""
        place = codes * _SPAN + np.clip(bases - 1, -1, _SPAN - 1)
        block = np.searchsorted(self.starts, place, side="right") - 1
        np.maximum(block, 0, out=block)
        offset = place - self.starts[block]
        inside = (codes >= 0) & (bases > 0) & (offset >= 0) & (place < self.ends[block])
        return block, inside, offset


def _whole_numbers(position: pl.Series) -> I64:
    if not (position.dtype.is_integer() or position.dtype == pl.Null):
        raise ColumnError(f"positions hold {position.dtype}; whole numbers are needed (one-based)")
    return position.cast(pl.Int64).fill_null(-1).to_numpy()


@dataclass(frozen=True, slots=True)
class _Header:
    score: float
    source: str
    start: int
    end: int
    target: str
    target_size: int
    reverse: bool
    target_start: int
    target_end: int


@reads
def read_chain(path: str | Path) -> Chain:
    r"""Return the chains of a file, plain or compressed with gzip.

    The format is UCSC's (https://genome.ucsc.edu/goldenPath/help/chain.html); the first genome
    of a chain is the build lifted from, the second the build lifted to. Ensembl writes the same.

    Parameters
    ----------
    path : the file.

    Raises
    ------
    InputError
        There is no such file, or it may not be read.
    FormatError
        It holds no chain, is cut off, or a chain contradicts itself; with the line.

    Examples
    --------
    >>> import tempfile
    >>> text = "chain 9 chr1 100 + 10 30 chr1 90 + 0 22 1\n5 0 2\n15\n\n"
    >>> with tempfile.NamedTemporaryFile("w", suffix=".chain") as file:
    ...     size = file.write(text)
    ...     file.flush()
    ...     read_chain(file.name).lift(["1", "1"], [15, 16])["position"].to_list()
    [5, 8]
    """
    path = Path(path)
    kind, compressed = inspect_file(path)
    if kind != "text":
        raise FormatError("is a parquet file; a chain file is needed", path=path)
    opener = gzip.open if compressed else open
    try:
        with opener(path, "rb") as file:
            chains = list(_parse(file, path))
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise damaged_gzip(path) from fault
    if not chains:
        raise FormatError("holds no chain; a UCSC chain file is needed", path=path, line=1)
    return _assemble(chains)


def _parse(lines: Iterable[bytes], path: Path) -> Iterator[tuple[_Header, I64]]:
    """Yield each chain with its blocks: (b, 3), length and offsets in source and target."""
    header: _Header | None = None
    blocks: list[tuple[int, int, int]] = []
    at_source = at_target = number = 0
    for number, raw in enumerate(lines, start=1):
        words = raw.split()
        if not words or words[0].startswith(b"#"):
            continue
        if words[0] == b"chain":
            if header is not None:
                _fail("a new chain where the one before lacks its last block", path, number)
            header = _parse_header(words, path, number)
            blocks, at_source, at_target = [], header.start, header.target_start
            continue
        if header is None:
            _fail("no chain begins before this line; a UCSC chain file is needed", path, number)
        length, *gaps = _parse_block(words, path, number)
        blocks.append((length, at_source, at_target))
        if gaps:
            at_source += length + gaps[0]
            at_target += length + gaps[1]
            continue
        if (at_source + length, at_target + length) != (header.end, header.target_end):
            _fail("the blocks do not add up to the ends that the chain names", path, number)
        yield header, np.array(blocks, dtype=np.int64)
        header = None
    if header is not None:
        _fail("the file ends within a chain; copy or download it again", path, number)


def _parse_header(words: Sequence[bytes], path: Path, line: int) -> _Header:
    if len(words) not in {_FIELDS, _FIELDS + 1}:
        _fail(f"{len(words)} fields in the head of a chain; 13 are needed", path, line)
    try:
        score = float(words[1])
        size, start, end = (int(words[i]) for i in (3, 5, 6))
        target_size, target_start, target_end = (int(words[i]) for i in (8, 10, 11))
    except ValueError:
        _fail("text where the head of a chain needs a number", path, line)
    if not math.isfinite(score):
        _fail("the score of the chain is no number", path, line)
    if words[4] != b"+" or words[9] not in {b"+", b"-"}:
        _fail("strands are + for the first genome, + or - for the second", path, line)
    ordered = 0 <= start < end <= size < _SPAN
    if not (ordered and 0 <= target_start < target_end <= target_size < _SPAN):
        _fail("start and end of the chain do not fit the size of its chromosome", path, line)
    return _Header(
        score=score,
        source=name_chromosome(words[2].decode("utf-8", "replace")),
        start=start,
        end=end,
        target=name_chromosome(words[7].decode("utf-8", "replace")),
        target_size=target_size,
        reverse=words[9] == b"-",
        target_start=target_start,
        target_end=target_end,
    )


def _parse_block(words: Sequence[bytes], path: Path, line: int) -> list[int]:
    """Return the numbers of a line: length and two gaps, or the length of the last block."""
    whole = all(word.isdigit() for word in words)
    if len(words) not in {1, 3} or not whole or int(words[0]) < 1:
        _fail("a block is one length, or a length and two gaps", path, line)
    return [int(word) for word in words]


def _fail(message: str, path: Path, line: int) -> NoReturn:
    raise FormatError(message, path=path, line=line)


def _assemble(chains: Sequence[tuple[_Header, I64]]) -> Chain:
    ranked = sorted(chains, key=_rank)
    sources = tuple(sorted({header.source for header, _ in ranked}))
    targets = tuple(sorted({header.target for header, _ in ranked}))
    source_code = {name: code for code, name in enumerate(sources)}
    target_code = {name: code for code, name in enumerate(targets)}
    counts = [len(blocks) for _, blocks in ranked]

    def repeat(values: Iterable[int], dtype: type[np.generic]) -> NDArray[Any]:
        return np.repeat(np.array(list(values), dtype=dtype), counts)

    heads = [header for header, _ in ranked]
    every = np.concatenate([blocks for _, blocks in ranked])
    starts = repeat((source_code[head.source] * _SPAN for head in heads), np.int64) + every[:, 1]
    strands = repeat((-1 if head.reverse else 1 for head in heads), np.int8)
    sizes = repeat((head.target_size for head in heads), np.int64)
    target = repeat((target_code[head.target] for head in heads), np.int32)
    # on the other strand offsets count from the far end of the chromosome
    origins = np.where(strands > 0, every[:, 2] + 1, sizes - every[:, 2])
    first, last, owner = _disjoin(starts, starts + every[:, 0])
    return Chain(
        sources=sources,
        targets=targets,
        starts=first,
        ends=last,
        target=target[owner],
        origins=origins[owner] + strands[owner] * (first - starts[owner]),
        strands=strands[owner],
    )


def _rank(chain: tuple[_Header, I64]) -> tuple[float, bool, bool, int]:
    """Return what orders chains, the best first; Ensembl gives all of them the same score."""
    header, blocks = chain
    elsewhere = header.target != header.source
    return -header.score, elsewhere, header.target not in _WHOLE, -int(blocks[:, 0].sum())


def _disjoin(starts: I64, ends: I64) -> tuple[I64, I64, I64]:
    """Return disjoint stretches in order, and the first of the given blocks that covers each."""
    edges = np.unique(np.concatenate([starts, ends]))
    owner = np.full(edges.size - 1, -1, dtype=np.int64)
    lows, highs = np.searchsorted(edges, starts), np.searchsorted(edges, ends)
    for block in range(starts.size - 1, -1, -1):  # the better ones are laid on top
        owner[lows[block] : highs[block]] = block
    fresh = np.flatnonzero((owner >= 0) & (np.diff(owner, prepend=-1) != 0))
    past = np.flatnonzero((owner >= 0) & (np.diff(owner, append=-1) != 0))
    return edges[fresh], edges[past + 1], owner[fresh]
