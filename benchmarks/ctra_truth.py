"""How often a contrast of genes is found, and how often where there is none.

Prints the table of docs/ctra.md: ``python -m benchmarks.ctra_truth [DRAWS]``. 53 genes of people
who share a factor each, 19 with weight 1 and 34 with -1, of errors that differ by gene. The factor
moves each gene in proportion to its error, as compound symmetry with a variance for each gene has
it, or all genes as much (``even``), which that model does not hold. The exposure moves all signed
genes by so much, half as much again for each unit of a moderator: its slope where the moderator is
1 is one and a half times the shift.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import numpy as np

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_t, quantile_t
from proteomr.stats.gene_variances import fit_gene_variances
from proteomr.stats.repeated_contrasts import ContrastFit, fit_intercepts, fit_means
from proteomr.status import Status

PEOPLE = 110
SHIFTS = (0.0, 0.1)
SLOPE = [1, 3]  # columns whose coefficients add up to the slope where the moderator is 1
SIGNS = np.concatenate([np.ones(19), -np.ones(34)])


def draw(shift: float, seed: int, *, even: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return signed genes (n, 53) and the columns 1, exposure, moderator, product."""
    n = PEOPLE
    random = np.random.default_rng([int(1000 * shift), seed])
    exposure, moderator = random.normal(size=(2, n))
    spread = np.exp(random.normal(0.0, 0.4, SIGNS.size))
    move = shift * exposure * (1.0 + 0.5 * moderator)
    factor = 0.3 * random.normal(size=(n, 1)) * (1.0 if even else spread)
    values = (move[:, None] + factor) * SIGNS
    values += spread * random.normal(size=(n, SIGNS.size))
    return values * SIGNS, np.column_stack([np.ones(n), exposure, moderator, exposure * moderator])


def measure(shift: float, draws: int, *, even: bool) -> list[str]:
    """Return a row of the table for each model."""
    models: dict[str, Callable[[F64, F64], ContrastFit]] = {
        "composite": fit_means,
        "mixed": fit_intercepts,
        "gls, gene variances": fit_gene_variances,
        "and people's errors": partial(fit_gene_variances, between_people=True),
    }
    rows = []
    for name, fit_model in models.items():
        estimates, found, products, held = [], [], [], []
        slopes, slopes_held = [], []
        for seed in range(draws):
            values, X = draw(shift, seed, even=even)
            fit = fit_model(values, X)
            if fit.status != Status.ok:
                raise SystemExit(f"{name}: {Status(fit.status).name}")
            se = np.sqrt(np.diag(fit.covariance))
            df = np.broadcast_to(fit.df, se.shape)
            p = 10.0 ** -neg_log10_p_t(fit.beta / se, df)
            estimates.append(fit.beta[1])
            found.append(p[1] < 0.05)
            products.append(p[3] < 0.05)
            reach = quantile_t(np.full(se.shape, 0.975), df)
            held.append(abs(fit.beta[1] - shift) < reach[1] * se[1])
            slope = float(fit.beta[SLOPE].sum())
            error = float(np.sqrt(fit.covariance[np.ix_(SLOPE, SLOPE)].sum()))
            slopes.append(slope)
            slopes_held.append(abs(slope - 1.5 * shift) < reach[1] * error)
        shares = [f"{np.mean(one):.3f}" for one in (found, products, held, slopes, slopes_held)]
        cells = [
            "even" if even else "as errors",
            f"{shift:g}",
            name,
            f"{np.mean(estimates):.3f}",
            *shares,
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def main(draws: int) -> None:
    """Print the table."""
    for even in (False, True):
        for shift in SHIFTS:
            print("\n".join(measure(shift, draws, even=even)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
