"""Statements on people and grants."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.directory.locking import locked
from services.directory.people.models import Person, RoleGrant
from shared.db import Session, WriteSession

__all__ = [
    "find_grant",
    "find_person",
    "find_person_by_phone",
    "find_person_by_username",
    "insert_grant",
    "insert_person",
    "list_current_grants",
    "list_grants",
    "list_people",
]

# What one person's page shows; whoever held more roles than this is a robot.
_GRANTS_SHOWN_MAX: Final = 200


def _current(now: datetime) -> ColumnElement[bool]:
    """Tell whether a grant is held at an instant: from its start, and not at its end any more."""
    return and_(RoleGrant.starts_at <= now, or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now))


def _not_over(now: datetime) -> ColumnElement[bool]:
    """Tell whether a grant is held or will be."""
    return or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now)


async def insert_person(session: WriteSession, values: dict[str, Any]) -> bool:
    """Insert a person; False when the id, the number or the username is taken."""
    statement = insert(Person).values(tenant_id=session.tenant, **values).on_conflict_do_nothing().returning(Person.id)
    return (await session.execute(statement)).one_or_none() is not None


async def find_person(session: Session, person_id: UUID, *, lock: bool = False) -> Person | None:
    """Return a person, locked against other changes if wanted."""
    statement = select(Person).where(Person.tenant_id == session.tenant, Person.id == person_id)
    return (await session.scalars(locked(statement) if lock else statement)).one_or_none()


async def find_person_by_phone(session: Session, phone_index: bytes) -> Person | None:
    """Return the person with a number, by its blind index."""
    statement = select(Person).where(Person.tenant_id == session.tenant, Person.phone_index == phone_index)
    return (await session.scalars(statement)).one_or_none()


async def find_person_by_username(session: Session, username: str) -> Person | None:
    """Return the person with a username."""
    statement = select(Person).where(Person.tenant_id == session.tenant, Person.username == username)
    return (await session.scalars(statement)).one_or_none()


async def list_people(
    session: Session,
    *,
    visible: tuple[str, ...] | None,
    under: str | None,
    text: str | None,
    now: datetime,
    after: UUID | None,
    limit: int,
) -> Sequence[Person]:
    """Return people in the order of their ids, filtered.

    Those who live or hold a role in the `visible` areas may be seen; all may when it is None.
    """
    statement = select(Person).where(Person.tenant_id == session.tenant).order_by(Person.id).limit(limit)
    if visible is not None:
        holds_role = exists().where(
            RoleGrant.tenant_id == session.tenant,
            RoleGrant.person_id == Person.id,
            RoleGrant.area_path.within_any(visible),
            _current(now),
        )
        statement = statement.where(or_(Person.area_path.within_any(visible), holds_role))
    if under is not None:
        statement = statement.where(Person.area_path.within(under))
    if text is not None:
        statement = statement.where(Person.display_name.icontains(text, autoescape=True))
    if after is not None:
        statement = statement.where(Person.id > after)
    return (await session.scalars(statement)).all()


async def insert_grant(session: WriteSession, values: dict[str, Any]) -> bool:
    """Insert a grant; False when its id is taken."""
    statement = (
        insert(RoleGrant).values(tenant_id=session.tenant, **values).on_conflict_do_nothing().returning(RoleGrant.id)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def find_grant(session: Session, person_id: UUID, grant_id: UUID, *, lock: bool = False) -> RoleGrant | None:
    """Return one grant of a person, locked against other changes if wanted."""
    statement = select(RoleGrant).where(
        RoleGrant.tenant_id == session.tenant, RoleGrant.id == grant_id, RoleGrant.person_id == person_id
    )
    return (await session.scalars(locked(statement) if lock else statement)).one_or_none()


async def list_grants(session: Session, person_id: UUID) -> Sequence[RoleGrant]:
    """Return a person's grants, the newest first."""
    statement = (
        select(RoleGrant)
        .where(RoleGrant.tenant_id == session.tenant, RoleGrant.person_id == person_id)
        .order_by(RoleGrant.created_at.desc(), RoleGrant.id.desc())
        .limit(_GRANTS_SHOWN_MAX)
    )
    return (await session.scalars(statement)).all()


async def list_current_grants(
    session: Session, person_id: UUID, now: datetime, *, with_future: bool = False
) -> Sequence[RoleGrant]:
    """Return the grants that a person holds at an instant, and those to come if wanted."""
    statement = (
        select(RoleGrant)
        .where(
            RoleGrant.tenant_id == session.tenant,
            RoleGrant.person_id == person_id,
            _not_over(now) if with_future else _current(now),
        )
        .order_by(func.nlevel(RoleGrant.area_path), RoleGrant.id)
        .limit(_GRANTS_SHOWN_MAX)
    )
    return (await session.scalars(statement)).all()
