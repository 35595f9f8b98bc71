"""HTTP of supervision orders."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.intake.cases.terms import Action
from services.intake.cases.viewing import begin_step
from services.intake.supervision import repository, service
from services.intake.supervision.models import SupervisionOrder
from services.intake.supervision.rules import OrderAction
from services.intake.supervision.schemas import (
    AnswerIn,
    OrderIn,
    OrderOut,
    OrderQuery,
    OrderStepOut,
    ReturnIn,
    WordIn,
)
from services.intake.supervision.views import order_out
from shared.auth import Principal, Role, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["supervision 督办"])

_STAFF = (Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY)
Supervisor = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.CONVENOR))]
Answerer = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, *_STAFF))]
Reader = Annotated[
    Principal, Depends(requires(Role.UNIT_STAFF, *_STAFF, Role.CONVENOR, Role.ADMINISTRATOR, Role.AUDITOR))
]


@router.post("/v1/cases/{case_id}/supervision-orders", status_code=201, summary="Issue a supervision order 下达督办单")
async def issue_order(
    caller: Supervisor, session: Writing, response: Response, case_id: UUID, wanted: OrderIn
) -> OrderOut:
    """Demand an answer about a case by a date. With an `id` of your own, sending it twice issues it once."""
    case = await begin_step(session, caller, case_id, Action.SUPERVISE)
    order, is_new = await service.issue_order(session, caller, case, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/supervision-orders/{order.id}"
    return _told(order, caller, response)


@router.get("/v1/supervision-orders", summary="List supervision orders 督办单列表")
async def list_orders(
    caller: Reader, session: Reading, paging: Paging, wanted: Annotated[OrderQuery, Query()]
) -> Page[OrderOut]:
    """Return orders of the caller's areas and units, the newest first."""
    rows = await repository.list_orders(session, caller, wanted, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.issued_at, row.id), view=partial(order_out, caller=caller))


@router.get("/v1/supervision-orders/{order_id}", summary="Read a supervision order 督办单详情")
async def read_order(caller: Reader, session: Reading, response: Response, order_id: UUID) -> OrderOut:
    """Return an order with what the caller may do next."""
    order = await repository.find_order(session, caller, order_id)
    if order is None:
        raise NotFound
    return _told(order, caller, response)


@router.get("/v1/supervision-orders/{order_id}/history", summary="History of an order 督办过程")
async def read_order_history(caller: Reader, session: Reading, order_id: UUID) -> list[OrderStepOut]:
    """Return every step of an order."""
    if await repository.find_order(session, caller, order_id) is None:
        raise NotFound
    return [OrderStepOut.model_validate(row) for row in await repository.steps_of(session, order_id)]


def _told(order: SupervisionOrder, caller: Principal, response: Response) -> OrderOut:
    set_etag(response, order.version)
    return order_out(order, caller)


async def _begin(
    session: WriteSession, caller: Principal, order_id: UUID, action: OrderAction, expected: int
) -> SupervisionOrder:
    order = await service.begin_order_step(session, caller, order_id, action)
    check_version(expected, order.version, order_out(order, caller))
    return order


@router.post("/v1/supervision-orders/{order_id}/answer", summary="Answer an order 答复督办单")
async def answer_order(
    caller: Answerer,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    order_id: UUID,
    wanted: AnswerIn,
) -> OrderOut:
    """Say what was done, or will be."""
    order = await _begin(session, caller, order_id, OrderAction.ANSWER, expected)
    await service.take_order_step(session, caller, order, OrderAction.ANSWER, wanted.answer)
    return _told(order, caller, response)


@router.post("/v1/supervision-orders/{order_id}/accept", summary="Accept the answer 认可答复")
async def accept_answer(
    caller: Supervisor, session: Writing, response: Response, expected: ExpectedVersion, order_id: UUID, wanted: WordIn
) -> OrderOut:
    """End an order: its answer is enough."""
    order = await _begin(session, caller, order_id, OrderAction.ACCEPT, expected)
    await service.take_order_step(session, caller, order, OrderAction.ACCEPT, wanted.note)
    return _told(order, caller, response)


@router.post("/v1/supervision-orders/{order_id}/return", summary="Return the answer 退回重答")
async def return_answer(
    caller: Supervisor,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    order_id: UUID,
    wanted: ReturnIn,
) -> OrderOut:
    """Ask for a better answer, with a new due time."""
    order = await _begin(session, caller, order_id, OrderAction.RETURN, expected)
    await service.take_order_step(session, caller, order, OrderAction.RETURN, wanted.reason, wanted.minutes)
    return _told(order, caller, response)


@router.post("/v1/supervision-orders/{order_id}/withdraw", summary="Withdraw an order 撤回督办单")
async def withdraw_order(
    caller: Supervisor, session: Writing, response: Response, expected: ExpectedVersion, order_id: UUID, wanted: WordIn
) -> OrderOut:
    """Take an order back."""
    order = await _begin(session, caller, order_id, OrderAction.WITHDRAW, expected)
    await service.take_order_step(session, caller, order, OrderAction.WITHDRAW, wanted.note)
    return _told(order, caller, response)
