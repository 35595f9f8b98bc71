"""Statements on the audit of disclosures: it only ever grows."""

from uuid import UUID

from sqlalchemy import insert

from services.directory.personal.models import Disclosure
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id

__all__ = ["record_disclosure"]


async def record_disclosure(
    session: WriteSession, *, subject_kind: str, subject_id: UUID, field: str, purpose: str, actor: str
) -> None:
    """Write down that a field was shown unmasked, in the transaction that reads it."""
    await session.execute(
        insert(Disclosure).values(
            tenant_id=session.tenant,
            id=new_id(),
            subject_kind=subject_kind,
            subject_id=subject_id,
            field=field,
            purpose=purpose,
            actor=actor,
            disclosed_at=utc_now(),
        )
    )
