"""Use cases of keys and of how categories are offered."""

from uuid import UUID

from services.intake.cases.problems import UnknownArea, UnknownCategory
from services.intake.categories.repository import get_category
from services.intake.models import reference
from services.intake.open311_admin import repository
from services.intake.open311_admin.models import Open311Key, Open311Service
from services.intake.open311_admin.rules import KeyRevoked, key_hash, new_key
from services.intake.open311_admin.schemas import KeyIn, ServiceIn
from shared.auth import Principal, Role
from shared.clock import machine_now, utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound
from shared.reference import find_area

__all__ = ["issue_key", "lock_key", "put_service", "revoke_key"]


async def issue_key(session: WriteSession, caller: Principal, wanted: KeyIn) -> tuple[Open311Key, str, str | None]:
    """Make a key for an area; returns it, the area's path, and its secret unless it was made before."""
    area = await find_area(session, reference, wanted.area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer="/area_id")
    caller.must(Role.ADMINISTRATOR, at=area.path, rule="administrators_issue_keys")
    earlier = await repository.find_key(session, wanted.id) if wanted.id else None
    asked = (wanted.name, wanted.area_id, wanted.answers_with_token, wanted.per_minute)
    if earlier is not None:
        key = earlier[0]
        if (key.name, key.area_id, key.answers_with_token, key.per_minute) != asked:
            raise IdTaken(pointer="/id")
        return key, area.path, None
    secret = new_key()
    key = Open311Key(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        **wanted.model_dump(exclude={"id"}),
        key_hash=key_hash(secret),
        spent_until=machine_now(),
        last_used_at=None,
        created_by=caller.actor,
        created_at=utc_now(),
        revoked_by=None,
        revoked_at=None,
        version=1,
    )
    session.add(key)
    await session.flush()
    return key, area.path, secret


async def lock_key(session: WriteSession, caller: Principal, key_id: UUID) -> tuple[Open311Key, str]:
    """Lock a key of an area that the caller administers, with the area's path."""
    found = await repository.lock_key(session, key_id)
    if found is None or not caller.has(Role.ADMINISTRATOR, at=found[1]):
        raise NotFound
    return found


async def revoke_key(session: WriteSession, caller: Principal, key: Open311Key) -> None:
    """Let a key file nothing any more."""
    if key.revoked_at is not None:
        raise KeyRevoked
    key.revoked_by, key.revoked_at = caller.actor, utc_now()
    key.version += 1
    await session.flush()


async def put_service(
    session: WriteSession, caller: Principal, code: str, wanted: ServiceIn
) -> tuple[Open311Service, bool]:
    """Say how a category is offered; saying the same twice changes nothing. Returns it and whether it is new."""
    caller.must(Role.ADMINISTRATOR, rule="administrators_keep_categories")
    if await get_category(session, code) is None:
        raise UnknownCategory(pointer="/path/code")
    values = wanted.model_dump() | {"keywords": ", ".join(wanted.keywords) or None}
    new = Open311Service(tenant_id=session.tenant, category=code, version=1, **values)
    service = await repository.lock_or_add_service(session, new)
    if service is None:
        return new, True
    changed = {name: value for name, value in values.items() if getattr(service, name) != value}
    for name, value in changed.items():
        setattr(service, name, value)
    service.version += 1 if changed else 0
    return service, False
