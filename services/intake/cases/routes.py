"""HTTP of cases."""

from functools import partial
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Depends, Query, Request, Response

from services.intake.cases import filing_service, repository, service
from services.intake.cases.answers import begin, told
from services.intake.cases.listing import list_cases as list_cases_for
from services.intake.cases.listing import map_cases as map_cases_for
from services.intake.cases.locking import look_at
from services.intake.cases.schemas import (
    AcceptIn,
    AssignIn,
    CaseOut,
    CaseQuery,
    CaseSummary,
    ChangeLevelIn,
    DeclineIn,
    FileCaseIn,
    HandOnIn,
    MapOut,
    MapQuery,
    NeedIn,
    NeedRaisedOut,
    NoteIn,
    PauseIn,
    RepresentIn,
    ResolveIn,
    StepOut,
    TriageIn,
)
from services.intake.cases.terms import Action, Outcome
from services.intake.cases.viewing import view_case
from services.intake.cases.views import case_out, case_summary, filed_out, step_out
from services.intake.places import path_of
from shared.auth import Principal, Role, authenticated, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound, Unavailable
from shared.web import ExpectedVersion, KeyedWriting, Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["cases 诉求"])

Caller = Annotated[Principal, Depends(authenticated)]
Staff = Annotated[Principal, Depends(requires(Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY))]
Assigner = Annotated[Principal, Depends(requires(Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY, Role.CONVENOR))]
UnitStaff = Annotated[Principal, Depends(requires(Role.UNIT_STAFF))]
Resident = Annotated[Principal, Depends(requires(Role.RESIDENT))]
Handler = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY))]


@router.post("/v1/cases", status_code=201, response_model=CaseOut, summary="File a case 提出诉求")
async def file_case(caller: Caller, request: Request, keyed: KeyedWriting, wanted: FileCaseIn) -> Response:
    """File a case. With an `id` of your own, sending it twice files it once.

    The common case goes straight to the driver; an Idempotency-Key or pictures take an ordinary transaction.
    """
    desk: filing_service.Desk = request.app.state.desk
    # Once more when the tenant has changed its rules since this process last looked, and no more than that.
    for _ in range(2):
        filed = await _file(caller, desk, keyed, wanted)
        if filed is not None:
            headers = {"Location": f"/v1/cases/{filed.case_id}", "ETag": '"1"'}
            body = orjson.dumps(filed_out(filed, wanted, caller), option=orjson.OPT_UTC_Z)
            return Response(body, 201, headers, media_type="application/json")
        async with desk.reading(caller.tenant, keyed) as reading:
            earlier = await filing_service.why_not_filed(reading, caller, wanted)
            if earlier is not None:
                shown = case_out(await view_case(reading, caller, earlier))
                headers = {"Location": f"/v1/cases/{earlier.id}", "ETag": f'"{earlier.version}"'}
                return Response(shown.model_dump_json(), 200, headers, media_type="application/json")
    raise Unavailable


async def _file(
    caller: Principal, desk: filing_service.Desk, keyed: WriteSession | None, wanted: FileCaseIn
) -> filing_service.Filed | None:
    if keyed is None and wanted.attachment_ids:
        async with desk.database.write(caller.tenant) as session:
            return await filing_service.file_case(session, desk, caller, wanted)
    return await filing_service.file_case(keyed, desk, caller, wanted)


@router.get("/v1/cases", summary="List cases 诉求列表")
async def list_cases(
    caller: Caller, session: Reading, paging: Paging, wanted: Annotated[CaseQuery, Query()]
) -> Page[CaseSummary]:
    """Return the cases that the caller may see, the newest first; with `sort=joiners` what concerns the most people."""
    path = await path_of(session, wanted.under)
    rows = await list_cases_for(session, caller, wanted, under=path, after=paging.after, limit=paging.size + 1)
    by_joiners = wanted.sort == "joiners"
    return paging.page(
        rows,
        key=lambda row: (row.joiners, row.filed_at, row.id) if by_joiners else (row.filed_at, row.id),
        view=lambda row: row,
    )


@router.get("/v1/cases/map", response_model=MapOut, summary="Cases on a map 诉求地图")
async def map_cases(caller: Caller, session: Reading, wanted: Annotated[MapQuery, Query()]) -> Response:
    """Return the points of the cases in a box that the caller may see, the newest first."""
    path = await path_of(session, wanted.under)
    rows = await map_cases_for(session, caller, wanted, under=path, limit=wanted.limit + 1)
    shown = {"points": rows[: wanted.limit], "is_whole": len(rows) <= wanted.limit}
    return Response(orjson.dumps(shown, default=str, option=orjson.OPT_UTC_Z), media_type="application/json")


@router.get("/v1/cases/{case_id}", summary="Read a case 诉求详情")
async def read_case(caller: Caller, session: Reading, response: Response, case_id: UUID) -> CaseOut:
    """Return a case with what the caller may do next."""
    case = await look_at(session, caller, case_id)
    if case is None:
        raise NotFound
    set_etag(response, case.version)
    return case_out(await view_case(session, caller, case))


@router.get("/v1/cases/{case_id}/history", summary="History of a case 办理过程")
async def read_history(caller: Caller, session: Reading, paging: Paging, case_id: UUID) -> Page[StepOut]:
    """Return every step of a case in its order."""
    case = await repository.find_case(session, caller, case_id)
    if case is None:
        raise NotFound
    after = paging.after[0] if paging.after else 0
    rows = await repository.steps_of(session, case_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.position,), view=partial(step_out, case=case, caller=caller))


