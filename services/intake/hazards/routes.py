"""HTTP of hazards."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.intake.hazards import repository, service
from services.intake.hazards.escalating import escalate
from services.intake.hazards.models import Hazard
from services.intake.hazards.rules import HazardAction
from services.intake.hazards.schemas import (
    EscalateHazardIn,
    ExtendHazardIn,
    FailHazardIn,
    HazardIn,
    HazardOut,
    HazardQuery,
    HazardStepOut,
    HazardSummary,
    PassHazardIn,
    RectifyHazardIn,
    WithdrawHazardIn,
)
from services.intake.hazards.views import hazard_out
from services.intake.places import path_of
from services.intake.visits.work import FieldWork
from shared.auth import Principal, Role, authenticated, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.vault import VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["hazards 隐患"])

_STAFF = (Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY)
Caller = Annotated[Principal, Depends(authenticated)]
Rectifier = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, *_STAFF))]
Staff = Annotated[Principal, Depends(requires(*_STAFF))]
Officer = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY))]


@router.post("/v1/hazards", status_code=201, summary="Report a hazard 登记隐患")
async def report_hazard(
    caller: Caller, request: Request, session: Writing, vault: VaultOfApp, response: Response, wanted: HazardIn
) -> HazardOut:
    """Report a hazard that was found on a visit of one's own, and give notice to rectify it by a due time."""
    work = FieldWork(session, caller, request.app.state.desk, vault)
    hazard, is_new = await service.report_hazard(work, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/hazards/{hazard.id}"
    return await _told(session, caller, hazard, response)


@router.get("/v1/hazards", summary="List hazards 隐患台账")
async def list_hazards(
    caller: Caller, session: Reading, paging: Paging, wanted: Annotated[HazardQuery, Query()]
) -> Page[HazardSummary]:
    """Return hazards of the caller's areas and units, and those that they found, the newest first."""
    under = await path_of(session, wanted.under)
    rows = await repository.list_hazards(
        session, caller, wanted, under=under, after=paging.after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda row: (row.found_at, row.id), view=HazardSummary.model_validate)


@router.get("/v1/hazards/{hazard_id}", summary="Read a hazard 隐患详情")
async def read_hazard(caller: Caller, session: Reading, response: Response, hazard_id: UUID) -> HazardOut:
    """Return a hazard with what the caller may do next."""
    hazard = await _seen(session, caller, hazard_id)
    set_etag(response, hazard.version)
    return await hazard_out(session, caller, hazard)


@router.get("/v1/hazards/{hazard_id}/history", summary="History of a hazard 隐患整改过程")
async def read_hazard_history(caller: Caller, session: Reading, hazard_id: UUID) -> list[HazardStepOut]:
    """Return every step of a hazard."""
    await _seen(session, caller, hazard_id)
    return [HazardStepOut.model_validate(step) for step in await repository.steps_of(session, hazard_id)]


@router.post("/v1/hazards/{hazard_id}/rectify", summary="Rectify a hazard with proof 整改")
async def rectify_hazard(
    caller: Rectifier,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    hazard_id: UUID,
    wanted: RectifyHazardIn,
) -> HazardOut:
    """Say with pictures that a hazard is rectified; somebody else looks again."""
    hazard = await _begin(session, caller, hazard_id, HazardAction.RECTIFY, expected)
    await service.rectify(session, caller, hazard, wanted)
    return await _told(session, caller, hazard, response)


@router.post("/v1/hazards/{hazard_id}/pass", summary="Close a hazard after another look 复查通过")
async def pass_hazard(
    caller: Staff,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    hazard_id: UUID,
    wanted: PassHazardIn,
) -> HazardOut:
    """Close a hazard that was found rectified on another visit."""
    hazard = await _begin(session, caller, hazard_id, HazardAction.PASS, expected)
    await service.look_again(session, caller, hazard, wanted)
    return await _told(session, caller, hazard, response)


@router.post("/v1/hazards/{hazard_id}/fail", summary="Give notice again after another look 复查不通过")
async def fail_hazard(
    caller: Staff,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    hazard_id: UUID,
    wanted: FailHazardIn,
) -> HazardOut:
    """Give notice again, with a new due time, of a hazard that was found still wrong on another visit."""
    hazard = await _begin(session, caller, hazard_id, HazardAction.FAIL, expected)
    await service.look_again(session, caller, hazard, wanted)
    return await _told(session, caller, hazard, response)


@router.post("/v1/hazards/{hazard_id}/extend", summary="Extend the due time of a hazard 延长整改期限")
async def extend_hazard(
    caller: Officer,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    hazard_id: UUID,
    wanted: ExtendHazardIn,
) -> HazardOut:
    """Let a hazard take longer, saying why."""
    hazard = await _begin(session, caller, hazard_id, HazardAction.EXTEND, expected)
    await service.extend(session, caller, hazard, wanted)
    return await _told(session, caller, hazard, response)


@router.post("/v1/hazards/{hazard_id}/escalate", summary="Make a case of a hazard 隐患转办")
async def escalate_hazard(
    caller: Staff,
    request: Request,
    session: Writing,
    vault: VaultOfApp,
    response: Response,
    expected: ExpectedVersion,
    hazard_id: UUID,
    wanted: EscalateHazardIn,
) -> HazardOut:
    """Make a case of a hazard before it is overdue, when it becomes one by itself."""
    hazard = await _begin(session, caller, hazard_id, HazardAction.ESCALATE, expected)
    await escalate(FieldWork(session, caller, request.app.state.desk, vault), hazard, wanted)
    return await _told(session, caller, hazard, response)


@router.post("/v1/hazards/{hazard_id}/withdraw", summary="Withdraw a hazard 撤销隐患")
async def withdraw_hazard(
    caller: Officer,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    hazard_id: UUID,
    wanted: WithdrawHazardIn,
) -> HazardOut:
    """Take a hazard back that is none."""
    hazard = await _begin(session, caller, hazard_id, HazardAction.WITHDRAW, expected)
    await service.withdraw(session, caller, hazard, wanted)
    return await _told(session, caller, hazard, response)


async def _seen(session: Reading, caller: Principal, hazard_id: UUID) -> Hazard:
    hazard = await repository.find_hazard(session, caller, hazard_id)
    if hazard is None:
        raise NotFound
    return hazard


async def _begin(
    session: WriteSession, caller: Principal, hazard_id: UUID, action: HazardAction, expected: int
) -> Hazard:
    """Lock a hazard for a step of a caller who has seen a version of it."""
    hazard = await service.begin_hazard_step(session, caller, hazard_id, action)
    if expected != hazard.version:
        check_version(expected, hazard.version, await hazard_out(session, caller, hazard))
    return hazard


async def _told(session: WriteSession, caller: Principal, hazard: Hazard, response: Response) -> HazardOut:
    await session.flush()
    set_etag(response, hazard.version)
    return await hazard_out(session, caller, hazard)
