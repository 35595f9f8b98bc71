"""SQL of contracts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from services.ledger.books.models import Hold
from services.ledger.contracts.models import Contract, ContractHold
from services.ledger.invoices.models import Invoice
from shared.db import Session, WriteSession

__all__ = [
    "contracted_fen",
    "contracts_of",
    "find_by_document",
    "find_contract",
    "holds_of",
    "invoiced_fen",
    "lock_contract",
    "unpaid_invoices",
]


async def find_contract(session: Session, contract_id: UUID) -> Contract | None:
    """Return a contract."""
    return await session.scalar(
        select(Contract).where(Contract.tenant_id == session.tenant, Contract.id == contract_id)
    )


async def lock_contract(session: WriteSession, contract_id: UUID) -> Contract | None:
    """Return a contract and keep others from changing it meanwhile."""
    statement = select(Contract).where(Contract.tenant_id == session.tenant, Contract.id == contract_id)
    return await session.scalar(statement.with_for_update())


async def find_by_document(session: Session, digest: bytes) -> Contract | None:
    """Return the contract of a document."""
    return await session.scalar(
        select(Contract).where(Contract.tenant_id == session.tenant, Contract.document_sha256 == digest)
    )


async def contracted_fen(session: Session, grant_id: UUID) -> int:
    """Sum what the contracts of a grant come to; a closed one counts what was invoiced under it."""
    invoiced = (
        select(func.coalesce(func.sum(Invoice.amount_fen), 0))
        .where(Invoice.tenant_id == Contract.tenant_id, Invoice.contract_id == Contract.id)
        .scalar_subquery()
    )
    open_fen = func.coalesce(func.sum(Contract.amount_fen).filter(Contract.state != "closed"), 0)
    closed_fen = func.coalesce(func.sum(invoiced).filter(Contract.state == "closed"), 0)
    statement = select(open_fen + closed_fen).where(Contract.tenant_id == session.tenant, Contract.grant_id == grant_id)
    return int(await session.scalar(statement) or 0)


async def contracts_of(session: Session, grant_id: UUID, *, after: UUID | None, limit: int) -> Sequence[Contract]:
    """Return the contracts of a grant by id."""
    statement = select(Contract).where(Contract.tenant_id == session.tenant, Contract.grant_id == grant_id)
    if after is not None:
        statement = statement.where(Contract.id > after)
    return (await session.scalars(statement.order_by(Contract.id).limit(limit))).all()


async def holds_of(session: Session, contract_id: UUID) -> Sequence[Hold]:
    """Return the holds of a contract as they stand."""
    statement = (
        select(Hold)
        .join(ContractHold, (ContractHold.tenant_id == Hold.tenant_id) & (ContractHold.hold_id == Hold.id))
        .where(ContractHold.tenant_id == session.tenant, ContractHold.contract_id == contract_id)
        .order_by(ContractHold.position)
    )
    return (await session.scalars(statement.execution_options(populate_existing=True))).all()


async def invoiced_fen(session: Session, contract_id: UUID) -> int:
    """Sum the invoices of a contract."""
    statement = select(func.coalesce(func.sum(Invoice.amount_fen), 0)).where(
        Invoice.tenant_id == session.tenant, Invoice.contract_id == contract_id
    )
    return int(await session.scalar(statement) or 0)


async def unpaid_invoices(session: Session, contract_id: UUID) -> int:
    """Count the invoices of a contract that are not paid."""
    statement = select(func.count()).where(
        Invoice.tenant_id == session.tenant, Invoice.contract_id == contract_id, Invoice.state != "paid"
    )
    return await session.scalar(statement) or 0
