"""In which order the stages of a study go."""

from __future__ import annotations

from collections.abc import Collection

from proteomr.errors import UsageError, nearest
from proteomr.study.study import Stage, Study

__all__ = ["list_after", "order_stages"]


def order_stages(study: Study) -> tuple[Stage, ...]:
    """Return the stages so that each comes after those that it needs, else as they are written.

    Raises
    ------
    UsageError
        A stage needs one that is not there, itself, or one that needs it in turn.

    Examples
    --------
    >>> from proteomr.study import parse_study
    >>> study = parse_study({"stages": {"mr": {"after": ["munge"]}, "munge": {}}})
    >>> [stage.name for stage in order_stages(study)]
    ['munge', 'mr']
    """
    stages = {stage.name: stage for stage in study.stages}
    for stage in study.stages:
        for name in stage.needs:
            if name == stage.name:
                raise UsageError(f"stage {name!r} takes its own results; name another stage")
            if name not in stages:
                raise UsageError(
                    f"stage {stage.name!r} needs {name!r}, and there is none"
                    f"{nearest(name, stages)}; there are {', '.join(stages)}"
                )
    ordered: dict[str, Stage] = {}
    while len(ordered) < len(stages):
        ready = [s for s in study.stages if s.name not in ordered and ordered.keys() >= {*s.needs}]
        if not ready:
            left = [stage for stage in study.stages if stage.name not in ordered]
            raise UsageError(f"stages need one another in a circle: {_find_circle(left)}")
        ordered[ready[0].name] = ready[0]
    return tuple(ordered.values())


def list_after(study: Study, names: Collection[str]) -> tuple[str, ...]:
    """Return stages and all that need them, directly or through others, in their order.

    Parameters
    ----------
    names : of stages that there are.

    Examples
    --------
    >>> from proteomr.study import parse_study
    >>> study = parse_study({"stages": {"qc": {}, "mr": {}, "coloc": {"after": ["mr"]}}})
    >>> list_after(study, ["mr"])
    ('mr', 'coloc')
    """
    reached = set(names)
    for stage in order_stages(study):
        if reached & {*stage.needs}:
            reached.add(stage.name)
    return tuple(stage.name for stage in order_stages(study) if stage.name in reached)


def _find_circle(left: list[Stage]) -> str:
    """Return a circle among stages each of which needs another of them."""
    needs = {stage.name: list(stage.needs) for stage in left}
    walked = [left[0].name]
    while True:
        following = next(name for name in needs[walked[-1]] if name in needs)
        if following in walked:
            return " needs ".join([*walked[walked.index(following) :], following])
        walked.append(following)
