"""Tables of plans."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Integer, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.plans.rules import LineChange, LineOutcome, PlanState
from shared.db import Ltree, TenantRow

__all__ = ["MatchPlan", "MatchPlanLine", "MatchPlanOffer"]

_PLAN = (["tenant_id", "plan_id"], ["matching.match_plans.tenant_id", "matching.match_plans.id"])


class MatchPlan(TenantRow, Base):
    """A plan for the open needs of an area, with what it was asked to keep to and what came out.

    Attributes:
        pruned_at: when the last of its lines was deleted.
    """

    __tablename__ = "match_plans"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in PlanState)})", name="state"),
        Index("match_plans_requested_idx", "tenant_id", text("requested_at DESC"), text("id DESC")),
        Index(
            "match_plans_wanted_key",
            "tenant_id",
            "area_path",
            unique=True,
            postgresql_where=text("state = 'wanted'"),
        ),
        Index(
            "match_plans_pruning_idx",
            "tenant_id",
            "id",
            postgresql_where=text("state = 'lapsed' AND pruned_at IS NULL"),
        ),
    )
    area_id: Mapped[UUID | None]
    area_path: Mapped[str] = mapped_column(Ltree())
    state: Mapped[str] = mapped_column(String(10))
    floors: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    prices: Mapped[dict[str, int]] = mapped_column(JSONB)
    requested_by: Mapped[str] = mapped_column(String(80))
    requested_at: Mapped[datetime]
    computed_at: Mapped[datetime | None]
    applied_by: Mapped[str | None] = mapped_column(String(80))
    applied_at: Mapped[datetime | None]
    pruned_at: Mapped[datetime | None]
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    score: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]


class MatchPlanLine(Base):
    """What a plan proposes for one need, or for one part of it, and why; or why it is left open."""

    __tablename__ = "match_plan_lines"
    __table_args__ = (
        ForeignKeyConstraint(*_PLAN),
        CheckConstraint(f"change IN ({', '.join(repr(s.value) for s in LineChange)})", name="change"),
        CheckConstraint(f"outcome IN ({', '.join(repr(s.value) for s in LineOutcome)})", name="outcome"),
        CheckConstraint("(offer_id IS NULL) = (change IN ('withdrawn', 'left_open'))", name="offer"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    need_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    offer_id: Mapped[UUID | None]
    earlier_offer_id: Mapped[UUID | None]
    change: Mapped[str] = mapped_column(String(10))
    score: Mapped[int] = mapped_column(Integer)
    explanation: Mapped[dict[str, Any]] = mapped_column(JSONB)
    need_version: Mapped[int] = mapped_column(Integer)
    offer_version: Mapped[int | None] = mapped_column(Integer)
    outcome: Mapped[str | None] = mapped_column(String(8))


class MatchPlanOffer(Base):
    """An offer that a plan passed over: the filter that failed at the need that came nearest, or what that took."""

    __tablename__ = "match_plan_offers"
    __table_args__ = (ForeignKeyConstraint(*_PLAN),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    offer_id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(String(40))
    need_id: Mapped[UUID | None]
    taken_by: Mapped[UUID | None]
