"""Tables of needs."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.needs.rules import NeedState
from shared.db import Ltree, TenantRow

__all__ = ["UNMET", "Need"]

# The highest rank: open, and nothing suits. Spelled as PostgreSQL prints it, so that models and tables can be compared.
UNMET: Final = 4
_RANK: Final = (
    "CASE WHEN ((state)::text = 'open'::text) AND (no_match_reason IS NOT NULL) THEN 4"
    " WHEN ((state)::text = 'open'::text) THEN 3"
    " WHEN ((state)::text = 'matched'::text) THEN 2"
    " WHEN ((state)::text = 'met'::text) THEN 1 ELSE 0 END"
)


class Need(TenantRow, Base):
    """One line of the demand list, in an officer's words.

    Attributes:
        proposals_due_at: since when its proposals, and those of few needs beside it, are to be computed anew.
    """

    __tablename__ = "needs"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["matching.cases.tenant_id", "matching.cases.id"]),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in NeedState)})", name="state"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="point"),
        Index("needs_open_idx", "tenant_id", "category", "id", postgresql_where=text("state = 'open'")),
        Index("needs_unmet_idx", "tenant_id", text("unmet_rank DESC"), text("opened_at DESC"), text("id DESC")),
        Index("needs_area_idx", "area_path", postgresql_using="gist"),
        Index(
            "needs_proposals_due_idx",
            "tenant_id",
            "proposals_due_at",
            postgresql_where=text("state = 'open' AND proposals_due_at IS NOT NULL"),
        ),
    )
    case_id: Mapped[UUID | None]
    category: Mapped[str] = mapped_column(String(40))
    summary: Mapped[str] = mapped_column(String(200))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    quantity: Mapped[int] = mapped_column(Integer)
    urgent: Mapped[bool]
    state: Mapped[str] = mapped_column(String(10))
    no_match_reason: Mapped[str | None] = mapped_column(String(40))
    withdrawn_reason: Mapped[str | None] = mapped_column(Text)
    unmet_rank: Mapped[int] = mapped_column(SmallInteger, Computed(_RANK, persisted=True))
    opened_at: Mapped[datetime]
    proposals_due_at: Mapped[datetime | None]
    version: Mapped[int]
