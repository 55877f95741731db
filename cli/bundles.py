"""Options that belong together: declared once as fields of a class, taken whole by commands."""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal

import typer

from . import options as shared

__all__ = ["Blocks", "Figures", "Running", "takes_bundles"]

ExecutorName = Literal["local", "processes", "dask"]


@dataclass(frozen=True, slots=True)
class Running:
    """How a job is run, repeated and told of: in every command that writes results."""

    threads: shared.Threads = None
    seed: shared.Seed = 1
    resume: shared.Resume = False
    overwrite: shared.Overwrite = False
    dry_run: shared.DryRun = False
    config: shared.Config = None
    print_config: shared.PrintConfig = False
    allow_failures: shared.AllowFailures = False
    no_progress: shared.NoProgress = False
    quiet: shared.Quiet = False
    verbose: shared.Verbose = False
    log_json: shared.LogJson = False


@dataclass(frozen=True, slots=True)
class Blocks:
    """Who works through the blocks: in commands whose work comes in blocks."""

    executor: Annotated[
        ExecutorName,
        typer.Option(
            metavar="local|processes|dask",
            rich_help_panel=shared.COMPUTING,
            help="Who works through the blocks, as many as --threads. local: threads of this "
            "process. processes: interpreters of their own, each with its own memory. dask: those "
            "of the extra proteomr[dask]. The numbers are the same.",
        ),
    ] = "local"
    dask_scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            rich_help_panel=shared.COMPUTING,
            help="With --executor dask: use the workers of this scheduler, such as "
            "tls://10.0.0.5:8786, instead of processes of this machine; they must see the files "
            "under the same paths. Over tcp:// whoever reaches the scheduler's port can run code "
            "as you and see the people's data: use tls://, with the certificates that Dask's "
            "configuration names (distributed.comm.tls).",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of the tables: in commands whose tables have some."""

    figures: Annotated[
        bool,
        typer.Option(
            "--figures",
            rich_help_panel=shared.RESULTS,
            help="Draw every figure that the tables have (proteomr plot) into the folder figures "
            "(NAME.figures beside a file), of many pairs or regions those of the strongest. "
            "Needs the extra proteomr[plot].",
        ),
    ] = False
    figure_format: Annotated[
        str,
        typer.Option(
            "--figure-format",
            metavar="svg,png,pdf",
            rich_help_panel=shared.RESULTS,
            help="One or several, with --figures.",
        ),
    ] = "svg,png"

    @property
    def form(self) -> dict[str, object]:
        """What a manifest says of them."""
        return {"figures": self.figures, "figure_format": self.figure_format}


def takes_bundles(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command that takes bundles take their options, each under its own name.

    A bundle may hold others.

    Parameters
    ----------
    command : a function some of whose keyword parameters are annotated with a bundle.
    """
    signature = inspect.signature(command)
    bundles = {
        name: entry.annotation
        for name, entry in signature.parameters.items()
        if _is_bundle(entry.annotation)
    }
    if not bundles:
        raise TypeError(f"{command.__name__} takes no bundle")
    parameters: list[inspect.Parameter] = []
    for name, entry in signature.parameters.items():
        if name in bundles:
            parameters += [_as_parameter(option) for option in _list_options(bundles[name])]
        else:
            parameters.append(entry)

    @functools.wraps(command)
    def expanded(**values: Any) -> None:
        filled = {name: _fill(bundle, values) for name, bundle in bundles.items()}
        command(**values, **filled)

    shown: Any = expanded  # typer reads what options there are from these two
    shown.__signature__ = signature.replace(parameters=parameters)
    shown.__annotations__ = {entry.name: entry.annotation for entry in parameters}
    return expanded


def _is_bundle(annotation: Any) -> bool:
    return inspect.isclass(annotation) and is_dataclass(annotation)


def _list_options(bundle: Any) -> "Iterator[Field[Any]]":
    """Yield the options of a bundle, and of the bundles in it."""
    for entry in fields(bundle):
        if _is_bundle(entry.type):
            yield from _list_options(entry.type)
        else:
            yield entry


def _fill(bundle: Any, values: dict[str, Any]) -> Any:
    """Return a bundle with its options, which are taken out of the values."""
    taken = {
        entry.name: _fill(entry.type, values) if _is_bundle(entry.type) else values.pop(entry.name)
        for entry in fields(bundle)
    }
    return bundle(**taken)


def _as_parameter(option: "Field[Any]") -> inspect.Parameter:
    default = inspect.Parameter.empty if option.default is MISSING else option.default
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option.type
    )
