"""`proteomr check`: what of the input looks odd, before hours are spent on it."""

import inspect
import logging
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from proteomr.errors import InputError, NothingToDo

from . import options as shared
from .associate import associate
from .console import print_rows, say
from .journal import open_journal
from .outcome_options import Outcomes
from .people_options import People
from .progress import watch
from .protein_options import ChosenProteins
from .remedies import refuse_stray_words
from .resources import hold_threads

if TYPE_CHECKING:
    from proteomr.association.inspection import Finding

__all__ = ["check"]

Bundle = TypeVar("Bundle", People, ChosenProteins, Outcomes)

# The options of associate that say which models are meant, and how the files are read.
_OF_ASSOCIATE = (
    *("exposure", "outcome", "adjust", "transform", "interaction", "strata", "reference_level"),
    *("weights", "cluster", "errors", "firth", "protein_covariate", "assays", "id_column"),
    *("sample_column", "withdrawn", "where", "keep", "remove"),
    *("only_proteins", "proteins_from", "where_rows"),
    *("outcomes", "outcome_covariates", "outcome_transform"),
)
_ORDER = ("error", "warning", "note", "fine")
_INPUT = 3


def _check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="SAMPLES and PROTEINS as associate takes them, with its options; or files of "
            "summary statistics, of any known format.",
            show_default=False,
        ),
    ],
    *,
    family: Annotated[
        str,
        typer.Option(
            metavar="NAME", rich_help_panel=shared.MODELS, help="As in associate; linear without."
        ),
    ] = "linear",
    no_progress: shared.NoProgress = False,
    quiet: shared.Quiet = False,
    verbose: shared.Verbose = False,
    **asked: Any,
) -> None:
    """Say what of the input looks odd, and compute nothing.

    Of SAMPLES and PROTEINS: who is left for each model and why others are not, codes that stand
    for missing values, columns of one value, covariates that others determine, which level is the
    reference, proteins without values. Of summary statistics: format, build, what rows would
    leave and why. An error of one file is listed with the others; the exit code is then 3.
    """
    open_journal(quiet=True, verbose=verbose)
    hold_threads(None)
    refuse_stray_words(files, remedy="files stand first, and each option has its name")
    models = bool(asked["exposure"] or asked["outcome"] or asked["outcomes"])
    from proteomr.runs.progress import watched_by

    heard = _Heard()
    log = logging.getLogger("proteomr")
    log.addHandler(heard)
    with watch(show=not (no_progress or quiet)) as watcher, watched_by(watcher):
        found = _inspect_scan(files, family, asked) if models else _inspect_studies(files)
    log.removeHandler(heard)
    found += heard.tell(beside=found)
    shown = [one for one in found if not quiet or one.severity in {"error", "warning"}]
    rows = [[one.severity, one.subject, one.text] for one in sorted(shown, key=_rank)]
    if rows:
        print_rows(["", "about", "what"], rows, left=2, wrap=True)
    odd = sum(one.severity in {"error", "warning"} for one in found)
    say(f"{odd} to look at" if odd else "nothing odd")
    if any(one.severity == "error" for one in found):
        raise typer.Exit(_INPUT)


class _Heard(logging.Handler):
    """Keeps what readers say in the log of what they read."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._texts: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self._texts[record.getMessage().removeprefix("note: ")] = None

    def tell(self, *, beside: "list[Finding]") -> "list[Finding]":
        """Return as findings what has not been said otherwise."""
        from proteomr.association.inspection import Finding

        said = {one.text for one in beside}
        return [Finding("warning", "input", text) for text in self._texts if text not in said]


def _rank(finding: "Finding") -> int:
    return _ORDER.index(finding.severity)


def _inspect_scan(files: Sequence[Path], family: str, asked: dict[str, Any]) -> "list[Finding]":
    from proteomr.association import AssociateJob, ModelSpec, make_request
    from proteomr.association.inspection import Finding, inspect_plan

    sets = shared.parse_sets(asked["adjust"])
    gaps = shared.parse_pairs(
        asked["protein_covariate"], option="--protein-covariate", example="NAME=FILE"
    )
    phenome = _take_bundle(Outcomes, asked)
    names = ("transform", "interaction", "strata", "reference_level", "weights", "cluster")
    spec = ModelSpec(
        family,
        tuple(asked["exposure"] or ()),
        sets or {"unadjusted": "1"},
        outcomes=tuple(asked["outcome"] or ()),
        outcome_options=phenome.choose(),
        errors=asked["errors"],
        firth=asked["firth"] or False,
        **{name: asked[name] for name in names},
    )
    try:
        request = make_request(
            spec,
            files[0],
            list(files[1:]),
            protein_covariates={name: Path(path) for name, path in gaps.items()},
            sample_columns=tuple(asked["sample_column"] or ()),
            people=_take_bundle(People, asked).choose(),
            outcome_files=phenome.label(),
            chosen_proteins=_take_bundle(ChosenProteins, asked).choose(),
            **{name: asked[name] for name in ("assays", "withdrawn", "id_column")},
        )
        with AssociateJob(request).open_plans() as (plans, _):
            return inspect_plan(plans[0])
    except (InputError, NothingToDo) as fault:
        return [Finding("error", "input", str(fault))]


def _take_bundle(bundle: type[Bundle], asked: dict[str, Any]) -> Bundle:
    return bundle(**{option.name: asked[option.name] for option in fields(bundle)})


def _inspect_studies(files: Sequence[Path]) -> "list[Finding]":
    from proteomr.association.inspection import Finding
    from proteomr.gwas import MungeJob, MungeRequest

    found = []
    for file in files:
        try:
            forecast = MungeJob(MungeRequest.of([file])).plan(threads=1)
        except (InputError, NothingToDo) as fault:
            found.append(Finding("error", file.name, _send_to_models(str(fault))))
            continue
        rows = ", ".join(f"{n:,} {what}" for what, n in forecast.units.items())
        found.append(Finding("fine", file.name, rows))
        for label, text in forecast.lines:
            severity: Any = {"note": "note", "left out": "warning"}.get(label, "fine")
            told = text.removeprefix(f"{file.name}: ")
            said = told if label == "note" else f"{label}: {told}"
            found.append(Finding(severity, file.name, said))
    return found


def _send_to_models(text: str) -> str:
    """Add what a table of people and proteins needs, where a file is no summary statistics."""
    if "no known format" not in text:
        return text
    return f"{text}; of people and proteins name the models: --exposure NAME --adjust m=..."


def _take_options() -> Any:
    """Return the command with the options of associate, each with the same name and help."""
    theirs = inspect.signature(associate).parameters
    own = inspect.signature(_check).parameters
    parameters = [entry for entry in own.values() if entry.kind is not entry.VAR_KEYWORD]
    parameters[2:2] = [theirs[name] for name in _OF_ASSOCIATE]

    def check(**values: Any) -> None:
        _check(values.pop("files"), **values)

    shown: Any = check  # typer reads what options there are from these
    shown.__doc__ = _check.__doc__
    shown.__signature__ = inspect.Signature(parameters)
    shown.__annotations__ = {entry.name: entry.annotation for entry in parameters}
    return check


check = _take_options()
