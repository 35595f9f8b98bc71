"""HTTP of agreements: their text, signatures, what is owed, the court; and how many there were."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.intake.cases.problems import UnknownArea
from services.intake.mediation import repository, settling
from services.intake.mediation.answers import begin, told
from services.intake.mediation.schemas import (
    AgreementIn,
    ApplicationIn,
    BreachIn,
    DeclineDraftIn,
    FiguresOut,
    FiguresQuery,
    MediationOut,
    PerformIn,
    RulingIn,
    SignIn,
)
from services.intake.mediation.terms import MediationAction
from services.intake.models import reference
from shared.auth import Principal, Role, authenticated, requires
from shared.reference import find_area
from shared.web import ExpectedVersion, Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["mediation 调解"])

Caller = Annotated[Principal, Depends(authenticated)]
_COUNTS = (Role.OFFICER, Role.SECRETARY, Role.CONVENOR, Role.ADMINISTRATOR, Role.AUDITOR)


@router.get("/v1/mediation-figures", summary="How many mediations, and their outcomes 调解统计")
async def read_mediation_figures(
    caller: Annotated[Principal, Depends(requires(*_COUNTS))],
    session: Reading,
    wanted: Annotated[FiguresQuery, Query()],
) -> FiguresOut:
    """Return counts of the mediations below the caller's areas; nothing of anybody is in them."""
    path = None
    if wanted.under is not None:
        area = await find_area(session, reference, wanted.under)
        if area is None:
            raise UnknownArea(pointer="/query/under")
        path = area.path
    found = await repository.count_mediations(session, wanted, paths=caller.paths(*_COUNTS), under=path)
    return FiguresOut.model_validate(found)


@router.post("/v1/mediations/{mediation_id}/agreement", summary="Put a text before the parties 拟定协议")
async def draft_agreement(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    wanted: AgreementIn,
) -> MediationOut:
    """Write down, as the mediator, what was agreed. A new text asks for new signatures."""
    at = await begin(session, caller, mediation_id, MediationAction.DRAFT, expected)
    await settling.draft(session, caller, at, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/sign", summary="Sign the agreement 签署协议")
async def sign_agreement(
    caller: Caller, session: Writing, response: Response, mediation_id: UUID, wanted: SignIn
) -> MediationOut:
    """Sign as a party the revision that was read. The last signature gives the agreement its effect."""
    at = await begin(session, caller, mediation_id, MediationAction.SIGN, None)
    await settling.sign(session, caller, at, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/decline-draft", summary="Do not sign this text 不同意协议文本")
async def decline_draft(
    caller: Caller, session: Writing, response: Response, mediation_id: UUID, wanted: DeclineDraftIn
) -> MediationOut:
    """Say as a party why it does not sign this text; the talks go on."""
    at = await begin(session, caller, mediation_id, MediationAction.DECLINE_DRAFT, None)
    await settling.decline_draft(session, caller, at, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/terms/{term_id}/perform", summary="An obligation was performed 已履行")
async def perform_obligation(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    term_id: UUID,
    wanted: PerformIn,
) -> MediationOut:
    """Write down, as anybody who takes part and does not owe it, that an obligation was performed."""
    at = await begin(session, caller, mediation_id, MediationAction.PERFORM, expected)
    await settling.perform(session, caller, at, term_id, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/terms/{term_id}/breach", summary="An obligation was not performed 未履行")
async def breach_obligation(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    term_id: UUID,
    wanted: BreachIn,
) -> MediationOut:
    """Write down that an obligation was not performed by its day; the case is opened again."""
    at = await begin(session, caller, mediation_id, MediationAction.BREACH, expected)
    await settling.record_breach(session, caller, at, term_id, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/confirmation", summary="The court was asked 申请司法确认")
async def apply_to_court(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    wanted: ApplicationIn,
) -> MediationOut:
    """Write down that the parties have asked a court together, within thirty days of the effect."""
    at = await begin(session, caller, mediation_id, MediationAction.APPLY, expected)
    await settling.apply_to_court(session, caller, at, wanted)
    return await told(session, caller, at.mediation, response)


@router.post("/v1/mediations/{mediation_id}/confirmation/ruling", summary="The court has ruled 司法确认裁定")
async def record_ruling(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    mediation_id: UUID,
    wanted: RulingIn,
) -> MediationOut:
    """Write down what the court has ruled."""
    at = await begin(session, caller, mediation_id, MediationAction.RULING, expected)
    await settling.record_ruling(session, caller, at, wanted)
    return await told(session, caller, at.mediation, response)
