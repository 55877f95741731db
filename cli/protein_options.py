"""Which proteins are analysed: options of commands that scan proteins."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared

if TYPE_CHECKING:
    from proteomr.io import ProteinChoice

__all__ = ["ChosenProteins"]


@dataclass(frozen=True, slots=True)
class ChosenProteins:
    """Which of the proteins there are a command takes."""

    only_proteins: Annotated[
        list[str] | None,
        typer.Option(
            "--proteins",
            "--only-proteins",
            metavar="NAME,NAME",
            rich_help_panel=shared.INPUT,
            help="Fit these proteins alone; multiple testing then spans them. In a file of "
            "--config it is only-proteins.",
            show_default=False,
        ),
    ] = None
    proteins_from: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Fit the proteins of this list alone, one a line, or of the column protein of "
            "a table, such as the associations of an earlier run.",
            show_default=False,
        ),
    ] = None
    where_rows: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            rich_help_panel=shared.INPUT,
            help="Rows of the table of --proteins-from that count, such as adjustment=full, or "
            'a condition: "q_bh < 0.05"; repeat for several, which must all hold.',
            show_default=False,
        ),
    ] = None

    def choose(self) -> "ProteinChoice | None":
        """Return what the library takes; None where all proteins are."""
        from proteomr.io import ProteinChoice

        given = [name.strip() for text in self.only_proteins or () for name in text.split(",")]
        names = tuple(name for name in given if name)
        files = [name for name in names if Path(name).is_file()]
        if files:
            raise UsageError(
                f"--proteins {files[0]}: is a file, and names are needed; a list of them goes into "
                "--proteins-from FILE, and the proteins' values stand second, after SAMPLES"
            )
        return ProteinChoice.of(names, listed=self.proteins_from, rows=tuple(self.where_rows or ()))
