"""Use cases of agreements."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.matching.agreements import repository
from services.matching.agreements.models import Agreement, AgreementStep, ServiceRecord
from services.matching.agreements.rules import (
    AGREEING,
    SERVICE_STEPS,
    STEPS,
    AgreementAction,
    AgreementFacts,
    AgreementState,
    BadPeriod,
    Balance,
    OutsidePeriod,
    Party,
    RoomMinutesExhausted,
    ServiceAction,
    ServiceState,
    balance_of,
    holds_on,
)
from services.matching.agreements.schemas import AgreementIn, BookIn, ServiceIn
from services.matching.holds.models import Hold
from services.matching.holds.rules import Side
from services.matching.holds.service import HoldRequest, confirm_hold, lock_for_change, release_hold, take_hold
from services.matching.locking import take_turn
from services.matching.offers.models import Offer
from services.matching.offers.service import get_offer
from services.matching.partners.models import Partner
from services.matching.partners.rules import ReasonMissing
from services.matching.partners.service import get_partner
from services.matching.places import active_unit
from services.matching.resources.repository import find_resource
from services.matching.resources.rules import UnknownResource
from shared.auth import Principal
from shared.clock import CHINA, today, utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, NotFound
from shared.steps import check_step

__all__ = [
    "agree",
    "book_room",
    "decide_service",
    "facts_of",
    "figures_of",
    "lock_agreement",
    "propose",
    "record_service",
    "sides_of",
    "terminate",
]


async def sides_of(session: Session, agreement: Agreement) -> tuple[Offer, Partner]:
    """Return the venue of an agreement and the partner that has it."""
    offer = await get_offer(session, agreement.offer_id)
    return offer, await get_partner(session, offer.partner_id)


def facts_of(agreement: Agreement, offer: Offer, host: Partner, record: ServiceRecord | None = None) -> AgreementFacts:
    """Return what the rules know of an agreement, or of a record of service under it."""
    state = AgreementState(agreement.state) if record is None else ServiceState(record.state)
    return AgreementFacts(state, offer.coverage, host.unit_id, agreement.guest_unit_id)


async def figures_of(session: Session, agreement: Agreement) -> Balance:
    """Count both sides as of now."""
    used, booked = await repository.room_minutes(session, agreement.id, utc_now())
    served = await repository.service_minutes(session, agreement.id)
    return balance_of(
        used_min=used,
        booked_min=booked,
        rate_min_per_hour=agreement.service_min_per_room_hour,
        done_min=served.get(ServiceState.CONFIRMED, 0),
        waiting_min=served.get(ServiceState.RECORDED, 0),
    )


async def lock_agreement(session: WriteSession, agreement_id: UUID) -> Agreement:
    """Return an agreement for a change, or NotFound."""
    agreement = await repository.lock_agreement(session, agreement_id)
    if agreement is None:
        raise NotFound
    return agreement


async def _note(
    session: WriteSession, agreement: Agreement, step: str, actor: str, data: Mapping[str, Any] | None = None
) -> None:
    agreement.version += 1
    row = AgreementStep(
        tenant_id=session.tenant,
        agreement_id=agreement.id,
        position=agreement.version,
        step=step,
        actor=actor,
        data=dict(data or {}),
        at=utc_now(),
    )
    session.add(row)
    await session.flush()


async def propose(session: WriteSession, caller: Principal, wanted: AgreementIn) -> tuple[Agreement, bool]:
    """Put an agreement to its two sides; returns it and whether it is new."""
    offer = await get_offer(session, wanted.offer_id)
    host = await get_partner(session, offer.partner_id)
    resource = await find_resource(session, wanted.resource_id)
    if resource is None or resource.offer_id != offer.id:
        raise UnknownResource(pointer="/resource_id")
    await active_unit(session, wanted.guest_unit_id, pointer="/guest_unit_id")
    asked = AgreementFacts(AgreementState.PROPOSED, offer.coverage, host.unit_id, wanted.guest_unit_id)
    denial = STEPS[AgreementAction.TERMINATE].guard(asked, caller)
    if denial is not None:
        raise Forbidden(rule="either_side_proposes")
    await take_turn(session, "agreement", wanted.id)
    earlier = await repository.find_agreement(session, wanted.id) if wanted.id else None
    columns = wanted.model_dump(exclude={"id"})
    if earlier is not None:
        if any(getattr(earlier, name) != value for name, value in columns.items()):
            raise IdTaken(pointer="/id")
        return earlier, False
    if wanted.ends_on < wanted.starts_on or wanted.ends_on < today():
        raise BadPeriod(pointer="/ends_on")
    agreement = Agreement(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        state=AgreementState.PROPOSED.value,
        proposed_at=utc_now(),
        version=0,
        **columns,
    )
    session.add(agreement)
    await session.flush()
    await _note(session, agreement, "propose", caller.actor)
    return agreement, True


async def agree(session: WriteSession, caller: Principal, agreement: Agreement, party: Party) -> None:
    """Let one side agree; when both have, the agreement holds."""
    offer, host = await sides_of(session, agreement)
    check_step(STEPS, AGREEING[party], facts_of(agreement, offer, host), caller)
    if getattr(agreement, f"{party.value}_agreed_at") is None:
        setattr(agreement, f"{party.value}_agreed_at", utc_now())
    if agreement.host_agreed_at is not None and agreement.guest_agreed_at is not None:
        agreement.state = AgreementState.ACTIVE.value
    await _note(session, agreement, AGREEING[party].value, caller.actor)


async def book_room(
    session: WriteSession, caller: Principal, agreement: Agreement, wanted: BookIn
) -> tuple[Hold, bool]:
    """Book the room within what was agreed on; the agreement, which is locked, is the consent of both sides."""
    offer, host = await sides_of(session, agreement)
    check_step(STEPS, AgreementAction.BOOK, facts_of(agreement, offer, host), caller)
    request = HoldRequest(
        id=wanted.id,
        resource_id=agreement.resource_id,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        for_kind="agreement",
        for_id=agreement.id,
        taker_unit_id=agreement.guest_unit_id,
    )
    hold, is_new = await take_hold(session, agreement.offer_id, request, actor=caller.actor)
    if not is_new:
        return hold, False
    for moment in (wanted.starts_at, wanted.ends_at):
        if not holds_on(agreement.starts_on, agreement.ends_on, moment.astimezone(CHINA).date()):
            raise OutsidePeriod(starts_on=agreement.starts_on.isoformat(), ends_on=agreement.ends_on.isoformat())
    used, booked = await repository.room_minutes(session, agreement.id, utc_now())
    left = agreement.room_minutes_max - used - booked
    if (wanted.ends_at - wanted.starts_at).total_seconds() > left * 60:
        raise RoomMinutesExhausted(left_min=left)
    await confirm_hold(session, *await lock_for_change(session, hold.id), Side.GIVER, Side.TAKER, actor=caller.actor)
    await _note(session, agreement, "book", caller.actor, {"hold_id": str(hold.id)})
    return hold, True


async def record_service(
    session: WriteSession, caller: Principal, agreement: Agreement, wanted: ServiceIn
) -> tuple[ServiceRecord, bool]:
    """Write down what was served; it counts once the other side confirms it. The agreement is locked."""
    offer, host = await sides_of(session, agreement)
    check_step(STEPS, AgreementAction.RECORD, facts_of(agreement, offer, host), caller)
    columns = wanted.model_dump(exclude={"id"})
    earlier = await repository.find_service(session, wanted.id) if wanted.id else None
    if earlier is not None:
        same = earlier.agreement_id == agreement.id
        if not same or any(getattr(earlier, name) != value for name, value in columns.items()):
            raise IdTaken(pointer="/id")
        return earlier, False
    held = holds_on(agreement.starts_on, agreement.ends_on, wanted.served_on)
    if not held or wanted.served_on > today():
        raise OutsidePeriod(starts_on=agreement.starts_on.isoformat(), ends_on=agreement.ends_on.isoformat())
    record = ServiceRecord(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        agreement_id=agreement.id,
        state=ServiceState.RECORDED.value,
        recorded_at=utc_now(),
        version=1,
        **columns,
    )
    session.add(record)
    data = {"service_id": str(record.id), "minutes": record.minutes}
    await _note(session, agreement, "record_service", caller.actor, data)
    return record, True


async def decide_service(
    session: WriteSession,
    caller: Principal,
    agreement: Agreement,
    record: ServiceRecord,
    action: ServiceAction,
    reason: str | None,
) -> None:
    """Let the host say whether a service counts. The agreement is locked."""
    offer, host = await sides_of(session, agreement)
    check_step(SERVICE_STEPS, action, facts_of(agreement, offer, host, record), caller)
    if action is ServiceAction.REFUSE and reason is None:
        raise ReasonMissing(pointer="/reason")
    record.state = ServiceState(SERVICE_STEPS[action].target).value
    record.reason, record.decided_at = reason, utc_now()
    record.version += 1
    data = {"service_id": str(record.id), "minutes": record.minutes, "reason": reason}
    await _note(session, agreement, f"{action.value}_service", caller.actor, data)


async def terminate(session: WriteSession, caller: Principal, agreement: Agreement, reason: str) -> None:
    """End an agreement before its time: what is booked ahead is free again, what was used and served stays counted."""
    offer, host = await sides_of(session, agreement)
    check_step(STEPS, AgreementAction.TERMINATE, facts_of(agreement, offer, host), caller)
    now = utc_now()
    freed = await repository.future_holds(session, agreement.id, now)
    for hold_id in freed:
        hold, locked_offer, _ = await lock_for_change(session, hold_id)
        await release_hold(session, hold, locked_offer, actor=caller.actor, reason=reason)
    agreement.state, agreement.reason = AgreementState.TERMINATED.value, reason
    agreement.terminated_at = now
    figures = await figures_of(session, agreement)
    data = {"reason": reason, "freed": len(freed), "balance_min": figures.balance_min}
    await _note(session, agreement, "terminate", caller.actor, data)
