"""HTTP of anonymous cases. Whoever follows one signs in with its token alone, so the tenant stands in the address."""

from functools import partial
from typing import Annotated
from uuid import UUID

import orjson
import structlog
from fastapi import Depends, Header, Path, Request, Response

from services.intake.anonymous import repository, service
from services.intake.anonymous.schemas import FileAnonymouslyIn, UnsealedOut, UnsealIn, UnsealingOut
from services.intake.appeals import repository as appeals_kept
from services.intake.appeals import service as appeals
from services.intake.appeals.schemas import AppealIn, AppealOut
from services.intake.case_answers.schemas import AnswersIn
from services.intake.case_answers.service import fill_in
from services.intake.cases import repository as cases
from services.intake.cases.answers import begin, told
from services.intake.cases.filing_service import Desk
from services.intake.cases.schemas import CaseOut, NoteIn, StepOut
from services.intake.cases.service import close_case, say
from services.intake.cases.terms import Action, Outcome
from services.intake.cases.viewing import view_case
from services.intake.cases.views import case_out, filed_out, step_out
from services.intake.verdicts import service as verdicts
from services.intake.verdicts.schemas import ReopenIn, VerdictIn, WithdrawIn
from shared.auth import Principal, Role, public, requires
from shared.db import ReadSession, WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.vault import VaultOfApp
from shared.web import Reading, Writing, begin_reading, begin_writing, database_of, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["anonymous 匿名诉求"])

Resident = Annotated[Principal, Depends(requires(Role.RESIDENT))]
Unsealer = Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))]
Auditor = Annotated[Principal, Depends(requires(Role.AUDITOR))]
Anybody = Annotated[Principal, Depends(public)]
Tenant = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,32}$", description="Whose case 区县")]
CaseToken = Annotated[str, Header(min_length=32, max_length=128, description="The token of the case 查询码")]


async def _reading(request: Request, tenant: Tenant) -> ReadSession:
    return await begin_reading(request, tenant)


async def _writing(request: Request, tenant: Tenant) -> WriteSession:
    return await begin_writing(request, tenant)


OpenReading = Annotated[ReadSession, Depends(_reading)]
OpenWriting = Annotated[WriteSession, Depends(_writing)]


@router.post(
    "/v1/anonymous-cases", status_code=201, response_model=CaseOut, summary="File a case anonymously 匿名提出诉求"
)
async def file_anonymously(
    caller: Resident, request: Request, vault: VaultOfApp, wanted: FileAnonymouslyIn
) -> Response:
    """File a case under a pseudonym. The client makes `id` and `token`; sent twice with both, it is filed once."""
    desk: Desk = request.app.state.desk
    # Neither events nor log lines tie the case to whoever is signed in, nor to a request that they could be found by.
    structlog.contextvars.bind_contextvars(actor="anonymous", request_id=None)
    async with database_of(request).write(caller.tenant) as session:
        earlier = await service.earlier_filing(session, wanted)
        if earlier is not None:
            masked = Principal(caller.tenant, earlier.requester_id, "person")
            shown = case_out(await view_case(session, masked, earlier))
            return Response(shown.model_dump_json(), 200, media_type="application/json")
        filed, masked = await service.file_anonymously(session, desk, vault, caller, wanted)
        body = {**filed_out(filed, wanted, masked), "anonymous": True}
    headers = {"Location": f"/v1/anonymous-cases/{caller.tenant}/{filed.case_id}", "ETag": '"1"'}
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), 201, headers, media_type="application/json")


@router.get("/v1/anonymous-cases/{tenant}/{case_id}", summary="Follow an anonymous case 查询匿名诉求")
async def read_case_anonymously(
    _: Anybody, session: OpenReading, response: Response, case_id: UUID, case_token: CaseToken
) -> CaseOut:
    """Return the case to whoever has its token, with what they may do next."""
    masked = await service.pseudonym_of(session, case_id, case_token)
    case = await cases.find_case(session, masked, case_id)
    if case is None:
        raise NotFound
    set_etag(response, case.version)
    return case_out(await view_case(session, masked, case))


@router.get("/v1/anonymous-cases/{tenant}/{case_id}/history", summary="History of an anonymous case 匿名诉求办理过程")
async def read_history_anonymously(
    _: Anybody, session: OpenReading, paging: Paging, case_id: UUID, case_token: CaseToken
) -> Page[StepOut]:
    """Return every step of the case to whoever has its token, unsealings among them."""
    masked = await service.pseudonym_of(session, case_id, case_token)
    case = await cases.find_case(session, masked, case_id)
    if case is None:
        raise NotFound
    after = paging.after[0] if paging.after else 0
    rows = await cases.steps_of(session, case_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.position,), view=partial(step_out, case=case, caller=masked))


