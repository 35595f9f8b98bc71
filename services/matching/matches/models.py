"""Tables of matches."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, ForeignKeyConstraint, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.matches.rules import MatchState
from services.matching.models import Base
from shared.db import TenantRow

__all__ = ["Match", "MatchWeights"]


class Match(TenantRow, Base):
    """One proposal with its explanation, as it was computed."""

    __tablename__ = "matches"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "need_id"], ["matching.needs.tenant_id", "matching.needs.id"]),
        ForeignKeyConstraint(["tenant_id", "offer_id"], ["matching.offers.tenant_id", "matching.offers.id"]),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in MatchState)})", name="state"),
        ForeignKeyConstraint(["tenant_id", "hold_id"], ["matching.offer_holds.tenant_id", "matching.offer_holds.id"]),
        Index("matches_pair_key", "tenant_id", "need_id", "offer_id", unique=True),
        Index("matches_project_idx", "tenant_id", "project_id", postgresql_where=text("project_id IS NOT NULL")),
    )
    need_id: Mapped[UUID]
    offer_id: Mapped[UUID]
    score: Mapped[int] = mapped_column(Integer)
    rank: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(10))
    explanation: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str | None] = mapped_column(Text)
    project_id: Mapped[UUID | None]
    hold_id: Mapped[UUID | None]
    computed_at: Mapped[datetime]
    version: Mapped[int]


class MatchWeights(Base):
    """Weights that were learned from decisions, with what they were worth on decisions that they had not seen."""

    __tablename__ = "match_weights"
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    mode: Mapped[str] = mapped_column(String(20))
    points: Mapped[dict[str, Any]] = mapped_column(JSONB)
    threshold: Mapped[int] = mapped_column(Integer)
    decisions: Mapped[int] = mapped_column(Integer)
    accuracy: Mapped[float] = mapped_column(Double)
    stated_accuracy: Mapped[float] = mapped_column(Double)
    learned_at: Mapped[datetime]
