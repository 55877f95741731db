"""The search of `proteomr.stats.density_modes` for the highest point, compiled.

Its plain twin is the highest of all points that `DensityGrid.evaluate` gives.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiled_density_loops import CENTRE, add_coarsely, add_windows, fill_kernel
from proteomr.stats.compiled_window_loops import LANES
from proteomr.stats.compiling import compile_loop

__all__ = ["find_positions"]

_EXACT = {"contract", "nsz", "arcp"}
_compile_sums = compile_loop(fastmath=_EXACT | {"reassoc"})
_compile_maxima = compile_loop(fastmath={"nnan", "nsz"})
_compile_as_numpy = compile_loop(fastmath=set())

_POINTS = 512  # R's default n
_NEGLIGIBLE = 8.9  # bandwidths: the kernel is below half of the last digit of its height
_NARROW = 4.0  # bandwidths of fewer grid points leave no room between coarse points
_SINGLE = 6e-8  # relative rounding of single precision
_STEEPEST = 0.6066  # largest slope of the kernel, at one bandwidth
_ROUNDING = 1e-12  # relative: what sums of a few hundred terms lose


@_compile_sums
def _sum(w):
    total = 0.0
    for i in range(w.size):
        total += w[i]
    return total


@_compile_maxima
def _find_top(heights):
    """Position of the highest, the first of equals."""
    highest = heights[0]
    for q in range(heights.size):
        highest = max(highest, heights[q])
    q = 0
    while q < heights.size - 1 and heights[q] < highest:
        q += 1
    return q


@_compile_as_numpy
def _look_beside(knots, first, count, q, frame, best, position):
    """The highest reported point within one grid point of q, or what is better already."""
    offset, ratio = frame[0], frame[1]
    low, high = first + max(q - 1, 0), first + min(q + 1, count - 1)
    p = max(math.ceil((low - offset) / ratio), 0)
    while p < _POINTS:
        place = offset + ratio * p
        at = min(int(place), _POINTS - 2)
        if at + 1 > high:
            break
        if at >= low:
            left = knots[at - first]
            value = left + (place - at) * (knots[at + 1 - first] - left)
            if value > best or (value == best and p < position):
                best, position = value, p
        p += 1
    return best, position


@_compile_as_numpy
def _look(knots, first, count, frame, best, position):
    """The highest reported point between the grid points of a window, or what is better already.

    A reported point lies no higher than the higher of the two grid points beside it.
    """
    top = _find_top(knots[:count])
    if knots[top] >= best:
        best, position = _look_beside(knots, first, count, top, frame, best, position)
        for q in range(count):
            if knots[q] >= best and q != top:
                best, position = _look_beside(knots, first, count, q, frame, best, position)
    return best, position


@_compile_as_numpy
def _may_reach(a, b, height, frame):
    r"""Whether a mixture may reach a height between coarse points where it is at most a and b.

    With d bandwidths between the points and :math:`s = \log(a / b) + d^2 / 2`, a not above b, the
    chord of the convex function is at most :math:`b \exp(s^2 / 2 d^2)` above the parabola for s
    above zero, else b. Here s is replaced by the larger :math:`\exp(s) - 1`, and the exponential of
    what is below one by its first terms and one square more.
    """
    low, high = min(a, b), max(a, b)
    if high >= height:
        return True
    s = low / (high * frame[8]) - 1.0
    if not s > 0.0:
        return False
    y = s * s * frame[4]
    return high * (1.0 + y + y * y) >= height


@_compile_as_numpy
def _lay_out(x, lowest, step, below, share):
    """Grid points below the values, and shares of those above; the first and last of the points.

    The first is -1 where a value does not lie on the grid, as where the grid has no length.
    """
    first, last = _POINTS, 0
    for i in range(x.size):
        place = (x[i] - lowest) / step
        if not (place >= 0.0 and place < _POINTS - 1):
            return -1, -1
        at = int(place)
        below[i], share[i] = at, place - at
        first, last = min(first, at), max(last, at)
    return first, last


@_compile_as_numpy
def _gather(below, share, w, first, last, out):
    """Weights at the grid points from `first` to `last` + 1, as R shares them out."""
    for q in range(last - first + 2):
        out[q] = 0.0
    for i in range(w.size):
        upper = w[i] * share[i]
        out[below[i] - first] += w[i] - upper
        out[below[i] + 1 - first] += upper


@_compile_as_numpy
def _list_grid_points(below, share, w, v, first, last, a, b):
    """Grid points in the place of many values, with their weights a and b; how many."""
    _gather(below, share, w, first, last, a)
    _gather(below, share, v, first, last, b)
    n = last - first + 2
    for i in range(n):
        below[i], share[i] = first + i, 0.0
    return n


@_compile_as_numpy
def _place_coarsely(below, share, spacing, sub, cell, row):
    """Coarse point below each source, and row of its kernel; where the first is, and how many."""
    base, top = np.inf, -np.inf
    for i in range(below.size):
        place = below[i] + share[i]
        base, top = min(base, place), max(top, place)
    for i in range(below.size):
        at = int((below[i] + share[i] - base) / spacing * sub + 0.5)
        cell[i] = at // sub
        row[i] = at - cell[i] * sub
    return base, int((top - base) / spacing) + 2


@_compile_as_numpy
def _find_window(c, until, base, spacing):
    """Grid points that hold coarse points c to `until`, with those beside: the first, how many."""
    low = max(int(base + c * spacing) - 1, 0)
    high = int(base + until * spacing) + 2
    return low, -(-(high - low + 1) // LANES) * LANES


@_compile_as_numpy
def _find_run(coarse, points, steep):
    """The highest coarse point, and those beside it before which the density may be higher."""
    top = _find_top(coarse[:points])
    low, high, height = top, top, coarse[top] * steep
    if top > 0 and coarse[top - 1] > height:
        low -= 1
    if top < points - 1 and coarse[top + 1] > height:
        high += 1
    return low, high


@_compile_as_numpy
def _search_rest(starts, share, w, table, coarse, frame, low, high, best, position, knots):
    """Look wherever the density may be as high as at the best point between `low` and `high`."""
    last, slack = int(frame[5]) - 1, frame[7]
    near = best * (1.0 - _ROUNDING)
    far = np.float32(near / frame[6] - slack)  # no peak rises from lower points
    c = 0
    while c < last:
        if coarse[c] < far and coarse[c + 1] < far:
            c += 1
            continue
        until = c
        while (
            until < last
            and not low <= until < high
            and _may_reach(coarse[until] + slack, coarse[until + 1] + slack, near, frame)
        ):
            until += 1
        if until > c:
            first, count = _find_window(c, until, frame[2], frame[3])
            add_windows(table, starts, share, w, w, first, count, knots[0], knots[1])
            best, position = _look(knots[0], first, count, frame, best, position)
        c = until + 1
    return position


@_compile_as_numpy
def _search(starts, share, a, b, table, frame, coarse, knots, out):
    """Positions of the highest reported points where coarse points tell where to look."""
    base, spacing, points = frame[2], frame[3], int(frame[5])
    low_a, high_a = _find_run(coarse[0], points, frame[8])
    low_b, high_b = _find_run(coarse[1], points, frame[8])
    if low_a <= high_b + 1 and low_b <= high_a + 1:
        low_a = low_b = min(low_a, low_b)
        high_a = high_b = max(high_a, high_b)
    first, count = _find_window(low_a, high_a, base, spacing)
    add_windows(table, starts, share, a, b, first, count, knots[0], knots[1])
    best, at = _look(knots[0], first, count, frame, -1.0, 0)
    out[0] = _search_rest(
        starts, share, a, table, coarse[0], frame, low_a, high_a, best, at, knots[2:]
    )
    if low_b != low_a or high_b != high_a:
        first, count = _find_window(low_b, high_b, base, spacing)
        add_windows(table, starts, share, b, b, first, count, knots[1], knots[2])
    best, at = _look(knots[1], first, count, frame, -1.0, 0)
    out[1] = _search_rest(
        starts, share, b, table, coarse[1], frame, low_b, high_b, best, at, knots[2:]
    )


@_compile_as_numpy
def _search_all(starts, share, a, b, table, first, last, frame, knots, out):
    """Positions of the highest of all reported points."""
    low = max(first - 2, 0)
    count = -(-(last + 4 - low) // LANES) * LANES
    add_windows(table, starts, share, a, b, low, count, knots[0], knots[1])
    for k in range(2):
        out[k] = _look(knots[k], low, count, frame, -1.0, 0)[1]


@_compile_as_numpy
def find_positions(x, w, v, bandwidth, lowest, step, spacing, start, stride, kernel, apart, out):
    B, m = x.shape
    room = max(m, _POINTS)
    below, share, starts = np.zeros(room, np.int64), np.zeros(room), np.zeros(room, np.int64)
    cell, row = np.zeros(room, np.int64), np.zeros(room, np.int64)
    places = np.zeros(room, np.int64)
    gathered, single = np.zeros((2, room)), np.zeros((2, room), np.float32)
    table = np.zeros(2 * CENTRE + 1)
    knots = np.zeros((4, _POINTS + 4 * LANES))
    coarse = np.zeros((2, _POINTS), np.float32)
    frame, found = np.zeros(9), np.zeros(2, np.int64)
    square = apart * apart
    frame[4] = 0.5 / square
    frame[6], frame[8] = math.exp(0.125 * square), math.exp(-0.5 * square)
    sub, filled = kernel.shape[0], 0
    for k in range(B):
        a, b = w[k if w.shape[0] > 1 else 0], v[k if v.shape[0] > 1 else 0]
        heaviest = max(_sum(a), _sum(b))
        first, last = _lay_out(x[k], lowest[k], step[k], below, share)
        if first < 0 or not (min(_sum(a), _sum(b)) > 0.0 and heaviest < np.inf):
            out[:, k] = -1
            continue
        n = m
        if m > last - first + 2:  # fewer grid points than values: their weights are gathered there
            n = _list_grid_points(below, share, a, b, first, last, gathered[0], gathered[1])
            a, b = gathered[0, :n], gathered[1, :n]
        r = bandwidth[k] / spacing[k]
        reach = int(_NEGLIGIBLE * r) + 2
        fill_kernel(table, spacing[k] / bandwidth[k], reach, filled)
        filled = reach
        for i in range(n):
            starts[i] = CENTRE - 1 - below[i]
        frame[0], frame[1] = (start[k] - lowest[k]) / step[k], stride[k] / step[k]
        if r < _NARROW:
            _search_all(starts[:n], share[:n], a, b, table, first, last, frame, knots, found)
        else:
            frame[2], points = _place_coarsely(below[:n], share[:n], apart * r, sub, cell, row)
            frame[3], frame[5] = apart * r, points
            error = 0.125 / (r * r) + 0.5 * _STEEPEST * apart / sub + (n + 16) * _SINGLE
            frame[7] = error * heaviest
            for i in range(n):
                single[0, i], single[1, i] = a[i], b[i]
            add_coarsely(kernel, cell[:n], row[:n], places, single, points, coarse)
            _search(starts[:n], share[:n], a, b, table, frame, coarse, knots, found)
        out[0, k], out[1, k] = found[0], found[1]