@router.post("/v1/anonymous-cases/{tenant}/{case_id}/comment", summary="Answer anonymously 匿名补充说明")
async def comment_anonymously(
    _: Anybody, session: OpenWriting, response: Response, case_id: UUID, case_token: CaseToken, wanted: NoteIn
) -> CaseOut:
    """Add a word as the one who raised the case."""
    masked = await service.pseudonym_of(session, case_id, case_token)
    case = await begin(session, masked, case_id, Action.COMMENT, None)
    await say(session, masked, case, Action.COMMENT, wanted.note)
    return await told(session, masked, case, response)


@router.put("/v1/anonymous-cases/{tenant}/{case_id}/answers", summary="Answer the questions anonymously 匿名补填表单")
async def fill_in_anonymously(
    _: Anybody, session: OpenWriting, response: Response, case_id: UUID, case_token: CaseToken, wanted: AnswersIn
) -> CaseOut:
    """Answer what the category asks now, as the one who raised the case."""
    masked = await service.pseudonym_of(session, case_id, case_token)
    case = await begin(session, masked, case_id, Action.ANSWERS, None)
    await fill_in(session, masked, case, wanted.answers)
    return await told(session, masked, case, response)


@router.post("/v1/anonymous-cases/{tenant}/{case_id}/feedback", summary="Judge anonymously 匿名评价")
async def give_feedback_anonymously(
    _: Anybody, session: OpenWriting, response: Response, case_id: UUID, case_token: CaseToken, wanted: VerdictIn
) -> CaseOut:
    """Say whether it is solved, as the one who raised the case."""
    masked = await service.pseudonym_of(session, case_id, case_token)
    case = await begin(session, masked, case_id, Action.FEEDBACK, None)
    await verdicts.give_verdict(session, masked, case, wanted)
    return await told(session, masked, case, response)


@router.post("/v1/anonymous-cases/{tenant}/{case_id}/reopen", summary="Open it again anonymously 匿名重新提出")
async def reopen(
    _: Anybody, session: OpenWriting, response: Response, case_id: UUID, case_token: CaseToken, wanted: ReopenIn
) -> CaseOut:
    """Open a closed case again, as the one who raised it."""
    masked = await service.pseudonym_of(session, case_id, case_token)
    case = await begin(session, masked, case_id, Action.REOPEN, None)
    await verdicts.reopen(session, masked, case, wanted.reason)
    return await told(session, masked, case, response)


@router.post("/v1/anonymous-cases/{tenant}/{case_id}/appeals", status_code=201, summary="Appeal anonymously 匿名申诉")
async def appeal_anonymously(
    _: Anybody, session: OpenWriting, response: Response, case_id: UUID, case_token: CaseToken, wanted: AppealIn
) -> AppealOut:
    """Ask somebody else to look at the level of the case, or at why it was declined, as the one who raised it."""
    masked = await service.pseudonym_of(session, case_id, case_token)
    case = await begin(session, masked, case_id, Action.APPEAL, None)
    made = await appeals.make_appeal(session, masked, case, wanted)
    await session.flush()
    set_etag(response, case.version)
    return AppealOut.model_validate(made)


@router.get("/v1/anonymous-cases/{tenant}/{case_id}/appeals", summary="Appeals of an anonymous case 匿名诉求申诉记录")
async def list_appeals_anonymously(
    _: Anybody, session: OpenReading, case_id: UUID, case_token: CaseToken
) -> list[AppealOut]:
    """Return the appeals of the case and their answers to whoever has its token."""
    await service.pseudonym_of(session, case_id, case_token)
    return [AppealOut.model_validate(row) for row in await appeals_kept.appeals_of(session, case_id)]


@router.post("/v1/anonymous-cases/{tenant}/{case_id}/withdraw", summary="Withdraw anonymously 匿名撤回")
async def withdraw(
    _: Anybody, session: OpenWriting, response: Response, case_id: UUID, case_token: CaseToken, wanted: WithdrawIn
) -> CaseOut:
    """End a case that its requester does not pursue."""
    masked = await service.pseudonym_of(session, case_id, case_token)
    case = await begin(session, masked, case_id, Action.WITHDRAW, None)
    await close_case(
        session, case, actor=masked.actor, step=Action.WITHDRAW, outcome=Outcome.WITHDRAWN, note=wanted.reason
    )
    return await told(session, masked, case, response)


@router.post("/v1/cases/{case_id}/unseal", summary="See who raised an anonymous case 启封匿名诉求人")
async def unseal(caller: Unsealer, session: Writing, vault: VaultOfApp, case_id: UUID, wanted: UnsealIn) -> UnsealedOut:
    """Name the person behind the pseudonym, for a purpose. The requester and the auditors see that it was done."""
    person_id = await service.unseal(session, vault, caller, case_id, wanted.purpose)
    return UnsealedOut(case_id=case_id, person_id=person_id)


@router.get("/v1/unsealings", summary="Who has unsealed what 启封记录")
async def list_unsealings(_: Auditor, session: Reading, paging: Paging) -> Page[UnsealingOut]:
    """Return every unsealing of the tenant, the newest first."""
    rows = await repository.unsealings(session, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.at, row.id), view=UnsealingOut.model_validate)
