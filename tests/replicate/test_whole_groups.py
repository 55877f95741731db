"""Clusters, families and rows of one person stay in one half, and both halves have their cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr._typing import I64
from proteomr.association import ModelSpec, make_request
from proteomr.association.plan import plan_scan
from proteomr.errors import ColumnError
from proteomr.models import MixedOptions, ModerationOptions, Target
from proteomr.replicate import Folds, GivenSplits, RandomHalves
from proteomr.replicate.laying_out import LaidOut, lay_out
from proteomr.replicate.request import ReplicateRequest
from proteomr.replicate.schemes import deal_folds, draw_halves
from proteomr.replicate.whole_groups import Groups, deal_groups, find_groups, halve_groups
from proteomr.runs import Source
from proteomr.tables import ArrayProteins, Cohort
from tests.replicate.people import make_people, make_proteins


def draw_levels(n: int, share: float, g: np.random.Generator) -> list[I64]:
    case = g.random(n) < share
    return [np.flatnonzero(~case), np.flatnonzero(case)]


def compose(n: int, kind: str, g: np.random.Generator) -> I64:
    """Return the group of each of n people."""
    if kind == "families":  # most people alone, others with one to four relatives
        sizes = g.choice([1, 2, 3, 5], n, p=[0.8, 0.15, 0.04, 0.01])
    elif kind == "pairs":
        sizes = np.full(n, 2)
    else:  # centres of very different sizes
        sizes = g.integers(1, n // 12, n)
    return np.repeat(np.arange(n), sizes)[:n]


@pytest.mark.parametrize("kind", ["families", "pairs", "centres"])
@pytest.mark.parametrize("share", [0.5, 0.03])
@pytest.mark.parametrize("n", [400, 5_001])
def test_groups_are_whole_and_levels_are_halved(kind: str, share: float, n: int) -> None:
    g = np.random.default_rng(n)
    levels, codes = draw_levels(n, share, g), compose(n, kind, g)
    for split in range(5):
        first, second = halve_groups(levels, codes, np.random.default_rng(split))
        assert sorted([*first, *second]) == list(range(n))
        assert not set(codes[first]) & set(codes[second])
        largest = int(np.bincount(codes).max())
        for people in levels:
            in_first = np.isin(people, first).sum()
            if kind == "families":  # those who are alone make it exact
                assert in_first == people.size // 2
            else:
                assert abs(2 * in_first - people.size) <= 2 * largest


def test_without_groups_levels_are_halved_exactly_and_everybody_is_as_likely() -> None:
    g = np.random.default_rng(3)
    levels, codes = draw_levels(101, 0.2, g), np.arange(101)
    share = np.zeros(101)
    for split in range(400):
        first, _ = halve_groups(levels, codes, np.random.default_rng(split))
        assert [int(np.isin(p, first).sum()) for p in levels] == [p.size // 2 for p in levels]
        share[first] += 1 / 400
    assert abs(share - 0.5).max() < 0.5 / 20 * 4.5  # 4.5 standard errors


def test_every_family_is_as_likely_in_either_half() -> None:
    g = np.random.default_rng(4)
    levels, codes = draw_levels(150, 0.3, g), compose(150, "families", g)
    share = np.zeros(150)
    for split in range(600):
        share[halve_groups(levels, codes, np.random.default_rng(split))[0]] += 1 / 600
    assert abs(share - 0.5).max() < 0.5 / np.sqrt(600) * 4.5


@pytest.mark.parametrize("kind", ["families", "pairs", "centres"])
def test_folds_have_whole_groups_and_as_many_people(kind: str) -> None:
    g = np.random.default_rng(5)
    levels, codes = draw_levels(600, 0.2, g), compose(600, kind, g)
    people, fold = deal_groups(levels, codes, 5, np.random.default_rng(1))
    assert sorted(people.tolist()) == list(range(600))
    for group in np.unique(codes):
        assert np.unique(fold[codes[people] == group]).size == 1
    of_fold = np.zeros((5, 2), dtype=int)
    for v, level in enumerate(levels):
        of_fold[:, v] = np.bincount(fold[np.isin(people, level)], minlength=5)
    assert np.all(np.ptp(of_fold, axis=0) <= (1 if kind == "families" else codes.size // 5))
    assert np.all(of_fold.sum(axis=1) > 0)


def lay(people: pl.DataFrame, folder: Path, scheme: Any, **more: Any) -> LaidOut:
    kinship = more.pop("kinship", None)
    mixed = more.pop("mixed", MixedOptions(kinship=kinship is not None))
    spec = ModelSpec(exposures=("lo",), adjust={"few": "age"}, mixed=mixed, **more)
    scan = make_request(spec, people, make_proteins(people, 2), kinship=kinship)
    return lay_out(ReplicateRequest(scan, scheme), folder)


def make_relatives(n: int = 300) -> pl.DataFrame:
    g = np.random.default_rng(6)
    family = compose(n, "families", g)
    return make_people(n).with_columns(
        pl.Series("family", [f"f{code}" for code in family]),
        pl.Series("person", np.arange(n) // 2),
    )


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({"family": "linear", "errors": "CR1", "cluster": "family"}, ["family"]),
        ({"family": "logistic", "errors": "CR0", "cluster": "family"}, ["family"]),
        ({"family": "mixed", "mixed": MixedOptions(("1|person",))}, ["person"]),
        ({"family": "linear", "moderation": ModerationOptions("plain", "person")}, ["person"]),
    ],
)
@pytest.mark.parametrize("scheme", [RandomHalves(3), Folds(4)])
def test_what_a_model_says_to_go_together_is_in_one_half(
    more: Any, kept: list[str], scheme: Any, tmp_path: Path
) -> None:
    people = make_relatives()
    laid = lay(people, tmp_path, scheme, **more)
    assert list(laid.whole) == kept
    assert laid.division is not None
    codes = laid.everybody.cohort.samples[kept[0]].to_numpy()
    cases = laid.everybody.targets[0].values == 1.0
    for first, second in laid.division.halves:
        assert not set(codes[first[0]]) & set(codes[second[0]])
        if isinstance(scheme, RandomHalves):
            assert abs(int(np.sum(first[0] & cases)) - int(np.sum(second[0] & cases))) <= 2


def test_relatives_of_a_kinship_are_in_one_half(tmp_path: Path) -> None:
    people = make_relatives()
    pairs = people.join(people, on="family").filter(pl.col("ID") < pl.col("ID_right"))
    kinship = pairs.select(
        pl.col("ID").alias("ID1"), pl.col("ID_right").alias("ID2"), pl.lit(0.25).alias("Kinship")
    )
    laid = lay(people, tmp_path, RandomHalves(3), family="mixed", kinship=kinship)
    assert laid.whole == ("kinship",)
    assert laid.division is not None
    family = laid.everybody.cohort.samples["family"].to_numpy()
    for first, second in laid.division.halves:
        assert not set(family[first[0]]) & set(family[second[0]])


def test_what_ties_everybody_together_is_parted_and_told() -> None:
    people = make_relatives().with_columns(plate=pl.lit("p") + (pl.int_range(300) % 3).cast(str))
    spec = ModelSpec(
        "mixed", ("lo",), adjust={"few": "age"}, mixed=MixedOptions(("1|person", "1|plate"))
    )
    results = proteomr.replicate(
        people, make_proteins(people, 3), models=spec, scheme=RandomHalves(1), threads=1
    )
    told = [note for note in results.notes if "come into both halves" in note]
    assert [note.split("'")[1] for note in told] == ["plate"]


def test_given_splits_that_part_groups_are_told() -> None:
    people = make_relatives()
    odd = people.select("ID", half=1 + pl.int_range(300) % 2)
    whole = people.select("ID", half=1 + pl.col("person") % 2)
    spec = ModelSpec("linear", ("lo",), {"few": "age"}, errors="CR1", cluster="person")
    for splits, said in ((odd, ["150 groups of 'person'"]), (whole, [])):
        results = proteomr.replicate(
            people,
            make_proteins(people, 3),
            models=spec,
            scheme=GivenSplits(Source.of(splits, name="splits")),
            threads=1,
        )
        told = [note for note in results.notes if "given splits part" in note]
        assert [note.split("up to ")[1].split(":")[0] for note in told] == said


def test_too_few_groups_for_halves_are_refused_by_name() -> None:
    lonely = Target("lonely", "exposure", "binary", np.array([0.0, 1.0] * 4), ("1 vs 0",))
    groups = Groups(np.zeros(8, dtype=np.int64), ("family",), ())
    said = "8 people are too few for halves of whole groups of 'family'"
    with pytest.raises(ColumnError, match=said):
        draw_halves([lonely], RandomHalves(1), groups=groups)
    with pytest.raises(ColumnError, match="3 folds of whole groups of 'family'"):
        deal_folds([lonely], Folds(3), groups=groups)


def test_groups_that_share_a_row_are_one() -> None:
    people = make_people(200).with_columns(
        a=pl.int_range(200) // 2, b=(pl.int_range(200) + 1) // 2 % 60
    )
    spec = ModelSpec("mixed", ("lo",), adjust={"few": "age"}, mixed=MixedOptions(("1|a", "1|b")))
    cohort = Cohort(
        people,
        "ID",
        ArrayProteins(("P",), np.random.default_rng(1).normal(size=(200, 1))),
        pl.DataFrame({"protein": ["P"]}),
    )
    found = find_groups(plan_scan(cohort, spec).reading)
    assert (found.names, found.parted) == (("a",), ("b",))  # a chain of all rows
    for pair in range(0, 200, 2):
        assert found.codes[pair] == found.codes[pair + 1]
