"""HTTP of one's own devices and notification preferences. Nobody sees or changes somebody else's."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.directory.devices import service
from services.directory.devices.schemas import DeviceView, NewDevice, Preferences, PreferencesIn
from shared.auth import Principal, authenticated
from shared.problems import NotFound
from shared.vault import VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["devices 设备"])

Caller = Annotated[Principal, Depends(authenticated)]


@router.post(
    "/v1/me/devices",
    status_code=201,
    responses={200: {"model": DeviceView, "description": "Known by its token"}},
    summary="Register my device 登记设备",
)
async def register_device(
    caller: Caller, session: Writing, vault: VaultOfApp, new: NewDevice, response: Response
) -> DeviceView:
    """Register the device with a push token; the same token is the same device and moves to the caller.

    At most ten devices: an eleventh replaces the one that has not registered for the longest time.
    """
    device, created = await service.register_device(session, caller, new, vault)
    response.status_code = 201 if created else 200
    return device


@router.get("/v1/me/devices", summary="My devices 我的设备")
async def list_devices(caller: Caller, session: Reading) -> list[DeviceView]:
    """List the caller's devices, ten at most, the last used first."""
    return await service.list_devices(session, caller)


@router.delete("/v1/me/devices/{device_id}", status_code=204, summary="Remove my device 移除设备")
async def remove_device(caller: Caller, session: Writing, device_id: UUID) -> None:
    """Remove one of the caller's devices; needs no version, since an end is never out of date."""
    if not await service.remove_device(session, caller.subject_id, device_id):
        raise NotFound


@router.get("/v1/me/notification-preferences", summary="How I want to be reached 通知偏好")
async def get_preferences(caller: Caller, session: Reading, response: Response) -> Preferences:
    """Return what the caller wishes; by default push, no text messages, and quiet from 22:00 to 07:00 in China."""
    found = await service.preferences(session, caller)
    set_etag(response, found.version)
    return found


@router.put("/v1/me/notification-preferences", summary="Change how I want to be reached 修改通知偏好")
async def put_preferences(
    caller: Caller, expected: ExpectedVersion, session: Writing, wanted: PreferencesIn, response: Response
) -> Preferences:
    """Keep what the caller wishes; the first change is based on version 1, the defaults."""
    changed = await service.change_preferences(session, caller, expected, wanted)
    set_etag(response, changed.version)
    return changed
