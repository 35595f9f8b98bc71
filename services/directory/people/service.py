"""Registering, changing and finding people."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from services.directory.areas.models import Area
from services.directory.areas.repository import find_root
from services.directory.areas.rules import UnknownArea
from services.directory.areas.service import open_area_to_use, path_of
from services.directory.devices.service import refresh_reach
from services.directory.people import repository
from services.directory.people.grants import grant_view
from services.directory.people.models import Person
from services.directory.people.passwords import Passwords
from services.directory.people.rules import PhoneTaken, UsernameTaken
from services.directory.people.schemas import NewPerson, PersonChange, PersonDetail, PersonSearch, PersonView
from services.directory.personal.repository import record_disclosure
from services.directory.personal.rules import mask_phone
from services.directory.reach import may_administer, must_administer, readable_paths
from services.directory.signin.repository import revoke_sessions_of
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, Invalid, NotFound
from shared.texts import Text
from shared.vault import Place, Vault
from shared.web import check_version

__all__ = [
    "change_person",
    "detail",
    "list_people",
    "phone_columns",
    "phone_index",
    "read_person",
    "register_person",
    "search_person",
    "view",
    "visible_person",
]

_PHONE: Final = "people.phone"


async def register_person(
    session: WriteSession, caller: Principal, new: NewPerson, vault: Vault, passwords: Passwords
) -> tuple[PersonDetail, bool]:
    """Register somebody at an area that the caller manages.

    Returns:
        The person, and whether they are new; asking again with the same id and content gives the same person.
    """
    person_id = new.id or new_id()
    # Without the password: a quick keyed hash of it would undo what the slow one is for.
    digest = vault.digest(session.tenant, new.model_dump(mode="json", exclude={"id", "password"}))
    known = await repository.find_person(session, person_id)
    if known is None:
        area = await _area_for(session, new.area_id)
        must_administer(caller, area.path)
        values: dict[str, Any] = {
            "id": person_id,
            "display_name": new.display_name,
            "label": new.label,
            "area_id": area.id,
            "area_path": area.path,
            "username": new.username,
            "password_hash": await passwords.hash(new.password) if new.password else None,
            "digest": digest,
            "version": 1,
            "created_at": utc_now(),
            **phone_columns(vault, session.tenant, person_id, new.phone),
        }
        created = await repository.insert_person(session, values)
        known = await repository.find_person(session, person_id)
        if known is None:
            raise await _taken(session, values)
        if created:
            return await detail(session, known, vault), True
    must_administer(caller, known.area_path)
    if known.digest != digest:
        raise IdTaken(pointer="/id")
    return await detail(session, known, vault), False


async def change_person(
    session: WriteSession,
    caller: Principal,
    person_id: UUID,
    expected: int,
    change: PersonChange,
    vault: Vault,
    passwords: Passwords,
) -> PersonDetail:
    """Change a person; a new number, username or password ends all their sessions."""
    await visible_person(session, caller, person_id)
    person = await repository.find_person(session, person_id, lock=True)
    if person is None:
        raise NotFound
    await _must_reach_all_of(session, caller, person)
    check_version(expected, person.version, await detail(session, person, vault))
    values: dict[str, Any] = {name: getattr(change, name) for name in change.model_fields_set - {"phone", "password"}}
    if "phone" in change.model_fields_set:
        values |= phone_columns(vault, session.tenant, person_id, change.phone)
    if "password" in change.model_fields_set:
        values["password_hash"] = await passwords.hash(change.password) if change.password else None
    await _must_be_free(session, person, values)
    for name, value in values.items():
        setattr(person, name, value)
    if person.password_hash is not None and person.username is None:
        raise Invalid(Text(zh="设置密码需要用户名", en="A password needs a username"), pointer="/username")
    person.version += 1
    await session.flush()
    if "phone" in change.model_fields_set:
        await refresh_reach(session, person_id)
    if change.model_fields_set & {"phone", "username", "password"}:
        await revoke_sessions_of(session, person_id, because="credentials_changed", now=utc_now())
    return await detail(session, person, vault)


async def read_person(
    session: WriteSession, caller: Principal, person_id: UUID, purpose: str | None, vault: Vault
) -> PersonDetail:
    """Return one person whom the caller may see; a stated purpose, written down, shows the number in the clear."""
    person = await visible_person(session, caller, person_id)
    if purpose is not None and person.phone is not None:
        await record_disclosure(
            session, subject_kind="person", subject_id=person.id, field="phone", purpose=purpose, actor=caller.actor
        )
        return await detail(session, person, vault, clear=True)
    return await detail(session, person, vault)


async def search_person(session: WriteSession, caller: Principal, wanted: PersonSearch, vault: Vault) -> PersonDetail:
    """Return the person with a number, if the caller may see them; that they were looked for is written down."""
    person = await repository.find_person_by_phone(session, phone_index(vault, session.tenant, wanted.phone))
    if person is None:
        raise NotFound
    await visible_person(session, caller, person.id)
    await record_disclosure(
        session,
        subject_kind="person",
        subject_id=person.id,
        field="phone_index",
        purpose=wanted.purpose,
        actor=caller.actor,
    )
    return await detail(session, person, vault)


async def list_people(
    session: Session, caller: Principal, *, under: UUID | None, text: str | None, after: UUID | None, limit: int
) -> Sequence[Person]:
    """Return the people whom the caller may see."""
    return await repository.list_people(
        session,
        visible=readable_paths(caller),
        under=await path_of(session, under),
        text=text,
        now=utc_now(),
        after=after,
        limit=limit,
    )


async def visible_person(session: Session, caller: Principal, person_id: UUID) -> Person:
    """Return a person whom the caller may see: themselves, or who lives or holds a role in an area of the caller's."""
    person = await repository.find_person(session, person_id)
    if person is None:
        raise NotFound
    visible = readable_paths(caller)
    if visible is None or caller.subject_id == person_id:
        return person
    places = [person.area_path]
    places += [grant.area_path for grant in await repository.list_current_grants(session, person_id, utc_now())]
    if not any(place == path or place.startswith(path + ".") for place in places for path in visible):
        raise NotFound
    return person


