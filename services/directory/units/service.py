"""Registering, changing and finding units."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.directory.areas.service import open_area_to_use, path_of
from services.directory.personal.repository import record_disclosure
from services.directory.personal.rules import mask_phone
from services.directory.reach import READERS, may_administer, must_administer
from services.directory.units import repository
from services.directory.units.models import Unit
from services.directory.units.rules import UnitInactive, UnitKind, UnknownUnit
from services.directory.units.schemas import NewUnit, UnitChange, UnitView
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.directory import UnitChanged
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import Forbidden, IdTaken, NotFound
from shared.texts import Text
from shared.vault import Place, Vault
from shared.web import check_version

__all__ = ["active_unit_to_use", "change_unit", "list_units", "read_unit", "register_unit", "view"]

_PHONE: Final = "units.contact_phone"


async def register_unit(session: WriteSession, caller: Principal, new: NewUnit, vault: Vault) -> tuple[UnitView, bool]:
    """Register a unit at an area that the caller manages.

    Returns:
        The unit, and whether it is new; asking again with the same id and content gives the same unit.
    """
    unit_id = new.id or new_id()
    digest = vault.digest(session.tenant, new.model_dump(mode="json", exclude={"id"}))
    known = await repository.find_unit(session, unit_id)
    if known is None:
        area = await open_area_to_use(session, new.area_id)
        must_administer(caller, area.path)
        values = {
            "id": unit_id,
            "kind": new.kind,
            "name": new.name,
            "area_id": area.id,
            "area_path": area.path,
            "contact_name": new.contact_name,
            "contact_phone": _sealed(vault, session.tenant, unit_id, new.contact_phone),
            "active": True,
            "digest": digest,
            "version": 1,
            "created_at": utc_now(),
        }
        if await repository.insert_unit(session, values):
            return view(await _announce(session, unit_id), vault), True
        known = await repository.find_unit(session, unit_id)
    if known is None:
        raise NotFound
    must_administer(caller, known.area_path)
    if known.digest != digest:
        raise IdTaken(pointer="/id")
    return view(known, vault), False


async def change_unit(
    session: WriteSession, caller: Principal, unit_id: UUID, expected: int, change: UnitChange, vault: Vault
) -> UnitView:
    """Change a unit, or take it out of use and back."""
    unit = await repository.find_unit(session, unit_id, lock=True)
    if unit is None:
        raise NotFound
    must_administer(caller, unit.area_path)
    check_version(expected, unit.version, view(unit, vault))
    for name in change.model_fields_set - {"contact_phone"}:
        setattr(unit, name, getattr(change, name))
    if "contact_phone" in change.model_fields_set:
        unit.contact_phone = _sealed(vault, session.tenant, unit_id, change.contact_phone)
    unit.version += 1
    await session.flush()
    return view(await _announce(session, unit_id), vault)


async def read_unit(
    session: WriteSession, caller: Principal, unit_id: UUID, purpose: str | None, vault: Vault
) -> UnitView:
    """Return one unit; its phone in the clear when a purpose is stated, which is written down."""
    unit = await repository.find_unit(session, unit_id)
    if unit is None:
        raise NotFound
    if purpose is None or unit.contact_phone is None:
        return view(unit, vault)
    if not (may_administer(caller, unit.area_path) or caller.has(*READERS, at=unit.area_path)):
        raise Forbidden(
            Text(zh="需要该区域的工作人员", en="This takes a member of staff at the unit's area"),
            rule="disclose_contact",
        )
    await record_disclosure(
        session, subject_kind="unit", subject_id=unit.id, field="contact_phone", purpose=purpose, actor=caller.actor
    )
    return view(unit, vault, clear=True)


async def list_units(
    session: Session,
    *,
    under: UUID | None,
    kind: UnitKind | None,
    active: bool | None,
    text: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Unit]:
    """Return units in the order in which they were registered."""
    path = await path_of(session, under)
    return await repository.list_units(
        session, under=path, kind=kind, active=active, text=text, after=after, limit=limit
    )


async def active_unit_to_use(session: WriteSession, unit_id: UUID) -> Unit:
    """Return the active unit that a body names."""
    unit = await repository.find_unit(session, unit_id)
    if unit is None:
        raise UnknownUnit(pointer="/unit_id")
    if not unit.active:
        raise UnitInactive(pointer="/unit_id")
    return unit


def view(unit: Unit, vault: Vault, *, clear: bool = False) -> UnitView:
    """Represent a unit, its phone masked or in the clear."""
    phone = None
    if unit.contact_phone is not None:
        phone = vault.unseal(unit.contact_phone, Place(unit.tenant_id, _PHONE, unit.id))
        phone = phone if clear else mask_phone(phone)
    return UnitView(
        id=unit.id,
        kind=UnitKind(unit.kind),
        name=unit.name,
        area_id=unit.area_id,
        area_path=unit.area_path,
        contact_name=unit.contact_name,
        contact_phone=phone,
        active=unit.active,
        version=unit.version,
    )


def _sealed(vault: Vault, tenant: str, unit_id: UUID, phone: str | None) -> bytes | None:
    return None if phone is None else vault.seal(phone, Place(tenant, _PHONE, unit_id))


async def _announce(session: WriteSession, unit_id: UUID) -> Unit:
    """Tell the other services how the unit is now; returns it."""
    unit = await repository.find_unit(session, unit_id)
    if unit is None:
        raise NotFound
    await publish(
        session,
        f"unit/{unit.id}",
        UnitChanged(
            unit_id=unit.id,
            name=unit.name,
            kind=unit.kind,
            area_id=unit.area_id,
            area_path=unit.area_path,
            active=unit.active,
        ),
    )
    return unit
