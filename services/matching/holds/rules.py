"""States of a hold, who may move it, and what can be in its way."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.matching.partners.rules import OFFICERS
from shared.auth import Principal, Role
from shared.problems import Conflict, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "CONFIRMING",
    "EXPIRES_AFTER",
    "EXPIRES_MAX",
    "LIVE",
    "SLOT_MAX",
    "STEPS",
    "TOLD_BY_SIDES",
    "TRANSFER_STEPS",
    "BadSpan",
    "DayFull",
    "HoldAction",
    "HoldExpired",
    "HoldFacts",
    "HoldState",
    "HoldWhat",
    "MoreThanClaimed",
    "NotOpenThen",
    "NotOverYet",
    "OfferNotOpen",
    "Side",
    "SlotTaken",
    "StillMoving",
    "TransferAction",
    "TransferState",
    "breaks_promise",
    "is_over",
]

# Of these the two sides themselves tell how they ended; an order or a project is noted by whoever runs it.
TOLD_BY_SIDES: Final = frozenset({"person", "unit", "series", "agreement"})
EXPIRES_AFTER: Final = timedelta(days=2)
EXPIRES_MAX: Final = timedelta(days=30)
SLOT_MAX: Final = timedelta(days=14)


class HoldWhat(StrEnum):
    """What is held: some of a stock, a time in a room or of a group, a share of a day."""

    QUANTITY = "quantity"
    SLOT = "slot"
    DAY = "day"


class HoldState(StrEnum):
    """Where a hold is. It resolves once: committed, voided or expired; what was committed can be given back."""

    HELD = "held"
    COMMITTED = "committed"
    VOIDED = "voided"
    EXPIRED = "expired"
    RELEASED = "released"


LIVE: Final = frozenset({HoldState.HELD, HoldState.COMMITTED})


class Side(StrEnum):
    """Who has to agree."""

    GIVER = "giver"
    TAKER = "taker"


class HoldAction(StrEnum):
    """What can be done with a hold."""

    CONFIRM_AS_GIVER = "confirm_as_giver"
    CONFIRM_AS_TAKER = "confirm_as_taker"
    VOID = "void"
    RELEASE = "release"
    DISPATCH = "dispatch"
    REPORT = "report"


class TransferState(StrEnum):
    """Where goods on their way are."""

    MOVING = "moving"
    RECEIVED = "received"
    RETURNED = "returned"


class TransferAction(StrEnum):
    """What can be done with goods on their way."""

    RECEIVE = "receive"
    TURN_BACK = "turn_back"


class HoldExpired(Conflict):
    """Its time is over, whether or not anybody has noted it yet."""

    code = "hold_expired"
    title = Text(zh="占用已过期", en="The hold has expired")


class OfferNotOpen(Conflict):
    """The offer is withdrawn, not valid now, or its partner is not vetted; `reason` says which."""

    code = "offer_not_open"
    title = Text(zh="该资源目前不可占用", en="The offer cannot be held now")


class SlotTaken(Conflict):
    """Somebody has that time; `conflicts` tells when and in which room or group, and not who."""

    code = "slot_taken"
    title = Text(zh="该时段已被占用", en="That time is taken")


class NotOpenThen(Conflict):
    """It is not open for the whole of that time, or not valid then; `open` tells when it is that day."""

    code = "not_open_then"
    title = Text(zh="该时段不开放", en="It is not open at that time")


class DayFull(Conflict):
    """What can be done in a day is promised; `left` tells how much is not."""

    code = "day_full"
    title = Text(zh="当日已约满", en="That day is full")


class BadSpan(Invalid):
    """A time that ends before it begins, lies behind us, or is not the time of a slot; `reason` says which."""

    code = "bad_span"
    title = Text(zh="时段有误", en="Not a time that can be held")


class NotOverYet(Conflict):
    """How something ended is told once it has begun."""

    code = "not_over_yet"
    title = Text(zh="尚未开始，不能评价履约", en="It has not begun yet")


class MoreThanClaimed(Conflict):
    """More than what is agreed on and not sent yet; `left` tells how much that is."""

    code = "more_than_claimed"
    title = Text(zh="超过已确认而未发出的数量", en="More than what is claimed and not sent")


class StillMoving(Conflict):
    """Goods on their way are received or turned back first."""

    code = "still_moving"
    title = Text(zh="尚有在途物资", en="Something is still on its way")


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """What the rules know of a hold: whose offer it is, and who has asked for it."""

    state: HoldState | TransferState
    coverage: str
    giver_unit_id: UUID
    taker_id: UUID | None
    taker_unit_id: UUID | None


def _is_officer(hold: HoldFacts, caller: Principal) -> bool:
    return caller.has(*OFFICERS, at=hold.coverage)


def _is_giver(hold: HoldFacts, caller: Principal) -> bool:
    return hold.giver_unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER) or _is_officer(hold, caller)


def _is_taker(hold: HoldFacts, caller: Principal) -> bool:
    if hold.taker_id is not None and hold.taker_id == caller.subject_id:
        return True
    acts_for = hold.taker_unit_id is not None and hold.taker_unit_id in caller.units()
    return acts_for or _is_officer(hold, caller)


def _giver(hold: HoldFacts, caller: Principal) -> Denial | None:
    if _is_giver(hold, caller):
        return None
    return Denial("giver_confirms", Text(zh="需由提供方操作", en="Only the giving side may do this"))


def _taker(hold: HoldFacts, caller: Principal) -> Denial | None:
    if _is_taker(hold, caller):
        return None
    return Denial("taker_confirms", Text(zh="需由使用方操作", en="Only the taking side may do this"))


def _either(hold: HoldFacts, caller: Principal) -> Denial | None:
    if _is_giver(hold, caller) or _is_taker(hold, caller):
        return None
    return Denial("own_hold", Text(zh="只有双方可以操作", en="Only one of the two sides may do this"))


_HELD: Final = frozenset({HoldState.HELD})
_COMMITTED: Final = frozenset({HoldState.COMMITTED})
_MOVING: Final = frozenset({TransferState.MOVING})

# The second confirmation commits: which of the two it is, the table cannot know.
STEPS: Final[dict[HoldAction, Step[HoldFacts]]] = {
    HoldAction.CONFIRM_AS_GIVER: Step(_HELD, None, _giver),
    HoldAction.CONFIRM_AS_TAKER: Step(_HELD, None, _taker),
    HoldAction.VOID: Step(_HELD, HoldState.VOIDED, _either),
    HoldAction.RELEASE: Step(_COMMITTED, HoldState.RELEASED, _either),
    HoldAction.DISPATCH: Step(_COMMITTED, None, _giver),
    HoldAction.REPORT: Step(_COMMITTED, None, _taker),
}
TRANSFER_STEPS: Final[dict[TransferAction, Step[HoldFacts]]] = {
    TransferAction.RECEIVE: Step(_MOVING, TransferState.RECEIVED, _taker),
    TransferAction.TURN_BACK: Step(_MOVING, TransferState.RETURNED, _either),
}
CONFIRMING: Final[dict[Side, HoldAction]] = {
    Side.GIVER: HoldAction.CONFIRM_AS_GIVER,
    Side.TAKER: HoldAction.CONFIRM_AS_TAKER,
}


def breaks_promise(hold: HoldFacts, caller: Principal) -> bool:
    """Tell whether it is the giver itself that calls off: an officer, or who takes it, breaks nobody's promise."""
    acts_for_giver = hold.giver_unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER)
    return acts_for_giver and not (hold.taker_id is not None and hold.taker_id == caller.subject_id)


def is_over(expires_at: datetime, now: datetime) -> bool:
    """Tell whether a hold's time has come."""
    return expires_at <= now