async def detail(session: Session, person: Person, vault: Vault, *, clear: bool = False) -> PersonDetail:
    """Represent a person with their grants."""
    now = utc_now()
    grants = [grant_view(grant, now) for grant in await repository.list_grants(session, person.id)]
    return PersonDetail(**view(person, vault, clear=clear).model_dump(), grants=grants)


def view(person: Person, vault: Vault, *, clear: bool = False) -> PersonView:
    """Represent a person, the number masked or in the clear."""
    phone = None
    if person.phone is not None:
        phone = vault.unseal(person.phone, Place(person.tenant_id, _PHONE, person.id))
        phone = phone if clear else mask_phone(phone)
    return PersonView(
        id=person.id,
        display_name=person.display_name,
        label=person.label,
        area_id=person.area_id,
        area_path=person.area_path,
        phone=phone,
        username=person.username,
        version=person.version,
    )


def phone_index(vault: Vault, tenant: str, phone: str) -> bytes:
    """Return the blind index of a person's number."""
    return vault.index(tenant, "phone", phone)


def phone_columns(vault: Vault, tenant: str, person_id: UUID, phone: str | None) -> dict[str, bytes | None]:
    """Return the columns in which a number is kept."""
    if phone is None:
        return {"phone": None, "phone_index": None}
    sealed = vault.seal(phone, Place(tenant, _PHONE, person_id))
    return {"phone": sealed, "phone_index": phone_index(vault, tenant, phone)}


async def _area_for(session: WriteSession, area_id: UUID | None) -> Area:
    """Return the open area that a person is registered at; the topmost one when none is named."""
    if area_id is None:
        root = await find_root(session)
        if root is None:
            raise UnknownArea(pointer="/area_id")
        area_id = root.id
    return await open_area_to_use(session, area_id)


async def _must_reach_all_of(session: Session, caller: Principal, person: Person) -> None:
    """Refuse whoever does not manage every area in which the person has a say: credentials are a way to act as them."""
    grants = await repository.list_current_grants(session, person.id, utc_now(), with_future=True)
    for path in {person.area_path, *(grant.area_path for grant in grants)}:
        if not may_administer(caller, path):
            raise Forbidden(
                Text(zh="此人在您管理范围之外拥有角色", en="They live or hold a role outside your areas"),
                rule="administer_person",
            )


async def _must_be_free(session: Session, person: Person, values: dict[str, Any]) -> None:
    """Refuse a number or a username that is somebody else's."""
    if values.get("phone_index") not in {None, person.phone_index} and await repository.find_person_by_phone(
        session, values["phone_index"]
    ):
        raise PhoneTaken(pointer="/phone")
    if values.get("username") not in {None, person.username} and await repository.find_person_by_username(
        session, values["username"]
    ):
        raise UsernameTaken(pointer="/username")


async def _taken(session: Session, values: dict[str, Any]) -> PhoneTaken | UsernameTaken:
    """Tell which of a new person's unique values is somebody else's."""
    index = values["phone_index"]
    if index is not None and await repository.find_person_by_phone(session, index) is not None:
        return PhoneTaken(pointer="/phone")
    return UsernameTaken(pointer="/username")
