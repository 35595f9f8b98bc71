"""HTTP of records of fulfilment."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.matching.partners.service import get_partner, must_speak_for
from services.matching.record import repository, service
from services.matching.record.rules import EntryAction
from services.matching.record.schemas import AnswerIn, AppealIn, EntryOut
from services.matching.record.views import entry_out
from shared.auth import Principal, Role, requires
from shared.pagination import Page, Paging
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["fulfilment 履约"])

Giver = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]


@router.get("/v1/partners/{partner_id}/fulfilment", summary="What a partner kept 履约记录")
async def list_entries(caller: Giver, session: Reading, paging: Paging, partner_id: UUID) -> Page[EntryOut]:
    """Return the entries of a partner's record to itself and to officers; everybody sees the counts."""
    partner = await get_partner(session, partner_id)
    must_speak_for(caller, partner)
    rows = await repository.entries_of(session, partner.id, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.noted_at, row.id), view=lambda row: entry_out(row, partner, caller))


@router.post("/v1/partners/{partner_id}/fulfilment/{entry_id}/appeal", summary="Question an entry 申诉履约记录")
async def appeal_entry(
    caller: Giver,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    partner_id: UUID,
    entry_id: UUID,
    wanted: AppealIn,
) -> EntryOut:
    """Let a partner say why an entry is wrong; it counts until an officer answers."""
    entry, partner = await service.lock_entry(session, partner_id, entry_id)
    check_version(expected, entry.version, entry_out(entry, partner, caller))
    await service.appeal_entry(session, caller, entry, partner, wanted.words)
    set_etag(response, entry.version)
    return entry_out(entry, partner, caller)


@router.post("/v1/partners/{partner_id}/fulfilment/{entry_id}/answer", summary="Answer an appeal 答复申诉")
async def answer_appeal(
    caller: Giver,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    partner_id: UUID,
    entry_id: UUID,
    wanted: AnswerIn,
) -> EntryOut:
    """Uphold an entry or strike it."""
    entry, partner = await service.lock_entry(session, partner_id, entry_id)
    check_version(expected, entry.version, entry_out(entry, partner, caller))
    await service.answer_appeal(session, caller, entry, partner, EntryAction(wanted.decision), wanted.words)
    set_etag(response, entry.version)
    return entry_out(entry, partner, caller)
