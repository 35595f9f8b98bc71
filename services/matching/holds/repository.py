"""SQL of holds. Whoever changes one has locked the row of its offer before: holds of an offer take turns."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import Range, insert

from services.matching.holds.models import BookingBlock, Hold, HoldStep, OfferDay, Transfer
from services.matching.locking import locked
from services.matching.offers.models import Offer
from services.matching.partners.models import Partner
from shared.clock import CHINA
from shared.db import Session, WriteSession

__all__ = [
    "add_blocks",
    "blocks_of",
    "days_of",
    "drop_blocks",
    "due_holds",
    "find_hold",
    "find_transfer",
    "free_lanes",
    "give_back_day",
    "holds_of",
    "is_booked",
    "lock_hold",
    "steps_of",
    "take_day",
    "transfers_of",
    "unsaid_holds",
]

_LIVE: Final = ("held", "committed")
# Lanes that nobody has during a span, the lowest first.
_FREE_LANES: Final = text("""
SELECT lane FROM generate_series(1, :units) AS lane
WHERE NOT EXISTS (
    SELECT FROM matching.booking_blocks AS b
    WHERE b.tenant_id = :tenant AND b.resource_id = :resource_id AND b.lane = lane.lane
        AND b.span && tstzrange(:starts_at, :ends_at))
