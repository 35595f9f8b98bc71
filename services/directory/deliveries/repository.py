"""Statements on deliveries."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.directory.deliveries.models import Delivery, DeliveryAttempt, DeliveryCount, DeliveryTenant
from services.directory.deliveries.rules import Channel, State
from services.directory.locking import locked
from services.directory.people.models import Person
from shared.db import Session, WriteSession

__all__ = [
    "add_attempts",
    "add_deliveries",
    "attempts_of",
    "count_one",
    "due_of_person",
    "find_delivery",
    "list_deliveries",
    "next_due",
    "own_deliveries",
    "people_among",
]

_SHOWN_MAX: Final = 100
_ATTEMPTS_SHOWN_MAX: Final = 200
_COUNTS_KEPT: Final = timedelta(days=7)


async def people_among(session: Session, ids: Collection[UUID]) -> dict[UUID, Person]:
    """Return those of some people whom the directory knows."""
    statement = select(Person).where(Person.tenant_id == session.tenant, Person.id.in_(ids))
    return {person.id: person for person in await session.scalars(statement)}


async def add_deliveries(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write deliveries; one that is there already stays as it is."""
    if not rows:
        return
    mark = insert(DeliveryTenant).values(tenant_id=session.tenant)
    await session.execute(mark.on_conflict_do_nothing())
    statement = insert(Delivery).on_conflict_do_nothing()
    await session.execute(statement, [{"tenant_id": session.tenant, **row} for row in rows])


async def next_due(session: WriteSession, channel: Channel, now: datetime, machine_now: datetime) -> Delivery | None:
    """Return the longest due delivery of a channel that nobody is at, locked."""
    statement = (
        select(Delivery)
        .where(
            Delivery.tenant_id == session.tenant,
            Delivery.channel == channel.value,
            Delivery.state == State.DUE.value,
            Delivery.next_at <= now,
            or_(Delivery.leased_until.is_(None), Delivery.leased_until <= machine_now),
        )
        .order_by(Delivery.next_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def count_one(session: WriteSession, person_id: UUID, channel: Channel, day: date, *, most: int) -> bool:
    """Count one more message for a person on a day, and forget some counts of long ago.

    Returns:
        False when the day is full; nothing is counted then.
    """
    if most < 1:
        return False
    row = {"tenant_id": session.tenant, "person_id": person_id, "channel": channel.value, "day": day, "sent": 1}
    statement = insert(DeliveryCount).values(row)
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "person_id", "channel", "day"],
        set_={"sent": DeliveryCount.sent + 1},
        where=DeliveryCount.sent < most,
    )
    counted = (await session.scalars(statement.returning(DeliveryCount.sent))).one_or_none()
    if counted == 1:
        await _forget_counts(session, person_id, day)
    return counted is not None


async def _forget_counts(session: WriteSession, person_id: UUID, day: date) -> None:
    """Forget a person's counts of long ago, when a new day begins for them."""
    await session.execute(
        delete(DeliveryCount)
        .where(
            DeliveryCount.tenant_id == session.tenant,
            DeliveryCount.person_id == person_id,
            DeliveryCount.day < day - _COUNTS_KEPT,
        )
        .execution_options(synchronize_session=False)
    )


async def add_attempts(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write down tries."""
    if rows:
        await session.execute(insert(DeliveryAttempt), [{"tenant_id": session.tenant, **row} for row in rows])


async def find_delivery(
    session: Session, delivery_id: UUID, *, visible: tuple[str, ...] | None, lock: bool = False
) -> Delivery | None:
    """Return a delivery to somebody who lives in one of the visible areas; all are visible when it is None."""
    statement = _visible(
        select(Delivery).where(Delivery.tenant_id == session.tenant, Delivery.id == delivery_id), session, visible
    )
    return (await session.scalars(locked(statement) if lock else statement)).one_or_none()


async def due_of_person(session: WriteSession, person_id: UUID) -> Sequence[Delivery]:
    """Return what is still to be sent to a person, locked."""
    statement = (
        select(Delivery)
        .where(Delivery.tenant_id == session.tenant, Delivery.person_id == person_id, Delivery.state == State.DUE.value)
        .order_by(Delivery.id)
    )
    return (await session.scalars(locked(statement))).all()


async def own_deliveries(session: Session, person_id: UUID) -> Sequence[Delivery]:
    """Return the newest deliveries to a person."""
    statement = (
        select(Delivery)
        .where(Delivery.tenant_id == session.tenant, Delivery.person_id == person_id)
        .order_by(Delivery.id.desc())
        .limit(_SHOWN_MAX)
    )
    return (await session.scalars(statement)).all()


async def list_deliveries(
    session: Session,
    *,
    visible: tuple[str, ...] | None,
    state: State | None,
    channel: Channel | None,
    person_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> Sequence[Delivery]:
    """Return deliveries to people who live in the visible areas, the newest first, filtered."""
    statement = _visible(select(Delivery).where(Delivery.tenant_id == session.tenant), session, visible)
    if state is not None:
        statement = statement.where(Delivery.state == state.value)
    if channel is not None:
        statement = statement.where(Delivery.channel == channel.value)
    if person_id is not None:
        statement = statement.where(Delivery.person_id == person_id)
    if before is not None:
        statement = statement.where(Delivery.id < before)
    return (await session.scalars(statement.order_by(Delivery.id.desc()).limit(limit))).all()


async def attempts_of(session: Session, delivery_id: UUID) -> Sequence[DeliveryAttempt]:
    """Return the tries of a delivery, in their order."""
    statement = (
        select(DeliveryAttempt)
        .where(DeliveryAttempt.tenant_id == session.tenant, DeliveryAttempt.delivery_id == delivery_id)
        .order_by(DeliveryAttempt.id)
        .limit(_ATTEMPTS_SHOWN_MAX)
    )
    return (await session.scalars(statement)).all()


def _visible(statement: Select[Delivery], session: Session, visible: tuple[str, ...] | None) -> Select[Delivery]:
    if visible is None:
        return statement
    theirs = select(Person.id).where(
        Person.tenant_id == session.tenant, Person.id == Delivery.person_id, Person.area_path.within_any(visible)
    )
    return statement.where(theirs.exists())
