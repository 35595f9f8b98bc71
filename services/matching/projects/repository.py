"""SQL of projects."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from services.matching.holds.models import Hold
from services.matching.holds.rules import HoldState
from services.matching.locking import locked
from services.matching.matches.models import Match
from services.matching.matches.rules import MatchState
from services.matching.offers.models import Offer
from services.matching.projects.models import (
    Milestone,
    Project,
    ProjectNeed,
    ProjectNumber,
    ProjectOpenNeed,
    ProjectStep,
    ProjectUnit,
)
from shared.db import Session, WriteSession

__all__ = [
    "drop_helper",
    "drop_need",
    "find_project",
    "helpers_of",
    "list_projects",
    "lock_project",
    "matches_of",
    "milestones_of",
    "need_ids_of",
    "needs_of",
    "partners_of",
    "project_of_request",
    "reopen_matches",
    "steps_of",
    "take_number",
    "waiting_offers",
]


async def take_number(session: WriteSession, year: int) -> int:
    """Return the next number of a year."""
    statement = insert(ProjectNumber).values(tenant_id=session.tenant, year=year, last_number=1)
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "year"], set_={"last_number": ProjectNumber.last_number + 1}
    )
    number = await session.scalar(statement.returning(ProjectNumber.last_number))
    return int(number or 0)


async def find_project(session: Session, project_id: UUID) -> Project | None:
    """Return a project."""
    return await session.scalar(select(Project).where(Project.tenant_id == session.tenant, Project.id == project_id))


async def lock_project(session: WriteSession, project_id: UUID) -> Project | None:
    """Return a project and keep others from changing it meanwhile."""
    statement = select(Project).where(Project.tenant_id == session.tenant, Project.id == project_id)
    return await session.scalar(locked(statement))


async def project_of_request(session: WriteSession, project_id: UUID, request_id: UUID | None) -> Project | None:
    """Return the project that asked a budget, locked, if this request is still its current one."""
    project = await lock_project(session, project_id)
    return project if project is not None and project.request_id == request_id else None


async def milestones_of(session: Session, project_id: UUID) -> Sequence[Milestone]:
    """Return a project's milestones in order."""
    statement = select(Milestone).where(Milestone.tenant_id == session.tenant, Milestone.project_id == project_id)
    return (await session.scalars(statement.order_by(Milestone.position))).all()


async def needs_of(session: Session, project_id: UUID) -> Sequence[ProjectNeed]:
    """Return which needs a project meets with which offers."""
    statement = select(ProjectNeed).where(ProjectNeed.tenant_id == session.tenant, ProjectNeed.project_id == project_id)
    return (await session.scalars(statement.order_by(ProjectNeed.need_id, ProjectNeed.offer_id))).all()


async def need_ids_of(session: Session, project_id: UUID) -> list[UUID]:
    """Return all needs of a project: those that something was found for, and those that are still open."""
    found = await session.scalars(
        select(ProjectNeed.need_id)
        .where(ProjectNeed.tenant_id == session.tenant, ProjectNeed.project_id == project_id)
        .union(
            select(ProjectOpenNeed.need_id).where(
                ProjectOpenNeed.tenant_id == session.tenant, ProjectOpenNeed.project_id == project_id
            )
        )
        .order_by("need_id")
    )
    return list(found)


async def matches_of(session: Session, project_id: UUID) -> Sequence[UUID]:
    """Return the matches that a project came of."""
    statement = select(Match.id).where(Match.tenant_id == session.tenant, Match.project_id == project_id)
    return (await session.scalars(statement.order_by(Match.id))).all()


async def reopen_matches(session: WriteSession, project_id: UUID) -> None:
    """Let the matches of a project be proposals again."""
    statement = update(Match).where(Match.tenant_id == session.tenant, Match.project_id == project_id)
    changed = {"state": MatchState.PROPOSED.value, "project_id": None, "hold_id": None, "version": Match.version + 1}
    await session.execute(statement.values(changed), execution_options={"synchronize_session": False})


async def drop_need(session: WriteSession, project_id: UUID, need_id: UUID) -> None:
    """Remove a need that something was found for from a project, with the offers that were to meet it."""
    statement = delete(ProjectNeed).where(
        ProjectNeed.tenant_id == session.tenant, ProjectNeed.project_id == project_id, ProjectNeed.need_id == need_id
    )
    await session.execute(statement, execution_options={"synchronize_session": False})


async def waiting_offers(session: Session, project_id: UUID) -> Sequence[UUID]:
    """Return the offers of a project whose givers have not agreed yet."""
    statement = (
        select(Match.offer_id)
        .join(Hold, (Hold.tenant_id == Match.tenant_id) & (Hold.id == Match.hold_id))
        .where(Match.tenant_id == session.tenant, Match.project_id == project_id, Hold.state == HoldState.HELD.value)
    )
    return (await session.scalars(statement.distinct().order_by(Match.offer_id))).all()


async def drop_helper(session: WriteSession, project_id: UUID, unit_id: UUID) -> bool:
    """Remove a helping unit; False when it was none."""
    statement = delete(ProjectUnit).where(
        ProjectUnit.tenant_id == session.tenant, ProjectUnit.project_id == project_id, ProjectUnit.unit_id == unit_id
    )
    return await session.scalar(statement.returning(ProjectUnit.unit_id)) is not None


async def partners_of(session: Session, project_id: UUID) -> Sequence[UUID]:
    """Return the partners whose offers a project lives by."""
    statement = (
        select(Offer.partner_id)
        .join(ProjectNeed, (ProjectNeed.tenant_id == Offer.tenant_id) & (ProjectNeed.offer_id == Offer.id))
        .where(Offer.tenant_id == session.tenant, ProjectNeed.project_id == project_id)
        .distinct()
        .order_by(Offer.partner_id)
    )
    return (await session.scalars(statement)).all()


async def helpers_of(session: Session, project_id: UUID) -> Sequence[UUID]:
    """Return the helping units."""
    statement = select(ProjectUnit.unit_id).where(
        ProjectUnit.tenant_id == session.tenant, ProjectUnit.project_id == project_id
    )
    return (await session.scalars(statement.order_by(ProjectUnit.unit_id))).all()


async def steps_of(session: Session, project_id: UUID, *, after: int, limit: int) -> Sequence[ProjectStep]:
    """Return the history in its order."""
    statement = select(ProjectStep).where(
        ProjectStep.tenant_id == session.tenant, ProjectStep.project_id == project_id, ProjectStep.position > after
    )
    return (await session.scalars(statement.order_by(ProjectStep.position).limit(limit))).all()


async def list_projects(
    session: Session,
    *,
    under: str | None,
    state: str | None,
    case_id: UUID | None,
    text: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Project]:
    """Return projects, the newest first."""
    statement = select(Project).where(Project.tenant_id == session.tenant)
    if under is not None:
        statement = statement.where(Project.area_path.within(under))
    if state is not None:
        statement = statement.where(Project.state == state)
    if case_id is not None:
        statement = statement.where(Project.case_id == case_id)
    if text is not None:
        statement = statement.where(Project.title.icontains(text, autoescape=True))
    if after is not None:
        statement = statement.where(tuple_(Project.opened_at, Project.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Project.opened_at.desc(), Project.id.desc()).limit(limit))).all()
