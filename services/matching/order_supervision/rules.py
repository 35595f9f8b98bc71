"""The words of demands about orders and their table of steps."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.matching.orders.rules import OFFICERS
from shared.auth import Principal, Role
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = ["LATE_DEMAND", "STEPS", "Cause", "DemandAction", "DemandFacts", "DemandState"]

LATE_DEMAND: Final = Text(
    zh="该点单已逾期未完成，请书面说明原因及完成时间。",
    en="This order was not delivered in time. Say in writing why, and when it will be.",
)


class DemandState(StrEnum):
    """Where a demand is."""

    ISSUED = "issued"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class DemandAction(StrEnum):
    """What somebody can do with a demand."""

    ANSWER = "answer"
    ACCEPT = "accept"
    RETURN = "return"
    WITHDRAW = "withdraw"


class Cause(StrEnum):
    """Why a demand was written."""

    BY_HAND = "by_hand"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class DemandFacts:
    """What the rules know of a demand."""

    state: DemandState
    area_path: str
    unit_id: UUID


def _is_asked(demand: DemandFacts, caller: Principal) -> bool:
    return demand.unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER)


def _answers(demand: DemandFacts, caller: Principal) -> Denial | None:
    if _is_asked(demand, caller):
        return None
    return Denial("supervised_partner_answers", Text(zh="由被督单单位答复", en="The partner that is asked answers"))


def _judges(demand: DemandFacts, caller: Principal) -> Denial | None:
    if _is_asked(demand, caller):
        return Denial("not_ones_own_answer", Text(zh="不能审核本单位的答复", en="Nobody judges the own unit's answer"))
    if caller.has(*OFFICERS, at=demand.area_path):
        return None
    return Denial("officers_supervise", Text(zh="由该区域工作人员督单", en="Officers of the area supervise"))


_S = DemandState
STEPS: Final[dict[DemandAction, Step[DemandFacts]]] = {
    DemandAction.ANSWER: Step(frozenset({_S.ISSUED}), _S.ANSWERED, _answers),
    DemandAction.ACCEPT: Step(frozenset({_S.ANSWERED}), _S.ACCEPTED, _judges),
    DemandAction.RETURN: Step(frozenset({_S.ANSWERED}), _S.ISSUED, _judges),
    DemandAction.WITHDRAW: Step(frozenset({_S.ISSUED, _S.ANSWERED}), _S.WITHDRAWN, _judges),
}
