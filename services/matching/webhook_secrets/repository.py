"""SQL of partners' keys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, tuple_

from services.matching.locking import locked
from services.matching.webhook_secrets.models import WebhookPolicy, WebhookSecret
from services.matching.webhook_secrets.rules import Mode
from shared.db import Session, WriteSession

__all__ = ["find_policy", "find_secret", "list_secrets", "lock_policy", "lock_secret", "valid_secrets"]


async def find_secret(session: Session, partner_id: UUID, secret_id: UUID) -> WebhookSecret | None:
    """Return a key of a partner."""
    statement = select(WebhookSecret).where(
        WebhookSecret.tenant_id == session.tenant,
        WebhookSecret.partner_id == partner_id,
        WebhookSecret.id == secret_id,
    )
    return await session.scalar(statement)


async def lock_secret(session: WriteSession, partner_id: UUID, secret_id: UUID) -> WebhookSecret | None:
    """Return a key and keep others from changing it meanwhile."""
    statement = select(WebhookSecret).where(
        WebhookSecret.tenant_id == session.tenant,
        WebhookSecret.partner_id == partner_id,
        WebhookSecret.id == secret_id,
    )
    return await session.scalar(locked(statement))


async def valid_secrets(
    session: Session, partner_id: UUID, now: datetime, *, mode: Mode | None = None
) -> Sequence[WebhookSecret]:
    """Return the keys that are valid now, the oldest first."""
    statement = select(WebhookSecret).where(
        WebhookSecret.tenant_id == session.tenant,
        WebhookSecret.partner_id == partner_id,
        WebhookSecret.revoked_at.is_(None),
        or_(WebhookSecret.expires_at.is_(None), WebhookSecret.expires_at > now),
    )
    if mode is not None:
        statement = statement.where(WebhookSecret.mode == mode.value)
    return (await session.scalars(statement.order_by(WebhookSecret.created_at, WebhookSecret.id))).all()


async def list_secrets(
    session: Session, partner_id: UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[WebhookSecret]:
    """Return the keys of a partner, the newest first."""
    statement = select(WebhookSecret).where(
        WebhookSecret.tenant_id == session.tenant, WebhookSecret.partner_id == partner_id
    )
    if after is not None:
        statement = statement.where(tuple_(WebhookSecret.created_at, WebhookSecret.id) < tuple_(*after))
    ordered = statement.order_by(WebhookSecret.created_at.desc(), WebhookSecret.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def find_policy(session: Session) -> WebhookPolicy | None:
    """Return what the district asks."""
    return await session.scalar(select(WebhookPolicy).where(WebhookPolicy.tenant_id == session.tenant))


async def lock_policy(session: WriteSession) -> WebhookPolicy | None:
    """Return what the district asks, and keep others from changing it meanwhile."""
    return await session.scalar(locked(select(WebhookPolicy).where(WebhookPolicy.tenant_id == session.tenant)))
