"""Outcomes in files of their own: one column each, and covariates that are theirs alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from proteomr.border import reads
from proteomr.design import Formula
from proteomr.errors import ColumnError, FormulaError
from proteomr.io.cohort import choose_id
from proteomr.io.identifiers import find_id_column, match_ids, normalise_ids
from proteomr.io.proteins import name_file
from proteomr.io.tables import read_table
from proteomr.tables import Cohort, Drop
from proteomr.tables.names import refuse_names

__all__ = ["OutcomeTable", "add_covariates", "read_outcomes"]


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeTable:
    """A file of outcomes met with a cohort of n people.

    Attributes
    ----------
    label : of the file.
    outcomes : ``(n, q)``, one column each, null where the file lacks a person.
    covariates : ``(n, k)``, the columns that the formula names.
    formula : of the file's own covariates; the intercept alone without any.
    drops : who is in the file and not among the people.
    """

    label: str
    outcomes: pl.DataFrame
    covariates: pl.DataFrame
    formula: Formula
    drops: tuple[Drop, ...] = ()


@reads
def read_outcomes(
    path: str | Path,
    *,
    label: str,
    cohort: Cohort,
    formula: Formula,
    id_column: str | None = None,
) -> OutcomeTable:
    r"""Return the outcomes of a file for the people of a cohort, in their order.

    Every column but the identifier and the covariates is an outcome. People whom the file lacks
    have no value of its outcomes, and of those of other files whatever these have.

    Parameters
    ----------
    path : parquet or delimited text, also compressed; a row for each person.
    label : of the file, for messages and counts.
    cohort : the people.
    formula : covariates of these outcomes alone, among the columns of the file.
    id_column : name of the identifier; None for that of the samples, and the usual names.

    Raises
    ------
    InputError
        The file cannot be read, shares nobody with the cohort, or has no outcome.
    FormulaError
        A covariate is no column of the file.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.design import parse
    >>> from proteomr.tables import proteins_from_frame
    >>> cohort = Cohort(pl.DataFrame({"eid": ["1", "2"]}), "eid",
    ...     proteins_from_frame(pl.DataFrame({"ADM": [0.5, 1.5]})),
    ...     pl.DataFrame({"protein": ["ADM"]}))
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"eid,site,hippocampus\n2,A,3.5\n3,B,4.0\n")
    ...     file.flush()
    ...     table = read_outcomes(file.name, label="brain", cohort=cohort, formula=parse("C(site)"))
    >>> table.outcomes.to_dict(as_series=False), table.drops[0].n
    ({'hippocampus': [None, 3.5]}, 1)
    """
    path = Path(path)
    frame = read_table(path, id_column=id_column)
    with name_file(path):
        named = choose_id(path, id_column)
        if id_column is None and cohort.id_column in frame.columns:
            named = cohort.id_column
        name = find_id_column(frame.columns, id_column=named)
        ids = normalise_ids(frame[name])
    people = cohort.samples[cohort.id_column]
    match = match_ids(people, ids, names=("samples", f"file {path.name}"))
    columns = [column for column in frame.columns if column != name]
    try:
        resolved = formula.resolve(columns)
    except FormulaError as fault:
        raise FormulaError(
            f"outcomes {label}: {fault}; covariates of outcomes are columns of their file, {path}"
        ) from None
    theirs = [column for column in columns if column in resolved.variables]
    outcomes = [column for column in columns if column not in theirs]
    if not outcomes:
        raise ColumnError(f"{path}: no column is left for an outcome; {len(theirs)} are covariates")
    refuse_names(columns, what="an outcome", path=path)
    keyed = frame.select(pl.Series("_id", ids), *columns)
    aligned = pl.DataFrame({"_id": people}).join(keyed, on="_id", how="left", maintain_order="left")
    drop = Drop(f"outcomes, {label}", "in the outcomes, not among the people", match.only_right)
    return OutcomeTable(label, aligned.select(outcomes), aligned.select(theirs), resolved, (drop,))


def add_covariates(cohort: Cohort, table: OutcomeTable) -> Cohort:
    """Return a cohort whose samples have the covariates of a file of outcomes as well.

    Raises
    ------
    ColumnError
        The samples have a column of that name.
    """
    for name in table.covariates.columns:
        if name in cohort.samples.columns:
            raise ColumnError(
                f"the covariate {name!r} of the outcomes {table.label} is a column of the samples, "
                "or of other outcomes, as well: rename one"
            )
    samples = cohort.samples.with_columns(table.covariates)
    return replace(cohort, samples=samples, drops=(*cohort.drops, *table.drops))
