"""HTTP of contacts: read in the clear by officers who say why."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import StringConstraints

from services.intake.contacts import service
from services.intake.contacts.schemas import ContactOut, DisclosureOut
from shared.auth import Principal, Role, requires
from shared.pagination import Page, Paging
from shared.vault import VaultOfApp
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["contacts 联系方式"])

Officer = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY))]
Auditor = Annotated[Principal, Depends(requires(Role.AUDITOR, Role.ADMINISTRATOR, Role.SECRETARY))]
WhyItIsRead = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200, pattern=r"^[^\x00]*$")],
    Query(description="Why it is needed; kept with who and when 用途（将被审计）"),
]


@router.get("/v1/cases/{case_id}/contact", summary="Read a contact for a purpose 查看联系方式")
async def read_contact(
    caller: Officer, session: Writing, vault: VaultOfApp, response: Response, case_id: UUID, purpose: WhyItIsRead
) -> ContactOut:
    """Return how to reach whoever the case was filed for; that it was read, by whom and why, is kept."""
    words = await service.read_contact(session, caller, vault, case_id, purpose)
    response.headers["Cache-Control"] = "no-store"
    return ContactOut(case_id=case_id, **{name: words.get(name) for name in service.CONTACT_FIELDS})


@router.get("/v1/cases/{case_id}/contact-disclosures", summary="Who has read a contact 联系方式查看记录")
async def list_contact_disclosures(
    caller: Auditor, session: Reading, paging: Paging, case_id: UUID
) -> Page[DisclosureOut]:
    """Return who has read a case's contact and why, the newest first."""
    after = paging.after[0] if paging.after else None
    rows = await service.list_disclosures(session, caller, case_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.id,), view=DisclosureOut.model_validate)
