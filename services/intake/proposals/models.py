"""Tables of what people say of categories, and of what was learned from it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, ForeignKeyConstraint, Index, Integer, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from shared.db import TenantRow

__all__ = ["CONTENT_MAX_BYTES", "CaseVector", "CategoryKeywords", "CategoryLabel", "ProposalModel"]

CONTENT_MAX_BYTES = 4 * 1024 * 1024

_OF_CATEGORY = (["tenant_id", "category"], ["intake.categories.tenant_id", "intake.categories.code"])
_OF_CASE = (["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"])


class CategoryKeywords(Base):
    """Words that a category is recognised by, beside its names."""

    __tablename__ = "category_keywords"
    __table_args__ = (ForeignKeyConstraint(*_OF_CATEGORY),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    category: Mapped[str] = mapped_column(String(40), primary_key=True)
    keywords: Mapped[list[str]] = mapped_column(JSONB)
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]
    version: Mapped[int]


class CategoryLabel(TenantRow, Base):
    """What somebody of the staff says a case is about; the last word on a case counts."""

    __tablename__ = "category_labels"
    __table_args__ = (
        ForeignKeyConstraint(*_OF_CASE),
        ForeignKeyConstraint(*_OF_CATEGORY),
        Index("category_labels_case_idx", "tenant_id", "case_id", "labelled_at"),
        Index("category_labels_newest_idx", "tenant_id", "labelled_at"),
    )
    case_id: Mapped[UUID]
    category: Mapped[str] = mapped_column(String(40))
    labelled_by: Mapped[str] = mapped_column(String(80))
    labelled_at: Mapped[datetime]


class CaseVector(Base):
    """A case's text as an encoder places it, in half precision; another version of an encoder makes its own."""

    __tablename__ = "case_vectors"
    __table_args__ = (ForeignKeyConstraint(*_OF_CASE),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    encoder: Mapped[str] = mapped_column(String(80), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]


class ProposalModel(Base):
    """What was learned, with what it was worth on labels that it had not seen; `content` is compressed JSON."""

    __tablename__ = "proposal_models"
    __table_args__ = (CheckConstraint(f"octet_length(content) <= {CONTENT_MAX_BYTES}", name="size"),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    labels: Mapped[int]
    words_hash: Mapped[str] = mapped_column(String(64))
    labels_hash: Mapped[str] = mapped_column(String(64))
    encoder: Mapped[str | None] = mapped_column(String(80))
    threshold: Mapped[float] = mapped_column(Double)
    held_out: Mapped[int]
    accuracy: Mapped[float] = mapped_column(Double)
    abstained: Mapped[float] = mapped_column(Double)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    learned_at: Mapped[datetime]
