"""All ways in which several traits can have their causal variants, each counted exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np

from proteomr._typing import F64
from proteomr.errors import UsageError

__all__ = ["Configuration", "join_assignments", "list_configurations", "weigh_configurations"]

Configuration: TypeAlias = tuple[tuple[int, ...], ...]
"""Groups of traits, each with one causal variant of its own; traits in no group have none."""

_MOST_BLOCKS: Final = 10  # 3**10 pairs of sets for each variant: seconds, and more is minutes


def list_configurations(m: int) -> tuple[Configuration, ...]:
    """Return every way to put m traits into groups that share a variant, or into none.

    Their number is that of the partitions of m + 1 things: 5, 15 and 52 for two to four traits.

    Parameters
    ----------
    m : number of traits.

    Examples
    --------
    >>> list_configurations(2)
    ((), ((0,),), ((1,),), ((0,), (1,)), ((0, 1),))
    """
    found: list[Configuration] = [()]
    for trait in range(m):
        further: list[Configuration] = []
        for groups in found:
            further.append((*groups, (trait,)))
            for place, group in enumerate(groups):
                further.append((*groups[:place], (*group, trait), *groups[place + 1 :]))
        found += further
    return tuple(sorted(found, key=_rank))


def weigh_configurations(logs: F64, *, priors: Sequence[float]) -> F64:
    r"""Return the log evidence of every configuration of a few traits, with its prior.

    Of a configuration with groups :math:`G_1, \dots, G_k`

    .. math:: \prod_g \pi_{|G_g|} \sum_{i_1, \dots, i_k \text{ distinct}}
        \prod_g \prod_{t \in G_g} a_{t, i_g}

    (Giambartolomei and others 2018, doi:10.1093/bioinformatics/bty147), all of whose terms are
    added, none taken off.

    Parameters
    ----------
    logs : (m, n) natural logarithms of Bayes factors.
    priors : (m,) that a variant is causal for one given trait, for two, ..., and for no other.

    Returns
    -------
    evidence : (c,) in the order of `list_configurations`; minus infinity where variants are fewer
        than groups.

    Examples
    --------
    >>> one = np.log([[2.0, 3.0], [5.0, 7.0]])
    >>> np.exp(weigh_configurations(one, priors=(0.1, 0.01))).round(3).tolist()
    [1.0, 0.5, 1.2, 0.29, 0.31]
    """
    with np.errstate(divide="ignore"):
        log_priors = np.log(np.asarray(priors, dtype=np.float64))
    evidence = []
    for groups in list_configurations(logs.shape[0]):
        prior = sum(float(log_priors[len(group) - 1]) for group in groups)
        columns = [logs[list(group)].sum(axis=0) for group in groups]
        evidence.append(prior + _sum_distinct(columns))
    return np.array(evidence)


def join_assignments(logs: F64) -> F64:
    r"""Return the log sums over all ways to hand sets out to variants, each thing at most once.

    Each variant takes one set S of k things, also none, at a weight; sets of different variants
    have nothing in common. Of each union U

    .. math:: f(U) = \sum_{S_1 \dot\cup \dots \dot\cup S_n = U} \prod_i w_i(S_i)

    by joining halves: :math:`f_{AB}(U) = \sum_{S \subseteq U} f_A(S) f_B(U \setminus S)`.

    Parameters
    ----------
    logs : (n, 2^k) natural logarithms of the weights; bit j of a column's number is thing j.

    Returns
    -------
    sums : (2^k,) natural logarithms.

    Raises
    ------
    UsageError
        There are more than ten things.

    Examples
    --------
    >>> weights = np.log([[1.0, 2.0], [1.0, 3.0]])
    >>> np.exp(join_assignments(weights)).round(6).tolist()
    [1.0, 5.0]
    """
    things = int(logs.shape[1]).bit_length() - 1
    if things > _MOST_BLOCKS:
        raise UsageError(f"{things} traits: all their configurations are counted of up to ten")
    unions = [_subsets(union) for union in range(logs.shape[1])]
    level = logs
    while level.shape[0] > 1:
        half = level.shape[0] // 2
        left, right = level[:half], level[half : 2 * half]
        joined = np.stack(
            [_add_logs(left[:, parts] + right[:, rest]) for parts, rest in unions], axis=1
        )
        level = np.concatenate([joined, level[2 * half :]])
    return np.asarray(level[0])


def _sum_distinct(columns: Sequence[F64]) -> float:
    """Return the log of the sum over different variants for each of some groups."""
    k = len(columns)
    if not k:
        return 0.0
    leaves = np.full((columns[0].size, 2**k), -np.inf)
    leaves[:, 0] = 0.0
    for place, column in enumerate(columns):
        leaves[:, 2**place] = column
    return float(join_assignments(leaves)[-1])


def _subsets(union: int) -> tuple[list[int], list[int]]:
    """Return the subsets of a set of bits, and what each leaves of it."""
    parts = [part for part in range(union + 1) if part & union == part]
    return parts, [union ^ part for part in parts]


def _add_logs(terms: F64) -> F64:
    """Return the logarithm of the sum of each row."""
    with np.errstate(divide="ignore", invalid="ignore"):
        top = terms.max(axis=1)
        level = np.where(np.isneginf(top), 0.0, top)
        return np.asarray(level + np.log(np.exp(terms - level[:, None]).sum(axis=1)))


def _rank(groups: Configuration) -> tuple[int, int, Configuration]:
    """Return what configurations are ordered by: traits with a variant, more groups first."""
    return sum(map(len, groups)), -len(groups), groups
