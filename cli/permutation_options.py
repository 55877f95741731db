"""Options of `associate` for permutations of people."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as shared

if TYPE_CHECKING:
    from proteomr.models import Permutations

__all__ = ["PermutationOptions"]


@dataclass(frozen=True, slots=True)
class PermutationOptions:
    """How many permutations are drawn, and what is made of them."""

    permutations: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="B",
            rich_help_panel=shared.MODELS,
            help="Also p values of B permutations of people, drawn by --seed: p_permutation, and "
            "p_family_wise of the largest score among all tests that --tests spans.",
            show_default=False,
        ),
    ] = 0
    step_down: Annotated[
        bool,
        typer.Option(
            "--step-down",
            rich_help_panel=shared.MODELS,
            help="p_family_wise by the step-down method of Westfall and Young.",
        ),
    ] = False

    def read(self, seed: int) -> "Permutations":
        """Return what is asked; the seed counts for nothing without draws."""
        from proteomr.models import Permutations

        return Permutations(self.permutations, self.step_down, seed if self.permutations else 1)
