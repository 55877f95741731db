"""What an outcome is: its dates and codes, how people are followed, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

from proteomr.phenotype.outcomes.follow_up import AfterEnd, Faults, LagDrops

__all__ = [
    "FIRST_OCCURRENCES",
    "Censoring",
    "FollowUpRules",
    "OutcomeRule",
    "OutcomeRules",
    "Published",
    "SelfReportMatch",
    "SpecialDate",
    "Treatment",
]

SelfReportMatch: TypeAlias = Literal["any_answer", "first_answer_substring"]
Treatment: TypeAlias = Literal["undated", "prevalent"]

FIRST_OCCURRENCES = range(130_000, 132_606)
"""Fields of first occurrences: even ones are dates, the odd one above each is its source."""


@dataclass(frozen=True, slots=True)
class SpecialDate:
    """A date that stands for words, such as 1900-01-01 for "no date", and how it is taken."""

    date: date
    treat: Treatment
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """Events that a study reports among its people, and how far a share may be from that.

    Parameters
    ----------
    events, people : of the study.
    tolerance : a share is far where it is over ``1 + tolerance`` times the published one, or under
        the published one divided by that.
    """

    events: int
    people: int
    tolerance: float = 0.5

    @property
    def share(self) -> float:
        """Events per person of the study."""
        return self.events / self.people


@dataclass(frozen=True, slots=True)
class Censoring:
    """The last days on which events are known, per nation of the assessment centre.

    Parameters
    ----------
    england, scotland, wales : the days, ends included; all the same where there is one for all.
    scotland_centres, wales_centres : codes of field 54; every other centre is in England.
    """

    england: date
    scotland: date
    wales: date
    scotland_centres: tuple[int, ...] = ()
    wales_centres: tuple[int, ...] = ()

    @property
    def single(self) -> bool:
        """Whether one day holds for all nations, so that the centre need not be known."""
        return self.england == self.scotland == self.wales


@dataclass(frozen=True, slots=True)
class FollowUpRules:
    """How every outcome is followed: the fields, the end, and what is done with odd dates.

    Parameters
    ----------
    end : last days of the follow-up.
    start : field of the date of attendance.
    instance : visit at which the follow-up starts and self-reports are taken.
    death, death_instances : field of the date of death; its earliest record counts.
    lost : field of the date of loss to follow-up; None where it is not used.
    centre : field of the assessment centre, needed where nations differ in their end.
    self_report : field of self-reported illnesses.
    self_report_match : ``any_answer``: one of the codes, in any answer.
        ``first_answer_substring``: a code anywhere in the digits of the first answer, as R's
        ``grep`` on the column of array index 0.
    special_dates : dates of first occurrences that are none.
    lag_years, lag_drops, after_end, faults : see `Window`.
    compare_with : name of shipped outcome rules to set beside these.
    evidence : why, per key.
    """

    end: Censoring
    start: int = 53
    instance: int = 0
    death: int = 40000
    death_instances: tuple[int, ...] = (0, 1)
    lost: int | None = None
    centre: int = 54
    self_report: int = 20002
    self_report_match: SelfReportMatch = "any_answer"
    special_dates: tuple[SpecialDate, ...] = ()
    lag_years: float = 0.0
    lag_drops: LagDrops = "events"
    after_end: AfterEnd = "censor"
    faults: Faults = "exclude"
    compare_with: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutcomeRule:
    """One outcome.

    Parameters
    ----------
    name : of the column of events; ``<name>_years`` and ``<name>_prevalent`` stand beside it.
    title : in words.
    event : fields of dates, of which the earliest counts; none where death is the event.
    self_report : codes of self-reported illnesses that make a case prevalent.
    lag_years : where it differs from that of the follow-up.
    published : what the model study reports.
    evidence, certainty : where the rule comes from, and how sure it is.
    """

    name: str
    title: str
    event: tuple[int, ...] = ()
    self_report: tuple[int, ...] = ()
    lag_years: float | None = None
    published: Published | None = None
    evidence: str = ""
    certainty: str = ""

    @property
    def is_death(self) -> bool:
        """Whether death itself is the event."""
        return not self.event

    @property
    def columns(self) -> tuple[str, str, str]:
        """Names of the columns of events, years and prevalent cases."""
        return self.name, f"{self.name}_years", f"{self.name}_prevalent"


@dataclass(frozen=True, slots=True)
class OutcomeRules:
    """The outcomes of a definition and how they are followed; both absent where it has none.

    Parameters
    ----------
    follow_up : for all outcomes.
    outcomes : in the order of the definition.
    source : where the rules stand, for messages.
    """

    follow_up: FollowUpRules | None = None
    outcomes: tuple[OutcomeRule, ...] = ()
    source: str = ""

    @property
    def fields(self) -> frozenset[int]:
        """Every field that deriving the outcomes reads."""
        return frozenset(self.needs)

    @property
    def needs(self) -> Mapping[int, tuple[str, ...]]:
        """Names of the rules that need each field; ``follow_up`` stands for all outcomes."""
        rules = self.follow_up
        if rules is None or not self.outcomes:
            return {}
        needs: dict[int, list[str]] = {rules.start: ["follow_up"], rules.death: ["follow_up"]}
        if rules.lost is not None:
            needs.setdefault(rules.lost, []).append("follow_up")
        if not rules.end.single:
            needs.setdefault(rules.centre, []).append("follow_up")
        for outcome in self.outcomes:
            reports = (rules.self_report,) if outcome.self_report else ()
            own = (rules.death,) if outcome.is_death else outcome.event
            for needed in (*own, *reports):
                needs.setdefault(needed, []).append(outcome.name)
        return {needed: tuple(names) for needed, names in sorted(needs.items())}

    @property
    def sources(self) -> Mapping[int, int]:
        """The field that says where each first occurrence was recorded, by the field of its date.

        Deriving the outcomes does not read them; they tell hospital, death register, primary care
        and self-report apart.
        """
        return {
            needed: needed + 1
            for needed in sorted(self.fields)
            if needed in FIRST_OCCURRENCES and needed % 2 == 0
        }
