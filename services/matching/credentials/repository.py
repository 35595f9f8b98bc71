"""SQL of credentials."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select

from services.matching.credentials.models import Credential
from services.matching.credentials.rules import TOLD_AT_DAYS
from services.matching.locking import locked
from services.matching.partners.models import Partner
from shared.db import Session, WriteSession

__all__ = ["credentials_of", "expiring", "find_credential", "live_with_number", "lock_credential"]

_AT_ONCE = 200


async def find_credential(session: Session, credential_id: UUID) -> Credential | None:
    """Return a credential."""
    return await session.scalar(
        select(Credential).where(Credential.tenant_id == session.tenant, Credential.id == credential_id)
    )


async def lock_credential(session: WriteSession, credential_id: UUID) -> Credential | None:
    """Return a credential and keep others from changing it meanwhile."""
    statement = select(Credential).where(Credential.tenant_id == session.tenant, Credential.id == credential_id)
    return await session.scalar(locked(statement))


async def live_with_number(session: Session, partner_id: UUID, index: bytes) -> Credential | None:
    """Return a partner's credential of a number, by its blind index."""
    statement = select(Credential).where(
        Credential.tenant_id == session.tenant,
        Credential.partner_id == partner_id,
        Credential.number_index == index,
        Credential.withdrawn_at.is_(None),
    )
    return await session.scalar(statement)


async def credentials_of(session: Session, partner_id: UUID) -> Sequence[Credential]:
    """Return a partner's credentials, the newest first."""
    statement = select(Credential).where(Credential.tenant_id == session.tenant, Credential.partner_id == partner_id)
    return (await session.scalars(statement.order_by(Credential.added_at.desc(), Credential.id.desc()))).all()


async def expiring(session: WriteSession, by: date) -> Sequence[tuple[Credential, Partner]]:
    """Return credentials that run out by a day and may have to be told, locked."""
    statement = (
        select(Credential, Partner)
        .join(Partner, (Partner.tenant_id == Credential.tenant_id) & (Partner.id == Credential.partner_id))
        .where(
            Credential.tenant_id == session.tenant,
            Credential.withdrawn_at.is_(None),
            Credential.valid_until <= by,
            or_(Credential.told_days.is_(None), Credential.told_days > TOLD_AT_DAYS[-1]),
        )
        .order_by(Credential.valid_until, Credential.id)
        .limit(_AT_ONCE)
        .with_for_update(of=Credential, skip_locked=True)
    )
    return [(credential, partner) for credential, partner in (await session.execute(statement)).all()]
