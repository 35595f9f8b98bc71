"""Statements on devices, preferences and reach.

Locks are taken in one order everywhere: the token, the people by their ids, then devices. So nothing deadlocks, and
what is published of a person's reach is the truth of the commit.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from services.directory.devices.models import Device, NotificationPreference, ToldReach
from services.directory.devices.rules import DEVICES_MAX, Reach
from services.directory.people.models import Person
from shared.db import Session, WriteSession

__all__ = [
    "delete_device",
    "delete_devices_of",
    "delete_surplus",
    "devices_of",
    "find_by_token",
    "insert_device",
    "lock_people",
    "lock_token",
    "move_device",
    "preference_of",
    "preferences_of",
    "put_preference",
    "put_told",
    "told_of",
]

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def lock_token(session: WriteSession, index: bytes) -> None:
    """Let only one transaction at a time register a token."""
    await session.execute(_LOCK, {"name": f"directory/device/{session.tenant}/{index.hex()}"})


async def lock_people(session: WriteSession, ids: Collection[UUID]) -> dict[UUID, Person]:
    """Lock people, in the order of their ids, against other changes of their reach. Returns those who exist."""
    statement = (
        select(Person)
        .where(Person.tenant_id == session.tenant, Person.id.in_(ids))
        .order_by(Person.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {person.id: person for person in await session.scalars(statement)}


async def find_by_token(session: Session, index: bytes) -> Device | None:
    """Return the device of a token."""
    statement = select(Device).where(Device.tenant_id == session.tenant, Device.token_index == index)
    return (await session.scalars(statement.execution_options(populate_existing=True))).one_or_none()


async def devices_of(session: Session, people: Collection[UUID]) -> Sequence[Device]:
    """Return the devices of some people, the last used first."""
    statement = (
        select(Device)
        .where(Device.tenant_id == session.tenant, Device.person_id.in_(people))
        .order_by(Device.used_at.desc(), Device.id.desc())
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).all()


async def insert_device(session: WriteSession, values: dict[str, Any]) -> bool:
    """Insert a device; False when its id names another one."""
    statement = insert(Device).values(tenant_id=session.tenant, **values).on_conflict_do_nothing().returning(Device.id)
    return (await session.execute(statement)).one_or_none() is not None


async def move_device(session: WriteSession, device_id: UUID, values: dict[str, Any]) -> None:
    """Give a device to whoever holds it now."""
    await session.execute(
        update(Device)
        .where(Device.tenant_id == session.tenant, Device.id == device_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


async def delete_device(session: WriteSession, person_id: UUID, device_id: UUID, token_index: bytes | None) -> bool:
    """Delete a device of a person, only with a certain token if one is given; False when there is none."""
    statement = delete(Device).where(
        Device.tenant_id == session.tenant, Device.id == device_id, Device.person_id == person_id
    )
    if token_index is not None:
        statement = statement.where(Device.token_index == token_index)
    return (await session.execute(statement.returning(Device.id))).one_or_none() is not None


async def delete_devices_of(session: WriteSession, person_id: UUID) -> None:
    """Delete all devices of a person, with their tokens."""
    await session.execute(delete(Device).where(Device.tenant_id == session.tenant, Device.person_id == person_id))


async def delete_surplus(session: WriteSession, person_id: UUID) -> None:
    """Delete the devices of a person that are one too many, the longest silent ones."""
    ours = Device.tenant_id == session.tenant
    surplus = (
        select(Device.id)
        .where(ours, Device.person_id == person_id)
        .order_by(Device.used_at.desc(), Device.id.desc())
        .offset(DEVICES_MAX)
    )
    await session.execute(
        delete(Device).where(ours, Device.id.in_(surplus)).execution_options(synchronize_session=False)
    )


async def preferences_of(session: Session, people: Collection[UUID]) -> dict[UUID, NotificationPreference]:
    """Return what some people wish; who never said so is missing."""
    statement = select(NotificationPreference).where(
        NotificationPreference.tenant_id == session.tenant, NotificationPreference.person_id.in_(people)
    )
    found = await session.scalars(statement.execution_options(populate_existing=True))
    return {row.person_id: row for row in found}


async def preference_of(session: Session, person_id: UUID) -> NotificationPreference | None:
    """Return what one person wishes."""
    return (await preferences_of(session, [person_id])).get(person_id)


async def put_preference(session: WriteSession, person_id: UUID, values: dict[str, Any]) -> None:
    """Keep what a person wishes."""
    statement = insert(NotificationPreference).values(tenant_id=session.tenant, person_id=person_id, **values)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "person_id"], set_=values).execution_options(
            synchronize_session=False
        )
    )


async def told_of(session: Session, person_id: UUID) -> Reach:
    """Return what was last published of a person's reach; nothing means that nothing reaches them."""
    statement = select(ToldReach.push, ToldReach.sms).where(
        ToldReach.tenant_id == session.tenant, ToldReach.person_id == person_id
    )
    row = (await session.execute(statement)).one_or_none()
    return Reach(push=row.push, sms=row.sms) if row else Reach(push=False, sms=False)


async def put_told(session: WriteSession, person_id: UUID, reach: Reach, now: datetime) -> None:
    """Keep what is published of a person's reach."""
    values = {"push": reach.push, "sms": reach.sms, "told_at": now}
    statement = insert(ToldReach).values(tenant_id=session.tenant, person_id=person_id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "person_id"], set_=values))
