"""The rows of a block of proteins, filled to whole tiles, in both precisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.stats.quasi_newton import share_observed
from proteomr.stats.row_models import Rows
from proteomr.stats.tiles import TILE
from proteomr.stats.workspace import workspace

__all__ = ["BlockRows", "Share", "lay_out_block", "pad_block"]

# A copy of rows costs about a third of a pass over them.
_WORTH = 2.0 / 3.0

_Float = TypeVar("_Float", np.float32, np.float64)
_Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BlockRows:
    """The proteins of a block, filled to whole tiles, in double and in single precision.

    Attributes
    ----------
    borders, borders32 : ``(B, s, n)``.
    observed : ``(B, n)``, 1 where the protein and its own covariates are observed, else 0.
    mask, mask32 : ``(B, n)``, the same times the weights of the rows.
    share : ``(B,)``, of the rows, or of their weights, that each protein is observed on.
    wanted : proteins without those that nobody has.
    """

    borders: F64
    borders32: _Single
    observed: _Single
    mask: NDArray[Any]
    mask32: _Single
    share: F64
    wanted: int

    @property
    def proteins(self) -> int:
        """Number of proteins, with those that nobody has."""
        return int(self.mask.shape[0])

    def double(self, response: F64) -> Rows:
        """Return the rows in double precision."""
        return Rows(self.borders, self.mask, response)

    def single(self, response: _Single) -> Rows:
        """Return the rows in single precision."""
        return Rows(self.borders32, self.mask32, response)

    def unweighted(self, response: _Single) -> Rows:
        """Return the rows in single precision, as the fits to covariates alone weigh them."""
        return Rows(self.borders32, self.observed, response)


@dataclass(frozen=True, slots=True)
class Share:
    """The fits of a block that are still at work, whole tiles of proteins of them.

    What fills the last tile is the first protein again, and its results are left out.

    Attributes
    ----------
    rows : of its proteins.
    fits : positions of its fits in the block, those that fill a tile last; None where it is all.
    count : how many of them are its own.
    responses : fits of a protein.
    block : the rows of all proteins.
    """

    rows: Rows
    fits: I64 | None
    count: int
    responses: int
    block: Rows

    @classmethod
    def whole(cls, rows: Rows, responses: int) -> Share:
        """Return all fits of a block."""
        return cls(rows, None, rows.mask.shape[0] * responses, responses, rows)

    def narrow(self, moving: Bool) -> Share:
        """Return the share of the fits that are moving ``(R,)``: itself where few have settled."""
        proteins = np.flatnonzero(moving.reshape(-1, self.responses).any(axis=1))
        filled = proteins.size + -proteins.size % TILE
        if filled > _WORTH * self.rows.mask.shape[0]:
            return self
        proteins = np.concatenate([proteins, np.repeat(proteins[:1], filled - proteins.size)])
        rows = self.block
        taken = Rows(rows.borders[proteins], rows.mask[proteins], rows.response)
        fits = (proteins[:, None] * self.responses + np.arange(self.responses)).ravel()
        count = int(np.unique(proteins).size) * self.responses
        return Share(taken, fits, count, self.responses, rows)

    def take(self, of_fits: F64) -> F64:
        """Return the rows of an array ``(R, ...)`` that are its own."""
        return of_fits if self.fits is None else of_fits[self.fits]

    def put(self, others: F64, own: F64) -> F64:
        """Return an array ``(R, ...)`` with its own rows put in."""
        if self.fits is None:
            return own
        out = others.copy()
        out[self.fits[: self.count]] = own[: self.count]
        return out

    def borrow(self, name: str, of_fits: NDArray[_Float]) -> NDArray[_Float]:
        """Return a large array to write in, its own part of one ``(R, ...)``."""
        if self.fits is None:
            return of_fits
        shape = (self.fits.size, *of_fits.shape[1:])
        return workspace.take(f"{name} of some", shape, of_fits.dtype.type)

    def lend(self, name: str, of_fits: NDArray[_Float]) -> NDArray[_Float]:
        """Return a copy of its own rows of a large array ``(R, ...)``."""
        out = self.borrow(name, of_fits)
        if self.fits is None:
            return out
        # With "raise" numpy would fill a buffer first; the positions are of our own making.
        return np.take(of_fits, self.fits, axis=0, out=out, mode="clip")

    def give_back(self, of_fits: NDArray[_Float], own: NDArray[_Float]) -> None:
        """Put what was borrowed where it is from."""
        if self.fits is not None:
            of_fits[self.fits[: self.count]] = own[: self.count]


def lay_out_block(borders: F64, observed: _Single, weights: F64 | None = None) -> BlockRows:
    """Return a block in both precisions; what is in single lies in the workspace.

    Parameters
    ----------
    borders : ``(B, s, n)``, the protein first; 0 where it is not observed.
    observed : ``(B, n)``, 1 where the protein and its own covariates are observed, else 0.
    weights : ``(n,)``, what a row counts, about 1 on average; None for equal weights.
    """
    wanted = borders.shape[0]
    borders, observed = pad_block(
        np.ascontiguousarray(borders), np.ascontiguousarray(observed), to=TILE
    )
    borders32 = workspace.take("borders", borders.shape, np.float32)
    np.copyto(borders32, borders)
    if weights is None:
        sums = observed.sum(axis=1, dtype=np.float64)
        share = share_observed(sums, observed.shape[1])
        return BlockRows(borders, borders32, observed, observed, observed, share, wanted)
    mask = workspace.take("mask", observed.shape, np.float64)
    np.multiply(observed, weights, out=mask)
    share = share_observed(mask.sum(axis=1), float(weights.sum()))
    mask32 = workspace.take("mask", mask.shape, np.float32)
    np.copyto(mask32, mask)
    return BlockRows(borders, borders32, observed, mask, mask32, share, wanted)


def pad_block(
    borders: F64, mask: NDArray[np.float32], *, to: int
) -> tuple[F64, NDArray[np.float32]]:
    """Add proteins that nobody has until the proteins fill whole tiles of a matrix product.

    Every fit is then rounded alike, whatever other proteins are in its block.

    Parameters
    ----------
    borders, mask : ``(B, s, n)``, ``(B, n)``.
    to : proteins of a tile.

    Examples
    --------
    >>> padded, mask = pad_block(np.ones((2, 1, 5)), np.ones((2, 5), dtype=np.float32), to=4)
    >>> padded.shape, mask.sum(axis=1).tolist()
    ((4, 1, 5), [5.0, 5.0, 0.0, 0.0])
    """
    lacking = -borders.shape[0] % to
    if lacking == 0:
        return borders, mask
    empty = np.zeros((lacking, *borders.shape[1:]))
    nobody = np.zeros((lacking, mask.shape[1]), dtype=np.float32)
    return np.concatenate([borders, empty]), np.concatenate([mask, nobody])
