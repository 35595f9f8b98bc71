"""States of an order, who may move it, and by when things are due. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.clock import CHINA
from shared.problems import Conflict, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "ENDED",
    "OFFICERS",
    "STAFF",
    "STEPS",
    "NotOrderable",
    "OrderAction",
    "OrderFacts",
    "OrderState",
    "PriceRisen",
    "SlotPassed",
    "SlotWanted",
    "UnknownOffer",
    "accept_by",
    "due_at",
    "quarter_of",
    "state_when_priced",
    "warn_at",
]

OFFICERS: Final = (Role.OFFICER, Role.SECRETARY)
STAFF: Final = (Role.GRID_WORKER, *OFFICERS)
_PARTNERS: Final = (Role.UNIT_STAFF, Role.PARTNER)
# A clock warns when four fifths of its time are over.
_WARN_NUMERATOR, _WARN_DENOMINATOR = 4, 5


class OrderState(StrEnum):
    """Where an order is. Only from `placed` on does the partner know of it."""

    PRICING = "pricing"
    QUOTED = "quoted"
    PLACED = "placed"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    RATED = "rated"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    LAPSED = "lapsed"
    BROKEN = "broken"


ENDED: Final = frozenset({OrderState.CANCELLED, OrderState.DECLINED, OrderState.LAPSED, OrderState.BROKEN})


class OrderAction(StrEnum):
    """What can be done with an order."""

    CONFIRM = "confirm"
    CANCEL = "cancel"
    ACCEPT = "accept"
    DECLINE = "decline"
    DELIVER = "deliver"
    BREAK_OFF = "break_off"
    RATE = "rate"
    SUPERVISE = "supervise"


class NotOrderable(Conflict):
    """The offer cannot be ordered here and now; `why` names the reason."""

    code = "not_orderable"
    title = Text(zh="该资源目前不能在此下单", en="This cannot be ordered here and now")


class UnknownOffer(Invalid):
    """No offer of this id."""

    code = "unknown_offer"
    title = Text(zh="没有这个资源", en="No such offer")


class SlotWanted(Invalid):
    """What is booked for a time needs one, and for rooms and groups which one it is."""

    code = "slot_wanted"
    title = Text(zh="请选择时段", en="This is booked for a time")


class SlotPassed(Invalid):
    """The time has begun already."""

    code = "slot_passed"
    title = Text(zh="该时段已过", en="The time has passed")


class PriceRisen(Conflict):
    """The price to confirm is another one; `price_fen` is what it is."""

    code = "price_differs"
    title = Text(zh="价格与确认的不一致", en="The price is not the one that was confirmed")


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the rules know of an order; `is_for_other` when staff ordered for somebody."""

    state: OrderState
    area_path: str
    requester_id: UUID
    unit_id: UUID
    is_for_other: bool
    has_begun: bool


def _acts_for_partner(order: OrderFacts, caller: Principal) -> bool:
    return order.unit_id in caller.units(*_PARTNERS)


def _partner(order: OrderFacts, caller: Principal) -> Denial | None:
    if _acts_for_partner(order, caller):
        return None
    return Denial("partner_of_the_order", Text(zh="由接单单位操作", en="The partner of the order does this"))


def _own(order: OrderFacts, caller: Principal) -> Denial | None:
    if caller.subject_id == order.requester_id:
        return None
    if order.is_for_other and caller.has(*STAFF, at=order.area_path):
        return None
    return Denial("requester_or_helping_staff", Text(zh="由下单人或代办人员操作", en="The requester does this"))


def _cancels(order: OrderFacts, caller: Principal) -> Denial | None:
    denial = _own(order, caller)
    if denial is None and order.state is OrderState.ACCEPTED and order.has_begun:
        return Denial("order_has_begun", Text(zh="服务时间已开始，不能取消", en="It has begun: too late to cancel"))
    return denial


def _rates(order: OrderFacts, caller: Principal) -> Denial | None:
    if _acts_for_partner(order, caller):
        return Denial("not_ones_own_service", Text(zh="不能评价本单位的服务", en="Nobody rates the own unit's service"))
    return _own(order, caller)


def _supervises(order: OrderFacts, caller: Principal) -> Denial | None:
    if _acts_for_partner(order, caller):
        return Denial("not_ones_own_service", Text(zh="不能督办本单位", en="Nobody supervises the own unit"))
    if caller.has(*OFFICERS, at=order.area_path):
        return None
    return Denial("officers_supervise", Text(zh="由该区域工作人员督单", en="Officers of the area supervise"))


def _breaks_off(order: OrderFacts, caller: Principal) -> Denial | None:
    if _acts_for_partner(order, caller) or caller.has(*OFFICERS, at=order.area_path):
        return None
    return Denial("partner_or_officer", Text(zh="由接单单位或工作人员操作", en="The partner or an officer does this"))


_S = OrderState
STEPS: Final[dict[OrderAction, Step[OrderFacts]]] = {
    OrderAction.CONFIRM: Step(frozenset({_S.QUOTED}), _S.PLACED, _own),
    OrderAction.CANCEL: Step(frozenset({_S.PRICING, _S.QUOTED, _S.PLACED, _S.ACCEPTED}), _S.CANCELLED, _cancels),
    OrderAction.ACCEPT: Step(frozenset({_S.PLACED}), _S.ACCEPTED, _partner),
    OrderAction.DECLINE: Step(frozenset({_S.PLACED}), _S.DECLINED, _partner),
    OrderAction.DELIVER: Step(frozenset({_S.ACCEPTED}), _S.DELIVERED, _partner),
    OrderAction.BREAK_OFF: Step(frozenset({_S.ACCEPTED}), _S.BROKEN, _breaks_off),
    OrderAction.RATE: Step(frozenset({_S.DELIVERED}), _S.RATED, _rates),
    OrderAction.SUPERVISE: Step(
        frozenset({_S.PLACED, _S.ACCEPTED, _S.DELIVERED, _S.RATED, _S.BROKEN}), None, _supervises
    ),
}


def state_when_priced(price_fen: int, up_to_fen: int | None) -> OrderState:
    """Return where an order goes once its price is known: on to the partner if it was agreed to, else back to ask."""
    return OrderState.PLACED if up_to_fen is None or price_fen <= up_to_fen else OrderState.QUOTED


def accept_by(now: datetime, minutes: int, starts_at: datetime | None) -> datetime:
    """Return until when a partner may accept: so many minutes, but not longer than until it begins."""
    by = now + timedelta(minutes=minutes)
    return by if starts_at is None else max(now, min(by, starts_at))


def warn_at(now: datetime, by: datetime) -> datetime:
    """Return when somebody who has until `by` is warned."""
    return now + (by - now) * _WARN_NUMERATOR / _WARN_DENOMINATOR


def due_at(now: datetime, minutes: int, *, ends_at: datetime | None, wanted_by: datetime | None) -> datetime:
    """Return by when an accepted order is to be delivered: the end of its slot, or what was wished, or the rule."""
    if ends_at is not None:
        return ends_at
    return wanted_by if wanted_by is not None and wanted_by > now else now + timedelta(minutes=minutes)


def quarter_of(day: date | datetime) -> str:
    """Return a quarter as `2026-Q4`, by the calendar on the walls of China."""
    local = day.astimezone(CHINA) if isinstance(day, datetime) else day
    return f"{local.year}-Q{(local.month + 2) // 3}"
