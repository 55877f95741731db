"""`phenotype` as a job: exposures, covariates and outcomes as a file, its account beside it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

import polars as pl

from proteomr.errors import NothingToDo
from proteomr.execute import Executor
from proteomr.io import PeopleChoice, choose_participants, find_files
from proteomr.io.ukbiobank import read_fields, survey_fields
from proteomr.phenotype.as_is import find_definition
from proteomr.phenotype.choosing import (
    DeriveOptions,
    choose_rules,
    wanted_columns,
    wanted_fields,
)
from proteomr.phenotype.definitions.definition import Definition
from proteomr.phenotype.engine import Phenotypes, derive_phenotypes
from proteomr.phenotype.imputing import (
    ImputeOptions,
    impute_phenotypes,
    refuse_unknown_columns,
)
from proteomr.phenotype.request import SCHEMAS, PhenotypeRequest
from proteomr.provenance import RowFilter
from proteomr.runs import (
    Data,
    Forecast,
    Ledger,
    Outcome,
    Output,
    Results,
    Source,
    TableFormat,
    choose_file_formats,
    open_scratch,
    run_job,
)
from proteomr.tables import CHOSEN_PEOPLE, Drop, Fields
from proteomr.tables.table import load_schema

__all__ = ["PhenotypeJob", "PhenotypeRequest", "derive", "list_sources", "make_phenotype_job"]

_LOAD: Final = "load"

# Measured on one processor with 50,000 and 200,000 people, 17 fields and 39 rules: for each person
# and each field or rule; and what libraries and dictionaries take.
_SECONDS, _BYTES = 1.9e-7, 24
_LIBRARY_BYTES = 3e8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PhenotypeJob:
    """The job that applies a definition to exports of participants.

    Parameters
    ----------
    request : what is asked.
    definition : whose digest the request holds.
    """

    main: ClassVar[str] = "phenotypes"
    as_file: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ("phenotypes",)

    request: PhenotypeRequest
    definition: Definition

    def __post_init__(self) -> None:
        if self.request.definition != self.definition.digest:
            raise ValueError("the request is of another definition")

    @property
    def results(self) -> Sequence[str]:
        """Names of what stands beside the phenotypes."""
        return tuple(f"{name}.tsv" for name in SCHEMAS)

    def plan(self, *, threads: int) -> Forecast:
        """Read who is in the files and which columns they have, and choose the rules."""
        del threads
        with open_scratch() as scratch:
            present = self._read(scratch, survey=True)
        rules, outcomes, notes = choose_rules(
            self.definition, present, options=self.request.options
        )
        if self.request.impute is not None:
            made = {rule.name for rule in rules if rule.keep}
            made.update(*(o.columns for o in (outcomes.outcomes if outcomes else ())))
            asked = set(self.request.only) or made
            refuse_unknown_columns(rules, made & asked, self.request.impute)
        wanted = wanted_fields(self.definition, only=self.request.only)
        read = len(wanted & present.numbers)
        cells = present.n * (read + len(rules))
        return Forecast(
            {
                "people": present.n,
                "fields wanted": len(wanted),
                "fields found": read,
                "rules": len(rules),
            },
            lines=(
                *(("left out", f"{d.n}: {d.reason} ({d.step})") for d in present.drops if d.n),
                *(("note", note) for note in (*present.notes, *notes)),
            ),
            seconds=_SECONDS * cells,
            memory_bytes=_LIBRARY_BYTES + _BYTES * cells,
            parallel=False,
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Read the fields that are needed, apply the definition, and write what it gives."""
        with open_scratch() as scratch:
            fields = self._read(scratch, survey=False)
            fields = self._choose(fields, scratch)
        phenotypes = derive_phenotypes(fields, self.definition, options=self.request.options)
        for note in phenotypes.notes:
            _log.info("%s", note)
        self._write(phenotypes, fields, ledger, executor)
        ledger.count_drops(fields.drops)
        if self.request.complete:
            ledger.count_drops(_count_incomplete(phenotypes.flow))
        return Outcome(
            units=phenotypes.frame.height,
            filters=_list_filters(phenotypes.flow),
            configuration={**self._describe(), "withdrawals": dict(fields.withdrawn)},
            notes=phenotypes.warnings,
        )

    def _read(self, scratch: Path, *, survey: bool) -> Fields:
        asked = self.request
        wanted = wanted_fields(self.definition, only=asked.only)
        named = ", ".join(source.name for source in asked.samples)
        _log.info("reading %s fields from %s", len(wanted), named)
        read = survey_fields if survey else read_fields
        fields = read(
            [source.on_disk(scratch) for source in asked.samples],
            scratch=scratch,
            wanted=wanted,
            others=wanted_columns(self.definition, only=asked.only),
            id_column=asked.id_column,
            withdrawn=None if asked.withdrawn is None else asked.withdrawn.path,
        )
        choice = replace(asked.people, where=None)
        return choose_participants(fields, fields.frame, choice, scratch=scratch)

    def _choose(self, fields: Fields, scratch: Path) -> Fields:
        """Return the answers of those of whom the condition is true.

        It is asked of columns that are made, which are therefore made twice: counts and flow are of
        those who are asked for.
        """
        choice = replace(self.request.people, keep=None, remove=None)
        if choice.where is None:
            return fields
        made = derive_phenotypes(fields, self.definition, options=self.request.options).frame
        others = [name for name in fields.frame.columns if name not in made.columns]
        people = made.with_columns(fields.frame.select(others))
        return choose_participants(fields, people, choice, scratch=scratch)

    def _write(
        self, phenotypes: Phenotypes, fields: Fields, ledger: Ledger, executor: Executor
    ) -> None:
        frame = phenotypes.complete_cases if self.request.complete else phenotypes.frame
        if not frame.height:
            raise NothingToDo(
                "nobody has every exposure and every covariate; without --complete the flow says "
                "who lacks what"
            )
        account = {"counts": phenotypes.counts, "flow": phenotypes.flow}
        if phenotypes.comparison is not None and phenotypes.comparison.height:
            account["comparison"] = phenotypes.comparison
        if self.request.impute is not None:
            frame, account["imputation"] = impute_phenotypes(
                phenotypes,
                fields,
                options=self.request.impute,
                derive=self.request.options,
                executor=executor,
                parts=ledger.parts,
            )
        ledger.write_table(self.main, _number_ids(frame, phenotypes.id_column))
        for name, table in account.items():
            checked = load_schema(SCHEMAS[name]).validate(table)
            ledger.write_table(name, checked, formats=("tsv",))

    def _describe(self) -> dict[str, object]:
        """Return what is in force, for the manifest."""
        asked, rules = self.request, self.definition
        return {
            "definition": list(rules.sources),
            "definition_name": rules.name,
            "definition_sha256": rules.digest,
            "alternatives": dict(rules.alternatives),
            "instance": asked.instance,
            "allow_partial": asked.allow_partial,
            "only": list(asked.only),
            "complete": asked.complete,
            "impute": None if asked.impute is None else asdict(asked.impute),
        }


