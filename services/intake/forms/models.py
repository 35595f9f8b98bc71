"""The questions of a category, one row for each version; a version never changes."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKeyConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base, TouchedRow

__all__ = ["CategoryForm"]


class CategoryForm(TouchedRow, Base):
    """What a category asks. Version 1 is the form that asks nothing and stands in no table."""

    __tablename__ = "category_forms"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "category"], ["intake.categories.tenant_id", "intake.categories.code"]),
        CheckConstraint("version > 1", name="version"),
        Index("category_forms_changed_idx", "tenant_id", "changed_xid"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    category: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    # Not jsonb, which would put the questions into an order of its own.
    schema: Mapped[dict[str, Any]] = mapped_column(JSON)
    ui: Mapped[dict[str, Any]] = mapped_column(JSON)
    published_by: Mapped[str] = mapped_column(String(80))
    published_at: Mapped[datetime]
