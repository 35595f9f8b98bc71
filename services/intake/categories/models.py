"""The category tree of a tenant."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.categories.rules import CaseKind
from services.intake.models import Base, TouchedRow

__all__ = ["Category"]

_KINDS = ", ".join(f"'{kind.value}'" for kind in CaseKind)


class Category(TouchedRow, Base):
    """One category; its code is its name towards clients and events."""

    __tablename__ = "categories"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "parent_code"], ["intake.categories.tenant_id", "intake.categories.code"]),
        ForeignKeyConstraint(
            ["tenant_id", "successor_code"], ["intake.categories.tenant_id", "intake.categories.code"]
        ),
        CheckConstraint("valid_to >= valid_from", name="validity"),
        CheckConstraint("successor_code IS NULL OR valid_to IS NOT NULL", name="successor"),
        CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        Index("categories_changed_idx", "tenant_id", "changed_xid"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    parent_code: Mapped[str | None] = mapped_column(String(40))
    proof_required: Mapped[bool]
    active: Mapped[bool]
    # Days of China, both the first and the last on which a case can be filed.
    valid_from: Mapped[date] = mapped_column(server_default="2000-01-01")
    valid_to: Mapped[date | None]
    successor_code: Mapped[str | None] = mapped_column(String(40))
    version: Mapped[int]
