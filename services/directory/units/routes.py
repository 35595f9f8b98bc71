"""HTTP of units."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import StringConstraints

from services.directory.reach import MANAGERS
from services.directory.units import service
from services.directory.units.rules import UnitKind
from services.directory.units.schemas import NewUnit, UnitChange, UnitView
from shared.auth import Principal, authenticated, requires
from shared.pagination import Page, Paging
from shared.vault import Purpose, VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["units"])

Manager = Annotated[Principal, Depends(requires(*MANAGERS))]
SearchText = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None,
    Query(description="Part of the name 名称包含"),
]


@router.post("/v1/units", status_code=201, responses={200: {"model": UnitView, "description": "Made before"}})
async def register_unit(
    new: NewUnit, session: Writing, caller: Manager, vault: VaultOfApp, response: Response
) -> UnitView:
    """Register a unit 登记单位."""
    unit, created = await service.register_unit(session, caller, new, vault)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/v1/units/{unit.id}"
    set_etag(response, unit.version)
    return unit


@router.get("/v1/units")
async def list_units(
    session: Reading,
    paging: Paging,
    vault: VaultOfApp,
    _caller: Annotated[Principal, Depends(authenticated)],
    under: Annotated[UUID | None, Query(description="At this area or below it 该区域及下级")] = None,
    kind: Annotated[UnitKind | None, Query(description="Kind 类别")] = None,
    active: Annotated[bool | None, Query(description="In use 是否启用")] = None,
    q: SearchText = None,
) -> Page[UnitView]:
    """List units 单位列表."""
    after = paging.after[0] if paging.after else None
    rows = await service.list_units(
        session, under=under, kind=kind, active=active, text=q, after=after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda unit: (unit.id,), view=lambda unit: service.view(unit, vault))


@router.get("/v1/units/{unit_id}")
async def get_unit(
    unit_id: UUID,
    session: Writing,
    vault: VaultOfApp,
    response: Response,
    caller: Annotated[Principal, Depends(authenticated)],
    purpose: Purpose = None,
) -> UnitView:
    """Read a unit; with a purpose its phone is shown in the clear, which is audited 查看单位."""
    unit = await service.read_unit(session, caller, unit_id, purpose, vault)
    set_etag(response, unit.version)
    return unit


@router.patch("/v1/units/{unit_id}")
async def change_unit(
    unit_id: UUID,
    change: UnitChange,
    expected: ExpectedVersion,
    session: Writing,
    caller: Manager,
    vault: VaultOfApp,
    response: Response,
) -> UnitView:
    """Change a unit 修改单位."""
    unit = await service.change_unit(session, caller, unit_id, expected, change, vault)
    set_etag(response, unit.version)
    return unit
