"""Giving roles and ending them. Nobody gives what lies above their own reach: neither by area nor by unit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.directory.areas.service import open_area_to_use
from services.directory.people import repository
from services.directory.people.models import RoleGrant
from services.directory.people.rules import (
    GRANTS_MAX,
    GrantExists,
    RoleNotGrantable,
    TooManyGrants,
    UnitRequired,
    WrongPeriod,
    acts_for_unit,
    end_of,
    is_grantable,
)
from services.directory.people.schemas import GrantView, NewGrant
from services.directory.reach import must_administer
from services.directory.units.service import active_unit_to_use
from shared.auth import Grant, Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound, WrongState
from shared.vault import Vault
from shared.web import check_version

__all__ = ["current_grants", "end_grant", "give_role", "grant_view"]


async def give_role(
    session: WriteSession, caller: Principal, person_id: UUID, new: NewGrant, vault: Vault
) -> tuple[GrantView, bool]:
    """Give a role to a person whom the caller sees, at an area that the caller manages.

    Returns:
        The grant, and whether it is new; asking again with the same id and content gives the same grant.
    """
    # Locked, so that two requests cannot give the same role twice.
    if await repository.find_person(session, person_id, lock=True) is None:
        raise NotFound
    now = utc_now()
    grant_id = new.id or new_id()
    digest = vault.digest(session.tenant, new.model_dump(mode="json", exclude={"id"}) | {"person": str(person_id)})
    known = await repository.find_grant(session, person_id, grant_id)
    if known is not None:
        must_administer(caller, known.area_path)
        if known.digest != digest:
            raise IdTaken(pointer="/id")
        return grant_view(known, now), False
    area = await open_area_to_use(session, new.area_id)
    must_administer(caller, area.path)
    starts_at = new.starts_at or now
    await _must_be_possible(session, caller, new, starts_at)
    _must_be_new(await repository.list_current_grants(session, person_id, now, with_future=True), new)
    values: dict[str, Any] = {"id": grant_id, "person_id": person_id, "role": new.role, "unit_id": new.unit_id}
    values |= {"area_id": area.id, "area_path": area.path, "starts_at": starts_at, "ends_at": new.ends_at}
    values |= {"granted_by": caller.actor, "digest": digest, "version": 1, "created_at": now}
    if not await repository.insert_grant(session, values):
        raise IdTaken(pointer="/id")
    made = await repository.find_grant(session, person_id, grant_id)
    if made is None:
        raise NotFound
    return grant_view(made, utc_now()), True


async def end_grant(
    session: WriteSession, caller: Principal, person_id: UUID, grant_id: UUID, expected: int
) -> GrantView:
    """End a grant now; tokens that carry it run out within a quarter of an hour."""
    grant = await repository.find_grant(session, person_id, grant_id, lock=True)
    if grant is None:
        raise NotFound
    must_administer(caller, grant.area_path)
    now = utc_now()
    check_version(expected, grant.version, grant_view(grant, now))
    if grant.ends_at is not None and grant.ends_at <= now:
        raise WrongState(next_actions=[])
    grant.ends_at = end_of(grant.starts_at, now)
    grant.ended_by = caller.actor
    grant.version += 1
    await session.flush()
    return grant_view(grant, now)


async def current_grants(session: Session, person_id: UUID) -> tuple[Grant, ...]:
    """Return the roles that a person holds now, as they go into a token."""
    rows = await repository.list_current_grants(session, person_id, utc_now())
    return tuple(Grant(Role(row.role), row.area_path, row.unit_id, row.area_id) for row in rows)


def grant_view(grant: RoleGrant, now: datetime) -> GrantView:
    """Represent a grant as it is at an instant."""
    return GrantView(
        id=grant.id,
        role=Role(grant.role),
        area_id=grant.area_id,
        area_path=grant.area_path,
        unit_id=grant.unit_id,
        starts_at=grant.starts_at,
        ends_at=grant.ends_at,
        active=grant.starts_at <= now and (grant.ends_at is None or now < grant.ends_at),
        granted_by=grant.granted_by,
        version=grant.version,
    )


async def _must_be_possible(session: WriteSession, caller: Principal, new: NewGrant, starts_at: datetime) -> None:
    """Check the role, its unit and its period."""
    if not is_grantable(new.role):
        raise RoleNotGrantable(pointer="/role")
    if new.unit_id is None and acts_for_unit(new.role):
        raise UnitRequired(pointer="/unit_id")
    if new.unit_id is not None:
        # Whoever acts for a unit acts for all of it, so the unit must lie within the caller's reach as well.
        must_administer(caller, (await active_unit_to_use(session, new.unit_id)).area_path)
    if new.ends_at is not None and new.ends_at <= starts_at:
        raise WrongPeriod(pointer="/ends_at")


def _must_be_new(held: Sequence[RoleGrant], new: NewGrant) -> None:
    """Refuse what they hold already, and more than fits into a token."""
    if any((grant.role, grant.area_id, grant.unit_id) == (new.role, new.area_id, new.unit_id) for grant in held):
        raise GrantExists
    if len(held) >= GRANTS_MAX:
        raise TooManyGrants
