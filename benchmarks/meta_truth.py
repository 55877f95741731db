"""How well the variance between studies is found, and how often intervals hold the truth.

Prints the table of docs/meta-analysis.md: ``python -m benchmarks.meta_truth [DRAWS]``. Log odds
ratios of studies with errors from 0.1 to 0.4; a true mean of 0 for the error rate, of 0.2 for the
power.
"""

from __future__ import annotations

import sys

import numpy as np

from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.pooling import Hartung, pool_effects
from proteomr.stats.study_effects import StudyEffects
from proteomr.status import Status

STUDIES, TAU2 = (3, 6, 13), (0.0, 0.02, 0.1)
EFFECT = 0.2
TESTS: tuple[Hartung, ...] = ("none", "plain", "truncated")


def draw(k: int, tau2: float, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Return effects about 0, and their variances."""
    random = np.random.default_rng([k, int(1000 * tau2)])
    v = random.uniform(0.1, 0.4, (draws, k)) ** 2
    return random.normal(size=v.shape) * np.sqrt(v + tau2), v


def measure(k: int, tau2: float, draws: int) -> str:
    """Return a row of the table."""
    y, v = draw(k, tau2, draws)
    cells = [f"{k}", f"{tau2:g}"]
    for method in ("DL", "REML", "PM"):
        fit = pool_effects(StudyEffects.of(y, v), method=method)
        if set(fit.status) != {Status.ok}:
            raise SystemExit(f"{method}: a status that is not ok")
        cells.append(f"{fit.tau2.mean():.3f}")
    for hartung in TESTS:
        wrong, found = (
            p_from_neg_log10(
                pool_effects(
                    StudyEffects.of(y + effect, v), method="REML", hartung=hartung
                ).neg_log10_p
            )
            for effect in (0.0, EFFECT)
        )
        cells += [f"{np.mean(wrong < 0.05):.3f}", f"{np.mean(found < 0.05):.3f}"]
    return f"| {' | '.join(cells)} |"


def main(draws: int) -> None:
    """Print the table."""
    for k in STUDIES:
        for tau2 in TAU2:
            print(measure(k, tau2, draws), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000)
