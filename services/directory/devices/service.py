"""Registering devices, keeping preferences, and telling the others when what reaches somebody has changed."""

from collections.abc import Collection
from datetime import time
from typing import Any
from uuid import UUID

from services.directory.devices import repository
from services.directory.devices.models import NotificationPreference
from services.directory.devices.rules import DEFAULTS, Reach, Wishes
from services.directory.devices.schemas import DeviceView, NewDevice, Preferences, PreferencesIn
from services.directory.people.models import Person
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.directory import ReachabilityChanged
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound, Unauthenticated
from shared.vault import Place, Vault
from shared.web import check_version

__all__ = [
    "change_preferences",
    "list_devices",
    "preferences",
    "refresh_reach",
    "register_device",
    "remove_device",
    "token_place",
    "wishes_of",
]


async def register_device(
    session: WriteSession, caller: Principal, new: NewDevice, vault: Vault
) -> tuple[DeviceView, bool]:
    """Register the device that the caller holds.

    A token that is known is the same device, whoever registered it before: it moves to the caller, and nothing that is
    meant for somebody else is shown on it from then on.

    Returns:
        The device, and whether it is new.
    """
    person_id = _person(caller)
    index = vault.index(session.tenant, "push_token", new.token)
    await repository.lock_token(session, index)
    known = await repository.find_by_token(session, index)
    people = await repository.lock_people(session, {person_id} | ({known.person_id} if known else set()))
    if person_id not in people:
        raise NotFound
    # Once more, under the locks: its former owner may have removed it meanwhile.
    known = await repository.find_by_token(session, index)
    now = utc_now()
    values: dict[str, Any] = {
        "person_id": person_id,
        "platform": new.platform.value,
        "client_id": new.client_id,
        "language": new.language.value,
        "used_at": now,
    }
    if known is not None:
        await repository.move_device(session, known.id, values)
    else:
        device_id = new.id or new_id()
        values |= {"id": device_id, "created_at": now, "token_index": index}
        values["token"] = vault.seal(new.token, token_place(session.tenant, device_id))
        if not await repository.insert_device(session, values):
            raise IdTaken(pointer="/id")
    await repository.delete_surplus(session, person_id)
    await _refresh(session, people.values())
    device = await repository.find_by_token(session, index)
    if device is None:
        raise NotFound
    return DeviceView.model_validate(device), known is None


async def list_devices(session: Session, caller: Principal) -> list[DeviceView]:
    """Return the caller's devices, the last used first."""
    return [DeviceView.model_validate(row) for row in await repository.devices_of(session, [_person(caller)])]


async def remove_device(
    session: WriteSession, person_id: UUID | None, device_id: UUID, token_index: bytes | None = None
) -> bool:
    """Remove a device of a person, only while it has a certain token if one is given.

    Returns:
        Whether it was there.
    """
    if person_id is None:
        return False
    people = await repository.lock_people(session, {person_id})
    removed = await repository.delete_device(session, person_id, device_id, token_index)
    if removed:
        await _refresh(session, people.values())
    return removed


async def preferences(session: Session, caller: Principal) -> Preferences:
    """Return what the caller wishes; the defaults of whoever never said so are version 1."""
    return _view(await repository.preference_of(session, _person(caller)))


async def change_preferences(
    session: WriteSession, caller: Principal, expected: int, wanted: PreferencesIn
) -> Preferences:
    """Keep what the caller wishes."""
    person_id = _person(caller)
    people = await repository.lock_people(session, {person_id})
    if person_id not in people:
        raise NotFound
    current = _view(await repository.preference_of(session, person_id))
    check_version(expected, current.version, current)
    values = {
        "push": wanted.push,
        "sms": wanted.sms,
        "quiet_from": _time(wanted.quiet_from),
        "quiet_to": _time(wanted.quiet_to),
        "version": expected + 1,
        "changed_at": utc_now(),
    }
    await repository.put_preference(session, person_id, values)
    await _refresh(session, people.values())
    return _view(await repository.preference_of(session, person_id))


async def refresh_reach(session: WriteSession, person_id: UUID) -> None:
    """Publish what reaches a person if it is not what was published last."""
    await _refresh(session, (await repository.lock_people(session, {person_id})).values())


async def wishes_of(session: Session, people: Collection[UUID]) -> dict[UUID, Wishes]:
    """Return what each of some people wishes."""
    rows = await repository.preferences_of(session, people)
    return {person: _wishes(rows.get(person)) for person in people}


def token_place(tenant: str, device_id: UUID) -> Place:
    """Return what a sealed token is bound to."""
    return Place(tenant, "devices.token", device_id)


async def _refresh(session: WriteSession, locked: Collection[Person]) -> None:
    """Publish of locked people what has changed in their reach."""
    ids = [person.id for person in locked]
    wishes = await wishes_of(session, ids)
    with_device = {device.person_id for device in await repository.devices_of(session, ids)}
    for person in locked:
        wish = wishes[person.id]
        reach = Reach(push=wish.push and person.id in with_device, sms=wish.sms and person.phone is not None)
        if reach != await repository.told_of(session, person.id):
            await repository.put_told(session, person.id, reach, utc_now())
            event = ReachabilityChanged(person_id=person.id, push=reach.push, sms=reach.sms)
            await publish(session, f"person/{person.id}", event)


def _person(caller: Principal) -> UUID:
    if caller.subject_id is None:
        raise Unauthenticated
    return caller.subject_id


def _wishes(row: NotificationPreference | None) -> Wishes:
    if row is None:
        return DEFAULTS
    return Wishes(push=row.push, sms=row.sms, quiet_from=row.quiet_from, quiet_to=row.quiet_to)


def _time(text: str | None) -> time | None:
    return time.fromisoformat(text) if text is not None else None


def _view(row: NotificationPreference | None) -> Preferences:
    wish = _wishes(row)
    return Preferences(
        push=wish.push,
        sms=wish.sms,
        quiet_from=f"{wish.quiet_from:%H:%M}" if wish.quiet_from else None,
        quiet_to=f"{wish.quiet_to:%H:%M}" if wish.quiet_to else None,
        version=row.version if row else 1,
    )
