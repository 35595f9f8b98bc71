"""Opening, changing, closing and finding areas."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.directory.areas import repository
from services.directory.areas.geometry import bounding_box, contains
from services.directory.areas.models import Area
from services.directory.areas.rules import (
    AreaClosed,
    AreaKind,
    AreaStillOpenBelow,
    CodeTaken,
    RootExists,
    UnknownArea,
    WrongClosingDay,
    WrongLevel,
    WrongSuccessor,
    child_path,
    may_stand_below,
)
from services.directory.areas.schemas import (
    AreaChange,
    AreaClosing,
    AreaDetail,
    AreaView,
    Boundary,
    NewArea,
    Point,
    polygons_of,
)
from services.directory.reach import must_administer, must_operate
from services.directory.tenants.service import today
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.directory import AreaChanged
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound, WrongState
from shared.vault import Vault
from shared.web import check_version

__all__ = [
    "change_area",
    "close_area",
    "detail",
    "list_areas",
    "locate_area",
    "open_area",
    "open_area_to_use",
    "path_of",
    "read_area",
    "view",
]


async def open_area(session: WriteSession, caller: Principal, new: NewArea, vault: Vault) -> tuple[AreaDetail, bool]:
    """Open an area below its parent, or the topmost one.

    Returns:
        The area, and whether it is new; asking again with the same id and content gives the same area.
    """
    area_id = new.id or new_id()
    digest = vault.digest(session.tenant, new.model_dump(mode="json", exclude={"id"}))
    known = await repository.find_area(session, area_id)
    if known is not None:
        return _same(known, digest, caller), False
    parent = await _parent(session, caller, new)
    # Asked even when the day is given: without its tenant there is no area.
    office_day = await today(session)
    values = {
        "id": area_id,
        "parent_id": new.parent_id,
        "code": new.code,
        "path": child_path(parent.path if parent else None, new.code),
        "kind": new.kind,
        "name": new.name,
        "no_property_owner": new.no_property_owner,
        "no_management": new.no_management,
        "no_repair_fund": new.no_repair_fund,
        "households": new.households,
        "population": new.population,
        "opened_on": new.opened_on or office_day,
        "digest": digest,
        "version": 1,
        "created_at": utc_now(),
        **_centroid_columns(new.centroid),
        **_boundary_columns(new.boundary),
    }
    if not await repository.insert_area(session, values):
        known = await repository.find_area(session, area_id)
        if known is not None:
            return _same(known, digest, caller), False
        raise RootExists if parent is None else CodeTaken(pointer="/code")
    return detail(await _announce(session, area_id)), True


async def change_area(
    session: WriteSession, caller: Principal, area_id: UUID, expected: int, change: AreaChange
) -> AreaDetail:
    """Change what is known of an open area."""
    area = await _to_change(session, caller, area_id, expected)
    values: dict[str, Any] = {
        name: getattr(change, name) for name in change.model_fields_set - {"centroid", "boundary"}
    }
    if "centroid" in change.model_fields_set:
        values |= _centroid_columns(change.centroid)
    if "boundary" in change.model_fields_set:
        values |= _boundary_columns(change.boundary)
    for name, value in values.items():
        setattr(area, name, value)
    area.version += 1
    await session.flush()
    return detail(await _announce(session, area_id))


async def close_area(
    session: WriteSession, caller: Principal, area_id: UUID, expected: int, closing: AreaClosing
) -> AreaDetail:
    """Close an area under which nothing is open any more; what was filed in it stays in it."""
    area = await _to_change(session, caller, area_id, expected)
    if area.parent_id is None:
        must_operate(caller)
    if closing.closed_on < area.opened_on:
        raise WrongClosingDay(pointer="/closed_on")
    if await repository.count_open_children(session, area_id):
        raise AreaStillOpenBelow
    if closing.successor_id is not None:
        successor = await repository.find_area(session, closing.successor_id, share=True)
        if successor is None or successor.id == area_id or successor.closed_on is not None:
            raise WrongSuccessor(pointer="/successor_id")
    area.closed_on = closing.closed_on
    area.successor_id = closing.successor_id
    area.version += 1
    await session.flush()
    return detail(await _announce(session, area_id))


async def read_area(session: Session, area_id: UUID) -> AreaDetail:
    """Return one area; everybody of the tenant may see the map."""
    area = await repository.find_area(session, area_id)
    if area is None:
        raise NotFound
    return detail(area)


async def list_areas(
    session: Session,
    *,
    under: UUID | None,
    kind: AreaKind | None,
    is_open: bool | None,
    text: str | None,
    after: str | None,
    limit: int,
) -> Sequence[Area]:
    """Return areas in the order of the tree."""
    return await repository.list_areas(
        session,
        under=await path_of(session, under),
        kind=kind,
        is_open=is_open,
        text=text,
        after=after,
        limit=limit,
    )


async def locate_area(session: Session, *, latitude: float, longitude: float) -> AreaView:
    """Return the deepest open area whose boundary holds a point."""
    for area in await repository.list_around(session, latitude=latitude, longitude=longitude):
        coordinates = area.boundary["coordinates"] if area.boundary else []
        polygons = [coordinates] if area.boundary and area.boundary["type"] == "Polygon" else coordinates
        if contains(polygons, longitude, latitude):
            return view(area)
    raise NotFound


async def path_of(session: Session, area_id: UUID | None) -> str | None:
    """Return the path of the area that a filter names; None for none, UnknownArea for one that does not exist."""
    if area_id is None:
        return None
    area = await repository.find_area(session, area_id)
    if area is None:
        raise UnknownArea(pointer="/query/under")
    return area.path


async def open_area_to_use(session: WriteSession, area_id: UUID, *, pointer: str = "/area_id") -> Area:
    """Return an open area and keep it open until the transaction ends, for something that is put into it."""
    area = await repository.find_area(session, area_id, share=True)
    if area is None:
        raise UnknownArea(pointer=pointer)
    if area.closed_on is not None:
        raise AreaClosed(pointer=pointer)
    return area


def view(area: Area) -> AreaView:
    """Represent an area without its boundary."""
    return AreaView.model_validate(_members(area))


def detail(area: Area) -> AreaDetail:
    """Represent an area with its boundary."""
    return AreaDetail.model_validate({**_members(area), "boundary": area.boundary})


def _members(area: Area) -> dict[str, Any]:
    names = AreaView.model_fields.keys() - {"centroid"}
    located = area.latitude is not None and area.longitude is not None
    centroid = {"lat": area.latitude, "lon": area.longitude} if located else None
    return {**{name: getattr(area, name) for name in names}, "centroid": centroid}


def _same(known: Area, digest: bytes, caller: Principal) -> AreaDetail:
    must_administer(caller, known.path)
    if known.digest != digest:
        raise IdTaken(pointer="/id")
    return detail(known)


async def _parent(session: WriteSession, caller: Principal, new: NewArea) -> Area | None:
    """Return the parent that a new area may stand below, kept open; None for the topmost area."""
    if new.parent_id is None:
        must_operate(caller)
        return None
    parent = await open_area_to_use(session, new.parent_id, pointer="/parent_id")
    must_administer(caller, parent.path)
    if not may_stand_below(AreaKind(parent.kind), new.kind):
        raise WrongLevel(pointer="/kind")
    return parent


async def _to_change(session: WriteSession, caller: Principal, area_id: UUID, expected: int) -> Area:
    """Return the area of a change, locked: it exists, the caller manages it, nobody was faster, and it is open."""
    area = await repository.find_area(session, area_id, lock=True)
    if area is None:
        raise NotFound
    must_administer(caller, area.path)
    check_version(expected, area.version, detail(area))
    if area.closed_on is not None:
        raise WrongState(next_actions=[])
    return area


async def _announce(session: WriteSession, area_id: UUID) -> Area:
    """Tell the other services how the area is now; returns it."""
    area = await repository.find_area(session, area_id)
    if area is None:
        raise NotFound
    await publish(
        session,
        f"area/{area.id}",
        AreaChanged(
            area_id=area.id,
            path=area.path,
            kind=area.kind,
            name=area.name,
            parent_id=area.parent_id,
            closed_on=area.closed_on,
        ),
    )
    return area


def _centroid_columns(centroid: Point | None) -> dict[str, Any]:
    return {"latitude": centroid.lat if centroid else None, "longitude": centroid.lon if centroid else None}


def _boundary_columns(boundary: Boundary | None) -> dict[str, Any]:
    if boundary is None:
        return dict.fromkeys(("boundary", "west", "south", "east", "north"))
    return {"boundary": boundary.model_dump(mode="json"), **bounding_box(polygons_of(boundary))._asdict()}
