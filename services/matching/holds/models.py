"""Tables of holds: what is held and by which lanes, what of a day is taken, and what is on its way."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.holds.rules import HoldState, HoldWhat, TransferState
from services.matching.models import Base
from services.matching.record.rules import Fulfilment
from shared.db import TenantRow

__all__ = ["BookingBlock", "Hold", "HoldStep", "OfferDay", "Transfer"]

_OFFER = ["matching.offers.tenant_id", "matching.offers.id"]
_HOLD = ["matching.offer_holds.tenant_id", "matching.offer_holds.id"]
_RESOURCE = ["matching.offer_resources.tenant_id", "matching.offer_resources.id"]


class Hold(TenantRow, Base):
    """Something scarce that somebody has asked for. It resolves once; of goods, parts move on by themselves."""

    __tablename__ = "offer_holds"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "offer_id"], _OFFER),
        ForeignKeyConstraint(["tenant_id", "resource_id"], _RESOURCE),
        CheckConstraint(f"what IN ({', '.join(repr(w.value) for w in HoldWhat)})", name="what"),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in HoldState)})", name="state"),
        CheckConstraint(
            "(what = 'slot') = (resource_id IS NOT NULL AND starts_at IS NOT NULL AND ends_at IS NOT NULL)"
            " AND ends_at > starts_at AND (what = 'day') = (day IS NOT NULL)",
            name="when",
        ),
        CheckConstraint("(state = 'held') = (resolved_at IS NULL)", name="resolved"),
        CheckConstraint(f"outcome IN ({', '.join(repr(o.value) for o in Fulfilment)})", name="outcome"),
        CheckConstraint(
            "state NOT IN ('committed', 'released')"
            " OR (giver_confirmed_at IS NOT NULL AND taker_confirmed_at IS NOT NULL)",
            name="both_sides",
        ),
        CheckConstraint(
            "quantity > 0 AND moving >= 0 AND received >= 0 AND moving + received <= quantity"
            " AND (moving + received = 0 OR state IN ('committed', 'released'))",
            name="moved",
        ),
        Index("offer_holds_due_idx", "tenant_id", "expires_at", postgresql_where=text("state = 'held'")),
        Index("offer_holds_offer_idx", "tenant_id", "offer_id", text("created_at DESC"), text("id DESC")),
        Index(
            "offer_holds_unsaid_idx",
            "tenant_id",
            "ends_at",
            "day",
            postgresql_where=text("state = 'committed' AND outcome IS NULL AND what <> 'quantity'"),
        ),
        Index("offer_holds_for_idx", "tenant_id", "for_kind", "for_id"),
        Index(
            "offer_holds_slot_idx",
            "tenant_id",
            "resource_id",
            "ends_at",
            postgresql_where=text("resource_id IS NOT NULL AND state IN ('held', 'committed')"),
        ),
    )
    offer_id: Mapped[UUID]
    what: Mapped[str] = mapped_column(String(8))
    quantity: Mapped[int] = mapped_column(Integer)
    resource_id: Mapped[UUID | None]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    day: Mapped[date | None]
    state: Mapped[str] = mapped_column(String(9))
    for_kind: Mapped[str] = mapped_column(String(20))
    for_id: Mapped[UUID | None]
    taker_id: Mapped[UUID | None]
    taker_unit_id: Mapped[UUID | None]
    giver_confirmed_at: Mapped[datetime | None]
    taker_confirmed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    moving: Mapped[int] = mapped_column(Integer)
    received: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(String(6))
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    version: Mapped[int]


class BookingBlock(Base):
    """A lane of a room or group that a live hold takes, buffers included. The database lets no two overlap."""

    __tablename__ = "booking_blocks"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "hold_id"], _HOLD),
        ForeignKeyConstraint(["tenant_id", "resource_id"], _RESOURCE),
        CheckConstraint("NOT isempty(span) AND lane > 0", name="span"),
        ExcludeConstraint(
            ("tenant_id", "="),
            ("resource_id", "="),
            ("lane", "="),
            ("span", "&&"),
            name="booking_blocks_no_overlap",
            using="gist",
        ),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(primary_key=True)
    resource_id: Mapped[UUID] = mapped_column(primary_key=True)
    lane: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    span: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)


class OfferDay(Base):
    """How much of a day's capacity is taken; the database refuses more than there is."""

    __tablename__ = "offer_days"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "offer_id"], _OFFER),
        CheckConstraint("taken >= 0 AND taken <= capacity", name="not_overfilled"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    offer_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    capacity: Mapped[int] = mapped_column(Integer)
    taken: Mapped[int] = mapped_column(Integer)


class Transfer(TenantRow, Base):
    """Some of what was claimed, on its way, with the proofs of both ends."""

    __tablename__ = "transfers"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "hold_id"], _HOLD),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in TransferState)})", name="state"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("(state = 'moving') = (ended_at IS NULL)", name="ended"),
        Index("transfers_hold_idx", "tenant_id", "hold_id"),
    )
    hold_id: Mapped[UUID]
    quantity: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(8))
    dispatch_proof: Mapped[str] = mapped_column(Text)
    dispatch_attachment_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    end_proof: Mapped[str | None] = mapped_column(Text)
    end_attachment_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    dispatched_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    version: Mapped[int]


class HoldStep(Base):
    """One step of a hold's history; its position is the version that it made."""

    __tablename__ = "hold_steps"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "hold_id"], _HOLD),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(24))
    actor: Mapped[str] = mapped_column(String(80))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]
