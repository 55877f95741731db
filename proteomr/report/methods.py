"""What was done, in the words of a methods section, with versions and sources."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from proteomr.border import read_toml
from proteomr.mr.choice import list_methods
from proteomr.report.blocks import Block, Sentence
from proteomr.report.reading import Reported, ReportedRun, join_versions

__all__ = ["describe_methods"]

_TRANSFORMS: Final = {
    "rint": "rank-based inverse normal scores",
    "log2": "base-2 logarithms",
    "zscore": "z scores",
    "none": "as they were measured",
}


def describe_methods(reported: Reported) -> list[Block]:
    """Return a sentence or two for each run, and the versions of the software.

    Formulas, numbers and options are those of the requests; sources those that families and methods
    name in their modules.
    """
    blocks: list[Block] = []
    for run in reported.runs:
        text = _describe_run(run)
        if text:
            blocks.append(Sentence(text, f"{run.name}/manifest.json, request"))
    software = join_versions(reported.runs)
    blocks.append(Sentence(f"Software: {software}.", "manifest.json of each run, versions"))
    return blocks


def _describe_run(run: ReportedRun) -> str:
    if run.specification:
        return _describe_models(run, run.specification)
    methods = run.causes.get("methods")
    if isinstance(methods, list):
        return _describe_causes(run, [str(name) for name in methods])
    seed = run.facts.get("seed")
    drawn = f", seed {seed}" if seed is not None else ""
    return f"{run.name}: proteomr {run.command}{drawn}."


def _describe_models(run: ReportedRun, spec: Mapping[str, Any]) -> str:
    family = str(spec.get("family") or spec.get("method") or "")
    said = [f"{run.name}: {run.command}"]
    if family:
        source = _read_sources().get(family)
        said.append(f" by {family} models{f' (doi:{source})' if source else ''}")
    if run.targets:
        said.append(f" of {', '.join(run.targets)}")
    sets = [f"{label}: {terms}" for label, terms in spec.get("adjust", [])]
    if sets:
        said.append(f", adjusted for {'; '.join(sets)}")
    transform = _TRANSFORMS.get(str(spec.get("transform")))
    if transform:
        said.append(f"; proteins as {transform} within the complete cases of each fit")
    errors = spec.get("errors")
    if errors and errors != "classical":
        said.append(f"; standard errors {errors}")
    return "".join(said) + "."


def _describe_causes(run: ReportedRun, methods: list[str]) -> str:
    known = {row["key"]: row for row in list_methods().iter_rows(named=True)}
    named = []
    for spelt in methods:
        row = known.get(spelt.partition("(")[0])
        if row is None:
            named.append(spelt)
        else:
            named.append(
                f"{row['label']} (doi:{row['reference']})" if row["reference"] else row["label"]
            )
    seed = run.facts.get("seed")
    return f"{run.name}: Mendelian randomisation by {', '.join(named)}; seed {seed}."


@cache
def _read_sources() -> dict[str, str]:
    """Return the source of each family, see ``data/schemas/sources.toml``."""
    place = resources.files("proteomr.schemas") / "sources.toml"
    with resources.as_file(place) as path:
        return dict(read_toml(path)["families"])
