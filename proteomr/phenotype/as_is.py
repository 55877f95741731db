"""Ready tables as a definition: every column is copied as it stands, so that it can be imputed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from proteomr.errors import UsageError
from proteomr.io import find_id_column
from proteomr.io.protein_columns import list_columns
from proteomr.phenotype.definitions.definition import Definition, load_definition
from proteomr.phenotype.definitions.one_question import Copy
from proteomr.phenotype.definitions.rule import Rule, Source
from proteomr.runs import Source as Input
from proteomr.runs import open_scratch

__all__ = ["AS_IS", "find_definition"]

AS_IS: Final = "as-is"


def find_definition(
    sources: Sequence[str | Path],
    samples: Sequence[Input],
    *,
    alternatives: Mapping[str, str] | None = None,
    id_column: str | None = None,
) -> Definition:
    """Return the definition of these names and files, or that of the columns that there are.

    Parameters
    ----------
    sources : as of `load_definition`; or ``as-is`` alone, for tables that are ready: every column
        but the identifier is copied, and none is an exposure or a covariate by itself.
    samples : whose headers ``as-is`` looks at.
    alternatives : of shipped definitions and files.
    id_column : name of the identifier; None for the usual names.

    Raises
    ------
    UsageError
        ``as-is`` beside another definition, or with an alternative; else as `load_definition`.
    InputError, IdentifierError
        A file cannot be read, or has no identifier.

    Examples
    --------
    >>> import polars as pl
    >>> ready = Input.of(pl.DataFrame({"eid": [1, 2], "bmi": [24.1, None]}), name="samples")
    >>> list(find_definition([AS_IS], [ready]).rules)
    ['bmi']
    """
    if AS_IS not in map(str, sources):
        return load_definition(*sources, alternatives=alternatives)
    if len(sources) > 1 or alternatives:
        raise UsageError(
            f"--definition {AS_IS} copies columns that are ready: it goes with no other "
            "definition, and has no alternatives"
        )
    rules: dict[str, Rule] = {}
    with open_scratch() as scratch:
        for sample in samples:
            names = list_columns(sample.on_disk(scratch), scratch=scratch, id_column=id_column)
            known = find_id_column(names, id_column=id_column)
            rules |= {name: _copy(name) for name in names if name != known}
    facts = {"name": AS_IS, "rule": {name: {"column": name} for name in rules}}
    return Definition(AS_IS, "Columns as they stand", "", rules, facts=facts, sources=(AS_IS,))


def _copy(name: str) -> Rule:
    return Rule(name, title=name, formula=Copy(), sources=(Source(name),), summary="mean")