@router.post("/v1/cases/{case_id}/accept", summary="Accept a case 受理")
async def accept_case(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: AcceptIn
) -> CaseOut:
    """Take a case in."""
    case = await begin(session, caller, case_id, Action.ACCEPT, expected)
    await service.accept_case(session, caller, case, wanted.note)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/decline", summary="Decline a case 不予受理")
async def decline_case(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: DeclineIn
) -> CaseOut:
    """Close a case that is not for this house, saying why; its requester may appeal."""
    case = await begin(session, caller, case_id, Action.DECLINE, expected)
    await service.close_case(
        session, case, actor=caller.actor, step=Action.DECLINE, outcome=Outcome.DECLINED, note=wanted.reason
    )
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/triage", summary="Triage a case 研判分级")
async def triage_case(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: TriageIn
) -> CaseOut:
    """Give a case its level: grid, council or joint, with the reasons."""
    case = await begin(session, caller, case_id, Action.TRIAGE, expected)
    await service.triage_case(session, caller, case, wanted)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/level", summary="Send a case up or down 升级或降级")
async def change_level(
    caller: Assigner,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    case_id: UUID,
    wanted: ChangeLevelIn,
) -> CaseOut:
    """Send a case to the council or the joint meeting, or back down, with a reason."""
    case = await begin(session, caller, case_id, Action.CHANGE_LEVEL, expected)
    await service.change_level(session, caller, case, wanted)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/assign", summary="Assign a case to a unit 指派")
async def assign_case(
    caller: Assigner, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: AssignIn
) -> CaseOut:
    """Hand a case to a unit."""
    case = await begin(session, caller, case_id, Action.ASSIGN, expected)
    await service.assign_case(session, caller, case, wanted)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/hand-on", summary="Hand a case on 转办或退回")
async def hand_on(
    caller: UnitStaff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: HandOnIn
) -> CaseOut:
    """Hand a case to another unit or back, saying why. After too many times a joint meeting is forced."""
    case = await begin(session, caller, case_id, Action.HAND_ON, expected)
    await service.hand_on(session, caller, case, wanted)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/progress", summary="Note progress 进展")
async def note_progress(
    caller: Handler, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: NoteIn
) -> CaseOut:
    """Tell what is being done; it renews the claim."""
    case = await begin(session, caller, case_id, Action.PROGRESS, expected)
    await service.say(session, caller, case, Action.PROGRESS, wanted.note)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/reply", summary="Reply to the requester 答复诉求人")
async def reply(caller: Handler, session: Writing, response: Response, case_id: UUID, wanted: NoteIn) -> CaseOut:
    """Answer the requester. Needs no version: a word overwrites nothing."""
    case = await begin(session, caller, case_id, Action.REPLY, None)
    await service.say(session, caller, case, Action.REPLY, wanted.note)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/comment", summary="Comment on a case 补充说明")
async def comment(caller: Caller, session: Writing, response: Response, case_id: UUID, wanted: NoteIn) -> CaseOut:
    """Add a word, as whoever is concerned. It moves no deadline, and needs no version."""
    case = await begin(session, caller, case_id, Action.COMMENT, None)
    await service.say(session, caller, case, Action.COMMENT, wanted.note)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/pause", summary="Pause the clock 暂停计时")
async def pause_clock(
    caller: Handler, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: PauseIn
) -> CaseOut:
    """Let the time of solving stand still, for a reason and within the quota of the handling rules."""
    case = await begin(session, caller, case_id, Action.PAUSE, expected)
    await service.pause_clock(session, caller, case, wanted)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/resume", summary="Let the clock run again 恢复计时")
async def resume_clock(
    caller: Handler, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: AcceptIn
) -> CaseOut:
    """Let the time of solving count again."""
    case = await begin(session, caller, case_id, Action.RESUME, expected)
    await service.resume_clock(session, caller.actor, case, wanted.note)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/resolve", summary="Resolve a case with proof 办结")
async def resolve_case(
    caller: Handler, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: ResolveIn
) -> CaseOut:
    """Say that it is done; the requester is asked next."""
    case = await begin(session, caller, case_id, Action.RESOLVE, expected)
    await service.resolve_case(session, caller, case, wanted)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/needs", status_code=201, summary="State what a case needs 提出需求")
async def raise_need(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: NeedIn
) -> NeedRaisedOut:
    """Put a line on the demand list; it appears there a moment later."""
    case = await begin(session, caller, case_id, Action.NEEDS, expected)
    need_id = await service.raise_need(session, caller, case, wanted)
    set_etag(response, case.version)
    response.headers["Location"] = f"/v1/needs/{need_id}"
    return NeedRaisedOut(need_id=need_id, case_id=case.id)


@router.post("/v1/cases/{case_id}/join", summary="Join a case 加入诉求")
async def join_case(caller: Resident, session: Writing, case_id: UUID) -> CaseSummary:
    """Say that the same trouble concerns you. Needs no version: joining overwrites nothing."""
    case = await service.join_open_case(session, caller, case_id)
    await session.flush()
    return case_summary(case)


@router.post("/v1/cases/{case_id}/leave", summary="Leave a case 退出诉求")
async def leave_case(caller: Caller, session: Writing, case_id: UUID) -> CaseSummary:
    """No longer be part of a case that you have joined."""
    case = await begin(session, caller, case_id, Action.LEAVE, None)
    await service.leave_case(session, caller, case)
    await session.flush()
    return case_summary(case)


@router.put("/v1/cases/{case_id}/representatives", summary="Who speaks for a collective case 推选代表")
async def represent(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: RepresentIn
) -> CaseOut:
    """Name those who may judge and open the case again beside its requester."""
    case = await begin(session, caller, case_id, Action.REPRESENT, expected)
    await service.represent(session, caller, case, wanted.person_ids)
    return await told(session, caller, case, response)
