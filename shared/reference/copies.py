"""Keeping and reading the copies. Events of one subject come in order, so the last one told is the one that holds."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from shared.contracts import Event
from shared.contracts.directory import AreaChanged, UnitChanged
from shared.db import ReferenceModels, Session, WriteSession
from shared.db.kernel_models import AreaCopyColumns, UnitCopyColumns
from shared.messaging import Consumers

__all__ = ["find_area", "find_unit", "reference_consumers"]


def reference_consumers(service: str, models: ReferenceModels) -> Consumers:
    """Return the handlers that keep a service's copies."""
    consumers = Consumers(service)

    @consumers.on(AreaChanged)
    async def keep_areas(session: WriteSession, events: Sequence[Event[AreaChanged]]) -> None:
        rows = [
            {
                "tenant_id": session.tenant,
                "id": event.data.area_id,
                "path": event.data.path,
                "kind": event.data.kind,
                "name": event.data.name,
                "parent_id": event.data.parent_id,
                "closed_on": event.data.closed_on,
            }
            for event in events
        ]
        await _upsert(session, models.area, rows)

    @consumers.on(UnitChanged)
    async def keep_units(session: WriteSession, events: Sequence[Event[UnitChanged]]) -> None:
        rows = [
            {
                "tenant_id": session.tenant,
                "id": event.data.unit_id,
                "name": event.data.name,
                "kind": event.data.kind,
                "area_id": event.data.area_id,
                "area_path": event.data.area_path,
                "active": event.data.active,
            }
            for event in events
        ]
        await _upsert(session, models.unit, rows)

    return consumers


async def _upsert(
    session: WriteSession, model: type[AreaCopyColumns | UnitCopyColumns], rows: Sequence[Mapping[str, object]]
) -> None:
    statement = insert(model).values(rows)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in {"tenant_id", "id"}}
    await session.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=changed))


async def find_area(session: Session, models: ReferenceModels, area_id: UUID) -> AreaCopyColumns | None:
    """Return an area that this service has heard of, closed ones included; None for an unknown id."""
    area: AreaCopyColumns | None = await session.scalar(models.area_by_id, {"tenant": session.tenant, "id": area_id})
    return area


async def find_unit(session: Session, models: ReferenceModels, unit_id: UUID) -> UnitCopyColumns | None:
    """Return a unit that this service has heard of; None for an unknown id."""
    unit: UnitCopyColumns | None = await session.scalar(models.unit_by_id, {"tenant": session.tenant, "id": unit_id})
    return unit
