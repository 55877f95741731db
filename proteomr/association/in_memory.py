"""A scan of a cohort that is in memory, from specification to table."""

from __future__ import annotations

from collections.abc import Sequence

from proteomr.association.block_correlation import settle_blocks
from proteomr.association.collect import collect
from proteomr.association.plan import plan_scan
from proteomr.association.specification import ModelSpec
from proteomr.execute import Executor, Serial
from proteomr.io import OutcomeTable
from proteomr.scan import fit_blocks
from proteomr.tables import Associations, Cohort, ProteinCovariate

__all__ = ["scan_cohort"]


def scan_cohort(
    cohort: Cohort,
    spec: ModelSpec,
    *,
    covariates: Sequence[ProteinCovariate] = (),
    outcomes: Sequence[OutcomeTable] = (),
    executor: Executor | None = None,
    block_size: int | None = None,
) -> Associations:
    """Fit every protein of a cohort to every target under every adjustment set, see `associate`.

    Parameters
    ----------
    cohort : people and their proteins.
    spec : the models.
    covariates : those with values of their own for each protein or panel, named in the adjustment
        sets.
    outcomes : files of outcomes, met with the cohort.
    executor : how blocks of proteins are run; one after another by default.
    block_size : proteins fitted together; by default 48, fewer beyond 83,000 people. Another size
        changes no fit by more than 1e-12 standard errors, but for logistic fits of over 2,000
        people where the kernels of OpenBLAS are those for AVX2: these round a sum by its place, and
        another size may change a standard error by 1e-8 of itself.

    Raises
    ------
    UsageError, FormulaError, ColumnError
        What the specification names is not there, or cannot serve.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> from proteomr.tables import ArrayProteins
    >>> generator = np.random.default_rng(1)
    >>> samples = pl.DataFrame({
    ...     "id": [f"{i:03d}" for i in range(200)], "lonely": np.arange(200) % 2,
    ...     "age": generator.normal(56, 8, 200)})
    >>> values = generator.normal(size=(200, 2)) + np.outer(np.arange(200) % 2, [1.0, 0.0])
    >>> cohort = Cohort(samples, "id", ArrayProteins(("ADM", "REN"), values),
    ...     pl.DataFrame({"protein": ["ADM", "REN"]}))
    >>> table = scan_cohort(cohort, ModelSpec("logistic", ("lonely",), {"simple": "age"}))
    >>> table.frame.filter(pl.col("q_bh") < 0.05)["protein"].to_list()
    ['ADM']
    """
    plan = plan_scan(cohort, spec, covariates=covariates, outcomes=outcomes, block_size=block_size)
    workers = executor or Serial()
    plan = settle_blocks(plan, executor=workers)
    return collect(fit_blocks(plan, executor=workers), plan.spec)
