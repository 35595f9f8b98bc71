"""HTTP of conformance runs."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.matching.conformance import repository, service
from services.matching.conformance.schemas import RunIn, RunOut
from services.matching.conformance.views import run_out
from services.matching.webhook_secrets.service import partner_of
from shared.auth import Principal, Role, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["webhooks in 合伙人推送"])

Giver = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]


@router.post(
    "/v1/partners/{partner_id}/conformance-runs",
    status_code=201,
    responses={200: {"model": RunOut, "description": "Made before 已存在"}},
    summary="Begin a conformance run 开始联调检验",
)
async def start_conformance_run(
    caller: Giver, session: Writing, response: Response, partner_id: UUID, wanted: RunIn
) -> RunOut:
    """Get a webhook-id for each step; send each step's message under it, signed with a sandbox key."""
    partner = await partner_of(session, caller, partner_id)
    run, is_new = await service.start_run(session, caller, partner, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/partners/{partner_id}/conformance-runs/{run.id}"
    ((run, steps),) = await service.with_steps(session, [run])
    return run_out(run, steps)


@router.get("/v1/partners/{partner_id}/conformance-runs", summary="List conformance runs 联调检验列表")
async def list_conformance_runs(caller: Giver, session: Reading, paging: Paging, partner_id: UUID) -> Page[RunOut]:
    """Return the runs of a partner, the newest first."""
    await partner_of(session, caller, partner_id)
    runs = await repository.list_runs(session, partner_id, after=paging.after, limit=paging.size + 1)
    rows = await service.with_steps(session, runs)
    return paging.page(rows, key=lambda row: (row[0].started_at, row[0].id), view=lambda row: run_out(*row))


@router.get("/v1/partners/{partner_id}/conformance-runs/{run_id}", summary="Read a conformance run 联调检验详情")
async def read_conformance_run(caller: Giver, session: Reading, partner_id: UUID, run_id: UUID) -> RunOut:
    """Return a run: what has passed, and of the rest why not."""
    await partner_of(session, caller, partner_id)
    run = await repository.find_run(session, partner_id, run_id)
    if run is None:
        raise NotFound
    ((run, steps),) = await service.with_steps(session, [run])
    return run_out(run, steps)
