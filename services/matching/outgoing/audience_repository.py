"""Statements on whom events concern: who is listening, and whose what is."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select

from services.matching.cases.models import CaseCopy
from services.matching.endpoints.models import Endpoint
from services.matching.endpoints.rules import EndpointState
from services.matching.offers.models import Offer
from services.matching.outgoing.audience_rules import Listener
from services.matching.partners.models import Partner
from services.matching.partners.rules import PartnerState
from services.matching.projects.models import Project, ProjectNeed, ProjectUnit
from shared.db import Session

__all__ = ["first_cases", "listeners", "parties_of_projects", "partners_of_offers", "paths_of_cases"]


async def listeners(session: Session) -> Sequence[Listener]:
    """Return the vetted partners that have an endpoint, enabled or not."""
    statement = (
        select(Partner.id, Partner.unit_id, Partner.coverage, Endpoint.id, Endpoint.event_types, Endpoint.state)
        .join(Endpoint, (Endpoint.tenant_id == Partner.tenant_id) & (Endpoint.partner_id == Partner.id))
        .where(Partner.tenant_id == session.tenant, Partner.state == PartnerState.VETTED.value)
    )
    found: dict[UUID, tuple[UUID, str]] = {}
    enabled: defaultdict[UUID, list[tuple[UUID, frozenset[str]]]] = defaultdict(list)
    rows = (await session.execute(statement.order_by(Partner.id, Endpoint.id))).all()
    for partner_id, unit_id, coverage, endpoint_id, event_types, state in rows:
        found[partner_id] = (unit_id, coverage)
        if state == EndpointState.ENABLED.value:
            enabled[partner_id].append((endpoint_id, frozenset(event_types)))
    return [Listener(partner_id, *known, tuple(enabled[partner_id])) for partner_id, known in found.items()]


async def paths_of_cases(session: Session, case_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return where some cases are, of which the matching has heard."""
    statement = select(CaseCopy.id, CaseCopy.area_path)
    rows = await session.execute(statement.where(CaseCopy.tenant_id == session.tenant, CaseCopy.id.in_(list(case_ids))))
    return {row[0]: row[1] for row in rows.all()}


async def partners_of_offers(session: Session, offer_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return whose some offers are."""
    statement = select(Offer.id, Offer.partner_id)
    rows = await session.execute(statement.where(Offer.tenant_id == session.tenant, Offer.id.in_(list(offer_ids))))
    return {row[0]: row[1] for row in rows.all()}


async def first_cases(session: Session, project_ids: Iterable[UUID]) -> dict[UUID, UUID | None]:
    """Return the case for which each project was opened; it may solve others as well."""
    statement = select(Project.id, Project.case_id)
    rows = await session.execute(
        statement.where(Project.tenant_id == session.tenant, Project.id.in_(list(project_ids)))
    )
    return {row[0]: row[1] for row in rows.all()}


async def parties_of_projects(session: Session, project_ids: Iterable[UUID]) -> dict[UUID, frozenset[UUID | None]]:
    """Return who has a part in each project: the units that lead and help, and the partners whose offers are used."""
    ids = list(project_ids)
    leading = select(Project.id, Project.lead_unit_id).where(
        Project.tenant_id == session.tenant, Project.id.in_(ids), Project.lead_unit_id.is_not(None)
    )
    helping = select(ProjectUnit.project_id, ProjectUnit.unit_id).where(
        ProjectUnit.tenant_id == session.tenant, ProjectUnit.project_id.in_(ids)
    )
    giving = (
        select(ProjectNeed.project_id, Offer.partner_id)
        .join(Offer, (Offer.tenant_id == ProjectNeed.tenant_id) & (Offer.id == ProjectNeed.offer_id))
        .where(ProjectNeed.tenant_id == session.tenant, ProjectNeed.project_id.in_(ids))
    )
    parties: defaultdict[UUID, set[UUID | None]] = defaultdict(set)
    for statement in (leading, helping, giving):
        for project_id, party in (await session.execute(statement)).all():
            parties[project_id].add(party)
    return {project_id: frozenset(found) for project_id, found in parties.items()}
