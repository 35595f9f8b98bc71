"""HTTP of notifications. There is no channel for marking somebody else's as read."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from services.intake.cases.repository import find_case
from services.intake.cases.visibility import SEES_BELOW
from services.intake.notifications import repository, service
from services.intake.notifications.schemas import NotificationOut, ReadIn, ReadOut, ReceiptOut, UnreadOut
from services.intake.notifications.views import notification_out, receipt_out
from shared.auth import Principal, authenticated, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["notifications 消息"])

Caller = Annotated[Principal, Depends(authenticated)]


@router.get("/v1/notifications", summary="My inbox 我的消息")
async def read_inbox(
    caller: Caller,
    session: Reading,
    paging: Paging,
    unread: Annotated[bool, Query(description="Only what I have not read 只看未读")] = False,
) -> Page[NotificationOut]:
    """Return what was told to the caller, to its units and to its roles, the newest first."""
    before = UUID(paging.after[0]) if paging.after else None
    rows = await repository.inbox(session, caller, before=before, unread=unread, limit=paging.size + 1)
    read = await repository.read_ids(session, caller, [row.id for row in rows])
    return paging.page(rows, key=lambda row: (str(row.id),), view=lambda row: notification_out(row, read))


@router.get("/v1/notifications/unread", summary="How many wait 未读数")
async def count_unread(caller: Caller, session: Reading) -> UnreadOut:
    """Return how many of the newest five hundred wait to be read, counted up to a hundred."""
    return UnreadOut(unread=await repository.unread_count(session, caller))


@router.post("/v1/notifications/read", summary="Mark as read 标为已读")
async def mark_read(caller: Caller, session: Writing, wanted: ReadIn) -> ReadOut:
    """Note that the caller has read some, or everything up to one. Twice is once."""
    return ReadOut(marked=await service.mark_read(session, caller, wanted))


@router.get("/v1/cases/{case_id}/receipts", summary="Who was told what 告知回执")
async def list_receipts(
    caller: Annotated[Principal, Depends(requires(*SEES_BELOW))], session: Reading, paging: Paging, case_id: UUID
) -> Page[ReceiptOut]:
    """Return, for the area's staff, what became of every message about a case."""
    case = await find_case(session, caller, case_id)
    if case is None:
        raise NotFound
    after = (paging.after[0], UUID(paging.after[1])) if paging.after else None
    rows = await repository.receipts_of_case(session, case_id, after=after, limit=paging.size + 1)
    is_staff = caller.has(*SEES_BELOW, at=case.area_path) and not case.anonymous
    return paging.page(
        rows,
        key=lambda pair: (pair[1].at, str(pair[0].id)),
        view=lambda pair: receipt_out(pair, case.requester_id, is_staff),
    )
