"""HTTP of needs."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.matching.matches.service import propose_on_arrival
from services.matching.needs import repository, service
from services.matching.needs.rules import NeedState
from services.matching.needs.schemas import NeedIn, NeedOut, WithdrawIn
from services.matching.needs.views import need_out
from services.matching.places import known_area
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["needs 需求"])


@router.post("/v1/needs", status_code=201, summary="Open a need 提出需求")
async def open_need(
    caller: Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.GRID_WORKER))],
    session: Writing,
    response: Response,
    wanted: NeedIn,
) -> NeedOut:
    """Put a line on the demand list and look at once for what suits."""
    need, is_new = await service.open_need(session, caller, wanted)
    if is_new:
        await propose_on_arrival(session, need)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/needs/{need.id}"
    set_etag(response, need.version)
    return need_out(need, caller)


@router.get("/v1/needs", summary="Demand list 需求清单")
async def list_needs(
    caller: Annotated[Principal, Depends(authenticated)],
    session: Reading,
    paging: Paging,
    under: Annotated[UUID | None, Query(description="At or below this area 区域")] = None,
    state: NeedState | None = None,
    category: Annotated[str | None, Query(max_length=40)] = None,
    unmet: Annotated[bool, Query(description="Only what nothing suits 只看无资源可对接的")] = False,
    q: Annotated[str | None, Query(min_length=1, max_length=100, description="Words in the text 关键词")] = None,
) -> Page[NeedOut]:
    """Return what is needed: what nothing suits, then what is open, then the rest; the newest of each first."""
    path = (await known_area(session, under, pointer="/query/under")).path if under else None
    rows = await repository.list_needs(
        session,
        under=path,
        state=state,
        category=category,
        text=q,
        unmet=unmet,
        after=paging.after,
        limit=paging.size + 1,
    )
    at_work = await repository.units_concerned(session, [row.id for row in rows])
    return paging.page(rows, key=repository.place_in_list, view=lambda row: need_out(row, caller, at_work[row.id]))


@router.get("/v1/needs/{need_id}", summary="Read a need 需求详情")
async def read_need(
    caller: Annotated[Principal, Depends(authenticated)], session: Reading, response: Response, need_id: UUID
) -> NeedOut:
    """Return one need."""
    need = await repository.find_need(session, need_id)
    if need is None:
        raise NotFound
    set_etag(response, need.version)
    at_work = await repository.units_concerned(session, [need.id])
    return need_out(need, caller, at_work[need.id])


@router.post("/v1/needs/{need_id}/withdraw", summary="Withdraw a need 撤回需求")
async def withdraw_need(
    caller: Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.GRID_WORKER))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    need_id: UUID,
    wanted: WithdrawIn,
) -> NeedOut:
    """Take a line off the demand list that nobody needs any more."""
    need = await repository.lock_need(session, need_id)
    if need is None:
        raise NotFound
    check_version(expected, need.version, need_out(need, caller))
    await service.withdraw_need(session, caller, need, wanted.reason)
    set_etag(response, need.version)
    return need_out(need, caller)
