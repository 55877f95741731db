"""Linkage disequilibrium of pairs of variants, from counts of people by both genotypes."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from proteomr._typing import F64, I64

__all__ = [
    "LdMeasure",
    "correlate_counts",
    "correlate_planes",
    "count_alleles",
    "count_pairs",
    "genotype_correlation",
    "haplotype_correlation",
    "haplotype_frequencies",
    "pack_planes",
]

U64: TypeAlias = NDArray[np.uint64]
I8: TypeAlias = NDArray[np.int8]

LdMeasure: TypeAlias = Literal["haplotype", "genotype"]
"""Correlation of alleles on one chromosome, phase estimated; or of copies in one person."""

_WORD: Final = 64  # people per machine word of a bit plane
_CHUNK_BYTES: Final = 1 << 22  # bit planes are combined 4 MB at a time, to bound their products
_MOST_STEPS: Final = 60  # as many halvings leave nothing of a bracket
_RESOLUTION: Final = 1e-15  # of a haplotype frequency: the last bits of a double near 1
_COPIES: Final[F64] = np.array([0.0, 1.0, 2.0])  # of the counted allele in a genotype


def pack_planes(copies: I8) -> U64:
    """Return genotypes as three rows of bits per variant: who has 0, 1 and 2 copies.

    Parameters
    ----------
    copies : (m, n) copies of an allele: 0, 1 or 2; any other number is missing.

    Returns
    -------
    planes : (m, 3, w) with w the n bits in words of 64; a person missing is in no row.

    Examples
    --------
    >>> planes = pack_planes(np.array([[0, 1, 2, -1]], dtype=np.int8))
    >>> planes[0, :, 0].tolist()
    [1, 2, 4]
    """
    m, n = copies.shape
    words = -(-n // _WORD)
    planes = np.zeros((m, 3, words * 8), dtype=np.uint8)
    for g in range(3):
        bits = np.packbits(copies == g, axis=1, bitorder="little")
        planes[:, g, : bits.shape[1]] = bits
    return planes.view("<u8").astype(np.uint64, copy=False)


def count_alleles(planes: U64) -> tuple[I64, I64]:
    """Return the copies of the allele that is counted, and the people with a genotype.

    Parameters
    ----------
    planes : (m, 3, w), see `pack_planes`.

    Returns
    -------
    copies, people : (m,) each.

    Examples
    --------
    >>> counts = count_alleles(pack_planes(np.array([[0, 1, 2, -1]], dtype=np.int8)))
    >>> [values.tolist() for values in counts]
    [[3], [3]]
    """
    people = np.bitwise_count(planes).sum(axis=-1, dtype=np.int64)
    return people[:, 1] + 2 * people[:, 2], people.sum(axis=1)


def count_pairs(one: U64, many: U64) -> I64:
    """Return how many people have each pair of genotypes, of one variant and each of m others.

    Parameters
    ----------
    one : (3, w) genotypes of a variant, see `pack_planes`.
    many : (m, 3, w) genotypes of the others.

    Returns
    -------
    counts : (m, 3, 3) people by copies of the one's allele, and copies of the other's.

    Examples
    --------
    >>> planes = pack_planes(np.array([[0, 1, 2, 2], [0, 1, 2, -1]], dtype=np.int8))
    >>> count_pairs(planes[0], planes[1:])[0].tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    m, _, w = many.shape
    counts = np.empty((m, 3, 3), dtype=np.int64)
    step = max(1, _CHUNK_BYTES // (24 * max(w, 1)))
    for start in range(0, m, step):
        part = slice(start, start + step)
        for g in range(3):
            shared = np.bitwise_count(many[part] & one[g])
            counts[part, g] = shared.sum(axis=-1, dtype=np.int64)
    return counts


def haplotype_frequencies(counts: I64) -> F64:
    r"""Return the maximum-likelihood frequencies of the four haplotypes of two variants.

    Only people heterozygous at both are of unknown phase: a share theta of their haplotypes is
    11 and 22. With k the haplotypes known and h half of those of unknown phase, as shares of all,

    .. math:: f_{11} = k_{11} + h\theta, \quad f_{12} = k_{12} + h(1 - \theta), \quad
        \theta = \frac{f_{11} f_{22}}{f_{11} f_{22} + f_{12} f_{21}}

    which is where the EM algorithm comes to rest (Excoffier and Slatkin 1995,
    doi:10.1093/oxfordjournals.molbev.a040269). It is a cubic in theta: all its roots in [0, 1]
    are found, and the one of the highest likelihood is taken (Gaunt and others 2007,
    doi:10.1186/1471-2105-8-428), as PLINK 1.9 does for ``--clump`` and ``--r2 dprime``.

    Parameters
    ----------
    counts : (p, 3, 3) people by copies of the first alleles of both variants.

    Returns
    -------
    frequencies : (p, 4) of 11, 12, 21, 22, where 1 is the allele counted; NaN without people.

    Examples
    --------
    >>> counts = np.array([[[4, 0, 0], [0, 2, 0], [0, 0, 1]]])
    >>> haplotype_frequencies(counts).round(3).tolist()
    [[0.286, 0.0, 0.0, 0.714]]
    """
    c = np.asarray(counts, dtype=np.float64)
    total = 2.0 * c.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        k = _known_haplotypes(c) / total[:, None]
        h = c[:, 1, 1] / total
    theta = np.where(h > 0, 0.0, np.nan)
    open_phase = h > 0
    theta[open_phase] = _solve_phase(k[open_phase], h[open_phase])
    share = np.where(open_phase, h * theta, 0.0)
    rest = np.where(open_phase, h * (1.0 - theta), 0.0)
    frequencies: F64 = k + np.stack([share, rest, rest, share], axis=1)
    return frequencies


def haplotype_correlation(counts: I64) -> F64:
    r"""Return the correlation of two variants' alleles on one chromosome.

    .. math:: r = \frac{f_{11} - p_1 q_1}{\sqrt{p_1 (1 - p_1) q_1 (1 - q_1)}}

    with the frequencies of `haplotype_frequencies`; its square is the r2 of ``plink --clump``.

    Parameters
    ----------
    counts : (p, 3, 3) people by copies of the first alleles of both variants.

    Returns
    -------
    r : (p,) positive where the alleles counted travel together; NaN where a variant does not
        vary among the people with both genotypes.

    Examples
    --------
    >>> haplotype_correlation(np.array([[[4, 0, 0], [0, 2, 0], [0, 0, 1]]])).round(6).tolist()
    [1.0]
    """
    f = haplotype_frequencies(counts)
    p, q = f[:, 0] + f[:, 1], f[:, 0] + f[:, 2]
    c = np.asarray(counts, dtype=np.float64)
    fixed = _without_spread(c.sum(axis=2)) | _without_spread(c.sum(axis=1))
    return _divide(f[:, 0] * f[:, 3] - f[:, 1] * f[:, 2], p * (1 - p) * q * (1 - q), fixed)


def genotype_correlation(counts: I64) -> F64:
    """Return Pearson's correlation of the copies of two variants' alleles in one person.

    Parameters
    ----------
    counts : (p, 3, 3) people by copies of the first alleles of both variants.

    Returns
    -------
    r : (p,) NaN where a variant does not vary among the people with both genotypes. Its square
        is the r2 of ``plink --r2``.

    Examples
    --------
    >>> genotype_correlation(np.array([[[4, 0, 0], [0, 2, 0], [0, 0, 1]]])).round(6).tolist()
    [1.0]
    """
    c = np.asarray(counts, dtype=np.float64)
    n = c.sum(axis=(1, 2))
    rows, columns = c.sum(axis=2), c.sum(axis=1)
    sx, sy = rows @ _COPIES, columns @ _COPIES
    vx, vy = n * (rows @ _COPIES**2) - sx**2, n * (columns @ _COPIES**2) - sy**2
    sxy = np.einsum("pij,i,j->p", c, _COPIES, _COPIES)
    spread = vx * vy
    return _divide(n * sxy - sx * sy, spread, spread <= 0)


def correlate_counts(counts: I64, *, measure: LdMeasure) -> F64:
    """Return the correlation of pairs of variants by the measure asked for.

    Parameters
    ----------
    counts : (p, 3, 3) people by copies of the first alleles of both variants.
    measure : ``haplotype`` or ``genotype``.

    Examples
    --------
    >>> counts = np.array([[[5, 1, 0], [1, 2, 1], [0, 1, 1]]])
    >>> float(correlate_counts(counts, measure="genotype")[0].round(4))
    0.7
    """
    return haplotype_correlation(counts) if measure == "haplotype" else genotype_correlation(counts)


def correlate_planes(planes: U64, *, measure: LdMeasure) -> F64:
    """Return the correlations of all pairs of m variants.

    Parameters
    ----------
    planes : (m, 3, w), see `pack_planes`.
    measure : ``haplotype`` or ``genotype``.

    Returns
    -------
    r : (m, m) symmetric, one on the diagonal; NaN for a variant that does not vary.

    Examples
    --------
    >>> planes = pack_planes(np.array([[0, 1, 2, 0], [2, 1, 0, 2]], dtype=np.int8))
    >>> correlate_planes(planes, measure="genotype").round(6).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    m = planes.shape[0]
    r = np.empty((m, m))
    for i in range(m):
        r[i, i:] = correlate_counts(count_pairs(planes[i], planes[i:]), measure=measure)
        r[i:, i] = r[i, i:]
    varies = ~np.isnan(np.diagonal(r))
    r[varies, varies] = 1.0
    return r


def _known_haplotypes(c: F64) -> F64:
    """Return the haplotypes of known phase (p, 4): 11, 12, 21, 22."""
    k11 = 2 * c[:, 2, 2] + c[:, 2, 1] + c[:, 1, 2]
    k12 = 2 * c[:, 2, 0] + c[:, 2, 1] + c[:, 1, 0]
    k21 = 2 * c[:, 0, 2] + c[:, 1, 2] + c[:, 0, 1]
    k22 = 2 * c[:, 0, 0] + c[:, 1, 0] + c[:, 0, 1]
    return np.stack([k11, k12, k21, k22], axis=1)


def _solve_phase(k: F64, h: F64) -> F64:
    """Return the share of 11 and 22 among haplotypes of unknown phase, by likelihood (p,)."""
    k11, k12, k21, k22 = k.T
    p, q = k12 + h, k21 + h
    a0, a1 = k11 * k22, h * (k11 + k22)
    cubic = np.stack([2 * h * h, a1 - h * (p + q) - h * h, p * q + a0 - a1, -a0])
    edges = _monotone_pieces(cubic)
    candidates = np.concatenate([edges[[0, -1]], _find_roots(cubic, edges)])
    likelihoods = np.stack([_log_likelihood(k, h, theta) for theta in candidates])
    best = np.argmax(likelihoods, axis=0)
    chosen: F64 = np.take_along_axis(candidates, best[None], axis=0)[0]
    return chosen


def _monotone_pieces(cubic: F64) -> F64:
    """Return the ends of three pieces of [0, 1] inside which the cubics do not turn (4, p)."""
    a, b, c = 3 * cubic[0], 2 * cubic[1], cubic[2]
    root = np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))
    far = -0.5 * (b + np.where(b >= 0, root, -root))
    with np.errstate(divide="ignore", invalid="ignore"):
        turns = np.stack([far / a, np.where(far == 0, 0.0, c / far)])
    turns = np.sort(np.clip(np.nan_to_num(turns, nan=0.0), 0.0, 1.0), axis=0)
    return np.stack([np.zeros_like(a), turns[0], turns[1], np.ones_like(a)])


def _find_roots(cubic: F64, edges: F64) -> F64:
    """Return the root in each piece (3, p); the piece's low end where there is none."""
    low, high = edges[:-1], edges[1:]
    at_low, at_high = _value(cubic[:, None], low), _value(cubic[:, None], high)
    inside = (at_low <= 0) != (at_high <= 0)
    roots = low.copy()
    which = np.nonzero(inside)[1]
    rising = (at_high > at_low)[inside]
    roots[inside] = _close_in(cubic[:, which], low[inside], high[inside], rising)
    return roots


def _close_in(cubic: F64, left: F64, right: F64, rising: NDArray[np.bool_]) -> F64:
    """Return the roots inside brackets by Newton's steps, halved where they leave the bracket."""
    x = 0.5 * (left + right)
    for _ in range(_MOST_STEPS):
        value = _value(cubic, x)
        above = (value > 0) == rising
        right, left = np.where(above, x, right), np.where(above, left, x)
        slope = (3 * cubic[0] * x + 2 * cubic[1]) * x + cubic[2]
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = x - value / slope
        usable = (newton >= left) & (newton <= right)
        following = np.where(usable, newton, 0.5 * (left + right))
        moved = np.abs(following - x)
        x = following
        if not moved.size or moved.max() <= _RESOLUTION:
            break
    return x


def _value(cubic: F64, x: F64) -> F64:
    value: F64 = ((cubic[0] * x + cubic[1]) * x + cubic[2]) * x + cubic[3]
    return value


def _log_likelihood(k: F64, h: F64, theta: F64) -> F64:
    share, rest = h * theta, h * (1.0 - theta)
    f11, f12, f21, f22 = k[:, 0] + share, k[:, 1] + rest, k[:, 2] + rest, k[:, 3] + share
    terms = (
        (k[:, 0], f11),
        (k[:, 1], f12),
        (k[:, 2], f21),
        (k[:, 3], f22),
        (h, f11 * f22 + f12 * f21),
    )
    total = np.zeros_like(h)
    for weight, value in terms:
        total += xlogy(weight, value)
    return total


def _without_spread(people: F64) -> NDArray[np.bool_]:
    """Return whether all alleles are the same, given people by copies (p, 3)."""
    copies = people @ _COPIES
    fixed: NDArray[np.bool_] = (copies == 0) | (copies == 2 * people.sum(axis=1))
    return fixed


def _divide(covariance: F64, spread: F64, fixed: NDArray[np.bool_]) -> F64:
    with np.errstate(invalid="ignore", divide="ignore"):
        r = covariance / np.sqrt(spread)
    return np.where(fixed, np.nan, np.clip(r, -1.0, 1.0))
