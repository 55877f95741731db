"""The family of cause-specific hazards: Cox's regression in which people leave the risk sets at
other events, as they do when they are censored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from proteomr.models.cox import Cox

__all__ = ["CauseSpecific"]


@dataclass(frozen=True, slots=True)
class CauseSpecific(Cox):
    """The hazard of an event among those who have had none; Wald z statistics.

    The hazard of one cause is that of Cox's regression with the other events censored (Prentice et
    al. 1978, doi:10.2307/2530374). It says what a protein does to those still at risk; for what it
    does to the share of people who come to have the event, see
    :class:`proteomr.models.fine_gray.FineGray`.

    Examples
    --------
    >>> CauseSpecific.name, CauseSpecific.ratio
    ('cause-specific', 'HR')
    """

    name: ClassVar[str] = "cause-specific"
