from __future__ import annotations

import numpy as np
import polars as pl

from proteomr.gwas.variant_keys import find_repeated, key_variants, rows_of

COLUMNS = ("trait", "chromosome", "position_bp", "effect_allele", "other_allele", "variant_id")


def draw(n: int = 400, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    pools: dict[str, list[object]] = {
        "trait": ["a", "b", None],
        "chromosome": ["1", "2", "X", None],
        "position_bp": [1, 2, 3, None],
        "effect_allele": ["A", "G", "AT", None],
        "other_allele": ["A", "G", "AT", None],
        "variant_id": ["rs1", "rs2", "a name of more than twelve letters", None],
    }
    cells = {name: [pool[i] for i in rng.integers(0, len(pool), n)] for name, pool in pools.items()}
    types = {name: pl.Int64 if name == "position_bp" else pl.String for name in pools}
    numbers = {"beta": rng.normal(size=n), "se": rng.random(n)}
    return pl.DataFrame(cells, schema=types).with_columns(
        *(pl.Series(name, values) for name, values in numbers.items())
    )


def name_variant(row: dict[str, object]) -> tuple[object, ...]:
    trait, chromosome, position, effect, other, name = (row[column] for column in COLUMNS)
    placed = chromosome is not None and position is not None
    if effect is None or other is None:
        return ("named", trait, name)
    pair = tuple(sorted((str(effect), str(other))))
    return ("placed", trait, chromosome, position, pair) if placed else ("un", trait, name, pair)


def name_site(row: dict[str, object]) -> tuple[object, ...]:
    placed = row["chromosome"] is not None and row["position_bp"] is not None
    if placed:
        return ("placed", row["trait"], row["chromosome"], row["position_bp"])
    return ("named", row["trait"], row["variant_id"])


def test_keys_are_the_same_for_the_same_variant_and_place_alone() -> None:
    frame = draw()
    keys = key_variants(frame)
    rows = list(frame.iter_rows(named=True))
    for column, name in (("variant", name_variant), ("site", name_site)):
        named = [name(row) for row in rows]
        pairs = set(zip(named, keys[column].to_list(), strict=True))
        assert len(pairs) == len(set(named)) == keys[column].n_unique()


def test_keys_do_not_depend_on_the_rows_beside() -> None:
    frame = draw()
    placed = frame.drop_nulls()
    parts = pl.concat([key_variants(placed), key_variants(frame.filter(pl.col("trait") == "a"))])
    whole = key_variants(pl.concat([placed, frame.filter(pl.col("trait") == "a")]))
    assert parts.equals(whole)


def test_effects_are_per_the_allele_that_sorts_last() -> None:
    frame = draw().drop_nulls()
    turned = frame.rename({"effect_allele": "other_allele", "other_allele": "effect_allele"})
    ours, theirs = key_variants(frame), key_variants(turned.with_columns(beta=-pl.col("beta")))
    unequal = frame["effect_allele"] != frame["other_allele"]
    assert ours.filter(unequal).equals(theirs.filter(unequal))


def test_repeated_numbers_are_those_that_counting_finds() -> None:
    values = pl.Series(np.random.default_rng(2).integers(0, 300, 400).astype(np.uint64))
    counted = values.value_counts().filter(pl.col("count") > 1).to_series(0).sort()
    assert find_repeated(values).to_list() == counted.to_list()
    assert find_repeated(values.unique()).len() == 0
    assert rows_of(values, counted).sum() == values.is_duplicated().sum()
