"""SQL of imports of offers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, tuple_

from services.matching.imports.models import OfferImport, OfferImportLine
from services.matching.models import reference
from services.matching.offers.models import Offer
from shared.db import Session, WriteSession
from shared.reference.names import KnownArea, chain_of_names

__all__ = ["add_lines", "all_areas", "find_import", "imports_of", "known_versions", "lines_of"]


async def find_import(session: Session, import_id: UUID) -> OfferImport | None:
    """Return an import."""
    return await session.scalar(
        select(OfferImport).where(OfferImport.tenant_id == session.tenant, OfferImport.id == import_id)
    )


async def imports_of(
    session: Session, partner_id: UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[OfferImport]:
    """Return a partner's imports, the newest first."""
    statement = select(OfferImport).where(OfferImport.tenant_id == session.tenant, OfferImport.partner_id == partner_id)
    if after is not None:
        statement = statement.where(tuple_(OfferImport.created_at, OfferImport.id) < tuple_(*after))
    ordered = statement.order_by(OfferImport.created_at.desc(), OfferImport.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def known_versions(session: Session, partner_id: UUID, external_ids: Collection[str]) -> dict[str, int]:
    """Return the versions of a partner's offers by their ids of its own."""
    statement = select(Offer.external_id, Offer.external_version).where(
        Offer.tenant_id == session.tenant, Offer.partner_id == partner_id, Offer.external_id.in_(external_ids)
    )
    return {name: version for name, version in await session.execute(statement) if name and version is not None}


async def all_areas(session: Session) -> list[KnownArea]:
    """Return all areas with the names from the root down to each."""
    area = reference.area
    statement = select(area.id, area.path, area.name, area.closed_on).where(area.tenant_id == session.tenant)
    rows = (await session.execute(statement)).all()
    names = {row[1]: row[2] for row in rows}
    return [KnownArea(row[0], row[1], chain_of_names(row[1], names), row[3] is None) for row in rows]


async def add_lines(session: WriteSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down what became of lines."""
    await session.execute(insert(OfferImportLine), [dict(row) for row in rows])


async def lines_of(
    session: Session, import_id: UUID, *, fates: Collection[str], after: int, limit: int
) -> Sequence[OfferImportLine]:
    """Return lines in the order of the sheet, of some fates or all."""
    statement = select(OfferImportLine).where(
        OfferImportLine.tenant_id == session.tenant,
        OfferImportLine.import_id == import_id,
        OfferImportLine.line > after,
    )
    if fates:
        statement = statement.where(OfferImportLine.fate.in_(fates))
    return (await session.scalars(statement.order_by(OfferImportLine.line).limit(limit))).all()
