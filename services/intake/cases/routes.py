"""HTTP of cases."""

from functools import partial
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Depends, Query, Request, Response

from services.intake.cases import filing_service, repository, service
from services.intake.cases.models import Case
from services.intake.cases.numbers import CaseNumbers
from services.intake.cases.problems import UnknownArea
from services.intake.cases.rules import Action
from services.intake.cases.schemas import (
    AcceptIn,
    AssignIn,
    CaseOut,
    CaseQuery,
    CaseSummary,
    ClaimIn,
    FeedbackIn,
    FileCaseIn,
    NeedIn,
    NeedRaisedOut,
    NoteIn,
    ResolveIn,
    StepOut,
    TriageIn,
)
from services.intake.cases.views import case_out, case_summary, filed_out, step_out
from services.intake.models import reference
from shared.auth import Principal, Role, authenticated, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.reference import find_area
from shared.web import (
    ExpectedVersion,
    KeyedWriting,
    Reading,
    Writing,
    check_version,
    database_of,
    service_router,
    set_etag,
)

__all__ = ["router"]

router = service_router(tags=["cases 诉求"])

Caller = Annotated[Principal, Depends(authenticated)]
Staff = Annotated[Principal, Depends(requires(Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY))]
Assigner = Annotated[Principal, Depends(requires(Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY, Role.CONVENOR))]
UnitStaff = Annotated[Principal, Depends(requires(Role.UNIT_STAFF))]
Handler = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY))]


@router.post("/v1/cases", status_code=201, response_model=CaseOut, summary="File a case 提出诉求")
async def file_case(caller: Caller, request: Request, keyed: KeyedWriting, wanted: FileCaseIn) -> Response:
    """File a case. With an `id` of your own, sending it twice files it once.

    The common case goes straight to the driver; an Idempotency-Key or pictures take an ordinary transaction.
    """
    numbers: CaseNumbers = request.app.state.case_numbers
    database = database_of(request)
    if keyed is not None:
        filed = await filing_service.file_case(_in_session(keyed), numbers, caller, wanted)
    elif wanted.attachment_ids:
        async with database.write(caller.tenant) as session:
            filed = await filing_service.file_case(_in_session(session), numbers, caller, wanted)
    else:
        filed = await filing_service.file_case(partial(database.one_trip, caller.tenant), numbers, caller, wanted)
    if filed is not None:
        headers = {"Location": f"/v1/cases/{filed.case_id}", "ETag": '"1"'}
        return Response(
            orjson.dumps(filed_out(filed, wanted, caller), option=orjson.OPT_UTC_Z),
            201,
            headers,
            media_type="application/json",
        )
    async with database.read(caller.tenant) as reading:
        earlier = await filing_service.why_not_filed(reading, caller, wanted)
        body = case_out(await service.view_case(reading, caller, earlier))
    headers = {"Location": f"/v1/cases/{earlier.id}", "ETag": f'"{earlier.version}"'}
    return Response(body.model_dump_json(), 200, headers, media_type="application/json")


def _in_session(session: WriteSession) -> filing_service.Runner:
    """Run the filing statement in a session's transaction, and ring for its event."""
    session.info["published"] = True
    return session.fetch_row


@router.get("/v1/cases", summary="List cases 诉求列表")
async def list_cases(
    caller: Caller, session: Reading, paging: Paging, wanted: Annotated[CaseQuery, Query()]
) -> Page[CaseSummary]:
    """Return the cases that the caller may see, the newest first."""
    path = None
    if wanted.under is not None:
        area = await find_area(session, reference, wanted.under)
        if area is None:
            raise UnknownArea(pointer="/query/under")
        path = area.path
    rows = await repository.list_cases(session, caller, wanted, under=path, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.filed_at, row.id), view=case_summary)


@router.get("/v1/cases/{case_id}", summary="Read a case 诉求详情")
async def read_case(caller: Caller, session: Reading, response: Response, case_id: UUID) -> CaseOut:
    """Return a case with what the caller may do next."""
    case = await repository.find_case(session, caller, case_id)
    if case is None:
        raise NotFound
    set_etag(response, case.version)
    return case_out(await service.view_case(session, caller, case))


