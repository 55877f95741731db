"""Options that a study gives once for all stages whose commands take them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final

from proteomr.errors import UsageError, nearest
from proteomr.study.study import Option, Stage, Study
from proteomr.study.taking import From

__all__ = ["spread_defaults"]

# Names chosen for the argument of protein files choose among the proteins of these files.
_PROTEINS: Final = "proteins"
_CHOSEN_PROTEINS: Final = "only-proteins"


def spread_defaults(study: Study, options: Callable[[str], Collection[str]]) -> Study:
    """Return a study whose stages have the defaults of their commands among their options.

    A stage's own options win, and an empty table or list says that it has none; of itself it takes
    nothing. Proteins that are chosen are those of the
    default's files.

    Parameters
    ----------
    study : with defaults.
    options : of a command, by their names in a configuration file.

    Raises
    ------
    UsageError
        A command or an option is not known, or proteins are chosen and no file is named.

    Examples
    --------
    >>> from proteomr.study import parse_study
    >>> study = parse_study({"defaults": {"samples": "people.csv"}, "stages": {"associate": {}}})
    >>> dict(spread_defaults(study, lambda command: ["samples"]).stages[0].options)
    {'samples': 'people.csv'}
    """
    stages = tuple(_spread(stage, study.defaults, options) for stage in study.stages)
    return replace(study, stages=stages, defaults={})


def _spread(
    stage: Stage, defaults: Mapping[str, Option], options: Callable[[str], Collection[str]]
) -> Stage:
    known = options(stage.command)
    for key in stage.options:
        if key not in known:
            hint = nearest(key, known)
            raise UsageError(f"stage {stage.name!r}: {stage.command} has no option {key!r}{hint}")
    usual = {
        key: value
        for key, value in defaults.items()
        if key in known and not (isinstance(value, From) and stage.name in value.needs)
    }
    own = dict(stage.options)
    proteins = own.get(_PROTEINS)
    if isinstance(proteins, From) and proteins.chooses:
        if _PROTEINS not in usual:
            raise UsageError(
                f"stage {stage.name!r} chooses proteins, but of no files: name these in [defaults]"
            )
        own[_CHOSEN_PROTEINS] = own.pop(_PROTEINS)
    options_of_stage = {**usual, **own}
    stated = {key: value for key, value in options_of_stage.items() if value not in ({}, [])}
    return replace(stage, options=stated)
