"""Which sets stand for others."""

from __future__ import annotations

import numpy as np

from proteomr.stats.set_similarity import choose_representatives, jaccard_to, mark_members


def test_a_set_is_represented_by_the_one_it_is_most_like_and_never_by_a_represented_one() -> None:
    sets = [np.arange(0, 10), np.arange(2, 12), np.arange(4, 14), np.arange(20, 30)]
    marks = mark_members(sets, 30)
    stands = choose_representatives(
        lambda i, others: jaccard_to(marks[i], marks[others]), count=4, cut=0.5
    )
    # the third shares 8 of 12 with the second, which is represented, and 6 of 14 with the first
    assert stands.tolist() == [0, 0, 2, 3]


def test_no_sets_are_represented_by_none() -> None:
    assert choose_representatives(lambda *_: np.zeros(0), count=0, cut=0.5).size == 0
