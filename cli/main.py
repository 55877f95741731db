"""The command line: which commands there are, and which exit code each ending has."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated

import typer
import typer.main

from proteomr.errors import ProteomrError, UsageError

from .associate import associate
from .console import report_error
from .doctor import doctor
from .merge import merge
from .schema import schema

__all__ = ["COMMANDS", "app", "run"]

COMMANDS: tuple[Callable[..., None], ...] = (associate, merge, doctor, schema)

INTERRUPTED = 130

app = typer.Typer(
    name="proteomr",
    help="Association of plasma proteins with exposures and outcomes, at the scale of a biobank.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in COMMANDS:
    app.command(context_settings={"help_option_names": ["-h", "--help"]})(_command)


def _print_version(value: bool) -> None:
    if not value:
        return
    from proteomr.provenance import tool_versions

    for tool, version in tool_versions().items():
        typer.echo(f"{tool} {version}")
    raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version of proteomr and of the libraries it computes with.",
        ),
    ] = False,
) -> None:
    pass


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code; the installed script is this function.

    What is no `ProteomrError`, no mistake in the options and no interrupt is a fault of proteomr's
    own: it keeps its traceback, and Python leaves with code 1. A command that keeps something when
    it is interrupted raises ``KeyboardInterrupt`` with a message that says what.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: list[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    command = typer.main.get_command(app)
    try:
        # not command(): that turns an interrupt and a closed pipe into exits of its own
        with command.make_context("proteomr", list(given) or ["--help"]) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as leave:
        return leave.exit_code
    except ProteomrError as error:
        report_error(error)
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt) as stop:
        return _interrupted(str(stop))
    except typer.TyperException as mistake:
        return _misused(mistake)
    except BrokenPipeError:
        return _reader_gone()
    return 0


def _misused(mistake: typer.TyperException) -> int:
    context = getattr(mistake, "ctx", None)
    command = context.command_path if context is not None else "proteomr"
    report_error(f"{mistake.format_message()} (see {command} --help)")
    return UsageError.exit_code


def _interrupted(kept: str) -> int:
    report_error(f"interrupted; {kept}" if kept else "interrupted")
    return INTERRUPTED


def _reader_gone() -> int:
    """End quietly when whatever read the output has closed it, as ``head`` does."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE
