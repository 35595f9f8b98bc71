"""SQL of the inbox of webhooks."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, select, text, tuple_
from sqlalchemy.orm import undefer

from services.matching.locking import locked
from services.matching.offers.models import Offer
from services.matching.webhooks_in.models import SandboxOffer, WebhookDelivery, WebhookLine
from services.matching.webhooks_in.rules import Fate
from shared.db import Session, WriteSession

__all__ = [
    "RECEIVE",
    "add_lines",
    "find_delivery",
    "forget_bodies",
    "forget_reports",
    "lines_of",
    "list_deliveries",
    "lock_delivery",
    "lock_sandbox_offer",
    "offer_ids",
]

# One statement, one fsync: the message, and the event that has it worked off. The keys that fitted are looked at once
# more, so that a process may remember keys and still refuse what was signed with one that has just been revoked.
# $1 tenant, $2 id, $3 partner, $4 mode, $5 message id, $6 digest, $7 body, $8 now, $9 fitting keys, $10 items,
# $11 event id, $12 event, $13 subject
RECEIVE: Final = """
WITH allowed AS (
    SELECT id FROM matching.webhook_secrets
    WHERE tenant_id = $1 AND id = ANY($9::uuid[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $8)
    ORDER BY id LIMIT 1),
known AS (
    SELECT id, digest FROM matching.webhook_deliveries
    WHERE tenant_id = $1 AND partner_id = $3 AND mode = $4 AND message_id = $5),
fresh AS (
    INSERT INTO matching.webhook_deliveries (tenant_id, id, partner_id, mode, message_id, secret_id, digest, body,
        state, items, next_item, created, updated, unchanged, outdated, refused, received_at)
    SELECT $1, $2, $3, $4, $5, allowed.id, $6, $7, 'received', $10, 0, 0, 0, 0, 0, 0, $8
    FROM allowed WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (tenant_id, partner_id, mode, message_id) DO NOTHING
    RETURNING id, digest),
numbered AS (
    INSERT INTO matching.outbox_subjects (tenant_id, subject, consumer, last_sequence)
    SELECT $1, $13, 'matching', 1 FROM fresh),
sent AS (
    INSERT INTO matching.outbox (tenant_id, id, consumer, subject, sequence, body)
    SELECT $1, $11, 'matching', $13, 1, $12 FROM fresh)
SELECT EXISTS (SELECT FROM allowed) AS allowed, coalesce(fresh.id, known.id) AS id,
       coalesce(fresh.digest, known.digest) AS digest, fresh.id IS NOT NULL AS is_new
FROM (SELECT) AS one LEFT JOIN fresh ON true LEFT JOIN known ON true"""

_FORGET: Final = text("""
UPDATE matching.webhook_deliveries SET body = NULL
WHERE tenant_id = :tenant AND body IS NOT NULL AND state = 'done' AND received_at < :before""")


async def find_delivery(session: Session, partner_id: UUID, delivery_id: UUID) -> WebhookDelivery | None:
    """Return a delivery of a partner."""
    statement = select(WebhookDelivery).where(
        WebhookDelivery.tenant_id == session.tenant,
        WebhookDelivery.partner_id == partner_id,
        WebhookDelivery.id == delivery_id,
    )
    return await session.scalar(statement)


async def lock_delivery(session: WriteSession, delivery_id: UUID) -> WebhookDelivery | None:
    """Return a delivery with its body, and keep others from working at it meanwhile."""
    statement = select(WebhookDelivery).where(
        WebhookDelivery.tenant_id == session.tenant, WebhookDelivery.id == delivery_id
    )
    return await session.scalar(locked(statement).options(undefer(WebhookDelivery.body)))


async def list_deliveries(
    session: Session,
    partner_id: UUID,
    *,
    mode: str | None,
    state: str | None,
    message_id: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[WebhookDelivery]:
    """Return the deliveries of a partner, the newest first."""
    statement = select(WebhookDelivery).where(
        WebhookDelivery.tenant_id == session.tenant, WebhookDelivery.partner_id == partner_id
    )
    columns = ((WebhookDelivery.mode, mode), (WebhookDelivery.state, state), (WebhookDelivery.message_id, message_id))
    for column, value in columns:
        if value is not None:
            statement = statement.where(column == value)
    if after is not None:
        statement = statement.where(tuple_(WebhookDelivery.received_at, WebhookDelivery.id) < tuple_(*after))
    ordered = statement.order_by(WebhookDelivery.received_at.desc(), WebhookDelivery.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def lines_of(session: Session, delivery_id: UUID, *, fate: Fate | None = None) -> Sequence[WebhookLine]:
    """Return what became of a delivery's lines, in their order."""
    statement = select(WebhookLine).where(
        WebhookLine.tenant_id == session.tenant, WebhookLine.delivery_id == delivery_id
    )
    if fate is not None:
        statement = statement.where(WebhookLine.fate == fate.value)
    return (await session.scalars(statement.order_by(WebhookLine.position))).all()


async def add_lines(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write what became of lines."""
    if rows:
        await session.execute(insert(WebhookLine), [{"tenant_id": session.tenant, **row} for row in rows])


async def offer_ids(session: Session, partner_id: UUID, external_ids: Collection[str]) -> dict[str, UUID]:
    """Return the offers that a partner knows by ids of its own."""
    statement = select(Offer.external_id, Offer.id).where(
        Offer.tenant_id == session.tenant, Offer.partner_id == partner_id, Offer.external_id.in_(external_ids)
    )
    return {row.external_id: row.id for row in await session.execute(statement) if row.external_id is not None}


async def lock_sandbox_offer(session: WriteSession, partner_id: UUID, external_id: str) -> SandboxOffer | None:
    """Return what the sandbox has last heard of an offer."""
    statement = select(SandboxOffer).where(
        SandboxOffer.tenant_id == session.tenant,
        SandboxOffer.partner_id == partner_id,
        SandboxOffer.external_id == external_id,
    )
    return await session.scalar(locked(statement))


async def forget_bodies(session: WriteSession, before: datetime) -> None:
    """Forget what was sent before a time and is worked off."""
    await session.execute(_FORGET, {"tenant": session.tenant, "before": before})


async def forget_reports(session: WriteSession, before: datetime) -> None:
    """Forget deliveries of before a time, with their lines, and what sandboxes have heard before it."""
    await session.execute(
        delete(WebhookDelivery).where(
            WebhookDelivery.tenant_id == session.tenant,
            WebhookDelivery.received_at < before,
            WebhookDelivery.state == "done",
        )
    )
    await session.execute(
        delete(SandboxOffer).where(SandboxOffer.tenant_id == session.tenant, SandboxOffer.seen_at < before)
    )
