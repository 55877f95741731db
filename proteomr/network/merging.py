"""Eigenproteins of modules, many at once, and the modules that they merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.execute import Executor
from proteomr.network.options import NetworkOptions
from proteomr.stats.module_components import Component, find_component
from proteomr.stats.module_merging import Closeness, merge_close
from proteomr.stats.pair_distances import PairDistances

__all__ = ["Eigenproteins", "Parts", "merge_modules"]

Parts: TypeAlias = Sequence[tuple[I64, I64]]  # proteins that are cut together, and their labels


@dataclass(frozen=True, slots=True, eq=False)
class Eigenproteins:
    """Eigenproteins of proteins by their places, each found once.

    Attributes
    ----------
    values : (p, n), NaN where missing.
    products : (p, p) correlations of what eigenproteins are made of, where they are known and
        nothing is missing.
    distances : of the proteins, where they are known.
    ranks : whether ranks are taken.
    executor : finds several at once, and holds the matrix products to one thread each.
    """

    values: F64
    products: F64 | None
    distances: PairDistances | None
    ranks: bool
    executor: Executor
    known: dict[bytes, Component] = field(default_factory=dict)

    def find(self, modules: Sequence[I64]) -> list[Component]:
        """Return the eigenprotein of each module."""
        new = {rows.tobytes(): rows for rows in modules if rows.tobytes() not in self.known}
        waiting = sorted(new.values(), key=lambda rows: -rows.size)  # the longest work first
        with closing(self.executor.map(self._find_one, waiting)) as results:
            for position, component in results:
                self.known[waiting[position].tobytes()] = component
        return [self.known[rows.tobytes()] for rows in modules]

    def _find_one(self, rows: I64) -> Component:
        known = None if self.products is None else self.products[np.ix_(rows, rows)]
        return find_component(
            self.values[rows],
            of_ranks=self.ranks,
            products=known,
            distances=None if self.distances is None else self.distances.among(rows),
        )


def merge_modules(
    parts: Parts, eigenproteins: Eigenproteins, options: NetworkOptions
) -> tuple[I64, Mapping[int, Component]]:
    """Merge the modules of each part, and number all of them by size.

    Returns
    -------
    labels, components : (p,) the module of each protein, 0 for none; the eigenprotein of each.
    """
    closeness: Closeness = "signed" if options.method == "wgcna" else "unsigned-ranks"
    # of all parts at once: a part may have one module only
    eigenproteins.find(
        [
            members[labels == label]
            for members, labels in parts
            for label in range(1, int(labels.max(initial=0)) + 1)
        ]
    )
    found: list[tuple[I64, Component]] = []
    for members, labels in parts:

        def find(modules: Sequence[I64], members: I64 = members) -> list[Component]:
            return eigenproteins.find([members[rows] for rows in modules])

        merged, components = merge_close(
            labels, find, height=options.merge_height, closeness=closeness
        )
        found += [(members[merged == label], one) for label, one in components.items()]
    found.sort(key=lambda pair: (-pair[0].size, int(pair[0][0])))
    labelled = np.zeros(len(eigenproteins.values), dtype=np.int64)
    for label, (members, _) in enumerate(found, start=1):
        labelled[members] = label
    return labelled, {label: one for label, (_, one) in enumerate(found, start=1)}
