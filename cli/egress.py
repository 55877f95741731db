"""`proteomr egress`: what of results may leave a protected platform, and a clean copy of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as shared
from .console import print_rows, say

if TYPE_CHECKING:
    from proteomr.egress import Release

__all__ = ["egress"]


def egress(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder of a study (`proteomr run`), of a run, or of several runs."
        ),
    ],
    *,
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            rich_help_panel=shared.INPUT,
            help="ukb (k = 5), genomics-england (5), sacro (10), or a TOML file with name, "
            "description, k, and digits of estimates and of extremes.",
        ),
    ] = "ukb",
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            rich_help_panel=shared.INPUT,
            help="What left before: the runs that it was made from, whose counts are then solved "
            "for together with these, or the clean copy, refused where it is rounded to another k. "
            "Repeat for several, the first first.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="DIR",
            rich_help_panel=shared.RESULTS,
            help="New folder for the clean copy, what was withheld and why, and RO-Crate metadata. "
            "Without: the verdict alone, on stdout.",
            show_default=False,
        ),
    ] = None,
    quiet: shared.Quiet = False,
) -> None:
    """Say what of results may leave, and write a clean copy.

    Counts are rounded down to multiples of k, and are empty below k; p values and intervals of t
    tests are computed again from them; estimates are rounded; rows of persons, logs and manifests
    stay. Sums of counts are found and solved for, so that none gives a small count away. What no
    schema describes does not leave.
    """
    from proteomr.egress import judge_release, write_release

    release = judge_release(folder, policy=policy, earlier=earlier or ())
    if out is None:
        _show(release)
        return
    files = write_release(release, out)
    withheld = len(release.tables) - len(release.leaving)
    if not quiet:
        leaving = f"{len(release.leaving)} tables may leave under {release.policy.name}"
        say(f"{leaving}, {withheld} stay")
        say(f"{len(files)} files written; look at withheld.tsv before they leave")
    say(str(out))


def _show(release: "Release") -> None:
    verdict = release.verdict()
    rows = [["" if cell is None else str(cell) for cell in row] for row in verdict.rows()]
    print_rows(verdict.columns, rows, left=4)
    say(
        f"{len(release.leaving)} of {len(release.tables)} tables may leave under "
        f"{release.policy.name}; {release.sums:,} sums of counts were solved for"
    )
