"""Tables of contracts and of the holds that keep their money."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.models import Base
from shared.db import TenantRow

__all__ = ["Contract", "ContractHold"]


class Contract(TenantRow, Base):
    """A purchase order. Its money is held from the moment it binds; a related supplier's binds when it is approved."""

    __tablename__ = "contracts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "grant_id"], ["ledger.grants.tenant_id", "ledger.grants.id"]),
        ForeignKeyConstraint(["tenant_id", "supplier_id"], ["ledger.suppliers.tenant_id", "ledger.suppliers.id"]),
        CheckConstraint("state IN ('proposed', 'binding', 'accepted', 'closed')", name="state"),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("accepted_by IS NULL OR accepted_by <> signed_by", name="accepted_by_another"),
        CheckConstraint("approved_by IS NULL OR approved_by <> signed_by", name="approved_by_another"),
        Index("contracts_grant_idx", "tenant_id", "grant_id", "id"),
        Index("contracts_document_key", "tenant_id", "document_sha256", unique=True),
    )
    grant_id: Mapped[UUID]
    supplier_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(String(200))
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    document_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10))
    signed_by: Mapped[UUID]
    signed_at: Mapped[datetime]
    approved_by: Mapped[UUID | None]
    accepted_by: Mapped[UUID | None]
    accepted_at: Mapped[datetime | None]
    acceptance_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    acceptance_note: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int]


class ContractHold(Base):
    """The part of a contract's money that is held on one account of the grant."""

    __tablename__ = "contract_holds"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "contract_id"], ["ledger.contracts.tenant_id", "ledger.contracts.id"]),
        ForeignKeyConstraint(["tenant_id", "hold_id"], ["ledger.holds.tenant_id", "ledger.holds.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hold_id: Mapped[UUID]
