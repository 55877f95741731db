"""Normal scores of one long row, compiled: the numbers of the numpy form, bit for bit.

The bits of a number, with the magnitude bits of negative ones flipped, order as integers, which a
least-significant-digit radix sort (Knuth, The Art of Computer Programming, volume 3, 5.2.5) orders
in a few linear passes. Rounded to single precision, which keeps their order, a value and its
position share one integer; what then stands together is ordered by its further digits. Two passes
over the highest 22 bits in which values differ leave few in the wrong place, which insertion puts
right (Sedgewick 1978, Implementing Quicksort programs); where there would be many, a third pass
does. The normal
quantile is that of Cephes (Moshier), with its operations in their order and no contraction, so that
the bits are those of ``scipy.special.ndtri``; it is taken once for each distinct value.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr._typing import F64, I32, Bool
from proteomr.stats.compiling import compile_loop

__all__ = ["CompiledRanks"]

# No flag at all: every operation in its order, so that ranks and quantiles keep their bits.
_compile = compile_loop(fastmath=set())

_DIGITS = 2048  # 11 bits: their counts stay in the first-level cache
# A key is the upper half of 64 bits, and has digits of 11 bits; a position is the lower.
_U11, _U22, _U32 = (np.uint64(bits) for bits in (11, 22, 32))
_LOW = np.uint64(_DIGITS - 1)  # the lowest digit
_POSITION = np.uint64(0xFFFF_FFFF)  # the lower half
_WHOLE = np.uint64(0)  # by which a number of 64 bits is shifted to be compared whole
# The sign of single precision, as what makes keys positive, and the bits that are not the sign.
_SIGN32, _MAGNITUDE32 = np.int64(0x8000_0000), np.int32(0x7FFF_FFFF)
_HIGHEST32, _ZERO32 = np.int32(31), np.float32(0.0)  # shifted by it, a sign fills all bits
_TIED = np.int32(-0x8000_0000)  # the sign bit
# Of numbers with decimals a few at the most are one number of single precision.
_FAR_TO_GO = 32

_TAIL = 0.13533528323661269189  # exp(-2): probabilities below have their own approximation
_FAR = 8.0  # of sqrt(-2 log p): from there on that of the far tail
_ROOT_2PI = 2.50662827463100050242  # sqrt(2 pi)
# Cephes, ndtri.c: the numerator between the tails.
_P0 = (
    *(-5.99633501014107895267e1, 9.80010754185999661536e1, -5.66762857469070293439e1),
    *(1.39312609387279679503e1, -1.23916583867381258016e0),
)
# Its denominator, whose leading 1 is left out as in the others.
_Q0 = (
    *(1.95448858338141759834e0, 4.67627912898881538453e0, 8.63602421390890590575e1),
    *(-2.25462687854119370527e2, 2.00260212380060660359e2, -8.20372256168333339912e1),
    *(1.59056225126211695515e1, -1.18331621121330003142e0),
)
# In the tails.
_P1 = (
    *(4.05544892305962419923e0, 3.15251094599893866154e1, 5.71628192246421288162e1),
    *(4.40805073893200834700e1, 1.46849561928858024014e1, 2.18663306850790267539e0),
    *(-1.40256079171354495875e-1, -3.50424626827848203418e-2, -8.57456785154685413611e-4),
)
# The denominator.
_Q1 = (
    *(1.57799883256466749731e1, 4.53907635128879210584e1, 4.13172038254672030440e1),
    *(1.50425385692907503408e1, 2.50464946208309415979e0, -1.42182922854787788574e-1),
    *(-3.80806407691578277194e-2, -9.33259480895457427372e-4),
)
# Far out in them.
_P2 = (
    *(3.23774891776946035970e0, 6.91522889068984211695e0, 3.93881025292474443415e0),
    *(1.33303460815807542389e0, 2.01485389549179081538e-1, 1.23716634817820021358e-2),
    *(3.01581553508235416007e-4, 2.65806974686737550832e-6, 6.23974539184983293730e-9),
)
# The denominator.
_Q2 = (
    *(6.02427039364742014255e0, 3.67983563856160859403e0, 1.37702099489081330271e0),
    *(2.16236993594496635890e-1, 1.34204006088543189037e-2, 3.28014464682127739104e-4),
    *(2.89247864745380683936e-6, 6.79019408009981274425e-9),
)


class CompiledRanks:
    """The compiled ranks of rows of up to n values, with their buffers.

    Parameters
    ----------
    n : values of a row at the most, below 2^31.

    Examples
    --------
    >>> out = np.empty(4)
    >>> ends = CompiledRanks(4).write(np.array([5.0, np.nan, 1.0, 3.0]), out, offset=0.375)
    >>> out.round(4).tolist()
    [0.8694, 0.0, -0.8694, 0.0]
    >>> ends == (out[2], out[0])
    True
    """

    def __init__(self, n: int) -> None:
        self._keys = np.empty(n, dtype=np.uint64)
        self._spare = np.empty(n, dtype=np.uint64)
        self._places = np.empty(n, dtype=np.int32)
        self._counts = np.empty((2, _DIGITS), dtype=np.int32)
        self._runs = np.empty(n, dtype=np.int32)
        self._ends = np.empty(n, dtype=np.int32)
        self._scores = np.empty(n)

    def write(self, row: F64, out: F64, *, offset: float) -> tuple[float, float] | None:
        """Write the scores of the values of a row that are not NaN into ``out``; 0 elsewhere.

        Returns
        -------
        The lowest and the highest score, infinite where there is none. None, and nothing written,
        where too many values are one number of single precision.
        """
        n, single, ends = _pack(row, self._keys)
        _sort(self._keys, self._spare, self._counts, n, ends, self._places)
        if single:
            runs = _number_runs(self._spare[:n], _U32, self._runs, self._ends)
        elif _refine(row, self._places, n, self._scores):
            runs = _number_runs(self._scores[:n].view(np.uint64), _WHOLE, self._runs, self._ends)
        else:
            return None
        _score_runs(self._ends[:runs], self._scores[:runs], n, offset)
        _spread(self._scores, self._runs, self._places, n, row.size, out)
        return self._ends_of(runs)

    def order(self, row: F64, out: I32) -> int:
        """Leave the places of a row's values that are not NaN in ``out``, in ascending order.

        The sign bit says that a value is that before it.

        Returns
        -------
        How many there are; -1 where too many are one number of single precision.
        """
        n, single, ends = _pack(row, self._keys)
        _sort(self._keys, self._spare, self._counts, n, ends, self._places)
        if single:
            _mark_ties(self._spare[:n], _U32, self._places, out)
        elif _refine(row, self._places, n, self._scores):
            _mark_ties(self._scores[:n].view(np.uint64), _WHOLE, self._places, out)
        else:
            return -1
        return int(n)

    def write_some(
        self, order: I32, places: I32, out: F64, observed: Bool, *, offset: float
    ) -> tuple[float, float]:
        """Write the scores of some values among themselves, by the order of all.

        Returns the lowest and the highest; infinite where there is none.

        Parameters
        ----------
        order : of :meth:`order`, for all values.
        places : for each of all values where in ``out`` it goes, -1 where nowhere.
        out, observed : written: the scores and where they are; 0 and False elsewhere.
        """
        n = _filter(order, places, self._places, self._keys)
        runs = _number_runs(self._keys[:n], _WHOLE, self._runs, self._ends)
        _score_runs(self._ends[:runs], self._scores[:runs], n, offset)
        _spread(self._scores, self._runs, self._places, n, out.size, out)
        _mark(self._places, n, observed)
        return self._ends_of(runs)

    def _ends_of(self, runs: int) -> tuple[float, float]:
        """Return the lowest and the highest of the scores, which ascend."""
        return (self._scores[0], self._scores[runs - 1]) if runs else (np.inf, -np.inf)


@_compile
def _pack(row, keys):
    """Pack keys in single precision with their positions.

    Returns how many values there are, whether all are numbers of single precision, and the lowest
    and the highest key.
    """
    wide, n = np.int32(0), 0
    low, high = np.int64(_POSITION), np.int64(0)
    for i in range(row.size):  # without a branch: what is missing is written over
        value = row[i]
        single = np.float32(value)
        there = np.int32(not math.isnan(value))
        wide |= there & np.int32(np.float64(single) != value)
        bits = np.float32(single + _ZERO32).view(np.int32)  # -0 and 0 are one value
        key = np.int64(bits ^ ((bits >> _HIGHEST32) & _MAGNITUDE32)) + _SIGN32
        low, high = min(low, key if there else low), max(high, key if there else high)
        keys[n] = (np.uint64(key) << _U32) | np.uint64(i)
        n += int(there)
    return n, wide == 0, (np.uint64(low), np.uint64(high))


@_compile
def _mark_ties(ascending, shift, places, out):
    """Copy places, each with the sign bit where its key is that before it.

    Keys are what is left of integers shifted to the right.
    """
    for i in range(ascending.size):
        tied = i > 0 and (ascending[i] ^ ascending[i - 1]) >> shift == 0
        out[i] = places[i] | (_TIED if tied else np.int32(0))


@_compile
def _filter(order, places, kept, runs):
    """Keep the new places of what has one, and the run of equal values that it is of."""
    n, run = 0, np.uint64(0)
    for x in order:
        place = places[x & _MAGNITUDE32]
        run += np.uint64(x >= 0)
        kept[n] = place
        runs[n] = run
        n += place >= 0  # without a branch: what has no place is written over
    return n


@_compile
def _mark(places, n, observed):
    if n < observed.size:
        observed[:] = False
        for i in range(n):
            observed[places[i]] = True
    else:
        observed[:] = True


@_compile
def _sort(keys, other, counts, n, ends, places):
    """Sort packed keys into ``other``, and list their positions."""
    low = ends[0] << _U32
    bits, span = 0, ends[1] - ends[0]
    while n and span >> np.uint64(bits):
        bits += 1
    shift = _U32 + np.uint64(max(bits - 22, 0))
    _count_digits(keys, n, low, shift, counts)
    # Half of the pairs that share all 22 bits are in the wrong order, were the lower 11 spread.
    wrong = 0.0
    for count in counts[1]:
        wrong += np.float64(count) * np.float64(count) / (4.0 * _DIGITS)
    done = False
    if shift == _U32 or wrong < n:  # a move costs less than a value's part of a pass
        _begin(counts[0])
        _begin(counts[1])
        _pass_over(keys, other, n, low, shift, counts[0])
        _pass_over(other, keys, n, low, shift + _U11, counts[1])
        done = _insert(keys, other, n)
    if not done:  # those of one key are in their order still
        _count_digits(keys, n, low, _U32, counts)
        _begin(counts[0])
        _begin(counts[1])
        _pass_over(keys, other, n, low, _U32, counts[0])
        _pass_over(other, keys, n, low, _U32 + _U11, counts[1])
        _count_digits(keys, n, low, _U32 + _U11, counts)
        _begin(counts[1])
        _pass_over(keys, other, n, low, _U32 + _U22, counts[1])
    for i in range(n):
        places[i] = np.int32(other[i] & _POSITION)


@_compile
def _count_digits(keys, n, low, shift, counts):
    """Count a digit of what keys are above the lowest, and the digit above it."""
    counts[:] = 0
    for i in range(n):
        key = (keys[i] - low) >> shift
        counts[0, key & _LOW] += 1
        counts[1, (key >> _U11) & _LOW] += 1


@_compile
def _begin(counts):
    """Leave where the keys of each digit begin, in the place of how many there are."""
    start = np.int32(0)
    for i in range(_DIGITS):
        count = counts[i]
        counts[i] = start
        start += count


@_compile
def _pass_over(keys, other, n, low, shift, starts):
    """Order keys by one digit, and keep the order of those that share it."""
    for x in keys[:n]:
        digit = ((x - low) >> shift) & _LOW
        other[starts[digit]] = x
        starts[digit] += 1


@_compile
def _insert(keys, other, n):
    """Sort keys that are nearly in order into ``other``; whether at most one move a key did it."""
    moves = 0
    for i in range(n):
        x, j = keys[i], i
        while j > 0 and other[j - 1] > x:
            other[j] = other[j - 1]
            j -= 1
        other[j] = x
        moves += i - j
        if moves > n:
            return False
    return True


@_compile
def _refine(row, places, n, values):
    """Order by double precision what is in that of single; whether no value had far to go."""
    for i in range(n):
        place = places[i]
        value = row[place] + 0.0  # -0 and 0 are one value
        j = i
        while j > 0 and values[j - 1] > value:
            values[j], places[j] = values[j - 1], places[j - 1]
            j -= 1
        values[j], places[j] = value, place
        if i - j > _FAR_TO_GO:
            return False
    return True


@_compile
def _number_runs(ascending, shift, runs, ends):
    """Number the runs of equal keys, and leave where each ends; return how many there are.

    Keys are what is left of integers shifted to the right.
    """
    n = ascending.size
    if n == 0:
        return 0
    runs[0], ends[0], run = 0, 0, 0
    for i in range(1, n):
        run += (ascending[i] ^ ascending[i - 1]) >> shift != 0
        runs[i] = run
        ends[run] = i
    return run + 1


@_compile
def _score_runs(ends, scores, n, offset):
    """Leave the score of each run's average rank, given where the runs end."""
    runs = ends.size
    if runs == 0:
        return
    divisor = n - 2 * offset + 1
    scores[0] = (ends[0] / 2 + 1 - offset) / divisor
    for r in range(1, runs):
        scores[r] = (np.float64(ends[r - 1] + 1 + ends[r]) / 2 + 1 - offset) / divisor
    low = 0
    while low < runs and scores[low] <= _TAIL:
        low += 1
    high = runs
    while high > low and scores[high - 1] > 1.0 - _TAIL:
        high -= 1
    lower, central, upper = scores[:low], scores[low:high], scores[high:runs]
    for i in range(lower.size):
        lower[i] = -_tail_quantile(lower[i])
    for i in range(central.size):
        central[i] = _central_quantile(central[i])
    for i in range(upper.size):
        upper[i] = _tail_quantile(1.0 - upper[i])


@_compile
def _central_quantile(p):
    y = p - 0.5
    z = y * y
    a, b = _P0[0], z + _Q0[0]
    for i in range(1, 5):
        a = a * z + _P0[i]
    for i in range(1, 8):
        b = b * z + _Q0[i]
    return (y + y * (z * a / b)) * _ROOT_2PI


@_compile
def _tail_quantile(p):
    """Return minus the quantile of a probability of at most exp(-2)."""
    x = math.sqrt(-2.0 * math.log(p))
    start = x - math.log(x) / x
    z = 1.0 / x
    near = x < _FAR
    a, b = _P1[0] if near else _P2[0], z + (_Q1[0] if near else _Q2[0])
    for i in range(1, 9):
        a = a * z + (_P1[i] if near else _P2[i])
    for i in range(1, 8):
        b = b * z + (_Q1[i] if near else _Q2[i])
    return start - z * a / b


@_compile
def _spread(scores, runs, places, n, size, out):
    """Write the score of each value to its place, and 0 where there is none."""
    if n < size:
        out[:] = 0.0
    for i in range(n):
        out[places[i]] = scores[runs[i]]
