"""Tables of invoices and payments."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.models import Base
from shared.db import TenantRow

__all__ = ["Invoice", "Payment"]


class Invoice(TenantRow, Base):
    """A supplier's bill. The hash of its document ties the paper to the book."""

    __tablename__ = "invoices"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "grant_id"], ["ledger.grants.tenant_id", "ledger.grants.id"]),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("state IN ('received', 'approved', 'paid')", name="state"),
        Index("invoices_document_key", "tenant_id", "document_sha256", unique=True),
        ForeignKeyConstraint(["tenant_id", "contract_id"], ["ledger.contracts.tenant_id", "ledger.contracts.id"]),
        ForeignKeyConstraint(["tenant_id", "supplier_id"], ["ledger.suppliers.tenant_id", "ledger.suppliers.id"]),
        Index("invoices_grant_idx", "tenant_id", "grant_id"),
        Index("invoices_contract_idx", "tenant_id", "contract_id"),
    )
    grant_id: Mapped[UUID]
    supplier: Mapped[str] = mapped_column(String(200))
    number: Mapped[str] = mapped_column(String(200))
    document_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10))
    received_by: Mapped[UUID]
    approved_by: Mapped[UUID | None]
    received_at: Mapped[datetime]
    version: Mapped[int]
    contract_id: Mapped[UUID | None]
    supplier_id: Mapped[UUID | None]
    # What has booked it as spent and owed; none for one that was approved before there was a payable.
    accrual_id: Mapped[UUID | None]


class Payment(TenantRow, Base):
    """The payment of an invoice; the unique key pays it once."""

    __tablename__ = "payments"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["ledger.invoices.tenant_id", "ledger.invoices.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "transaction_id"], ["ledger.transactions.tenant_id", "ledger.transactions.id"]
        ),
        Index("payments_invoice_key", "tenant_id", "invoice_id", unique=True),
        Index("payments_transaction_idx", "tenant_id", "transaction_id"),
    )
    invoice_id: Mapped[UUID]
    payer_id: Mapped[UUID]
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    transaction_id: Mapped[UUID]
    paid_at: Mapped[datetime]
