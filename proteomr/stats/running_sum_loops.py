"""Loops over gene sets in a ranked list: running sums, random sets, and sets that climb.

Genes stand at places 0 to N - 1, the highest rank first, each with a weight. Down the list a sum
rises at a member by its share of the members' weights, and falls at any other gene by 1 / (N - k)
(Subramanian et al. 2005, doi:10.1073/pnas.0506580102). ``up`` is its highest point, ``down`` how
far below 0 its lowest one is; both are at least 0. Where all members have weight 0 they share
equally.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from proteomr._typing import F64, I64, U32

__all__ = ["climb", "draw_sets", "sample_sets", "score_sets"]

_HALF_WORD: Final = 32  # bits of a random number, which a product with a length leaves above
# Scores are whole multiples of 2^-40: sums of the same shares in another order, or from the other
# end of the list, differ in their last bits, and sets that tie with a score must be seen to.
_GRID: Final = 2.0**40
_TO_OFFSET: Final = 22  # of them the highest 10 choose an offset, and the lowest its direction


def score_sets(places: I64, starts: I64, weights: F64, out: F64) -> None:
    """Score sets: up, down, members up to the highest point, and members before the lowest.

    Parameters
    ----------
    places : of the members, set by set, ascending in each.
    starts : (s + 1,) where each set begins.
    weights : (N,) of the genes.
    out : (s, 4), filled.
    """
    for s in range(len(starts) - 1):
        out[s] = _walk(places[starts[s] : starts[s + 1]], weights)


def draw_sets(draws: U32, n: int, out: I64) -> None:
    """Draw random sets of k of n genes, each equally likely (Floyd's sampling, 1987).

    Parameters
    ----------
    draws : (b, k) random numbers of 32 bits.
    out : (b, k) places of the members, ascending, filled.
    """
    b, k = draws.shape
    for i in range(b):
        chosen: set[int] = set()
        for j in range(k):
            last = n - k + j
            drawn = (int(draws[i, j]) * (last + 1)) >> _HALF_WORD
            chosen.add(last if drawn in chosen else drawn)
        out[i] = sorted(chosen)


def sample_sets(draws: U32, weights: F64, out: F64) -> None:
    """Score random sets, see `draw_sets`.

    Parameters
    ----------
    draws : (b, k) random numbers of 32 bits.
    weights : (N,) of the genes.
    out : (b, 2) up and down, filled.
    """
    places = np.zeros(draws.shape, dtype=np.int64)
    draw_sets(draws, len(weights), places)
    for i, members in enumerate(places):
        out[i] = _walk(members, weights)[:2]


def climb(
    sets: I64,
    values: F64,
    draws: U32,
    offsets: I64,
    weights: F64,
    level: float,
    one_sided: bool,  # noqa: FBT001 - compiled code takes positions
) -> int:
    """Move sets about among those above a level; a move exchanges one member for one gene.

    A member that is drawn moves by an offset that is drawn, up or down the list: as likely as the
    way back, so that all sets above the level stay equally likely (Metropolis et al. 1953,
    doi:10.1063/1.1699114). A move out of the list, onto a member or not above the level is none.

    Parameters
    ----------
    sets : (z, k) places of members, ascending; moved.
    values : (z,) up of each where ``one_sided``; else up where it is above down, and otherwise up
        less down. Moved.
    draws : (z, m, 2) random numbers of 32 bits.
    offsets : (1024,) lengths of moves.
    weights : (N,) of the genes.
    level : that values stay above.

    Returns
    -------
    How many moves were made.
    """
    z, k = sets.shape
    N = len(weights)
    made = 0
    for s in range(z):
        for m in range(draws.shape[1]):
            leaving = (int(draws[s, m, 0]) * k) >> _HALF_WORD
            way = int(draws[s, m, 1])
            offset = int(offsets[way >> _TO_OFFSET])
            place = int(sets[s, leaving]) + (offset if way & 1 else -offset)
            if place < 0 or place >= N or place in sets[s]:
                continue
            trial = np.sort(np.append(np.delete(sets[s], leaving), place))
            up, down = _walk(trial, weights)[:2]
            value = up if one_sided or up > down else up - down
            if value > level:
                sets[s], values[s] = trial, value
                made += 1
    return made


def _walk(members: I64, weights: F64) -> tuple[float, float, int, int]:
    """Return up, down, and how many members stand up to the one and before the other."""
    k, N = len(members), len(weights)
    total = 0.0
    for place in members:
        total += weights[place]
    flat = not total > 0.0
    if flat:
        total = float(k)
    others = float(N - k) if k < N else 1.0
    reached, up, down, at_up, at_down = 0.0, 0.0, 0.0, 0, k
    for i in range(k):
        missed = (members[i] - i) * total
        if missed - reached * others > down:
            down, at_down = missed - reached * others, i
        reached += 1.0 if flat else weights[members[i]]
        if reached * others - missed > up:
            up, at_up = reached * others - missed, i + 1
    scale = _GRID / (total * others)
    up, down = math.floor(up * scale + 0.5) / _GRID, math.floor(down * scale + 0.5) / _GRID
    return up, down, at_up, at_down
