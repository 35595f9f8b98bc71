"""HTTP of rooms and groups."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.matching.offers.service import get_offer, lock_offer
from services.matching.resources import repository, service
from services.matching.resources.schemas import ResourceIn, ResourceOut, ResourcePatch
from shared.auth import Principal, Role, authenticated, requires
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["resources 场地与队伍"])

Giver = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]


@router.post("/v1/offers/{offer_id}/resources", status_code=201, summary="Add a room or group 添加房间或小组")
async def add_resource(
    caller: Giver, session: Writing, response: Response, offer_id: UUID, wanted: ResourceIn
) -> ResourceOut:
    """Let a room of a venue, or a group of a team, be booked for a time."""
    offer = await lock_offer(session, offer_id)
    resource, is_new = await service.add_resource(session, caller, offer, wanted)
    response.status_code = 201 if is_new else 200
    set_etag(response, resource.version)
    return ResourceOut.model_validate(resource)


@router.get("/v1/offers/{offer_id}/resources", summary="Rooms and groups 房间与小组")
async def list_resources(
    _: Annotated[Principal, Depends(authenticated)], session: Reading, offer_id: UUID
) -> list[ResourceOut]:
    """Return what of an offer can be booked for a time."""
    await get_offer(session, offer_id)
    return [ResourceOut.model_validate(row) for row in await repository.resources_of(session, offer_id)]


@router.patch("/v1/offers/{offer_id}/resources/{resource_id}", summary="Change a room or group 修改房间或小组")
async def change_resource(
    caller: Giver,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    offer_id: UUID,
    resource_id: UUID,
    wanted: ResourcePatch,
) -> ResourceOut:
    """Change a room or group; how it is divided and buffered only while it is not booked."""
    offer = await lock_offer(session, offer_id)
    resource = await service.get_resource(session, offer, resource_id)
    check_version(expected, resource.version, ResourceOut.model_validate(resource))
    await service.change_resource(session, caller, offer, resource, wanted)
    set_etag(response, resource.version)
    return ResourceOut.model_validate(resource)
