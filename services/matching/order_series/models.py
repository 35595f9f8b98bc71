"""Tables of recurring orders."""

from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Date, ForeignKeyConstraint, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.order_series.rules import OccurrenceState, SeriesState
from shared.db import Ltree, TenantRow

__all__ = ["Occurrence", "Series"]

_STATES = ", ".join(repr(state.value) for state in SeriesState)
_OCCURRENCES = ", ".join(repr(state.value) for state in OccurrenceState)


class Series(TenantRow, Base):
    """A recurring order. Its days up to `planned_through` have been dealt with."""

    __tablename__ = "order_series"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "offer_id"], ["matching.offers.tenant_id", "matching.offers.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "contact_id"], ["matching.order_contacts.tenant_id", "matching.order_contacts.id"]
        ),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("quantity > 0 AND lasts_min > 0 AND up_to_fen >= 0", name="amounts"),
        Index("order_series_number_key", "tenant_id", "number", unique=True),
        Index("order_series_made_idx", "tenant_id", text("made_at DESC"), text("id DESC")),
        Index("order_series_area_idx", "area_path", postgresql_using="gist"),
        Index("order_series_plan_idx", "tenant_id", "planned_through", postgresql_where=text("state = 'running'")),
    )
    number: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200))
    offer_id: Mapped[UUID]
    requester_id: Mapped[UUID]
    placed_by: Mapped[str] = mapped_column(String(80))
    within: Mapped[str | None] = mapped_column(Ltree())
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    resource_id: Mapped[UUID | None]
    quantity: Mapped[int] = mapped_column(Integer)
    up_to_fen: Mapped[int | None] = mapped_column(BigInteger)
    is_of_age: Mapped[bool]
    contact_id: Mapped[UUID | None]
    rrule: Mapped[str] = mapped_column(String(200))
    starts_on: Mapped[date]
    opens: Mapped[time]
    lasts_min: Mapped[int] = mapped_column(Integer)
    without_holidays: Mapped[bool]
    skips: Mapped[list[date]] = mapped_column(ARRAY(Date))
    planned_through: Mapped[date]
    state: Mapped[str] = mapped_column(String(8))
    made_at: Mapped[datetime]
    version: Mapped[int]


class Occurrence(Base):
    """One day of a recurring order, and what became of it; a day is dealt with once."""

    __tablename__ = "order_occurrences"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "series_id"], ["matching.order_series.tenant_id", "matching.order_series.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "order_id"], ["matching.orders.tenant_id", "matching.orders.id"]),
        CheckConstraint(f"state IN ({_OCCURRENCES})", name="state"),
        CheckConstraint("state <> 'ordered' OR order_id IS NOT NULL", name="ordered"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    series_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(8))
    order_id: Mapped[UUID | None]
    reason: Mapped[str | None] = mapped_column(String(40))
    at: Mapped[datetime]
