"""The seeds of all readers: a reader is fuzzed by having one, which a test demands."""

from __future__ import annotations

import functools

from tests.fuzz.seed import Seed
from tests.fuzz.seeds_of_people import (
    choice_seeds,
    cohort_seeds,
    delivery_seeds,
    imputation_seeds,
    mass_spectrometry_seeds,
    relative_seeds,
    spell_seeds,
    ukb_seeds,
)
from tests.fuzz.seeds_of_runs import (
    finished_seeds,
    harmonised_seeds,
    run_seeds,
    settings_seeds,
    store_seeds,
)
from tests.fuzz.seeds_of_variants import genetics_seeds, sumstats_seeds


@functools.cache
def seeds() -> tuple[Seed, ...]:
    """Return the seeds of all readers, always the same."""
    made = (
        *choice_seeds(),
        *cohort_seeds(),
        *delivery_seeds(),
        *imputation_seeds(),
        *relative_seeds(),
        *spell_seeds(),
        *mass_spectrometry_seeds(),
        *ukb_seeds(),
        *sumstats_seeds(),
        *genetics_seeds(),
        *settings_seeds(),
        *store_seeds(),
        *run_seeds(),
        *finished_seeds(),
        *harmonised_seeds(),
    )
    return tuple(sorted(made, key=lambda seed: seed.name))
