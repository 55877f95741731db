"""Options of commands whose outcomes happen at a time: where outcomes and their times stand."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from proteomr.errors import UsageError

if TYPE_CHECKING:
    from proteomr.scan import FollowUp

__all__ = ["OUTCOMES", "Entry", "Event", "FollowUps", "Time", "read_times"]

OUTCOMES = "Outcomes over time"

Time: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=OUTCOMES,
        help="Instead, one outcome by its columns: when follow-up ended.",
        show_default=False,
    ),
]
"""When the follow-up of one outcome, named by its columns, ended."""

Event: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=OUTCOMES,
        help="What ended it: 1 the event, 0 none; the outcome bears this column's name.",
        show_default=False,
    ),
]
"""What ended it."""

Entry: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=OUTCOMES,
        help="When each person came under observation, where that is not 0: left truncation, "
        "such as age as the time scale.",
        show_default=False,
    ),
]
"""When each person came under observation."""


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Where outcomes and their times stand."""

    outcome: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=OUTCOMES,
            help="Outcome as `phenotype` writes it: the column NAME (1 the event, 0 none) and the "
            "column NAME_years; repeat for several.",
            show_default=False,
        ),
    ] = None
    time: Time = None
    event: Event = None
    entry: Entry = None
    start: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=OUTCOMES,
            help="When each spell begins, of people with a row for each spell (counting process): "
            "--start NAME --time NAME --event NAME --id NAME; proteins are those of the person.",
            show_default=False,
        ),
    ] = None
    event_code: Annotated[
        float | None,
        typer.Option(
            metavar="K",
            rich_help_panel=OUTCOMES,
            help="Code of the event of interest where there are several: all others but 0 compete "
            "with it.",
            show_default=False,
        ),
    ] = None
    lag: Annotated[
        list[float] | None,
        typer.Option(
            metavar="TIME",
            rich_help_panel=OUTCOMES,
            help="Time from the beginning in which events do not count, in the unit of the times; "
            "repeat for several, each fitted anew.",
            show_default=False,
        ),
    ] = None
    lag_rule: Annotated[
        Literal["events", "landmark"],
        typer.Option(
            metavar="events|landmark",
            rich_help_panel=OUTCOMES,
            help="Who is left out for a lag: people with an event within it, or all whose "
            "follow-up ended within it, time then counting from the landmark.",
        ),
    ] = "events"

    def list(self) -> "tuple[FollowUp, ...]":
        """Return where the outcomes stand."""
        from proteomr.scan import FollowUp

        if self.outcome and (self.time or self.event):
            raise UsageError(
                "--outcome and --time with --event name outcomes in two ways: give one"
            )
        if self.entry is not None and self.start is not None:
            raise UsageError("--entry is of a row for each person, --start of spells: give one")
        begins = self.start or self.entry
        if self.outcome:
            return tuple(FollowUp.named(name, entry=begins) for name in self.outcome)
        if self.time is None and self.event is None:
            raise UsageError(
                "no outcome is named: --outcome NAME (with a column NAME_years), or --time NAME "
                "--event NAME"
            )
        if self.time is None or self.event is None:
            lacking = "--time" if self.time is None else "--event"
            raise UsageError(f"--time and --event go together: {lacking} is not given")
        return (FollowUp(self.event, self.time, begins),)


def read_times(text: str | None, *, option: str) -> tuple[float, ...]:
    """Return times that a text lists, parted by commas.

    Examples
    --------
    >>> read_times("2, 5", option="--periods")
    (2.0, 5.0)
    """
    if text is None:
        return ()
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} {text!r}: numbers parted by commas are needed") from None
