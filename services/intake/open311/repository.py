"""SQL of the door for other apps. What strangers may see is part of the statements."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, and_, false, func, or_, select, text, true
from sqlalchemy.orm import aliased

from services.intake.cases.models import Case
from services.intake.cases.repository import resolutions_of
from services.intake.cases.terms import ENDED
from services.intake.categories.models import Category
from services.intake.models import reference
from services.intake.open311.models import Open311Report
from services.intake.open311_admin.models import Open311Key, Open311Service
from services.intake.open311_admin.rules import Visibility
from shared.db import Session, WriteSession

__all__ = [
    "Ending",
    "Offer",
    "Seen",
    "Wanted",
    "changes_of_services",
    "endings",
    "find_report",
    "find_sent_again",
    "find_token",
    "list_offers",
    "list_seen",
    "wait_for_same",
]

_CLOSED: Final = [state.value for state in ENDED]
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


@dataclass(frozen=True, slots=True)
class Offer:
    """A category as other apps see it, with the one above it."""

    category: Category
    group: Category | None
    said: Open311Service | None

    @property
    def visibility(self) -> Visibility:
        """How much of its cases anybody sees."""
        return Visibility(self.said.visibility) if self.said is not None else Visibility.HIDDEN


@dataclass(frozen=True, slots=True)
class Seen:
    """A case with what is shown beside it."""

    case: Case
    area_name: str
    unit_name: str | None
    report: Open311Report | None


@dataclass(frozen=True, slots=True)
class Ending:
    """When the work on a case ended, and what was said to everybody then."""

    at: datetime
    public_note: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of cases is narrowed to. `numbers` stands for itself: it overrides all else."""

    numbers: Sequence[str] | None
    services: Sequence[str] | None
    first_at: datetime
    last_at: datetime
    is_closed: bool | None
    limit: int
    offset: int


async def list_offers(session: Session) -> Mapping[str, Offer]:
    """Return all categories by code, offered or not, in the order of their codes."""
    parent = aliased(Category)
    statement = (
        select(Category, parent, Open311Service)
        .outerjoin(parent, (parent.tenant_id == Category.tenant_id) & (parent.code == Category.parent_code))
        .outerjoin(
            Open311Service,
            (Open311Service.tenant_id == Category.tenant_id) & (Open311Service.category == Category.code),
        )
        .where(Category.tenant_id == session.tenant)
        .order_by(Category.code)
    )
    rows = await session.execute(statement)
    return {category.code: Offer(category, group, said) for category, group, said in rows}


async def changes_of_services(session: Session) -> int:
    """Return a number that grows with every change of what is offered."""
    categories = select(func.sum(Category.version)).where(Category.tenant_id == session.tenant).scalar_subquery()
    said = select(func.sum(Open311Service.version)).where(Open311Service.tenant_id == session.tenant)
    found = await session.scalar(select(func.coalesce(categories, 0) + func.coalesce(said.scalar_subquery(), 0)))
    return int(found or 0)


def _seen(session: Session) -> Select[Case, str, str | None, Open311Report | None]:
    area, unit = reference.area, reference.unit
    return (
        select(Case, area.name, unit.name, Open311Report)
        .join(area, (area.tenant_id == Case.tenant_id) & (area.id == Case.area_id))
        .outerjoin(unit, (unit.tenant_id == Case.tenant_id) & (unit.id == Case.unit_id))
        .outerjoin(Open311Report, (Open311Report.tenant_id == Case.tenant_id) & (Open311Report.case_id == Case.id))
        .where(Case.tenant_id == session.tenant)
    )


async def list_seen(
    session: Session, wanted: Wanted, *, shown: Collection[str], key: Open311Key | None
) -> Sequence[Seen]:
    """Return the newest cases of categories that are shown, and those that the key has filed."""
    own = Open311Report.key_id == key.id if key is not None else false()
    statement = _seen(session).where(or_(Case.category.in_(shown), own))
    if wanted.numbers is not None:
        statement = statement.where(Case.number.in_(wanted.numbers))
    else:
        statement = statement.where(
            Case.filed_at >= wanted.first_at,
            Case.filed_at <= wanted.last_at,
            true() if wanted.services is None else Case.category.in_(wanted.services),
        )
        if wanted.is_closed is not None:
            closed = Case.state.in_(_CLOSED)
            statement = statement.where(closed if wanted.is_closed else ~closed)
    statement = statement.order_by(Case.filed_at.desc(), Case.id.desc()).limit(wanted.limit).offset(wanted.offset)
    return [Seen(*row) for row in await session.execute(statement)]


async def endings(session: Session, case_ids: Collection[UUID]) -> dict[UUID, Ending]:
    """Return when each case was last resolved, for those that were, and what was said to everybody then."""
    steps = await resolutions_of(session, case_ids)
    return {case_id: Ending(step.at, step.data.get("public_note")) for case_id, step in steps.items()}


async def wait_for_same(session: WriteSession, name: str) -> None:
    """Let the same report, sent twice at once, come one after the other."""
    await session.execute(_LOCK, {"name": name})


async def find_sent_again(
    session: Session, *, key_id: UUID, digest: bytes, since: datetime
) -> tuple[Open311Report, str] | None:
    """Return a report of the same content, with its case's number."""
    statement = (
        select(Open311Report, Case.number)
        .join(Case, and_(Case.tenant_id == Open311Report.tenant_id, Case.id == Open311Report.case_id))
        .where(
            Open311Report.tenant_id == session.tenant,
            Open311Report.key_id == key_id,
            Open311Report.content_digest == digest,
            Open311Report.received_at >= since,
        )
    )
    row = (await session.execute(statement.limit(1))).one_or_none()
    return (row[0], row[1]) if row is not None else None


async def find_token(session: Session, token: str) -> str | None:
    """Return the number of the case that a token stands for."""
    statement = (
        select(Case.number)
        .join(Open311Report, and_(Open311Report.tenant_id == Case.tenant_id, Open311Report.case_id == Case.id))
        .where(Case.tenant_id == session.tenant, Open311Report.token == token)
    )
    return await session.scalar(statement)


async def find_report(session: Session, case_id: UUID) -> tuple[Open311Report, str] | None:
    """Return what came with a case, and the name of the key that filed it."""
    statement = (
        select(Open311Report, Open311Key.name)
        .join(
            Open311Key,
            and_(Open311Key.tenant_id == Open311Report.tenant_id, Open311Key.id == Open311Report.key_id),
        )
        .where(Open311Report.tenant_id == session.tenant, Open311Report.case_id == case_id)
    )
    row = (await session.execute(statement)).one_or_none()
    return (row[0], row[1]) if row is not None else None
