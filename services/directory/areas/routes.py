"""HTTP of areas."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import StringConstraints

from services.directory.areas import service
from services.directory.areas.rules import AreaKind
from services.directory.areas.schemas import AreaChange, AreaClosing, AreaDetail, AreaView, NewArea
from services.directory.reach import MANAGERS
from shared.auth import Principal, authenticated, requires
from shared.pagination import Page, Paging
from shared.vault import VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["areas"])

Manager = Annotated[Principal, Depends(requires(*MANAGERS))]
SearchText = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None,
    Query(description="Part of the name 名称包含"),
]


@router.post("/v1/areas", status_code=201, responses={200: {"model": AreaDetail, "description": "Made before"}})
async def open_area(
    new: NewArea, session: Writing, caller: Manager, vault: VaultOfApp, response: Response
) -> AreaDetail:
    """Open an area 新建区域."""
    area, created = await service.open_area(session, caller, new, vault)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/v1/areas/{area.id}"
    set_etag(response, area.version)
    return area


@router.get("/v1/areas")
async def list_areas(
    session: Reading,
    paging: Paging,
    _caller: Annotated[Principal, Depends(authenticated)],
    under: Annotated[UUID | None, Query(description="This area and all below it 该区域及下级")] = None,
    kind: Annotated[AreaKind | None, Query(description="Level 层级")] = None,
    is_open: Annotated[bool | None, Query(alias="open", description="Not closed 未关闭")] = None,
    q: SearchText = None,
) -> Page[AreaView]:
    """List areas in the order of the tree 区域列表."""
    after = str(paging.after[0]) if paging.after else None
    rows = await service.list_areas(
        session, under=under, kind=kind, is_open=is_open, text=q, after=after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda area: (area.path,), view=service.view)


@router.get("/v1/areas/locate")
async def locate_area(
    session: Reading,
    _caller: Annotated[Principal, Depends(authenticated)],
    lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False, description="WGS 84 latitude 纬度")],
    lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, description="WGS 84 longitude 经度")],
) -> AreaView:
    """Find the deepest area around a point 按坐标定位区域."""
    return await service.locate_area(session, latitude=lat, longitude=lon)


@router.get("/v1/areas/{area_id}")
async def get_area(
    area_id: UUID, session: Reading, response: Response, _caller: Annotated[Principal, Depends(authenticated)]
) -> AreaDetail:
    """Read an area with its boundary 查看区域."""
    area = await service.read_area(session, area_id)
    set_etag(response, area.version)
    return area


@router.patch("/v1/areas/{area_id}")
async def change_area(
    area_id: UUID,
    change: AreaChange,
    expected: ExpectedVersion,
    session: Writing,
    caller: Manager,
    response: Response,
) -> AreaDetail:
    """Change an area 修改区域."""
    area = await service.change_area(session, caller, area_id, expected, change)
    set_etag(response, area.version)
    return area


@router.post("/v1/areas/{area_id}/close")
async def close_area(
    area_id: UUID,
    closing: AreaClosing,
    expected: ExpectedVersion,
    session: Writing,
    caller: Manager,
    response: Response,
) -> AreaDetail:
    """Close an area, with its successor 关闭区域."""
    area = await service.close_area(session, caller, area_id, expected, closing)
    set_etag(response, area.version)
    return area
