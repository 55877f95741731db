"""Tables of a network: modules, eigenproteins, powers, trees, hubs and edges."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.execute import Executor
from proteomr.network.building import Built, Powers
from proteomr.network.options import NetworkOptions
from proteomr.network.reading import Matrix
from proteomr.stats.module_components import correlate_with
from proteomr.stats.module_merging import measure_distances
from proteomr.status import Status
from proteomr.tables import load_schema

__all__ = ["Described", "describe", "list_tables"]

_SAID: Final = {
    Status.all_missing: "nobody has a value of it",
    Status.too_few: "too few people have a value of it",
    Status.infinite: "it has infinite values",
    Status.constant: "all its values are one",
}


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """What each protein is in its module.

    Attributes
    ----------
    connectivity : (p,) adjacencies to all others.
    within : (p,) adjacencies to the others of the module; NaN without one.
    membership : (p,) correlation with the eigenprotein of the module; NaN without one.
    """

    connectivity: F64
    within: F64
    membership: F64


def describe(matrix: Matrix, built: Built, executor: Executor) -> Described:
    """Return memberships and connectivities."""

    def correlate(label: int) -> F64:
        return correlate_with(matrix.values[members[label]], built.components[label].scores)

    within = np.full(len(matrix.names), np.nan)
    membership = within.copy()
    members = {label: np.flatnonzero(built.labels == label) for label in built.components}
    with closing(executor.map(correlate, members)) as results:
        for position, found in results:
            rows = list(members.values())[position]
            membership[rows] = found
            within[rows] = built.adjacency[np.ix_(rows, rows)].sum(axis=1)
    return Described(built.adjacency.sum(axis=1), within, membership)


def tabulate_modules(matrix: Matrix, built: Built, described: Described) -> pl.DataFrame:
    """Return a row for each protein of the files, in their order."""
    place = {name: row for row, name in enumerate(matrix.names)}
    rows = np.array([place.get(name, -1) for name in matrix.listed])
    there = rows >= 0
    labels = np.where(there, built.labels[rows], 0)
    columns = {
        "membership": described.membership,
        "connectivity": described.connectivity,
        "connectivity_within": described.within,
    }
    frame = pl.DataFrame(
        {
            "protein": list(matrix.listed),
            "module": labels,
            **{name: np.where(there, column[rows], np.nan) for name, column in columns.items()},
            "status": [status.name for status in matrix.statuses],
            "message": [
                None if status is Status.ok else _SAID.get(status, f"it {status.meaning}")
                for status in matrix.statuses
            ],
        },
        schema_overrides={"message": pl.String},
    )
    return load_schema("modules").validate(frame.with_columns(pl.col(list(columns)).fill_nan(None)))


def tabulate_eigenproteins(matrix: Matrix, built: Built) -> pl.DataFrame:
    """Return a row for each person."""
    columns = [
        pl.Series(f"M{label}", component.scores).fill_nan(None)
        for label, component in built.components.items()
    ]
    return load_schema("eigenproteins").validate(pl.DataFrame([matrix.ids, *columns]))


def tabulate_summary(matrix: Matrix, built: Built, described: Described) -> pl.DataFrame:
    """Return a row for each module."""
    nearest = _find_nearest(built)
    rows = []
    for label, component in built.components.items():
        members = np.flatnonzero(built.labels == label)
        hub = members[_order_hubs(described, members)[0]]
        other, distance = nearest.get(label, (None, None))
        rows.append(
            {
                "module": label,
                "eigenprotein": f"M{label}",
                "n": members.size,
                "explained": component.explained,
                "hub": matrix.names[hub],
                "nearest_module": other,
                "nearest_distance": distance,
                "status": component.status.name,
                "message": None
                if component.status is Status.ok
                else "two directions explain the module equally: its eigenprotein is any of them",
            }
        )
    schema = load_schema("module_summary")
    if not rows:
        return schema.empty()
    return schema.validate(pl.DataFrame(rows, infer_schema_length=None))


def _find_nearest(built: Built) -> dict[int, tuple[int, float]]:
    """Return for each module the one whose eigenprotein goes most with its own, by 1 - r."""
    if len(built.components) < 2:
        return {}
    labels = list(built.components)
    scores = np.stack([component.scores for component in built.components.values()])
    distances = measure_distances(scores, "signed")
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    return {
        label: (labels[nearest[row]], float(distances[row, nearest[row]]))
        for row, label in enumerate(labels)
    }


def _order_hubs(described: Described, members: I64) -> I64:
    """Return the places of the members, the most connected within the module first."""
    within = described.within[members]
    return np.asarray(np.lexsort((np.arange(members.size), -within)))


def tabulate_hubs(matrix: Matrix, built: Built, described: Described, *, most: int) -> pl.DataFrame:
    """Return the proteins of each module that are most connected within it."""
    rows = []
    for label in built.components:
        members = np.flatnonzero(built.labels == label)
        for rank, row in enumerate(members[_order_hubs(described, members)[:most]], start=1):
            rows.append(
                {
                    "module": label,
                    "rank": rank,
                    "protein": matrix.names[row],
                    "connectivity_within": described.within[row],
                    "membership": _known(described.membership[row]),
                    "connectivity": described.connectivity[row],
                }
            )
    schema = load_schema("hubs")
    return schema.validate(pl.DataFrame(rows)) if rows else schema.empty()


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def tabulate_edges(matrix: Matrix, built: Built, *, most: int) -> pl.DataFrame:
    """Return the pairs of each module that overlap most."""
    frames = []
    for label in built.components:
        members = np.flatnonzero(built.labels == label)
        one, other = np.triu_indices(members.size, 1)
        overlap = built.overlap[np.ix_(members, members)][one, other]
        # Pairs stand in the order of names, which a stable sort keeps among equals.
        chosen = np.argsort(-overlap, kind="stable")[:most]
        first, second = members[one[chosen]], members[other[chosen]]
        frames.append(
            pl.DataFrame(
                {
                    "module": np.full(chosen.size, label),
                    "protein1": [matrix.names[row] for row in first],
                    "protein2": [matrix.names[row] for row in second],
                    "correlation": built.correlations[first, second],
                    "adjacency": built.adjacency[first, second],
                    "overlap": overlap[chosen],
                },
                schema_overrides={"protein1": pl.String, "protein2": pl.String},
            ).with_columns(pl.col("correlation").fill_nan(None))
        )
    schema = load_schema("edges")
    return schema.validate(pl.concat(frames)) if frames else schema.empty()


def tabulate_powers(powers: Powers) -> pl.DataFrame:
    """Return a row for each power."""
    rows = [
        {
            "power": power,
            "r2": fit.r2,
            "slope": fit.slope,
            "truncated_r2": fit.truncated_r2,
            "signed_r2": fit.signed_r2,
            "mean_k": fit.mean_k,
            "median_k": fit.median_k,
            "max_k": fit.max_k,
            "chosen": power == powers.chosen,
        }
        for power, fit in powers.fits.items()
    ]
    frame = pl.DataFrame(rows).with_columns(
        pl.col("r2", "slope", "truncated_r2", "signed_r2").fill_nan(None)
    )
    return load_schema("power").validate(frame)


def tabulate_trees(matrix: Matrix, built: Built) -> pl.DataFrame:
    """Return a row for each merge, of all trees together by height.

    What merges is numbered as in R's ``hclust``: a protein by minus its row of the modules, an
    earlier merge by its step.
    """
    listed = {name: row for row, name in enumerate(matrix.listed, start=1)}
    merges = []
    for number, grown in enumerate(built.grown, start=1):
        tree, n = grown.tree, grown.tree.n
        merges += [
            (float(height), number, step, grown.members, tree, n)
            for step, height in enumerate(tree.heights)
        ]
    merges.sort(key=lambda merge: merge[:3])
    step_of = {(number, step): row for row, (_, number, step, *_) in enumerate(merges, start=1)}
    rows = []
    for row, (height, number, step, members, tree, n) in enumerate(merges, start=1):
        sides = [
            -listed[matrix.names[members[node]]] if node < n else step_of[number, node - n]
            for node in (int(tree.left[step]), int(tree.right[step]))
        ]
        rows.append((row, height, *sides, int(tree.sizes[step]), number))
    schema = load_schema("tree")
    frame = pl.DataFrame(rows, schema=list(schema.names), orient="row") if rows else schema.empty()
    return schema.validate(frame)


def list_tables(
    matrix: Matrix, built: Built, options: NetworkOptions, executor: Executor
) -> dict[str, pl.DataFrame]:
    """Return the tables of a network by name, the modules first."""
    described = describe(matrix, built, executor)
    return {
        "modules": tabulate_modules(matrix, built, described),
        "eigenproteins": tabulate_eigenproteins(matrix, built),
        "module_summary": tabulate_summary(matrix, built, described),
        "power": tabulate_powers(built.powers),
        "tree": tabulate_trees(matrix, built),
        "hubs": tabulate_hubs(matrix, built, described, most=options.hubs),
        "edges": tabulate_edges(matrix, built, most=options.edges),
    }
