"""Confidence sets that hold however weak the instruments are: CLR, K and Anderson-Rubin."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

from numpy.random import Generator

from proteomr.errors import UsageError
from proteomr.mr.methods.base import Estimate, FurtherRows, Measure, refuse
from proteomr.mr.methods.confidence_parts import tabulate_parts
from proteomr.mr.methods.correlated import CorrelatedMethod, correlate, covary, refuse_singular
from proteomr.mr.methods.sample_sizes import find_sizes
from proteomr.stats.combined_effects import join_effects
from proteomr.stats.weak_instruments import Interval, RatioTests
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["ConditionalTests", "Errors"]

Errors: TypeAlias = Literal["joint", "marginal"]
"""Whether covariances are those of one regression on all variants, or of single regressions."""


@dataclass(frozen=True, slots=True)
class ConditionalTests(CorrelatedMethod):
    r"""Confidence sets of the conditional likelihood ratio, K and Anderson-Rubin tests.

    The sets hold the effects that a test does not reject (`proteomr.stats.weak_instruments`). Their
    coverage does not depend on the strength of the instruments: where these are too weak to tell,
    a set is unbounded; where no effect fits, that of Anderson and Rubin is empty; either may have
    several parts. They stand in the table ``confidence_sets``. There is no estimate and no standard
    error; p is that of the CLR test of no effect, the limits are the outermost ends of its set
    where it is bounded. ``details`` has -log10 p of the other two, and the F statistic ``f``.

    Effects and covariances are those of regressions on all variants together, which single
    regressions imply (`proteomr.stats.combined_effects`).

    Source: Wang and Kang 2022, doi:10.1111/biom.13524; p of CLR by Andrews, Moreira and Stock 2007,
    doi:10.1016/j.jeconom.2006.07.012. R: ``MendelianRandomization::mr_clr`` 0.10.0, which looks at
    a grid of effects and gives the ends of what it finds there; here every end is a root.

    Assumptions: every variant is a valid instrument; the samples do not overlap; correlations are
    those of both studies.
    Limits: with direct effects on the outcome the sets cover less, or nothing; Anderson-Rubin's
    loses power with many variants.

    Parameters
    ----------
    level : of confidence.
    errors : "marginal" takes effects and errors as they stand, without sample sizes.

    Examples
    --------
    >>> import numpy as np, polars as pl
    >>> data = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b"]}),
    ...     beta_x=np.array([[0.1], [0.2]]), se_x=np.full((2, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09]), se_y=np.full(2, 0.02), ld=np.eye(2),
    ... )
    >>> fit = ConditionalTests(errors="marginal").estimate(data, random=np.random.default_rng(1))
    >>> round(fit.conf_low, 2), round(fit.conf_high, 2)
    (0.3, 0.67)
    """

    key: ClassVar[str] = "clr"
    label: ClassVar[str] = "Conditional likelihood ratio, K and Anderson-Rubin sets"
    reference: ClassVar[str] = "10.1111/biom.13524"
    aliases: ClassVar[tuple[str, ...]] = ("mr_clr", "conditional_likelihood_ratio")
    min_variants: ClassVar[int] = 1
    needs_sample_size: ClassVar[bool] = True
    measures: ClassVar[tuple[Measure, ...]] = ()
    points: ClassVar[bool] = False
    tables: ClassVar[tuple[str, ...]] = ("confidence_sets",)

    level: float = 0.95
    errors: Errors = "joint"

    def __post_init__(self) -> None:
        if not 0.0 < self.level < 1.0:
            raise UsageError(f"level is {self.level}: a level between 0 and 1 is needed")

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return p of no effect, and the sets of all three tests."""
        del random
        singular = refuse_singular(data)
        if singular is not None:
            return singular
        tests = self._prepare(data)
        if isinstance(tests, Estimate):
            return tests
        found = tests.find_sets(level=self.level)
        at_zero = tests.measure(0.0)
        low, high = _span(found["clr"])
        nan = math.nan
        estimate = Estimate(
            nan,
            nan,
            at_zero["clr"],
            low,
            high,
            data.m,
            details={"k_neg_log10_p": at_zero["k"], "ar_neg_log10_p": at_zero["ar"]},
        )
        rows: list[FurtherRows] = [tabulate_parts(test, parts) for test, parts in found.items()]
        return replace(estimate, message=_describe(found["clr"]), further=tuple(rows))

    def _prepare(self, data: Harmonised) -> RatioTests | Estimate:
        """Return the tests of these effects; a refusal where sample sizes do not allow them."""
        if self.errors == "marginal":
            return RatioTests(data.x, data.beta_y, *covary(data))
        r = correlate(data)
        n_x, n_y = find_sizes(data)
        if not (n_x > data.m and n_y > data.m):
            text = (
                "needs the sample sizes of both studies, above the number of variants; "
                "clr(errors=marginal) does without"
            )
            return refuse(Status.needs_sample_size, text, nsnp=data.m)
        of_x = join_effects(data.x, data.sx, n=n_x, correlations=r)
        of_y = join_effects(data.beta_y, data.se_y, n=n_y, correlations=r)
        if of_x is None or of_y is None:
            text = "the variants explain more variance than there is: errors, sizes or LD are wrong"
            return refuse(Status.not_identified, text, nsnp=data.m)
        return RatioTests(of_x.effects, of_y.effects, of_x.covariance, of_y.covariance)


def _span(parts: tuple[Interval, ...]) -> Interval:
    """Return the outermost ends of a bounded set; NaN for an open or empty one."""
    if not parts or math.isinf(parts[0][0]) or math.isinf(parts[-1][1]):
        return math.nan, math.nan
    return parts[0][0], parts[-1][1]


def _describe(parts: tuple[Interval, ...]) -> str | None:
    """Return what is odd of a set: empty, unbounded, of several parts."""
    if not parts:
        return "the CLR set is empty: no effect fits the variants"
    if parts == ((-math.inf, math.inf),):
        return "the CLR set is the whole line: the instruments tell nothing of the effect"
    words = []
    if math.isinf(parts[0][0]) or math.isinf(parts[-1][1]):
        words.append("unbounded")
    if len(parts) > 1:
        words.append(f"of {len(parts)} parts")
    return f"the CLR set is {' and '.join(words)}, see confidence_sets" if words else None
