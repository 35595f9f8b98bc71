"""The words of claims, and what can be wrong with them."""

from enum import StrEnum

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["AlreadyOffered", "ClaimState", "OfferState", "UnknownOffer"]


class OfferState(StrEnum):
    """What came of an offer."""

    OPEN = "open"
    CHOSEN = "chosen"
    HELPS = "helps"
    PASSED_OVER = "passed_over"
    WITHDRAWN = "withdrawn"


class ClaimState(StrEnum):
    """What came of a claim."""

    ACTIVE = "active"
    DONE = "done"
    LAPSED = "lapsed"
    HANDED_ON = "handed_on"
    TAKEN_AWAY = "taken_away"


class UnknownOffer(Invalid):
    """No open offer of this id for the case."""

    code = "unknown_offer"
    title = Text(zh="没有这个认领意向", en="No such open offer")


class AlreadyOffered(Conflict):
    """One open offer of a unit for a case."""

    code = "already_offered"
    title = Text(zh="该单位已提出认领意向", en="The unit has an open offer already")
