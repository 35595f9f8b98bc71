"""HTTP of drafts."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Depends, Header, Request, Response

from services.intake.cases.filing_service import Desk
from services.intake.cases.schemas import CaseOut
from services.intake.cases.viewing import view_case
from services.intake.cases.views import case_out, filed_out
from services.intake.drafts import repository, service
from services.intake.drafts.schemas import DraftIn, DraftOut
from shared.auth import Principal, authenticated
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, if_match, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["drafts 草稿"])

Caller = Annotated[Principal, Depends(authenticated)]


async def _expected_if_any(
    request: Request,
    given: Annotated[
        str | None, Header(alias="If-Match", description="The version that was seen; a new draft has none.")
    ] = None,
) -> int | None:
    return await if_match(request, given) if given is not None else None


@router.get("/v1/drafts", summary="List my drafts 我的草稿")
async def list_drafts(caller: Caller, session: Reading, paging: Paging) -> Page[DraftOut]:
    """Return the caller's drafts, the last touched first. Untouched for 30 days they are removed."""
    owner_id = service.owner_of(caller)
    rows = await repository.drafts_of(session, owner_id, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.updated_at, row.id), view=DraftOut.model_validate)


@router.get("/v1/drafts/{draft_id}", summary="Read a draft 草稿详情")
async def read_draft(caller: Caller, session: Reading, response: Response, draft_id: UUID) -> DraftOut:
    """Return a draft to its owner."""
    draft = await service.find_own(session, caller, draft_id)
    set_etag(response, draft.version)
    return DraftOut.model_validate(draft)


@router.put("/v1/drafts/{draft_id}", summary="Keep a draft 保存草稿")
async def put_draft(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: Annotated[int | None, Depends(_expected_if_any)],
    draft_id: UUID,
    wanted: DraftIn,
) -> DraftOut:
    """Begin a draft under an id (UUIDv7) that the client makes, or replace it. A change names the version seen."""
    draft = await service.lock_own(session, caller, draft_id)
    if draft is None:
        if expected is not None:
            raise NotFound
        draft = await service.add_draft(session, caller, draft_id, wanted)
        response.status_code = 201
    else:
        # Sent twice before the first answer came, it is the same draft.
        if expected is not None or service.body_of(wanted) != draft.body:
            shown = DraftOut.model_validate(draft)
            check_version(service.seen_version(expected), draft.version, shown)
        await service.change_draft(session, draft, wanted)
    set_etag(response, draft.version)
    return DraftOut.model_validate(draft)


@router.delete("/v1/drafts/{draft_id}", status_code=204, summary="Remove a draft 删除草稿")
async def remove_draft(caller: Caller, session: Writing, expected: ExpectedVersion, draft_id: UUID) -> None:
    """Remove a draft for good."""
    draft = await service.find_own(session, caller, draft_id)
    check_version(expected, draft.version, DraftOut.model_validate(draft))
    await repository.remove_draft(session, draft_id)


@router.post("/v1/drafts/{draft_id}/file", status_code=201, response_model=CaseOut, summary="File a draft 提交草稿")
async def file_draft(caller: Caller, session: Writing, request: Request, draft_id: UUID) -> Response:
    """File the draft as a case of the same id, and remove it. Sent again, it answers the same case."""
    draft = await service.lock_own(session, caller, draft_id)
    headers = {"Location": f"/v1/cases/{draft_id}"}
    if draft is None:
        case = await service.filed_from(session, caller, draft_id)
        shown = case_out(await view_case(session, caller, case))
        headers["ETag"] = f'"{case.version}"'
        return Response(shown.model_dump_json(), 200, headers, media_type="application/json")
    desk: Desk = request.app.state.desk
    filed, wanted = await service.file_draft(session, desk, caller, draft)
    headers["ETag"] = '"1"'
    body = orjson.dumps(filed_out(filed, wanted, caller), option=orjson.OPT_UTC_Z)
    return Response(body, 201, headers, media_type="application/json")
