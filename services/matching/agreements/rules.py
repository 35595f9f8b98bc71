"""States of an agreement, who may move it, and its balance."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.matching.partners.rules import OFFICERS
from shared.auth import Principal, Role
from shared.problems import Conflict, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "AGREEING",
    "SERVICE_STEPS",
    "STEPS",
    "AgreementAction",
    "AgreementFacts",
    "AgreementState",
    "BadPeriod",
    "Balance",
    "OutsidePeriod",
    "Party",
    "RoomMinutesExhausted",
    "ServiceAction",
    "ServiceState",
    "balance_of",
    "holds_on",
]


class AgreementState(StrEnum):
    """Where an agreement is."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    TERMINATED = "terminated"


class AgreementAction(StrEnum):
    """What can be done with an agreement."""

    AGREE_AS_HOST = "agree_as_host"
    AGREE_AS_GUEST = "agree_as_guest"
    BOOK = "book"
    RECORD = "record"
    TERMINATE = "terminate"


class Party(StrEnum):
    """The two sides: who has the room, and who serves."""

    HOST = "host"
    GUEST = "guest"


class ServiceState(StrEnum):
    """Whether a record of service counts: only confirmed ones do."""

    RECORDED = "recorded"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class ServiceAction(StrEnum):
    """What can be done with a record of service."""

    CONFIRM = "confirm"
    REFUSE = "refuse"


class BadPeriod(Invalid):
    """It ends before it begins, or there is nothing to agree on any more."""

    code = "bad_agreement_period"
    title = Text(zh="协议期限有误", en="Not the period of an agreement")


class OutsidePeriod(Conflict):
    """The agreement does not hold on that day."""

    code = "outside_agreement_period"
    title = Text(zh="不在协议期限内", en="The agreement does not hold then")


class RoomMinutesExhausted(Conflict):
    """More use of the room than was agreed on; `left_min` tells how much there is."""

    code = "room_minutes_exhausted"
    title = Text(zh="超过协议约定的使用时长", en="More use of the room than was agreed on")


@dataclass(frozen=True, slots=True)
class AgreementFacts:
    """What the rules know of an agreement."""

    state: AgreementState | ServiceState
    coverage: str
    host_unit_id: UUID
    guest_unit_id: UUID


def _is_officer(agreement: AgreementFacts, caller: Principal) -> bool:
    return caller.has(*OFFICERS, at=agreement.coverage)


def _acts_for(unit_id: UUID, caller: Principal) -> bool:
    return unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER)


def _host(agreement: AgreementFacts, caller: Principal) -> Denial | None:
    if _acts_for(agreement.host_unit_id, caller) or _is_officer(agreement, caller):
        return None
    return Denial("host_side", Text(zh="需由空间提供方操作", en="Only the side that has the room may do this"))


def _guest(agreement: AgreementFacts, caller: Principal) -> Denial | None:
    if _acts_for(agreement.guest_unit_id, caller) or _is_officer(agreement, caller):
        return None
    return Denial("guest_side", Text(zh="需由服务提供方操作", en="Only the side that serves may do this"))


def _either(agreement: AgreementFacts, caller: Principal) -> Denial | None:
    return None if _host(agreement, caller) is None else _guest(agreement, caller)


_PROPOSED: Final = frozenset({AgreementState.PROPOSED})
_ACTIVE: Final = frozenset({AgreementState.ACTIVE})
_RECORDED: Final = frozenset({ServiceState.RECORDED})

# The second to agree makes it active: which of the two it is, the table cannot know.
STEPS: Final[dict[AgreementAction, Step[AgreementFacts]]] = {
    AgreementAction.AGREE_AS_HOST: Step(_PROPOSED, None, _host),
    AgreementAction.AGREE_AS_GUEST: Step(_PROPOSED, None, _guest),
    AgreementAction.BOOK: Step(_ACTIVE, None, _guest),
    AgreementAction.RECORD: Step(_ACTIVE, None, _guest),
    AgreementAction.TERMINATE: Step(_PROPOSED | _ACTIVE, AgreementState.TERMINATED, _either),
}
SERVICE_STEPS: Final[dict[ServiceAction, Step[AgreementFacts]]] = {
    ServiceAction.CONFIRM: Step(_RECORDED, ServiceState.CONFIRMED, _host),
    ServiceAction.REFUSE: Step(_RECORDED, ServiceState.REFUSED, _host),
}
AGREEING: Final[dict[Party, AgreementAction]] = {
    Party.HOST: AgreementAction.AGREE_AS_HOST,
    Party.GUEST: AgreementAction.AGREE_AS_GUEST,
}


@dataclass(frozen=True, slots=True)
class Balance:
    """Both sides in minutes. Owed is what the use so far costs; a balance above zero is served ahead."""

    room_used_min: int
    room_booked_min: int
    service_owed_min: int
    service_done_min: int
    service_waiting_min: int

    @property
    def balance_min(self) -> int:
        """What was served beyond what is owed; below zero it is a debt."""
        return self.service_done_min - self.service_owed_min


def balance_of(*, used_min: int, booked_min: int, rate_min_per_hour: int, done_min: int, waiting_min: int) -> Balance:
    """Count both sides.

    Args:
        used_min: minutes of the room that are behind us.
        booked_min: minutes that are booked ahead.
        rate_min_per_hour: minutes of service owed for an hour of the room.
        done_min: confirmed service.
        waiting_min: service that waits for confirmation, which does not count.

    A begun minute of service is owed in full only when the hours add up to it: the total is rounded, never each use.
    """
    return Balance(used_min, booked_min, used_min * rate_min_per_hour // 60, done_min, waiting_min)


def holds_on(starts_on: date, ends_on: date, day: date) -> bool:
    """Tell whether an agreement holds on a day."""
    return starts_on <= day <= ends_on
