"""Tables of imports of offers: the file by its hash, and each line's fate."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.imports.rules import Fate
from services.matching.models import Base
from shared.db import TenantRow
from shared.tables import FileFormat

__all__ = ["OfferImport", "OfferImportLine"]


class OfferImport(TenantRow, Base):
    """A table that was worked off, or tried."""

    __tablename__ = "offer_imports"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
        CheckConstraint(f"format IN ({', '.join(repr(f.value) for f in FileFormat)})", name="format"),
        Index("offer_imports_partner_idx", "tenant_id", "partner_id", text("created_at DESC"), text("id DESC")),
    )
    partner_id: Mapped[UUID]
    file_name: Mapped[str | None] = mapped_column(String(200))
    format: Mapped[str] = mapped_column(String(4))
    dry_run: Mapped[bool]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int] = mapped_column(Integer)
    rows: Mapped[int] = mapped_column(Integer)
    unknown_columns: Mapped[list[str]] = mapped_column(JSONB)
    counts: Mapped[dict[str, int]] = mapped_column(JSONB)
    actor: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]


class OfferImportLine(Base):
    """What became of a line; `line` is its number in the sheet."""

    __tablename__ = "offer_import_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "import_id"], ["matching.offer_imports.tenant_id", "matching.offer_imports.id"]
        ),
        CheckConstraint(f"fate IN ({', '.join(repr(f.value) for f in Fate)})", name="fate"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    fate: Mapped[str] = mapped_column(String(10))
    external_id: Mapped[str] = mapped_column(String(100))
    title: Mapped[str] = mapped_column(String(200))
    complaints: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