@router.get("/v1/cases/{case_id}/history", summary="History of a case 办理过程")
async def read_history(caller: Caller, session: Reading, paging: Paging, case_id: UUID) -> Page[StepOut]:
    """Return every step of a case in its order."""
    case = await repository.find_case(session, caller, case_id)
    if case is None:
        raise NotFound
    after = paging.after[0] if paging.after else 0
    rows = await repository.steps_of(session, case_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.position,), view=partial(step_out, case=case, caller=caller))


async def _begin(session: WriteSession, caller: Principal, case_id: UUID, action: Action, expected: int | None) -> Case:
    case = await service.begin_step(session, caller, case_id, action)
    if expected is not None and expected != case.version:
        check_version(expected, case.version, case_out(await service.view_case(session, caller, case)))
    return case


async def _told(session: WriteSession, caller: Principal, case: Case, response: Response) -> CaseOut:
    await session.flush()
    set_etag(response, case.version)
    return case_out(await service.view_case(session, caller, case))


@router.post("/v1/cases/{case_id}/accept", summary="Accept a case 受理")
async def accept_case(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: AcceptIn
) -> CaseOut:
    """Take a case in."""
    case = await _begin(session, caller, case_id, Action.ACCEPT, expected)
    await service.accept_case(session, caller, case, wanted.note)
    return await _told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/triage", summary="Triage a case 研判分级")
async def triage_case(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: TriageIn
) -> CaseOut:
    """Give a case its level: grid, council or joint, with the reasons."""
    case = await _begin(session, caller, case_id, Action.TRIAGE, expected)
    await service.triage_case(session, caller, case, wanted)
    return await _told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/assign", summary="Assign a case to a unit 指派")
async def assign_case(
    caller: Assigner, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: AssignIn
) -> CaseOut:
    """Hand a case to a unit."""
    case = await _begin(session, caller, case_id, Action.ASSIGN, expected)
    await service.assign_case(session, caller, case, wanted)
    return await _told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/claim", summary="Claim a case for a unit 认领")
async def claim_case(
    caller: UnitStaff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: ClaimIn
) -> CaseOut:
    """Take a case for a unit of the caller's, until a due time."""
    case = await _begin(session, caller, case_id, Action.CLAIM, expected)
    await service.claim_case(session, caller, case, wanted)
    return await _told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/progress", summary="Note progress 进展")
async def note_progress(
    caller: Handler, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: NoteIn
) -> CaseOut:
    """Tell what is being done."""
    case = await _begin(session, caller, case_id, Action.PROGRESS, expected)
    await service.note_progress(session, caller, case, wanted.note)
    return await _told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/resolve", summary="Resolve a case with proof 办结")
async def resolve_case(
    caller: Handler, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: ResolveIn
) -> CaseOut:
    """Say that it is done; the requester is asked next."""
    case = await _begin(session, caller, case_id, Action.RESOLVE, expected)
    await service.resolve_case(session, caller, case, wanted)
    return await _told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/feedback", summary="The requester's verdict 评价")
async def give_feedback(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: FeedbackIn
) -> CaseOut:
    """Close the case, or open it again."""
    case = await _begin(session, caller, case_id, Action.FEEDBACK, expected)
    await service.give_feedback(session, caller, case, wanted)
    return await _told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/needs", status_code=201, summary="State what a case needs 提出需求")
async def raise_need(
    caller: Staff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: NeedIn
) -> NeedRaisedOut:
    """Put a line on the demand list; it appears there a moment later."""
    case = await _begin(session, caller, case_id, Action.NEEDS, expected)
    need_id = await service.raise_need(session, caller, case, wanted)
    set_etag(response, case.version)
    response.headers["Location"] = f"/v1/needs/{need_id}"
    return NeedRaisedOut(need_id=need_id, case_id=case.id)


@router.post("/v1/cases/{case_id}/join", summary="Join a case 加入诉求")
async def join_case(
    caller: Annotated[Principal, Depends(requires(Role.RESIDENT))], session: Writing, case_id: UUID
) -> CaseSummary:
    """Say that the same trouble concerns you. Needs no version: joining overwrites nothing."""
    case = await service.join_open_case(session, caller, case_id)
    await session.flush()
    return case_summary(case)
