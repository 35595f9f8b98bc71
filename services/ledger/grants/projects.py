"""The ledger's copy of projects: an application by hand can only name a project that exists."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import String, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.models import Base
from shared.contracts import Event
from shared.contracts.matching import ProjectOpened
from shared.db import Session, TenantRow, WriteSession

__all__ = ["ProjectCopy", "complete_projects", "is_known_project", "keep_projects"]


class ProjectCopy(TenantRow, Base):
    """A project as the matching last told of it."""

    __tablename__ = "projects"
    number: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200))
    is_completed: Mapped[bool]


async def keep_projects(session: WriteSession, events: Sequence[Event[ProjectOpened]]) -> None:
    """Keep new projects."""
    rows = [
        {
            "tenant_id": session.tenant,
            "id": event.data.project_id,
            "number": event.data.number,
            "title": event.data.title,
            "is_completed": False,
        }
        for event in events
    ]
    await session.execute(insert(ProjectCopy).values(rows).on_conflict_do_nothing())


async def complete_projects(session: WriteSession, project_ids: Sequence[UUID]) -> None:
    """Note that projects are done."""
    statement = update(ProjectCopy).where(ProjectCopy.tenant_id == session.tenant, ProjectCopy.id.in_(project_ids))
    await session.execute(statement.values(is_completed=True), execution_options={"synchronize_session": False})


async def is_known_project(session: Session, project_id: UUID) -> bool:
    """Tell whether a project has been heard of."""
    statement = select(ProjectCopy.id).where(ProjectCopy.tenant_id == session.tenant, ProjectCopy.id == project_id)
    return await session.scalar(statement) is not None