ORDER BY lane LIMIT :wanted""")


async def find_hold(session: Session, hold_id: UUID) -> Hold | None:
    """Return a hold."""
    return await session.scalar(select(Hold).where(Hold.tenant_id == session.tenant, Hold.id == hold_id))


async def lock_hold(session: WriteSession, hold_id: UUID) -> Hold | None:
    """Return a hold and keep others from changing it meanwhile."""
    return await session.scalar(locked(select(Hold).where(Hold.tenant_id == session.tenant, Hold.id == hold_id)))


async def holds_of(
    session: Session,
    *,
    offer_id: UUID | None = None,
    resource_id: UUID | None = None,
    for_id: UUID | None = None,
    taker: UUID | None = None,
    state: str | None = None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Hold]:
    """Return holds, the newest first."""
    statement = select(Hold).where(Hold.tenant_id == session.tenant)
    wanted = ((Hold.offer_id, offer_id), (Hold.resource_id, resource_id), (Hold.for_id, for_id), (Hold.taker_id, taker))
    for column, value in wanted:
        if value is not None:
            statement = statement.where(column == value)
    if state is not None:
        statement = statement.where(Hold.state == state)
    if after is not None:
        statement = statement.where(tuple_(Hold.created_at, Hold.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Hold.created_at.desc(), Hold.id.desc()).limit(limit))).all()


async def due_holds(
    session: WriteSession, now: datetime, *, offer_id: UUID | None = None, limit: int
) -> Sequence[Hold]:
    """Return holds whose time has come, of one offer or of all."""
    statement = select(Hold).where(Hold.tenant_id == session.tenant, Hold.state == "held", Hold.expires_at <= now)
    if offer_id is not None:
        statement = statement.where(Hold.offer_id == offer_id)
    return (await session.scalars(statement.order_by(Hold.expires_at, Hold.id).limit(limit))).all()


async def unsaid_holds(
    session: WriteSession, before: datetime, *, kinds: Collection[str], limit: int
) -> Sequence[tuple[Hold, Partner]]:
    """Return promised times and days that ended before a moment and of which nobody has said how, locked."""
    ended = or_(Hold.ends_at <= before, Hold.day < before.astimezone(CHINA).date())
    statement = (
        select(Hold, Partner)
        .join(Offer, (Offer.tenant_id == Hold.tenant_id) & (Offer.id == Hold.offer_id))
        .join(Partner, (Partner.tenant_id == Offer.tenant_id) & (Partner.id == Offer.partner_id))
        .where(
            Hold.tenant_id == session.tenant,
            Hold.state == "committed",
            Hold.outcome.is_(None),
            Hold.what != "quantity",
            Hold.for_kind.in_(kinds),
            ended,
        )
        .order_by(Hold.id)
        .limit(limit)
        .with_for_update(of=Hold, skip_locked=True)
    )
    return [(hold, partner) for hold, partner in (await session.execute(statement)).all()]


async def is_booked(session: Session, resource_ids: Collection[UUID], now: datetime) -> bool:
    """Tell whether somebody has one of the rooms or groups now or later."""
    statement = (
        select(Hold.id)
        .where(
            Hold.tenant_id == session.tenant,
            Hold.resource_id.in_(resource_ids),
            Hold.state.in_(_LIVE),
            Hold.ends_at > now,
        )
        .limit(1)
    )
    return await session.scalar(statement) is not None


async def free_lanes(
    session: WriteSession, resource_id: UUID, *, units: int, starts_at: datetime, ends_at: datetime, wanted: int
) -> list[int]:
    """Return up to so many lanes of a room or group that nobody has during a span."""
    values = {"tenant": session.tenant, "resource_id": resource_id, "units": units, "wanted": wanted}
    found = await session.scalars(_FREE_LANES, {**values, "starts_at": starts_at, "ends_at": ends_at})
    return list(found)


async def add_blocks(
    session: WriteSession, hold_id: UUID, taken: Collection[tuple[UUID, int]], span: Range[datetime]
) -> None:
    """Take lanes for a span."""
    rows = [
        {"tenant_id": session.tenant, "hold_id": hold_id, "resource_id": resource_id, "lane": lane, "span": span}
        for resource_id, lane in taken
    ]
    await session.execute(insert(BookingBlock).values(rows))


async def drop_blocks(session: WriteSession, hold_id: UUID) -> None:
    """Give lanes back."""
    statement = delete(BookingBlock).where(BookingBlock.tenant_id == session.tenant, BookingBlock.hold_id == hold_id)
    await session.execute(statement, execution_options={"synchronize_session": False})


async def blocks_of(
    session: Session, resource_ids: Collection[UUID], starts_at: datetime, ends_at: datetime
) -> Sequence[BookingBlock]:
    """Return what is taken of rooms or groups within a span."""
    statement = select(BookingBlock).where(
        BookingBlock.tenant_id == session.tenant,
        BookingBlock.resource_id.in_(resource_ids),
        BookingBlock.span.overlaps(Range(starts_at, ends_at)),
    )
    return (await session.scalars(statement.order_by(BookingBlock.resource_id, BookingBlock.lane))).all()


async def take_day(session: WriteSession, offer_id: UUID, day: date, *, capacity: int, wanted: int) -> int | None:
    """Take a share of a day; returns None, or how much is left when that is too little."""
    values = {"tenant_id": session.tenant, "offer_id": offer_id, "day": day, "capacity": capacity, "taken": 0}
    await session.execute(insert(OfferDay).values(values).on_conflict_do_nothing())
    statement = select(OfferDay).where(
        OfferDay.tenant_id == session.tenant, OfferDay.offer_id == offer_id, OfferDay.day == day
    )
    row = (await session.scalars(locked(statement))).one()
    if row.taken + wanted > capacity:
        return max(0, capacity - row.taken)
    # A partner that can do less than yesterday still does what it has promised.
    row.capacity, row.taken = max(capacity, row.taken + wanted), row.taken + wanted
    await session.flush()
    return None


async def give_back_day(session: WriteSession, offer_id: UUID, day: date, quantity: int) -> None:
    """Give a share of a day back."""
    statement = update(OfferDay).where(
        OfferDay.tenant_id == session.tenant, OfferDay.offer_id == offer_id, OfferDay.day == day
    )
    changed = statement.values(taken=OfferDay.taken - quantity)
    await session.execute(changed, execution_options={"synchronize_session": False})


async def days_of(session: Session, offer_ids: Collection[UUID], first: date, last: date) -> Sequence[OfferDay]:
    """Return what is taken of days, both included."""
    statement = select(OfferDay).where(
        OfferDay.tenant_id == session.tenant, OfferDay.offer_id.in_(offer_ids), OfferDay.day.between(first, last)
    )
    return (await session.scalars(statement)).all()


async def find_transfer(session: Session, transfer_id: UUID) -> Transfer | None:
    """Return goods on their way."""
    return await session.scalar(
        select(Transfer).where(Transfer.tenant_id == session.tenant, Transfer.id == transfer_id)
    )


async def transfers_of(session: Session, hold_id: UUID) -> Sequence[Transfer]:
    """Return what was sent of a hold, the first first."""
    statement = select(Transfer).where(Transfer.tenant_id == session.tenant, Transfer.hold_id == hold_id)
    return (await session.scalars(statement.order_by(Transfer.dispatched_at, Transfer.id))).all()


async def steps_of(session: Session, hold_id: UUID) -> Sequence[HoldStep]:
    """Return the history of a hold in its order."""
    statement = select(HoldStep).where(HoldStep.tenant_id == session.tenant, HoldStep.hold_id == hold_id)
    return (await session.scalars(statement.order_by(HoldStep.position))).all()
