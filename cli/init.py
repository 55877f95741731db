"""`proteomr init`: a study file to begin with, from the files of a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared
from .console import print_rows, report_note, say

if TYPE_CHECKING:
    from proteomr.io.recognising import Recognised

__all__ = ["init"]

_NAME = "study.toml"


def init(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Holds the files of a study: what laboratories delivered, tables of people and "
            "proteins, summary statistics, genotypes.",
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            rich_help_panel=shared.RESULTS,
            help="Study file to write. Without: FOLDER/study.toml.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            "--overwrite",
            rich_help_panel=shared.RESULTS,
            help="Replace a study file that is there.",
        ),
    ] = False,
    quiet: shared.Quiet = False,
) -> None:
    """Write a commented study file from a folder of files.

    Every file is told by its content, with the readers that the commands use: Olink, SomaScan,
    NULISA, UK Biobank, mass spectrometry, tables of proteins and of people, covariates by panel,
    summary statistics, bed and pgen. Stages and adjustment sets are guesses from the names and
    values of columns, said in comments; what was not recognised is named. `proteomr run` runs the
    file, and with --dry-run says what would run.
    """
    from proteomr.files import replace_file, shared_mode
    from proteomr.io.recognising import recognise_folder
    from proteomr.study import write_beginning

    file = out or folder / _NAME
    if file.suffix != ".toml":
        raise UsageError(f"{file}: a study file is TOML; name it FILE.toml")
    found = [one for one in recognise_folder(folder) if one.path.absolute() != file.absolute()]
    if file.exists() and not force:
        raise UsageError(f"{file}: is there; name another file, or replace it with --force")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"{file}: no folder {file.parent}")
    text = write_beginning(found, file=file)
    replace_file(file, lambda stream: stream.write(text.encode()), mode=shared_mode())
    if not quiet:
        _tell(found)
    say(str(file))


def _tell(found: "list[Recognised]") -> None:
    known = [one for one in found if one.role != "unknown"]
    print_rows(
        ["file", "is"], [[one.path.name or ".", _describe(one)] for one in known], left=2, wrap=True
    )
    for one in found:
        if one.role == "unknown":
            report_note(f"{one.path.name} is not recognised: {one.detail}")


def _describe(one: "Recognised") -> str:
    return f"of a platform: {one.detail}" if one.role == "platform" else one.detail
