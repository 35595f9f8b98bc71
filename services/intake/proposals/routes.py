"""HTTP of proposals."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Response

from services.intake.categories.repository import get_category
from services.intake.proposals import repository, service
from services.intake.proposals.schemas import (
    KeywordsIn,
    KeywordsOut,
    LabelIn,
    LabelOut,
    ModelOut,
    ProposalOut,
    ProposeIn,
)
from services.intake.proposals.views import proposal_out
from shared.auth import Principal, Role, authenticated, requires
from shared.problems import NotFound
from shared.web import Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["proposals 分类与派单建议"])

Caller = Annotated[Principal, Depends(authenticated)]
Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


@router.post("/v1/cases/propose", summary="Propose category and unit 分类与派单建议")
async def propose_case(caller: Caller, session: Reading, wanted: ProposeIn) -> ProposalOut:
    """Return three categories, and the units that resolved cases like it, with reasons; it files nothing."""
    return proposal_out(await service.propose(session, caller, wanted))


@router.post("/v1/cases/{case_id}/category-label", status_code=201, summary="Correct a category 校正分类")
async def label_case(
    caller: Annotated[Principal, Depends(requires(Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY))],
    session: Writing,
    response: Response,
    case_id: UUID,
    wanted: LabelIn,
) -> LabelOut:
    """Say what a case is really about, for proposals to learn from; the case itself stays as it is."""
    label, is_new = await service.label_case(session, caller, case_id, wanted)
    response.status_code = 201 if is_new else 200
    return LabelOut.model_validate(label)


@router.get("/v1/categories/{code}/keywords", summary="Keywords of a category 分类关键词")
async def read_keywords(_: Caller, session: Reading, response: Response, code: Code) -> KeywordsOut:
    """Return the words that a category is recognised by, beside its names."""
    if await get_category(session, code) is None:
        raise NotFound
    kept = await repository.find_keywords(session, code)
    if kept is None:
        return KeywordsOut(category=code, keywords=[], version=0)
    set_etag(response, kept.version)
    return KeywordsOut.model_validate(kept)


@router.put("/v1/categories/{code}/keywords", summary="Set the keywords of a category 设置分类关键词")
async def put_keywords(
    caller: Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))],
    session: Writing,
    response: Response,
    code: Code,
    wanted: KeywordsIn,
) -> KeywordsOut:
    """Replace the keywords; the same ones again change nothing."""
    kept = await service.set_keywords(session, caller, code, wanted)
    set_etag(response, kept.version)
    return KeywordsOut.model_validate(kept)


@router.get("/v1/proposals/model", summary="What was learned 建议模型")
async def read_proposal_model(
    _: Annotated[Principal, Depends(requires(Role.ADMINISTRATOR, Role.OFFICER, Role.SECRETARY, Role.AUDITOR))],
    session: Reading,
) -> ModelOut:
    """Return what was learned last, and what it was worth on labels that it had not seen."""
    head = await repository.latest_model(session)
    if head is None:
        raise NotFound
    return ModelOut.model_validate(head)
