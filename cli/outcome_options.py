"""Outcomes by the file: options of the phenome scan."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared

if TYPE_CHECKING:
    from proteomr.association.outcome_options import OutcomeOptions

__all__ = ["Outcomes"]

Transform = Literal["none", "log", "rint", "zscore"]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Files of outcomes, their own covariates, and the transform of outcomes."""

    outcomes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[LABEL=]FILE",
            rich_help_panel=shared.MODELS,
            help="A file with a column for each outcome beside the identifier: parquet, csv or "
            "tsv, also .gz; repeat for several. People whom it lacks have no value of its "
            "outcomes, and keep those of others.",
            show_default=False,
        ),
    ] = None
    outcome_covariates: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[LABEL=]TERMS",
            rich_help_panel=shared.MODELS,
            help="Columns of a file of --outcomes that are no outcomes but join every adjustment "
            'set for its outcomes alone, such as brain="C(site) + volume"; the label is that of '
            "the file, or its name without ending.",
            show_default=False,
        ),
    ] = None
    outcome_transform: Annotated[
        Transform,
        typer.Option(
            metavar="none|log|rint|zscore",
            rich_help_panel=shared.MODELS,
            help="Of continuous outcomes, within the complete cases of each fit; log: natural.",
        ),
    ] = "none"

    def label(self) -> dict[str, Path]:
        """Return the files by label, each once."""
        from proteomr.association.outcome_options import label_file

        files: dict[str, Path] = {}
        for text in self.outcomes or ():
            label, marked, path = text.partition("=")
            if not marked or Path(text).exists():
                label, path = label_file(text), text
            if not label.strip() or not path.strip():
                raise UsageError(f"--outcomes {text!r} is not of the form LABEL=FILE")
            if label in files:
                raise UsageError(
                    f"two files of outcomes are called {label!r}: give each a label, LABEL=FILE"
                )
            files[label] = Path(path)
        return files

    def choose(self) -> "OutcomeOptions":
        """Return what the library takes."""
        from proteomr.association.outcome_options import OutcomeOptions

        return OutcomeOptions.read(
            list(self.label()), self.outcome_covariates or (), transform=self.outcome_transform
        )
