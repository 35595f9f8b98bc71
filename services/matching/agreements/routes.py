"""HTTP of agreements."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.matching.agreements import repository, service
from services.matching.agreements.models import Agreement
from services.matching.agreements.rules import AgreementState, ServiceAction
from services.matching.agreements.schemas import (
    AgreeIn,
    AgreementIn,
    AgreementOut,
    AgreementStepOut,
    BookIn,
    DecideServiceIn,
    ServiceIn,
    ServiceOut,
    TerminateIn,
)
from services.matching.agreements.views import agreement_out
from services.matching.holds.schemas import HoldOut
from services.matching.holds.views import hold_out
from shared.auth import Principal, Role, authenticated, requires
from shared.db import Session
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["agreements 空间换服务"])

Caller = Annotated[Principal, Depends(authenticated)]
Side = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]


async def _found(session: Session, agreement_id: UUID) -> Agreement:
    agreement = await repository.find_agreement(session, agreement_id)
    if agreement is None:
        raise NotFound
    return agreement


@router.post("/v1/agreements", status_code=201, summary="Propose space for service 提议空间换服务")
async def propose_agreement(caller: Side, session: Writing, response: Response, wanted: AgreementIn) -> AgreementOut:
    """Put to both sides that a unit uses a room and serves for it."""
    agreement, is_new = await service.propose(session, caller, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/agreements/{agreement.id}"
    set_etag(response, agreement.version)
    return await agreement_out(session, agreement, caller)


@router.get("/v1/agreements", summary="Agreements 协议列表")
async def list_agreements(
    caller: Caller,
    session: Reading,
    paging: Paging,
    offer_id: UUID | None = None,
    guest_unit_id: UUID | None = None,
    state: AgreementState | None = None,
) -> Page[AgreementOut]:
    """Return agreements with their figures: who uses public space, and what for, is public."""
    rows = await repository.list_agreements(
        session, offer_id=offer_id, unit_id=guest_unit_id, state=state, after=paging.after, limit=paging.size + 1
    )
    shown = {row.id: await agreement_out(session, row, caller) for row in rows[: paging.size]}
    return paging.page(rows, key=lambda row: (row.proposed_at, row.id), view=lambda row: shown[row.id])


@router.get("/v1/agreements/{agreement_id}", summary="Read an agreement 协议与往来")
async def read_agreement(caller: Caller, session: Reading, response: Response, agreement_id: UUID) -> AgreementOut:
    """Return an agreement with both sides counted."""
    agreement = await _found(session, agreement_id)
    set_etag(response, agreement.version)
    return await agreement_out(session, agreement, caller)


@router.get("/v1/agreements/{agreement_id}/steps", summary="History of an agreement 协议历史")
async def read_agreement_steps(_: Caller, session: Reading, agreement_id: UUID) -> list[AgreementStepOut]:
    """Return what was done under an agreement, the first step first."""
    await _found(session, agreement_id)
    return [AgreementStepOut.model_validate(row) for row in await repository.steps_of(session, agreement_id)]


@router.post("/v1/agreements/{agreement_id}/agree", summary="Agree 同意协议")
async def agree_to_agreement(
    caller: Side, session: Writing, response: Response, expected: ExpectedVersion, agreement_id: UUID, wanted: AgreeIn
) -> AgreementOut:
    """Agree for one side; when both have, it holds."""
    agreement = await service.lock_agreement(session, agreement_id)
    check_version(expected, agreement.version, await agreement_out(session, agreement, caller))
    await service.agree(session, caller, agreement, wanted.party)
    set_etag(response, agreement.version)
    return await agreement_out(session, agreement, caller)


@router.post("/v1/agreements/{agreement_id}/terminate", summary="Terminate 终止协议")
async def terminate_agreement(
    caller: Side,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    agreement_id: UUID,
    wanted: TerminateIn,
) -> AgreementOut:
    """End it before its time; what is booked ahead is free again."""
    agreement = await service.lock_agreement(session, agreement_id)
    check_version(expected, agreement.version, await agreement_out(session, agreement, caller))
    await service.terminate(session, caller, agreement, wanted.reason)
    set_etag(response, agreement.version)
    return await agreement_out(session, agreement, caller)


@router.post("/v1/agreements/{agreement_id}/bookings", status_code=201, summary="Use the room 按协议预约")
async def book_agreed_room(
    caller: Side, session: Writing, response: Response, agreement_id: UUID, wanted: BookIn
) -> HoldOut:
    """Book the room for a time; both sides have agreed beforehand."""
    agreement = await service.lock_agreement(session, agreement_id)
    hold, is_new = await service.book_room(session, caller, agreement, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/offer-holds/{hold.id}"
    set_etag(response, hold.version)
    return hold_out(hold, *await service.sides_of(session, agreement), caller)


@router.post("/v1/agreements/{agreement_id}/services", status_code=201, summary="Note a service 登记服务")
async def record_agreed_service(
    caller: Side, session: Writing, response: Response, agreement_id: UUID, wanted: ServiceIn
) -> ServiceOut:
    """Write down what was served; it counts once the host confirms it."""
    agreement = await service.lock_agreement(session, agreement_id)
    record, is_new = await service.record_service(session, caller, agreement, wanted)
    response.status_code = 201 if is_new else 200
    set_etag(response, record.version)
    return ServiceOut.model_validate(record)


@router.get("/v1/agreements/{agreement_id}/services", summary="What was served 服务记录")
async def list_agreed_services(_: Caller, session: Reading, agreement_id: UUID) -> list[ServiceOut]:
    """Return what was served under an agreement."""
    await _found(session, agreement_id)
    return [ServiceOut.model_validate(row) for row in await repository.services_of(session, agreement_id)]


@router.post("/v1/agreements/{agreement_id}/services/{service_id}/decide", summary="Confirm a service 确认服务")
async def decide_agreed_service(
    caller: Side,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    agreement_id: UUID,
    service_id: UUID,
    wanted: DecideServiceIn,
) -> ServiceOut:
    """Say whether a service counts."""
    agreement = await service.lock_agreement(session, agreement_id)
    record = await repository.find_service(session, service_id)
    if record is None or record.agreement_id != agreement.id:
        raise NotFound
    check_version(expected, record.version, ServiceOut.model_validate(record))
    action = ServiceAction(wanted.decision)
    await service.decide_service(session, caller, agreement, record, action, wanted.reason)
    set_etag(response, record.version)
    return ServiceOut.model_validate(record)