def make_phenotype_job(
    samples: Data | Sequence[Data],
    definition: Definition,
    /,
    *,
    options: DeriveOptions | None = None,
    id_column: str | None = None,
    withdrawn: str | Path | None = None,
    complete: bool = False,
    people: PeopleChoice | None = None,
    impute: ImputeOptions | None = None,
) -> PhenotypeJob:
    """Return the job that derives phenotypes, the same for the same question however it is put.

    Parameters
    ----------
    samples : an export of participants, or several: paths, quoted globs, or frames.
    definition : from `load_definition`.
    options, id_column, withdrawn, complete, impute : as for `derive`.
    people : who is asked for; None for all.

    Raises
    ------
    InputError
        A glob matches no file.
    UsageError
        A sample is neither a path nor a frame.

    Examples
    --------
    >>> from proteomr.phenotype import load_definition
    >>> job = make_phenotype_job("export.csv", load_definition("shen2025"))
    >>> job.request.samples[0].name, job.request.instance
    ('export.csv', 0)
    """
    chosen = DeriveOptions() if options is None else options
    request = PhenotypeRequest(
        samples=list_sources(samples),
        definition=definition.digest,
        definition_files=tuple(Source.of(file) for file in definition.files),
        instance=chosen.instance,
        allow_partial=chosen.allow_partial,
        only=tuple(sorted(set(chosen.only))),
        id_column=id_column,
        withdrawn=Source.of_people(withdrawn, name="withdrawn"),
        complete=complete,
        people=people or PeopleChoice(),
        impute=impute,
    )
    return PhenotypeJob(request, definition)


