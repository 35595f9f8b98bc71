"""HTTP of mediations: their proposal, the parties' words, the sessions, the end. For outsiders they do not exist."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.intake.attachments.answers import file_answer
from services.intake.mediation import opening, repository, service
from services.intake.mediation.answers import begin, told
from services.intake.mediation.schemas import (
    AdviceIn,
    ConsentIn,
    ContactOut,
    DeclareIn,
    JudgeIn,
    MediationIn,
    MediationOut,
    MediationQuery,
    MediationStepOut,
    MediationSummary,
    MediatorIn,
    PartyIn,
    ReasonIn,
    SessionEndIn,
    SessionIn,
    WithdrawIn,
)
from services.intake.mediation.terms import MediationAction
from services.intake.mediation.viewing import view_mediation
from services.intake.mediation.views import mediation_out, summary_out
from shared.auth import Principal, Role, authenticated, requires
from shared.db import ReadSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.vault import VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["mediation 调解"])

Caller = Annotated[Principal, Depends(authenticated)]
Officer = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY))]
_FILE = {"schema": {"type": "string", "format": "binary"}}
_FILES = {"image/jpeg": _FILE, "image/png": _FILE, "image/webp": _FILE, "application/pdf": _FILE}


async def _exists(session: ReadSession, caller: Principal, mediation_id: UUID) -> None:
    if await repository.find_mediation(session, caller, mediation_id) is None:
        raise NotFound


@router.post("/v1/cases/{case_id}/mediations", status_code=201, summary="Propose a mediation 提出调解")
async def open_mediation(
    caller: Officer, vault: VaultOfApp, session: Writing, response: Response, case_id: UUID, wanted: MediationIn
) -> MediationOut:
    """Propose to the parties of a case that it be mediated. With an `id` of your own, sent twice it is opened once."""
    at, is_new = await opening.open_mediation(session, vault, caller, case_id, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/mediations/{at.mediation.id}"
    return await told(session, caller, at.mediation, response)


@router.get("/v1/mediations", summary="List mediations 调解列表")
async def list_mediations(
    caller: Caller, session: Reading, paging: Paging, wanted: Annotated[MediationQuery, Query()]
) -> Page[MediationSummary]:
    """Return mediations in which the caller takes part, and those of its areas, the newest first."""
    after = UUID(paging.after[0]) if paging.after else None
    rows = await repository.list_mediations(session, caller, wanted, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (str(row.id),), view=summary_out)


@router.get("/v1/mediations/{mediation_id}", summary="Read a mediation 调解详情")
async def read_mediation(caller: Caller, session: Reading, response: Response, mediation_id: UUID) -> MediationOut:
    """Return a mediation with what the caller may do next."""
    mediation = await repository.find_mediation(session, caller, mediation_id)
    if mediation is None:
        raise NotFound
    set_etag(response, mediation.version)
    return mediation_out(await view_mediation(session, caller, mediation))


@router.get("/v1/mediations/{mediation_id}/history", summary="History of a mediation 调解过程")
async def read_mediation_history(
    caller: Caller, session: Reading, paging: Paging, mediation_id: UUID
) -> Page[MediationStepOut]:
    """Return every step in its order."""
    await _exists(session, caller, mediation_id)
    after = paging.after[0] if paging.after else 0
    rows = await repository.steps_of(session, mediation_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.position,), view=MediationStepOut.model_validate)


@router.get(
    "/v1/mediations/{mediation_id}/proofs/{attachment_id}",
    summary="Download a proof 下载凭证",
    response_class=Response,
    responses={200: {"content": _FILES, "description": "The picture or document 图片或文件"}},
)
async def download_proof(caller: Caller, session: Reading, mediation_id: UUID, attachment_id: UUID) -> Response:
    """Return what shows a consent, a signature or a performance, to those who take part."""
    await _exists(session, caller, mediation_id)
    if not await repository.has_proof(session, mediation_id, attachment_id):
        raise NotFound
    return await file_answer(session, attachment_id)


@router.get("/v1/mediations/{mediation_id}/parties/{party_id}/contact", summary="Contact of a party 当事人联系方式")
async def read_party_contact(
    caller: Caller,
    vault: VaultOfApp,
    session: Writing,
    mediation_id: UUID,
    party_id: UUID,
    purpose: Annotated[
        str,
        Query(
            min_length=2, max_length=200, pattern=r"^[^\x00]*$", description="Kept with who and when 用途（将被审计）"
        ),
    ],
) -> ContactOut:
    """Return how to reach a party without an account, to whoever leads; it is audited."""
    contact = await opening.read_contact(session, vault, caller, mediation_id, party_id, purpose)
    return ContactOut(party_id=party_id, name=contact.name, phone=contact.phone, address=contact.address)


@router.post("/v1/mediations/{mediation_id}/parties", summary="Ask one more party 追加当事人")
async def add_mediation_party(
    caller: Officer,
    vault: VaultOfApp,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    wanted: PartyIn,
) -> MediationOut:
    """Add a party while the mediation is being proposed."""
    at = await begin(session, caller, mediation_id, MediationAction.ADD_PARTY, expected)
    await opening.add_party(session, vault, caller, at, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/mediator", summary="Propose a mediator 提出调解员")
async def propose_mediator(
    caller: Officer,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    wanted: MediatorIn,
) -> MediationOut:
    """Propose who leads the talks; every party is asked anew whether it accepts."""
    at = await begin(session, caller, mediation_id, MediationAction.PROPOSE_MEDIATOR, expected)
    await service.propose_mediator(session, caller, at, wanted.mediator_id)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/declare", summary="Declare no relation 声明无利害关系")
async def declare_no_relation(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    wanted: DeclareIn,
) -> MediationOut:
    """Say as the mediator that nothing stands against it."""
    at = await begin(session, caller, mediation_id, MediationAction.DECLARE, expected)
    await service.declare(session, caller, at, wanted.note)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/recuse", summary="Step back as the mediator 回避")
async def recuse_mediator(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    wanted: ReasonIn,
) -> MediationOut:
    """Step back; the caller then knows no more of the mediation, and gets it shown for the last time."""
    at = await begin(session, caller, mediation_id, MediationAction.RECUSE, expected)
    await service.recuse(session, caller, at, wanted.reason)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/consent", summary="Agree to be mediated, or not 是否同意调解")
async def consent_to_mediation(
    caller: Caller, session: Writing, response: Response, mediation_id: UUID, wanted: ConsentIn
) -> MediationOut:
    """Say as a party whether it wants to be mediated. Needs no version: it overwrites nobody's word."""
    at = await begin(session, caller, mediation_id, MediationAction.CONSENT, None)
    await service.consent(session, caller, at, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/accept-mediator", summary="Accept the mediator, or not 是否接受调解员")
async def judge_mediator(
    caller: Caller, session: Writing, response: Response, mediation_id: UUID, wanted: JudgeIn
) -> MediationOut:
    """Say as a party whether it accepts this mediator, now or at any later time."""
    at = await begin(session, caller, mediation_id, MediationAction.JUDGE_MEDIATOR, None)
    await service.judge_mediator(session, caller, at, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/sessions", status_code=201, summary="Plan a session 安排调解")
async def plan_mediation_session(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    wanted: SessionIn,
) -> MediationOut:
    """Set a time and a place, and tell everybody."""
    at = await begin(session, caller, mediation_id, MediationAction.PLAN_SESSION, expected)
    await service.plan_session(session, caller, at, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/sessions/{session_id}/close", summary="What became of a session 调解记录")
async def close_mediation_session(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    session_id: UUID,
    wanted: SessionEndIn,
) -> MediationOut:
    """Write down that it was held, adjourned or cancelled, with a note for those who take part."""
    at = await begin(session, caller, mediation_id, MediationAction.CLOSE_SESSION, expected)
    await service.close_session(session, caller, at, session_id, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/fail", summary="End it without an agreement 调解不成")
async def fail_mediation(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    wanted: AdviceIn,
) -> MediationOut:
    """Say that no agreement was reached, and advise what can be done now; the case is back with whoever assigns it."""
    at = await begin(session, caller, mediation_id, MediationAction.FAIL, expected)
    await service.end_without(session, caller, at, MediationAction.FAIL, wanted.advice)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/withdraw", summary="End it as a party 退出调解")
async def withdraw_from_mediation(
    caller: Caller, session: Writing, response: Response, mediation_id: UUID, wanted: WithdrawIn
) -> MediationOut:
    """End it as a party, at any time before an agreement, and whatever has happened meanwhile."""
    at = await begin(session, caller, mediation_id, MediationAction.WITHDRAW, None)
    said = await service.speaking(session, caller, at, wanted)
    await service.end_without(session, caller, at, MediationAction.WITHDRAW, wanted.reason, by=said.party.id)
    return await told(session, caller, at.mediation, response)
