"""HTTP of sync."""

from typing import Annotated

import orjson
from fastapi import Depends, Query, Request, Response

from services.intake.cases.filing_service import Desk
from services.intake.sync import service
from services.intake.sync.pushing import Batch
from services.intake.sync.schemas import SyncIn, SyncOut, SyncPage
from services.intake.sync.views import operation_out
from shared.auth import Principal, authenticated
from shared.texts import preferred_language
from shared.vault import VaultOfApp
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["sync 同步"])

Caller = Annotated[Principal, Depends(authenticated)]
Size = Annotated[int, Query(ge=1, le=500, description="Rows a page 每页条数")]
Place = Annotated[str | None, Query(max_length=2048, description="`cursor` of the page before 上一页游标")]


@router.get("/v1/sync", response_model=SyncPage, summary="Bring a phone up to date 离线同步")
async def pull_changes(
    caller: Caller, request: Request, session: Reading, page_size: Size = 200, cursor: Place = None
) -> Response:
    """Return what the caller works with now, or what has changed of it since the cursor.

    Without a cursor everything comes anew. 410 says the same: `rights_changed`, `cursor_expired`, `cursor_foreign`.
    """
    page = await service.pull(session, caller, cursor, size=page_size, key=request.app.state.cursor_key)
    return Response(orjson.dumps(page), media_type="application/json")


@router.post("/v1/sync", summary="Do what was done offline 提交离线操作")
async def push_operations(
    caller: Caller, request: Request, session: Writing, vault: VaultOfApp, wanted: SyncIn
) -> SyncOut:
    """Do operations in their order, each as its own endpoint would, and tell what came of each.

    An operation that fails changes nothing; those after it on the same object are skipped. Sending again does again
    only what was not done.
    """
    desk: Desk = request.app.state.desk
    outcomes = await Batch(session, caller, desk, vault).run(wanted.operations)
    language = preferred_language(request.headers.get("accept-language"))
    request_id = str(request.scope.get("linli.request_id", ""))
    told = zip(wanted.operations, outcomes, strict=True)
    return SyncOut(
        results=[
            operation_out(operation, outcome, request_id=request_id, language=language) for operation, outcome in told
        ]
    )
