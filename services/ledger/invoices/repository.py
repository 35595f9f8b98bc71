"""SQL of invoices."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from services.ledger.invoices.models import Invoice, Payment
from shared.db import Session, WriteSession

__all__ = ["billed_fen", "find_by_document", "find_invoice", "invoices_of", "lock_invoice", "payment_of"]


async def find_invoice(session: Session, invoice_id: UUID) -> Invoice | None:
    """Return an invoice."""
    return await session.scalar(select(Invoice).where(Invoice.tenant_id == session.tenant, Invoice.id == invoice_id))


async def lock_invoice(session: WriteSession, invoice_id: UUID) -> Invoice | None:
    """Return an invoice and keep others from changing it meanwhile."""
    statement = select(Invoice).where(Invoice.tenant_id == session.tenant, Invoice.id == invoice_id)
    return await session.scalar(statement.with_for_update())


async def find_by_document(session: Session, digest: bytes) -> Invoice | None:
    """Return the invoice of a document."""
    statement = select(Invoice).where(Invoice.tenant_id == session.tenant, Invoice.document_sha256 == digest)
    return await session.scalar(statement)


async def billed_fen(session: Session, grant_id: UUID) -> int:
    """Sum the invoices of a grant."""
    statement = select(func.coalesce(func.sum(Invoice.amount_fen), 0)).where(
        Invoice.tenant_id == session.tenant, Invoice.grant_id == grant_id
    )
    return int(await session.scalar(statement) or 0)


async def invoices_of(session: Session, grant_id: UUID, *, after: UUID | None, limit: int) -> Sequence[Invoice]:
    """Return a grant's invoices by id."""
    statement = select(Invoice).where(Invoice.tenant_id == session.tenant, Invoice.grant_id == grant_id)
    if after is not None:
        statement = statement.where(Invoice.id > after)
    return (await session.scalars(statement.order_by(Invoice.id).limit(limit))).all()


async def payment_of(session: Session, invoice_id: UUID) -> Payment | None:
    """Return the payment of an invoice."""
    statement = select(Payment).where(Payment.tenant_id == session.tenant, Payment.invoice_id == invoice_id)
    return await session.scalar(statement)
