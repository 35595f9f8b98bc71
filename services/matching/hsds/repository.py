"""SQL of the HSDS view of the resource list: what stands there for everybody, and nothing of private people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, or_, select

from services.matching.hsds.rules import Listed
from services.matching.models import reference
from services.matching.offers.models import Offer
from services.matching.partners.models import Partner
from shared.db import Session

__all__ = ["Asked", "codes_in_use", "find_listed", "list_organizations", "listed", "offers_of"]

# Money is the ledger's to tell, and a resident who gives is no organisation.
_NOT_LISTED_KIND: Final = "money"
_PRIVATE: Final = "resident"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is asked for."""

    page: int
    per_page: int
    search: str | None = None
    organization_id: UUID | None = None
    modified_after: datetime | None = None
    # Each a code of one vocabulary; an offer has to fit all that are given.
    kind: str | None = None
    category: str | None = None
    entitlement: str | None = None


def _public(session: Session, now: datetime, *columns: Any) -> Select[Any]:  # noqa: ANN401 - columns of any kind
    return (
        select(*columns)
        .select_from(Offer)
        .join(Partner, (Partner.tenant_id == Offer.tenant_id) & (Partner.id == Offer.partner_id))
        .where(
            Offer.tenant_id == session.tenant,
            Offer.active,
            Offer.kind != _NOT_LISTED_KIND,
            or_(Offer.valid_until.is_(None), Offer.valid_until > now),
            Partner.state == "vetted",
            Partner.kind != _PRIVATE,
        )
    )


def _wanted(statement: Select[Any], asked: Asked) -> Select[Any]:
    if asked.search is not None:
        words = Offer.title + " " + Offer.description
        statement = statement.where(words.icontains(asked.search, autoescape=True))
    equal = ((Offer.partner_id, asked.organization_id), (Offer.kind, asked.kind), (Offer.category, asked.category))
    for column, value in equal:
        if value is not None:
            statement = statement.where(column == value)
    if asked.modified_after is not None:
        statement = statement.where(Offer.confirmed_at >= asked.modified_after)
    if asked.entitlement is not None:
        named = {"entitlements": [asked.entitlement]}
        priced = [{"entitlement": asked.entitlement}]
        statement = statement.where(or_(Offer.eligibility.contains(named), Offer.entitled_prices.contains(priced)))
    return statement


def _named(session: Session, now: datetime) -> Select[Any]:
    area, unit = reference.area, reference.unit
    return (
        _public(session, now, Offer, Partner.kind, unit.name, area.name)
        .join(unit, (unit.tenant_id == Partner.tenant_id) & (unit.id == Partner.unit_id))
        .join(area, (area.tenant_id == Offer.tenant_id) & (area.id == Offer.area_id))
    )


async def listed(session: Session, now: datetime, asked: Asked) -> tuple[list[Listed], int]:
    """Return a page of the list in the order in which it grew, and how long the list is."""
    total = await session.scalar(_wanted(_public(session, now, func.count()), asked)) or 0
    statement = _wanted(_named(session, now), asked).order_by(Offer.created_at, Offer.id)
    rows = await session.execute(statement.limit(asked.per_page).offset((asked.page - 1) * asked.per_page))
    return [Listed(*row) for row in rows.all()], int(total)


async def find_listed(session: Session, now: datetime, offer_id: UUID) -> Listed | None:
    """Return one line of the list."""
    row = (await session.execute(_named(session, now).where(Offer.id == offer_id))).first()
    return Listed(*row) if row is not None else None


async def list_organizations(
    session: Session, *, search: str | None, organization_id: UUID | None = None, page: int, per_page: int
) -> tuple[Sequence[Any], int]:
    """Return id, kind and name of partners, and how many there are."""
    unit = reference.unit
    statement = (
        select(Partner.id, Partner.kind, unit.name)
        .join(unit, (unit.tenant_id == Partner.tenant_id) & (unit.id == Partner.unit_id))
        .where(Partner.tenant_id == session.tenant, Partner.state == "vetted", Partner.kind != _PRIVATE)
    )
    if search is not None:
        statement = statement.where(unit.name.icontains(search, autoescape=True))
    if organization_id is not None:
        statement = statement.where(Partner.id == organization_id)
    total = await session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    ordered = statement.order_by(Partner.applied_at, Partner.id).limit(per_page).offset((page - 1) * per_page)
    return (await session.execute(ordered)).all(), int(total)


async def offers_of(session: Session, now: datetime, organization_id: UUID, *, limit: int) -> Sequence[Any]:
    """Return id and title of what a partner lists."""
    statement = _public(session, now, Offer.id, Offer.title).where(Offer.partner_id == organization_id)
    rows: Sequence[Any] = (await session.execute(statement.order_by(Offer.created_at, Offer.id).limit(limit))).all()
    return rows


async def codes_in_use(session: Session, now: datetime) -> tuple[list[str], list[str]]:
    """Return the categories and the entitlements that the list speaks of."""
    categories = await session.scalars(_public(session, now, Offer.category).distinct())
    named = func.jsonb_array_elements_text(Offer.eligibility["entitlements"]).label("code")
    priced = func.jsonb_array_elements(Offer.entitled_prices).op("->>")("entitlement").label("code")
    entitlements = [
        code for column in (named, priced) for code in await session.scalars(_public(session, now, column).distinct())
    ]
    return list(categories), entitlements
