"""The command line: which commands there are, and which exit code each ending has."""

import functools
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer
import typer.main

from proteomr.border import low_memory, refused_by_system
from proteomr.errors import INTERRUPTED, ProteomrError, UsageError

from .adjust import adjust
from .associate import associate
from .check import check
from .coloc import coloc
from .compare import compare
from .console import open_streams, report_error, say
from .ctra import ctra
from .demo import demo
from .describe import describe
from .doctor import doctor
from .e_values import e_values
from .egress import egress
from .enrich import enrich
from .export import export
from .fields import fields
from .finemap import finemap
from .genes import genes
from .gwas import gwas
from .harmonise import harmonise
from .help import SETTINGS, GroupedCommand
from .ingest import ingest
from .init import init
from .journal import close_journal, record_cause, record_failure
from .mediate import mediate
from .merge import merge
from .meta import meta
from .mr import mr
from .network import network
from .phenotype import phenotype
from .plot import plot
from .purge import purge
from .qc import qc
from .replicate import replicate
from .report import report
from .run import run as run_stages
from .schema import schema
from .score import score
from .simulate import simulate
from .survive import survive

__all__ = ["COMMANDS", "GROUPS", "app", "run"]

COMMANDS: tuple[Callable[..., None], ...] = (
    ingest,
    qc,
    export,
    phenotype,
    fields,
    describe,
    check,
    associate,
    replicate,
    survive,
    score,
    mediate,
    network,
    ctra,
    merge,
    compare,
    adjust,
    meta,
    e_values,
    enrich,
    harmonise,
    mr,
    finemap,
    coloc,
    genes,
    plot,
    report,
    egress,
    purge,
    simulate,
    init,
    run_stages,
    demo,
    doctor,
    schema,
)
GROUPS: tuple[typer.Typer, ...] = (gwas,)

_COMPLETE = "_PROTEOMR_COMPLETE"
# New objects before those that nothing refers to are looked for: tens of thousands come with a
# table's names and stay, and looking through them again and again took a thirtieth of a scan.
_OBJECTS = 50_000
FAULT, READER_GONE = 1, 128 + signal.SIGPIPE

app = typer.Typer(
    name="proteomr",
    help="Association of plasma proteins with exposures and outcomes, at the scale of a biobank.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
)
for _command in COMMANDS:
    app.command(cls=GroupedCommand, context_settings=SETTINGS)(_command)
for _group in GROUPS:
    app.add_typer(_group)


def _print_version(value: bool) -> None:
    if not value:
        return
    from proteomr.provenance import tool_versions

    for tool, version in tool_versions().items():
        say(f"{tool} {version}")
    raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "-V",
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
    own, but for a lack of memory: it keeps its traceback, and Python leaves with code 1. A command
    that keeps something when it is interrupted raises ``KeyboardInterrupt`` with a message that
    says what.
    """
    gc.set_threshold(_OBJECTS)
    open_streams()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    if threading.current_thread() is threading.main_thread():
        for asked in (signal.SIGTERM, signal.SIGHUP):  # of schedulers and lost connections
            if signal.getsignal(asked) is not signal.SIG_IGN:  # nohup asks to go on
                signal.signal(asked, _stop)  # leave as on Ctrl-C
    try:
        code = _exit_code(arguments)
    finally:
        close_journal()
        _flush_or_give_up()
    sys.exit(code)


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _exit_code(arguments: list[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    try:
        return _invoke(_refuse_encoding(given))
    except ProteomrError as error:
        record_cause(error)
        return _report(f"{error}", code=error.exit_code)
    except (typer.Abort, KeyboardInterrupt) as stop:
        message = str(stop)
        return _report(f"interrupted; {message}" if message else "interrupted", code=INTERRUPTED)
    except typer.TyperException as mistake:
        from .remedies import describe_misuse

        commands = getattr(_build_commands(app), "commands", {})
        return _report(describe_misuse(mistake, given, commands), code=UsageError.exit_code)
    except BrokenPipeError:
        return READER_GONE
    except Exception as fault:
        code = _code_in_words(fault)
        if code is None:
            raise
        return code


def _code_in_words(fault: Exception) -> int | None:
    """Return the exit code of a fault that has been told; None where its traceback tells it."""
    told = low_memory(fault) or refused_by_system(fault)
    if told is not None:
        return _report(f"{told}", code=told.exit_code)
    return FAULT if record_failure("internal fault", fault=fault) else None


def _refuse_encoding(arguments: list[str]) -> list[str]:
    """Refuse names that are no UTF-8: neither a message nor a manifest could tell them."""
    for place, argument in enumerate(arguments, start=1):
        if any("\ud800" <= mark <= "\udfff" for mark in argument):
            raise UsageError(
                f"argument {place}, {argument!r}, is not UTF-8; rename the file, or link to it by "
                "another name"
            )
    return arguments


@functools.cache  # a twentieth of a second; commands keep nothing of a call
def _build_commands(of: typer.Typer) -> Any:
    return typer.main.get_command(of)


def _invoke(arguments: list[str]) -> int:
    from .remedies import read_request_for_help

    command = _build_commands(app)
    asked = read_request_for_help(arguments, getattr(command, "commands", {}))
    if _COMPLETE in os.environ:  # the shell asks for words, by a script of --show-completion
        command.main([], prog_name="proteomr", complete_var=_COMPLETE)
    try:
        # not command(): that turns an interrupt and a closed pipe into exits of its own
        with command.make_context("proteomr", asked or ["--help"]) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as leave:
        return leave.exit_code
    return 0


def _report(text: str, *, code: int) -> int:
    if not record_failure(text):
        report_error(text)
    return code


def _flush_or_give_up() -> None:
    """Leave without a word about output that its reader or its disk does not take."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
