"""SQL of contacts; disclosures only ever grow."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from services.intake.contacts.models import CaseContact, ContactDisclosure
from shared.db import Session

__all__ = ["disclosures_of", "find_contact"]


async def find_contact(session: Session, case_id: UUID) -> CaseContact | None:
    """Return the sealed contact of a case."""
    statement = select(CaseContact).where(CaseContact.tenant_id == session.tenant, CaseContact.case_id == case_id)
    return await session.scalar(statement)


async def disclosures_of(
    session: Session, case_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[ContactDisclosure]:
    """Return who has read the contact of a case, the newest first."""
    statement = select(ContactDisclosure).where(
        ContactDisclosure.tenant_id == session.tenant, ContactDisclosure.case_id == case_id
    )
    if after is not None:
        statement = statement.where(ContactDisclosure.id < after)
    return (await session.scalars(statement.order_by(ContactDisclosure.id.desc()).limit(limit))).all()
