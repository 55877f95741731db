"""The names of the families of regressions, for whoever must not import them.

A command's help and a table's schema name the families; what a family is and does stands in
:mod:`proteomr.models`, which takes half a second to import. One line here lists a family.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

__all__ = [
    "FAMILY_NAMES",
    "LISTED_FAMILIES",
    "SURVIVAL_FAMILIES",
    "SURVIVAL_NAMES",
    "ListedFamily",
]


class ListedFamily(NamedTuple):
    """Where a family is, and which side of its model the protein is on beside an exposure.

    Parameters
    ----------
    module : its module in `proteomr.models`.
    kind : its class.
    protein : the response, as in least squares, or the predictor.
    levels : what responses of more than two levels it takes, in words; empty for none.

    Examples
    --------
    >>> ListedFamily("linear", "Linear", "response").formula
    'protein ~ exposure'
    """

    module: str
    kind: str
    protein: Literal["response", "predictor"]
    levels: str = ""

    @property
    def formula(self) -> str:
        """The two sides of its model, as a help says them."""
        return "protein ~ exposure" if self.protein == "response" else "exposure ~ protein"


LISTED_FAMILIES: Final[Mapping[str, ListedFamily]] = MappingProxyType(
    {
        "linear": ListedFamily("linear", "Linear", "response"),
        "logistic": ListedFamily("logistic", "Logistic", "predictor"),
        "multinomial": ListedFamily(
            "multinomial", "Multinomial", "predictor", "groups without an order"
        ),
        "iv": ListedFamily("iv", "Iv", "response"),
        "mixed": ListedFamily("mixed", "Mixed", "response"),
        "ordinal": ListedFamily("ordinal", "Ordinal", "predictor", "levels in an order"),
    }
)
FAMILY_NAMES: Final = tuple(LISTED_FAMILIES)
SURVIVAL_FAMILIES: Final[Mapping[str, ListedFamily]] = MappingProxyType(
    {
        "cox": ListedFamily("cox", "Cox", "predictor"),
        "aalen": ListedFamily("aalen", "Aalen", "predictor"),
        "aft": ListedFamily("aft", "Aft", "predictor"),
        "royston-parmar": ListedFamily("royston_parmar", "RoystonParmar", "predictor"),
        "cause-specific": ListedFamily("cause_specific", "CauseSpecific", "predictor"),
        "finegray": ListedFamily("fine_gray", "FineGray", "predictor"),
    }
)
"""Of outcomes that happen at a time: those of the command `survive`."""
SURVIVAL_NAMES: Final = tuple(SURVIVAL_FAMILIES)
