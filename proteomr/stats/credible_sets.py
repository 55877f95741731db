"""Credible sets of single effects: the fewest variants that hold a share of one effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["CredibleSet", "find_credible_sets", "hold_share"]

_PRESENT: Final = 1e-9  # least prior variance of an effect that is there, as susieR's prior_tol


@dataclass(frozen=True, slots=True, eq=False)
class CredibleSet:
    """Variants of which one carries an effect, with a probability.

    Parameters
    ----------
    effect : which of the single effects, from 0.
    members : (k,) positions of the variants, ascending.
    coverage : the probability that they hold, at least the one asked for.
    purity, mean_r, median_r : smallest, mean and median size of the correlations of all pairs; 1
        of a single variant.
    """

    effect: int
    members: I64
    coverage: float
    purity: float
    mean_r: float
    median_r: float


def hold_share(probabilities: F64, *, share: float) -> I64:
    """Return the positions of the fewest variants that hold a share, the most probable first.

    Variants of one probability stand in their own order.

    Parameters
    ----------
    probabilities : (p,) that sum to 1, or less where none may be the one.
    share : from 0 to 1.

    Examples
    --------
    >>> hold_share(np.array([0.1, 0.6, 0.3]), share=0.85).tolist()
    [1, 2]
    """
    order = np.argsort(-probabilities, kind="stable")
    n = int(np.sum(np.cumsum(probabilities[order]) < share)) + 1
    return np.asarray(order[:n], dtype=np.int64)


def find_credible_sets(
    alpha: F64, r: F64, *, v: F64, null_alpha: F64 | None = None, coverage: float, min_purity: float
) -> tuple[CredibleSet, ...]:
    r"""Return the credible sets of single effects, the purest first.

    As ``susie_get_cs`` of susieR 0.12.35 (Wang and others 2020, doi:10.1111/rssb.12388): effects of
    prior variance 0 have none, a set that another effect has already is left out, and so is one
    with a pair of variants correlated by less than ``min_purity`` in size. Purity is of all pairs;
    susieR draws 100 variants at random of a larger set, so that its answer varies from run to run.

    Parameters
    ----------
    alpha : (L, p) probability of each variant to carry each effect.
    r : (p, p) correlations.
    v : (L,) prior variances.
    null_alpha : (L,) probability that none carries the effect; a set that needs it is left out.
    coverage : share that a set holds.
    min_purity : least size of a correlation within a set.

    Examples
    --------
    >>> sets = find_credible_sets(
    ...     np.array([[0.5, 0.5, 0.0]]), np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1.0]]),
    ...     v=np.ones(1), coverage=0.95, min_purity=0.5)
    >>> sets[0].members.tolist(), sets[0].purity
    ([0, 1], 0.9)
    """
    effects, p = alpha.shape
    known: set[bytes] = set()
    found: list[CredibleSet] = []
    for effect in range(effects):
        whole = (
            alpha[effect] if null_alpha is None else np.append(alpha[effect], null_alpha[effect])
        )
        members = np.sort(hold_share(whole, share=coverage))
        key = members.tobytes()
        again = key in known
        known.add(key)
        if again or v[effect] <= _PRESENT or members[-1] == p:
            continue
        sizes = _sizes_of_pairs(r, members)
        if sizes.min() >= min_purity:
            held = float(alpha[effect, members].sum())
            middle = (float(sizes.min()), float(sizes.mean()), float(np.median(sizes)))
            found.append(CredibleSet(effect, members, held, *middle))
    return tuple(sorted(found, key=lambda one: -one.purity))


def _sizes_of_pairs(r: F64, members: I64) -> F64:
    if members.size == 1:
        return np.ones(1)
    upper = np.triu_indices(members.size, 1)
    sizes: F64 = np.abs(r[np.ix_(members, members)][upper])
    return sizes