def derive(
    samples: Data | Sequence[Data],
    definition: Definition | str | Path | Sequence[str | Path] = "shen2025",
    *,
    options: DeriveOptions | None = None,
    alternatives: Mapping[str, str] | None = None,
    id_column: str | None = None,
    withdrawn: str | Path | None = None,
    complete: bool = False,
    where: str | None = None,
    keep: str | Path | None = None,
    remove: str | Path | None = None,
    impute: ImputeOptions | None = None,
    out: str | Path | None = None,
    format: TableFormat | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return exposures, covariates and outcomes of participants: ``proteomr phenotype``.

    The tables are ``phenotypes`` (the identifier and a column for each rule and outcome),
    ``counts`` (people per value, and why others have none), ``flow`` (who is left at each step),
    ``drops`` and, where outcomes are followed by two definitions, ``comparison``.

    Parameters
    ----------
    samples : an export of participants of UK Biobank, or several that are joined on the
        identifier: paths, quoted globs, or frames of polars, pandas or pyarrow with such columns.
    definition : loaded already, or the name of one that is shipped, or a TOML file; or several,
        the later over the earlier; or ``as-is``, for columns that are ready.
    options : the visit, partial answers, the columns to make.
    alternatives : alternative to use, by the name of the rule; of definitions that are not loaded.
    id_column : name of the identifier in every file; None for the usual names.
    withdrawn : file with the identifiers of people who have withdrawn, one a line.
    complete : whether to leave out people without a value of any exposure or covariate.
    where, keep, remove : who is asked for, see :class:`proteomr.io.PeopleChoice`; a condition names
        columns that are made, or fields as p31_i0.
    impute : how missing values are filled in; the table is then in mice's long form, with ``.imp``
        and ``.id``, and ``imputation`` tells how the imputed values went by iteration.
    out : the file of phenotypes (.parquet, .csv or .tsv), beside which the others are written
        under names of its stem; None keeps the tables in memory.
    format : of a second file of phenotypes.
    resume, overwrite : take, or replace, what an earlier run left.

    Raises
    ------
    UsageError
        No definition, rule or alternative of a name; or a file of no known ending.
    InputError, FormatError, ColumnError, IdentifierError
        What the files hold cannot be read, or lacks fields that rules need; or a column cannot be
        imputed.
    NothingToDo
        Nobody is complete, and only complete people are asked for; or nothing is to be imputed.
    RunFolderError
        The output is in use, or holds another run or files that are not proteomr's.

    Examples
    --------
    >>> answers = pl.DataFrame({"eid": [1, 2], "p2020_i0": [1, 0], "p2110_i0": [0, 5]})
    >>> people = derive(answers, options=DeriveOptions(only=("loneliness",)))
    >>> people.table().rows()
    [(1, 1), (2, 0)]
    """
    if not isinstance(definition, Definition):
        named = [definition] if isinstance(definition, str | Path) else definition
        definition = find_definition(
            named, list_sources(samples), alternatives=alternatives, id_column=id_column
        )
    job = make_phenotype_job(
        samples,
        definition,
        options=options,
        id_column=id_column,
        withdrawn=withdrawn,
        complete=complete,
        people=PeopleChoice.of(where=where, keep=keep, remove=remove),
        impute=impute,
    )
    path = None if out is None else Path(out)
    formats = choose_file_formats(path, also=format)
    return run_job(job, Output(path, formats, resume=resume, overwrite=overwrite))


def list_sources(samples: Data | Sequence[Data]) -> tuple[Source, ...]:
    """Return the exports, globs expanded; their order changes nothing and is not kept."""
    listed = list(samples) if isinstance(samples, list | tuple) else [samples]
    sources: dict[str, Source] = {}
    for place, entry in enumerate(listed, start=1):
        if isinstance(entry, str | Path):
            sources |= {str(file): Source.of(file) for file in find_files(entry)}
            continue
        source = Source.of(entry, name="samples" if len(listed) == 1 else f"samples{place}")
        sources[source.name] = source
    return tuple(sources[name] for name in sorted(sources))


def _number_ids(frame: pl.DataFrame, id_column: str) -> pl.DataFrame:
    """Return identifiers as whole numbers where the text stays the same, else as text."""
    ids = frame[id_column]
    numbers = ids.cast(pl.Int64, strict=False)
    if numbers.null_count() or not bool((numbers.cast(pl.String) == ids).all()):
        return frame
    return frame.with_columns(numbers.alias(id_column))


def _list_filters(flow: pl.DataFrame) -> tuple[RowFilter, ...]:
    """Return how many people went into and came out of each step of the flow."""
    return tuple(
        RowFilter(f"{step}: {reason}" if reason else step, remaining + out, remaining)
        for step, reason, out, remaining in flow.rows()
        if out
    )


def _count_incomplete(flow: pl.DataFrame) -> list[Drop]:
    """Return who is not written for want of an exposure or a covariate."""
    loaded = {_LOAD, CHOSEN_PEOPLE}
    return [
        Drop(step, reason or "", out) for step, reason, out, _ in flow.rows() if step not in loaded
    ]
