"""Effects of studies pooled for thousands of proteins beside metafor, which pools one at a time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.records import Reading
from benchmarks.rows.row import Row, Scope, SizeName, median_ms
from benchmarks.rscript import has_r
from proteomr._typing import F64
from proteomr.stats.between_studies import Tau2
from proteomr.stats.pooling import measure_heterogeneity, pool_effects
from proteomr.stats.study_effects import StudyEffects

__all__ = ["PooledEffects"]

_AGAINST = "metafor's rma()"
CLOSED = Row("meta-dl", "pooled effects, DerSimonian and Laird", _AGAINST, must=1000.0)
REML = Row("meta-reml", "pooled effects, REML", _AGAINST, must=300.0)
_METHODS: dict[str, Tau2] = {CLOSED.key: "DL", REML.key: "REML"}
_TOOL = "metafor, rma()"
_PROTEINS: dict[SizeName, int] = {"full": 2_920, "quick": 2_920, "tiny": 20}
_STUDIES = 10
_CHOSEN = 100  # that metafor pools: its time does not depend on how many
_BOUND = 1e-8  # of a loop of searches over one number
_BOUND_OF_R = 1e-3  # its iterations stop where the variance moves by less than 1e-5
_PROGRAM = """
suppressMessages(library(metafor))
folder <- commandArgs(TRUE)[1]; method <- commandArgs(TRUE)[2]
y <- as.matrix(read.csv(file.path(folder, "effects.csv"), header = FALSE))
v <- as.matrix(read.csv(file.path(folder, "variances.csv"), header = FALSE))
work <- function(i) rma(y[i, ], v[i, ], method = method)
for (i in seq_len(min(20, nrow(y)))) work(i)
spent <- sum(system.time(fits <- lapply(seq_len(nrow(y)), work))[1:2]) / nrow(y)
for (r in fits) cat(sprintf("%.17g %.17g %.9f\\n", c(r$beta), r$se, spent))
"""


class PooledEffects:
    """Means, errors, variances between studies, limits, p values and heterogeneity."""

    rows = (CLOSED, REML)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield the CPU time of an effect, and how far each is from the exact solution."""
        proteins = _PROTEINS[scope.size]
        y, v = _draw(proteins)
        chosen = slice(0, min(_CHOSEN, proteins))
        with_r = scope.peers and has_r(package="metafor")
        for row in rows:
            method = _METHODS[row.key]
            truth = _pool_slowly(y[chosen], v[chosen], method)
            _pool(y, v, method)  # warms caches, as metafor's first fits do
            ours: list[float] = []
            theirs: list[float] = []
            error = error_of_r = 0.0
            for _ in range(scope.rounds):
                spent, found = _pool(y, v, method)
                ours.append(spent)
                error = max(error, _differ(found[:, chosen], truth))
                if with_r:
                    spent, found = _ask_r(y[chosen], v[chosen], method, scope.folder)
                    theirs.append(spent)
                    error_of_r = max(error_of_r, _differ(found, truth))
            work = f"{proteins:,} proteins of {_STUDIES} studies at once"
            pairs = [one / other for one, other in zip(theirs, ours, strict=False)]
            ratio = float(np.median(pairs)) if pairs else None
            yield scope.read(
                row, work=work, unit="effect", ms=median_ms(ours), ratio=ratio, error=error,
                bound=_BOUND,
            )  # fmt: skip
            if with_r:
                yield scope.read(
                    row, tool=_TOOL, work=f"{truth.shape[1]} proteins in turn", unit="effect",
                    ms=median_ms(theirs), ratio=ratio, error=error_of_r, bound=_BOUND_OF_R,
                )  # fmt: skip


def _draw(proteins: int) -> tuple[F64, F64]:
    """Return effects and variances ``(m, k)``; a third of the proteins does not differ at all."""
    draw = np.random.default_rng(14)
    v = draw.uniform(0.1, 0.4, (proteins, _STUDIES)) ** 2
    between = draw.choice([0.0, 0.02, 0.1], proteins)[:, None]
    return draw.normal(0.2, np.sqrt(v + between)), v


def _pool(y: F64, v: F64, method: Tau2) -> tuple[float, F64]:
    """Return the CPU seconds of an effect, and estimates and errors ``(2, m)``."""
    began = time.process_time()
    effects = StudyEffects.of(y, v)
    fit = pool_effects(effects, method=method)
    measure_heterogeneity(effects, fit.tau2, method=method)
    fit.limits()
    told = fit.beta, fit.se, fit.neg_log10_p
    spent = time.process_time() - began
    return spent / y.shape[0], np.stack([values[:, 0] for values in told[:2]])


def _pool_slowly(y: F64, v: F64, method: Tau2) -> F64:
    """Return estimates and errors ``(2, m)``, each variance by a formula or by halving."""
    find = _find_laird if method == "DL" else _find_restricted
    out = np.empty((2, y.shape[0]))
    for i in range(y.shape[0]):
        w = 1.0 / (v[i] + find(y[i], v[i]))
        out[:, i] = (w * y[i]).sum() / w.sum(), w.sum() ** -0.5
    return out


def _find_laird(y: F64, v: F64) -> float:
    w = 1.0 / v
    q = (w * (y - (w * y).sum() / w.sum()) ** 2).sum()
    return max(0.0, float((q - y.size + 1) / (w.sum() - (w**2).sum() / w.sum())))


def _find_restricted(y: F64, v: F64) -> float:
    def score(tau2: float) -> float:
        w = 1.0 / (v + tau2)
        residual = y - (w * y).sum() / w.sum()
        return float((w**2 * residual**2).sum() - w.sum() + (w**2).sum() / w.sum())

    return _halve(score, float(y.max() - y.min()) ** 2)


def _halve(score: Callable[[float], float], high: float) -> float:
    """Return where a score that falls once crosses zero; 0 where it is below from the start."""
    low = 0.0
    if score(low) <= 0.0:
        return low
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if score(middle) > 0.0 else (low, middle)
    return high


def _differ(found: F64, truth: F64) -> float:
    """Return the largest error: of estimates in standard errors, of these relative."""
    gaps = (np.abs(found[0] - truth[0]) / truth[1], np.abs(found[1] / truth[1] - 1.0))
    return float(np.max(gaps))


def _ask_r(y: F64, v: F64, method: Tau2, folder: Path) -> tuple[float, F64]:
    """Return metafor's CPU seconds of an effect, and its numbers ``(2, m)``."""
    np.savetxt(folder / "effects.csv", y, delimiter=",")
    np.savetxt(folder / "variances.csv", v, delimiter=",")
    program = folder / "pooled.R"
    program.write_text(_PROGRAM)
    said = subprocess.run(
        ["Rscript", "--vanilla", str(program), str(folder), method],
        capture_output=True,
        text=True,
        check=True,
    )
    numbers = np.array([line.split() for line in said.stdout.splitlines()], dtype=np.float64)
    return float(numbers[0, 2]), numbers[:, :2].T
