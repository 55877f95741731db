"""What is asked of `ctra`: expression, people, exposures, genes and a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, TypeAlias, get_args

from proteomr.design import parse_sets
from proteomr.errors import UsageError
from proteomr.io import PeopleChoice
from proteomr.runs import Data, Request, Source
from proteomr.tables import load_schema

__all__ = ["CtraErrors", "CtraModel", "CtraRequest", "GeneSet", "Interaction", "Scale"]

CtraModel: TypeAlias = Literal["composite", "mixed", "gls"]
CtraErrors: TypeAlias = Literal["model", "people"]
GeneSet: TypeAlias = Literal["ctra53", "ctra52"]
Scale: TypeAlias = Literal["z", "log2"]


@dataclass(frozen=True, slots=True)
class Interaction:
    """A product of an exposure and a moderator, and where its slopes are taken.

    Attributes
    ----------
    exposure, moderator : columns of people.
    slopes : values of the moderator at which the slope of the exposure is given.
    """

    exposure: str
    moderator: str
    slopes: tuple[float, ...] = ()

    @classmethod
    def of(cls, text: str, *, slopes: Sequence[float] = ()) -> Self:
        """Take ``EXPOSURE:MODERATOR``.

        Raises
        ------
        UsageError
            It is another text.

        Examples
        --------
        >>> Interaction.of("prwo:collectivism").moderator
        'collectivism'
        """
        first, mark, second = text.partition(":")
        if not (mark and first.strip() and second.strip()) or ":" in second:
            raise UsageError(f"--interaction {text!r} is not of the form EXPOSURE:MODERATOR")
        return cls(first.strip(), second.strip(), tuple(slopes))


@dataclass(frozen=True, slots=True)
class CtraRequest(Request):
    """All that determines the numbers of a contrast of genes.

    Attributes
    ----------
    expression, samples : a row for each person; several files of expression are joined.
    exposures : columns of the samples, each in a model of its own.
    adjust : formulas by label.
    model : composite: least squares of people's means; mixed: a random intercept; gls: compound
        symmetry.
    genes : a table of genes, groups and weights; None for the set that is named.
    gene_set : ctra53, or ctra52 without IL6.
    scale : z: each gene over its standard deviation among the people of a model; log2: as it is.
    log2 : whether logarithms are still to be taken, of values above 0.
    joint : also all exposures in one model.
    interaction : a product of two columns.
    gene_variances, ml : of gls: a variance for each gene; maximum likelihood.
    errors : of gls: model: of its covariance, N - P degrees of freedom, as published; people: of
        what people's weighted means leave, n - p degrees of freedom.
    components : also the groups of genes by themselves.
    leave_one_out : also without each gene.
    level : coverage of the intervals.
    withdrawn, people, id_column : who is analysed.
    """

    command: ClassVar[str] = "ctra"

    expression: tuple[Source, ...]
    samples: Source
    exposures: tuple[str, ...]
    adjust: Mapping[str, str] = field(default_factory=dict[str, str])
    model: CtraModel = "composite"
    genes: Source | None = None
    gene_set: GeneSet = "ctra53"
    scale: Scale = "z"
    log2: bool = False
    joint: bool = False
    interaction: Interaction | None = None
    gene_variances: bool = False
    ml: bool = False
    errors: CtraErrors = "model"
    components: bool = False
    leave_one_out: bool = False
    level: float = 0.95
    withdrawn: Source | None = None
    people: PeopleChoice = field(default_factory=PeopleChoice)
    id_column: str | None = None

    def __post_init__(self) -> None:
        if not self.exposures:
            raise UsageError("no exposure is named (--exposure NAME)")
        if len(set(self.exposures)) < len(self.exposures):
            raise UsageError("--exposure: each column once")
        if self.model not in get_args(CtraModel):
            raise UsageError(f"model is {self.model!r}, and must be composite, mixed or gls")
        if (self.gene_variances or self.ml) and self.model != "gls":
            raise UsageError("--gene-variances and --ml are of --model gls")
        if self.errors not in get_args(CtraErrors):
            raise UsageError(f"errors is {self.errors!r}, and must be model or people")
        if self.errors == "people" and self.model != "gls":
            raise UsageError(
                "--errors people is of --model gls; composite and mixed have people's already"
            )
        if self.joint and len(self.exposures) < 2:
            raise UsageError("--joint puts several exposures into one model: name two or more")
        if self.interaction is not None and self.interaction.exposure not in self.exposures:
            raise UsageError(
                f"--interaction: {self.interaction.exposure!r} is no exposure; the exposure stands "
                "first, as in --exposure prwo --interaction prwo:collectivism"
            )
        if not 0.5 <= self.level < 1.0:
            raise UsageError(f"the level of the intervals is {self.level}, and must be in [0.5, 1)")
        parse_sets(dict(self.adjust))

    @classmethod
    def of(
        cls,
        expression: Data | Sequence[Data],
        samples: Data,
        *,
        genes: Data | None = None,
        withdrawn: Data | None = None,
        **asked: object,
    ) -> Self:
        """Take paths or frames."""
        several = list(expression) if isinstance(expression, list | tuple) else [expression]
        named = tuple(
            Source.of(one, name="expression" if len(several) == 1 else f"expression{i + 1}")
            for i, one in enumerate(several)
        )
        return cls(
            named,
            Source.of(samples, name="samples"),
            genes=None if genes is None else Source.of(genes, name="genes"),
            withdrawn=Source.of_people(withdrawn, name="withdrawn"),
            **asked,  # type: ignore[arg-type]
        )

    def formulas(self) -> dict[str, int]:
        """Return the versions of the formulas and the tables."""
        tables = ("ctra", "ctra_scores", "ctra_genes", "ctra_leave_out")
        return {"ctra": 1, **{name: load_schema(name).version for name in tables}}
