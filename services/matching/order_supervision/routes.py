"""HTTP of supervising orders."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.matching.order_supervision import repository, service
from services.matching.order_supervision.models import OrderDemand
from services.matching.order_supervision.rules import DemandAction
from services.matching.order_supervision.schemas import (
    AnswerIn,
    DemandIn,
    DemandOut,
    DemandQuery,
    DemandStepOut,
    NoteIn,
    ReturnIn,
)
from services.matching.order_supervision.views import demand_out
from services.matching.orders.repository import SEES_BELOW
from services.matching.orders.rules import OFFICERS
from services.matching.orders.service import lock_order
from shared.auth import Principal, Role, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["orders 点单"])

Supervisor = Annotated[Principal, Depends(requires(*OFFICERS))]
Partner = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, Role.PARTNER))]
Reader = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, Role.PARTNER, *SEES_BELOW))]


def _told(demand: OrderDemand, caller: Principal, response: Response) -> DemandOut:
    set_etag(response, demand.version)
    return demand_out(demand, caller)


@router.post("/v1/orders/{order_id}/demands", status_code=201, summary="Supervise an order 督单")
async def issue_demand(
    caller: Supervisor, session: Writing, response: Response, order_id: UUID, wanted: DemandIn
) -> DemandOut:
    """Demand an answer about an order by a date. With an `id` of your own, sending it twice issues it once."""
    order = await lock_order(session, caller, order_id)
    demand, is_new = await service.issue_demand(session, caller, order, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/order-demands/{demand.id}"
    return _told(demand, caller, response)


@router.get("/v1/order-demands", summary="List supervised orders 督单列表")
async def list_demands(
    caller: Reader, session: Reading, paging: Paging, wanted: Annotated[DemandQuery, Query()]
) -> Page[DemandOut]:
    """Return the demands of the caller's areas and units, the newest first."""
    rows = await repository.list_demands(session, caller, wanted, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.issued_at, row.id), view=partial(demand_out, caller=caller))


@router.get("/v1/order-demands/{demand_id}", summary="Read a demand 督单详情")
async def read_demand(caller: Reader, session: Reading, response: Response, demand_id: UUID) -> DemandOut:
    """Return a demand with what the caller may do next."""
    demand = await repository.find_demand(session, caller, demand_id)
    if demand is None:
        raise NotFound
    return _told(demand, caller, response)


@router.get("/v1/order-demands/{demand_id}/history", summary="History of a demand 督单过程")
async def read_demand_history(caller: Reader, session: Reading, paging: Paging, demand_id: UUID) -> Page[DemandStepOut]:
    """Return every step of a demand in its order."""
    if await repository.find_demand(session, caller, demand_id) is None:
        raise NotFound
    after = paging.after[0] if paging.after else 0
    rows = await repository.steps_of(session, demand_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.position,), view=DemandStepOut.model_validate)


async def _begin(
    session: WriteSession, caller: Principal, demand_id: UUID, action: DemandAction, expected: int
) -> OrderDemand:
    demand = await service.begin_step(session, caller, demand_id, action)
    check_version(expected, demand.version, demand_out(demand, caller))
    return demand


@router.post("/v1/order-demands/{demand_id}/answer", summary="Answer a demand 答复督单")
async def answer_demand(
    caller: Partner,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    demand_id: UUID,
    wanted: AnswerIn,
) -> DemandOut:
    """Say what was done, or will be, as the partner."""
    demand = await _begin(session, caller, demand_id, DemandAction.ANSWER, expected)
    await service.take_step(session, caller, demand, DemandAction.ANSWER, wanted.answer)
    return _told(demand, caller, response)


@router.post("/v1/order-demands/{demand_id}/accept", summary="Accept the answer 认可答复")
async def accept_demand_answer(
    caller: Supervisor,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    demand_id: UUID,
    wanted: NoteIn,
) -> DemandOut:
    """End a demand: its answer is enough."""
    demand = await _begin(session, caller, demand_id, DemandAction.ACCEPT, expected)
    await service.take_step(session, caller, demand, DemandAction.ACCEPT, wanted.note)
    return _told(demand, caller, response)


@router.post("/v1/order-demands/{demand_id}/return", summary="Return the answer 退回重答")
async def return_demand_answer(
    caller: Supervisor,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    demand_id: UUID,
    wanted: ReturnIn,
) -> DemandOut:
    """Ask for a better answer, with a new due time."""
    demand = await _begin(session, caller, demand_id, DemandAction.RETURN, expected)
    await service.take_step(session, caller, demand, DemandAction.RETURN, wanted.reason, wanted.minutes)
    return _told(demand, caller, response)


@router.post("/v1/order-demands/{demand_id}/withdraw", summary="Withdraw a demand 撤回督单")
async def withdraw_demand(
    caller: Supervisor,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    demand_id: UUID,
    wanted: NoteIn,
) -> DemandOut:
    """Take a demand back."""
    demand = await _begin(session, caller, demand_id, DemandAction.WITHDRAW, expected)
    await service.take_step(session, caller, demand, DemandAction.WITHDRAW, wanted.note)
    return _told(demand, caller, response)
