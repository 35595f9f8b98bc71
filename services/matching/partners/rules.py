"""Kinds and states of partners, and who vets them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.problems import Conflict
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = ["STEPS", "AlreadyPartner", "PartnerAction", "PartnerFacts", "PartnerKind", "PartnerState"]


class PartnerKind(StrEnum):
    """What a partner is."""

    PROPERTY = "property"
    BUSINESS = "business"
    ASSOCIATION = "association"
    DEPARTMENT = "department"
    VOLUNTEER_TEAM = "volunteer_team"
    STATE_ENTERPRISE = "state_enterprise"
    RESIDENT = "resident"


class PartnerState(StrEnum):
    """How far a partner is trusted."""

    APPLIED = "applied"
    VETTED = "vetted"
    SUSPENDED = "suspended"


class PartnerAction(StrEnum):
    """What can be done with a partner."""

    VET = "vet"
    SUSPEND = "suspend"


class AlreadyPartner(Conflict):
    """A unit is one partner."""

    code = "already_partner"
    title = Text(zh="该单位已是合伙人", en="The unit is a partner already")


@dataclass(frozen=True, slots=True)
class PartnerFacts:
    """What the rules know of a partner."""

    state: PartnerState
    coverage: str
    unit_id: UUID


def _officer(partner: PartnerFacts, caller: Principal) -> Denial | None:
    if caller.has(Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR, at=partner.coverage):
        return None
    return Denial("officers_vet", Text(zh="需由所在区域的工作人员审核", en="Only an officer of the area may vet"))


STEPS: Final[dict[PartnerAction, Step[PartnerFacts]]] = {
    PartnerAction.VET: Step(frozenset({PartnerState.APPLIED, PartnerState.SUSPENDED}), PartnerState.VETTED, _officer),
    PartnerAction.SUSPEND: Step(frozenset({PartnerState.VETTED}), PartnerState.SUSPENDED, _officer),
}
