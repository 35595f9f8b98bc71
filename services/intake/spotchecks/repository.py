"""SQL of spot checks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, false, func, insert, or_, select, tuple_

from services.intake.cases.models import Case
from services.intake.spotchecks.models import SpotCheck, SpotCheckItem
from shared.auth import Principal, Role
from shared.db import Session, WriteSession

__all__ = ["READS", "add_items", "closed_cases", "find_check", "found", "items_of", "list_checks", "lock_item"]

READS = (Role.OFFICER, Role.SECRETARY, Role.CONVENOR, Role.ADMINISTRATOR, Role.AUDITOR)


def _visible_to(caller: Principal) -> ColumnElement[bool]:
    conditions = [SpotCheck.area_path.within(path) for path in caller.paths(*READS)]
    return or_(*conditions) if conditions else false()


async def closed_cases(session: Session, path: str, since: datetime, until: datetime, seed: str) -> Sequence[UUID]:
    """Return the cases that were closed below a path in a time, in the order in which a seed draws them."""
    order = func.sha256(func.convert_to(func.concat(seed, "/", cast(Case.id, String)), "UTF8"))
    statement = select(Case.id).where(
        Case.tenant_id == session.tenant,
        Case.area_path.within(path),
        Case.state == "closed",
        Case.closed_at >= since,
        Case.closed_at < until,
        Case.outcome.not_in(("declined", "withdrawn", "merged")),
    )
    return (await session.scalars(statement.order_by(order, Case.id))).all()


async def add_items(session: WriteSession, check_id: UUID, case_ids: Sequence[UUID]) -> None:
    """Write down which cases were drawn."""
    rows = [
        {"tenant_id": session.tenant, "check_id": check_id, "case_id": case_id, "position": position}
        for position, case_id in enumerate(case_ids, start=1)
    ]
    await session.execute(insert(SpotCheckItem), rows)


async def find_check(session: Session, caller: Principal | None, check_id: UUID) -> SpotCheck | None:
    """Return a spot check that the caller may see (any, for an id that was made by a client)."""
    statement = select(SpotCheck).where(SpotCheck.tenant_id == session.tenant, SpotCheck.id == check_id)
    if caller is not None:
        statement = statement.where(_visible_to(caller))
    return await session.scalar(statement)


async def list_checks(
    session: Session, caller: Principal, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[SpotCheck]:
    """Return visible spot checks, the newest first."""
    statement = select(SpotCheck).where(SpotCheck.tenant_id == session.tenant, _visible_to(caller))
    if after is not None:
        statement = statement.where(tuple_(SpotCheck.drawn_at, SpotCheck.id) < tuple_(*after))
    return (
        await session.scalars(statement.order_by(SpotCheck.drawn_at.desc(), SpotCheck.id.desc()).limit(limit))
    ).all()


async def found(session: Session, check_ids: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """Return for some spot checks how many cases were looked at, and how many are really solved."""
    statement = (
        select(
            SpotCheckItem.check_id,
            func.count(SpotCheckItem.checked_at),
            func.count().filter(SpotCheckItem.solved.is_(True)),
        )
        .where(SpotCheckItem.tenant_id == session.tenant, SpotCheckItem.check_id.in_(check_ids))
        .group_by(SpotCheckItem.check_id)
    )
    return {row[0]: (row[1], row[2]) for row in await session.execute(statement)}


async def items_of(session: Session, check_id: UUID, *, after: int, limit: int) -> Sequence[SpotCheckItem]:
    """Return the cases of a sample in the order in which they were drawn."""
    statement = select(SpotCheckItem).where(
        SpotCheckItem.tenant_id == session.tenant,
        SpotCheckItem.check_id == check_id,
        SpotCheckItem.position > after,
    )
    return (await session.scalars(statement.order_by(SpotCheckItem.position).limit(limit))).all()


async def lock_item(session: WriteSession, check_id: UUID, case_id: UUID) -> SpotCheckItem | None:
    """Return a case of a sample and keep others from judging it meanwhile."""
    statement = select(SpotCheckItem).where(
        SpotCheckItem.tenant_id == session.tenant,
        SpotCheckItem.check_id == check_id,
        SpotCheckItem.case_id == case_id,
    )
    return await session.scalar(statement.with_for_update())
