"""Use cases of partners."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.matching.coverage import covers
from services.matching.locking import take_turn
from services.matching.partners import repository
from services.matching.partners.models import Partner, PartnerStep
from services.matching.partners.rules import (
    OFFICERS,
    STEPS,
    AlreadyPartner,
    PartnerAction,
    PartnerFacts,
    PartnerState,
    ReasonMissing,
)
from services.matching.partners.schemas import PartnerIn, PartnerPatch, VetIn
from services.matching.places import active_unit, open_area
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.contracts.matching import PartnerVetted
from shared.db import Session, WriteSession
from shared.db.kernel_models import AreaCopyColumns
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import Forbidden, IdTaken, NotFound
from shared.steps import check_step

__all__ = [
    "apply_as_partner",
    "change_partner",
    "facts_of",
    "get_partner",
    "lock_partner",
    "must_speak_for",
    "reapply",
    "speaks_for",
    "vet_partner",
]


def facts_of(partner: Partner) -> PartnerFacts:
    """Return what the rules know of a partner."""
    further = tuple(partner.further_coverages)
    return PartnerFacts(PartnerState(partner.state), partner.coverage, partner.unit_id, further)


def speaks_for(caller: Principal, partner: Partner) -> bool:
    """Tell whether a caller acts for a partner: by its own unit, or as an officer of where it is at home."""
    if partner.unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER):
        return True
    return caller.has(*OFFICERS, at=partner.coverage)


def must_speak_for(caller: Principal, partner: Partner) -> None:
    """Refuse whoever neither belongs to a partner nor looks after its area."""
    if not speaks_for(caller, partner):
        raise Forbidden(rule="own_unit_or_officer")


async def get_partner(session: Session, partner_id: UUID) -> Partner:
    """Return a partner, or NotFound."""
    partner = await repository.find_partner(session, partner_id)
    if partner is None:
        raise NotFound
    return partner


async def lock_partner(session: WriteSession, partner_id: UUID) -> Partner:
    """Return a partner for a change, or NotFound."""
    partner = await repository.lock_partner(session, partner_id)
    if partner is None:
        raise NotFound
    return partner


async def _further(session: Session, first: UUID, wanted: Sequence[UUID]) -> list[AreaCopyColumns]:
    """Return the areas beside the first one, each once."""
    ids = [area_id for area_id in dict.fromkeys(wanted) if area_id != first]
    return [await open_area(session, area_id, pointer="/further_area_ids") for area_id in ids]


async def apply_as_partner(session: WriteSession, caller: Principal, wanted: PartnerIn) -> tuple[Partner, bool]:
    """Let a unit apply, by its own staff or by an officer of the area; returns the partner and whether it is new."""
    area = await open_area(session, wanted.area_id)
    further = await _further(session, area.id, wanted.further_area_ids)
    unit = await active_unit(session, wanted.unit_id)
    if unit.id not in caller.units(Role.UNIT_STAFF, Role.PARTNER):
        caller.must(*OFFICERS, at=area.path, rule="own_unit_or_officer")
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
        further_area_ids=[one.id for one in further],
        further_coverages=[one.path for one in further],
        state=PartnerState.APPLIED.value,
        note=wanted.note,
        kept=0,
        late=0,
        broken=0,
        applied_at=utc_now(),
        version=0,
    )
    session.add(partner)
    await session.flush()
    await _note(session, partner, "apply", caller.actor, from_state=None, data={"paths": list(partner.paths)})
    return partner, True


async def _note(
    session: WriteSession,
    partner: Partner,
    step: str,
    actor: str,
    *,
    from_state: str | None,
    reason: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Write a step of the history; its position is the version that it makes."""
    partner.version += 1
    row = PartnerStep(
        tenant_id=session.tenant,
        partner_id=partner.id,
        position=partner.version,
        step=step,
        from_state=from_state,
        to_state=partner.state,
        reason=reason,
        actor=actor,
        data=data or {},
        at=utc_now(),
    )
    session.add(row)
    await session.flush()


async def change_partner(session: WriteSession, caller: Principal, partner: Partner, wanted: PartnerPatch) -> None:
    """Change coverage or note; a wider coverage has to be vetted again."""
    must_speak_for(caller, partner)
    before, vetted = partner.state, partner.paths
    if wanted.area_id is not None:
        area = await open_area(session, wanted.area_id)
        partner.area_id, partner.coverage = area.id, area.path
    if wanted.further_area_ids is not None:
        further = await _further(session, partner.area_id, wanted.further_area_ids)
        partner.further_area_ids = [one.id for one in further]
        partner.further_coverages = [one.path for one in further]
    is_wider = any(not any(covers(old, path) for old in vetted) for path in partner.paths)
    if is_wider and partner.state == PartnerState.VETTED:
        partner.state = PartnerState.APPLIED.value
    if wanted.note is not None:
        partner.note = wanted.note
    await _note(session, partner, "change", caller.actor, from_state=before, data={"paths": list(partner.paths)})


async def vet_partner(session: WriteSession, caller: Principal, partner: Partner, wanted: VetIn) -> None:
    """Decide on a partner, and tell it why."""
    action = PartnerAction(wanted.decision)
    check_step(STEPS, action, facts_of(partner), caller)
    if action is not PartnerAction.VET and wanted.reason is None:
        raise ReasonMissing(pointer="/reason")
    before = partner.state
    partner.state = PartnerState(STEPS[action].target).value
    partner.reason = wanted.reason
    await _note(session, partner, action.value, caller.actor, from_state=before, reason=wanted.reason)
    told = PartnerVetted(partner_id=partner.id, unit_id=partner.unit_id, state=partner.state)
    await publish(session, f"partner/{partner.id}", told)


async def reapply(session: WriteSession, caller: Principal, partner: Partner, note: str) -> None:
    """Let a partner that was refused ask again."""
    check_step(STEPS, PartnerAction.REAPPLY, facts_of(partner), caller)
    partner.state, partner.note = PartnerState.APPLIED.value, note
    await _note(session, partner, "reapply", caller.actor, from_state=PartnerState.REFUSED.value)
