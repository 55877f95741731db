"""`proteomr fields`: the list of fields that a definition asks UK Biobank for."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from proteomr.errors import NothingToDo, RunFolderError
from proteomr.files import replace_file, shared_mode

from . import options as shared
from .console import report_note, say

__all__ = ["fields"]

Style = Literal["rap", "extract-dataset", "table-exporter", "ukb-format", "titles"]


def fields(
    *,
    definition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE",
            rich_help_panel=shared.INPUT,
            help="Definition that is shipped (shen2025), or a TOML file of your own; repeat it to "
            "put several together. Without: shen2025.",
        ),
    ] = None,
    instance: Annotated[
        int,
        typer.Option(
            min=0,
            max=9,
            metavar="I",
            rich_help_panel=shared.INPUT,
            help="Visit, for fields that are asked at several.",
        ),
    ] = 0,
    style: Annotated[
        Style,
        typer.Option(
            metavar="rap|extract-dataset|table-exporter|ukb-format|titles",
            rich_help_panel=shared.RESULTS,
            help="rap: a name per line. extract-dataset: entity.name, joined by commas. "
            "table-exporter: the whole command. ukb-format: numbers of fields, a line each. "
            "titles: a table with the rules that need each field.",
        ),
    ] = "rap",
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            rich_help_panel=shared.RESULTS,
            help="File to write. Without: the list is printed.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", rich_help_panel=shared.RESULTS, help="Replace a file of that name."
        ),
    ] = False,
    quiet: shared.Quiet = False,
) -> None:
    """List the fields to ask UK Biobank for.

    On the Research Analysis Platform with dx extract_dataset, for a small list:

    \b
      dx extract_dataset "$DATASET" -o participants.csv
        --fields "$(proteomr fields --style extract-dataset)"

    or with the table exporter, which runs as a job:

    \b
      proteomr fields -o fields.txt && dx upload fields.txt
      dx run table-exporter -idataset_or_cohort_or_dashboard="$DATASET"
        -ientity=participant -ifield_names_file_txt=fields.txt
        -ioutput=participants -ioutput_format=CSV
        -iheader_style=FIELD-NAME -icoding_option=RAW

    each on one line. Proteins are entities of their own (olink_instance_0) and not in the list.
    """  # noqa: D301 - the backspace keeps the lines of an example apart
    if out is not None and out.exists() and not overwrite:
        raise RunFolderError(f"{out}: already there; choose another name, or give --overwrite")
    from proteomr.phenotype.definitions.definition import load_definition
    from proteomr.phenotype.field_list import request_fields, write_request

    loaded = load_definition(*(definition or ["shen2025"]))
    if not loaded.needs:
        raise NothingToDo("the definition reads no field of UK Biobank")
    requested = request_fields(loaded.needs, instance=instance)
    text = write_request(requested, style=style)
    if not quiet:
        for note in loaded.notes:
            report_note(note)
    if out is None:
        say(text)
        return
    replace_file(out, lambda file: file.write(f"{text}\n".encode()), mode=shared_mode())
    say(str(out))
