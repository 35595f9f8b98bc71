"""SQL of needs."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, select, tuple_, update

from services.matching.cases.models import CaseCopy
from services.matching.locking import locked
from services.matching.needs.models import UNMET, Need
from services.matching.needs.rules import NeedState
from services.matching.projects.models import Project, ProjectNeed, ProjectOpenNeed, ProjectUnit
from shared.db import Session, WriteSession

__all__ = [
    "find_need",
    "list_needs",
    "lock_need",
    "mark_proposals_due",
    "needs_by_id",
    "place_in_list",
    "units_concerned",
    "unmet_first",
]

Needs = TypeVar("Needs", bound=Select[*tuple[Any, ...]])


async def find_need(session: Session, need_id: UUID) -> Need | None:
    """Return a need."""
    return await session.scalar(select(Need).where(Need.tenant_id == session.tenant, Need.id == need_id))


async def lock_need(session: WriteSession, need_id: UUID) -> Need | None:
    """Return a need and keep others from changing it meanwhile."""
    statement = select(Need).where(Need.tenant_id == session.tenant, Need.id == need_id)
    return await session.scalar(locked(statement))


async def mark_proposals_due(session: WriteSession, need_ids: Sequence[UUID], now: datetime) -> None:
    """Have the proposals of some needs computed anew, as far as these are open."""
    # In the order of their ids, as every decision locks needs.
    open_ones = select(Need.id).where(
        Need.tenant_id == session.tenant, Need.id.in_(need_ids), Need.state == NeedState.OPEN.value
    )
    ids = (await session.scalars(open_ones.order_by(Need.id).with_for_update())).all()
    statement = update(Need).where(Need.tenant_id == session.tenant, Need.id.in_(ids)).values(proposals_due_at=now)
    await session.execute(statement, execution_options={"synchronize_session": False})


async def needs_by_id(session: Session, need_ids: Sequence[UUID]) -> Sequence[Need]:
    """Return some needs in the order of their ids."""
    statement = select(Need).where(Need.tenant_id == session.tenant, Need.id.in_(need_ids))
    return (await session.scalars(statement.order_by(Need.id))).all()


async def list_needs(
    session: Session,
    *,
    under: str | None,
    state: str | None,
    category: str | None,
    text: str | None,
    unmet: bool,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Need]:
    """Return needs, what is unmet first."""
    statement = select(Need).where(Need.tenant_id == session.tenant)
    if under is not None:
        statement = statement.where(Need.area_path.within(under))
    for column, value in ((Need.state, state), (Need.category, category)):
        if value is not None:
            statement = statement.where(column == value)
    if text is not None:
        statement = statement.where(Need.summary.icontains(text, autoescape=True))
    return (await session.scalars(unmet_first(statement, unmet=unmet, after=after).limit(limit))).all()


def unmet_first(statement: Needs, *, unmet: bool, after: tuple[Any, ...] | None) -> Needs:
    """Order needs: what nothing suits, then what is open, matched, met and withdrawn; of each the newest first.

    Args:
        statement: selects needs.
        unmet: only what nothing suits.
        after: where the page before has ended, as `place_in_list` tells it.
    """
    order = (Need.unmet_rank, Need.opened_at, Need.id)
    if unmet:
        statement = statement.where(Need.unmet_rank == UNMET)
    if after is not None:
        statement = statement.where(tuple_(*order) < tuple_(*after))
    return statement.order_by(*(column.desc() for column in order))


def place_in_list(need: Need) -> tuple[int, datetime, UUID]:
    """Return what tells where a need stands in the demand list."""
    return need.unmet_rank, need.opened_at, need.id


async def units_concerned(session: Session, need_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    """Return of needs the units at work on them: whoever has claimed the case, leads the project, or helps."""
    claimed = (
        select(Need.id, CaseCopy.unit_id)
        .join(CaseCopy, (CaseCopy.tenant_id == Need.tenant_id) & (CaseCopy.id == Need.case_id))
        .where(Need.tenant_id == session.tenant, Need.id.in_(need_ids), CaseCopy.unit_id.is_not(None))
    )
    found: dict[UUID, set[UUID]] = defaultdict(set)
    statement = claimed.union(*_at_work(session, ProjectNeed, need_ids), *_at_work(session, ProjectOpenNeed, need_ids))
    for need_id, unit_id in await session.execute(statement):
        if unit_id is not None:
            found[need_id].add(unit_id)
    return {need_id: found[need_id] for need_id in need_ids}


def _at_work(session: Session, table: Any, need_ids: Sequence[UUID]) -> list[Select[Any]]:  # noqa: ANN401 - either table
    mine = (table.tenant_id == session.tenant, table.need_id.in_(need_ids))
    leads = select(table.need_id, Project.lead_unit_id).join(
        Project, (Project.tenant_id == table.tenant_id) & (Project.id == table.project_id)
    )
    helps = select(table.need_id, ProjectUnit.unit_id).join(
        ProjectUnit, (ProjectUnit.tenant_id == table.tenant_id) & (ProjectUnit.project_id == table.project_id)
    )
    return [leads.where(*mine, Project.lead_unit_id.is_not(None)), helps.where(*mine)]
