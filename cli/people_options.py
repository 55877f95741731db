"""Who is analysed: options that every command has that reads people."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as shared

if TYPE_CHECKING:
    from proteomr.io import PeopleChoice

__all__ = ["People"]


@dataclass(frozen=True, slots=True)
class People:
    """Whom of the people there are a command takes."""

    where: Annotated[
        str | None,
        typer.Option(
            metavar="EXPR",
            rich_help_panel=shared.INPUT,
            help="Only people of whom this is true, such as \"age >= 60 and smoking in ('never', "
            "'former')\": == != < <= > >= in, and, or, not, parentheses; text in quotes, odd names "
            "of columns in back quotes. A comparison with a missing value is not true, and neither "
            "is its opposite.",
            show_default=False,
        ),
    ] = None
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Only people of this list, one identifier a line; how many are listed, found and "
            "unknown is told.",
            show_default=False,
        ),
    ] = None
    remove: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Leave out the people of this list, one identifier a line.",
            show_default=False,
        ),
    ] = None

    def choose(self) -> "PeopleChoice":
        """Return what the library takes."""
        from proteomr.io import PeopleChoice

        return PeopleChoice.of(where=self.where, keep=self.keep, remove=self.remove)
