"""SQL of the open lists: every statement leaves out what is not everybody's to know."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select, tuple_

from services.matching.models import reference
from services.matching.needs.models import Need
from services.matching.needs.repository import unmet_first
from services.matching.needs.rules import NeedState
from services.matching.offers.models import Offer
from services.matching.partners.models import Partner
from services.matching.partners.rules import PartnerKind, PartnerState
from services.matching.projects.models import Milestone, Project
from shared.db import Session

__all__ = ["find_open_area", "open_areas", "open_needs", "open_offers", "open_projects"]

# A private person who gives is nobody's to know.
_PRIVATE: Final = PartnerKind.RESIDENT.value
Rows = Sequence[Any]


def _areas(session: Session) -> Select[*tuple[Any, ...]]:
    area = reference.area
    return select(area.id, area.path, area.kind, area.name).where(
        area.tenant_id == session.tenant, area.closed_on.is_(None)
    )


async def open_areas(session: Session, *, after: tuple[Any, ...] | None, limit: int) -> Rows:
    """Return the areas that are not closed, each after the one that it lies in."""
    statement = _areas(session)
    if after is not None:
        statement = statement.where(reference.area.path > after[0])
    return (await session.execute(statement.order_by(reference.area.path).limit(limit))).all()


async def find_open_area(session: Session, area_id: UUID) -> str | None:
    """Return the path of an area that is not closed."""
    row = (await session.execute(_areas(session).where(reference.area.id == area_id))).first()
    return row.path if row is not None else None


async def open_needs(
    session: Session,
    *,
    under: str,
    state: str | None,
    category: str | None,
    unmet: bool,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Rows:
    """Return needs at or below an area with its name, what is unmet first, and of those the newest; none withdrawn."""
    area = reference.area
    statement = (
        select(Need, area.name.label("area_name"))
        .join(area, and_(area.tenant_id == Need.tenant_id, area.id == Need.area_id))
        .where(
            Need.tenant_id == session.tenant,
            Need.area_path.within(under),
            Need.state != NeedState.WITHDRAWN.value,
        )
    )
    for column, value in ((Need.state, state), (Need.category, category)):
        if value is not None:
            statement = statement.where(column == value)
    return (await session.execute(unmet_first(statement, unmet=unmet, after=after).limit(limit))).all()


async def open_offers(
    session: Session,
    now: datetime,
    *,
    reaching: str,
    kind: str | None,
    category: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Rows:
    """Return what vetted organisations offer at, above or below an area, with the names of who and where."""
    area, unit = reference.area, reference.unit
    statement = (
        select(Offer, unit.name.label("partner_name"), area.name.label("area_name"))
        .join(Partner, and_(Partner.tenant_id == Offer.tenant_id, Partner.id == Offer.partner_id))
        .join(unit, and_(unit.tenant_id == Partner.tenant_id, unit.id == Partner.unit_id))
        .join(area, and_(area.tenant_id == Offer.tenant_id, area.id == Offer.area_id))
        .where(
            Offer.tenant_id == session.tenant,
            Offer.active,
            or_(Offer.valid_until.is_(None), Offer.valid_until > now),
            or_(Offer.coverage.within(reaching), Offer.coverage.contains_path(reaching)),
            Partner.state == PartnerState.VETTED.value,
            Partner.kind != _PRIVATE,
        )
    )
    for column, value in ((Offer.kind, kind), (Offer.category, category)):
        if value is not None:
            statement = statement.where(column == value)
    if after is not None:
        statement = statement.where(tuple_(Offer.created_at, Offer.id) < tuple_(*after))
    ordered = statement.order_by(Offer.created_at.desc(), Offer.id.desc())
    return (await session.execute(ordered.limit(limit))).all()


async def open_projects(
    session: Session, *, under: str, state: str | None, after: tuple[Any, ...] | None, limit: int
) -> Rows:
    """Return projects at or below an area, the newest first: names of places and leads, and how far each has come."""
    area, unit = reference.area, reference.unit
    of_project = and_(Milestone.tenant_id == Project.tenant_id, Milestone.project_id == Project.id)
    milestones = select(func.count()).select_from(Milestone).where(of_project)
    reached = milestones.where(Milestone.reached_at.is_not(None))
    private = select(Partner.unit_id).where(Partner.tenant_id == session.tenant, Partner.kind == _PRIVATE)
    statement = (
        select(
            Project,
            area.name.label("area_name"),
            unit.name.label("lead_unit_name"),
            milestones.scalar_subquery().label("milestones"),
            reached.scalar_subquery().label("milestones_reached"),
        )
        .join(area, and_(area.tenant_id == Project.tenant_id, area.id == Project.area_id))
        .outerjoin(
            unit,
            and_(unit.tenant_id == Project.tenant_id, unit.id == Project.lead_unit_id, unit.id.not_in(private)),
        )
        .where(Project.tenant_id == session.tenant, Project.area_path.within(under))
    )
    if state is not None:
        statement = statement.where(Project.state == state)
    if after is not None:
        statement = statement.where(tuple_(Project.opened_at, Project.id) < tuple_(*after))
    ordered = statement.order_by(Project.opened_at.desc(), Project.id.desc())
    return (await session.execute(ordered.limit(limit))).all()
