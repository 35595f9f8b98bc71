"""States of an entitlement, who may move it, and what others may learn: one word, yes or no."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.problems import Conflict, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "ASKERS",
    "GRANTERS",
    "KIND_PATTERN",
    "STEPS",
    "AlreadyEntitled",
    "AlreadyOver",
    "EndsBeforeStart",
    "EntitlementAction",
    "EntitlementFacts",
    "EntitlementState",
    "LongerThanAllowed",
    "LookedAt",
    "NoRenewal",
    "UnknownKind",
    "may_grant",
    "state_on",
]

KIND_PATTERN: Final = r"^[a-z][a-z0-9_]{0,39}$"
GRANTERS: Final = (Role.OFFICER, Role.SECRETARY)
# Who may ask about the people of an area, and hears yes or no.
ASKERS: Final = (*GRANTERS, Role.GRID_WORKER)


class EntitlementState(StrEnum):
    """How an entitlement stands on a day."""

    UPCOMING = "upcoming"
    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


class EntitlementAction(StrEnum):
    """What can be done with an entitlement."""

    RENEW = "renew"
    REVOKE = "revoke"


class LookedAt(StrEnum):
    """What somebody has learnt of a person."""

    BENEFIT = "benefit"
    EVIDENCE = "evidence"


class UnknownKind(Invalid):
    """No kind of this code, or nobody is granted it any more."""

    code = "unknown_entitlement_kind"
    title = Text(zh="没有这种资格，或已停用", en="No such kind of entitlement, or it is out of use")


class EndsBeforeStart(Invalid):
    """It would end before it begins."""

    code = "entitlement_ends_before_it_begins"
    title = Text(zh="资格的结束早于开始", en="It would end before it begins")


class AlreadyOver(Invalid):
    """It would be over before it is granted."""

    code = "entitlement_over"
    title = Text(zh="结束日期已过", en="Its end has passed")


class LongerThanAllowed(Invalid):
    """Every kind is looked at again after some time."""

    code = "entitlement_too_long"
    title = Text(zh="超过该资格一次可授予的期限", en="Longer than this kind may be granted for at once")


class NoRenewal(Invalid):
    """A renewal ends later than what it renews."""

    code = "entitlement_not_longer"
    title = Text(zh="续期须晚于原结束日期", en="A renewal ends later than what it renews")


class AlreadyEntitled(Conflict):
    """One entitlement of a kind at a time; `entitlement_id` names the one there is, which can be renewed."""

    code = "already_entitled"
    title = Text(zh="此人在该期间已有同类资格", en="They hold this kind at that time already")


@dataclass(frozen=True, slots=True)
class EntitlementFacts:
    """What the rules know of an entitlement."""

    state: EntitlementState
    area_path: str
    person_id: UUID


def may_grant(entitlement: EntitlementFacts, caller: Principal) -> Denial | None:
    """Let officers of the area where the person lives decide, and nobody about themselves."""
    if caller.subject_id == entitlement.person_id:
        return Denial("not_ones_own", Text(zh="不能为本人办理", en="Nobody decides about themselves"))
    if caller.has(*GRANTERS, at=entitlement.area_path):
        return None
    return Denial(
        "officers_of_the_area", Text(zh="需由其居住区域的工作人员办理", en="Officers of the person's area decide")
    )


_NOT_REVOKED: Final = frozenset({EntitlementState.UPCOMING, EntitlementState.VALID, EntitlementState.EXPIRED})
STEPS: Final[dict[EntitlementAction, Step[EntitlementFacts]]] = {
    EntitlementAction.RENEW: Step(_NOT_REVOKED, None, may_grant),
    EntitlementAction.REVOKE: Step(_NOT_REVOKED, EntitlementState.REVOKED, may_grant),
}


def state_on(day: date, *, starts_on: date, ends_on: date, is_revoked: bool) -> EntitlementState:
    """Return how an entitlement stands on a day; its last day still counts."""
    if is_revoked:
        return EntitlementState.REVOKED
    if day < starts_on:
        return EntitlementState.UPCOMING
    return EntitlementState.VALID if day <= ends_on else EntitlementState.EXPIRED
