"""Many traits in one region: clusters that share a variant, or every configuration of a few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.colocalisation.pair_tables import describe_stretch, empty_table
from proteomr.colocalisation.signals import Signals, weigh_trait
from proteomr.colocalisation.stretches import Stretch
from proteomr.colocalisation.traits import SAME_DATA, Atlas, Trait, is_same
from proteomr.stats.causal_configurations import (
    Configuration,
    list_configurations,
    weigh_configurations,
)
from proteomr.stats.colocalisation import mark_credible, share_within
from proteomr.stats.trait_clusters import Cluster, ClusterRule, cluster_traits
from proteomr.status import Status
from proteomr.tables import load_schema

__all__ = ["ClusterWork", "ConfigurationWork"]


@dataclass(frozen=True, slots=True, eq=False)
class _Together:
    """Traits of a region that can be compared: names, codes (n,) and Bayes factors (m, n)."""

    names: tuple[str, ...]
    codes: I64
    logs: F64
    message: str | None
    status: Status = Status.ok


@dataclass(frozen=True, slots=True, eq=False)
class ClusterWork:
    """Clusters of traits that share a causal variant, region by region.

    Attributes
    ----------
    atlas : variants and traits.
    rule : priors and thresholds.
    coverage : of the credible sets of shared variants.
    """

    atlas: Atlas
    rule: ClusterRule
    coverage: float

    def __call__(self, block: Sequence[Stretch], /) -> dict[str, pl.DataFrame]:
        """Return the clusters of some regions, and their variants."""
        rows: list[Mapping[str, object]] = []
        variants: list[pl.DataFrame] = []
        for stretch in block:
            together = _meet(self.atlas, stretch)
            if together.status is not Status.ok:
                rows.append(_refuse(stretch, together))
                continue
            clusters = cluster_traits(together.logs, rule=self.rule)
            for number, cluster in enumerate(clusters, start=1):
                row, table = self._describe(stretch, together, number, cluster)
                rows.append(row)
                variants.append(table)
            if not clusters:
                rows.append(
                    {
                        **_head(stretch, together),
                        "message": "; ".join(
                            filter(None, ("no traits share a variant", together.message))
                        ),
                        "status": Status.ok.name,
                    }
                )
        return {
            "coloc_clusters": _frame(rows, "coloc_clusters"),
            "coloc_cluster_snps": (
                pl.concat(variants) if variants else empty_table("coloc_cluster_snps")
            ),
        }

    def _describe(
        self, stretch: Stretch, together: _Together, number: int, cluster: Cluster
    ) -> tuple[Mapping[str, object], pl.DataFrame]:
        starts = np.array([0, together.codes.size])
        credible = mark_credible(cluster.variants, starts=starts, coverage=self.coverage)
        names = self.atlas.variants["variant_id"].gather(together.codes)
        best = int(np.argmax(cluster.variants))
        row = {
            **_head(stretch, together),
            "cluster": number,
            "traits": ", ".join(together.names[i] for i in cluster.traits),
            "n_traits": cluster.traits.size,
            "posterior": cluster.posterior,
            "p_regional": cluster.regional,
            "p_alignment": cluster.alignment,
            "posterior_exact": None if np.isnan(cluster.exact) else cluster.exact,
            "snp": names[best],
            "pp_snp": float(cluster.variants[best]),
            "n_credible": int(credible.sum()),
            "status": Status.ok.name,
            "message": together.message,
        }
        table = pl.DataFrame(
            {
                "region": [stretch.name] * names.len(),
                "cluster": [number] * names.len(),
                "snp": names,
                "pp": cluster.variants,
                "credible": credible,
            }
        )
        return row, table


@dataclass(frozen=True, slots=True, eq=False)
class ConfigurationWork:
    """Every way in which up to four traits share causal variants, region by region.

    Attributes
    ----------
    atlas : variants and traits.
    priors : that a variant is causal for one trait, two, three and four.
    """

    atlas: Atlas
    priors: tuple[float, ...]

    def __call__(self, block: Sequence[Stretch], /) -> dict[str, pl.DataFrame]:
        """Return the configurations of some regions."""
        rows: list[Mapping[str, object]] = []
        for stretch in block:
            together = _meet(self.atlas, stretch)
            if together.status is not Status.ok or len(together.names) < len(self.atlas.traits):
                rows.append(_refuse(stretch, together))
                continue
            rows += self._describe(stretch, together)
        return {"coloc_configurations": _frame(rows, "coloc_configurations")}

    def _describe(self, stretch: Stretch, together: _Together) -> list[Mapping[str, object]]:
        m = together.logs.shape[0]
        evidence = weigh_configurations(together.logs, priors=self.priors[:m])
        posterior = np.exp(evidence - np.logaddexp.reduce(evidence))
        head = _head(stretch, together)
        rows: list[Mapping[str, object]] = []
        for groups, log, share in zip(list_configurations(m), evidence, posterior, strict=True):
            snp, pp = self._find_shared(groups, together)
            rows.append(
                {
                    **head,
                    "configuration": " | ".join(
                        " + ".join(together.names[i] for i in group) for group in groups
                    )
                    or "none",
                    "n_causal": len(groups),
                    "log_evidence": float(log) if np.isfinite(log) else None,
                    "posterior": float(share),
                    "snp": snp,
                    "pp_snp": pp,
                    "status": Status.ok.name,
                    "message": together.message,
                }
            )
        return rows

    def _find_shared(
        self, groups: Configuration, together: _Together
    ) -> tuple[str | None, float | None]:
        """Return the likeliest variant of the largest group, where two traits or more share one."""
        group = max(groups, key=len, default=())
        if len(group) < 2:
            return None, None
        starts = np.array([0, together.codes.size])
        shares = share_within(together.logs[list(group)].sum(axis=0), starts=starts)
        best = int(np.argmax(shares))
        name = self.atlas.variants["variant_id"].gather([int(together.codes[best])])
        return str(name[0]), float(shares[best])


def _meet(atlas: Atlas, stretch: Stretch) -> _Together:
    """Return the Bayes factors of all traits that can be compared, on the variants of all of them.

    A trait that has none in the region is left out, and named; so is one that is another again.
    """
    low, high = stretch.codes(atlas)
    found: dict[str, Signals] = {}
    words: list[str] = []
    for trait in atlas.traits:
        signals = weigh_trait(trait, trait.rows_between(low, high))
        if signals.status is Status.ok:
            found[trait.name] = signals
        else:
            words.append(f"left out: {signals.message}")
    message = "; ".join(words) or None
    names = tuple(found)
    if len(names) < 2:
        text = "fewer than two traits have Bayes factors in the region"
        said = "; ".join(filter(None, (text, message)))
        return _Together(names, np.empty(0, np.int64), np.empty((0, 0)), said, Status.too_few)
    codes = next(iter(found.values())).signals[0].codes
    for signals in found.values():
        codes = np.intersect1d(codes, signals.signals[0].codes, assume_unique=True)
    if not codes.size:
        text = "no variant of the region is in all traits"
        said = "; ".join(filter(None, (text, message)))
        return _Together(names, codes, np.empty((0, 0)), said, Status.nothing_shared)
    repeated = _find_repeated([trait for trait in atlas.traits if trait.name in found], codes)
    words += [f"left out: {late}: {SAME_DATA} ({early})" for late, early in repeated.items()]
    message, names = "; ".join(words) or None, tuple(name for name in names if name not in repeated)
    if len(names) < 2:
        return _Together(names, codes, np.empty((0, 0)), message, Status.same_data)
    held = [found[name].signals[0] for name in names]
    logs = np.stack([signal.logs[np.searchsorted(signal.codes, codes)] for signal in held])
    return _Together(names, codes, logs, message)


def _find_repeated(traits: Sequence[Trait], codes: I64) -> dict[str, str]:
    """Return traits with the very same statistics as an earlier one, and that one."""
    rows = [np.searchsorted(trait.codes, codes) for trait in traits]
    first: dict[bytes, int] = {}
    repeated: dict[str, str] = {}
    for late, trait in enumerate(traits):
        early = first.setdefault(np.abs(trait.z[rows[late]]).tobytes(), late)
        if is_same((traits[early], trait), (rows[early], rows[late])) and early != late:
            repeated[trait.name] = traits[early].name
    return repeated


def _head(stretch: Stretch, together: _Together) -> dict[str, object]:
    return {
        **describe_stretch(stretch),
        "nsnps": together.codes.size,
        "traits_compared": len(together.names),
    }


def _refuse(stretch: Stretch, together: _Together) -> Mapping[str, object]:
    """Return the row of a region without numbers."""
    status = together.status if together.status is not Status.ok else Status.too_few
    return {**_head(stretch, together), "status": status.name, "message": together.message}


def _frame(rows: Sequence[Mapping[str, object]], name: str) -> pl.DataFrame:
    return pl.DataFrame(
        list(rows), schema={column.name: column.stored for column in load_schema(name).columns}
    )
