"""Use cases of partners."""

from uuid import UUID

from services.matching.coverage import covers
from services.matching.locking import take_turn
from services.matching.partners import repository
from services.matching.partners.models import Partner
from services.matching.partners.rules import (
    STEPS,
    AlreadyPartner,
    PartnerAction,
    PartnerFacts,
    PartnerState,
)
from services.matching.partners.schemas import PartnerIn, PartnerPatch, VetIn
from services.matching.places import active_unit, open_area
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, NotFound
from shared.steps import check_step

__all__ = ["apply_as_partner", "change_partner", "facts_of", "lock_partner", "vet_partner"]

_OFFICERS = (Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)


def facts_of(partner: Partner) -> PartnerFacts:
    """Return what the rules know of a partner."""
    return PartnerFacts(PartnerState(partner.state), partner.coverage, partner.unit_id)


async def lock_partner(session: WriteSession, partner_id: UUID) -> Partner:
    """Return a partner for a change, or NotFound."""
    partner = await repository.lock_partner(session, partner_id)
    if partner is None:
        raise NotFound
    return partner


async def apply_as_partner(session: WriteSession, caller: Principal, wanted: PartnerIn) -> tuple[Partner, bool]:
    """Let a unit apply, by its own staff or by an officer of the area; returns the partner and whether it is new."""
    area = await open_area(session, wanted.area_id)
    unit = await active_unit(session, wanted.unit_id)
    if unit.id not in caller.units(Role.UNIT_STAFF, Role.PARTNER):
        caller.must(*_OFFICERS, at=area.path, rule="own_unit_or_officer")
    await take_turn(session, "partner", wanted.id)
    earlier = await repository.find_partner(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.unit_id, earlier.kind, earlier.area_id) != (wanted.unit_id, wanted.kind, wanted.area_id):
            raise IdTaken(pointer="/id")
        return earlier, False
    await take_turn(session, "partner_of_unit", unit.id)
    if await repository.partner_of_unit(session, unit.id) is not None:
        raise AlreadyPartner
    partner = Partner(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        unit_id=unit.id,
        kind=wanted.kind.value,
        area_id=area.id,
        coverage=area.path,
        state=PartnerState.APPLIED.value,
        note=wanted.note,
        applied_at=utc_now(),
        version=1,
    )
    session.add(partner)
    await session.flush()
    return partner, True


async def change_partner(session: WriteSession, caller: Principal, partner: Partner, wanted: PartnerPatch) -> None:
    """Change coverage or note; a wider coverage has to be vetted again."""
    if partner.unit_id not in caller.units(Role.UNIT_STAFF, Role.PARTNER) and not caller.has(
        *_OFFICERS, at=partner.coverage
    ):
        raise Forbidden(rule="own_unit_or_officer")
    if wanted.area_id is not None:
        area = await open_area(session, wanted.area_id)
        if partner.state == PartnerState.VETTED and not covers(partner.coverage, area.path):
            partner.state = PartnerState.APPLIED.value
        partner.area_id, partner.coverage = area.id, area.path
    if wanted.note is not None:
        partner.note = wanted.note
    partner.version += 1


async def vet_partner(session: WriteSession, caller: Principal, partner: Partner, wanted: VetIn) -> None:
    """Decide on a partner."""
    action = PartnerAction(wanted.decision)
    check_step(STEPS, action, facts_of(partner), caller)
    partner.state = PartnerState(STEPS[action].target).value
    partner.note = wanted.note or partner.note
    partner.version += 1
    await session.flush()
