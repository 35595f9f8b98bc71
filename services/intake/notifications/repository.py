"""SQL of notifications. Each audience has an index of its own, so an inbox is at most three short scans."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, exists, func, select, union_all
from sqlalchemy.dialects.postgresql import insert

from services.intake.notifications.models import Notification, NotificationReceipt, Reachable
from shared.auth import Principal, Role
from shared.db import Session, WriteSession

__all__ = [
    "add_notifications",
    "add_receipts",
    "in_my_inbox",
    "inbox",
    "put_reachable",
    "reachable_among",
    "read_ids",
    "receipts_of_case",
    "unread_count",
]

# Further back nobody reads, and nobody is asked to.
_UNREAD_LOOKED_AT: Final = 500
_UNREAD_MAX: Final = 100


async def add_notifications(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write notifications, however many."""
    if rows:
        await session.execute(insert(Notification), list(rows))


async def reachable_among(session: Session, people: Collection[UUID]) -> Sequence[UUID]:
    """Return those who have a device or want text messages."""
    statement = select(Reachable.person_id).where(
        Reachable.tenant_id == session.tenant, Reachable.person_id.in_(people), Reachable.push | Reachable.sms
    )
    return (await session.scalars(statement)).all()


async def put_reachable(session: WriteSession, person_id: UUID, *, push: bool, sms: bool) -> None:
    """Note how somebody can be reached."""
    values = {"tenant_id": session.tenant, "person_id": person_id, "push": push, "sms": sms}
    statement = insert(Reachable).values(values)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "person_id"], set_={"push": push, "sms": sms})
    )


def _mine(session: Session, caller: Principal, *, before: UUID | None, limit: int) -> Select[tuple[UUID]] | None:
    """Return the newest ids of the caller's inbox: own, of the own units, of the roles held over their places."""
    branches = []
    ids = select(Notification.id).where(Notification.tenant_id == session.tenant)
    if before is not None:
        ids = ids.where(Notification.id < before)
    if caller.subject_id is not None:
        branches.append(ids.where(Notification.person_id == caller.subject_id))
    branches += [ids.where(Notification.unit_id == unit) for unit in sorted(caller.units(Role.UNIT_STAFF))]
    for role in sorted({grant.role for grant in caller.grants}):
        paths = caller.paths(role)
        branches.append(ids.where(Notification.role == role.value, Notification.area_path.within_any(paths)))
    if not branches:
        return None
    short = [branch.order_by(Notification.id.desc()).limit(limit).subquery() for branch in branches]
    found = union_all(*(select(part.c.id) for part in short)).subquery()
    return select(found.c.id).distinct().order_by(found.c.id.desc()).limit(limit)


async def inbox(
    session: Session, caller: Principal, *, before: UUID | None, unread: bool, limit: int
) -> Sequence[Notification]:
    """Return the newest notifications for a caller; unread ones only among those that are looked at."""
    looked_at = limit if not unread else _UNREAD_LOOKED_AT
    ids = _mine(session, caller, before=before, limit=looked_at)
    if ids is None:
        return []
    statement = select(Notification).where(Notification.tenant_id == session.tenant, Notification.id.in_(ids))
    if unread:
        statement = statement.where(~_has_read(session, caller))
    return (await session.scalars(statement.order_by(Notification.id.desc()).limit(limit))).all()


def _has_read(session: Session, caller: Principal) -> Any:  # noqa: ANN401 - SQLAlchemy's EXISTS
    return exists().where(
        NotificationReceipt.tenant_id == session.tenant,
        NotificationReceipt.notification_id == Notification.id,
        NotificationReceipt.person_id == caller.subject_id,
        NotificationReceipt.state == "read",
    )


async def in_my_inbox(session: Session, caller: Principal, ids: Collection[UUID]) -> Sequence[UUID]:
    """Return those of some ids that were told to the caller."""
    statement = select(Notification).where(Notification.tenant_id == session.tenant, Notification.id.in_(ids))
    units = caller.units(Role.UNIT_STAFF)
    return [
        row.id
        for row in await session.scalars(statement)
        if row.person_id == caller.subject_id
        or row.unit_id in units
        or (row.role is not None and caller.has(Role(row.role), at=row.area_path))
    ]


async def read_ids(session: Session, caller: Principal, ids: Collection[UUID]) -> set[UUID]:
    """Return those of some ids that the caller has read."""
    statement = select(NotificationReceipt.notification_id).where(
        NotificationReceipt.tenant_id == session.tenant,
        NotificationReceipt.notification_id.in_(ids),
        NotificationReceipt.person_id == caller.subject_id,
        NotificationReceipt.state == "read",
    )
    return set((await session.scalars(statement)).all())


async def unread_count(session: Session, caller: Principal) -> int:
    """Count what waits to be read, up to a hundred."""
    ids = _mine(session, caller, before=None, limit=_UNREAD_LOOKED_AT)
    if ids is None:
        return 0
    waiting = select(Notification.id).where(Notification.tenant_id == session.tenant, Notification.id.in_(ids))
    waiting = waiting.where(~_has_read(session, caller)).limit(_UNREAD_MAX)
    return await session.scalar(select(func.count()).select_from(waiting.subquery())) or 0


async def add_receipts(session: WriteSession, rows: Sequence[dict[str, Any]]) -> int:
    """Write what became of notifications; what is known already is left. Returns how many were new."""
    if not rows:
        return 0
    known = {row["notification_id"] for row in rows}
    there = select(Notification.id).where(Notification.tenant_id == session.tenant, Notification.id.in_(known))
    exist = set((await session.scalars(there)).all())
    values = [{"tenant_id": session.tenant, **row} for row in rows if row["notification_id"] in exist]
    if not values:
        return 0
    statement = insert(NotificationReceipt).values(values).on_conflict_do_nothing()
    return len((await session.scalars(statement.returning(NotificationReceipt.notification_id))).all())


async def receipts_of_case(
    session: Session, case_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[tuple[Notification, NotificationReceipt]]:
    """Return what became of everything that was told about a case, the oldest first."""
    statement = (
        select(Notification, NotificationReceipt)
        .join(
            NotificationReceipt,
            (NotificationReceipt.tenant_id == Notification.tenant_id)
            & (NotificationReceipt.notification_id == Notification.id),
        )
        .where(Notification.tenant_id == session.tenant, Notification.case_id == case_id)
    )
    if after is not None:
        at, notification_id = after
        later = (NotificationReceipt.at > at) | ((NotificationReceipt.at == at) & (Notification.id > notification_id))
        statement = statement.where(later)
    rows = await session.execute(statement.order_by(NotificationReceipt.at, Notification.id).limit(limit))
    return [(row[0], row[1]) for row in rows]
