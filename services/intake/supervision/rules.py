"""The words of supervision orders and their table of steps."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = ["STEPS", "Cause", "OrderAction", "OrderFacts", "OrderState"]


class OrderState(StrEnum):
    """Where an order is."""

    ISSUED = "issued"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class OrderAction(StrEnum):
    """What somebody can do with an order."""

    ANSWER = "answer"
    ACCEPT = "accept"
    RETURN = "return"
    WITHDRAW = "withdraw"


class Cause(StrEnum):
    """Why an order was written."""

    BY_HAND = "by_hand"
    CLAIM_LAPSED = "claim_lapsed"
    OVERDUE = "overdue"
    SPOT_CHECK = "spot_check"


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the rules know of an order."""

    state: OrderState
    area_path: str
    unit_id: UUID | None


_OFFICERS: Final = (Role.OFFICER, Role.SECRETARY)


def _answers(order: OrderFacts, caller: Principal) -> Denial | None:
    if order.unit_id is not None:
        if order.unit_id in caller.units(Role.UNIT_STAFF):
            return None
        return Denial("ordered_unit_answers", Text(zh="由被督办单位答复", en="The unit that is asked answers"))
    if caller.has(Role.GRID_WORKER, *_OFFICERS, at=order.area_path):
        return None
    return Denial("staff_of_the_area", Text(zh="由该区域工作人员答复", en="The area's own staff answers"))


def _judges(order: OrderFacts, caller: Principal) -> Denial | None:
    if order.unit_id is not None and order.unit_id in caller.units(Role.UNIT_STAFF):
        return Denial("not_ones_own_answer", Text(zh="不能审核本单位的答复", en="Nobody judges the own unit's answer"))
    if caller.has(*_OFFICERS, at=order.area_path):
        return None
    return Denial("officers_supervise", Text(zh="由该区域工作人员督办", en="Officers of the area supervise"))


STEPS: Final[dict[OrderAction, Step[OrderFacts]]] = {
    OrderAction.ANSWER: Step(frozenset({OrderState.ISSUED}), OrderState.ANSWERED, _answers),
    OrderAction.ACCEPT: Step(frozenset({OrderState.ANSWERED}), OrderState.ACCEPTED, _judges),
    OrderAction.RETURN: Step(frozenset({OrderState.ANSWERED}), OrderState.ISSUED, _judges),
    OrderAction.WITHDRAW: Step(frozenset({OrderState.ISSUED, OrderState.ANSWERED}), OrderState.WITHDRAWN, _judges),
}
