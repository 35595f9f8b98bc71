"""HTTP of holds and of goods on their way."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.matching.holds import moving, outcomes, repository, rules, service
from services.matching.holds.models import Hold
from services.matching.holds.rules import CONFIRMING, HoldAction, HoldState
from services.matching.holds.schemas import (
    ConfirmIn,
    DispatchIn,
    EndIn,
    EndTransferIn,
    HoldIn,
    HoldOut,
    HoldStepOut,
    TransferOut,
)
from services.matching.holds.views import hold_out
from services.matching.offers.service import get_offer
from services.matching.partners.service import get_partner, speaks_for
from services.matching.places import active_unit
from services.matching.record.rules import Fulfilment
from services.matching.record.schemas import ReportIn
from shared.auth import Principal, authenticated
from shared.db import Session
from shared.pagination import Page, Paging
from shared.problems import Forbidden
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["holds 占用与预约"])

Caller = Annotated[Principal, Depends(authenticated)]


async def _seen(session: Session, hold: Hold, caller: Principal) -> HoldOut:
    offer = await get_offer(session, hold.offer_id)
    return hold_out(hold, offer, await get_partner(session, offer.partner_id), caller)


@router.post("/v1/offers/{offer_id}/holds", status_code=201, summary="Hold something scarce 占用资源")
async def take_hold(caller: Caller, session: Writing, response: Response, offer_id: UUID, wanted: HoldIn) -> HoldOut:
    """Hold some of a stock, a time in a room or of a group, or a share of a day, until both sides agree or it expires.

    A refusal names what is in the way: the times that are taken, what is left, or when it is open.
    """
    if wanted.unit_id is not None:
        await active_unit(session, wanted.unit_id)
        if wanted.unit_id not in caller.units():
            raise Forbidden(rule="own_unit")
    request = service.HoldRequest(
        **wanted.model_dump(exclude={"unit_id"}),
        for_kind="person" if wanted.unit_id is None else "unit",
        for_id=wanted.unit_id or caller.subject_id,
        taker_id=caller.subject_id,
        taker_unit_id=wanted.unit_id,
    )
    hold, is_new = await service.take_hold(session, offer_id, request, actor=caller.actor)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/offer-holds/{hold.id}"
    set_etag(response, hold.version)
    return await _seen(session, hold, caller)


@router.get("/v1/offers/{offer_id}/holds", summary="What is held of an offer 资源占用登记")
async def list_holds(
    caller: Caller,
    session: Reading,
    paging: Paging,
    offer_id: UUID,
    state: HoldState | None = None,
    resource_id: UUID | None = None,
) -> Page[HoldOut]:
    """Return the register of an offer to whoever speaks for its partner; to others, what they have asked for."""
    offer = await get_offer(session, offer_id)
    partner = await get_partner(session, offer.partner_id)
    rows = await repository.holds_of(
        session,
        offer_id=offer.id,
        resource_id=resource_id,
        taker=None if speaks_for(caller, partner) else caller.subject_id,
        state=state,
        after=paging.after,
        limit=paging.size + 1,
    )
    return paging.page(
        rows, key=lambda row: (row.created_at, row.id), view=lambda row: hold_out(row, offer, partner, caller)
    )


def _may_read(caller: Principal, hold: Hold, told: HoldOut) -> None:
    if hold.taker_id is not None and hold.taker_id == caller.subject_id:
        return
    if not any(action.allowed or action.code == "wrong_state" for action in told.next_actions):
        raise Forbidden(rule="own_hold")


@router.get("/v1/offer-holds/{hold_id}", summary="Read a hold 占用详情")
async def read_hold(caller: Caller, session: Reading, response: Response, hold_id: UUID) -> HoldOut:
    """Return a hold to its two sides."""
    hold = await service.get_hold(session, hold_id)
    told = await _seen(session, hold, caller)
    _may_read(caller, hold, told)
    set_etag(response, hold.version)
    return told


@router.get("/v1/offer-holds/{hold_id}/steps", summary="History of a hold 占用历史")
async def read_hold_steps(caller: Caller, session: Reading, hold_id: UUID) -> list[HoldStepOut]:
    """Return what was done with a hold, the first step first."""
    hold = await service.get_hold(session, hold_id)
    _may_read(caller, hold, await _seen(session, hold, caller))
    return [HoldStepOut.model_validate(row) for row in await repository.steps_of(session, hold.id)]


@router.post("/v1/offer-holds/{hold_id}/confirm", summary="Agree 确认占用")
async def confirm_hold(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, hold_id: UUID, wanted: ConfirmIn
) -> HoldOut:
    """Agree for one side; when both have, it is committed."""
    hold, offer, partner = await service.lock_for_change(session, hold_id)
    check_version(expected, hold.version, hold_out(hold, offer, partner, caller))
    service.check_may(caller, CONFIRMING[wanted.side], hold, offer, partner)
    await service.confirm_hold(session, hold, offer, partner, wanted.side, actor=caller.actor)
    set_etag(response, hold.version)
    return hold_out(hold, offer, partner, caller)


@router.post("/v1/offer-holds/{hold_id}/void", summary="Give up what is held 放弃占用")
async def void_hold(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, hold_id: UUID, wanted: EndIn
) -> HoldOut:
    """Let others have what was held and not agreed on."""
    hold, offer, partner = await service.lock_for_change(session, hold_id)
    check_version(expected, hold.version, hold_out(hold, offer, partner, caller))
    service.check_may(caller, HoldAction.VOID, hold, offer, partner)
    await service.void_hold(session, hold, offer, actor=caller.actor, reason=wanted.reason)
    set_etag(response, hold.version)
    return hold_out(hold, offer, partner, caller)


@router.post("/v1/offer-holds/{hold_id}/release", summary="Call off what was agreed 取消已确认的占用")
async def release_hold(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, hold_id: UUID, wanted: EndIn
) -> HoldOut:
    """Give back what was committed and is not used."""
    hold, offer, partner = await service.lock_for_change(session, hold_id)
    check_version(expected, hold.version, hold_out(hold, offer, partner, caller))
    service.check_may(caller, HoldAction.RELEASE, hold, offer, partner)
    await service.release_hold(session, hold, offer, actor=caller.actor, reason=wanted.reason)
    if rules.breaks_promise(service.facts_of(hold, offer, partner), caller):
        await outcomes.note_outcome(session, hold, partner, Fulfilment.BROKEN, actor=caller.actor, note=wanted.reason)
    set_etag(response, hold.version)
    return hold_out(hold, offer, partner, caller)


@router.post("/v1/offer-holds/{hold_id}/report", summary="Say how it ended 评价履约")
async def report_hold(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, hold_id: UUID, wanted: ReportIn
) -> HoldOut:
    """Say how what was promised ended, for the partner's record; three days of silence mean that it was kept."""
    hold, offer, partner = await service.lock_for_change(session, hold_id)
    check_version(expected, hold.version, hold_out(hold, offer, partner, caller))
    service.check_may(caller, HoldAction.REPORT, hold, offer, partner)
    await outcomes.report(session, hold, partner, wanted.outcome, actor=caller.actor, note=wanted.note)
    set_etag(response, hold.version)
    return hold_out(hold, offer, partner, caller)


