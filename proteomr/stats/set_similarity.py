"""How alike sets are, and which of them stand for the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = ["choose_representatives", "jaccard_to", "lin_to", "mark_members"]


def mark_members(sets: Sequence[I64], n: int) -> Bool:
    """Return (s, n) which of n things is in which set.

    Examples
    --------
    >>> mark_members([np.array([0, 2])], 3).tolist()
    [[True, False, True]]
    """
    marks = np.zeros((len(sets), n), dtype=np.bool_)
    for row, places in zip(marks, sets, strict=True):
        row[places] = True
    return marks


def jaccard_to(one: Bool, others: Bool) -> F64:
    r"""Return :math:`|A \cap B| / |A \cup B|` of a set and each of others.

    Parameters
    ----------
    one : (n,) members.
    others : (s, n) members.

    Examples
    --------
    >>> marks = mark_members([np.array([0, 1]), np.array([1, 2])], 3)
    >>> jaccard_to(marks[0], marks).round(3).tolist()
    [1.0, 0.333]
    """
    both = (others & one).sum(axis=1)
    return np.asarray(both / np.maximum(1, (others | one).sum(axis=1)))


def lin_to(one: Bool, others: Bool, *, information: F64, own: float, theirs: F64) -> F64:
    r"""Return Lin's similarity of a term and each of others.

    .. math:: 2 \max_{c} IC(c) / (IC(a) + IC(b)), \qquad IC(c) = -\log(n_c / N)

    over the ancestors c that both have (Resnik 1995, doi:10.48550/arXiv.cmp-lg/9511007; Lin 1998,
    "An information-theoretic definition of similarity"). 1 for terms without information alike.

    Parameters
    ----------
    one : (t,) ancestors, itself among them.
    others : (s, t) theirs.
    information : (t,) of all terms.
    own, theirs : of the term and of the (s,) others.

    Examples
    --------
    >>> ancestors = np.array([[True, True, False], [True, False, True]])
    >>> information = np.array([1.0, 2.0, 4.0])
    >>> lin_to(ancestors[0], ancestors, information=information, own=2.0,
    ...     theirs=np.array([2.0, 4.0])).round(3).tolist()
    [1.0, 0.333]
    """
    shared = np.where(others & one, information, 0.0).max(axis=1, initial=0.0)
    total = own + theirs
    with np.errstate(invalid="ignore"):
        return np.where(total > 0.0, 2.0 * shared / total, 1.0)


def choose_representatives(measure: Callable[[int, I64], F64], *, count: int, cut: float) -> I64:
    """Return which set stands for each: the first is its own, and a later one that is like none.

    A set that is like several is represented by the one that it is most like; the earliest of
    equals.

    Parameters
    ----------
    measure : gives the similarity of a set to several others, by their positions.
    count : s, the sets in the order in which they may stand for others.
    cut : similarity from which on a set is represented.

    Returns
    -------
    (s,) positions; its own for a set that stands for itself.

    Examples
    --------
    >>> alike = np.array([[1.0, 0.8, 0.1], [0.8, 1.0, 0.1], [0.1, 0.1, 1.0]])
    >>> choose_representatives(lambda i, others: alike[i, others], count=3, cut=0.5).tolist()
    [0, 0, 2]
    """
    chosen: list[int] = []
    stands = np.arange(count)
    for i in range(count):
        known = np.array(chosen, dtype=np.int64)
        alike = measure(i, known) if chosen else np.zeros(0)
        if chosen and float(alike.max()) >= cut:
            stands[i] = known[int(np.argmax(alike))]
        else:
            chosen.append(i)
    return stands
