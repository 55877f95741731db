from __future__ import annotations

from pathlib import Path

import pytest

from proteomr.runs import Results
from proteomr.simulate import simulate
from proteomr.simulate.covariates import Covariates
from proteomr.simulate.people import People, draw_people
from proteomr.simulate.study import SHEN2025


@pytest.fixture(scope="session")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A cohort of 6,000 people and 60 proteins, on disk."""
    folder: Path = tmp_path_factory.mktemp("simulation")
    return simulate(folder, people=6000, proteins=60, seed=11)


@pytest.fixture(scope="session")
def study_people() -> People:
    """The people of a cohort of the study's own size."""
    return draw_people(SHEN2025, SHEN2025.people, seed=3)


@pytest.fixture(scope="session")
def covariates() -> Covariates:
    """The covariates of 3,000 people."""
    return Covariates(SHEN2025, draw_people(SHEN2025, 3000, seed=5))