@router.post("/v1/offer-holds/{hold_id}/transfers", status_code=201, summary="Send goods 发出物资")
async def dispatch_goods(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, hold_id: UUID, wanted: DispatchIn
) -> TransferOut:
    """Send some of what is claimed, with a proof; it has not arrived before it is received."""
    hold, offer, partner = await service.lock_for_change(session, hold_id)
    sent_before = await repository.find_transfer(session, wanted.id) if wanted.id else None
    if sent_before is None:
        check_version(expected, hold.version, hold_out(hold, offer, partner, caller))
    transfer, is_new = await moving.dispatch(session, caller, hold, offer, partner, wanted)
    response.status_code = 201 if is_new else 200
    set_etag(response, transfer.version)
    return TransferOut.model_validate(transfer)


@router.get("/v1/offer-holds/{hold_id}/transfers", summary="Goods on their way 在途物资")
async def list_transfers(caller: Caller, session: Reading, hold_id: UUID) -> list[TransferOut]:
    """Return what was sent of a hold."""
    hold = await service.get_hold(session, hold_id)
    _may_read(caller, hold, await _seen(session, hold, caller))
    return [TransferOut.model_validate(row) for row in await repository.transfers_of(session, hold.id)]


@router.post("/v1/transfers/{transfer_id}/end", summary="Receive goods 接收物资")
async def end_transfer(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    transfer_id: UUID,
    wanted: EndTransferIn,
) -> TransferOut:
    """Note that goods have arrived, or that they came back and are still owed; with a proof."""
    transfer, hold, offer, partner = await moving.lock_transfer(session, transfer_id)
    check_version(expected, transfer.version, TransferOut.model_validate(transfer))
    await moving.end_transfer(session, caller, transfer, hold, offer, partner, wanted)
    set_etag(response, transfer.version)
    return TransferOut.model_validate(transfer)
