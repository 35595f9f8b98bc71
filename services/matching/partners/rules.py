"""Kinds and states of partners, who vets them, and what their record is worth."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.problems import Conflict, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "OFFICERS",
    "STEPS",
    "WEIGHT_MAX",
    "AlreadyPartner",
    "PartnerAction",
    "PartnerFacts",
    "PartnerKind",
    "PartnerState",
    "ReasonMissing",
    "fulfilment_weight",
]

OFFICERS: Final = (Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)
WEIGHT_MAX: Final = 1_000
# Nobody begins at nothing or at the top: a new partner counts like one that kept four of five.
_PRIOR_ENTRIES: Final = 5
_PRIOR_KEPT: Final = 4


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
    REFUSED = "refused"
    SUSPENDED = "suspended"


class PartnerAction(StrEnum):
    """What can be done with a partner."""

    VET = "vet"
    REFUSE = "refuse"
    SUSPEND = "suspend"
    REAPPLY = "reapply"


class AlreadyPartner(Conflict):
    """A unit is one partner."""

    code = "already_partner"
    title = Text(zh="该单位已是合伙人", en="The unit is a partner already")


class ReasonMissing(Invalid):
    """Who refuses or suspends says why: the partner has a right to know."""

    code = "reason_missing"
    title = Text(zh="请填写理由", en="Say why")


@dataclass(frozen=True, slots=True)
class PartnerFacts:
    """What the rules know of a partner; `further` are the paths that it covers beside the first one."""

    state: PartnerState
    coverage: str
    unit_id: UUID
    further: tuple[str, ...] = ()


def _officer(partner: PartnerFacts, caller: Principal) -> Denial | None:
    if all(caller.has(*OFFICERS, at=path) for path in (partner.coverage, *partner.further)):
        return None
    return Denial("officers_vet", Text(zh="需由所在区域的工作人员审核", en="Only an officer of the area may vet"))


def _itself(partner: PartnerFacts, caller: Principal) -> Denial | None:
    if partner.unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER):
        return None
    return Denial("own_unit", Text(zh="只能由该单位自己提出", en="Only the unit itself may do this"))


STEPS: Final[dict[PartnerAction, Step[PartnerFacts]]] = {
    PartnerAction.VET: Step(frozenset({PartnerState.APPLIED, PartnerState.SUSPENDED}), PartnerState.VETTED, _officer),
    PartnerAction.REFUSE: Step(frozenset({PartnerState.APPLIED}), PartnerState.REFUSED, _officer),
    PartnerAction.SUSPEND: Step(frozenset({PartnerState.VETTED}), PartnerState.SUSPENDED, _officer),
    PartnerAction.REAPPLY: Step(frozenset({PartnerState.REFUSED}), PartnerState.APPLIED, _itself),
}


def fulfilment_weight(*, kept: int, late: int, broken: int) -> int:
    """Return what a record is worth, in thousandths.

    A late one counts half, a broken one nothing. The record is mixed with five entries of an imagined average partner,
    so that one broken promise does not end a newcomer and one kept promise does not crown it (additive smoothing).
    """
    points = (kept + _PRIOR_KEPT) * WEIGHT_MAX + late * WEIGHT_MAX // 2
    return points // (kept + late + broken + _PRIOR_ENTRIES)
